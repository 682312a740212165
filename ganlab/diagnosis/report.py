"""What the doctor says: findings, surest first, as text, as HTML and as a dict."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

HEALTHY, UNKNOWN = "healthy", "unknown"
# On games that nobody had set rules on, first findings above it were right nine times in ten, others four (chapter 17,
# by which it was set): certainties of the two kinds of rules lie on its two sides.
SURE = 0.7


@dataclass(frozen=True)
class Finding:
    """One cause, and what speaks for it.

    >>> from ganlab.diagnosis import Finding
    >>> print(Finding("detached", "No gradient reaches G.", "seen in all steps", "g_loss(D(G(z)))", 0.95))
    detached (95% sure): No gradient reaches G.
      seen: seen in all steps
      type: g_loss(D(G(z)))

    Attributes:
        cause: an id in `ganlab.diagnosis.CAUSES`, "healthy" or "unknown".
        title: the cause in a sentence.
        evidence: what was measured, in a sentence.
        fix: what to type or to change; empty where there is nothing to mend.
        certainty: how often findings of such a rule are right (`ganlab.diagnosis.certainty`); of "healthy" and of
            "unknown" how often such games are healthy.
        page: the chapter that has it; empty for none.
        alternatives: the other causes that were thought of, surest first.
    """

    cause: str
    title: str
    evidence: str
    fix: str
    certainty: float
    page: str = ""
    alternatives: tuple[str, ...] = ()

    @property
    def suspected(self) -> bool:
        """Whether it is a suspicion alone: a cause that the doctor is less than 0.7 sure of.

        >>> from ganlab.diagnosis import Finding
        >>> [Finding(cause, "", "", "", 0.6).suspected for cause in ("collapse", "unknown")]
        [True, False]
        """
        return self.certainty < SURE and self.cause not in (HEALTHY, UNKNOWN)

    @property
    def _sure(self) -> str:
        """Of "unknown" nothing: that is sure."""
        return "" if self.cause == UNKNOWN else f"{'suspected, ' * self.suspected}{self.certainty:.0%}"

    @property
    def _name(self) -> str:
        return self.cause + f" ({self._sure} sure)" * bool(self._sure)

    def __str__(self) -> str:
        lines = [f"{self._name}: {self.title}", f"  seen: {self.evidence}"]
        lines += ["  type: " + self.fix.replace("\n", "\n        ")] if self.fix else []
        lines += [f"  read: {self.page}"] if self.page else []
        return "\n".join(lines)


class Diagnosis:
    """What is wrong with one GAN, surest first. There is always one finding: "healthy" and "unknown" are answers.

    >>> from ganlab.diagnosis import Diagnosis, Finding
    >>> diagnosis = Diagnosis([Finding("healthy", "Nothing found.", "no rule fires", "", 0.9)], step=200)
    >>> print(diagnosis)
    after 200 steps
    healthy (90% sure): Nothing found.
      seen: no rule fires
    >>> diagnosis.cause, diagnosis.sick
    ('healthy', False)

    Args:
        findings: surest first.
        step: the last step that was measured.
        seed: which network of a population; None: there is one.
    """

    def __init__(self, findings: Iterable[Finding], step: int, seed: Any = None):
        self.findings, self.step, self.seed = list(findings), step, seed

    @property
    def cause(self) -> str:
        """The surest."""
        return self.findings[0].cause

    @property
    def sick(self) -> bool:
        """Whether a cause was found, or is suspected."""
        return self.cause not in (HEALTHY, UNKNOWN)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __getitem__(self, place: int) -> Finding:
        return self.findings[place]

    def __len__(self) -> int:
        return len(self.findings)

    def line(self) -> str:
        """One line for a live display."""
        best = self.findings[0]
        return f"step {self.step}: {best._name}: {best.evidence}"

    def as_dict(self) -> dict[str, Any]:
        """For a program or a JSON file."""
        return {"step": self.step, "seed": self.seed, "findings": [asdict(finding) for finding in self.findings]}

    def __str__(self) -> str:
        whose = "" if self.seed is None else f", seed {self.seed}"
        return "\n".join([f"after {self.step} steps{whose}", *map(str, self.findings)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{one._sure}</td><td><b>{escape(one.cause)}</b><br>{escape(one.title)}</td>"
            f"<td>{escape(one.evidence)}</td><td><pre>{escape(one.fix)}</pre></td><td>{escape(one.page)}</td></tr>"
            for one in self.findings
        )
        whose = "" if self.seed is None else f", seed {escape(str(self.seed))}"
        head = "".join(f"<th>{name}</th>" for name in ("sure", "cause", "seen", "type", "read"))
        return f"<table><caption>After {self.step} steps{whose}</caption><tr>{head}</tr>{rows}</table>"
