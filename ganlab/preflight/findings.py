"""What a check found: sentences, worst first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LEVELS = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One sentence on what would go wrong.

    >>> from ganlab.preflight import Finding
    >>> print(Finding("error", "eval", "D is in eval mode.", "D.train()"))
    error: D is in eval mode. Fix: D.train()

    Attributes:
        level: "error": it will not train like this; "warning": it often costs; "note": worth knowing.
        cause: a short name, for a program to look at.
        sentence: what was seen.
        fix: what to type or to change.
    """

    level: str
    cause: str
    sentence: str
    fix: str

    def __str__(self) -> str:
        return f"{self.level}: {self.sentence} Fix: {self.fix}"


class Report:
    """The findings of a check, worst first. Empty, and then false, if there is nothing to say.

    >>> from ganlab.preflight import Report
    >>> report = Report([])
    >>> print(report, report.ok, len(report))
    nothing found True 0

    Args:
        findings: in the order in which they were found.
    """

    def __init__(self, findings: Iterable[Finding]):
        self.findings = sorted(findings, key=lambda finding: LEVELS.index(finding.level))

    @property
    def ok(self) -> bool:
        """Whether no error is among them."""
        return not any(finding.level == "error" for finding in self.findings)

    @property
    def causes(self) -> list[str]:
        return [finding.cause for finding in self.findings]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "nothing found"

    __repr__ = __str__
