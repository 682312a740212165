"""Labels for both players: the label is made a part of the sample, so every discriminator and loss can read it.

The conditional GAN of Mirza & Osindero 2014: the label goes to G beside z, and to D beside the sample. So D is built
for the shape of `labelled(data)`, a generator of plain samples goes into a `Conditional`, and `separate` takes apart
what `ganlab.train.Trainer.sample` returns.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from ganlab._check import check_positive
from ganlab.data import Dataset
from ganlab.data.dataset import device_of
from ganlab.latent.priors import Prior, choice


def labelled(data: Dataset) -> Dataset:
    """Samples with their label behind them: K more channels, one of them 1 and the others 0.

    (n,) points become (n + K,), images (channels, height, width) become (channels + K, height, width). Of a mixture the
    label is the nearest mode. The data themselves stay in `.pool`.

    Raises:
        ValueError: data with neither labels nor modes.

    >>> from ganlab.data import ring
    >>> from ganlab.latent import labelled
    >>> data = labelled(ring(modes=8))
    >>> data.shape, data.sample(3)[:, 2:].sum(1).tolist()
    ((10,), [1.0, 1.0, 1.0])
    """
    if data.labels is None and data.modes is None:
        raise ValueError(f"data={data.name!r} has neither labels nor modes: give Dataset.from_images its labels")
    shape = (data.shape[0] + classes(data), *data.shape[1:])
    return Dataset(f"labelled_{data.name}", shape, data.value_range, device=data.device, draw=_draw, pool=data)


def classes(data: Dataset) -> int:
    """How many labels or modes there are: K.

    >>> from ganlab.data import ring
    >>> from ganlab.latent import classes
    >>> classes(ring(modes=8))
    8
    """
    return len(data.modes) if data.labels is None else int(data.labels.max()) + 1


def _draw(data: Dataset, n: int, generator: Generator | None) -> Tensor:
    pool = data.pool
    if pool.labels is None:
        samples = pool.sample(n, generator)
        labels = torch.cdist(samples, pool.modes).argmin(1)
    else:
        index = torch.randint(len(pool), (n,), generator=generator, device=device_of(generator)).to(pool.device)
        samples, labels = pool.samples[index], pool.labels[index]
    return join(samples, torch.nn.functional.one_hot(labels, classes(pool)).to(samples))


def join(samples: Tensor, label: Tensor) -> Tensor:
    """(batch, channels, ...) and one-hot (batch, K) -> (batch, channels + K, ...).

    >>> import torch
    >>> from ganlab.latent import join
    >>> join(torch.tensor([[0.5, 0.7]]), torch.tensor([[0.0, 1.0, 0.0]])).shape
    torch.Size([1, 5])
    >>> join(torch.zeros(1, 1, 2, 2), torch.tensor([[0.0, 1.0]])).tolist()  # the image and two planes
    [[[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]]]]
    """
    planes = label.reshape(*label.shape, *[1] * (samples.ndim - 2)).expand(-1, -1, *samples.shape[2:])
    return torch.cat([samples, planes], dim=1)


def separate(samples: Tensor, data: Dataset) -> tuple[Tensor, Tensor]:
    """Samples of a labelled data set, ([N,] n, channels + K, ...), as plain samples and their labels ([N,] n).

    Raises:
        ValueError: `data` is not made by `labelled`, or the samples are not of its shape.

    >>> import torch
    >>> from ganlab.data import ring
    >>> from ganlab.latent import labelled, separate
    >>> points, labels = separate(torch.tensor([[2.0, 3.0, 0.0, 0.0, 1.0]]), labelled(ring(modes=3)))
    >>> points.tolist(), labels.tolist()
    ([[2.0, 3.0]], [2])
    """
    if data.draw is not _draw:
        raise ValueError(f"data={data.name!r} has no labels in its samples: give labelled(data)")
    if tuple(samples.shape[-len(data.shape) :]) != data.shape:
        raise ValueError(f"samples have shape {tuple(samples.shape)}: those of {data.name!r} end in {data.shape}")
    axis, channels = -len(data.shape), data.pool.shape[0]
    plain, planes = samples.split([channels, data.shape[0] - channels], dim=axis)
    places = tuple(range(axis + 1, 0))
    return plain, (planes.mean(places) if places else planes).argmax(-1)


class Conditional(Prior):
    """A generator that draws a label, all K equally likely, sees it beside z, and shows it to D.

    One normal number more than z chooses the label, so `latent` is G.latent - K + 1.

    Args:
        G: a generator of plain samples with a latent wider than K: z, then the one-hot label.
        count: K.

    Raises:
        ValueError: K is not positive, or G's latent is no wider than K.

    >>> import torch
    >>> from ganlab.latent import Conditional
    >>> from ganlab.nets import mlp_generator
    >>> G = Conditional(mlp_generator((1, 8, 8), latent=64 + 10), count=10)
    >>> G.latent, G(torch.randn(5, G.latent)).shape  # the image and ten planes
    (65, torch.Size([5, 11, 8, 8]))
    """

    def __init__(self, G: nn.Module, count: int):
        check_positive(count=count)
        super().__init__(G, getattr(G, "latent", 0) - count + 1)
        if self.latent < 2:
            raise ValueError(f"G.latent={G.latent} leaves no room for z beside {count} labels: build G with more")
        self.count, self.shape = count, (G.shape[0] + count, *G.shape[1:])

    def forward(self, noise: Tensor) -> Tensor:
        label = choice(noise[:, 0], self.count)
        return join(self.G(torch.cat([noise[:, 1:], label], dim=1)), label)


class Apart(nn.Module):
    """A network of samples and labels, `net(x, labels)`, as one of samples that hold their label.

    For a generator or a discriminator with an embedding of the label, say: `Conditional(Apart(G, 10), count=10)` and
    `Apart(D, 10)` train on `labelled(data)`.

    Args:
        net: takes (batch, channels, ...) and int64 labels (batch,). For a generator, `latent` is then that of net + K.
        count: K, how many labels there are: the last K channels of what comes in.
        call: how net is called, if otherwise: `lambda net, x, labels: net(labels, x)`.

    The slope with respect to the label is 0, so penalties see the sample alone; of a point between samples of two
    labels, the label is that of the nearer.

    >>> import torch
    >>> from ganlab.latent import Apart
    >>> class Shown(torch.nn.Module):
    ...     def forward(self, x, labels):
    ...         return x.sum(1) + 10 * labels
    >>> Apart(Shown(), count=3)(torch.tensor([[1.0, 2.0, 0.0, 0.0, 1.0]])).tolist()  # 1 + 2, of label 2
    [23.0]
    """

    def __init__(self, net: nn.Module, count: int, call: Callable | None = None):
        super().__init__()
        check_positive(count=count)
        self.net, self.count, self.call = net, count, call
        if isinstance(latent := getattr(net, "latent", None), int):
            self.latent = latent + count
        if (shape := getattr(net, "shape", None)) is not None:
            self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] <= self.count:
            raise ValueError(f"x has shape {tuple(x.shape)}: no channels are left in front of {self.count} labels")
        plain, planes = x.split([x.shape[1] - self.count, self.count], dim=1)
        labels = planes.flatten(2).mean(2).argmax(1) if planes.ndim > 2 else planes.argmax(1)
        return self.net(plain, labels) if self.call is None else self.call(self.net, plain, labels)
