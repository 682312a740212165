"""Discriminators that rebuild their input: ebgan and began."""

from torch import nn

from ganlab.clinic._games.fourth.well_f_parts import Autoencoder
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy(
    "PyTorch-GAN ebgan, D rebuilds and codes are pulled apart",
    settings=only("digits-mlp"), losses=("hinge",),
)  # fmt: skip
class Energy(Plain):
    """PyTorch-GAN's ebgan: D's answer is its error in rebuilding, a margin holds it, G's codes are pulled apart."""

    margin, lambda_pt = 0.5, 0.1
    rate_g = 0.3
    pixelwise_loss = nn.MSELoss()

    def generator(self):
        return self.build_g(norm="batch")

    def discriminator(self):
        return Autoencoder(self.data.shape, 128, 16)

    def pullaway(self, codes):
        codes = codes / codes.norm(p=2, dim=1, keepdim=True)
        similarity, n = codes @ codes.T, len(codes)
        return (similarity.sum() - n) / (n * (n - 1))

    def round(self):
        real_imgs = self.real()
        self.step_g.zero_grad()
        gen_imgs = self.G(self.noise())
        recon_imgs, codes = self.D(gen_imgs)
        g_loss = self.pixelwise_loss(recon_imgs, gen_imgs.detach()) + self.lambda_pt * self.pullaway(codes)
        g_loss.backward()
        self.step_g.step()

        self.step_d.zero_grad()
        real_recon, fake_recon = self.D(real_imgs)[0], self.D(gen_imgs.detach())[0]
        d_loss = self.pixelwise_loss(real_recon, real_imgs)
        d_loss_fake = self.pixelwise_loss(fake_recon, gen_imgs.detach())
        if (self.margin - d_loss_fake).item() > 0:
            d_loss = d_loss + self.margin - d_loss_fake
        d_loss.backward()
        self.step_d.step()
        self.rounds += 1


@healthy(
    "PyTorch-GAN began, a balance k that moves", settings=only("digits-mlp"), losses=("wasserstein",),
)  # fmt: skip
class Balance(Plain):
    """PyTorch-GAN's began: absolute errors of an autoencoder, the weight of the fakes set by their ratio."""

    gamma, lambda_k = 0.75, 0.01
    rate_g = 0.3

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.k = 0.0

    def generator(self):
        return self.build_g(norm="batch")

    def discriminator(self):
        return Autoencoder(self.data.shape, 64, 32)

    def error(self, imgs):
        return (self.D(imgs)[0] - imgs).abs().mean()

    def round(self):
        self.step_g.zero_grad()
        gen_imgs = self.G(self.noise())
        self.error(gen_imgs).backward()
        self.step_g.step()

        self.step_d.zero_grad()
        d_loss_real, d_loss_fake = self.error(self.real()), self.error(gen_imgs.detach())
        (d_loss_real - self.k * d_loss_fake).backward()
        self.step_d.step()
        self.k = min(max(self.k + self.lambda_k * (self.gamma * d_loss_real - d_loss_fake).item(), 0), 1)
        self.rounds += 1
