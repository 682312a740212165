"""Causes that stand in the code, and that no curve names: what reaches what, in which mode, with which sign."""

# id, title, what one sees, fix, page
ROWS = (
    (
        "detached",
        "No gradient reaches G in its own step.",
        "G's weights do not move at all",
        "g_loss = softplus(-D(G(z))).mean()   # one G for all; no detach, no_grad or .data on the way",
        "05-saturation",
    ),
    (
        "frozen-generator",
        "G's parameters do not take gradients.",
        "G's weights do not move at all, though its step is right",
        "G.requires_grad_(True)",
        "17-clinic",
    ),
    (
        "discriminator-frozen",
        "D does not learn: its weights do not move.",
        "D's accuracy never changes",
        "D.requires_grad_(True)\n"
        "optimizer_d = torch.optim.Adam(D.parameters(), 2e-4)",
        "17-clinic",
    ),
    (
        "discriminator-eval",
        "D trains in eval mode.",
        "batch norm or dropout of D does nothing",
        "D.train()   # before its step; each D.eval() needs it",
        "10-batchnorm",
    ),
    (
        "generator-eval",
        "G trains in eval mode.",
        "batch norm of G uses statistics that never change",
        "G.train()   # after sampling in eval mode",
        "10-batchnorm",
    ),
    (
        "sign-turned",
        "G's loss has its sign turned: G makes its samples worse in D's eyes.",
        "D is always right, and G's loss looks fine",
        "g_loss = softplus(-D(fake)).mean()   # Wasserstein and hinge: -D(fake).mean()",
        "01-losses",
    ),
    (
        "targets-swapped",
        "D learns to call real samples generated, and generated ones real.",
        "D's accuracy is near 0",
        "d_loss = softplus(-D(real)).mean() + softplus(D(fake.detach())).mean()   # 1 for real, 0 for generated",
        "01-losses",
    ),
    (
        "targets-broadcast",
        "Logits (B, 1) met targets (B,): each logit was compared with each target.",
        "D's loss is 2 log 2 and never moves",
        "logits = D(real).flatten()   # (B,), as the targets",
        "01-losses",
    ),
    (
        "double-sigmoid",
        "Probabilities went into a loss that takes logits.",
        "D's loss never falls below a bound",
        "d_loss = softplus(-D(real)).mean() + softplus(D(fake.detach())).mean()   # D ends without a sigmoid",
        "17-clinic",
    ),
    (
        "wasserstein-on-sigmoid",
        "The Wasserstein loss sees probabilities.",
        "the critic's loss stays within [-1, 1]",
        "# D ends without a sigmoid\n"
        "d_loss = D(fake.detach()).mean() - D(real).mean() + 20 * ganlab.penalties.wgan_gp(D, real, fake.detach())",
        "01-losses",
    ),
    (
        "smoothing-on-fakes",
        "The targets of generated samples are smoothed too.",
        "D's logits stay small on generated samples",
        "d_loss = (0.9 * softplus(-D(real)) + 0.1 * softplus(D(real))).mean() + softplus(D(fake.detach())).mean()",
        "17-clinic",
    ),
    (
        "gradients-not-cleared",
        "Gradients add up from step to step.",
        "norms grow, and the losses swing",
        "optimizer_d.zero_grad()   # before D's backward\n"
        "optimizer_g.zero_grad()   # before G's",
        "17-clinic",
    ),
    (
        "discriminator-gradients-leak",
        "G's step leaves gradients in D, and D's next step uses them.",
        "D gets worse where it should get better",
        "optimizer_d.zero_grad()   # right before d_loss.backward(), not right after optimizer_d.step()",
        "05-saturation",
    ),
    (
        "foreign-optimizer",
        "A player's optimizer moves the other player too.",
        "D helps G: both losses fall",
        "optimizer_g = torch.optim.Adam(G.parameters(), 2e-4)   # G's parameters, and no others",
        "17-clinic",
    ),
    (
        "clip-before-backward",
        "Clipping comes before backward, and does nothing.",
        "spikes go through a clip",
        "d_loss.backward()\n"
        "ganlab.clipping.clip_grad_norm_(D, 1.0)   # then optimizer_d.step()",
        "08-clipping",
    ),
    (
        "one-batch",
        "Every step sees the same real batch.",
        "D knows it by heart at once",
        "for real in loader:   # not next(iter(loader)) in each step\n"
        "    train_step(real)",
        "17-clinic",
    ),
    (
        "fixed-latents",
        "Every step sees the same latents.",
        "the samples of these latents are fine, and others are not",
        "z = torch.randn(len(real), latent)   # inside the loop",
        "17-clinic",
    ),
    (
        "loss-without-D",
        "G's loss does not go through D.",
        "G's loss falls, and the samples do not become like the data",
        "g_loss = softplus(-D(fake)).mean()",
        "01-losses",
    ),
)  # fmt: skip
