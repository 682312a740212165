"""Healthy, with labels, codes and encoders: what G and D are told or have to tell besides."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss, relu, softplus
from torch.optim import Adam

from ganlab.clinic._games.second.well_parts import dense_critic, dense_generator, numbers
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class Embedded(nn.Module):
    """G of a latent and a label: the label's embedding scales and shifts the hidden units."""

    def __init__(self, latent, shape, classes, width):
        super().__init__()
        self.inner, self.style = nn.Linear(latent, width), nn.Embedding(classes, 2 * width)
        self.outer = dense_generator(width, shape, (width,))
        nn.init.normal_(self.style.weight, std=0.5)

    def forward(self, z, label):
        scale, shift = self.style(label).chunk(2, dim=1)
        return self.outer(relu(self.inner(z) * (1 + scale) + shift))


class Projected(nn.Module):
    """D of a sample and its label: features, and their product with the label's embedding."""

    def __init__(self, shape, classes, width):
        super().__init__()
        self.features = nn.Sequential(*list(dense_critic(shape, (width, width)))[:-2])
        self.head, self.label = nn.Linear(width, 1), nn.Embedding(classes, width)
        nn.init.normal_(self.label.weight, std=0.1)

    def forward(self, x, label):
        h = self.features(x)
        return self.head(h)[:, 0] + (self.label(label) * h).sum(1)


class Told(Plain):
    """Both players are told the label; samples are drawn with labels at random."""

    width = 96

    def __init__(self, setting, loss):
        train = setting.train
        self.classes = len(train.modes) if train.modes is not None else int(train.labels.max()) + 1
        super().__init__(setting, loss)

    def generator(self):
        return Embedded(self.latent, self.data.shape, self.classes, self.width)

    def discriminator(self):
        return Projected(self.data.shape, self.classes, self.width)

    def pairs(self):
        if self.data.modes is None:
            index = torch.randint(len(self.data.samples), (self.batch,))
            return self.data.samples[index], self.data.labels[index]
        points = self.data.sample(self.batch)
        return points, torch.cdist(points, self.data.modes).argmin(1)

    def train_d(self):
        real, label = self.pairs()
        fake = self.G(self.noise(), label).detach()
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(real, label), self.D(fake, label))
        loss.backward()
        self.step_d.step()

    def train_g(self):
        label = torch.randint(self.classes, (self.batch,))
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.G(self.noise(), label), label))
        loss.backward()
        self.step_g.step()

    @torch.no_grad()
    def sample(self, n):
        return self.G(torch.randn(n, self.latent), torch.randint(self.classes, (n,)))


@healthy("projection", settings=only("ring-mlp", "grid-resmlp", "digits-mlp", "digits-dcgan"), losses=("hinge",))
class Projection(Told):
    """A conditional game: embeddings scale G's units, and D is a projection discriminator."""


class Classifying(nn.Module):
    """A logit and a guess at the label."""

    def __init__(self, shape, classes, width):
        super().__init__()
        self.features = nn.Sequential(*list(dense_critic(shape, (width, width)))[:-2])
        self.head, self.guess = nn.Linear(width, 1), nn.Linear(width, classes)

    def forward(self, x):
        h = self.features(x)
        return self.head(h)[:, 0], self.guess(h)


@healthy("an auxiliary classifier", settings=only("ring-mlp", "digits-mlp", "digits-dcgan"), losses=("hinge",))
class Auxiliary(Told):
    """AC-GAN: D names the label besides, and G is paid for samples that are named rightly."""

    def discriminator(self):
        return Classifying(self.data.shape, self.classes, self.width)

    def train_d(self):
        real, label = self.pairs()
        fake = self.G(self.noise(), label).detach()
        logits, guess = self.D(real)
        self.step_d.zero_grad()
        loss = self.d_loss(logits, self.D(fake)[0]) + 0.5 * cross_entropy(guess, label)
        loss.backward()
        self.step_d.step()

    def train_g(self):
        label = torch.randint(self.classes, (self.batch,))
        logits, guess = self.D(self.G(self.noise(), label))
        self.step_g.zero_grad()
        loss = self.g_loss(logits) + 0.2 * cross_entropy(guess, label)
        loss.backward()
        self.step_g.step()


@healthy("one class more", settings=only("grid-resmlp"), losses=("nonsaturating",))
class OneMore(Told):
    """D is a classifier whose last class is "generated"; G may have any other, and is not told which."""

    def generator(self):
        return dense_generator(self.latent, self.data.shape, (96, 96))

    def discriminator(self):
        return nn.Sequential(*list(dense_critic(self.data.shape, (96, 96)))[:-2], nn.Linear(96, self.classes + 1))

    def train_d(self):
        real, label = self.pairs()
        fake = self.D(self.G(self.noise()).detach())
        self.step_d.zero_grad()
        loss = cross_entropy(self.D(real), label) + cross_entropy(fake, torch.full_like(label, self.classes))
        loss.backward()
        self.step_d.step()

    def train_g(self):
        guess = self.D(self.G(self.noise()))
        self.step_g.zero_grad()
        loss = softplus(guess[:, -1] - guess[:, :-1].logsumexp(1)).mean()
        loss.backward()
        self.step_g.step()

    @torch.no_grad()
    def sample(self, n):
        return self.G(torch.randn(n, self.latent))


class WithEncoder(Plain):
    """A third network reads samples, with an optimizer of its own."""

    codes = 0  # of the latent's first numbers that it is to read; 0: mean and deviation of all

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        outputs = self.codes or 2 * self.latent
        self.E = dense_generator(numbers(self.data.shape), (outputs,), (96, 96))
        self.step_e = Adam(self.E.parameters(), lr=setting.rate, betas=(0.5, 0.999))

    def read(self, x):
        return self.E(x.flatten(1))


@healthy("a code to be read back", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("wasserstein",))
class CodeReadBack(WithEncoder):
    """InfoGAN: three numbers of the latent are uniform, and a third network has to find them in the sample."""

    codes = 3

    def draw(self, n):
        return torch.cat([2 * torch.rand(n, self.codes) - 1, torch.randn(n, self.latent - self.codes)], dim=1)

    def noise(self):
        return self.draw(self.batch)

    def train_g(self):
        z = self.noise()
        fake = self.G(z)
        self.step_g.zero_grad()
        self.step_e.zero_grad()
        loss = self.g_loss(self.D(fake)) + 0.1 * mse_loss(self.read(fake), z[:, : self.codes])
        loss.backward()
        self.step_g.step()
        self.step_e.step()

    @torch.no_grad()
    def sample(self, n):
        return self.G(self.draw(n))


@healthy("an autoencoder beside", settings=only("ring-mlp", "digits-mlp", "digits-dcgan"), losses=("hinge",))
class VariationalToo(WithEncoder):
    """G decodes as well: squared errors and the KL term of a variational autoencoder beside the game."""

    def train_g(self):
        real = self.real()
        mean, log_var = self.read(real).clamp(-6, 6).chunk(2, dim=1)
        again = self.G(mean + (log_var / 2).exp() * torch.randn_like(mean))
        kl = (mean.square() + log_var.exp() - log_var - 1).sum(1).mean() / 2
        self.step_g.zero_grad()
        self.step_e.zero_grad()
        errors = (again - real).flatten(1).square().sum(1).mean()
        loss = self.g_loss(self.D(self.G(self.noise()))) + 0.05 * (errors + 0.1 * kl)
        loss.backward()
        self.step_g.step()
        self.step_e.step()
