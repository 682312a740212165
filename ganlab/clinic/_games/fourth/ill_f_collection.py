"""Faults in the loops of PyTorch-GAN and of Lightning."""

import torch
from torch.nn import functional as F

from ganlab.clinic._games.fourth.well_f_collection import SquaresFirstG
from ganlab.clinic._games.fourth.well_f_heads import Informative
from ganlab.clinic._games.fourth.well_f_lightning import AutomaticSteps, ManualSteps
from ganlab.clinic.games import only, sick

BOTH = only("ring-mlp", "digits-dcgan")


@sick(
    "targets-swapped", "PyTorch-GAN lsgan, two names exchanged", twin=SquaresFirstG, settings=BOTH,
    losses=("least_squares",),
)  # fmt: skip
class Exchanged(SquaresFirstG):
    """valid and fake are exchanged in D's step."""

    def round(self):
        valid, fake = torch.ones(self.batch, 1), torch.zeros(self.batch, 1)
        real_imgs = self.real()

        self.step_g.zero_grad()
        gen_imgs = self.G(self.noise())
        g_loss = self.adversarial_loss(self.D(gen_imgs), valid)
        g_loss.backward()
        self.step_g.step()

        self.step_d.zero_grad()
        real_loss = self.adversarial_loss(self.D(real_imgs), fake)
        fake_loss = self.adversarial_loss(self.D(gen_imgs.detach()), valid)
        d_loss = 0.5 * (real_loss + fake_loss)
        d_loss.backward()
        self.step_d.step()
        self.rounds += 1


@sick(
    "rate-too-small", "PyTorch-GAN lsgan, two zeros too many", twin=SquaresFirstG, settings=BOTH,
    losses=("least_squares",),
)  # fmt: skip
class TwoZeros(SquaresFirstG):
    """0.000002 for 0.0002 in G's optimizer."""

    rate_g = 0.01


@sick(
    "sign-turned", "PyTorch-GAN infogan, one minus too many", twin=Informative,
    settings=only("ring-mlp", "digits-mlp"), losses=("least_squares",),
)  # fmt: skip
class OneMinus(Informative):
    """G's loss has a minus, left from a Wasserstein loss."""

    def round(self):
        valid, fake = torch.ones(self.batch, 1), torch.zeros(self.batch, 1)
        self.step_g.zero_grad()
        gen_imgs = self.G(*self.inputs(self.batch))
        (-F.mse_loss(self.D(gen_imgs)[0], valid)).backward()
        self.step_g.step()

        self.step_d.zero_grad()
        real_loss, fake_loss = F.mse_loss(self.D(self.real())[0], valid), F.mse_loss(self.D(gen_imgs.detach())[0], fake)
        ((real_loss + fake_loss) / 2).backward()
        self.step_d.step()

        self.step_info.zero_grad()
        self.information().backward()
        self.step_info.step()
        self.rounds += 1


@sick(
    "fixed-latents", "Lightning automatic, validation_z trained on", twin=AutomaticSteps, settings=only("ring-mlp"),
    losses=("nonsaturating",),
)  # fmt: skip
class ValidationLatents(AutomaticSteps):
    """The latents that are kept for pictures are taken in training_step."""

    def latents(self, imgs):
        return self.validation_z


@sick(
    "gradients-not-cleared", "Lightning manual, accumulated for ever", twin=ManualSteps, settings=BOTH,
    losses=("nonsaturating",),
)  # fmt: skip
class ForEver(ManualSteps):
    """The accumulation of G's gradients is never ended by a zero_grad."""

    def generator_phase(self, noise):
        with self.toggled(self.G, self.D):
            for z in self.halves(noise):
                (self.criterion(self.D(self.G(z)), 1.0) / 2).backward()
            self.step_g.step()
