"""The plain game: a hand-written loop that works. Every other game is this one with a few lines changed."""

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from ganlab import data, losses, nets, penalties
from ganlab.clinic.settings import Setting


class Plain:
    """Two networks, two optimizers, and a round in which D steps and then G.

    Non-saturating and minimax: no constraint on D. Wasserstein: a gradient penalty of weight `setting.gamma`, no norm
    in the critic, `setting.critic_steps` of its steps a round. Hinge: on images spectral normalisation of D, and no
    other norm in it. Adam with (0.5, 0.999) at the setting's rate for both.

    Args:
        setting: data, networks and numbers, of `ganlab.clinic.SETTINGS`.
        loss: a name in `ganlab.losses.LOSSES`.

    All random numbers are torch's global ones: seed them before.

    >>> import torch
    >>> from ganlab.clinic import SETTINGS, Plain
    >>> _ = torch.manual_seed(0)
    >>> game = Plain(SETTINGS["ring-mlp"], "hinge")
    >>> for _ in range(3):
    ...     game.round()
    >>> game.sample(5).shape
    torch.Size([5, 2])
    """

    rate_d, rate_g = 1.0, 1.0  # in units of the setting's
    betas = (0.5, 0.999)
    critic_steps: int | None = None  # in a round; None: 1, and under the Wasserstein loss the setting's
    generator_steps = 1
    output: str | None = None  # the generator's last function; None: its builder's own
    latent: int | None = None
    batch: int | None = None

    def __init__(self, setting: Setting, loss: str):
        self.setting, self.loss = setting, losses.get(loss)
        self.latent, self.batch = self.latent or setting.latent, self.batch or setting.batch
        self.critic_steps = self.critic_steps or (setting.critic_steps if loss == "wasserstein" else 1)
        self.rounds = 0
        self.data = self.dataset()
        self.G, self.D = self.generator(), self.discriminator()
        self.step_d, self.step_g = self.optimizers()

    def dataset(self) -> data.Dataset:
        return self.setting.train

    def generator(self) -> nn.Module:
        return self.build_g()

    def discriminator(self) -> nn.Module:
        return self.build_d()

    def build_g(self, **options) -> nn.Module:
        """The setting's generator; `options` go before the setting's own."""
        own = {"latent": self.latent, "norm": self.setting.norm_g}
        if self.output is not None:
            own["output"] = self.output
        return self.setting.generator(self.data.shape, **{**own, **options})

    def build_d(self, **options) -> nn.Module:
        """The setting's discriminator as the loss needs it."""
        spectral = self.loss.name == "hinge" and self.setting.images
        norm = "none" if spectral or self.loss.name == "wasserstein" else self.setting.norm_d
        D = self.setting.discriminator(self.data.shape, **{"norm": norm, **options})
        return nets.spectrally_normalised(D) if spectral else D

    def optimizers(self) -> tuple[Optimizer, Optimizer]:
        rate = self.setting.rate
        return (
            Adam(self.D.parameters(), lr=rate * self.rate_d, betas=self.betas),
            Adam(self.G.parameters(), lr=rate * self.rate_g, betas=self.betas),
        )

    def real(self) -> Tensor:
        return self.data.sample(self.batch)

    def noise(self) -> Tensor:
        return torch.randn(self.batch, self.latent)

    def d_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.loss.d_loss(real, fake)

    def g_loss(self, fake: Tensor) -> Tensor:
        return self.loss.g_loss(fake)

    def penalty(self, real: Tensor, fake: Tensor) -> Tensor | float:
        if self.loss.name != "wasserstein":
            return 0.0
        return self.setting.gamma * penalties.wgan_gp(self.D, real, fake)

    def train_d(self) -> None:
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(real), self.D(fake)) + self.penalty(real, fake)
        loss.backward()
        self.step_d.step()

    def train_g(self) -> None:
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.G(self.noise())))
        loss.backward()
        self.step_g.step()

    def round(self) -> None:
        """D's steps, then G's."""
        for _ in range(self.critic_steps):
            self.train_d()
        for _ in range(self.generator_steps):
            self.train_g()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """n generated samples, (n, *shape), with G in the mode in which it was trained."""
        return self.G(torch.randn(n, self.latent))
