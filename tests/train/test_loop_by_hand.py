"""The trainer with everything on at once, against a loop in plain torch: which number meets which, and in which order.

The loop below knows of the package only which seeds its generators have and how many steps' numbers it draws at once.
"""

import copy

import pytest
import torch
from small import D, G, TwoModes
from torch.nn.functional import softplus

from ganlab.population import build
from ganlab.train import Recipe, Schedule, Trainer

BATCH, BLOCK, STEPS = 16, 64, 7


def ramp(first, last, step, steps=5):
    """What a linear schedule from step 0 to step `steps` is at `step`."""
    return first + (last - first) * min(step, steps) / steps


class Settings:
    """The same numbers for the recipe and for the loop by hand; each of `more` overrides one."""

    def __init__(self, **more):
        self.critic, self.penalty, self.every, self.sigma, self.clip, self.bound = 2, "wgan_gp", 3, 0.7, 0.05, 0.3
        self.lr_g, self.lr_d, self.betas, self.gamma, self.ema = (1e-3, 4e-3), (0.2, 0.1), (0.3, 0.9), (2.0, 0.5), 0.8
        self.l2, self.decay, self.players, self.unroll, self.adam = 0.1, 3.0, "D", 0, "g"
        vars(self).update(more)

    def recipe(self):
        line = lambda ends: Schedule([(0, ends[0]), (5, ends[1])])  # noqa: E731
        adam, sgd = ("g", "d") if self.adam == "g" else ("d", "g")
        own = {f"l2_{adam}": self.l2, f"weight_decay_{sgd}": self.decay, f"optimizer_{sgd}": "sgd", "momentum": 0.4}
        return Recipe(
            batch=BATCH, critic_steps=self.critic, penalty=self.penalty, penalty_every=self.every,
            gamma=line(self.gamma), lr_g=line(self.lr_g), lr_d=line(self.lr_d), betas=self.betas, ema=self.ema,
            noise="linear", noise_sigma=self.sigma, noise_steps=4, clip="norm", clip_at=self.clip,
            clip_players=self.players, weight_clip=self.bound, unroll=self.unroll, unroll_lr=0.2, **own,
        )  # fmt: skip


def slope_norms(net, x):
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
    return slope.square().sum(1).sqrt()


PENALTIES = {
    "r1": lambda net, real, fake, dice: slope_norms(net, real).square().mean() / 2,
    "r1_r2": lambda net, real, fake, dice: sum(slope_norms(net, x).square().mean() / 2 for x in (real, fake)),
    "wgan_gp": lambda net, real, fake, dice: (
        slope_norms(net, fake + torch.rand(BATCH, generator=dice)[:, None] * (real - fake)) - 1
    ).square().mean() / 2,
    "dragan": lambda net, real, fake, dice: (
        slope_norms(net, real + 0.5 * real.std() * torch.randn(BATCH, 2, generator=dice)) - 1
    ).square().mean() / 2,
}  # fmt: skip


def steepest(net, real, fake, steps):
    """What G plays against: D after some steps of plain descent on its own loss, which G's gradient runs through."""
    weights = dict(net.named_parameters())
    for _ in range(steps):
        logits = [torch.func.functional_call(net, weights, (x,)) for x in (real, fake)]
        loss = softplus(-logits[0]).mean() + softplus(logits[1]).mean()
        slopes = torch.autograd.grad(loss, weights.values(), create_graph=True)
        weights = {name: w - 0.2 * s for (name, w), s in zip(weights.items(), slopes, strict=True)}
    return lambda x: torch.func.functional_call(net, weights, (x,))


def by_hand(s, seed):
    """The networks at the end, the average, and each step's losses and mean logits."""
    g, d = build(G, D, seed)
    average, rows, d_step = copy.deepcopy(g), [], 0
    batches, dice = torch.Generator().manual_seed(2**32 + seed), torch.Generator().manual_seed(2**33 + seed)
    reals = TwoModes().sample(BLOCK * s.critic * BATCH, batches).split(BATCH)
    latents = torch.randn(BLOCK * s.critic * BATCH, 4, generator=batches).split(BATCH)
    steps = {
        player: torch.optim.Adam(net.parameters(), 1e-3, s.betas, weight_decay=s.l2)
        if player == s.adam else torch.optim.SGD(net.parameters(), 1e-3, momentum=0.4)
        for player, net in (("g", g), ("d", d))
    }  # fmt: skip

    def descend(player, net, loss, rate):
        """Backward, clip, decay, step."""
        optimizer = steps[player]
        optimizer.zero_grad()
        loss.backward()
        if player.upper() in s.players or s.players == "both":
            torch.nn.utils.clip_grad_norm_(net.parameters(), s.clip)
        with torch.no_grad():
            for p in net.parameters() if player != s.adam else ():
                p *= 1 - rate * s.decay
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()

    for step in range(STEPS):
        sigma = s.sigma * max(0.0, 1 - step / 4)

        def noisy(x, sigma=sigma):
            return x + sigma * torch.randn(BATCH, 2, generator=dice) if sigma else x

        for _ in range(s.critic):
            fake = g(latents[d_step])
            real = noisy(reals[d_step])
            shown = noisy(fake.detach())
            logits = d(real), d(shown)
            d_loss = softplus(-logits[0]).mean() + softplus(logits[1]).mean()
            penalty = 0.0
            if d_step % s.every == 0:
                penalty = s.every * ramp(*s.gamma, step) * PENALTIES[s.penalty](d, real, shown, dice)
            descend("d", d, d_loss + penalty, ramp(*s.lr_d, step))
            with torch.no_grad():
                for p in d.parameters():
                    p.clamp_(-s.bound, s.bound)
            d_step += 1
        opponent = steepest(d, real, noisy(fake), s.unroll) if s.unroll else d
        g_loss = softplus(-opponent(noisy(fake))).mean()
        descend("g", g, g_loss, ramp(*s.lr_g, step))
        share = 1.0 if step == 0 else 1 - s.ema
        with torch.no_grad():
            for slow, p in zip(average.parameters(), g.parameters(), strict=True):
                slow += share * (p - slow)
        rows.append([d_loss.item(), g_loss.item(), logits[0].mean().item(), logits[1].mean().item()])
    return g, d, average, torch.tensor(rows)


def weights(*nets):
    return torch.cat([p.detach().flatten() for net in nets for p in net.parameters()])


CASES = {
    **{name: Settings(penalty=name) for name in PENALTIES},
    "one critic step, both clipped": Settings(critic=1, every=2, penalty="r1", players="both", clip=0.002),
    "Adam and L2 with D, decay with G": Settings(adam="d", lr_g=(0.2, 0.1), lr_d=(1e-3, 4e-3), penalty="r1"),
    "G clipped, and unrolled": Settings(players="G", clip=0.002, unroll=2, penalty="r1", every=1),
}


@pytest.mark.parametrize(("seeds", "capture"), [(3, False), ([3, 1], True)], ids=["alone, played", "members, replayed"])
@pytest.mark.parametrize("name", CASES)
def test_everything_at_once(double, name, seeds, capture):
    s = CASES[name]
    t = Trainer(*build(G, D, seeds), TwoModes(), s.recipe(), seeds=seeds)
    t.fit(STEPS, log_every=3, progress=False, capture=capture)
    for k, seed in enumerate([seeds] if seeds == 3 else seeds):
        g, d, average, rows = by_hand(s, seed)
        ours = [t.G, t.D, t.average.module] if seeds == 3 else [one.member(k) for one in (t.G, t.D, t.average.module)]
        torch.testing.assert_close(weights(*ours), weights(g, d, average), rtol=1e-7, atol=1e-9)
        table = t.history.query("seed == @seed")
        means = torch.stack([rows[:3].mean(0), rows[3:6].mean(0), rows[6]])
        found = torch.tensor(table[["d_loss", "g_loss", "real_logit", "fake_logit"]].to_numpy())
        torch.testing.assert_close(found, means, rtol=1e-7, atol=1e-9)
        assert table.step.tolist() == [3, 6, 7]
        assert table.lr_d.tolist() == pytest.approx([ramp(*s.lr_d, step) for step in (2, 5, 6)])
        assert table.gamma.tolist() == pytest.approx([ramp(*s.gamma, step) for step in (2, 5, 6)])


def test_every_part_of_the_loop_by_hand_matters(double):
    """Negative control: another number anywhere, and the two loops part."""
    start = weights(*by_hand(Settings(), 3)[:3])
    changed = [
        {"every": 2}, {"sigma": 0.6}, {"clip": 0.06}, {"bound": 0.05}, {"ema": 0.7}, {"gamma": (2.0, 0.6)},
        {"unroll": 1}, {"l2": 0.2}, {"decay": 2.0}, {"adam": "d"}, {"lr_g": (1e-3, 5e-3)}, {"betas": (0.3, 0.8)},
    ]  # fmt: skip
    for change in changed:
        assert (weights(*by_hand(Settings(**change), 3)[:3]) - start).abs().max() > 1e-6, change
    assert torch.equal(weights(*by_hand(Settings(), 3)[:3]), start)
    tight = [weights(*by_hand(Settings(clip=0.002, players=one), 3)[:3]) for one in ("D", "G", "both")]
    assert min((a - b).abs().max() for a, b in zip(tight, tight[1:] + tight[:1], strict=True)) > 1e-6
