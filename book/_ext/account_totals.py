"""The accounts counted: verdicts by chapter, flags, and what chance alone would decide."""

from collections import Counter
from collections.abc import Iterable

import flags
from account_tables import Entry, anchor, badge, by_chapter, flag, table, verdict
from accounts import VERDICTS, Claim


def totals(entries: Iterable[Entry], kind: str) -> str:
    """A row a chapter, a column a verdict, all of them in the last row; a chapter's name leads to its table below.

    `kind`: "claims", or of results "theory" or "published".
    """
    verdicts = VERDICTS if kind == "claims" else ("pass", "miss")
    counts = {chapter: Counter(map(verdict, part)) for chapter, part in by_chapter(entries).items()}
    rows = [[_row_name(chapter, kind), *_counted(count, verdicts)] for chapter, count in counts.items()]
    rows += [["**all**", *(n and f"**{n}**" for n in _counted(sum(counts.values(), Counter()), verdicts))]]
    return table(["Chapter", *map(badge, verdicts), "all"], rows)


def flags_table(claims: Iterable[Claim]) -> str:
    """A row a flag: what it says, and how many claims have it, all of them and those that hold or fail."""
    found = [(claim.computed(), flags.flags(claim)) for claim in claims]
    rows = []
    for name, meaning in flags.FLAGS.items():
        having = [said for said, names in found if name in names]
        rows.append([flag(name), meaning, str(len(having)), str(sum(said in ("holds", "fails") for said in having))])
    return table(["Flag", "What it says", "claims", "that hold or fail"], rows)


def chance(claims: Iterable[Claim]) -> str:
    """How many verdicts on a measure would come about by chance."""
    measured = [claim for claim in claims if not claim.awaited]
    judged = [(measure.compute(), claim.judged(measure)) for claim in measured for measure in claim.measures]
    uncertain = [said for value, said in judged if value.seeds]
    decided = sum(said != "open" for said in uncertain)
    return (
        f"Of {len(judged)} measures {len(uncertain)} have a 95 % interval, and {decided} of these are decided. "
        f"If each of the {len(uncertain)} truths lay exactly at its threshold, chance would decide one in twenty "
        f"all the same: about {0.05 * len(uncertain):.0f}, half of them confirmed, half refuted."
    )


def _row_name(chapter: str, kind: str) -> str:
    return f"[{chapter.split('-')[0].lstrip('0')}](#{anchor(chapter, kind)}) {{doc}}`/book/{chapter}`"


def _counted(count: Counter, verdicts: Iterable[str]) -> list[str]:
    return [str(count[name] or "") for name in verdicts] + [str(count.total())]
