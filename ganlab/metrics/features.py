"""Features to measure distances in: a small classifier, trained on the same data as the GAN.

A distance in its features is not the Inception distance of the literature, and cannot be compared with one. The
classifier's `name` says what it is: put it on the axis. `ganlab.metrics.Judge` measures in such features.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab._progress import bar
from ganlab.data import Dataset

FEATURES = 64
HELD_OUT = 0.1


class Classifier(nn.Module):
    """Convolution and pooling down to at most 4x4 pixels, then 64 features, then one logit a class.

    shape: (channels, height, width), 8 to 64 pixels. name: what to print beside a number measured with its features.
    accuracy: share of the held-out images that it classifies correctly (0 before training).
    centre, half_range: of the pixels' range, which the network sees as [-1, 1].

    >>> import torch
    >>> from ganlab.metrics import features
    >>> net = features.Classifier((1, 28, 28), classes=10)
    >>> images = torch.zeros(5, 1, 28, 28)
    >>> net(images).shape, net.features(images).shape
    (torch.Size([5, 10]), torch.Size([5, 64]))
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, centre: float = 0.0, half_range: float = 1.0):
        super().__init__()
        channels, height, width = shape
        self.shape, self.centre, self.half_range = shape, centre, half_range
        self.name, self.accuracy = "untrained classifier", 0.0
        layers, out = [], 16
        while max(height, width) > 4:
            halved = (1 + (height > 4), 1 + (width > 4))
            layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(halved)]
            channels, out = out, min(2 * out, FEATURES)
            height, width = height // halved[0], width // halved[1]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, FEATURES), nn.ReLU())
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channels, height, width) in the range of the data trained on -> logits (n, classes)."""
        return self.head(self.body((images - self.centre) / self.half_range))

    def features(self, images: Tensor, batch: int = 1000) -> Tensor:
        """Images (n, channels, height, width) -> features (n, 64), without gradients, on the classifier's device."""
        return self._in_batches(lambda images: self.body((images - self.centre) / self.half_range), images, batch)

    def predict(self, images: Tensor, batch: int = 1000) -> Tensor:
        """Images (n, channels, height, width) -> the likeliest class of each (n,)."""
        return self._in_batches(lambda images: self(images).argmax(1), images, batch)

    @torch.no_grad()
    def _in_batches(self, function, images: Tensor, batch: int) -> Tensor:
        if images.ndim != 4 or len(images) == 0 or tuple(images.shape[1:]) != self.shape:
            raise ValueError(f"images must be (n, {', '.join(map(str, self.shape))}), not {tuple(images.shape)}")
        device = self.head.weight.device
        return torch.cat([function(part.to(device)) for part in images.split(batch)])


def train(data: Dataset, seed: int = 0, steps: int = 1000, batch: int = 128, progress: bool = True) -> Classifier:
    """Train a `Classifier` on labelled images, on the data's device, and measure it on a held-out tenth.

    Adam with a one-cycle rate up to 4e-3 for `steps` batches: about 80 epochs of `digits`, 2 of Fashion-MNIST. The
    result depends on `data` and `seed` alone, and the global random state is left as it was. Raises ValueError for
    data without labels or images outside 8 to 64 pixels.

    >>> import torch
    >>> from ganlab.data import Dataset
    >>> from ganlab.metrics import features
    >>> labels = torch.arange(40) % 2
    >>> images = (2.0 * labels - 1).view(40, 1, 1, 1).expand(40, 1, 8, 8)  # black or white
    >>> net = features.train(Dataset.from_images(images, labels=labels), steps=30, progress=False)
    >>> net.name
    'images classifier (100 % accurate), 64 features'
    """
    _check(data, steps, batch)
    low, high = data.value_range
    with torch.random.fork_rng(devices=[]):  # initialised on the CPU: the same weights on every device
        torch.manual_seed(seed)
        net = Classifier(data.shape, int(data.labels.max()) + 1, (low + high) / 2, (high - low) / 2)
    net.to(data.device)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(data), generator=generator)
    held_out, kept = order.tensor_split([max(1, int(HELD_OUT * len(data)))])
    _fit(net, data, kept, generator, steps, batch, progress)
    held_out = held_out.to(data.device)
    net.accuracy = (net.predict(data.samples[held_out]) == data.labels[held_out]).double().mean().item()
    net.name = f"{data.name} classifier ({net.accuracy:.0%} accurate), {FEATURES} features".replace("%", " %")
    return net.eval().requires_grad_(False)


def _fit(net, data: Dataset, kept: Tensor, generator, steps: int, batch: int, progress: bool) -> None:
    optimizer = torch.optim.Adam(net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    for _ in bar(range(steps), desc=f"classifier on {data.name}", progress=progress, leave=False):
        index = kept[torch.randint(len(kept), (batch,), generator=generator)].to(data.device)
        loss = F.cross_entropy(net(data.samples[index]), data.labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _check(data: Dataset, steps: int, batch: int) -> None:
    if data.samples is None or data.labels is None:
        raise ValueError(f"data={data.name!r} has no labelled images: a classifier needs them")
    if not all(8 <= side <= 64 for side in data.shape[1:]):
        raise ValueError(
            f"data={data.name!r} has images of {data.shape[1]}x{data.shape[2]}: 8 to 64 pixels are supported"
        )
    if steps < 1 or batch < 1 or len(data) < 2:
        raise ValueError(f"steps={steps}, batch={batch}, {len(data)} images: needs at least 1, 1 and 2")
