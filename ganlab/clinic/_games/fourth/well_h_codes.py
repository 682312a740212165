"""Loops with an encoder: BiGAN, the adversarial autoencoder, VAE/GAN."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import Adam

from ganlab.clinic._games.fourth.well_h_parts import Map, end, size
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class BothWays(nn.Module):
    """A decoder and an encoder: from (x, z) to (G(z), E(x))."""

    def __init__(self, decoder, encoder):
        super().__init__()
        self.decoder, self.encoder = decoder, encoder

    def forward(self, x, z):
        return self.decoder(z), self.encoder(x)


@healthy("BiGAN", settings=only("ring-mlp", "digits-mlp"), losses=("nonsaturating",))
class BiGAN(Plain):
    """BiGAN (bigan by Donahue, and its ports): D tells (x, E(x)) from (G(z), z). G and E learn together, from the same
    pairs with the two targets exchanged; real targets are smoothed, and D has a zero-centred penalty on E's pair."""

    latent, smooth_real, smooth_fake, slope = 8, 0.9, 0.0, 0.5

    def generator(self):
        shape, images = self.data.shape, len(self.data.shape) == 3
        decoder = Map(self.latent, shape, 128, norm=True, end=end(self.data))
        return BothWays(decoder, Map(size(self.data), (self.latent,), 128 if images else 64, act=nn.LeakyReLU))

    def discriminator(self):
        return Map(size(self.data) + self.latent, (1,), 128, act=nn.LeakyReLU)

    def criterion(self, real, fake):
        targets = torch.full_like(real, self.smooth_real), torch.full_like(fake, self.smooth_fake)
        bce = F.binary_cross_entropy_with_logits
        return bce(real, targets[0]) + bce(fake, targets[1])

    def loss_ge(self, x, z, made, code):
        bce, real, fake = F.binary_cross_entropy_with_logits, self.D(x, code), self.D(made, z)
        return bce(real, torch.zeros_like(real)) + bce(fake, torch.ones_like(fake))

    def flatness(self, real, pair):
        slopes = torch.autograd.grad(real.sum(), pair, create_graph=True)
        return sum(slope.flatten(1).square().sum(1) for slope in slopes).mean()

    def update_d(self, x, z, made, code):
        self.step_d.zero_grad()
        pair = x.clone().requires_grad_(), code.detach().requires_grad_()
        real = self.D(*pair)
        loss = self.criterion(real, self.D(made.detach(), z)) + self.slope * self.flatness(real, pair)
        loss.backward()
        self.step_d.step()

    def round(self):
        x, z = self.real(), self.noise()
        made, code = self.G(x, z)
        self.update_d(x, z, made, code)
        self.step_g.zero_grad()
        self.loss_ge(x, z, made, code).backward()
        self.step_g.step()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.G.decoder(torch.randn(n, self.latent))


@healthy("adversarial autoencoder", settings=only("ring-mlp", "digits-mlp"), losses=("nonsaturating",))
class AAE(Plain):
    """PyTorch-GAN's aae: D sees codes, not samples, and tells drawn ones from encoded ones. The autoencoder's step is
    first, with the pixels at 0.98 and D at 0.02, then D's; targets are made anew in each step."""

    latent, weight_gan = 6, 0.02

    def generator(self):
        encoder = Map(size(self.data), (2 * self.latent,), 128, act=nn.LeakyReLU)
        return BothWays(Map(self.latent, self.data.shape, 128, act=nn.LeakyReLU, end=end(self.data)), encoder)

    def discriminator(self):
        return Map(self.latent, (1,), 64, act=nn.LeakyReLU)

    def encode(self, x):
        mean, logvar = self.G.encoder(x).chunk(2, 1)
        return mean + torch.randn_like(mean) * (0.5 * logvar).exp()

    def adversarial(self, code, valid):
        return F.binary_cross_entropy_with_logits(self.D(code), valid)

    def round(self):
        x = self.real()
        valid, fake = torch.ones(len(x), 1), torch.zeros(len(x), 1)
        self.step_g.zero_grad()
        code = self.encode(x)
        pixels = F.mse_loss(self.G.decoder(code), x)
        (self.weight_gan * self.adversarial(code, valid) + (1 - self.weight_gan) * pixels).backward()
        self.step_g.step()
        self.step_d.zero_grad()
        real = F.binary_cross_entropy_with_logits(self.D(self.noise()), valid)
        made = F.binary_cross_entropy_with_logits(self.D(code.detach()), fake)
        (0.5 * (real + made)).backward()
        self.step_d.step()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.G.decoder(torch.randn(n, self.latent))


class Seen(nn.Module):
    """A D that returns its last hidden layer beside the logit."""

    def __init__(self, inputs, width):
        super().__init__()
        self.trunk, self.head = Map(inputs, (width,), width, act=nn.LeakyReLU, end=nn.LeakyReLU), nn.Linear(width, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.head(h).squeeze(1), h


@healthy("VAE/GAN", settings=only("ring-mlp", "digits-mlp"), losses=("nonsaturating",))
class VAEGAN(Plain):
    """VAE/GAN (larsen's, and its ports to torch): samples are rebuilt in D's hidden layer. The encoder, the decoder and
    D have an optimizer each; the encoder learns from the prior and the reconstruction, the decoder from the
    reconstruction and D, on rebuilt and on drawn samples."""

    latent, weight_rebuilt, weight_prior = 8, 0.5, 0.05
    finish = None

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.step_e = Adam(self.encoder.parameters(), setting.rate, self.betas)

    def generator(self):
        self.encoder = Map(size(self.data), (2 * self.latent,), 128, norm=True)
        return Map(self.latent, self.data.shape, 128, norm=True, end=self.finish or end(self.data))

    def discriminator(self):
        return Seen(size(self.data), 128 if self.setting.images else 64)

    def coded(self, x):
        mean, logvar = self.encoder(x).chunk(2, 1)
        prior = -0.5 * (1 + logvar - mean.square() - logvar.exp()).mean()
        return mean + torch.randn_like(mean) * (0.5 * logvar).exp(), prior

    def update_d(self, x, made):
        self.step_d.zero_grad()
        real, fake = self.D(x)[0], torch.cat([self.D(each.detach())[0] for each in made])
        bce = F.binary_cross_entropy_with_logits
        (bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))).backward()
        self.step_d.step()

    def update_coders(self, x, made, prior):
        (score, seen), (other, _) = self.D(made[0]), self.D(made[1])
        rebuilt = (seen - self.D(x)[1].detach()).square().mean()
        scores = torch.cat([score, other])
        self.step_e.zero_grad()
        (self.weight_prior * prior + rebuilt).backward(retain_graph=True)
        self.step_g.zero_grad()
        adversarial = F.binary_cross_entropy_with_logits(scores, torch.ones_like(scores))
        (self.weight_rebuilt * rebuilt + adversarial).backward(inputs=list(self.G.parameters()))
        self.step_e.step()
        self.step_g.step()

    def round(self):
        x = self.real()
        code, prior = self.coded(x)
        made = self.G(code), self.G(self.noise())
        self.update_d(x, made)
        self.update_coders(x, made, prior)
        self.rounds += 1
