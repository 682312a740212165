"""The bibliography's entries as text: short names for the running sentence, full lines for a list of references."""

import re
from functools import cache
from pathlib import Path

from pybtex.database import Entry, parse_file

BIB = Path(__file__).resolve().parents[1] / "references.bib"


@cache
def entries(path: Path = BIB) -> dict[str, Entry]:
    """Every entry by its key."""
    return dict(parse_file(str(path)).entries)


def short(key: str, parentheses: bool = False) -> str:
    """`Goodfellow et al. (2014)`, or with `parentheses` `(Goodfellow et al., 2014)`."""
    entry = _entry(key)
    names = [_plain(" ".join(person.prelast_names + person.last_names)) for person in _people(entry)]
    who = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
    year = entry.fields["year"]
    return f"({who}, {year})" if parentheses else f"{who} ({year})"


def markdown(key: str) -> str:
    """One line of a list of references, with its link."""
    entry = _entry(key)
    names = [_plain(" ".join([*person.first_names, *person.prelast_names, *person.last_names]))
             for person in _people(entry)]  # fmt: skip
    who = ", ".join(names) if len(names) < 7 else f"{names[0]} and {len(names) - 1} others"
    fields = entry.fields
    venue = next((fields[name] for name in ("journal", "booktitle", "howpublished", "publisher") if name in fields), "")
    if "eprint" in fields and "eprint" not in venue.lower() and not venue:
        venue = f"arXiv {fields['eprint']}"
    title = f"[{_plain(fields['title'])}]({link(key)})"
    return f"{who} ({fields['year']}). {title}." + (f" *{_plain(venue)}*." if venue else "")


def link(key: str) -> str:
    """The entry's `url`, or its `doi` as one."""
    fields = _entry(key).fields
    if "url" not in fields and "doi" not in fields:
        raise ValueError(f"references.bib: {key} has neither url nor doi")
    return fields.get("url") or f"https://doi.org/{fields['doi']}"


def _entry(key: str) -> Entry:
    if key not in entries():
        raise ValueError(f"references.bib has no entry {key!r}")
    return entries()[key]


def _people(entry: Entry) -> list:
    return entry.persons.get("author") or entry.persons.get("editor") or []


def _plain(text: str) -> str:
    """The text without LaTeX braces; accents written as LaTeX become letters."""
    if "\\" in text:
        import codecs

        import latexcodec  # noqa: F401  registers the codec

        text = codecs.decode(text, "ulatex")
    return re.sub(r"[{}]", "", text)


def cite(key: str) -> str:
    """The MyST Markdown that names a work in the text."""
    return f"{{cite:t}}`{key}`"
