"""Causes that a person sees in the losses first: who wins, what swings, what is no longer a number."""

# id, title, what one sees, fix, page
ROWS = (
    (
        "saturation",
        "G's loss is flat where D is sure: the minimax loss has saturated.",
        "D's loss goes to zero, and G no longer learns",
        "g_loss = softplus(-D(fake)).mean()   # the non-saturating loss",
        "05-saturation",
    ),
    (
        "discriminator-too-strong",
        "D has won: it tells every sample, and G's gradient no longer leads anywhere.",
        "D's loss goes to zero with any loss of G, and the samples stay noise",
        "d_loss = d_loss + ganlab.penalties.r1(D, real)   # times 0.1, 1 or 10; or a smaller rate for D",
        "05-saturation",
    ),
    (
        "discriminator-too-weak",
        "D cannot tell real from generated, though they differ: it learns too slowly.",
        "D is right half of the time, and the samples are bad",
        'optimizer_d.param_groups[0]["lr"] *= 10',
        "16-balance",
    ),
    (
        "discriminator-memorises",
        "D knows its few real samples by heart.",
        "D is right on every training sample, and wrong on new ones",
        'D = ganlab.nets.Augmented(D, ["shift"])   # for images: every batch that D sees is moved at random',
        "15-regularisers",
    ),
    (
        "rotation",
        "The players circle: each follows the other, and neither arrives.",
        "the losses swing with a period",
        "d_loss = d_loss + ganlab.penalties.r1(D, real)\n"
        "for group in [*optimizer_d.param_groups, *optimizer_g.param_groups]:\n"
        '    group.update({"betas": (0.0, 0.99)} if "betas" in group else {"momentum": 0.0})   # no momentum',
        "06-circling",
    ),
    (
        "critic-unbounded",
        "Nothing bounds the critic's slope: its logits grow step by step.",
        "the Wasserstein loss grows without end",
        "d_loss = d_loss + 20 * ganlab.penalties.wgan_gp(D, real, fake.detach())",
        "09-critic",
    ),
)  # fmt: skip

# In the order in which to go through them.
NOT_FINITE = (
    (
        "nonfinite-log-sigmoid",
        "The logarithm of a probability that has rounded to 0 or 1.",
        "a loss becomes NaN as soon as D is sure",
        "d_loss = softplus(-D(real)).mean() + softplus(D(fake.detach())).mean()   # D ends without a sigmoid",
        "01-losses",
    ),
    (
        "nonfinite-half",
        "A number left the range of float16, which ends at 65,504.",
        "a loss becomes NaN under mixed precision",
        "d_loss = softplus(-D(real).float()).mean() + softplus(D(fake.detach()).float()).mean()   # or bfloat16",
        "08-clipping",
    ),
    (
        "nonfinite-critic",
        "Nothing bounds the critic's slope, and its logits have grown out of the range of numbers.",
        "the Wasserstein loss runs away, and then is NaN",
        "d_loss = d_loss + 20 * ganlab.penalties.wgan_gp(D, real, fake.detach())",
        "09-critic",
    ),
    (
        "nonfinite-penalty-at-zero",
        "The root in the penalty's norm has an infinite slope where D is flat.",
        "a loss becomes NaN in the first steps, with a penalty of your own",
        "norm = torch.linalg.vector_norm(slope.flatten(1), dim=1)   # not slope.square().sum(1).sqrt()",
        "09-critic",
    ),
    (
        "nonfinite-rate",
        "A learning rate is so large that the weights run away.",
        "a loss becomes NaN, and the weights grew before",
        "for group in [*optimizer_d.param_groups, *optimizer_g.param_groups]:\n"
        '    group["lr"] /= 10',
        "08-clipping",
    ),
    (
        "nonfinite-data",
        "The data hold numbers that are not finite.",
        "a loss becomes NaN at one batch",
        "real = real[real.flatten(1).isfinite().all(dim=1)]   # and look where the others come from",
        "08-clipping",
    ),
)  # fmt: skip
