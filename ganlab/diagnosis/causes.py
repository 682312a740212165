"""The register of causes: what a person sees, what it is, what to type, and where to read on.

The findings of the doctor, the symptom page of the book and the tests of both are made from it. A fix is code for an
ordinary loop, whose names are `G`, `D`, `optimizer_g`, `optimizer_d`, the batch `real`, the latents `z`, the samples
`fake = G(z)`, and the two losses `d_loss` and `g_loss`.

_causes_losses.py, _causes_gradients.py, _causes_samples.py, _causes_code.py: the causes themselves.
"""

from dataclasses import dataclass

from ganlab._check import lookup
from ganlab.diagnosis import _causes_code, _causes_gradients, _causes_losses, _causes_samples

# Where a person sees it first, and the title of that part of the symptom page.
GROUPS = {
    "losses": "The losses",
    "nan": "A loss becomes NaN",
    "gradients": "The gradients and the weights",
    "samples": "The samples",
    "code": "The code",
}


@dataclass(frozen=True)
class Cause:
    """Why a GAN does not train.

    >>> from ganlab.diagnosis import CAUSES
    >>> CAUSES["one-batch"].title
    'Every step sees the same real batch.'

    Attributes:
        id: a short name, for a program to look at.
        title: what is wrong, a sentence.
        sees: what a person sees who does not know it yet.
        fix: what to type, a line or two of Python that runs in an ordinary loop.
        page: the chapter of the book that has it.
        group: where a person sees it first, one of `GROUPS`.
    """

    id: str
    title: str
    sees: str
    fix: str
    page: str
    group: str


CAUSES: dict[str, Cause] = {
    row[0]: Cause(*row, group)
    for group, rows in (
        ("losses", _causes_losses.ROWS),
        ("nan", _causes_losses.NOT_FINITE),
        ("gradients", _causes_gradients.ROWS),
        ("samples", _causes_samples.ROWS),
        ("code", _causes_code.ROWS),
    )
    for row in rows
}


def cause(id: str) -> Cause:
    """The cause of that id.

    >>> from ganlab.diagnosis import cause
    >>> cause("detached").page
    '05-saturation'

    Raises:
        ValueError: there is none; the message lists those that there are.
    """
    return lookup(CAUSES, id, "cause")
