"""A doctor who looks on while a trainer trains, and says a line when what it thinks changes."""

from collections import Counter

from ganlab._progress import say
from ganlab.diagnosis import Diagnosis, diagnose
from ganlab.monitor import Monitor

WATCHED = 10  # steps between two that are measured
ASKED = 50  # steps between two looks, at least


class Doctor:
    """Made by `Trainer(..., diagnose=True)`; `trainer.monitor.diagnose()` has its whole answer at any time.

    >>> from ganlab import data, nets, train
    >>> G, D = nets.mlp_generator((2,)), nets.mlp_discriminator((2,))
    >>> recipe = train.Recipe(batch=64, lr_g=1e-7)
    >>> trainer = train.Trainer(G, D, data.load("ring"), recipe, diagnose=True)
    >>> _ = trainer.fit(50, progress=False)  # doctest: +ELLIPSIS
    step 50: rate-too-small ...
    >>> trainer.monitor.diagnose().findings[0].page
    '14-optimizers'

    Args:
        trainer: what to watch; every tenth step is measured, and not replayed from a recording.
    """

    def __init__(self, trainer):
        self.monitor = Monitor.watch(trainer, every=WATCHED, activations=True)
        self._said, self._next = "", ASKED

    def look(self, step: int) -> None:
        """Say something if it is time, and if there is something new."""
        if step < self._next:
            return
        self._next = step + ASKED
        found = diagnose(self.monitor)
        causes = summary(found)
        if causes != self._said:
            say(found.line() if isinstance(found, Diagnosis) else f"step {step}: {causes}")
        self._said = causes


def summary(found: Diagnosis | list[Diagnosis]) -> str:
    """The cause; of a population how many members have which, most frequent first."""
    if isinstance(found, Diagnosis):
        return found.cause
    counts = Counter(one.cause for one in found)
    return ", ".join(f"{cause} in {count} of {len(found)}" for cause, count in counts.most_common())
