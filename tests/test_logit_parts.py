"""Which tensors of a discriminator's output are its logits, for the Monitor, the penalties, `check` and Trainer."""

import pytest
import torch
from torch import nn

from ganlab._modules import as_logits, logit_parts
from ganlab.monitor import Monitor
from ganlab.penalties import r1
from ganlab.population import Population

L, COLUMN, MAP, H, FLAT = (torch.zeros(shape) for shape in ((4,), (4, 1), (4, 1, 3, 3), (4, 5), (4, 9)))
COUNT = torch.zeros(4, dtype=torch.long)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (L, [L]),
        (H, [H]),  # one tensor is taken as it is
        ([MAP, L], [MAP, L]),
        ((L, H), [L]),
        ((H, L), [L]),
        ((H, COLUMN, L), [COLUMN]),
        ({"features": [H, H], "logits": MAP}, [MAP]),
        ([[H, MAP], [H, MAP]], [MAP, MAP]),
        ([(L, H), (MAP, H)], [L, MAP]),
        ((H, FLAT), [H]),  # nothing has one channel: the first
        ([FLAT, H], [FLAT, H]),  # or all scales
        ((COUNT, L), [L]),
        (None, []),
        ((), []),
        (torch.tensor(1.0), []),
        ("logits", []),
    ],
)
def test_the_logits_of_an_output(output, expected):
    found = logit_parts(output)
    assert len(found) == len(expected)
    assert all(ours is theirs for ours, theirs in zip(found, expected, strict=True))


def test_behind_the_axis_of_members():
    """(N, batch) are logits, (N, batch, 5) features; of single networks (4, 5) are features."""
    logits, features = torch.zeros(4, 5), torch.zeros(4, 5, 6)
    assert logit_parts((features, logits), members=True)[0] is logits
    assert logit_parts((logits, features), members=False)[0] is logits  # nothing has one channel: the first
    assert logit_parts((logits, torch.zeros(4)), members=False)[0].shape == (4,)


def test_a_sample_s_logit_is_the_sum_over_places_and_scales():
    one, other = torch.randn(4, 1, 3, 3), torch.randn(4)
    torch.testing.assert_close(as_logits([one, other], False), one.flatten(1).sum(1) + other)
    both = torch.stack([one, one + 1])
    torch.testing.assert_close(as_logits(both, True), both.flatten(2).sum(2))
    with pytest.raises(TypeError, match=r"D made a tuple of \(4, 5\), \(4, 9\), which may hold more than logits"):
        as_logits((H, FLAT), False)


class Patches(nn.Module):
    """Features first, then a map of logits."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 3, 3), nn.Conv2d(3, 1, 2)

    def forward(self, x):
        h = self.first(x).tanh()
        return h, self.last(h)


def test_a_population_pays_the_penalty_of_its_members():
    torch.manual_seed(0)
    members, x = [Patches(), Patches()], torch.randn(2, 4, 1, 6, 6)
    ours = r1(Population(members), x)
    theirs = torch.stack([r1(lambda x, D=D: D(x)[1].flatten(1).sum(1), x[k]) for k, D in enumerate(members)])
    torch.testing.assert_close(ours, theirs)


def test_the_monitor_reads_logits_that_stand_behind_features():
    torch.manual_seed(0)
    G, D = nn.Sequential(nn.Linear(2, 36), nn.Unflatten(1, (1, 6, 6))), Patches()
    adam = {name: torch.optim.SGD(net.parameters(), lr=1e-9) for name, net in (("G", G), ("D", D))}
    monitor = Monitor({"D": (D, adam["D"]), "G": (G, adam["G"])})
    real, z = torch.randn(8, 1, 6, 6), torch.randn(8, 2)
    fake = G(z)
    on_real, on_fake = D(real)[1], D(fake.detach())[1]
    (on_fake - on_real).mean().backward()
    adam["D"].step()
    adam["G"].zero_grad()
    (-D(fake)[1].mean()).backward()
    adam["G"].step()
    row = monitor.game().iloc[-1]
    assert [row.real_logit, row.fake_logit] == pytest.approx([on_real.mean().item(), on_fake.mean().item()], rel=1e-4)
    assert row.real_accuracy == pytest.approx((on_real > 0).float().mean().item())
