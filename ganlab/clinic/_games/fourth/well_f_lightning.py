"""PyTorch Lightning's two ways: training_step by an optimizer's number with closures, and manual optimization."""

from contextlib import contextmanager

import torch
from torch.nn import functional as F
from torch.optim.lr_scheduler import ExponentialLR

from ganlab.clinic._games.fourth.well_f_parts import switch
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy(
    "Lightning automatic, optimizer steps with closures",
    settings=only("ring-mlp", "digits-dcgan", "garments-resnet"), losses=("nonsaturating",),
)  # fmt: skip
class AutomaticSteps(Plain):
    """Lightning's basic GAN of old: optimizer 0 is G's, each step takes a closure, the other player is toggled off."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.validation_z = torch.randn(self.batch, self.latent)

    def adversarial_loss(self, y_hat, y):
        return F.binary_cross_entropy_with_logits(y_hat, y)

    def latents(self, imgs):
        return torch.randn(imgs.shape[0], self.latent).type_as(imgs)

    def training_step(self, imgs, optimizer_idx):
        z = self.latents(imgs)
        valid, fake = torch.ones(len(imgs)), torch.zeros(len(imgs))
        if optimizer_idx == 0:
            self.generated_imgs = self.G(z)
            return self.adversarial_loss(self.D(self.G(z)), valid)
        real_loss = self.adversarial_loss(self.D(imgs), valid)
        fake_loss = self.adversarial_loss(self.D(self.G(z).detach()), fake)
        return (real_loss + fake_loss) / 2

    def closure(self, imgs, optimizer_idx):
        def run():
            loss = self.training_step(imgs, optimizer_idx)
            (self.step_g, self.step_d)[optimizer_idx].zero_grad()
            loss.backward()
            return loss

        return run

    def round(self):
        imgs = self.real()
        for index, (net, other, optimizer) in enumerate(((self.G, self.D, self.step_g), (self.D, self.G, self.step_d))):
            switch(net, True)
            switch(other, False)
            optimizer.step(self.closure(imgs, index))
            switch(other, True)
        self.rounds += 1


@healthy(
    "Lightning manual, toggled, halves accumulated, schedulers",
    settings=only("ring-mlp", "digits-dcgan"), losses=("nonsaturating",),
)  # fmt: skip
class ManualSteps(Plain):
    """Lightning's manual optimization: toggle_model for each player, two halves of a batch accumulated, schedulers."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.schedulers = [ExponentialLR(optimizer, 0.9995) for optimizer in (self.step_d, self.step_g)]

    def criterion(self, logits, target):
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

    @contextmanager
    def toggled(self, net, other):
        switch(other, False)
        yield net
        switch(other, True)

    def halves(self, x):
        return x.chunk(2)

    def discriminator_phase(self, real, noise):
        with self.toggled(self.D, self.G):
            for x, z in zip(self.halves(real), self.halves(noise), strict=True):
                loss = self.criterion(self.D(x), 1.0) + self.criterion(self.D(self.G(z)), 0.0)
                (loss / 2).backward()
            self.step_d.step()
            self.step_d.zero_grad()

    def generator_phase(self, noise):
        with self.toggled(self.G, self.D):
            for z in self.halves(noise):
                (self.criterion(self.D(self.G(z)), 1.0) / 2).backward()
            self.step_g.step()
            self.step_g.zero_grad()

    def round(self):
        real, noise = self.real(), self.noise()
        self.discriminator_phase(real, noise)
        self.generator_phase(noise)
        for scheduler in self.schedulers:
            scheduler.step()
        self.rounds += 1
