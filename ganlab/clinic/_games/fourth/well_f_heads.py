"""More than one answer of D, or more than one sample of G: acgan, infogan, cogan."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import Adam

from ganlab.clinic._games.fourth.well_f_parts import Conditioned, Heads, sampled_with_labels
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy(
    "PyTorch-GAN acgan, the label multiplies the noise", settings=only("digits-mlp"), losses=("nonsaturating",),
)  # fmt: skip
class Classifying(Plain):
    """PyTorch-GAN's acgan: an embedded label times z, D answers validity and class, each loss is half of both."""

    classes = 10
    adversarial_loss, auxiliary_loss = nn.BCEWithLogitsLoss(), nn.CrossEntropyLoss()

    def generator(self):
        return nn.ModuleDict({"label": nn.Embedding(self.classes, self.latent), "net": self.build_g(norm="batch")})

    def discriminator(self):
        return Heads(self.data.shape, 128, (1, self.classes))

    def generated(self, n):
        labels = torch.randint(self.classes, (n,))
        return self.G["net"](self.G["label"](labels) * torch.randn(n, self.latent)), labels

    def judged(self, imgs, target, labels):
        validity, classes = self.D(imgs)
        return (self.adversarial_loss(validity, target) + self.auxiliary_loss(classes, labels)) / 2

    def round(self):
        valid, fake = torch.ones(self.batch, 1), torch.zeros(self.batch, 1)
        real_imgs, labels = sampled_with_labels(self.data, self.batch)

        self.step_g.zero_grad()
        gen_imgs, gen_labels = self.generated(self.batch)
        self.judged(gen_imgs, valid, gen_labels).backward()
        self.step_g.step()

        self.step_d.zero_grad()
        d_real_loss = self.judged(real_imgs, valid, labels)
        d_fake_loss = self.judged(gen_imgs.detach(), fake, gen_labels)
        ((d_real_loss + d_fake_loss) / 2).backward()
        self.step_d.step()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.generated(n)[0]


@healthy(
    "PyTorch-GAN infogan, a third optimizer over both",
    settings=only("ring-mlp", "digits-mlp"), losses=("least_squares",),
)  # fmt: skip
class Informative(Plain):
    """PyTorch-GAN's infogan: after G's and D's step a third optimizer moves both, so that D can read G's codes."""

    classes, codes = 8, 2

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        both = [*self.G.parameters(), *self.D.parameters()]
        self.step_info = Adam(both, lr=0.3 * setting.rate, betas=self.betas)

    def generator(self):
        return Conditioned(self.build_g(latent=self.latent + self.classes + self.codes))

    def discriminator(self):
        return Heads(self.data.shape, 64 if not self.setting.images else 128, (1, self.classes, self.codes))

    def inputs(self, n):
        labels = torch.randint(self.classes, (n,))
        code = 2 * torch.rand(n, self.codes) - 1
        return torch.randn(n, self.latent), F.one_hot(labels, self.classes).float(), code

    def information(self):
        z, one_hot, code = self.inputs(self.batch)
        _, label, found = self.D(self.G(z, one_hot, code))
        return F.cross_entropy(label, one_hot.argmax(1)) + 0.1 * F.mse_loss(found, code)

    def round(self):
        valid, fake = torch.ones(self.batch, 1), torch.zeros(self.batch, 1)
        self.step_g.zero_grad()
        gen_imgs = self.G(*self.inputs(self.batch))
        F.mse_loss(self.D(gen_imgs)[0], valid).backward()
        self.step_g.step()

        self.step_d.zero_grad()
        real_loss, fake_loss = F.mse_loss(self.D(self.real())[0], valid), F.mse_loss(self.D(gen_imgs.detach())[0], fake)
        ((real_loss + fake_loss) / 2).backward()
        self.step_d.step()

        self.step_info.zero_grad()
        self.information().backward()
        self.step_info.step()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.G(*self.inputs(n))


class Coupled(nn.Module):
    """Two ends behind a shared trunk, as generators or as discriminators."""

    def __init__(self, before, trunk, after):
        super().__init__()
        self.before, self.trunk, self.after = nn.ModuleList(before), trunk, nn.ModuleList(after)


class CoupledGenerators(Coupled):
    """One z to a sample of each domain."""

    def forward(self, z):
        shared = self.trunk(z)
        return tuple(end(shared) for end in self.after)


class CoupledDiscriminators(Coupled):
    """A sample of each domain to its own validity."""

    def forward(self, first, second):
        starts = zip(self.before, self.after, (first, second), strict=True)
        return tuple(end(self.trunk(start(x))) for start, end, x in starts)


@healthy(
    "PyTorch-GAN cogan, two coupled players", settings=only("ring-mlp", "digits-mlp"), losses=("least_squares",),
)  # fmt: skip
class CoupledPair(Plain):
    """PyTorch-GAN's cogan: two generators and two discriminators share layers; the second domain is the negative."""

    def generator(self):
        body = self.build_g(norm="batch").body
        size = body[-3].in_features
        ends = (
            nn.Sequential(nn.Linear(size, size), nn.ReLU(), self.build_g(latent=size, norm="batch").body)
            for _ in range(2)
        )
        return CoupledGenerators((), body[:-3], ends)

    def discriminator(self):
        starts, ends = [self.build_d().body for _ in range(2)], [self.build_d().body for _ in range(2)]
        return CoupledDiscriminators((b[:3] for b in starts), starts[0][3:-1], (b[-1:] for b in ends))

    def round(self):
        valid, fake = torch.ones(self.batch, 1), torch.zeros(self.batch, 1)
        imgs1, imgs2 = self.real(), -self.real()

        self.step_g.zero_grad()
        gen_imgs1, gen_imgs2 = self.G(self.noise())
        validity1, validity2 = self.D(gen_imgs1, gen_imgs2)
        ((F.mse_loss(validity1, valid) + F.mse_loss(validity2, valid)) / 2).backward()
        self.step_g.step()

        self.step_d.zero_grad()
        real = sum(F.mse_loss(validity, valid) for validity in self.D(imgs1, imgs2))
        generated = sum(F.mse_loss(validity, fake) for validity in self.D(gen_imgs1.detach(), gen_imgs2.detach()))
        ((real + generated) / 4).backward()
        self.step_d.step()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.G(torch.randn(n, self.latent))[0]
