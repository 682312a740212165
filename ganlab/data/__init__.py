"""What do they play over? 2-D mixtures whose modes are known, and real images in a declared range.

`load(name)` gives a `Dataset`: samples with their range and labels, or a law to draw them from. This wing knows nothing
of networks or training, and downloads nothing unless it is asked for a set that is not on the disk.
"""

from ganlab.data.catalogue import (
    DATASETS,
    FITS,
    digits,
    faces,
    fashion_mnist,
    load,
    mnist,
    stacked_digits,
)
from ganlab.data.dataset import Dataset, Range, check_range
from ganlab.data.mixtures import grid, ring, swiss_roll
from ganlab.data.pictures import folder
from ganlab.data.stacked import stack

__all__ = [
    "DATASETS", "FITS", "Dataset", "Range", "check_range", "digits", "faces", "fashion_mnist", "folder", "grid",
    "load", "mnist", "ring", "stack", "stacked_digits", "swiss_roll",
]  # fmt: skip
