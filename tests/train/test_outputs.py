"""What a Trainer makes of discriminators that give more than one tensor, against losses written out by hand."""

import pytest
import torch
from small import TwoModes
from torch import nn
from torch.nn.functional import softplus

from ganlab.data import Dataset
from ganlab.monitor import Monitor
from ganlab.population import build
from ganlab.train import Controller, Recipe, Rule, Trainer

PICTURES = -1 + 2 * torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))


class Pictures(nn.Sequential):
    latent, shape = 4, (1, 8, 8)

    def __init__(self):
        super().__init__(nn.Linear(4, 64), nn.Unflatten(1, (1, 8, 8)))


class Scales(nn.Module):
    """Two patch discriminators, the second on a picture of half the size; with `features`, as pix2pixHD gives them."""

    def __init__(self, features: bool = False):
        super().__init__()
        self.features, self.smaller = features, nn.AvgPool2d(2)
        self.first = nn.ModuleList(nn.Conv2d(1, 3, 3) for _ in range(2))
        self.last = nn.ModuleList(nn.Conv2d(3, 1, 2) for _ in range(2))

    def forward(self, x):
        found = []
        for first, last in zip(self.first, self.last, strict=True):
            h = first(x).relu()
            found.append([h, last(h)] if self.features else last(h))
            x = self.smaller(x)
        return found


class Wrapped(nn.Module):
    """`form(logits, features)` of a small network on the plane."""

    def __init__(self, form):
        super().__init__()
        self.form, self.first, self.last = form, nn.Linear(2, 8), nn.Linear(8, 1)

    def forward(self, x):
        h = self.first(x).relu()
        return self.form(self.last(h).squeeze(-1), h)


class Plane(nn.Sequential):
    latent, shape = 4, (2,)

    def __init__(self):
        super().__init__(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


FORMS = {
    "tuple": lambda logits, h: (logits, h),
    "features first": lambda logits, h: (h, logits),
    "dict": lambda logits, h: {"features": [h], "logits": logits},
    "a column": lambda logits, h: (logits[:, None], h),
    "nested": lambda logits, h: ((logits, h), h),
}


def logits_by_hand(D: Scales, x) -> list:
    return [part[-1] if D.features else part for part in D(x)]


@pytest.mark.parametrize("features", [False, True])
def test_the_losses_of_all_scales_are_added(features):
    torch.manual_seed(0)
    trainer = Trainer(Pictures(), Scales(features), Dataset.from_images(PICTURES), Recipe(batch=16, lr_d=1e-12))
    monitor = Monitor.watch(trainer)
    batch = trainer.stream.next()
    ((real, z),) = batch
    with torch.no_grad():
        on_real, on_fake = (logits_by_hand(trainer.D, x) for x in (real, trainer.G(z)))
    assert [tuple(part.shape) for part in on_real] == [(16, 1, 5, 5), (16, 1, 1, 1)]
    row = trainer.play(batch)
    d_loss = sum(softplus(-a).mean() + softplus(b).mean() for a, b in zip(on_real, on_fake, strict=True))
    torch.testing.assert_close(row[0], d_loss)
    torch.testing.assert_close(row[1], sum(softplus(-b).mean() for b in on_fake), rtol=1e-4, atol=1e-5)
    means = [torch.cat([part.flatten() for part in side]).mean() for side in (on_real, on_fake)]  # of all patches
    torch.testing.assert_close(row[2:], torch.stack(means))
    shown = monitor.game().iloc[-1]
    assert [shown.real_logit, shown.fake_logit] == pytest.approx([mean.item() for mean in means], rel=1e-4)


def weights(net) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in net.parameters()])


@pytest.mark.parametrize(
    "more", [{}, {"penalty": "r1"}, {"penalty": "wgan_gp"}, {"unroll": 2}, {"amp": "bf16"}], ids=str
)
@pytest.mark.parametrize("form", FORMS)
def test_what_holds_its_logits_trains_as_a_net_that_returns_them_alone(form, more):
    def run(make):
        torch.manual_seed(0)
        trainer = Trainer(Plane(), Wrapped(make), TwoModes(), Recipe(batch=16, lr_g=1e-2, lr_d=1e-2, **more))
        return trainer.fit(4, progress=False)

    ours, plain = run(FORMS[form]), run(lambda logits, h: logits)
    for net in ("G", "D"):
        torch.testing.assert_close(weights(getattr(ours, net)), weights(getattr(plain, net)), rtol=0, atol=1e-7)


@pytest.mark.parametrize("loss", ["hinge", "relativistic"])
@pytest.mark.parametrize("more", [{}, {"unroll": 2}, {"penalty": "r1"}], ids=str)
def test_populations_of_multi_scale_discriminators_train_as_their_members_do(loss, more):
    recipe, data = Recipe(loss=loss, batch=16, lr_g=1e-3, lr_d=1e-3, **more), Dataset.from_images(PICTURES)
    both = Trainer(*build(Pictures, Scales, [0, 1]), data, recipe, seeds=[0, 1]).fit(5, progress=False)
    alone = Trainer(*build(Pictures, Scales, 1), data, recipe, seeds=1).fit(5, progress=False)
    for name, value in alone.D.state_dict().items():
        torch.testing.assert_close(both.D.member(1).state_dict()[name], value, rtol=1e-3, atol=1e-5)


def test_a_recorded_step_of_scales_is_the_eager_one():
    def run(capture):
        torch.manual_seed(0)
        trainer = Trainer(Pictures(), Scales(), Dataset.from_images(PICTURES), Recipe(batch=16))
        return trainer.fit(6, progress=False, capture=capture)

    eager, recorded = run(False), run(True)
    assert recorded.engine.replayed > 2
    assert torch.equal(weights(eager.D), weights(recorded.D))


def test_a_rule_looks_at_the_logits_of_all_scales():
    rule = Rule("accuracy", "lr_d", low=0.0, high=0.0, every=1)
    trainer = Trainer(Pictures(), Scales(), Dataset.from_images(PICTURES), Recipe(batch=16), rule=rule)
    batch = trainer.stream.next()
    ((real, z),) = batch
    with torch.no_grad():
        on_real, on_fake = (torch.cat([p.flatten() for p in trainer.D(x)]) for x in (real, trainer.G(z)))
    alone = Controller(rule)
    alone.step(on_real, on_fake)
    trainer.play(batch)
    trainer.controller.count()
    assert trainer.controller.history.signal.item() == pytest.approx(alone.history.signal.item())


@pytest.mark.parametrize(
    ("form", "shapes"),
    [
        (lambda logits, h: (h, h), r"tuple of \(16, 8\), \(16, 8\)"),
        (lambda logits, h: [h], r"list of \(16, 8\)"),
        (lambda logits, h: None, "NoneType"),
        (lambda logits, h: {}, "dict"),
    ],
)
def test_what_holds_no_logits_is_refused(form, shapes):
    trainer = Trainer(Plane(), Wrapped(form), TwoModes(), Recipe(batch=16))
    with pytest.raises(TypeError, match=f"D gave a {shapes}: a Trainer takes logits"):
        trainer.fit(1, progress=False)
