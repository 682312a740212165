"""Figures of samples: sheets of images, and 2-D points on the discriminator's landscape."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch

from ganlab._modes import evaluating
from ganlab.plots.house_style import COLORS, FACE, INK, LANDSCAPE, axes, ink, to_rgb


def sample_grid(images, *, value_range=(-1, 1), columns=8, rows: Sequence[str] | None = None, titles=None, ax=None):
    """Images side by side on one axes, each pixel a square.

    >>> import torch
    >>> from ganlab import plots
    >>> ax = plots.sample_grid(torch.zeros(10, 1, 8, 8), columns=5)
    >>> ax.images[0].get_array().shape  # two rows of five, a gap of one pixel between them, RGBA
    (17, 44, 4)

    Args:
        images: (n, channels, height, width), 1 or 3 channels; with `rows`, a sequence of such batches, one a row.
        value_range: the values of black and white; images outside it are refused.
        columns: images in a row.
        rows: a label for each row: the step, the model, "real".
        titles: a title for each column.

    Returns:
        The axes.

    Raises:
        ValueError: a wrong shape, values outside the range or not finite, too few images for a labelled row.
    """
    batches = [_pictures(batch, value_range) for batch in (images if rows is not None else [images])]
    if rows is not None:
        if len(rows) != len(batches):
            raise ValueError(f"rows has {len(rows)} labels for {len(batches)} batches of images")
        if (short := min(len(batch) for batch in batches)) < columns:
            raise ValueError(f"columns={columns}, but a row has {short} images: pass more images or fewer columns")
        batches = [batch[:columns] for batch in batches]
        if len(sizes := {batch.shape[1:3] for batch in batches}) > 1:
            raise ValueError(f"the rows' images are not of one size: {sorted(sizes)}")
    flat = np.concatenate(batches)
    columns = min(columns, len(flat))
    if titles is not None and len(titles) != columns:
        raise ValueError(f"titles has {len(titles)} labels for {columns} columns")
    count = -(-len(flat) // columns)
    height, width = flat.shape[1:3]
    gap = max(1, round(width / 16))
    sheet = np.ones((count * (height + gap) - gap, columns * (width + gap) - gap, 4)) * (*to_rgb(FACE), 1)
    for i, picture in enumerate(flat):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        sheet[top : top + height, left : left + width, :3] = picture
    ax = axes(ax, size=(6.4, 6.4 * sheet.shape[0] / sheet.shape[1] + 0.3 * (titles is not None)))
    ax.imshow(sheet, interpolation="nearest")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.set_yticks([(height - 1) / 2 + i * (height + gap) for i in range(count)] if rows else [], rows or [])
    ax.set_xticks([(width - 1) / 2 + i * (width + gap) for i in range(columns)] if titles else [], titles or [])
    return ax


def points(samples, data, discriminator: Callable | None = None, *, ax=None, probability=True, labels=True):
    """Generated 2-D samples over the data, on the landscape of the discriminator.

    >>> import torch
    >>> from ganlab import data, plots
    >>> samples = torch.tensor([[0.0, 0.0], [9.0, 0.0]])  # the second is out of sight
    >>> ax = plots.points(samples, data.load("ring"))
    >>> [text.get_text() for text in ax.texts]
    ['data', 'generated (1 of 2 outside)']

    Args:
        samples: (n, 2), one member of a population.
        data: a 2-D `Dataset`; its modes are marked with rings, and 1,000 of its points are drawn.
        discriminator: maps (m, 2) to logits (m,). It is evaluated in eval mode, on the device of its parameters (a
            function without any: on that of the samples), and left as it was.
        probability: show sigmoid(logit), D's probability that a point is real; False: the raw score of a critic, less
            its median, for a loss under which the sigmoid means nothing.
        labels: say what the colours mean, with a colour bar and ticks; False for the small panels of a row.

    Returns:
        The axes. The view is the data's alone, so that it stays while the samples move.

    Raises:
        ValueError: samples or data are not 2-D points, samples or logits are not finite, or logits are not (m,).
    """
    samples = torch.as_tensor(samples).detach().float()
    if samples.ndim != 2 or samples.shape[1] != 2 or len(samples) == 0:
        raise ValueError(f"samples has shape {tuple(samples.shape)}, not (n, 2), n > 0: pick one member, samples[k]")
    if tuple(data.shape) != (2,):
        raise ValueError(f"data {data.name!r} has points of shape {tuple(data.shape)}, not (2,): use sample_grid")
    if not samples.isfinite().all():
        raise ValueError("samples are not finite: the run diverged, there is nothing to draw")
    # The view comes from the data alone, so that the frames of a slider do not jump.
    real = data.sample(1000, torch.Generator().manual_seed(0)).cpu()
    centre = real.mean(0).tolist()
    reach = 1.25 * float((real - real.mean(0)).abs().max())
    ax = axes(ax, size=(5.2, 4.4))
    ax.set(xlim=(centre[0] - reach, centre[0] + reach), ylim=(centre[1] - reach, centre[1] + reach), aspect="equal")
    if discriminator is not None:
        home = next(discriminator.parameters(), samples) if isinstance(discriminator, torch.nn.Module) else samples
        _landscape(ax, discriminator, home.device, probability, labels)
    cloud = samples.cpu()
    ax.plot(*real.T.numpy(), ".", color=COLORS["real"], ms=3, alpha=0.6, mew=0)
    ax.plot(*cloud.T.numpy(), ".", color=COLORS["fake"], ms=4, alpha=0.8, mew=0)
    if data.modes is not None:
        ax.plot(*data.modes.cpu().T.numpy(), "o", ms=11, mfc="none", mec=INK, mew=0.8)
    if labels:
        outside = int(((cloud - torch.tensor(centre)).abs() > reach).any(1).sum())
        name = f"generated ({outside} of {len(cloud)} outside)" if outside else "generated"
        place = {"textcoords": "offset points", "va": "bottom"}
        first = ax.annotate("data", (0, 1), (0, 4), "axes fraction", color=ink(COLORS["real"]), **place)
        ax.annotate(name, (1, 0), (12, 0), first, color=ink(COLORS["fake"]), **place)
    else:
        ax.set(xticks=[], yticks=[])
    return ax


def _pictures(images, value_range) -> np.ndarray:
    """(n, height, width, 3 or 1) in [0, 1], checked."""
    images = torch.as_tensor(images).detach().float().cpu()
    if images.ndim != 4 or images.shape[1] not in (1, 3) or len(images) == 0:
        raise ValueError(f"images has shape {tuple(images.shape)}, not (n, 1 or 3, height, width) with n > 0")
    low, high = value_range
    if not images.isfinite().all():
        raise ValueError("images are not finite: the run diverged, there is nothing to draw")
    # Rounding may pass the ends by a little; more is a wrong range, which would be shown as wrong greys.
    if images.min() < low - 1e-3 or images.max() > high + 1e-3:
        raise ValueError(
            f"images span [{images.min():.3g}, {images.max():.3g}], outside value_range=({low}, {high}): "
            f"give their range, or images.clamp({low}, {high})"
        )
    return ((images - low) / (high - low)).clamp(0, 1).permute(0, 2, 3, 1).numpy()


def _landscape(ax, discriminator, device, probability: bool, labels: bool) -> None:
    """D's output as a filled contour with a colour bar."""
    x, y = (torch.linspace(*limits, 121) for limits in (ax.get_xlim(), ax.get_ylim()))
    grid = torch.cartesian_prod(x, y).to(device)
    with torch.no_grad(), _still(discriminator):
        logits = discriminator(grid)
    if logits.shape != (len(grid),):
        raise ValueError(
            f"discriminator maps (m, 2) to {tuple(logits.shape)}, not (m,): pass one member, without stacking"
        )
    if not logits.isfinite().all():
        raise ValueError("discriminator gives values that are not finite: the run diverged, there is nothing to draw")
    score = logits.sigmoid() if probability else logits - logits.median()
    reach = 0.5 if probability else max(float(score.abs().max()), 1e-12)
    middle = 0.5 if probability else 0.0
    levels = np.linspace(middle - reach, middle + reach, 21)
    drawn = ax.contourf(x, y, score.cpu().view(121, 121).T, levels, cmap=LANDSCAPE, extend="neither")
    if labels:
        name = "D: probability of real" if probability else "critic's score less its median"
        bar = ax.figure.colorbar(
            drawn, ax=ax, label=name, ticks=np.linspace(middle - reach, middle + reach, 3), shrink=0.8
        )
        bar.outline.set_visible(False)


def _still(net) -> AbstractContextManager:
    """Drawing must not move batch norm's running statistics. A plain function has none."""
    return evaluating(net) if isinstance(net, torch.nn.Module) else nullcontext()
