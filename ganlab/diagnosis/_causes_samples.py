"""Causes that a person sees in the samples first."""

# id, title, what one sees, fix, page
ROWS = (
    (
        "collapse",
        "G has collapsed: its samples are alike, on data that are not.",
        "all samples look alike",
        "fake = G(torch.randn_like(z))\n"
        "d_loss = d_loss + 0.1 * (ganlab.penalties.r1(D, real) + ganlab.penalties.r2(D, fake.detach()))",
        "07-collapse",
    ),
    (
        "z-unused",
        "G's samples do not hang on z.",
        "all samples are the same one",
        "fake = G(torch.randn(len(real), latent))   # and inside G, z must reach the first layer",
        "07-collapse",
    ),
    (
        "range-mismatch",
        "The samples cannot reach the range of the data: D tells them by range alone.",
        "D is right on everything from the first steps on",
        "real = 2 * images - 1   # images in [0, 1], and G ends in tanh",
        "12-parts",
    ),
    (
        "noise-too-large",
        "The noise on D's inputs hides the data.",
        "the samples stay blurred or spread out",
        "sigma = 0.1   # and less from step to step\n"
        "noisy = lambda x: x + sigma * torch.randn_like(x)\n"
        "d_loss = softplus(-D(noisy(real))).mean() + softplus(D(noisy(fake.detach()))).mean()   # G: D(noisy(fake))",
        "13-noise",
    ),
    (
        "batch-statistics",
        "Batch norm mixes what should be apart, or has too few samples.",
        "samples are good in train mode and bad in eval mode, or look alike within a batch",
        "d_loss = softplus(-D(real)).mean() + softplus(D(fake.detach())).mean()   # two calls, 8 samples or more each",
        "10-batchnorm",
    ),
    (
        "labels-shuffled",
        "The labels that D sees do not belong to the samples.",
        "samples look right, and are of the wrong class",
        "order = torch.randperm(len(images))\n"
        "images, labels = images[order], labels[order]   # one permutation for both",
        "13-noise",
    ),
)  # fmt: skip
