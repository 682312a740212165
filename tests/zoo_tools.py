"""What a tool must make of a network, computed without ganlab: by plain autograd, by torch's own, or by hand."""

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from zoo import BATCH, Case

from ganlab import penalties
from ganlab.clipping import (
    PercentileClip,
    clip_grad_adaptive_,
    clip_grad_layerwise_,
    clip_grad_norm_,
    clip_grad_value_,
    clip_weights_,
)
from ganlab.monitor import Monitor, snapshot, units
from ganlab.nets import SpectralNorm, cost, spectrally_normalised
from ganlab.population import Population
from ganlab.preflight import check
from ganlab.train import Recipe, Stream, Trainer, WeightAverage, checkpoint

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED)


def close(ours, theirs, dtype=torch.float32, loose=1.0) -> None:
    """Equal to the rounding of `dtype`."""
    eps = {torch.bfloat16: 2e-2, torch.float16: 3e-3, torch.float64: 1e-9}.get(dtype, 2e-5) * loose
    wide = [
        x.detach().to(torch.complex128) if isinstance(x, Tensor) else torch.tensor(x, dtype=torch.complex128)
        for x in (ours, theirs)
    ]
    torch.testing.assert_close(*wide, rtol=eps, atol=eps * 0.1, equal_nan=True)


def value(output) -> Tensor:
    """A number that hangs on all that a network makes."""
    return sum(
        (t.float() if t.dtype != torch.float64 else t).square().sum()
        for t in tree_leaves(output)
        if isinstance(t, Tensor)
    )


def scales(output) -> list[Tensor]:
    """The logits of each scale; features, which stand behind them, are none."""
    if isinstance(output, tuple | dict):
        output = output[0] if isinstance(output, tuple) else output["logits"]
    return output if isinstance(output, list) else [output]


def logit(output) -> Tensor:
    """One number a sample: the sum of its logits."""
    return sum(part.flatten(1).sum(1) if part.ndim > 1 else part for part in scales(output))


def run(case: Case, net: nn.Module):
    args, named = case.given()
    return net(*args, **named)


def trained(net: nn.Module) -> dict[str, Tensor]:
    return {name: p for name, p in net.named_parameters() if p.requires_grad}


def by_hand(case: Case, net: nn.Module | None = None) -> dict[str, Tensor | None]:
    """The gradient of `value` for each parameter that is trained."""
    net = net or case.net()
    out = value(run(case, net))
    params = {name: p for name, p in trained(net).items() if p.requires_grad}
    if "reentrant" in case.name and "checkpointed" in case.name:  # which torch.autograd.grad refuses
        out.backward()
        return {name: p.grad for name, p in params.items()}
    return dict(zip(params, torch.autograd.grad(out, list(params.values()), allow_unused=True), strict=True))


def dense(tensor: Tensor) -> Tensor:
    return (tensor.to_dense() if tensor.is_sparse else tensor).detach().to(torch.complex128)


def norm(tensor: Tensor) -> float:
    return dense(tensor).norm().item()


def with_gradients(case: Case) -> tuple[nn.Module, dict[str, Tensor]]:
    """A network with the gradients of `value`, and the gradients that are there, by hand."""
    net = case.net()
    if (out := value(run(case, net))).requires_grad:
        out.backward()
    return net, {name: dense(g) for name, g in (by_hand(case) if trained(net) else {}).items() if g is not None}


# ---------------------------------------------------------------------------------------------------- the tools


def monitor(case: Case, activations: bool = False) -> None:
    ours, plain = case.net(), case.net()
    optimizers = [torch.optim.SGD(net.parameters(), lr=0.1) for net in (ours, plain)]
    watch = Monitor({"D": (ours, optimizers[0])}, activations=activations)
    grads = by_hand(case) if trained(ours) else {}
    before = {name: dense(p).clone() for name, p in plain.named_parameters()}
    for net, optimizer in zip((ours, plain), optimizers, strict=True):
        optimizer.zero_grad()
        if (out := value(run(case, net))).requires_grad:
            out.backward()
        optimizer.step()
    table = watch.gradients("parameter").set_index("parameter")
    assert list(table.index) == list(before)
    for name, p in plain.named_parameters():
        if (grad := grads.get(name)) is None:
            assert table.status[name] in ("frozen", "missing"), table.status[name]
            continue
        assert table.status[name] == ("sparse" if grad.is_sparse else "ok")
        if p.numel():
            close(table.grad_norm[name], norm(grad), p.dtype)
            if norm(grad) > 1e-6 and before[name].norm():  # or rounding is all that moves it
                moved = (dense(p) - before[name]).norm() / before[name].norm()
                close(table.update_ratio[name], moved, p.dtype, loose=50)
    assert watch.line()
    if activations:
        assert list(watch.activations().layer) == list(leaves(ours))


def leaves(net: nn.Module) -> dict[str, nn.Module]:
    """Layers that compute something, as a reader would list them."""
    silent = (nn.Identity, nn.Flatten, nn.Dropout)
    found = {}
    for name, module in net.named_modules():
        inside = [child for key, child in module.named_children() if key != "parametrizations"]
        if not inside and "parametrizations" not in name and not isinstance(module, (*silent, nn.ParameterList)):
            found[name] = module
    if any(isinstance(m, nn.MultiheadAttention) for m in net.modules()):  # calls its projection as a function
        found = {name: m for name, m in found.items() if m}
    return found


def snapshots(case: Case) -> None:
    net, plain = case.net(), case.net()
    table = snapshot(net, *sample_and_rest(case), loss=value).set_index("layer")
    for (name, x), before in zip(net.state_dict().items(), plain.state_dict().values(), strict=True):
        assert torch.equal(x, before), f"{name} was changed"
    assert all(p.grad is None for p in net.parameters())
    outputs = {}
    for name, module in leaves(plain).items():
        module.register_forward_hook(lambda m, i, out, n=name: outputs.setdefault(n, []).append(out))
    grads = by_hand(case, plain) if trained(plain) else {}
    assert list(table.index) == list(leaves(plain))
    for name, module in leaves(plain).items():
        seen = [out.detach().clone() for out in outputs.get(name, []) if isinstance(out, Tensor)]
        if seen and "in place" not in case.name:
            rms = (sum(dense(out).abs().square().mean() for out in seen) / len(seen)).sqrt().real
            close(table.rms[name], rms, seen[0].dtype)
        parts = [g for key, g in grads.items() if owner(key) == name and leaf(key).startswith("weight")]
        if isinstance(module, (*WEIGHTED, nn.Embedding)) and any(g is not None for g in parts):
            whole = sum(norm(g) ** 2 for g in parts) ** 0.5
            close(table.weight_grad_norm[name], whole, parts[0].dtype)


def leaf(parameter: str) -> str:
    """`weight` of `0.parametrizations.weight.original0`."""
    head, _, tail = parameter.partition("parametrizations.")
    return (tail or head.rpartition(".")[2]).split(".")[0]


def owner(parameter: str) -> str:
    """The module that a parameter belongs to."""
    head, found, _ = parameter.partition("parametrizations.")
    return head.rstrip(".") if found else parameter.rpartition(".")[0]


def sample_and_rest(case: Case) -> tuple:
    """What stands for x: the one input, a tuple of several, or a dict."""
    args, named = case.given()
    return (named,) if named else args if len(args) == 1 else (args,)


def scaled(case: Case, clip: Callable, expected: Callable) -> None:
    """`clip(net)` must leave the gradients that `expected(gradients, net)` gives, by name, and return their norm."""
    net, grads = with_gradients(case)
    whole = sum(g.abs().square().sum().item() for g in grads.values()) ** 0.5
    plain = case.net()
    run(case, plain)  # which makes what is lazy
    theirs = expected(grads, plain)
    found = clip(net)
    worst = min((p.dtype for p in net.parameters()), key=lambda d: torch.finfo(d).bits)
    close(found, whole, worst)
    for name, p in net.named_parameters():
        assert (p.grad is not None) == (name in theirs)
        if p.grad is not None:
            close(dense(p.grad), theirs[name], worst)


def clip_norm(case: Case) -> None:
    def expected(grads, net):
        whole = sum(g.abs().square().sum() for g in grads.values()) ** 0.5
        return {name: g * min(1.0, 0.01 / (whole + 1e-6)) for name, g in grads.items()}

    scaled(case, lambda net: clip_grad_norm_(net, 0.01), expected)


def clip_norm_infinity(case: Case) -> None:
    net, grads = with_gradients(case)
    largest = max((g.abs().max().item() for g in grads.values() if g.numel()), default=0.0)
    worst = min((p.dtype for p in net.parameters()), key=lambda d: torch.finfo(d).bits)
    close(clip_grad_norm_(net, 0.01, float("inf")), largest, worst)


def clip_value(case: Case) -> None:
    def expected(grads, net):
        return {name: g.real.clamp(-0.01, 0.01) for name, g in grads.items()}

    scaled(case, lambda net: clip_grad_value_(net, 0.01), expected)


def clip_layerwise(case: Case) -> None:
    def expected(grads, net):
        whole: dict[str, Tensor] = {}
        for name, g in grads.items():
            whole[owner(name)] = whole.get(owner(name), 0) + g.abs().square().sum()
        return {name: g * min(1.0, 0.01 / (whole[owner(name)] ** 0.5 + 1e-6)) for name, g in grads.items()}

    scaled(case, lambda net: clip_grad_layerwise_(net, 0.01), expected)


def units_of(g: Tensor, groups: int | None) -> list:
    """Where the weights stand that lead to one output each."""
    if g.ndim < 2:
        return [...]
    if groups is None:
        return list(range(len(g)))
    inputs = len(g) // groups
    return [(slice(k * inputs, (k + 1) * inputs), i) for k in range(groups) for i in range(g.shape[1])]


def clip_adaptive(case: Case) -> None:
    def expected(grads, net):
        out = {}
        for name, g in grads.items():
            weight = dense(net.get_parameter(name))
            layer, out[name] = net.get_submodule(owner(name)), g.clone()
            for unit in units_of(g, layer.groups if isinstance(layer, TRANSPOSED) else None):
                ratio = 0.01 * max(weight[unit].norm(), torch.tensor(1e-3)) / g[unit].norm().clamp(min=1e-30)
                out[name][unit] = g[unit] * min(1.0, ratio)
        return out

    scaled(case, lambda net: clip_grad_adaptive_(net, 0.01), expected)


def clip_members(case: Case) -> None:
    """A population's members are clipped as each of them alone is."""
    alone, (args, named) = [case.net(0), case.net(1)], case.given()
    together = Population([case.net(0), case.net(1)])
    stacked = [torch.stack([x, x]) for x in args], {name: torch.stack([x, x]) for name, x in named.items()}
    if (out := value(together(*stacked[0], **stacked[1]))).requires_grad:
        out.backward()
    for clip in (clip_grad_norm_, clip_grad_layerwise_, clip_grad_adaptive_):
        norms = clip(together, 0.01)
        for k, member in enumerate(alone):
            member.zero_grad()
            if (out := value(run(case, member))).requires_grad:
                out.backward()
            theirs = clip(member, 0.01)
            dtype = torch.bfloat16 if {torch.bfloat16, torch.float16} & {p.dtype for p in member.parameters()} else None
            close(norms[k], theirs, dtype, loose=5)
            own = dict(together.named_parameters())
            for name, p in member.named_parameters():
                grad = own[name.replace(".", "/")].grad
                assert (grad is None) == (p.grad is None), name
                if grad is not None:
                    close(grad[k], p.grad, dtype, loose=5)
        together.zero_grad()
        if (out := value(together(*stacked[0], **stacked[1]))).requires_grad:
            out.backward()


def clip_percentile(case: Case) -> None:
    net, grads = with_gradients(case)
    clip, worst = PercentileClip(50), min((p.dtype for p in net.parameters()), key=lambda d: torch.finfo(d).bits)
    whole = sum(g.abs().square().sum().item() for g in grads.values()) ** 0.5
    close(clip(net), whole, worst)
    for p in net.parameters():
        if p.grad is not None:
            p.grad = p.grad * 3
    clip(net)  # the median of 1 and 3 times the norm is twice it
    for name, p in net.named_parameters():
        if p.grad is not None:
            close(dense(p.grad), 2 * grads[name], worst)


def clip_weights(case: Case) -> None:
    net, plain = case.net(), case.net()
    clip_weights_(net, 0.05)
    for (name, p), q in zip(net.named_parameters(), plain.parameters(), strict=True):
        close(p, dense(q).real.clamp(-0.05, 0.05), p.dtype), name


def penalty(ours: Callable, theirs: Callable) -> Callable[[Case], None]:
    """The value, and its gradient for every parameter, by plain autograd."""

    def tool(case: Case) -> None:
        nets, results = (case.net(), case.net()), []
        for module in nets[1].modules():
            if isinstance(module, SpectralNorm):
                module.held = True  # a penalty does not move it
        for net, function in zip(nets, (ours, theirs), strict=True):
            args, named = case.given()
            x = args[case.at] if isinstance(case.at, int) else named[case.at]
            fake = x + 1 if x.is_floating_point() else x
            results.append(function(net, x, fake, (args, named, case.at)))
            if results[-1].requires_grad:
                results[-1].backward()
        dtype = x.dtype if x.dtype.is_floating_point and "mixed" not in case.name else torch.bfloat16
        close(*results, dtype, loose=5)
        for (name, p), q in zip(nets[0].named_parameters(), nets[1].parameters(), strict=True):
            assert (p.grad is None) == (q.grad is None), name
            if p.grad is not None:
                close(dense(p.grad), dense(q.grad), dtype, loose=5)
        for (name, b), c in zip(nets[0].named_buffers(), nets[1].buffers(), strict=True):
            close(b, c, dtype), name

    return tool


def call_with(net: nn.Module, inputs: tuple, x: Tensor):
    args, named, at = inputs
    if isinstance(at, int):
        return net(*args[:at], x, *args[at + 1 :], **named)
    return net(*args, **{**named, at: x})


def slope(net, inputs, x: Tensor) -> Tensor:
    """Of each sample's sum of logits, flattened."""
    x = x.detach().requires_grad_()
    with sdpa_kernel(SDPBackend.MATH):  # the others cannot be differentiated twice
        return torch.autograd.grad(logit(call_with(net, inputs, x)).sum(), x, create_graph=True)[0].flatten(1)


def asked(function: Callable) -> Callable:
    """The penalty of ganlab, called as its docstring says."""

    def call(net, x, fake, inputs):
        args, _, at = inputs
        if at == 0:
            return function(net, x, fake, {"given": args[1:]} if len(args) > 1 else {})
        return function(lambda x: call_with(net, inputs, x), x, fake, {})

    return call


def _dragan_noise(x: Tensor) -> Tensor:
    return torch.linspace(-1, 1, x.numel()).reshape(x.shape).to(x)


def _one_centred(slopes: Tensor) -> Tensor:
    return (slopes.norm(dim=1) - 1).square().mean() / 2


PENALTIES = {
    "r1": penalty(
        asked(lambda D, x, fake, more: penalties.r1(D, x, **more)),
        lambda D, x, fake, inputs: slope(D, inputs, x).square().sum(1).mean() / 2,
    ),
    "r2": penalty(
        asked(lambda D, x, fake, more: penalties.r2(D, fake, **more)),
        lambda D, x, fake, inputs: slope(D, inputs, fake).square().sum(1).mean() / 2,
    ),
    "wgan_gp": penalty(
        asked(lambda D, x, fake, more: penalties.wgan_gp(D, x, fake, torch.full((BATCH,), 0.25), **more)),
        lambda D, x, fake, inputs: _one_centred(slope(D, inputs, 0.25 * x + 0.75 * fake)),
    ),
    "dragan": penalty(
        asked(lambda D, x, fake, more: penalties.dragan(D, x, _dragan_noise(x), **more)),
        lambda D, x, fake, inputs: _one_centred(slope(D, inputs, x + 0.5 * x.std() * _dragan_noise(x))),
    ),
}


@torch.no_grad()
def spectral(case: Case) -> None:
    net, plain = case.net(), case.net()
    net = spectrally_normalised(net, steps=60)
    done = set()
    for module in plain.modules():
        if isinstance(module, WEIGHTED) and id(module.weight) not in done:
            done.add(id(module.weight))
            matrix = module.weight.transpose(0, 1) if isinstance(module, TRANSPOSED) else module.weight
            kind = torch.complex128 if matrix.is_complex() else torch.float64
            sigma = torch.linalg.matrix_norm(matrix.flatten(1).to(kind), 2)
            module.weight.data = (module.weight / sigma).to(module.weight.dtype)
    for ours, theirs in zip(tree_leaves(run(case, net)), tree_leaves(run(case, plain)), strict=True):
        close(ours, theirs, ours.dtype if "mixed" not in case.name else torch.bfloat16, loose=5)


def population(case: Case) -> None:
    members = [case.net(0), case.net(1)]
    args, named = case.given()
    stacked = [torch.stack([x, x]) for x in args]
    together = Population([case.net(0), case.net(1)])
    output = together(*stacked, **{name: torch.stack([x, x]) for name, x in named.items()})
    for k, member in enumerate(members):
        theirs = tree_leaves(run(case, member))
        for ours, one in zip(tree_leaves(output), theirs, strict=True):
            close(ours[k], one, one.dtype if "mixed" not in case.name else torch.bfloat16)
        again = together.member(k)
        for ours, one in zip(tree_leaves(run(case, again.eval())), tree_leaves(run(case, member.eval())), strict=True):
            close(ours, one, one.dtype if "mixed" not in case.name else torch.bfloat16)


class Fixed:
    """A data set of the case's samples."""

    def __init__(self, x: Tensor):
        self.x, self.shape = x, tuple(x.shape[1:])

    def sample(self, n, generator=None):
        return self.x[torch.arange(n) % len(self.x)].clone()


class Maker(nn.Module):
    latent = 2

    def __init__(self, x: Tensor):
        super().__init__()
        self.shape = tuple(x.shape[1:])
        self.linear = nn.Linear(2, x[0].numel(), dtype=x.dtype if x.is_floating_point() else torch.float32)

    def forward(self, z):
        return self.linear(z.to(self.linear.weight.dtype)).unflatten(1, self.shape)


def trainer(case: Case) -> None:
    args, named = case.given()
    x = args[case.at] if isinstance(case.at, int) else named[case.at]
    recipe = Recipe(optimizer_g="sgd", optimizer_d="sgd", lr_g=0.05, lr_d=0.05, batch=BATCH, loss="nonsaturating")
    torch.manual_seed(5)
    G, D = Maker(x), case.net()
    plain_G, plain_D = copy.deepcopy(G), case.net()
    Trainer(G, D, Fixed(x), recipe).fit(2, progress=False)
    stream = Stream(Fixed(x), 2, BATCH, 0)
    g, d = (torch.optim.SGD(net.parameters(), lr=0.05) for net in (plain_G, plain_D))
    softplus = nn.functional.softplus
    for _ in range(2):
        ((real, z),) = stream.next()
        fake = plain_G(z)
        d.zero_grad()
        pairs = zip(scales(plain_D(real)), scales(plain_D(fake.detach())), strict=True)
        loss = sum((softplus(-on_real) + softplus(on_fake)).mean() for on_real, on_fake in pairs)
        if loss.requires_grad:
            loss.backward()
        d.step()
        g.zero_grad()
        sum(softplus(-on_fake).mean() for on_fake in scales(plain_D(fake))).backward()
        g.step()
    dtype = x.dtype if "mixed" not in case.name else torch.bfloat16
    for ours, theirs in ((G, plain_G), (D, plain_D)):
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            close(p, q, dtype, loose=5)


def trained_for(case: Case, steps: int, **options) -> Trainer:
    args, named = case.given()
    x = args[case.at] if isinstance(case.at, int) else named[case.at]
    torch.manual_seed(5)
    recipe = Recipe(lr_g=0.01, lr_d=0.01, batch=BATCH, ema=0.5)
    return Trainer(Maker(x), case.net(), Fixed(x), recipe).fit(steps, progress=False, **options)


def same_weights(one: Trainer, other: Trainer) -> None:
    for net in ("G", "D", "average"):
        pair = (getattr(t, net).state_dict() for t in (one, other))
        for (name, a), b in zip(*(state.items() for state in pair), strict=True):
            assert torch.equal(a, b[1]), name


def recorded(case: Case) -> None:
    same_weights(trained_for(case, 5, capture=False), trained_for(case, 5, capture=True))


def resumed(case: Case, folder) -> None:
    whole = trained_for(case, 4)
    trained_for(case, 2, checkpoint=folder / "run.pt")
    same_weights(whole, trained_for(case, 4, checkpoint=folder / "run.pt"))


def checked(case: Case) -> None:
    """The dry step says what is the matter and nothing else, names what plain autograd names, and changes nothing."""
    args, named = case.given()
    x = args[case.at] if isinstance(case.at, int) else named[case.at]
    torch.manual_seed(5)
    D, G = case.net(), Maker(x)
    optimizers = {name: torch.optim.SGD(net.parameters(), lr=0.1) for name, net in (("G", G), ("D", D))}
    alone = len(args) + len(named) == 1
    report = check(G, D, optimizers, x, judge=None if alone else lambda x: call_with(D, (args, named, case.at), x))
    assert tuple(report.causes) == case.said, str(report)
    if trained(D) and "failed" not in case.said:
        plain = case.net()
        total = sum(part.sum() for part in scales(run(case, plain)))
        grads = torch.autograd.grad(total, list(trained(plain).values()), allow_unused=True)
        missing = [name for name, grad in zip(trained(plain), grads, strict=True) if grad is None]
        said = [finding.sentence for finding in report if finding.cause == "unreached"]
        assert bool(missing) == bool(said) and all(name in said[0] for name in missing)
    for (name, ours), theirs in zip(D.state_dict().items(), case.net().state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name
    assert all(p.grad is None for p in (*D.parameters(), *G.parameters()))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in G.modules())


def kept(case: Case, folder) -> None:
    net, other = case.net(), case.net(1)
    checkpoint.save({"net": net.state_dict()}, folder / "net.pt")
    other.load_state_dict(checkpoint.load(folder / "net.pt")["net"])
    for ours, theirs in zip(other.state_dict().values(), case.net().state_dict().values(), strict=True):
        assert torch.equal(ours, theirs) and ours.dtype == theirs.dtype
    ours, theirs = (tree_leaves(run(case, one.eval())) for one in (other, case.net()))
    assert all(map(torch.equal, ours, theirs))


def average(case: Case) -> None:
    old, new = case.net(), case.net(1)
    ours = WeightAverage(old)
    ours.update(new, 0.25)
    buffers = {name for name, _ in old.named_buffers()}
    start, end = case.net().state_dict(), case.net(1).state_dict()
    for name, x in ours.module.state_dict().items():
        fraction = x.is_floating_point() or x.is_complex()
        vector = name in buffers and name.endswith(("_u", "_v", ".u"))  # of a power iteration
        expected = 0.25 * dense(start[name]) + 0.75 * dense(end[name]) if fraction and not vector else end[name]
        close(x, expected, x.dtype)
    for ours_out, theirs in zip(tree_leaves(run(case, ours.eval())), tree_leaves(run(case, ours.module)), strict=True):
        assert torch.equal(ours_out, theirs)


def dead_units(case: Case) -> None:
    net, plain = case.net(), case.net()
    table = units(net, *sample_and_rest(case)).set_index("layer")
    inputs = {}
    for name, module in plain.named_modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_pre_hook(
                lambda m, args, n=name: inputs.setdefault(n, []).append(args[0].detach().clone())
            )
    run(case, plain)
    for name, calls in inputs.items():
        by_unit = [(x > 0).transpose(0, 1).flatten(1) for x in calls]
        close(table.dead[name], sum((~one.any(1)).double().mean() for one in by_unit) / len(calls))
        close(table.slope[name], (sum(one.double().mean() for one in by_unit) / len(calls)).sqrt())
    for ours, theirs in zip(net.buffers(), case.net().buffers(), strict=True):
        assert torch.equal(ours, theirs)


def costs(case: Case) -> None:
    net, plain = case.net(), case.net()
    args, named = case.given()
    table = cost.counts(net, *sample_and_rest(case))
    assert table.parameters.sum() == sum(p.numel() for p in plain.parameters())
    assert cost.parameters(net) == sum(p.numel() for p in plain.parameters() if p.requires_grad)
    for module in list(plain.modules()):  # what makes a weight is not what it computes
        for name, child in module.named_children():
            if isinstance(child, SpectralNorm):
                setattr(module, name, child.layer)
        if torch.nn.utils.parametrize.is_parametrized(module):
            torch.nn.utils.parametrize.remove_parametrizations(module, "weight")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        plain.eval()(*args, **named)
    assert 2 * table.multiply_adds.sum() == counter.get_total_flops()


TOOLS: dict[str, Callable] = {
    "monitor": monitor,
    "monitor, activations": partial(monitor, activations=True),
    "snapshot": snapshots,
    "units": dead_units,
    "cost": costs,
    "clip norm": clip_norm,
    "clip norm, infinity": clip_norm_infinity,
    "clip value": clip_value,
    "clip layerwise": clip_layerwise,
    "clip adaptive": clip_adaptive,
    "clip percentile": clip_percentile,
    "clip members": clip_members,
    "clip weights": clip_weights,
    **PENALTIES,
    "spectral": spectral,
    "population": population,
    "trainer": trainer,
    "trainer, recorded": recorded,
    "trainer, resumed": resumed,
    "check": checked,
    "checkpoint": kept,
    "average": average,
}
