"""Causes that show in the gradients, the steps and the weights: depth, units, rates, clips, penalties."""

# id, title, what one sees, fix, page
ROWS = (
    (
        "depth-vanishing",
        "The gradient shrinks from layer to layer: the first layers of G get none.",
        "the first layers never move, whatever D does",
        "G = ganlab.nets.resmlp_generator(real.shape[1:])   # blocks with a skip, or batch norm in your own\n"
        "optimizer_g = torch.optim.Adam(G.parameters(), 2e-4)",
        "04-depth",
    ),
    (
        "explosion",
        "The gradient grows from layer to layer, on its way from the output to the input.",
        "gradients of the first layers are larger by orders than those of the last",
        "for layer in G.modules():\n"
        "    if isinstance(layer, torch.nn.Linear): torch.nn.init.kaiming_normal_(layer.weight)",
        "04-depth",
    ),
    (
        "dead-units",
        "Most units of a layer are 0 for every sample, and pass no gradient on.",
        "a layer's gradient is exactly zero",
        "torch.nn.LeakyReLU(0.2)   # in place of ReLU, and a smaller rate",
        "12-parts",
    ),
    (
        "saturated-units",
        "Most units of a bounded activation are at their bounds, and pass no gradient on.",
        "the outputs of tanh or sigmoid are all near a bound",
        "torch.nn.LeakyReLU(0.2)   # in place of Tanh and Sigmoid inside a network",
        "12-parts",
    ),
    (
        "rate-too-small",
        "A learning rate is too small: the weights hardly move.",
        "nothing happens",
        'optimizer_g.param_groups[0]["lr"] *= 10   # or that of optimizer_d: the evidence says whose step it is',
        "14-optimizers",
    ),
    (
        "rate-too-large",
        "A learning rate is too large: each step throws the weights far.",
        "the losses jump, and the samples never settle",
        'optimizer_d.param_groups[0]["lr"] /= 10   # or that of optimizer_g: the evidence says whose step it is',
        "14-optimizers",
    ),
    (
        "momentum-too-high",
        "The momentum is too high for a game: steps go on in a direction that has turned.",
        "the losses swing more and more",
        "for group in [*optimizer_d.param_groups, *optimizer_g.param_groups]:\n"
        '    group.update({"betas": (0.0, 0.99)} if "betas" in group else {"momentum": 0.0})',
        "14-optimizers",
    ),
    (
        "clip-always-on",
        "Every gradient is clipped, to a size far below its own.",
        "the gradient's norm is the same in every step, and little moves",
        "ganlab.clipping.clip_grad_norm_(D, 10.0)   # above the largest norm of a healthy run; for G likewise",
        "08-clipping",
    ),
    (
        "weight-decay-too-large",
        "Weight decay pulls the weights to zero faster than the loss moves them.",
        "the weights shrink, and the output fades",
        "for group in [*optimizer_d.param_groups, *optimizer_g.param_groups]:\n"
        '    group["weight_decay"] = 0.0',
        "15-regularisers",
    ),
    (
        "weights-at-clip-bound",
        "Weight clipping holds most of D's weights at the bound.",
        "D's weights are all plus or minus the same number",
        "d_loss = d_loss + 20 * ganlab.penalties.wgan_gp(D, real, fake.detach())   # in place of the clip",
        "09-critic",
    ),
    (
        "penalty-wrong",
        "The gradient penalty does not do what it is there for.",
        "the penalty is there, and D's slope is far from where it should be",
        "d_loss = d_loss + 20 * ganlab.penalties.wgan_gp(D, real, fake.detach())   # in place of your own",
        "09-critic",
    ),
)  # fmt: skip
