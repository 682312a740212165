"""The accounts counted: verdicts by chapter, flags, and what chance alone would decide."""

from collections import Counter
from collections.abc import Iterable, Mapping

import flags
import replicated_on
from account_tables import Entry, anchor, badge, by_chapter, flag, table, verdict
from accounts import VERDICTS, Claim
from values import LEVEL


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
    judged = [(claim, measure.compute(), claim.judged(measure)) for claim in measured for measure in claim.measures]
    uncertain = [(claim, said) for claim, value, said in judged if value.seeds]
    decided = sum(said != "open" for _, said in uncertain)
    heads = sum(claim.headline for claim, _ in uncertain)
    luck = sum(1 - claim.level for claim, _ in uncertain)
    return (
        f"Of {len(judged)} measures {len(uncertain)} have an interval, {heads} of them, those of the headline claims, "
        f"of 99 %, the others of 95 %; {decided} are decided. If each of the {len(uncertain)} truths lay exactly at "
        f"its threshold, chance would decide one in twenty all the same, and one in a hundred of the headline claims': "
        f"about {luck:.0f}, half of them confirmed, half refuted."
    )


def headlines(claims: Iterable[Claim], repeated: Mapping[str, list]) -> str:
    """A row a headline claim: the verdict at 99 %, what it would be at 95 %, where it was repeated."""
    rows = []
    for claim in claims:
        if claim.headline:
            usual = claim.computed(LEVEL)
            changed = "" if usual == claim.computed() else f"<br>*{usual}* at 95 %"
            again = replicated_on.in_short(claim, repeated.get(claim.id, [])) or "no"
            small = flag("small") if "small" in flags.flags(claim) else ""
            rows.append([f"**{claim.id}** {claim.statement}", f"{badge(claim.computed())} {small}{changed}", again])
    return table(["Headline claim", "Verdict at 99 %", "Replicated on"], rows)


def _row_name(chapter: str, kind: str) -> str:
    return f"[{chapter.split('-')[0].lstrip('0')}](#{anchor(chapter, kind)}) {{doc}}`/book/{chapter}`"


def _counted(count: Counter, verdicts: Iterable[str]) -> list[str]:
    return [str(count[name] or "") for name in verdicts] + [str(count.total())]
