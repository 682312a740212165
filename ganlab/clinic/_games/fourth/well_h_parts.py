"""Small networks and inputs that the application loops share."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.data import Dataset


class Map(nn.Module):
    """A fully connected net: one input or several, joined, to a sample of a shape."""

    def __init__(self, inputs, shape, width=64, act=nn.ReLU, norm=False, end=nn.Identity, dropout=0.0):
        super().__init__()
        self.shape, layers, before = tuple(shape), [], inputs
        for _ in range(2):
            layers += [nn.Linear(before, width), *([nn.BatchNorm1d(width)] if norm else []), act()]
            layers += [nn.Dropout(dropout)] if dropout else []
            before = width
        self.body = nn.Sequential(*layers, nn.Linear(width, torch.Size(self.shape).numel()), end())

    def forward(self, *parts: Tensor) -> Tensor:
        return self.body(torch.cat([part.flatten(1) for part in parts], 1)).view(-1, *self.shape)


class Pool:
    """The last samples of a generator: half of a query is answered from before."""

    def __init__(self, size: int = 50):
        self.size, self.kept = size, []

    def query(self, batch: Tensor) -> Tensor:
        answer = []
        for one in batch.detach():
            if len(self.kept) < self.size:
                self.kept.append(one)
            elif torch.rand(()) > 0.5:
                place = int(torch.randint(self.size, ()))
                one, self.kept[place] = self.kept[place], one
            answer.append(one)
        return torch.stack(answer)


class Targets(nn.Module):
    """A GAN criterion that makes its targets of the shape of the prediction."""

    def __init__(self, criterion: nn.Module):
        super().__init__()
        self.criterion = criterion
        self.register_buffer("yes", torch.tensor(1.0))
        self.register_buffer("no", torch.tensor(0.0))

    def forward(self, prediction: Tensor, real: bool) -> Tensor:
        return self.criterion(prediction, (self.yes if real else self.no).expand_as(prediction))


def requires_grad(net: nn.Module, on: bool) -> None:
    for parameter in net.parameters():
        parameter.requires_grad_(on)


def size(data: Dataset) -> int:
    return torch.Size(data.shape).numel()


def end(data: Dataset) -> type[nn.Module]:
    return nn.Tanh if len(data.shape) == 3 else nn.Identity


def other_domain(x: Tensor) -> Tensor:
    """The same things in another look: points turned, shrunk and moved; images as negatives, transposed."""
    if x.ndim == 4:
        return -x.transpose(2, 3)
    turn = torch.tensor([[0.92, 0.38], [-0.38, 0.92]])
    return 0.4 * x @ turn + 0.5


def count(data: Dataset) -> int:
    """How many classes there are; of a mixture, modes."""
    return len(data.modes) if data.modes is not None else int(data.labels.max()) + 1


def labelled(data: Dataset, n: int) -> tuple[Tensor, Tensor]:
    """n samples with their classes."""
    if data.modes is not None:
        x = data.sample(n)
        return x, torch.cdist(x, data.modes).argmin(1)
    index = torch.randint(len(data), (n,))
    return data.samples[index], data.labels[index]


def one_hot(y: Tensor, classes: int) -> Tensor:
    return F.one_hot(y, classes).float()


def unit_slope(score, real: Tensor, fake: Tensor) -> Tensor:
    """The penalty of a critic whose slope is not 1 between real and generated samples."""
    alpha = torch.rand(len(real), *[1] * (real.ndim - 1))
    between = (alpha * real + (1 - alpha) * fake).requires_grad_()
    out = score(between)
    slope = torch.autograd.grad(out, between, torch.ones_like(out), create_graph=True)[0]
    return (slope.flatten(1).norm(2, dim=1) - 1).square().mean()
