"""How do many seeds train at once? The parameters of N equal networks are stacked.

One forward pass of a `Population` is N independent forward passes, and an element-wise optimizer on stacked parameters
is N optimizers. So a loop written for one GAN trains N of them; member k ends where the solo run with that seed ends,
to rounding.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from ganlab._check import plain
from ganlab._modules import check_made, copied, shared_parameters
from ganlab._stacked import NotRuled, follows_rules, run, watched

# Words of torch where `vmap` cannot go on.
_UNMAPPED = ("Batching rule", "vmap", "setup_context", "functorch")


def build(
    make_generator: Callable[[], nn.Module], make_discriminator: Callable[[], nn.Module], seeds: int | Sequence[int]
) -> tuple[nn.Module, nn.Module]:
    """A generator and a discriminator with the initial weights of a seed, or two populations with those of many.

    Args:
        make_generator, make_discriminator: functions that build a fresh network.
        seeds: an int gives the two networks themselves; a sequence of N ints gives two `Population`s of N members.

    The global random state is left as it was. Raises ValueError for populations of networks that share parameters.

    >>> import torch
    >>> from ganlab.nets import mlp_discriminator, mlp_generator
    >>> from ganlab.population import build
    >>> G, D = build(lambda: mlp_generator((2,)), lambda: mlp_discriminator((2,)), seeds=range(8))
    >>> alone, _ = build(lambda: mlp_generator((2,)), lambda: mlp_discriminator((2,)), seeds=3)
    >>> all(torch.equal(ours[3], own) for ours, own in zip(G.parameters(), alone.parameters()))
    True
    """
    if isinstance(seeds := plain(seeds), int):
        with torch.random.fork_rng():
            torch.manual_seed(seeds)
            return make_generator(), make_discriminator()
    pairs = [build(make_generator, make_discriminator, int(seed)) for seed in seeds]
    for g, d in pairs:
        if names := shared_parameters(g, d):
            raise ValueError(
                f"make_generator and make_discriminator share parameters ({', '.join(names[:3])}), and two populations "
                "keep the weights of each apart: train such networks one seed at a time"
            )
    return Population([g for g, _ in pairs]), Population([d for _, d in pairs])


class Population(nn.Module):
    """N networks of one architecture as one module: `(N, batch, ...)` in, `(N, batch, ...)` out.

    Args:
        members: the networks; they must have the same parameters and buffers, by name and shape. What they take beside
            x (labels, say) goes behind it or by name, with the members first as well.

    Parameters and buffers carry a leading member axis. Norms, clipping and percentiles must keep that axis: what mixes
    members is a bug. Dropout draws a different mask for each member, so there (only there) a member differs from its
    solo run.

    Raises:
        ValueError: no members, members that differ in structure, or that cannot run side by side.

    >>> import torch
    >>> from ganlab.population import Population
    >>> members = [torch.nn.Linear(2, 1) for _ in range(3)]
    >>> population, x = Population(members), torch.randn(3, 5, 2)
    >>> population(x).shape, torch.allclose(population(x)[1], members[1](x[1]), atol=1e-6)
    (torch.Size([3, 5, 1]), True)
    """

    def __init__(self, members: Sequence[nn.Module]):
        super().__init__()
        if not members:
            raise ValueError("members is empty: give at least one network")
        for member in members:
            check_made(member, "a member")
            if any(getattr(module, "sparse", False) for module in member.modules()):
                raise ValueError(
                    "a member has an embedding with sparse=True, and torch.vmap makes no sparse gradients: build it "
                    "with sparse=False"
                )
        shapes = [{name: value.shape for name, value in member.state_dict().items()} for member in members]
        if any(other != shapes[0] for other in shapes):
            raise ValueError("members differ in their parameters: build them all with the same arguments")
        parameters, buffers = stack_module_state(list(members))
        trained = {name: p.requires_grad for name, p in members[0].named_parameters()}
        # Dots are not allowed in the names of a module's own parameters.
        self._parameter_names = {name: name.replace(".", "/") for name in parameters}
        self._buffer_names = {name: name.replace(".", "/") for name in buffers}
        for name, value in parameters.items():
            self.register_parameter(
                self._parameter_names[name], nn.Parameter(value.detach(), requires_grad=trained[name])
            )
        for name, value in buffers.items():
            self.register_buffer(self._buffer_names[name], value)
        # The structure without the weights. In a list, so that its own parameters are not registered as ours.
        self._ties = _ties(members[0])
        self._structure = [_tied(copied(members[0]).to("meta"), self._ties)]
        self._by_rules = follows_rules(members[0])
        self.size = len(members)
        # What a loop asks of a generator (latent width, sample shape) holds for each member.
        self.latent, self.shape = getattr(members[0], "latent", None), getattr(members[0], "shape", None)
        self.law = getattr(members[0], "law", None)

    def forward(self, *inputs: Tensor, **named: Tensor) -> Tensor:
        for name, x in (*((f"input {i}" if i else "x", x) for i, x in enumerate(inputs)), *named.items()):
            if x.shape[:1] != (self.size,):
                raise ValueError(f"{name} has shape {tuple(x.shape)}: its first axis must be the {self.size} members")
        if len(inputs) != 1 or named:
            return self._by_vmap(inputs, named)
        (x,) = inputs
        # The rules know one type of number.
        if self._by_rules and not watched(self.structure) and not torch.is_autocast_enabled(x.device.type):
            try:
                return run(self.structure, self._stacked(), x)
            except NotRuled:
                self._by_rules = False
        return self._by_vmap(inputs, named)

    def _by_vmap(self, inputs: tuple, named: dict) -> Any:
        try:
            with torch.autograd.graph.disable_saved_tensors_hooks("vmap: torch.utils.checkpoint inside"):
                return torch.vmap(self._one, randomness="different")(self._stacked(), inputs, named)
        except RuntimeError as error:
            if not any(word in str(error) for word in _UNMAPPED):
                raise
            raise ValueError(
                f"the members, {type(self.structure).__name__}, cannot run side by side: torch.vmap has no way through "
                f"one of their layers ({str(error).split(chr(10))[0][:120]}). In place of torch's spectral_norm take "
                "ganlab.nets.SpectralNorm, of an autograd.Function one with setup_context, of checkpoints none; or "
                "train the networks one by one"
            ) from error

    def _one(self, state: dict[str, Tensor], inputs: tuple, named: dict) -> Any:
        return functional_call(self.structure, state, inputs, named)

    def _stacked(self) -> dict[str, Tensor]:
        return {
            **{name: self._parameters[own] for name, own in self._parameter_names.items()},
            **{name: self._buffers[own] for name, own in self._buffer_names.items()},
        }

    def train(self, mode: bool = True) -> "Population":
        self.structure.train(mode)
        return super().train(mode)

    @property
    def structure(self) -> nn.Module:
        """One member's architecture, without weights."""
        return self._structure[0]

    def member(self, k: int) -> nn.Module:
        """A copy of member k as a network of its own."""
        if not -self.size <= k < self.size:
            raise IndexError(f"k={k}: there are {self.size} members")
        member = copied(self.structure).to_empty(device=next(self.parameters()).device)
        member = _tied(member, self._ties)
        own = {**dict(member.named_parameters()), **dict(member.named_buffers())}
        with torch.no_grad():
            for name, value in self._stacked().items():
                own[name].copy_(value[k])
        return member


def _ties(net: nn.Module) -> dict[str, str]:
    """The second and further names of a parameter, and its first."""
    first: dict[int, str] = {}
    names = net.named_parameters(remove_duplicate=False)
    return {name: one for name, p in names if (one := first.setdefault(id(p), name)) != name}


def _tied(net: nn.Module, ties: dict[str, str]) -> nn.Module:
    """`net`, after a move that has made separate parameters of shared ones, with these shared again."""
    for name, one in ties.items():
        owner, _, leaf = name.rpartition(".")
        setattr(net.get_submodule(owner), leaf, net.get_parameter(one))
    return net
