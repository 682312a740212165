"""The accounts as Markdown tables: the same text for the web book's boxes and pages and for the Colab notebooks."""

import re
from collections.abc import Iterable, Mapping

import anchors
import flags
import replicated_on
import spark
from accounts import Claim, Reproduction
from measures import Measure
from replicated_on import Repetition
from values import Value, band

Entry = Claim | Reproduction

MARKS = {"holds": "✓", "fails": "✗", "depends": "◐", "undecided": "?", "open": "?", "not measurable": "○"}
MARKS |= {"not yet measured": "…"}
MARKS |= {"pass": "✓", "miss": "✗"}


def claims_table(claims: Iterable[Claim], cite, repeated: Mapping[str, list[Repetition]], in_full: bool = False) -> str:
    """A row a claim: what is claimed and after whom, the verdict and why, the numbers, where they were repeated.

    `cite(key)` is the Markdown that names a source; `repeated` is of `replicated_on`. `in_full`: each number is drawn,
    and what changed in a repetition has a column of its own.
    """
    rows = []
    for claim in claims:
        said = f"**{claim.id}** {claim.statement}"
        if claim.source:
            said += f"<br>after {', '.join(map(cite, claim.source))}"
        marks = " ".join([badge(claim.computed()), *(HEADLINE,) * claim.headline, *map(flag, flags.flags(claim))])
        judged = f"{marks}<br>{claim.reason}"
        numbers = "<br>".join(_claimed_number(claim, measure, in_full) for measure in claim.measures) or "none"
        again = repeated.get(claim.id, [])
        if in_full:
            rows.append([said, judged, numbers, replicated_on.in_full(claim, again)])
        else:
            short = replicated_on.in_short(claim, again)
            rows.append([said, judged + (f"<br>*Replicated* on {short}." if short else ""), numbers])
    return table(["Claim", "Verdict", "Measured", *["Replicated on"] * in_full], rows)


def reproductions_table(entries: Iterable[Reproduction], cite, sparks: bool = False) -> str:
    """A row a result. `cite(key)` is the Markdown that names a source; `sparks` draws each number."""
    rows = []
    for entry in entries:
        value = entry.measure.compute()
        ours = f"**{value}**{_runs(value)}<br>`{entry.measure.source}`"
        what = entry.what + (f"<br>{entry.note}" if entry.note else "")
        drawn = f"{spark.svg(value, entry.band)}" if sparks else ""
        rows.append([what, _theirs(entry, cite), ours + drawn, _band(entry), badge(verdict(entry))])
    return table(["Result", "Expected", "Here", "Band", "Verdict"], rows)


def _theirs(entry: Reproduction, cite) -> str:
    """The value to meet and whose it is. Only what somebody measured is called published."""
    if entry.kind == "published":
        return f"{entry.published}<br>published, {cite(entry.source)}"
    return f"{entry.exact}<br>exact" + ("" if entry.source == "exact" else f", {cite(entry.source)}")


def by_chapter(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """The entries under the first chapter that each names, in the order of the book."""
    chapters: dict[str, list[Entry]] = {}
    for entry in entries:
        chapters.setdefault(entry.chapter[0], []).append(entry)
    return dict(sorted(chapters.items()))


def anchor(chapter: str, kind: str) -> str:
    """The label of a chapter's table on the page of all claims, or of all reproductions."""
    return f"{kind}-{chapter}"


def verdict(entry: Entry) -> str:
    if isinstance(entry, Claim):
        return entry.computed()
    return "pass" if entry.computed() else "miss"


def badge(verdict: str) -> str:
    """The verdict in words with a sign, so that it can be read without its colour."""
    name = verdict.replace(" ", "-")
    return f'<span class="verdict verdict-{name}">{MARKS[verdict]} <span class="word">{verdict}</span></span>'


HEADLINE = '<span class="flag flag-headline">★ headline</span>'


def flag(name: str) -> str:
    """A flag in words; what it says stands in the table of flags."""
    return f'<span class="flag flag-{name.replace(" ", "-")}">⚑ {name}</span>'


def _claimed_number(claim: Claim, measure: Measure, drawn: bool) -> str:
    if claim.awaited:
        return (
            f"{measure.label}: claimed {measure.threshold} {', '.join(f'`{name}`' for name in sorted(measure.studies))}"
        )
    value, refused = measure.compute(claim.level), anchors.refusal(measure)
    mark = MARKS[claim.judged(measure)]
    picture = f"{spark.svg(value, band(measure.threshold))}" if drawn else ""
    wide = f" ({claim.level:.0%})" if claim.headline and (value.seeds or 0) > 1 else ""
    text = f"{mark} {measure.label}: **{value}**{wide}{_runs(value)}, claimed {measure.threshold}"
    if refused:
        text += f", refused: {refused}"
    if drawn:
        text += f"; {_anchors(measure)}"
    return f"{text} `{measure.source}`{picture}"


def _anchors(measure: Measure) -> str:
    """What the number would be if nothing worked and if all worked."""
    nothing, everything = anchors.anchors(measure)
    if nothing is None and everything is None:
        return "no anchor"
    return ", ".join(
        f"{words} {value:.3g}" if value is not None else f"{words} no anchor"
        for words, value in (("nothing:", nothing), ("all:", everything))
    )


def _runs(value: Value) -> str:
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
