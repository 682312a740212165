"""Set-ups as people have them, for `ganlab.check`: healthy ones that come near to a fault, and further faults.

`near` names the faults that a set-up might be taken to have and has not.
"""

import copy
import warnings

import torch
from preflight_games import FAULTS, Game, behind, fault, pictures, plane
from torch import nn
from torch.nn import functional as F
from torch.nn.functional import binary_cross_entropy
from torch.nn.utils import spectral_norm as old_spectral_norm
from torch.nn.utils import weight_norm as old_weight_norm
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from torch.utils.checkpoint import checkpoint

from ganlab import losses

NEAR = {}


def near(*causes: str):
    """The set-up is healthy: no errors, no warnings, and none of these causes."""

    def note(make):
        NEAR[make] = causes
        return make

    return note


def judged(game: Game, D: nn.Module, **more) -> Game:
    """The game with another D."""
    game.D, game.more = D, more
    game.own()
    return game


def made(game: Game, G: nn.Module, latent: int | None = 8, **more) -> Game:
    """The game with another G."""
    game.G, game.more = G, more
    if latent:
        game.G.latent = latent
    game.own()
    return game


def critic(norm=None, each=lambda layer: layer, end=()) -> nn.Sequential:
    """Of 32 x 32 pictures."""
    middle = [] if norm is None else [norm(8)]
    return nn.Sequential(
        each(nn.Conv2d(1, 4, 4, 4)), nn.LeakyReLU(0.2), each(nn.Conv2d(4, 8, 4, 4)), *middle, nn.LeakyReLU(0.2),
        each(nn.Conv2d(8, 1, 2)), *(end or (nn.Flatten(0),)),
    )  # fmt: skip


@near(
    "owns nothing", "foreign parameters", "one optimizer", "shared", "frozen", "rate 0", "rate too large", "shape",
    "dtype", "devices", "not finite", "no graph in D", "no slope", "z unused", "detached", "gradient not finite",
)  # fmt: skip
def the_plainest() -> Game:
    return plane()


@near("range", "half of the range", "saturated", "eval mode", "one sample", "data not finite")
def a_dcgan() -> Game:
    return pictures()


@near("failed", "samples")
def conditional() -> Game:
    game = plane()
    labels, judge, G = torch.randn(64, 3), nn.Bilinear(2, 3, 1), nn.Linear(5, 2)
    game.G, game.D = G, judge
    game.own()
    game.more = {"judge": lambda x: judge(x, labels)[:, 0],
                 "generate": lambda: G(torch.cat([torch.randn(64, 2), labels], 1))}  # fmt: skip
    return game


@near("averaged", "several numbers", "column")
def patches() -> Game:
    game = pictures()
    game.D = nn.Sequential(nn.Conv2d(1, 4, 4, 2), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 4))
    game.own()
    return game


@near("left out", "strangers")
def constrained() -> Game:
    game = pictures()
    game.D = nn.Sequential(
        spectral_norm(nn.Conv2d(1, 4, 4, 4)), nn.ReLU(), nn.Flatten(), weight_norm(nn.Linear(256, 1))
    )
    game.D.append(nn.Flatten(0))
    game.own()
    return game


@near("wrong sign", "batch norm under a penalty")
def wasserstein() -> Game:
    game = plane()
    game.more = {"losses": (lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean()), "penalty": True}
    return game


@near("not logits", "log of a sigmoid", "loss not finite", "real as fake")
def every_pair_of_ours() -> Game:
    game = plane()
    game.more = {"losses": losses.get("relativistic")}
    return game


@near("range", "half of the range")
def dark_pictures() -> Game:
    """Mostly background, at -1."""
    game = pictures()
    game.batch = torch.full_like(game.batch, -1.0)
    game.batch[:, :, 9:20, 9:20] = torch.rand(8, 1, 11, 11) * 2 - 1
    return game


@near("range")
def a_sigmoid_for_data_in_0_and_1() -> Game:
    game = behind(pictures(), "G", lambda x: (x * 3).sigmoid())
    game.batch = game.batch / 2 + 0.5
    return game


@near("range", "scale", "off centre")
def standardised_data_and_no_bound() -> Game:
    game = plane()
    game.batch = game.batch * 3 + 2
    return game


@near("integers", "shape")
def words() -> Game:
    """D takes the numbers of words as well as soft words."""

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.last = nn.Embedding(10, 8), nn.Linear(48, 1)

        def forward(self, x):
            h = x @ self.embed.weight if x.is_floating_point() else self.embed(x)
            return self.last(h.flatten(1))[:, 0]

    torch.manual_seed(0)
    G = nn.Sequential(nn.Linear(8, 60), nn.Unflatten(1, (6, 10)), nn.Softmax(-1))
    G.latent = 8
    return Game(G, Reader(), torch.randint(10, (16, 6)))


@near("batch norm, small batch")
def one_picture_at_a_time() -> Game:
    """As pix2pix: of one picture batch norm still averages over its pixels."""
    game = pictures()
    game.batch = game.batch[:1]
    return judged(game, critic(nn.BatchNorm2d))


@near("eval mode", "frozen", "left out")
def a_frozen_part() -> Game:
    """Pretrained: neither trained nor in train mode."""
    D = critic(nn.BatchNorm2d)
    for part in list(D)[:4]:
        part.requires_grad_(False).eval()
    game = judged(pictures(), D)
    game.optimizers["D"] = torch.optim.Adam(p for p in D.parameters() if p.requires_grad)
    return game


@near("loose tensors", "strangers")
def older_norms() -> Game:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of torch
        G = nn.Sequential(old_weight_norm(nn.Linear(8, 1024)), nn.Unflatten(1, (1, 32, 32)))
        return judged(made(pictures(), G), critic(each=old_spectral_norm))


class Checkpointed(nn.Module):
    def __init__(self, reentrant: bool):
        super().__init__()
        self.inner, self.reentrant = critic(), reentrant

    def forward(self, x):
        return checkpoint(self.inner, x, use_reentrant=self.reentrant)


@near("failed", "no graph in D")
def checkpointed() -> Game:
    return judged(pictures(), Checkpointed(False))


@fault("no graph in D")
def checkpointed_in_the_older_way() -> Game:
    return judged(pictures(), Checkpointed(True))


class Scales(nn.Module):
    def __init__(self, features: bool = False):
        super().__init__()
        self.fine, self.coarse, self.features = nn.Conv2d(1, 1, 8, 4), nn.Conv2d(1, 1, 4, 4), features

    def forward(self, x):
        outputs = [self.fine(x), self.coarse(F.avg_pool2d(x, 2))]
        return [[x.expand(-1, 3, -1, -1), y] for y in outputs] if self.features else outputs


@near("several outputs", "several numbers", "averaged")
def several_scales() -> Game:
    return judged(pictures(), Scales())


@near("several outputs", "several numbers")
def several_scales_with_their_features() -> Game:
    return judged(pictures(), Scales(features=True))


@near("averaged")
def packs() -> Game:
    """Two samples a logit."""
    return behind(plane(), "D", lambda x: x.unflatten(0, (-1, 2)).mean(1))


@near("averaged")
def patches_in_one_row() -> Game:
    D = nn.Sequential(nn.Conv2d(1, 4, 4, 4), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 4), nn.Flatten(0))
    return judged(pictures(), D)


@near("several numbers", "real as fake", "averaged")
def two_classes_and_their_loss() -> Game:
    game, loss = behind(plane(), "D", lambda x: torch.stack([x, -x], 1)), nn.CrossEntropyLoss()
    one, zero = torch.ones(64, dtype=torch.long), torch.zeros(64, dtype=torch.long)
    game.more = {"losses": (lambda real, fake: loss(real, one) + loss(fake, zero), lambda fake: loss(fake, one))}
    return game


@near("large logits", "wrong sign", "several numbers")
def an_autoencoder() -> Game:
    """BEGAN: D's number is its error, low on real samples, and a sum over all pixels."""
    D = nn.Sequential(nn.Conv2d(1, 8, 4, 4), nn.ELU(), nn.ConvTranspose2d(8, 1, 4, 4))
    return judged(
        pictures(), D, judge=lambda x: (D(x) - x).abs().flatten(1).sum(1),
        losses=(lambda real, fake: real.mean() - 0.3 * fake.mean(), lambda fake: fake.mean()),
    )  # fmt: skip


@near("wrong sign", "real as fake")
def labels_exchanged() -> Game:
    """Real is 0 and fake is 1, for both players."""
    game = plane()
    game.more = {"losses": (lambda real, fake: (F.softplus(real) + F.softplus(-fake)).mean(),
                            lambda fake: F.softplus(fake).mean())}  # fmt: skip
    return game


@near("wrong sign")
def a_critic_that_maximises() -> Game:
    game = plane()
    game.optimizers["D"] = torch.optim.Adam(game.D.parameters(), maximize=True)
    game.more = {"losses": (lambda real, fake: real.mean() - fake.mean(), lambda fake: -fake.mean())}
    return game


@near("broadcast", "column")
def a_column_against_a_column() -> Game:
    game = behind(plane(), "D", lambda x: x[:, None])
    game.more = {"losses": (lambda real, fake: F.mse_loss(real, torch.ones(64, 1)) + fake.square().mean(),
                            lambda fake: F.mse_loss(fake, torch.ones_like(fake)))}  # fmt: skip
    return game


@near("loss no tensor", "loss detached", "failed")
def a_loss_for_each_sample() -> Game:
    game = plane()
    game.more = {"losses": (lambda real, fake: F.relu(1 - real) + F.relu(1 + fake), lambda fake: -fake)}
    return game


@near("sparse gradient", "failed")
def a_sparse_table_and_sgd() -> Game:
    game = labelled(sparse=True)
    game.optimizers["D"] = torch.optim.SGD(game.D.parameters(), lr=0.1)
    return game


def labelled(sparse: bool) -> Game:
    """A projection discriminator (Miyato & Koyama 2018)."""

    class Projection(nn.Module):
        def __init__(self):
            super().__init__()
            self.classes, self.first, self.last = nn.Embedding(10, 8, sparse=sparse), nn.Linear(2, 8), nn.Linear(8, 1)

        def forward(self, x, y):
            h = F.leaky_relu(self.first(x), 0.2)
            return self.last(h)[:, 0] + (h * self.classes(y)).sum(1)

    D, y = Projection(), torch.randint(10, (64,))
    return judged(plane(), D, judge=lambda x: D(x, y))


@near("left out", "zero gradient", "unreached", "loose tensors")
def style() -> Game:
    """StyleGAN's parts: a strength without axes, a learned constant, a running average in a buffer."""

    class Style(nn.Module):
        def __init__(self):
            super().__init__()
            self.strength, self.const = nn.Parameter(torch.zeros([])), nn.Parameter(torch.randn(1, 8, 8, 8))
            self.mapping, self.last = nn.Linear(8, 8), nn.Conv2d(8, 1, 3, padding=1)
            self.register_buffer("w_average", torch.zeros(8))

        def forward(self, z):
            w = self.mapping(F.normalize(z, dim=1))
            with torch.no_grad():
                self.w_average.lerp_(w.mean(0), 0.01)
            h = self.const * (1 + w)[:, :, None, None] + self.strength * torch.randn(len(z), 1, 8, 8)
            return F.interpolate(self.last(h), scale_factor=4)

    return made(pictures(), Style())


@near("zero gradient", "no slope", "starts at 0")
def a_branch_that_starts_at_0() -> Game:
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch = nn.Linear(8, 8)
            nn.init.zeros_(self.branch.weight)

        def forward(self, x):
            return x + self.branch(x)

    return judged(plane(), nn.Sequential(nn.Linear(2, 8), Block(), nn.ReLU(), nn.Linear(8, 1), nn.Flatten(0)))


@near("unreached", "frozen", "left out")
def an_average_of_g_inside_g() -> Game:
    class Averaged(nn.Module):
        def __init__(self, G):
            super().__init__()
            self.live, self.average, self.latent = G, copy.deepcopy(G).requires_grad_(False), G.latent

        def forward(self, z):
            return self.live(z)

    game = plane()
    return made(game, Averaged(game.G), None)


@near("dtype", "not finite")
def half_precision() -> Game:
    game = pictures()
    game.G, game.batch = game.G.bfloat16(), game.batch.bfloat16()
    return judged(game, critic().bfloat16())


@near("dtype")
def double_precision() -> Game:
    game = plane()
    game.G, game.D, game.batch = game.G.double(), game.D.double(), game.batch.double()
    game.own()
    return game


@near("failed")
def compiled() -> Game:
    game = plane()
    G = torch.compile(game.G, backend="eager")
    return judged(made(game, G, game.G.latent), torch.compile(game.D, backend="eager"))


@near("not saved", "owns nothing", "rate too large", "sparse gradient")
def lbfgs() -> Game:
    game = plane()
    game.optimizers = {name: torch.optim.LBFGS(getattr(game, name).parameters()) for name in "GD"}
    return game


@near("owns nothing", "rate 0")
def wrapped_optimizers() -> Game:
    """As accelerate wraps them."""

    class Wrapped:
        def __init__(self, optimizer):
            self.optimizer, self.param_groups = optimizer, optimizer.param_groups
            self.state_dict = optimizer.state_dict

    game = plane()
    game.optimizers = {name: Wrapped(optimizer) for name, optimizer in game.optimizers.items()}
    return game


@near("failed")
def from_picture_to_picture() -> Game:
    """pix2pix: G has pictures for an input, and D sees both."""
    shown = torch.rand(8, 1, 32, 32)
    G = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.Dropout(0.5), nn.ConvTranspose2d(4, 1, 4, 2, 1), nn.Tanh())
    D = nn.Sequential(nn.Conv2d(2, 4, 4, 4), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 4))
    return judged(made(pictures(), G, None), D, generate=lambda: G(shown), judge=lambda x: D(torch.cat([shown, x], 1)))


@near("failed")
def a_penalty_through_smooth_layers() -> Game:
    return judged(pictures(), critic(lambda width: nn.GroupNorm(1, width)), penalty=True)


@near("failed", "shape")
def in_one_and_three_dimensions() -> Game:
    G = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Unflatten(1, (1, 4, 4, 4)), nn.Conv3d(1, 1, 1), nn.Tanh())
    D = nn.Sequential(nn.Conv3d(1, 4, 4), nn.Flatten(2), nn.LeakyReLU(0.2), nn.Conv1d(4, 1, 1), nn.Flatten(0))
    game = made(plane(), G)
    game.batch = torch.rand(8, 1, 4, 4, 4) * 2 - 1
    return judged(game, D)


@near("failed")
def recurrent() -> Game:
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.last = nn.LSTM(2, 8, batch_first=True), nn.Linear(8, 1)

        def forward(self, x):
            return self.last(self.cell(x)[0][:, -1])[:, 0]

    game = made(plane(), nn.Sequential(nn.Linear(8, 10), nn.Unflatten(1, (5, 2))))
    game.batch = torch.randn(16, 5, 2)
    return judged(game, Last())


# -------------------------------------------------------------------------------------------------------- faults


@fault("log of a sigmoid")
def on_probabilities() -> Game:
    """A sigmoid at the end and the loss that goes with it: right, but rounded."""

    def bce(p, target):
        return binary_cross_entropy(p, torch.full_like(p, target))

    game = behind(plane(), "D", torch.sigmoid)
    game.more = {"losses": (lambda real, fake: bce(real, 1.0) + bce(fake, 0.0), lambda fake: bce(fake, 1.0))}
    return game


@fault("large logits")
def far_out() -> Game:
    return behind(plane(), "D", lambda x: 1e4 * x)


@fault("saturated")
def at_the_ends() -> Game:
    return behind(plane(), "G", lambda x: torch.tanh(1e4 * x))


@fault("off centre")
def not_centred() -> Game:
    game = plane()
    game.batch = game.batch + 100
    return game


@fault("rate too large")
def a_rate_of_one_half() -> Game:
    game = plane()
    game.optimizers["G"] = torch.optim.Adam(game.G.parameters(), lr=0.5)
    return game


@fault("sparse gradient")
def a_sparse_table_and_adam() -> Game:
    return labelled(sparse=True)


@fault("starts at 0")
def d_says_0_at_first() -> Game:
    game = plane()
    nn.init.zeros_(next(part for part in reversed(list(game.D.modules())) if isinstance(part, nn.Linear)).weight)
    return game


def with_losses(d_loss, g_loss=lambda fake: F.softplus(-fake).mean(), end=None) -> Game:
    game = behind(plane(), "D", end)
    game.more = {"losses": (d_loss, g_loss)}
    return game


def right(real, fake):
    return F.softplus(-real).mean() + F.softplus(fake).mean()


@fault("wrong sign")
def d_turned() -> Game:
    return with_losses(lambda real, fake: right(-real, -fake))


@fault("wrong sign")
def g_turned() -> Game:
    return with_losses(right, lambda fake: F.softplus(fake).mean())


@fault("wrong sign")
def g_maximises() -> Game:
    game = plane()
    game.optimizers["G"] = torch.optim.Adam(game.G.parameters(), maximize=True)
    return game


@fault("real as fake")
def one_target_for_both() -> Game:
    return with_losses(lambda real, fake: F.softplus(-real).mean() + F.softplus(-fake).mean())


@fault("broadcast")
def a_column_against_a_row() -> Game:
    row = torch.ones(64)
    return with_losses(lambda real, fake: ((real - row) ** 2).mean() + (fake**2).mean(), end=lambda x: x[:, None])


@fault("loss no tensor")
def a_number() -> Game:
    return with_losses(lambda real, fake: right(real, fake).item())


@fault("loss detached")
def a_loss_of_detached_logits() -> Game:
    return with_losses(right, lambda fake: -fake.detach().mean())


@fault("loss not finite")
def the_log_of_a_sigmoid_that_is_0() -> Game:
    def log(x):
        return -torch.log(torch.sigmoid(x * 1e6)).mean()

    return with_losses(lambda real, fake: log(real) + log(-fake), log)


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        return grad * 2


@fault("failed")
def a_penalty_through_what_is_differentiable_once() -> Game:
    game = behind(plane(), "D", before=Once.apply)
    game.more = {"penalty": True}
    return game


CASES = [(cause, make) for cause, made in FAULTS.items() for make in made]
