"""How do they learn? The loop, for one GAN or for many seeds at once, and all that a recipe can turn.

`Trainer(G, D, data, Recipe(...), seeds=...)` trains, samples and saves; `Trainer.play` is the whole algorithm. A
`Recipe` is how to train, as a value; a `Rule` turns one of its numbers while training goes on; `checkpoint` writes
files that are whole or not there; `vae` is the autoencoder that the book compares with. This wing knows nothing of
figures or of what a run is worth.
"""

from ganlab.train import checkpoint, vae
from ganlab.train.average import WeightAverage
from ganlab.train.balance import KNOBS, RULES, SIGNALS, Controller, Rule
from ganlab.train.checkpoint import CheckpointError
from ganlab.train.cures import Cures
from ganlab.train.loader_stream import LoaderStream
from ganlab.train.optimizers import OPTIMIZERS
from ganlab.train.precision import Precision
from ganlab.train.recipe import NOISES, PLAYERS, Recipe
from ganlab.train.schedule import Schedule
from ganlab.train.stream import Stream
from ganlab.train.trainer import Trainer

__all__ = [
    "KNOBS",
    "NOISES",
    "OPTIMIZERS",
    "PLAYERS",
    "RULES",
    "SIGNALS",
    "CheckpointError",
    "Controller",
    "Cures",
    "LoaderStream",
    "Precision",
    "Recipe",
    "Rule",
    "Schedule",
    "Stream",
    "Trainer",
    "WeightAverage",
    "checkpoint",
    "vae",
]  # fmt: skip
