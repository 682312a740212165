"""The register of causes: what a person sees, what it is, what to type, and where to read on."""

from dataclasses import dataclass

from ganlab._check import lookup

GROUPS = ("losses", "gradients", "samples", "code")


@dataclass(frozen=True)
class Cause:
    """Why a GAN does not train.

    Attributes:
        id: a short name, for a program to look at.
        title: what is wrong, a sentence.
        sees: what a person sees who does not know it yet.
        fix: what to type or to change, a line or two.
        page: the chapter of the book that has it.
        group: where a person sees it first, one of `GROUPS`.
    """

    id: str
    title: str
    sees: str
    fix: str
    page: str
    group: str


CAUSES: dict[str, Cause] = {}


def _causes(group: str, *rows: tuple[str, str, str, str, str]) -> None:
    for id, title, sees, fix, page in rows:
        CAUSES[id] = Cause(id, title, sees, fix, page, group)


def cause(id: str) -> Cause:
    """The cause of that id.

    >>> from ganlab.diagnosis import cause
    >>> cause("detached").page
    '05-saturation'

    Raises:
        ValueError: there is none; the message lists those that there are.
    """
    return lookup(CAUSES, id, "id")


_causes(
    "losses",
    (
        "saturation", "G's loss is flat where D is sure: the minimax loss has saturated.",
        "D's loss goes to zero and G no longer learns", "g_loss = softplus(-D(fake)).mean()", "05-saturation",
    ),
    (
        "discriminator-too-strong", "D has won: it tells every sample, and G's gradient no longer leads anywhere.",
        "D's loss goes to zero, with any loss, and the samples stay noise",
        "d_loss = d_loss + ganlab.penalties.r1(D, real)   # or a smaller learning rate for D", "05-saturation",
    ),
    (
        "discriminator-too-weak", "D cannot tell real from generated, though they differ: it learns too slowly.",
        "D is right half of the time, and the samples are bad",
        "for group in optimizer_d.param_groups: group['lr'] *= 10", "16-balance",
    ),
    (
        "discriminator-memorises", "D knows its few real samples by heart.",
        "D is right on every training sample and wrong on new ones",
        "D = ganlab.nets.Augmented(D)   # and more data", "15-regularisers",
    ),
    (
        "rotation", "The players circle: each follows the other, and neither arrives.",
        "the losses swing with a period", "d_loss = d_loss + ganlab.penalties.r1(D, real)   # and betas=(0.0, 0.99)",
        "06-circling",
    ),
    (
        "nonfinite-log-sigmoid", "The logarithm of a probability that has rounded to 0 or 1.",
        "a loss becomes NaN as soon as D is sure", "d_loss = softplus(-real_logits).mean() + softplus(fake_logits).mean()",
        "01-losses",
    ),
    (
        "nonfinite-half", "A number left the range of float16, which ends at 65,504.",
        "a loss becomes NaN under mixed precision", "torch.autocast(device, dtype=torch.bfloat16)   # or a GradScaler",
        "08-clipping",
    ),
    (
        "nonfinite-critic", "Nothing bounds the critic's slope, and its logits grow without end.",
        "the Wasserstein loss runs away, and then is NaN", "d_loss = d_loss + ganlab.penalties.wgan_gp(D, real, fake)",
        "09-critic",
    ),
    (
        "nonfinite-penalty-at-zero", "The root in the penalty's norm has an infinite slope where D is flat.",
        "a loss becomes NaN in the first steps, with a penalty of your own",
        "norm = torch.linalg.vector_norm(slope.flatten(1), dim=1)   # not square().sum().sqrt()", "09-critic",
    ),
    (
        "nonfinite-rate", "A learning rate is so large that the weights run away.",
        "a loss becomes NaN, and the weights grew before", "for group in optimizer.param_groups: group['lr'] /= 10",
        "08-clipping",
    ),
    (
        "nonfinite-data", "The data hold numbers that are not finite.",
        "a loss becomes NaN at a batch", "assert images.isfinite().all()", "08-clipping",
    ),
    (
        "critic-unbounded", "Nothing bounds the critic's slope: its logits grow step by step.",
        "the Wasserstein loss grows without end", "d_loss = d_loss + ganlab.penalties.wgan_gp(D, real, fake)", "09-critic",
    ),
)  # fmt: skip
_causes(
    "gradients",
    (
        "depth-vanishing", "The gradient shrinks from layer to layer: the first layers of G get none.",
        "the first layers never move, whatever D does", "G = ganlab.nets.resmlp_generator(shape)   # or batch norm",
        "04-depth",
    ),
    (
        "explosion", "The gradient grows from layer to layer.",
        "gradients of the first layers are larger by orders than those of the last",
        "torch.nn.init.orthogonal_(layer.weight)   # for every layer; or a residual network", "04-depth",
    ),
    (
        "dead-units", "Most units of a layer are 0 for every sample, and pass no gradient on.",
        "a layer's gradient is exactly zero", "torch.nn.LeakyReLU(0.2)   # and a smaller rate", "12-parts",
    ),
    (
        "saturated-units", "Most units of a bounded activation are at their bounds, and pass no gradient on.",
        "tanh or sigmoid outputs are all near a bound", "torch.nn.init.xavier_uniform_(layer.weight)   # or LeakyReLU",
        "12-parts",
    ),
    (
        "rate-too-small", "A learning rate is too small: the weights hardly move.",
        "nothing happens", "for group in optimizer.param_groups: group['lr'] *= 10", "14-optimizers",
    ),
    (
        "rate-too-large", "A learning rate is too large: each step throws the weights far.",
        "the losses jump, and the samples never settle", "for group in optimizer.param_groups: group['lr'] /= 10",
        "14-optimizers",
    ),
    (
        "momentum-too-high", "The momentum is too high for a game: steps go on in a direction that has turned.",
        "the losses swing more and more", "torch.optim.Adam(net.parameters(), betas=(0.0, 0.99))", "14-optimizers",
    ),
    (
        "clip-always-on", "Every gradient is clipped, to a size far below its own.",
        "the gradient's norm is the same in every step, and little moves",
        "clip_grad_norm_(net.parameters(), 10 * typical_norm)", "08-clipping",
    ),
    (
        "weight-decay-too-large", "Weight decay pulls the weights to zero faster than the loss moves them.",
        "the weights shrink, and the output fades", "torch.optim.AdamW(net.parameters(), weight_decay=1e-4)",
        "15-regularisers",
    ),
    (
        "weights-at-clip-bound", "Weight clipping holds most of D's weights at the bound.",
        "D's weights are all plus or minus the same number",
        "d_loss = d_loss + ganlab.penalties.wgan_gp(D, real, fake)   # in place of the clip", "09-critic",
    ),
    (
        "penalty-wrong", "The gradient penalty does not do what it is there for.",
        "the penalty is there, and D's slope is far from where it should be",
        "d_loss = d_loss + ganlab.penalties.wgan_gp(D, real, fake)", "09-critic",
    ),
)  # fmt: skip
_causes(
    "samples",
    (
        "collapse", "G has collapsed: its samples are alike, on data that are not.",
        "all samples look alike", "D sees pairs: nets.packed(D, 2)   # or R1, or minibatch statistics", "07-collapse",
    ),
    (
        "z-unused", "G's samples do not hang on z.", "all samples are the same one", "fake = G(torch.randn(batch, latent))",
        "07-collapse",
    ),
    (
        "range-mismatch", "The samples cannot reach the range of the data: D tells them by range alone.",
        "D is right on everything from the first steps on", "images = images * 2 - 1   # in [-1, 1], for a tanh at G's end",
        "12-parts",
    ),
    (
        "noise-too-large", "The noise on D's inputs hides the data.", "the samples stay blurred or spread out",
        "sigma = sigma_0 * max(0, 1 - step / steps)", "13-noise",
    ),
    (
        "batch-statistics", "Batch norm mixes what should be apart, or has too few samples.",
        "samples are good in train mode and bad in eval mode, or look alike within a batch",
        "D(real); D(fake)   # two calls, batches of 16 or more", "10-batchnorm",
    ),
    (
        "labels-shuffled", "The labels that D sees do not belong to the samples.",
        "samples look right, and of the wrong class", "images, labels = batch   # one permutation for both", "13-noise",
    ),
)  # fmt: skip
_causes(
    "code",
    (
        "detached", "No gradient reaches G in its own step.", "G's weights do not move at all",
        "g_loss(D(G(z)))   # without detach, no_grad or .data in G's step, and with one G", "05-saturation",
    ),
    (
        "frozen-generator", "G's parameters do not take gradients.", "G's weights do not move at all",
        "G.requires_grad_(True)", "05-saturation",
    ),
    (
        "discriminator-frozen", "D does not learn: its weights do not move.", "D's accuracy never changes",
        "D.requires_grad_(True); optimizer_d = Adam(D.parameters())", "16-balance",
    ),
    (
        "discriminator-eval", "D trains in eval mode.", "batch norm or dropout of D does nothing", "D.train()",
        "10-batchnorm",
    ),
    (
        "generator-eval", "G trains in eval mode.", "batch norm of G uses statistics that never change", "G.train()",
        "10-batchnorm",
    ),
    (
        "sign-turned", "G's loss has its sign turned: G makes its samples worse in D's eyes.",
        "D is always right, and G's loss looks fine", "g_loss = -D(fake).mean()   # or softplus(-D(fake)).mean()", "01-losses",
    ),
    (
        "targets-swapped", "D learns to call real samples generated, and generated ones real.",
        "D's accuracy is near 0", "ones for real, zeros for generated samples, in D's loss; ones in G's", "01-losses",
    ),
    (
        "targets-broadcast", "Logits (B, 1) met targets (B,): each logit was compared with each target.",
        "D's loss is log 2 and never moves", "logits = D(x).squeeze(1)   # (B,), as the targets", "01-losses",
    ),
    (
        "double-sigmoid", "Probabilities went into a loss that takes logits.",
        "D's loss never falls below a bound", "D without a Sigmoid at its end", "01-losses",
    ),
    (
        "wasserstein-on-sigmoid", "The Wasserstein loss sees probabilities.", "the critic's loss stays within [-1, 1]",
        "a critic without a Sigmoid at its end, and with a penalty", "09-critic",
    ),
    (
        "smoothing-on-fakes", "The targets of generated samples are smoothed too.",
        "D's logits stay small on generated samples", "smooth the targets of real samples only: 0.9 and 0", "01-losses",
    ),
    (
        "gradients-not-cleared", "Gradients add up from step to step.", "norms grow and the losses swing",
        "optimizer.zero_grad()   # before each backward", "01-losses",
    ),
    (
        "discriminator-gradients-leak", "G's step leaves gradients in D, and D's next step uses them.",
        "D gets worse where it should get better", "optimizer_d.zero_grad()   # before D's backward, not after its step",
        "01-losses",
    ),
    (
        "foreign-optimizer", "A player's optimizer moves the other player too.", "D helps G: both losses fall",
        "optimizer_g = Adam(G.parameters())", "01-losses",
    ),
    (
        "clip-before-backward", "Clipping comes before backward, and does nothing.", "spikes go through a clip",
        "loss.backward(); clip_grad_norm_(net.parameters(), c); optimizer.step()", "08-clipping",
    ),
    (
        "one-batch", "Every step sees the same real batch.", "D knows it by heart at once",
        "for real in loader:   # not next(iter(loader)) in each step", "15-regularisers",
    ),
    (
        "fixed-latents", "Every step sees the same latents.", "the samples of these latents are fine, others are not",
        "z = torch.randn(batch, latent)   # inside the loop", "13-noise",
    ),
    (
        "loss-without-D", "G's loss does not go through D.", "G's loss falls, and the samples become the mean",
        "g_loss = softplus(-D(fake)).mean()", "01-losses",
    ),
)  # fmt: skip
