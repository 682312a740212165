"""Loops with labels, accumulation or several tasks of D: BigGAN, SSGAN, StudioGAN."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu
from torch.optim import Adam
from torch.optim.lr_scheduler import LinearLR

from ganlab import nets
from ganlab.clinic._games.fourth.well_g_parts import average, frozen_copy, labelled, toggle
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class Conditional(nn.Module):
    """G of z and a shared embedding of the label."""

    def __init__(self, classes: int, latent: int, width: int, size: int, bounded: bool):
        super().__init__()
        self.shared = nn.Embedding(classes, 16)
        self.body = nets.mlp_generator((size,), latent + 16, width, output="tanh" if bounded else "linear")

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return self.body(torch.cat([z, y], 1))


class Projection(nn.Module):
    """D whose logit is a linear one, and the product of its features with an embedding of the label."""

    def __init__(self, classes: int, width: int, size: int):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(size, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.linear, self.embed = nn.Linear(width, 1), nn.Embedding(classes, width)
        nn.init.normal_(self.embed.weight, std=width**-0.5)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = self.body(x)
        return self.linear(h).squeeze(1) + (self.embed(y) * h).sum(1)


class Both(nn.Module):
    """The wrapper that calls G and D: one call of D on generated and real samples joined."""

    def __init__(self, G: nn.Module, D: nn.Module):
        super().__init__()
        self.G, self.D = G, D

    def forward(self, z: Tensor, gy: Tensor, x: Tensor | None = None, dy: Tensor | None = None):
        with torch.set_grad_enabled(x is None):
            fake = self.G(z, self.G.shared(gy))
        if x is None:
            return self.D(fake, gy)
        return self.D(torch.cat([fake, x]), torch.cat([gy, dy])).split([len(fake), len(x)])


class Labelled(Plain):
    """A conditional pair on data with labels; a sample is a row of numbers, and its label as one-hot."""

    pace = 1.0

    def dataset(self):
        base = self.setting.train
        self.classes = int(base.labels.max()) + 1 if base.labels is not None else len(base.modes)
        return labelled(base)

    def generator(self):
        size = self.data.shape[0] - self.classes
        return Conditional(self.classes, self.latent, 128, size, self.setting.images)

    def discriminator(self):
        return Projection(self.classes, 128, self.data.shape[0] - self.classes)

    def optimizers(self):
        rates = {"lr": self.setting.rate * self.pace, "betas": (0.0, 0.999), "eps": 1e-6}
        return Adam(self.D.parameters(), **rates), Adam(self.G.parameters(), **rates)

    def labels(self, n: int) -> Tensor:
        return torch.randint(self.classes, (n,))

    @torch.no_grad()
    def sample(self, n):
        y = self.labels(n)
        fake = self.G(torch.randn(n, self.latent), self.G.shared(y))
        return torch.cat([fake, nn.functional.one_hot(y, self.classes).float()], 1)


@healthy("projection of the label, accumulated", settings=only("ring-mlp", "digits-mlp"), losses=("hinge",))
class Projected(Labelled):
    """BigGAN-PyTorch: both players behind one wrapper, gradients toggled, two steps of D on two accumulated parts,
    one call of D on joined batches, orthogonal regularisation of G's weights, Adam from 0, an average of G.
    """

    steps_d, parts, ortho = 2, 2, 1e-4

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.average, self.both = frozen_copy(self.G), Both(self.G, self.D)

    def batches(self) -> list[tuple[Tensor, Tensor]]:
        rows = self.data.sample(self.batch * self.steps_d * self.parts).split(self.batch)
        return [(x[:, : -self.classes], x[:, -self.classes :].argmax(1)) for x in rows]

    def orthogonal(self) -> None:
        with torch.no_grad():
            for weight in self.G.body.parameters():
                if weight.ndim == 2:
                    gram = weight @ weight.T
                    weight.grad.add_(2 * (gram - gram.diag().diag()) @ weight, alpha=self.ortho)

    def train_d(self):
        batches = iter(self.batches())
        for _ in range(self.steps_d):
            self.step_d.zero_grad()
            for _ in range(self.parts):
                x, y = next(batches)
                fake, real = self.both(self.noise(), self.labels(self.batch), x, y)
                ((relu(1 - real).mean() + relu(1 + fake).mean()) / self.parts).backward()
            self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        for _ in range(self.parts):
            (-self.both(self.noise(), self.labels(self.batch)).mean() / self.parts).backward()
        self.orthogonal()
        self.step_g.step()

    def round(self):
        self.step_g.zero_grad()
        toggle(self.D, True), toggle(self.G, False)
        self.train_d()
        toggle(self.D, False), toggle(self.G, True)
        self.train_g()
        average(self.average, self.G, 0.999)
        self.rounds += 1


class TwoHeads(nn.Module):
    """A spectrally normalised D with a logit and four numbers, one for each rotation."""

    def __init__(self, D: nn.Module):
        super().__init__()
        self.D = nets.spectrally_normalised(D)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.D(x)
        return y[:, 0], y[:, 1:]


def rotated(x: Tensor) -> tuple[Tensor, Tensor]:
    """A batch of images, a quarter of it turned by each of the four right angles; and which."""
    parts = x.chunk(4)
    turned = [torch.rot90(part, k, (2, 3)) for k, part in enumerate(parts)]
    return torch.cat(turned), torch.cat([torch.full((len(part),), k) for k, part in enumerate(parts)])


@healthy("rotations as a second task", settings=only("digits-dcgan", "garments-resnet"), losses=("hinge",))
class SelfSupervised(Plain):
    """mimicry's SSGAN: each network has its own step method, D's four rotations of real samples are learnt by D and
    those of generated ones by G; G steps within the loop of D's steps, in its last pass; both rates fall linearly.
    """

    rate_g, rate_d, repeats, decay = 1.0, 2.0, 2, 3000

    def discriminator(self):
        return TwoHeads(self.setting.discriminator(self.data.shape, norm="none", outputs=5))

    def optimizers(self):
        made = super().optimizers()
        self.schedules = [LinearLR(optimizer, 1.0, 0.0, self.decay) for optimizer in made]
        return made

    def step_of_d(self, real: Tensor) -> None:
        self.D.zero_grad()
        with torch.no_grad():
            fake = self.G(self.noise())
        (said_real, _), (said_fake, _) = self.D(real), self.D(fake)
        x, turned = rotated(real)
        task = cross_entropy(self.D(x)[1], turned)
        (relu(1 - said_real).mean() + relu(1 + said_fake).mean() + task).backward()
        self.step_d.step()

    def step_of_g(self) -> None:
        self.G.zero_grad()
        fake = self.G(self.noise())
        x, turned = rotated(fake)
        (-self.D(fake)[0].mean() + 0.2 * cross_entropy(self.D(x)[1], turned)).backward()
        self.step_g.step()

    def round(self):
        for k in range(self.repeats):
            self.step_of_d(self.real())
            if k == self.repeats - 1:
                self.step_of_g()
        for schedule in self.schedules:
            schedule.step()
        self.rounds += 1
