"""Is the discriminator too steep? Penalties on its slope, to be added to its loss.

The slope of a sample is the gradient of D's logit with respect to that sample. A penalty is half the mean over the
batch of a function of the slope's norm, one value a member, and the caller multiplies it by gamma: the discriminator
minimises `loss + gamma * penalty`. So gamma is that of the literature on zero-centred penalties, gamma/2 E|slope|^2,
and twice the lambda of WGAN-GP and DRAGAN: their lambda = 10 is gamma = 20.

Everything goes through `torch.func`, so it runs on a `Population`, inside a `torch.vmap` of your own and under
`torch.compile`, which refuses a second differentiation through `torch.autograd.grad`. That is taken, with the same
numbers, where a D cannot go through `torch.func`: with checkpoints (`use_reentrant=False`), an `autograd.Function`
without `setup_context`, or buffers that it writes in its forward pass.

D may be any function: `lambda x: D(labels, x)` is a D that takes its labels first, `lambda x: D(x)[0]` one that returns
more than its logits. Networks inside are treated as D itself would be.

Where a layer lets samples of a batch act on each other, the slope of a sample is that of the sum of all logits. For
`ganlab.nets.MinibatchStd` this is what StyleGAN2 does. Batch norm in training mode is refused: normalised by the
batch, D is no longer a function of one sample, and its slope bounds nothing (Gulrajani et al. 2017, section 4).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.module import register_module_forward_pre_hook

from ganlab._draws import Draws
from ganlab._modules import Given, as_logits, called, check_fractions, check_made, explained, gradient
from ganlab._numeric import NARROW
from ganlab.nets import Packed, SpectralNorm
from ganlab.nets.spectral import held
from ganlab.population import Population

__all__ = ["PENALTIES", "Critic", "Draws", "dragan", "r1", "r2", "slopes", "wgan_gp"]

Critic = Callable[..., Tensor]


def slopes(D: Critic, x: Tensor, *, given: Given = ()) -> tuple[Tensor, Tensor]:
    """Gradient of each logit with respect to its own sample, flattened, and the logits.

    Args:
        D: (batch, *shape) -> (batch,) logits, or a `Population` with one more axis in front of both. A discriminator
            that sees m samples at once (`ganlab.nets.Packed`) returns batch/m logits; a slope then spans all m. A
            module may return a map of logits (batch, 1, *places) or a list of such: a sample's logit is their sum. Of a
            tuple or a dict its logits are the first tensor with one channel, `(batch,)` or `(batch, 1, *places)`.
        x: samples of any shape.
        given: what else D is called with: arguments behind x (a tensor, or a tuple), or by name (a dict).

    Returns:
        slopes (..., logits, numbers in a sample), logits (..., logits). Both can be differentiated further.
        A loop of your own may take its loss from these logits, and save a pass.

    Raises:
        ValueError: D has batch norm in training mode, does not return one logit a sample, has lazy modules that were
            never called, or is checkpointed in the older way (`use_reentrant=True`).
        TypeError: x holds whole numbers, or D returns something in which no logits can be told.

    >>> import torch
    >>> from ganlab.penalties import slopes
    >>> slope, logits = slopes(lambda x: 3 * x[:, 0] + 4 * x[:, 1], torch.ones(2, 2))
    >>> slope.tolist(), logits.tolist()
    ([[3.0, 4.0], [3.0, 4.0]], [7.0, 7.0])
    """
    check_fractions(x)
    members = isinstance(D, Population) if isinstance(D, nn.Module) else None

    def total(x: Tensor) -> tuple[Tensor, Tensor]:
        logits = as_logits(called(D, x, given), members)
        return logits.sum(), logits

    with _as_one_function(D), explained("D"):
        slope, logits = gradient(total, x, of=D)
    _check(logits, x, members)
    return slope.reshape(*logits.shape, -1), logits


def r1(D: Critic, real: Tensor, *, given: Given = ()) -> Tensor:
    """E|slope|^2 / 2 on real samples; shape (...), one value a member.   Mescheder et al. 2018, eq. 9.

    >>> import torch
    >>> from ganlab.penalties import r1
    >>> r1(lambda x: 3 * x[:, 0] + 4 * x[:, 1], torch.ones(8, 2)).item()  # 5^2 / 2
    12.5
    """
    return _wide(slopes(D, real, given=given)[0]).square().sum(-1).mean(-1) / 2


def r2(D: Critic, fake: Tensor, *, given: Given = ()) -> Tensor:
    """E|slope|^2 / 2 on generated samples; shape (...), one value a member.   Mescheder et al. 2018, section 4.1.

    fake: detached from the generator, as `fake.detach()`: D alone pays the penalty.

    >>> import torch
    >>> from ganlab.penalties import r2
    >>> r2(lambda x: x.square().sum(1), torch.tensor([[0.0, 0.0], [1.0, 0.0]])).item()  # slopes 0 and 2
    1.0
    """
    return r1(D, fake, given=given)


def wgan_gp(D: Critic, real: Tensor, fake: Tensor, alpha: Tensor | None = None, *, given: Given = ()) -> Tensor:
    """E(|slope| - 1)^2 / 2 at random points between real and generated samples.   Gulrajani et al. 2017, eq. 3.

    fake: detached from the generator, as `fake.detach()`: D alone pays the penalty.
    alpha: one number of U(0, 1) for each pair of samples (for each pair of packs, if D is `Packed`), (..., batch);
    None: drawn here. At alpha = 0 the point is the generated sample. A slope of 0 gives a finite gradient, 0.

    Raises:
        ValueError: real and fake, or alpha, have the wrong shape.

    >>> import torch
    >>> from ganlab.penalties import wgan_gp
    >>> D = lambda x: x.square().sum(1)  # slope 2 |x|: steeper away from 0
    >>> real, fake = torch.tensor([[4.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    >>> wgan_gp(D, real, fake, alpha=torch.tensor([0.5])).item()  # half-way, at 2: (4 - 1)^2 / 2
    4.5
    """
    if real.shape != fake.shape:
        raise ValueError(f"real has shape {tuple(real.shape)} and fake {tuple(fake.shape)}: they must be equal")
    check_fractions(real)
    check_fractions(fake)
    shape = _judged(D, real)
    if alpha is None:
        alpha = torch.rand(shape, dtype=real.dtype, device=real.device)
    if tuple(alpha.shape) != shape:
        raise ValueError(f"alpha has shape {tuple(alpha.shape)}: give one number for each pair, {shape}")
    alpha = alpha.repeat_interleave(real.shape[len(shape) - 1] // shape[-1], dim=-1)
    dtype = torch.promote_types(real.dtype, fake.dtype)  # under autocast G's samples are of half precision
    real, fake = real.to(dtype), fake.to(dtype)
    return _one_centred(D, torch.lerp(fake, real, _beside(alpha, real)), given)


def dragan(D: Critic, real: Tensor, noise: Tensor | None = None, radius: float = 0.5, *, given: Given = ()) -> Tensor:
    """E(|slope| - 1)^2 / 2 around the real samples.   Kodali et al. 2017, section 2.2.

    The points are real + radius * s * noise, with s the standard deviation of the member's whole batch. The paper has
    normal noise; the radius is that of the authors' code. noise: N(0, 1), in the shape of `real`; None: drawn here.

    Raises:
        ValueError: noise has another shape than real.

    >>> import torch
    >>> from ganlab.penalties import dragan
    >>> D = lambda x: x.square().sum(1)  # slope 2 |x|: steeper away from 0
    >>> real = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
    >>> dragan(D, real, radius=0.0).item()  # at the samples themselves: (4 - 1)^2 / 2
    4.5
    """
    check_fractions(real)
    if noise is None:
        noise = torch.randn_like(real)
    if noise.shape != real.shape:
        raise ValueError(f"noise has shape {tuple(noise.shape)} and real {tuple(real.shape)}: they must be equal")
    members = len(_judged(D, real)) - 1
    return _one_centred(D, real + radius * _beside(real.flatten(members).std(-1), real) * noise, given)


def _one_centred(D: Critic, x: Tensor, given: Given) -> Tensor:
    # The subgradient of this norm at 0 is 0; a square root written out has a NaN there.
    norm = torch.linalg.vector_norm(_wide(slopes(D, x, given=given)[0]), dim=-1)
    return (norm - 1).square().mean(-1) / 2


def _wide(slope: Tensor) -> Tensor:
    """In float32 at least: the square of a slope of 256 is too large for float16."""
    return slope.float() if slope.dtype in NARROW else slope


def _beside(values: Tensor, x: Tensor) -> Tensor:
    """`values`, with axes added behind, so that they broadcast over x's last ones."""
    return values.to(x).reshape(*values.shape, *[1] * (x.ndim - values.ndim))


def _judged(D: Critic, x: Tensor) -> tuple[int, ...]:
    """The shape of D's logits on x."""
    members, structure = isinstance(D, Population), _structure(D)
    pack = structure.m if isinstance(structure, Packed) else 1
    return (*x.shape[:members], x.shape[members] // pack)


# Name in a recipe: (D, real, fake, draws) -> one value a member. `fake` comes detached from the generator.
# `given` goes on to them.
PENALTIES: dict[str, Callable[..., Tensor]] = {
    "r1": lambda D, real, fake, draws, **given: r1(D, real, **given),
    "r2": lambda D, real, fake, draws, **given: r2(D, fake, **given),
    "r1_r2": lambda D, real, fake, draws, **given: r1(D, real, **given) + r2(D, fake, **given),
    "wgan_gp": lambda D, real, fake, draws, **given: wgan_gp(
        D, real, fake, draws.uniform(_judged(D, real)[-1]), **given
    ),
    "dragan": lambda D, real, fake, draws, **given: dragan(
        D, real, draws.normal(*real.shape[isinstance(D, Population) :]), **given
    ),
}


def _structure(D: Critic) -> nn.Module:
    """The module that D runs; an empty one if D is a plain function."""
    return D.structure if isinstance(D, Population) else D if isinstance(D, nn.Module) else nn.Identity()


@contextmanager
def _as_one_function(D: Critic) -> Iterator[None]:
    """Inside, D is one function of one sample: power iterations stand still, and batch norm in training is refused.

    So it is with networks that a plain function calls: they are seen when it calls them.
    """
    if torch.compiler.is_compiling() or isinstance(D, nn.Module):
        check_made(_structure(D), "D")
        _refuse_batch_norm(_structure(D).modules())
        with held(_structure(D)):
            yield
        return
    with ExitStack() as stack:

        def look(module: nn.Module, inputs: tuple) -> None:
            _refuse_batch_norm([module])
            if isinstance(module, SpectralNorm):
                stack.enter_context(held(module))

        stack.callback(register_module_forward_pre_hook(look).remove)
        yield


def _refuse_batch_norm(layers: Iterable[nn.Module]) -> None:
    if any(isinstance(layer, _BatchNorm) and (layer.training or layer.running_mean is None) for layer in layers):
        raise ValueError(
            "D has batch norm, which ties the samples of a batch together, so that no sample has a slope of its own: "
            "use norm='layer', 'group' or 'instance', or D.eval()"
        )


def _check(logits: Tensor, x: Tensor, members: bool | None) -> None:
    last = logits.ndim - 1
    if (
        not 1 <= logits.ndim < x.ndim
        or (members is not None and last != members)
        or (last > 0 and logits.shape[-1] == 1)
        or logits.shape[:last] != x.shape[:last]
        or 0 in logits.shape
        or x.shape[last] % logits.shape[last]
    ):
        raise ValueError(
            f"D made logits {tuple(logits.shape)} of x {tuple(x.shape)}: it must return one logit a sample, (batch,) "
            "for (batch, *shape); squeeze its last dimension, or sum what it says of a sample, as in "
            "lambda x: D(x).flatten(1).sum(1)"
        )
