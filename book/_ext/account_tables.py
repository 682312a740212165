"""The accounts as Markdown tables: the same text for the web book's boxes and pages and for the Colab notebooks."""

import re
from collections import Counter
from collections.abc import Iterable

import spark
from accounts import VERDICTS, Claim, Reproduction
from measures import Measure
from values import Value, band

Entry = Claim | Reproduction

MARKS = {"holds": "✓", "fails": "✗", "depends": "◐", "undecided": "?", "open": "?", "not measurable": "○"}
MARKS |= {"pass": "✓", "miss": "✗"}


def claims_table(claims: Iterable[Claim], sparks: bool = False) -> str:
    """A row a claim: what is claimed, the verdict and why, the numbers; `sparks` draws each number."""
    rows = []
    for claim in claims:
        verdict = claim.computed()
        said = f"**{claim.id}** {claim.statement}"
        judged = f"{badge(verdict)}<br>{claim.reason}"
        numbers = "<br>".join(_claimed_number(measure, sparks) for measure in claim.measures) or "none"
        rows.append([said, judged, numbers])
    return table(["Claim", "Verdict", "Measured"], rows)


def reproductions_table(entries: Iterable[Reproduction], cite, sparks: bool = False) -> str:
    """A row a result. `cite(key)` is the Markdown that names a source; `sparks` draws each number."""
    rows = []
    for entry in entries:
        value = entry.measure.compute()
        ours = f"**{value}**{_seeds(value)}<br>`{entry.measure.source}`"
        what = entry.what + (f"<br>{entry.note}" if entry.note else "")
        source = "exact" if entry.source == "exact" else cite(entry.source)
        verdict = badge(_verdict(entry))
        drawn = f"{spark.svg(value, entry.band)}" if sparks else ""
        rows.append([what, f"{entry.published}<br>{source}", ours + drawn, _band(entry), verdict])
    return table(["Result", "Published", "Here", "Band", "Verdict"], rows)


def by_chapter(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """The entries under the first chapter that each names, in the order of the book."""
    chapters: dict[str, list[Entry]] = {}
    for entry in entries:
        chapters.setdefault(entry.chapter[0], []).append(entry)
    return dict(sorted(chapters.items()))


def totals(entries: Iterable[Entry], kind: str) -> str:
    """A row a chapter, a column a verdict, all of them in the last row; a chapter's name leads to its table below.

    `kind`: "claims" or "reproductions".
    """
    verdicts = {"claims": VERDICTS, "reproductions": ("pass", "miss")}[kind]
    counts = {chapter: Counter(map(_verdict, part)) for chapter, part in by_chapter(entries).items()}
    rows = [[_row_name(chapter, kind), *_counted(count, verdicts)] for chapter, count in counts.items()]
    rows += [["**all**", *(n and f"**{n}**" for n in _counted(sum(counts.values(), Counter()), verdicts))]]
    return table(["Chapter", *map(badge, verdicts), "all"], rows)


def anchor(chapter: str, kind: str) -> str:
    """The label of a chapter's table on the page of all claims, or of all reproductions."""
    return f"{kind}-{chapter}"


def _row_name(chapter: str, kind: str) -> str:
    return f"[{chapter.split('-')[0].lstrip('0')}](#{anchor(chapter, kind)}) {{doc}}`/book/{chapter}`"


def _counted(count: Counter, verdicts: Iterable[str]) -> list[str]:
    return [str(count[verdict] or "") for verdict in verdicts] + [str(count.total())]


def _verdict(entry: Entry) -> str:
    if isinstance(entry, Claim):
        return entry.computed()
    return "pass" if entry.computed() else "miss"


def badge(verdict: str) -> str:
    """The verdict in words with a sign, so that it can be read without its colour."""
    return f'<span class="verdict verdict-{verdict.replace(" ", "-")}">{MARKS[verdict]} {verdict}</span>'


def _claimed_number(measure: Measure, drawn: bool) -> str:
    value = measure.compute()
    mark = MARKS[measure.verdict()]
    picture = f"{spark.svg(value, band(measure.threshold))}" if drawn else ""
    return (
        f"{mark} {measure.label}: **{value}**{_seeds(value)}, claimed {measure.threshold} `{measure.source}`{picture}"
    )


def _seeds(value: Value) -> str:
    return f", {value.runs}" if value.runs else ""


def _band(entry: Reproduction) -> str:
    low, high = entry.band.low, entry.band.high
    if low == float("-inf"):
        return f"at most {high:g}"
    return f"at least {low:g}" if high == float("inf") else f"{low:g} to {high:g}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; a bar or a line break in a cell does not end it."""
    lines = [[_in_a_cell(text) for text in row] for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _in_a_cell(text: str) -> str:
    """A bar becomes `\\vert` in math, where some readers take `\\|` for a norm, and `\\|` elsewhere."""
    math = re.sub(r"\$[^$]+\$", lambda m: m[0].replace(r"\|", r"\Vert ").replace("|", r"\vert "), text)
    return math.replace("|", r"\|").replace("\n", " ")
