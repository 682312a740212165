"""Loops in phases: gradients are taken in a part of the loop alone, and a generator is called by its parts."""

import copy

import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ganlab.diagnosis import diagnose
from ganlab.monitor import Monitor

ROUNDS, BATCH, LATENT = 6, 16, 4


class Mapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(LATENT, 8), nn.Tanh())
        self.synthesis = nn.ModuleList([nn.Sequential(nn.Linear(8, 8), nn.Tanh()), nn.Linear(8, 2)])

    def forward(self, z):
        if len(z) < 2:
            raise ValueError("a batch of one")
        return self.synthesis[1](self.synthesis[0](self.mapping(z)))


def by_parts(g, z):
    return g.synthesis[1](g.synthesis[0](g.mapping(z)))


def by_forward(g, z):
    return g.forward(z)


def itself(g, z):
    return g(z)


class Phases:
    """D and G step in turn, each with requires_grad on in its own phase alone."""

    def __init__(self, call=itself, off_again=True):
        torch.manual_seed(0)
        self.g, self.d = Mapped(), nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
        self.of_g, self.of_d = (torch.optim.Adam(net.parameters(), 1e-3) for net in (self.g, self.d))
        self.call, self.off_again = call, off_again
        for net in (self.g, self.d):
            net.requires_grad_(False)

    def phase(self, net, optimizer, loss):
        optimizer.zero_grad(set_to_none=True)
        net.requires_grad_(True)
        loss().backward()
        net.requires_grad_(not self.off_again)
        optimizer.step()
        net.requires_grad_(False)

    def samples(self):
        return self.call(self.g, torch.randn(BATCH, LATENT))

    def d_loss(self):
        return softplus(-self.d(torch.randn(BATCH, 2) + 2)).mean() + softplus(self.d(self.samples())).mean()

    def watched(self, rounds=ROUNDS, every=1):
        with Monitor({"D": (self.d, self.of_d), "G": (self.g, self.of_g)}, every=every) as monitor:
            for _ in range(rounds):
                self.phase(self.d, self.of_d, self.d_loss)
                self.phase(self.g, self.of_g, lambda: softplus(-self.d(self.samples())).mean())
        return monitor


def test_gradients_that_are_switched_off_in_front_of_the_step_are_used_all_the_same():
    """The networks are made without gradients, and get them in their own phase, until its backward pass is over."""
    off, on = (Phases(off_again=way).watched().gradients() for way in (True, False))
    assert set(off.status) == {"ok"} and off.grad_norm.notna().all()
    pd.testing.assert_frame_equal(off, on)


def test_such_a_loop_is_not_called_frozen():
    found = Phases().watched()
    assert not {"frozen-generator", "discriminator-frozen"} & {one.cause for one in diagnose(found)}


def test_what_takes_no_gradient_in_its_own_phase_is_frozen():
    """The control: a part of G is switched off once more."""
    loop = Phases()
    switch = loop.g.requires_grad_
    loop.g.requires_grad_ = lambda on: (switch(on), loop.g.mapping.requires_grad_(False))
    table = loop.watched().gradients()
    frozen = table.layer.str.startswith("mapping")
    assert frozen.any() and set(table[frozen].status) == {"frozen"} and set(table[~frozen].status) == {"ok"}


def test_the_monitor_leaves_requires_grad_as_it_is():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    net[0].requires_grad_(False)
    before = [p.requires_grad for p in net.parameters()]
    with Monitor({"G": (net, torch.optim.SGD(net.parameters(), 0.1))}):
        assert [p.requires_grad for p in net.parameters()] == before
    assert [p.requires_grad for p in net.parameters()] == before


@pytest.mark.parametrize("call", [by_parts, by_forward])
@pytest.mark.parametrize("every", [1, 3])
def test_a_generator_that_is_called_by_its_parts_is_seen(call, every):
    """From the second measured step on: the first shows that nobody calls the generator itself."""
    found, whole = (Phases(way).watched(9, every).game() for way in (call, itself))
    assert whole.real_calls.eq(1).all() and whole.fake_calls.eq(1).all() and len(whole) > 2
    # A part's inputs are no latents, and the others look back on the step that is not seen.
    left = ["repeat_z", "alike_z", "repeat", "seen_before", "remembered", "mean_turn"]
    assert found[left[2:]].notna().all(axis=1)[2:].all()
    pd.testing.assert_frame_equal(found[1:].drop(columns=left), whole[1:].drop(columns=left))


def noted(loop, monitor):
    """How many outputs are noted while samples are made."""
    before = len(monitor._game.made.known)
    loop.samples()
    return len(monitor._game.made.known) - before


def test_parts_within_a_call_of_the_generator_are_not_counted():
    """It is called by its parts at first, and then itself; a call that fails changes nothing."""
    loop, seen = Phases(by_parts), []
    with Monitor({"D": (loop.d, loop.of_d), "G": (loop.g, loop.of_g)}) as monitor:
        for number in range(4):
            with pytest.raises(ValueError, match="a batch of one"):
                loop.g(torch.randn(1, LATENT))
            loop.call = by_parts if number < 3 else itself
            seen.append(noted(loop, monitor))
            loop.phase(loop.d, loop.of_d, loop.d_loss)
            loop.phase(loop.g, loop.of_g, lambda: softplus(-loop.d(loop.samples())).mean())
    assert seen == [0, 3, 3, 1]


def test_a_copy_of_a_generator_that_is_listened_to_is_silent():
    loop = Phases(by_parts)
    monitor = Monitor({"D": (loop.d, loop.of_d), "G": (loop.g, loop.of_g)})
    for _ in range(2):
        loop.phase(loop.d, loop.of_d, loop.d_loss)
        loop.phase(loop.g, loop.of_g, lambda: softplus(-loop.d(loop.samples())).mean())
    assert noted(loop, monitor) == 3
    loop.g = copy.deepcopy(watched := loop.g)
    assert noted(loop, monitor) == 0
    monitor.close()
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in watched.modules())


def test_a_d_that_is_called_by_another_way_is_said_to_be_unheard():
    loop = Phases()
    loop.d.forward, d = loop.d.forward, loop.d
    loop.d_loss = lambda: (
        softplus(-d.forward(torch.randn(BATCH, 2))).mean() + softplus(d.forward(loop.samples())).mean()
    )
    with Monitor({"D": (d, loop.of_d), "G": (loop.g, loop.of_g)}) as monitor:
        for _ in range(ROUNDS):
            loop.phase(d, loop.of_d, loop.d_loss)
            loop.phase(loop.g, loop.of_g, lambda: softplus(-d.forward(loop.samples())).mean())
    found = diagnose(monitor)[0]
    assert found.cause == "unknown" and "never seen to be called" in found.evidence and "D.forward" in found.fix
