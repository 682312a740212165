"""What can be wrong with a GAN: each cause with the chapter that explains it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """name: "collapse". page: a chapter, "07-collapse". says: what is wrong, in a sentence without a full stop.

    >>> from ganlab.clinic import CAUSES
    >>> CAUSES["detached"].page
    '01-losses'
    """

    name: str
    page: str
    says: str


_ALL = (
    # The balance of the two players
    Cause("saturation", "05-saturation", "D is sure of itself, and where it is sure the loss is flat"),
    Cause("discriminator-too-strong", "05-saturation", "D learns so much faster that G never has a direction"),
    Cause("discriminator-too-weak", "16-balance", "D has too few units, or steps too seldom, to tell G anything"),
    Cause("discriminator-frozen", "05-saturation", "D does not learn"),
    Cause("discriminator-memorises", "15-regularisers", "D knows its few images by heart"),
    Cause("frozen-generator", "05-saturation", "G does not learn"),
    Cause("collapse", "07-collapse", "G makes one thing"),
    Cause("rotation", "06-circling", "the players circle"),
    Cause("momentum-too-high", "14-optimizers", "a player goes on in a direction long after the other has turned"),
    Cause("rate-too-small", "14-optimizers", "a player hardly moves"),
    Cause("rate-too-large", "14-optimizers", "a player jumps over what it should find"),
    Cause("weight-decay-too-large", "15-regularisers", "the decay holds the weights near 0"),
    Cause("noise-too-large", "13-noise", "what D sees is mostly noise, and stays so"),
    # Signals and targets
    Cause("targets-swapped", "01-losses", "D is told that real samples are generated, and G to please it"),
    Cause("targets-broadcast", "01-losses", "targets (n,) against predictions (n, 1): each meets every other"),
    Cause("sign-turned", "01-losses", "a loss has the wrong sign"),
    Cause("smoothing-on-fakes", "01-losses", "the target of generated samples is smoothed too, and far"),
    Cause("double-sigmoid", "01-losses", "probabilities go into a loss that expects logits"),
    Cause("wasserstein-on-sigmoid", "09-critic", "the Wasserstein loss of probabilities"),
    Cause("loss-without-discriminator", "01-losses", "G's loss has no D in it"),
    Cause("labels-shuffled", "13-noise", "the labels are not those of their samples"),
    # The loop
    Cause("gradients-not-cleared", "08-clipping", "gradients of earlier steps are added up"),
    Cause("discriminator-gradients-leak", "08-clipping", "what G's backward pass left in D goes into D's next step"),
    Cause("foreign-optimizer", "14-optimizers", "G's optimizer moves D as well"),
    Cause("detached", "01-losses", "G's loss does not reach G"),
    Cause("generator-rebuilt", "03-images", "a new network at each call: what is trained is never used"),
    Cause("clip-always-on", "08-clipping", "the threshold is so small that every step is clipped to nothing"),
    Cause("clip-before-backward", "08-clipping", "gradients are clipped before there are any"),
    Cause("one-batch", "02-measure", "every step sees the same real samples"),
    Cause("fixed-latents", "13-noise", "every step sees the same latents"),
    # The networks
    Cause("discriminator-eval", "10-batchnorm", "D is in eval mode"),
    Cause("generator-eval", "10-batchnorm", "G is in eval mode"),
    Cause("batch-statistics", "10-batchnorm", "batch norm sees the wrong batch"),
    Cause("depth-vanishing", "04-depth", "the gradient dies on its way through the layers"),
    Cause("explosion", "04-depth", "signals grow from layer to layer"),
    Cause("dead-units", "12-parts", "units give 0 for every sample, and pass no gradient"),
    Cause("saturated-units", "12-parts", "units sit at their bounds, and pass no gradient"),
    Cause("range-mismatch", "12-parts", "G cannot make the numbers that the data have"),
    Cause("z-unused", "13-noise", "G does not use its latent"),
    Cause("dropout-too-large", "15-regularisers", "D hears hardly anything of its own layers"),
    # The critic
    Cause("critic-unconstrained", "09-critic", "the Wasserstein critic may be as steep as it likes"),
    Cause("penalty-wrong", "09-critic", "the gradient penalty penalises something else"),
    Cause("weights-at-clip-bound", "09-critic", "the clipped weights all sit at their bounds"),
    # Numbers that are none
    Cause("nonfinite-log-sigmoid", "05-saturation", "the logarithm of a sigmoid that has become 0"),
    Cause("nonfinite-half", "08-clipping", "half precision, and Adam's epsilon is 0 there"),
    Cause("nonfinite-penalty-at-zero", "09-critic", "the square root's slope at 0, in the penalty"),
    Cause("nonfinite-rate", "14-optimizers", "steps so large that the numbers overflow"),
    Cause("nonfinite-data", "03-images", "the data hold values that are not finite"),
)  # fmt: skip

# Name of a cause; each has a page of the book.
CAUSES: dict[str, Cause] = {cause.name: cause for cause in _ALL}
