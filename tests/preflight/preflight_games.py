"""Games for `ganlab.check`: small ones that have a fault, and small ones that have none."""

import copy
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

import ganlab
from ganlab import nets, preflight


@dataclass
class Game:
    """What `check` takes. `repair` is what a fault's builder has to change of a healthy game."""

    G: nn.Module
    D: nn.Module
    batch: torch.Tensor
    optimizers: dict = field(default_factory=dict)
    more: dict = field(default_factory=dict)

    def __post_init__(self):
        self.own()

    def own(self) -> None:
        """An optimizer for each, made now."""
        self.optimizers = {"G": torch.optim.Adam(self.G.parameters()), "D": torch.optim.Adam(self.D.parameters())}

    def check(self) -> preflight.Report:
        return ganlab.check(self.G, self.D, self.optimizers, self.batch, **self.more)


def plane() -> Game:
    torch.manual_seed(0)
    return Game(nets.mlp_generator((2,)), nets.mlp_discriminator((2,)), torch.randn(64, 2))


def pictures() -> Game:
    torch.manual_seed(0)
    G, D = nets.dcgan_generator((1, 32, 32), width=4), nets.dcgan_discriminator((1, 32, 32), width=4)
    return Game(G, D, torch.rand(8, 1, 32, 32) * 2 - 1)


class Through(nn.Module):
    """A network behind or in front of something."""

    def __init__(self, net, before=None, after=None):
        super().__init__()
        self.net, self.before, self.after = net, before, after
        if hasattr(net, "latent"):
            self.latent = net.latent

    def forward(self, x):
        x = x if self.before is None else self.before(x)
        return self.net(x) if self.after is None else self.after(self.net(x))


def behind(game: Game, player: str, after=None, before=None) -> Game:
    setattr(game, player, Through(getattr(game, player), before, after))
    game.own()
    return game


FAULTS = {}


def fault(cause: str):
    def note(make):
        FAULTS.setdefault(cause, []).append(make)
        return make

    return note


@fault("owns nothing")
def rebuilt():
    game = plane()
    game.D = copy.deepcopy(game.D)
    return game


@fault("strangers")
def old_weights():
    game = plane()
    game.D.body[1] = nn.Linear(2, 128)
    return game


@fault("left out")
def added_later():
    game = plane()
    game.D.head = nn.Linear(1, 1)
    game.D.register_forward_hook(lambda net, _, out: net.head(out[:, None])[:, 0])
    return game


@fault("foreign parameters")
def g_holds_d():
    game = plane()
    game.optimizers["G"] = torch.optim.Adam([*game.G.parameters(), *game.D.parameters()])
    return game


@fault("one optimizer")
def one():
    game = plane()
    game.optimizers = dict.fromkeys("GD", torch.optim.Adam([*game.G.parameters(), *game.D.parameters()]))
    return game


@fault("shared")
def one_layer_in_both():
    game = plane()
    game.D = nn.Sequential(nn.Linear(2, 128), game.G.body[3], nn.ReLU(), nn.Linear(128, 1), nn.Flatten(0))
    game.own()
    return game


@fault("frozen")
def d_frozen():
    game = plane()
    game.D.requires_grad_(False)
    return game


@fault("rate 0")
def no_rate():
    game = plane()
    game.optimizers["D"] = torch.optim.SGD(game.D.parameters(), lr=0.0)
    return game


@fault("integers")
def bytes_from_a_file():
    game = pictures()
    game.batch = torch.randint(256, (8, 1, 32, 32), dtype=torch.uint8)
    return game


@fault("data not finite")
def a_nan_in_the_data():
    game = pictures()
    game.batch[3, 0, 2, 2] = torch.nan
    return game


@fault("one sample")
def one_picture_over_and_over():
    game = pictures()
    game.batch = game.batch[:1].expand(8, -1, -1, -1)
    return game


@fault("range")
def not_scaled():
    game = pictures()
    game.batch = game.batch * 127.5 + 127.5
    return game


@fault("range")
def a_relu_at_the_end():
    return behind(pictures(), "G", torch.relu)


@fault("half of the range")
def scaled_to_0_and_1():
    game = pictures()
    game.batch = game.batch / 2 + 0.5
    return game


@fault("scale")
def far_wider():
    game = plane()
    game.batch = game.batch * 1e4
    return game


@fault("shape")
def another_size():
    game = pictures()
    game.G = nets.dcgan_generator((1, 64, 64), width=4)
    game.D = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16, 1), nn.Flatten(0))
    game.own()
    return game


@fault("dtype")
def from_numpy():
    game = plane()
    game.batch = game.batch.double()
    return game


@fault("dtype")
def half_data():
    game = plane()
    game.batch = game.batch.half()
    return game


@fault("dtype")
def half_g():
    game = plane()
    game.G.half()
    return game


@fault("devices")
def elsewhere():
    game = plane()
    game.D.to("meta")
    game.own()
    return game


@fault("failed")
def labels_missing():
    game = plane()
    game.D = nn.Bilinear(2, 10, 1)
    game.own()
    return game


@fault("failed")
def a_list_of_samples():
    return behind(plane(), "G", list)


@fault("samples")
def half_as_many():
    return behind(plane(), "G", lambda x: x[::2])


@fault("averaged")
def averaged_in_d():
    return behind(plane(), "D", torch.mean)


@fault("column")
def a_column():
    return behind(plane(), "D", lambda x: x[:, None])


@fault("several outputs")
def with_features():
    return behind(plane(), "D", lambda x: (x, x[:, None].expand(-1, 3)))


@fault("several numbers")
def of_two_classes():
    return behind(plane(), "D", lambda x: torch.stack([x, -x], 1))


@fault("not logits")
def a_sigmoid():
    return behind(plane(), "D", torch.sigmoid)


@fault("not logits")
def a_tanh_squeezed():
    return behind(plane(), "D", lambda x: torch.tanh(x[:, None]).squeeze(1))


@fault("not finite")
def a_weight_too_large():
    game = plane()
    with torch.no_grad():
        game.D.body[4].weight[0, 0] = torch.inf
    return game


@fault("eval mode")
def looked_at_samples():
    game = pictures()
    game.G.eval()
    return game


@fault("eval mode")
def a_layer_left_behind():
    game = pictures()
    next(part for part in game.D.modules() if isinstance(part, nn.BatchNorm2d)).eval()
    return game


@fault("batch norm under a penalty")
def wgan_gp_on_a_dcgan():
    game = pictures()
    game.more = {"penalty": True}
    return game


@fault("batch norm, small batch")
def two_at_a_time():
    game = plane()
    game.G, game.batch = Through(nn.Sequential(nn.Linear(10, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))), game.batch[:2]
    game.G.latent = 10
    game.own()
    return game


@fault("batch norm, small batch")
def one_at_a_time():
    game = two_at_a_time()
    game.batch = game.batch[:1]
    return game


@fault("detached")
def through_numpy():
    return behind(plane(), "G", lambda x: torch.tensor(x.tolist()))


@fault("no graph in D")
def hard_answers():
    return behind(plane(), "D", lambda x: (x > 0).float())


@fault("no slope")
def d_detaches():
    return behind(plane(), "D", before=lambda x: x.detach())


@fault("z unused")
def g_without_z():
    return behind(plane(), "G", before=torch.zeros_like)


@fault("unreached")
def a_part_not_used():
    game = plane()
    game.G.spare = nn.Linear(3, 3)
    game.own()
    return game


@fault("zero gradient")
def dead():
    game = plane()
    with torch.no_grad():
        game.G.body[3].weight.zero_()
    return game


@fault("zero gradient")
def clamped_logits():
    return behind(plane(), "D", lambda x: x.clamp(5, 6))


@fault("gradient not finite")
def a_root_at_zero():
    return behind(plane(), "D", lambda x: x + (x - x.detach()).square().sqrt())


@fault("loose tensors")
def not_registered():
    game = plane()
    game.G.mean = torch.zeros(2)
    return game


@fault("not saved")
def a_function_in_the_state():
    class WithState(nn.Linear):
        def get_extra_state(self):
            return {"of": Path("a/b")}

        def set_extra_state(self, state):
            pass

    game = plane()
    game.D.spare = WithState(1, 1)
    game.D.register_forward_hook(lambda net, _, out: net.spare(out[:, None])[:, 0])
    game.own()
    return game
