"""Players that share parameters: G learns through the weights as D's step has left them."""

import pytest
import torch
from small import TwoModes
from torch import nn
from torch.nn.functional import softplus

from ganlab import losses
from ganlab.population import Population
from ganlab.train import Recipe, Stream, Trainer

ADAM = {"optimizer_g": "adam", "optimizer_d": "adam", "lr_g": 0.01, "lr_d": 0.02}
SGD = {"optimizer_g": "sgd", "optimizer_d": "sgd", "lr_g": 0.05, "lr_d": 0.1}
TORCH = {"adam": lambda p, lr: torch.optim.Adam(p, lr, (0.5, 0.999), fused=True), "sgd": torch.optim.SGD}
MIDDLE = ("2.weight", "2.bias")


class Player(nn.Sequential):
    """Two numbers in. As D its logit is the first of two."""

    latent, shape = 2, (2,)

    def __init__(self, judge: bool):
        super().__init__(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 8), nn.LeakyReLU(0.2), nn.Linear(8, 2))
        self.judge = judge

    def forward(self, x):
        return super().forward(x)[..., 0] if self.judge else super().forward(x)


def pair(seed: int, share=MIDDLE) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(seed)
    G, D = Player(False).double(), Player(True).double()
    for name in share:
        layer, leaf = name.split(".")
        setattr(D[int(layer)], leaf, getattr(G[int(layer)], leaf))
    return G, D


def members(seeds, share=MIDDLE) -> tuple[nn.Module, nn.Module]:
    """The same pairs side by side; what is shared is shared once more."""
    G, D = (Population(list(nets)) for nets in zip(*(pair(seed, share) for seed in seeds), strict=True))
    for name in share:
        own = name.replace(".", "/")
        setattr(D, own, getattr(G, own))
    return G, D


def weights(*nets: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for net in nets for p in net.parameters()])


def by_hand(seed: int, recipe: Recipe, steps: int, anew: bool = True) -> torch.Tensor:
    """The loop written out; `anew`: the fakes of G's step are made after D's step."""
    G, D = pair(seed)
    stream = Stream(TwoModes(), 2, recipe.batch, seed, critic_steps=recipe.critic_steps)
    g_step = TORCH[recipe.optimizer_g](G.parameters(), recipe.lr_g)
    d_step = TORCH[recipe.optimizer_d](D.parameters(), recipe.lr_d)
    for _ in range(steps):
        for real, z in stream.next():
            fake = G(z)
            d_step.zero_grad()
            (softplus(-D(real)) + softplus(D(fake.detach()))).mean().backward()
            d_step.step()
        if anew:
            fake = G(z)
        g_step.zero_grad()
        softplus(-D(fake)).mean().backward()
        g_step.step()
    return weights(G, D)


def trained(nets, recipe, seeds, steps=12, **options) -> Trainer:
    return Trainer(*nets, TwoModes(), recipe, seeds=seeds).fit(steps, progress=False, **options)


@pytest.mark.parametrize("critic_steps", [1, 2])
@pytest.mark.parametrize("rule", [ADAM, SGD], ids=["adam", "sgd"])
def test_single_networks_and_members_train_as_by_hand(double, rule, critic_steps):
    recipe = Recipe(batch=16, critic_steps=critic_steps, **rule)
    expected = [by_hand(seed, recipe, 12) for seed in (0, 1)]
    for seed in (0, 1):
        alone = trained(pair(seed), recipe, seed)
        torch.testing.assert_close(weights(alone.G, alone.D), expected[seed], rtol=0, atol=1e-9)
    both = trained(members((0, 1)), recipe, [0, 1])
    for k in (0, 1):
        ours = weights(both.G.member(k), both.D.member(k))
        torch.testing.assert_close(ours, expected[k], rtol=0, atol=1e-9)


def test_fakes_of_before_the_step_of_d_give_other_numbers(double):
    """With torch's fused Adam without a word: it does not count as a change of the weights."""
    recipe = Recipe(batch=16, **ADAM)
    new, old = by_hand(0, recipe, 12), by_hand(0, recipe, 12, anew=False)
    ours = trained(pair(0), recipe, 0)
    torch.testing.assert_close(weights(ours.G, ours.D), new, rtol=0, atol=1e-9)
    assert (old - new).abs().max() > 1e-3
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        by_hand(0, Recipe(batch=16, **SGD), 1, anew=False)


@pytest.mark.parametrize("more", [{}, {"loss": "relativistic"}, {"unroll": 2}, {"penalty": "r1", "ema": 0.9}], ids=str)
@pytest.mark.parametrize("seeds", [0, [0, 1]], ids=["alone", "members"])
def test_recorded_steps_are_the_eager_ones(seeds, more):
    recipe = Recipe(batch=16, **ADAM, **more)
    nets = [pair(0) if seeds == 0 else members(seeds) for _ in range(2)]
    nets = [(G.float(), D.float()) for G, D in nets]
    eager, recorded = (trained(n, recipe, seeds, capture=on) for n, on in zip(nets, (False, True), strict=True))
    assert recorded.engine.replayed > 5
    assert torch.equal(weights(eager.G, eager.D), weights(recorded.G, recorded.D))


@pytest.mark.parametrize("share", [(), MIDDLE], ids=["nothing", "a layer"])
def test_fakes_are_made_once_more_only_where_something_is_shared(share):
    G, D = (net.float() for net in pair(0, share))
    calls = []
    G.register_forward_hook(lambda *_: calls.append(torch.is_grad_enabled()))
    trained((G, D), Recipe(batch=16, critic_steps=2, **ADAM), 0, steps=1)
    assert calls == ([False, True] if not share else [False, False, True])


def test_a_run_goes_on_from_a_checkpoint(tmp_path):
    recipe, path = Recipe(batch=16, **ADAM), tmp_path / "run.pt"
    nets = [[net.float() for net in pair(0)] for _ in range(3)]
    whole = trained(nets[0], recipe, 0, steps=6)
    trained(nets[1], recipe, 0, steps=3, checkpoint=path)
    again = trained(nets[2], recipe, 0, steps=6, checkpoint=path)
    assert torch.equal(weights(whole.G, whole.D), weights(again.G, again.D))
    assert again.D[2].weight is again.G[2].weight


@pytest.mark.parametrize("optimizer", ["extra_sgd", "extra_adam"])
def test_a_look_ahead_would_be_undone_and_is_refused(optimizer):
    recipe = Recipe(batch=16, optimizer_g=optimizer, optimizer_d=optimizer)
    with pytest.raises(ValueError, match=r"share parameters \(2.weight, 2.bias\), and with 'extra_"):
        Trainer(*pair(0), TwoModes(), recipe)
    Trainer(*pair(0, ()), TwoModes(), recipe)


@pytest.mark.parametrize("loss", losses.LOSSES)
def test_every_loss_trains_them(loss):
    G, D = (net.float() for net in pair(0))
    assert weights(trained((G, D), Recipe(loss=loss, batch=16, **ADAM), 0, steps=3).G).isfinite().all()
