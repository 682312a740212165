"""Loops as people write them: one list, over which the monitor runs (`test_zoo_loops.py`).

A loop plays some steps of a small GAN and notes in `truth` what is so, by plain torch: the norm of the gradients that
each step of a player used, and D's logits in its own step. `gap` is what the monitor must say that it could not see;
"" where there is nothing to say. A new odd loop is one more line in `LOOPS`.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from zoo import compiled, ddp

STEPS = 3


def generator() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))


class Critic(nn.Module):
    """kind: how it is called, and what it returns."""

    def __init__(self, kind: str = "plain", dtype: torch.dtype = torch.float32):
        super().__init__()
        self.kind, self.first, self.act, self.last = kind, nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1)
        self.to(dtype)

    def forward(self, *given, **named):
        x = named.get("x", given[-1] if self.kind == "label first" and given else given[0] if given else None)
        h = self.act(self.first(x.to(self.first.weight.dtype)))
        logits = self.last(h)
        if self.kind == "(batch, 1)":
            return logits
        logits = logits.flatten()
        if self.kind == "map":
            return torch.stack([logits, 2 * logits], 1).unflatten(1, (1, 2))
        if self.kind == "list":
            return [logits, 2 * logits]
        return {"tuple": (logits, h), "dict": {"logits": logits, "h": h}}.get(self.kind, logits)


@dataclass
class Truth:
    norms: dict[str, list[float]] = field(default_factory=lambda: {"D": [], "G": []})
    logits: list[tuple[Tensor, Tensor]] = field(default_factory=list)  # in each step of D

    def gradient(self, player: str, net: nn.Module) -> None:
        squares = [p.grad.double().square().sum() for p in net.parameters() if p.grad is not None]
        self.norms[player].append(sum(squares).sqrt().item())


def samples() -> tuple[Tensor, Tensor]:
    return torch.randn(4, 3), torch.randn(4, 2)


def flat(output) -> Tensor:
    if isinstance(output, list):
        return torch.cat([flat(part) for part in output])
    if isinstance(output, tuple | dict):
        return flat(output[0] if isinstance(output, tuple) else output["logits"])
    return output.flatten()


def usual(truth: Truth, watch: Callable, *, kind="plain", names=("D", "G"), dtype=torch.float32, optimizer=None,
          call=lambda D, x: D(x), loss=None, inside=contextlib.nullcontext, wrap=lambda net: net, shared=False,
          options=None, d_steps=1, pieces=1, between=lambda *nets: None, detach=True, freeze=False):  # fmt: skip
    """The loop of the README, with one thing or another done differently."""
    G, D = generator(), Critic(kind, dtype)
    if shared:
        D.first = nn.Linear(8, 3)
        D.first.weight, D.forward = G[2].weight, lambda x: (x @ D.first.weight).relu().mean(1)
    G, D = wrap(G), wrap(D)
    make = optimizer or partial(torch.optim.SGD, lr=0.05)
    steps = {"D": make(D.parameters()), "G": make(G.parameters())}
    watch({names[0]: (D, steps["D"]), names[1]: (G, steps["G"])}, **(options or {}))
    d_loss = loss or (lambda real, fake: softplus(-real).mean() + softplus(fake).mean())
    for step in range(STEPS):
        if step == 1:
            between(D, G, steps)
        for _ in range(d_steps):
            steps["D"].zero_grad()
            seen = []
            for _ in range(pieces):
                real, z = samples()
                with inside():
                    fake = G(z)
                    logits = [call(D, x) for x in (real, fake.detach() if detach else fake)]
                    d_loss(*map(flat, logits)).backward(retain_graph=not detach)
                seen.append([flat(one).detach().float() for one in logits])
            truth.gradient("D", D)
            steps["D"].step()
        truth.logits.append(tuple(map(torch.cat, zip(*seen, strict=True))))
        steps["G"].zero_grad()
        fake = G(z) if shared else fake  # D's step has moved G
        D.requires_grad_(not freeze)
        with inside():
            softplus(-flat(call(D, fake))).mean().backward()
        truth.gradient("G", G)
        steps["G"].step()
        D.requires_grad_(True)


def at_once(truth: Truth, watch: Callable) -> None:
    """Both losses of one pass, and then both steps."""
    G, D = generator(), Critic()
    steps = {"D": torch.optim.SGD(D.parameters(), lr=0.05), "G": torch.optim.SGD(G.parameters(), lr=0.05)}
    watch({"D": (D, steps["D"]), "G": (G, steps["G"])})
    for _ in range(STEPS):
        real, z = samples()
        fake = G(z)
        logits = D(real), D(fake.detach())
        for one in steps.values():
            one.zero_grad()
        softplus(-D(fake)).mean().backward(inputs=list(G.parameters()))
        (softplus(-logits[0]).mean() + softplus(logits[1]).mean()).backward()
        for name, net in (("D", D), ("G", G)):
            truth.gradient(name, net)
            steps[name].step()
        truth.logits.append(tuple(one.detach() for one in logits))


def closures(truth: Truth, watch: Callable, *, by_name=False, lbfgs=False) -> None:
    G, D = generator(), Critic()
    make = partial(torch.optim.LBFGS, lr=0.1, max_iter=3) if lbfgs else partial(torch.optim.SGD, lr=0.05)
    steps = {"D": make(D.parameters()), "G": make(G.parameters())}
    watch({"D": (D, steps["D"]), "G": (G, steps["G"])})
    for _ in range(STEPS):
        real, z = samples()
        fake, first = G(z).detach(), {"D": True, "G": True}

        def closure(player, net, loss, first=first):
            steps[player].zero_grad()
            value, logits = loss()
            value.backward()
            if first.pop(player, False):
                truth.gradient(player, net)
                if player == "D":
                    truth.logits.append(tuple(one.detach() for one in logits))
            return value

        def d_loss(real=real, fake=fake):
            logits = D(real), D(fake)
            return softplus(-logits[0]).mean() + softplus(logits[1]).mean(), logits

        def g_loss(z=z):
            return softplus(-D(G(z))).mean(), None

        for player, net, loss in (("D", D, d_loss), ("G", G, g_loss)):
            given = partial(closure, player, net, loss)
            steps[player].step(closure=given) if by_name else steps[player].step(given)


class Sam(torch.optim.Optimizer):
    """As davda54/sam: the user calls two steps of its own, and `step` of the optimizer inside."""

    def __init__(self, parameters, base=torch.optim.SGD, **options):
        super().__init__(list(parameters), {"rho": 0.05, **options})
        self.base_optimizer = base(self.param_groups, **options)

    def second_step(self):
        self.base_optimizer.step()


def sam(truth: Truth, watch: Callable, *, inside: bool) -> None:
    G, D = generator(), Critic()
    sams = {"D": Sam(D.parameters(), lr=0.05), "G": Sam(G.parameters(), lr=0.05)}
    seen = {name: one.base_optimizer if inside else one for name, one in sams.items()}
    watch({"D": (D, seen["D"]), "G": (G, seen["G"])})
    for _ in range(STEPS):
        real, z = samples()
        fake = G(z)
        logits = D(real), D(fake.detach())
        sams["D"].zero_grad()
        (softplus(-logits[0]).mean() + softplus(logits[1]).mean()).backward()
        truth.gradient("D", D)
        truth.logits.append(tuple(one.detach() for one in logits))
        sams["D"].second_step()
        sams["G"].zero_grad()
        softplus(-D(fake)).mean().backward()
        truth.gradient("G", G)
        sams["G"].second_step()


class Wrapped:
    """As accelerate's and other wrappers: the steps are those of the optimizer inside."""

    def __init__(self, optimizer):
        self.optimizer, self.param_groups = optimizer, optimizer.param_groups

    def step(self):
        self.optimizer.step()


def together(truth: Truth, watch: Callable) -> None:
    """One optimizer for both players, which move at once."""
    G, D = generator(), Critic()
    optimizer = torch.optim.SGD([*D.parameters(), *G.parameters()], lr=0.05)
    watch({"D": (D, optimizer), "G": (G, optimizer)})
    for _ in range(STEPS):
        real, z = samples()
        optimizer.zero_grad()
        (softplus(D(real)).mean() - softplus(-D(G(z))).mean()).backward()
        truth.gradient("D", D)
        truth.gradient("G", G)
        optimizer.step()


def two_for_one(truth: Truth, watch: Callable) -> None:
    """The halves of G have an optimizer each."""
    G, D = generator(), Critic()
    halves = [torch.optim.SGD(G[i].parameters(), lr=0.05) for i in (0, 2)]
    watch({"G": (G[0], halves[0]), "D": (G[2], halves[1])}, discriminator=None)
    for _ in range(STEPS):
        for half in halves:
            half.zero_grad()
        softplus(-D(G(samples()[1]))).mean().backward()
        truth.gradient("G", G[0])
        truth.gradient("D", G[2])
        for half in halves:
            half.step()


def scaled(truth: Truth, watch: Callable, *, skip: str | None = None) -> None:
    """A GradScaler, whose player `skip` overflows in the second step and is not stepped."""
    G, D = generator(), Critic()
    steps = {name: torch.optim.SGD(net.parameters(), lr=0.05) for name, net in (("D", D), ("G", G))}
    scalers = {name: torch.amp.GradScaler("cpu", init_scale=8.0) for name in steps}
    watch({"D": (D, steps["D"]), "G": (G, steps["G"])})
    for step in range(STEPS):
        real, z = samples()
        fake = G(z)
        for name, net in (("D", D), ("G", G)):
            steps[name].zero_grad()
            if name == "D":
                logits = D(real), D(fake.detach())
                loss = softplus(-logits[0]).mean() + softplus(logits[1]).mean()
            else:
                loss = softplus(-D(fake)).mean()
            overflow = name == skip and step == 1
            (scalers[name].scale(loss) * (float("inf") if overflow else 1)).backward()
            scalers[name].unscale_(steps[name])
            if not overflow:
                truth.gradient(name, net)
                if name == "D":
                    truth.logits.append(tuple(one.detach() for one in logits))
            scalers[name].step(steps[name])
            scalers[name].update()


def scheduled(parameters):
    optimizer = torch.optim.SGD(parameters, lr=0.05)
    optimizer.schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)  # it wraps `step`
    return optimizer


def grow(D, G, steps) -> None:
    """A layer that comes while training goes on."""
    D.extra = nn.Linear(2, 2)


def bf16():
    return torch.autocast("cpu", dtype=torch.bfloat16)


@dataclass(frozen=True)
class Loop:
    """game: whether the monitor can tell D's logits by itself. refused: the words with which a Monitor is refused."""

    name: str
    play: Callable
    gap: str = ""
    game: bool = True
    steps: bool = True  # whether all the steps are seen
    refused: str = ""


LABELS = torch.zeros(4, dtype=torch.long)
LOOPS = [
    Loop("plain", usual),
    Loop("critic steps", partial(usual, d_steps=3)),
    Loop("accumulated", partial(usual, pieces=2)),
    Loop("scheduler", partial(usual, optimizer=scheduled)),
    Loop("adam", partial(usual, optimizer=partial(torch.optim.Adam, lr=1e-3))),
    Loop("autocast", partial(usual, inside=bf16)),
    Loop("bf16", partial(usual, dtype=torch.bfloat16)),
    Loop("(batch, 1)", partial(usual, kind="(batch, 1)")),
    Loop("tuple", partial(usual, kind="tuple")),
    Loop("dict", partial(usual, kind="dict")),
    Loop("map", partial(usual, kind="map")),
    Loop("list", partial(usual, kind="list")),
    Loop("conditional", partial(usual, call=lambda D, x: D(x, LABELS))),
    Loop("label first", partial(usual, kind="label first", call=lambda D, x: D(LABELS, x))),
    Loop("keyword", partial(usual, call=lambda D, x: D(x=x, labels=LABELS))),
    Loop("wasserstein", partial(usual, loss=lambda real, fake: fake.mean() - real.mean())),
    Loop("augmented", partial(usual, call=lambda D, x: D(x + 0.01 * torch.randn_like(x))), game=False),
    Loop("other names", partial(usual, names=("critic", "maker")), gap="no player is called 'D'", game=False),
    Loop("other names, told", partial(usual, names=("critic", "maker"), options={"discriminator": "critic"})),
    Loop("typo", partial(usual, options={"discriminator": "typo"}), refused="discriminator='typo' is no player"),
    Loop("forward() called", partial(usual, call=lambda D, x: D.forward(x)), gap="call the module itself", game=False),
    Loop("grown", partial(usual, between=grow), gap="parameters that came after the monitor, extra.weight"),
    Loop("compiled", partial(usual, wrap=compiled)),
    Loop("DDP", partial(usual, wrap=ddp)),
    Loop("shared by G and D", partial(usual, shared=True)),
    Loop("not detached", partial(usual, detach=False)),
    Loop("frozen in turn", partial(usual, freeze=True)),
    Loop("at once", at_once, game=False),
    Loop("closure", closures),
    Loop("closure by name", partial(closures, by_name=True)),
    Loop("LBFGS", partial(closures, lbfgs=True)),
    Loop("SAM", partial(sam, inside=False), gap="give the monitor its base_optimizer", steps=False, game=False),
    Loop("SAM, told", partial(sam, inside=True)),
    Loop("wrapper", partial(usual, optimizer=lambda p: Wrapped(torch.optim.SGD(p, lr=0.05))),
         refused="hand over the one inside, .optimizer"),
    Loop("list of optimizers", partial(usual, optimizer=lambda p: [torch.optim.SGD(p, lr=0.05)]),
         refused="a list for an optimizer"),
    Loop("one for both", together, gap="D and G share one optimizer", game=False),
    Loop("two for one", two_for_one, game=False),
    Loop("GradScaler", scaled),
    Loop("GradScaler skips D", partial(scaled, skip="D"), gap="D did not step in 1 rounds", steps=False, game=False),
    Loop("GradScaler skips G", partial(scaled, skip="G"), gap="G did not step in 1 rounds", steps=False, game=False),
]  # fmt: skip
