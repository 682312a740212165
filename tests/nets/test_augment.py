"""Augmented discriminators: each change against numpy, what it may do to an image, gradients, populations, the loop."""

import numpy as np
import pytest
import torch
from torch import nn

from ganlab import nets, penalties
from ganlab.data import load
from ganlab.nets import AUGMENTATIONS, Augmented
from ganlab.population import Population, build
from ganlab.train import Recipe, Trainer

MANY = 400


class Seen(nn.Module):
    """A discriminator that keeps what it saw."""

    def forward(self, x):
        self.x = x
        return x.flatten(1).mean(1)


def changed(x: torch.Tensor, kind: str, p: float = 1.0, fill: float = -1.0) -> torch.Tensor:
    torch.manual_seed(0)
    return Augmented(Seen(), [kind], p, fill).augment(x)


def copies(size: int = 8) -> torch.Tensor:
    """The same picture many times, no two pixels alike."""
    return torch.linspace(-0.9, 0.9, 2 * size * size).reshape(1, 2, size, size).repeat(MANY, 1, 1, 1)


def test_a_shifted_image_is_one_of_the_nine_of_numpy():
    padded = np.pad(copies()[0].numpy(), ((0, 0), (1, 1), (1, 1)), constant_values=-1.0)
    nine = {padded[:, i : i + 8, j : j + 8].tobytes() for i in range(3) for j in range(3)}
    found = [image.numpy().tobytes() for image in changed(copies(), "shift")]
    assert set(found) == nine  # all of them, and no other
    counts = np.unique(found, return_counts=True)[1]
    assert counts.min() > MANY / 9 / 2, "each as likely as the others"


def test_a_large_image_is_moved_by_an_eighth():
    point = torch.full((MANY, 1, 32, 32), -1.0)
    point[:, :, 16, 16] = 1.0
    places = (changed(point, "shift") == 1).nonzero()[:, 2:]
    assert sorted(set(places.flatten().tolist())) == list(range(12, 21))


def test_a_cutout_is_one_square_of_half_the_side():
    holes = changed(copies(), "cutout") == -1
    assert holes.flatten(1).any(1).all()
    for hole in holes[:, 0]:
        rows, columns = (hole.any(axis).nonzero().flatten() for axis in (1, 0))
        assert hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all(), "a rectangle"
        assert len(rows) <= 4 and len(columns) <= 4
        for found in (rows, columns):  # whole, unless it hangs over the edge
            assert len(found) == 4 or found[0] == 0 or found[-1] == 7
    assert torch.equal(holes[:, 0], holes[:, 1]), "in all channels"
    assert holes.float().mean((0, 1)).min() > 0.1, "anywhere"


def test_brightness_adds_one_number_and_contrast_keeps_the_mean():
    x = copies()
    added = (changed(x, "brightness") - x).flatten(1)
    assert added.std(1).max() < 1e-6 and added.abs().max() <= 0.5 and added[:, 0].std() > 0.25
    scaled = changed(x, "contrast")
    assert torch.allclose(scaled.mean((1, 2, 3)), x.mean((1, 2, 3)), atol=1e-6)
    factor = scaled.flatten(1).std(1) / x.flatten(1).std(1)
    assert 0.5 <= factor.min() < 0.6 and 1.4 < factor.max() <= 1.5


def test_flip_is_numpys():
    assert np.array_equal(changed(copies(), "flip").numpy(), copies().numpy()[..., ::-1])


@pytest.mark.parametrize("kind", AUGMENTATIONS)
@pytest.mark.parametrize("p", [0.0, 0.3])
def test_p_is_the_share_of_changed_images(kind, p):
    same = (changed(copies(), kind, p) == copies()).flatten(1).all(1).float().mean().item()
    kept = 1 - p + (p / 9 if kind == "shift" else 0)  # one shift in nine is none
    assert same == pytest.approx(kept, abs=0.08 if p else 1e-9)


def test_eval_and_the_wrapped_network_see_the_images_as_they_are():
    D, x = Augmented(nets.mlp_discriminator((1, 8, 8)), ["cutout"]), torch.randn(5, 1, 8, 8)
    assert torch.equal(D.eval()(x), D.D(x))
    assert not torch.equal(D.train()(x), D.D(x))
    assert D.shape == (1, 8, 8)


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_the_gradient_is_that_of_finite_differences(kind):
    """Of the same draw; twice, as R1 needs it."""
    x = torch.randn(2, 1, 4, 4, dtype=torch.float64, requires_grad=True)

    def drawn(x):
        torch.manual_seed(3)
        return AUGMENTATIONS[kind](x, 0.0).square()

    assert torch.autograd.gradcheck(drawn, x)
    assert torch.autograd.gradgradcheck(drawn, x)


def test_a_penalty_goes_through_it():
    D = Augmented(nets.mlp_discriminator((1, 8, 8)), ["shift", "contrast"])
    penalties.r1(D, torch.randn(5, 1, 8, 8)).backward()
    assert all(p.grad is not None for name, p in D.named_parameters() if "weight" in name)


def test_each_member_draws_its_own_and_has_its_own_p():
    pair = Population([Augmented(nets.mlp_discriminator((1, 8, 8)), ["shift", "cutout"]) for _ in range(2)])
    pair.load_state_dict({name: value[:1].expand_as(value) for name, value in pair.state_dict().items()})
    x = torch.randn(1, 50, 1, 8, 8).expand(2, -1, -1, -1, -1)
    one, other = pair(x)
    assert not torch.equal(one, other)
    dict(pair.named_buffers())["p"][1] = 0.0
    one, other = pair(x)
    assert torch.allclose(other, pair.eval()(x)[1]) and not torch.allclose(one, pair(x)[0])


def gan(capture: bool) -> Trainer:
    pair = build(
        lambda: nets.mlp_generator((1, 8, 8), 4, 8),
        lambda: Augmented(nets.mlp_discriminator((1, 8, 8), 8), ["shift", "cutout"]),
        [0, 1],
    )
    torch.manual_seed(0)
    trainer = Trainer(*pair, load("digits"), Recipe(batch=8, penalty="r1"), seeds=[0, 1])
    return trainer.fit(40, capture=capture, progress=False)


def test_recorded_steps_draw_as_played_ones():
    played, recorded = gan(False), gan(True)
    for one, other in zip(played.D.parameters(), recorded.D.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_training_looks_at_changed_images():
    """The control: with the same seed and p = 0, D ends elsewhere."""
    plain = gan(False)
    torch.manual_seed(0)
    pair = build(
        lambda: nets.mlp_generator((1, 8, 8), 4, 8),
        lambda: Augmented(nets.mlp_discriminator((1, 8, 8), 8), ["shift", "cutout"], p=0.0),
        [0, 1],
    )
    other = Trainer(*pair, load("digits"), Recipe(batch=8, penalty="r1"), seeds=[0, 1]).fit(40, progress=False)
    assert not torch.allclose(next(plain.D.parameters()), next(other.D.parameters()), atol=1e-3)


@pytest.mark.parametrize(
    ("kinds", "p", "message"),
    [
        ("shift", 1.0, "a list of names"),
        ([], 1.0, "a list of names"),
        (["turn"], 1.0, "unknown augmentation 'turn'; known: brightness"),
        (["shift"], 1.1, "p=1.1"),
        (["shift"], float("nan"), "p=nan"),
    ],
)
def test_bad_arguments(kinds, p, message):
    with pytest.raises(ValueError, match=message):
        Augmented(Seen(), kinds, p)


def test_points_in_the_plane_are_no_images():
    with pytest.raises(ValueError, match=r"\(5, 2\): images are"):
        Augmented(nets.mlp_discriminator((2,)), ["shift"])(torch.randn(5, 2))
