"""What goes into the generator? Laws of z, priors in front of G, labels, noise in its layers, and the choice of z.

A law is a name in `LATENTS`; what has parts of its own is a module around G (`FittedLatent`, `MixtureLatent`,
`Conditional`, `NoisyLayers`), or around a network that takes labels (`Apart`). `truncated` and `rejection_sample` trade
variety for quality after training. This wing knows nothing of losses or of the loop.
"""

from ganlab.latent.conditional import Apart, Conditional, classes, join, labelled, separate
from ganlab.latent.laws import LATENTS, normal, truncated, uniform
from ganlab.latent.layer_noise import NoisyLayers
from ganlab.latent.priors import FittedLatent, MixtureLatent, Prior, choice
from ganlab.latent.rejection import calibration, rejection_sample

__all__ = [
    "LATENTS", "Apart", "Conditional", "FittedLatent", "MixtureLatent", "NoisyLayers", "Prior", "calibration", "choice",
    "classes", "join", "labelled", "normal", "rejection_sample", "separate", "truncated", "uniform",
]  # fmt: skip
