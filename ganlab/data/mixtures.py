"""Two-dimensional laws: mixtures of Gaussians whose modes are known, and the Swiss roll."""

import math

import torch
from torch import Generator, Tensor

from ganlab.data.dataset import Dataset, device_of


def ring(modes: int = 8, radius: float = 2.0, sigma: float = 0.02) -> Dataset:
    """Points of Gaussians of standard deviation sigma, evenly on a circle. Known from Metz et al. 2017, figure 2.

    Raises:
        ValueError: no mode, or a sigma that is not positive.

    >>> from ganlab.data import ring
    >>> ring(modes=4, radius=2.0).modes.round().long().tolist()
    [[2, 0], [0, 2], [-2, 0], [0, -2]]
    >>> ring().sample(100).shape
    torch.Size([100, 2])
    """
    angle = 2 * math.pi * torch.arange(modes, dtype=torch.float64) / modes
    return _mixture("ring", radius * torch.stack([angle.cos(), angle.sin()], dim=1), sigma)


def grid(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> Dataset:
    """side x side Gaussians around the origin: 25 on [-4, 4]^2 as in Srivastava et al. 2017 and Lin et al. 2018.

    Raises:
        ValueError: no mode, or a sigma that is not positive.

    >>> from ganlab.data import grid
    >>> grid(side=2, spacing=2.0).modes.tolist()
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    line = spacing * (torch.arange(side, dtype=torch.float64) - (side - 1) / 2)
    return _mixture("grid", torch.cartesian_prod(line, line), sigma)


def _mixture(name: str, modes: Tensor, sigma: float) -> Dataset:
    if sigma <= 0 or len(modes) == 0:
        raise ValueError(f"{name}: needs at least one mode and sigma > 0, not {len(modes)} and sigma={sigma}")
    return Dataset(name, (2,), modes=modes.float(), sigma=sigma, draw=_draw_mixture)


def _draw_mixture(data: Dataset, n: int, generator: Generator | None) -> Tensor:
    index = torch.randint(len(data.modes), (n,), generator=generator, device=device_of(generator))
    noise = torch.randn(n, 2, generator=generator, device=device_of(generator), dtype=torch.float32)
    return data.modes[index.to(data.device)] + data.sigma * noise.to(data.device)


def swiss_roll() -> Dataset:
    """The 2-D Swiss roll of Gulrajani et al. 2017: (t cos t, t sin t) / 7.5, t uniform on [1.5 pi, 4.5 pi], noise 0.25.

    The same law as columns 0 and 2 of scikit-learn's make_swiss_roll(noise=0.25), divided by 7.5.

    >>> from ganlab.data import swiss_roll
    >>> points = swiss_roll().sample(1000)
    >>> radius = points.norm(dim=1)  # 1.5 pi / 7.5 = 0.63 to 4.5 pi / 7.5 = 1.88, and the noise
    >>> points.shape, bool(0.4 < radius.min()), bool(radius.max() < 2.1)
    (torch.Size([1000, 2]), True, True)
    """
    return Dataset("swiss_roll", (2,), draw=_draw_swiss_roll)


def _draw_swiss_roll(data: Dataset, n: int, generator: Generator | None) -> Tensor:
    options = {"generator": generator, "device": device_of(generator), "dtype": torch.float32}
    t, noise = 1.5 * math.pi * (1 + 2 * torch.rand(n, **options)), torch.randn(n, 2, **options)
    return (torch.stack([t * t.cos(), t * t.sin()], dim=1) + 0.25 * noise) / 7.5
