"""The accounts as Markdown tables: the same text for the web book's boxes and pages and for the Colab notebooks."""

import re
from collections import Counter
from collections.abc import Iterable

from accounts import VERDICTS, Claim, Reproduction
from measures import Measure, Value

MARKS = {"holds": "✓", "fails": "✗", "depends": "◐", "open": "◐", "not measurable": "○", "pass": "✓", "miss": "✗"}


def claims_table(claims: Iterable[Claim], chapters: bool = False) -> str:
    """A row a claim: what is claimed, the verdict and why, the numbers. `chapters` adds links to the chapters."""
    rows = []
    for claim in claims:
        verdict = claim.computed()
        said = f"**{claim.id}** {claim.statement}"
        judged = f"{badge(verdict)}<br>{claim.reason}"
        numbers = "<br>".join(_claimed_number(measure) for measure in claim.measures) or "none"
        rows.append([said, judged, numbers, *([_links(claim.chapter)] if chapters else [])])
    return table(["Claim", "Verdict", "Measured", *(["Chapter"] if chapters else [])], rows)


def reproductions_table(entries: Iterable[Reproduction], cite, chapters: bool = False) -> str:
    """A row a result. `cite(key)` is the Markdown that names a source."""
    rows = []
    for entry in entries:
        value = entry.measure.compute()
        ours = f"**{value}**{_seeds(value)}<br>`{entry.measure.source}`"
        what = entry.what + (f"<br>{entry.note}" if entry.note else "")
        source = "exact" if entry.source == "exact" else cite(entry.source)
        verdict = badge("pass" if entry.computed() else "miss")
        row = [what, f"{entry.published}<br>{source}", ours, _band(entry), verdict]
        rows.append([*row, *([_links(entry.chapter)] if chapters else [])])
    return table(["Result", "Published", "Here", "Band", "Verdict", *(["Chapter"] if chapters else [])], rows)


def claims_total(claims: Iterable[Claim]) -> str:
    """ "12 claims: 5 ✓ holds, ..." with every verdict, in their fixed order."""
    counts = Counter(claim.computed() for claim in claims)
    parts = [f"{counts[verdict]} {badge(verdict)}" for verdict in VERDICTS]
    return f"{counts.total()} claims: {', '.join(parts)}."


def reproductions_total(entries: Iterable[Reproduction]) -> str:
    """ "9 results: 8 ✓ pass, 1 ✗ miss"."""
    counts = Counter("pass" if entry.computed() else "miss" for entry in entries)
    return f"{counts.total()} results: {counts['pass']} {badge('pass')}, {counts['miss']} {badge('miss')}."


def badge(verdict: str) -> str:
    """The verdict in words with a sign, so that it can be read without its colour."""
    return f'<span class="verdict verdict-{verdict.replace(" ", "-")}">{MARKS[verdict]} {verdict}</span>'


def _claimed_number(measure: Measure) -> str:
    value = measure.compute()
    mark = MARKS[measure.verdict()]
    return f"{mark} {measure.label}: **{value}**{_seeds(value)}, claimed {measure.threshold} `{measure.source}`"


def _seeds(value: Value) -> str:
    return f", {value.seeds} seeds" if value.seeds else ""


def _band(entry: Reproduction) -> str:
    low, high = entry.band.low, entry.band.high
    if low == float("-inf"):
        return f"at most {high:g}"
    return f"at least {low:g}" if high == float("inf") else f"{low:g} to {high:g}"


def _links(chapters: Iterable[str]) -> str:
    return "<br>".join(f"{{doc}}`/book/{chapter}`" for chapter in chapters)


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; a bar or a line break in a cell does not end it."""
    lines = [[_in_a_cell(text) for text in row] for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _in_a_cell(text: str) -> str:
    """A bar becomes `\\vert` in math, where some readers take `\\|` for a norm, and `\\|` elsewhere."""
    math = re.sub(r"\$[^$]+\$", lambda m: m[0].replace(r"\|", r"\Vert ").replace("|", r"\vert "), text)
    return math.replace("|", r"\|").replace("\n", " ")
