"""What D is shown: labels beside samples, samples seen before, means on the other side, noise; calls in G's step."""

import numpy as np
import pytest
import torch
from small import D, G
from torch import nn
from torch.nn.functional import one_hot, softplus

from ganlab.monitor import Monitor
from ganlab.monitor._given import codes, label_gap
from ganlab.monitor._memory import KEPT, Memory
from ganlab.monitor._shown import SHOWN, Shown
from ganlab.population import build


class Conditional(nn.Module):
    """D(x, label), of a whole number or of a row with a single 1."""

    def __init__(self, count):
        super().__init__()
        self.count, self.body = count, nn.Linear(2 + count, 1)

    def forward(self, x, label):
        label = one_hot(label, self.count).float() if label.ndim == 1 else label
        return self.body(torch.cat([x, label], 1))


def played(loop, d=None, steps=4, seeds=0):
    torch.manual_seed(0)
    g, other = build(G, D, seeds)
    d = d or other
    step_d, step_g = (torch.optim.SGD(net.parameters(), lr=0.01) for net in (d, g))
    with Monitor({"D": (d, step_d), "G": (g, step_g)}) as monitor:
        for _ in range(steps):
            loop(g, d, step_d, step_g)
    return monitor


def labelled(kind, shuffled):
    def loop(g, d, step_d, step_g):
        label = torch.randint(3, (40,))
        real = 5.0 * label[:, None] + torch.randn(40, 2)
        label = label[torch.randperm(40)] if shuffled else label
        given = one_hot(label, 3).float() if kind == "rows" else label
        step_d.zero_grad()
        fake = g(torch.randn(40, 4))
        (softplus(-d(real, given)) + softplus(d(fake.detach(), given))).mean().backward()
        step_d.step()
        step_g.zero_grad()
        softplus(-d(fake, given)).mean().backward()
        step_g.step()

    return loop


@pytest.mark.parametrize("kind", ["rows", "numbers"])
def test_labels_that_go_with_their_samples_are_told_from_labels_that_were_shuffled(kind):
    whole, shuffled = (played(labelled(kind, way), Conditional(3)).game().label_gap for way in (False, True))
    assert (whole < 0.1).all() and (abs(shuffled - 1) < 0.3).all()


def test_without_labels_there_is_no_gap():
    def loop(g, d, step_d, step_g):
        (softplus(-d(torch.randn(6, 2))) + softplus(d(g(torch.randn(6, 4)).detach()))).mean().backward()
        step_d.step()
        step_g.step()

    assert played(loop).game().label_gap.isna().all()


def test_the_gap_is_the_ratio_of_mean_squared_distances():
    x, labels = torch.randn(9, 4, dtype=torch.float64), torch.randint(3, (9,))
    pairs = [(i, j) for i in range(9) for j in range(9) if i != j]
    far = {pair: (x[pair[0]] - x[pair[1]]).square().sum().item() for pair in pairs}
    same, other = ([far[i, j] for i, j in pairs if (labels[i] == labels[j]) == alike] for alike in (True, False))
    assert label_gap(x, labels, 1).item() == pytest.approx(np.mean(same) / np.mean(other))
    both = label_gap(torch.stack([x, 2 * x]), torch.stack([labels, labels]), 2)
    assert both.tolist() == pytest.approx([np.mean(same) / np.mean(other)] * 2)


@pytest.mark.parametrize("labels", [torch.zeros(5), torch.arange(5), torch.tensor([0, 0, 1, 1, -1])])
def test_there_is_no_gap_where_all_or_none_have_one_label_or_one_is_no_label(labels):
    assert label_gap(torch.randn(5, 2), labels.long(), 1).isnan()


def test_a_label_is_a_whole_number_or_a_row_with_a_single_1():
    x, row = torch.randn(3, 2), torch.eye(3)
    assert codes([x], 1) is None and codes([torch.eye(3)], 1) is None  # the samples themselves
    assert codes([x, row], 1).tolist() == [0, 1, 2]
    assert codes([x, torch.tensor([[2], [0], [1]])], 1).tolist() == [2, 0, 1]
    assert codes([x, torch.full((3, 4), 0.5)], 1).tolist() == [-1, -1, -1]
    assert codes([x, torch.randn(3)], 1) is None
    assert codes([x, torch.arange(5)], 1) is None  # none for each sample
    assert codes([torch.arange(3)], 1) is None and codes([], 1) is None  # no samples


@pytest.mark.parametrize("count", [2, 5, 40])
def test_whole_numbers_that_are_no_label_stop_no_training(count):
    """A list of indices for the whole batch has another length than the batch, or by chance the same."""

    class Indexed(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.shift = nn.Linear(2, 1), nn.Embedding(count, 1)

        def forward(self, x, indices):
            return self.body(x) + self.shift(indices).mean()

    def loop(g, d, step_d, step_g):
        indices, fake = torch.arange(count), g(torch.randn(40, 4))
        (softplus(-d(torch.randn(40, 2), indices)) + softplus(d(fake.detach(), indices))).mean().backward()
        step_d.step()
        softplus(-d(fake, indices)).mean().backward()
        step_g.step()

    assert played(loop, Indexed()).game().label_gap.isna().all()


def test_the_share_seen_before_tells_how_many_samples_there_are():
    memory, dice, found = Memory(), torch.Generator().manual_seed(0), []
    for _ in range(30):
        share, before = memory.add(torch.randint(500, (16,), generator=dice))
        found.append(before / -np.log1p(-share.item()) if share > 0 else np.nan)
    assert 350 < np.nanmedian(found) < 700


def test_the_memory_fills_up_and_each_member_has_its_own():
    memory = Memory()
    memory.add(torch.stack([torch.arange(1000), torch.zeros(1000, dtype=torch.long)]))
    share, before = memory.add(torch.stack([torch.arange(500, 1500)] * 2))
    assert share.tolist() == [0.5, 0] and before.tolist() == [1000, 1000]
    for k in range(8):
        share, before = memory.add(torch.full((2, 1000), 2000 + k))
    assert before[0] < KEPT + 1000 and memory.add(torch.full((2, 1000), 1))[0].tolist() == [1, 0]


def test_means_are_apart_in_widths_of_the_data_and_turn_where_they_change_sides():
    shown, real = Shown(1), torch.randn(4000, 3)
    rows = {}
    for number, shift in enumerate((2.0, 1.0, -2.0)):
        found = shown.rows(real, real.flip(0) + shift * torch.tensor([1.0, 0.0, 0.0]))
        rows[number] = dict(zip(SHOWN, found.tolist(), strict=True))
    gaps, turns = ([row[name] for row in rows.values()] for name in ("mean_gap", "mean_turn"))
    assert gaps == pytest.approx([2 / 3**0.5, 1 / 3**0.5, 2 / 3**0.5], rel=0.05)
    assert turns == pytest.approx([1, 1, -1], abs=0.01)


def drowned(sigma):
    def loop(g, d, step_d, step_g):
        real, fake = torch.randn(64, 2), g(torch.randn(64, 4))
        noisy = [x.detach() + sigma * torch.randn_like(x) for x in (real, fake)]
        step_d.zero_grad()
        (softplus(-d(noisy[0])) + softplus(d(noisy[1] if sigma else fake.detach()))).mean().backward()
        step_d.step()
        step_g.zero_grad()
        softplus(-d(fake)).mean().backward()
        step_g.step()

    return loop


def test_noise_on_both_batches_is_louder_than_what_the_generator_gave():
    assert (played(drowned(10.0)).game().loudness > 5).all()
    assert played(drowned(0.0)).game().loudness.isna().all()  # D was called on the samples themselves


@pytest.mark.parametrize(("cut", "expected"), [(True, 1), (False, 0)])
def test_calls_in_the_step_of_g_that_teach_it_nothing_are_counted(cut, expected):
    def loop(g, d, step_d, step_g):
        step_d.zero_grad()
        fake = g(torch.randn(6, 4))
        (softplus(-d(torch.randn(6, 2))) + softplus(d(fake.detach()))).mean().backward()
        step_d.step()
        step_g.zero_grad()
        (softplus(-d(fake.detach() if cut else fake)).mean() + fake.square().mean()).backward()
        step_g.step()

    game = played(loop).game()
    assert (game.cut_calls == expected).all() and game.g_slope.isna().all() == cut


def test_where_one_call_serves_both_losses_the_slope_of_each_is_seen():
    """D is called once on the generated samples; each loss asks for its own player's gradient."""

    def loop(g, d, step_d, step_g):
        step_d.zero_grad()
        step_g.zero_grad()
        logits = d(g(torch.randn(6, 4)))
        d_loss = softplus(-d(torch.randn(6, 2))).mean() + softplus(logits).mean()
        d_loss.backward(inputs=list(d.parameters()), retain_graph=True)
        softplus(-logits).mean().backward(inputs=list(g.parameters()))
        step_d.step()
        step_g.step()

    def one_after_the_other(g, d, step_d, step_g):
        step_d.zero_grad()
        made = g(torch.randn(6, 4))
        (softplus(-d(torch.randn(6, 2))).mean() + softplus(d(made)).mean()).backward(retain_graph=True)
        step_d.step()
        step_g.zero_grad()
        softplus(-d(made)).mean().backward()
        step_g.step()

    game = played(one_after_the_other).game()
    assert (game.fake_slope > 0).all() and (game.g_slope < 0).all()  # D's loss went on to G, and is not taken for G's
    game = played(loop).game()
    assert (game.fake_slope > 0).all() and (game.g_slope < 0).all()


def test_gradients_that_are_asked_for_and_put_in_place_carry_nothing():
    def loop(g, d, step_d, step_g):
        fake = g(torch.randn(6, 4))
        d_loss = (softplus(-d(torch.randn(6, 2))) + softplus(d(fake.detach()))).mean()
        for p, grad in zip(d.parameters(), torch.autograd.grad(d_loss, list(d.parameters())), strict=True):
            p.grad = grad
        step_d.step()
        g_loss = softplus(-d(fake)).mean()
        for p, grad in zip(g.parameters(), torch.autograd.grad(g_loss, list(g.parameters())), strict=True):
            p.grad = grad
        step_g.step()

    def thrown_away(g, d, step_d, step_g):
        """What this pass adds is no part of the next step: other gradients are put in its place."""
        loop(g, d, step_d, step_g)
        softplus(d(g(torch.randn(6, 4)))).mean().backward()

    def added(g, d, step_d, step_g):
        """To what was put there a backward pass adds, in place of an assignment."""
        loop(g, d, step_d, step_g)
        softplus(d(g(torch.randn(6, 4)).detach())).mean().backward()
        step_d.step()

    for nothing in (loop, thrown_away):
        assert (played(nothing).moves().query("phase == net").carried.dropna() == 0).all()
    assert (played(added).moves().query("phase == net").carried.dropna()[2:] > 0).any()
