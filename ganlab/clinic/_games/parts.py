"""Sick by the networks: their depth, their starts, their norms, their modes."""

from itertools import pairwise

import torch
from torch import nn

from ganlab.clinic.games import sick
from ganlab.clinic.plain import Plain

WEIGHTS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


@sick("discriminator-eval", settings=lambda setting: setting.norm_d == "batch", losses=("nonsaturating", "minimax"))
class DiscriminatorInEval(Plain):
    """D was put into eval mode for a test, and left there: batch norm does nothing."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.D.eval()


@sick("discriminator-eval", "spectral norm", settings=lambda setting: setting.images, losses=("hinge",))
class SpectralNormInEval(Plain):
    """In eval mode the singular vectors stand still, so that the norms are not held."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.D.eval()


@sick("generator-eval", settings=lambda setting: setting.norm_g == "batch")
class GeneratorInEval(Plain):
    """G was put into eval mode for a picture, and left there."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.G.eval()


@sick("batch-statistics", "both in one batch", settings=lambda setting: setting.norm_d == "batch",
      losses=("nonsaturating", "minimax"))  # fmt: skip
class OneBatchForBoth(Plain):
    """D's batch norm sees real and generated samples together in D's step, and generated ones alone in G's."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        logits = self.D(torch.cat([real, fake]))
        loss = self.d_loss(*logits.chunk(2))
        loss.backward()
        self.step_d.step()


@sick("batch-statistics", "two samples", settings=lambda setting: setting.norm_d == "batch")
class TwoSamples(Plain):
    """Batch norm over batches of two."""

    batch = 2


@sick("batch-statistics", "0.8 for epsilon", settings=lambda setting: setting.norm_g == "batch")
class EpsilonForMomentum(Plain):
    """BatchNorm2d(n, 0.8): the second argument is epsilon, not the momentum."""

    def generator(self):
        G = self.build_g()
        for layer in G.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                layer.eps = 0.8
        return G


@sick("depth-vanishing", "generator", settings=lambda setting: not setting.convolutional)
class DeepGenerator(Plain):
    """Twenty layers of sigmoids, as PyTorch draws them."""

    def generator(self):
        widths, layers = [self.latent, *[64] * 20], []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.Sigmoid()]
        size = torch.Size(self.data.shape).numel()
        return nn.Sequential(*layers, nn.Linear(64, size), nn.Unflatten(1, self.data.shape))


@sick("depth-vanishing", "both", settings=lambda setting: not setting.convolutional, losses=("nonsaturating",))
class DeepBoth(Plain):
    """Both players have twenty plain layers, as PyTorch draws them."""

    def generator(self):
        widths, layers = [self.latent, *[64] * 20], []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        size = torch.Size(self.data.shape).numel()
        return nn.Sequential(*layers, nn.Linear(64, size), nn.Unflatten(1, self.data.shape))

    def discriminator(self):
        widths, layers = [torch.Size(self.data.shape).numel(), *[64] * 20], [nn.Flatten()]
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(64, 1), nn.Flatten(0))


@sick("depth-vanishing", "convolutions", settings=lambda setting: setting.convolutional)
class DeepConvolutions(Plain):
    """Fifteen plain convolutions with tanh in front of G's image, as PyTorch draws them."""

    def generator(self):
        side, layers = self.data.shape[-1], []
        for _ in range(15):
            layers += [nn.Conv2d(8, 8, 3, padding=1), nn.Sigmoid()]
        start = [nn.Linear(self.latent, 8 * (side // 4) ** 2), nn.Unflatten(1, (8, side // 4, side // 4))]
        return nn.Sequential(*start, *layers, nn.Upsample(scale_factor=4), nn.Conv2d(8, 1, 3, padding=1), nn.Tanh())


@sick("explosion", "generator")
class LoudGenerator(Plain):
    """G's weights are drawn with a deviation of 1, and it has no norm."""

    def generator(self):
        G = self.build_g(norm="none")
        for layer in G.modules():
            if isinstance(layer, WEIGHTS):
                nn.init.normal_(layer.weight)
        return G


@sick("explosion", "both", losses=("nonsaturating", "wasserstein"))
class LoudBoth(Plain):
    """All weights are drawn with a deviation of 1, and no player has a norm."""

    def generator(self):
        G = self.build_g(norm="none")
        for layer in G.modules():
            if isinstance(layer, WEIGHTS):
                nn.init.normal_(layer.weight)
        return G

    def discriminator(self):
        D = self.build_d(norm="none")
        for layer in D.modules():
            if isinstance(layer, WEIGHTS):
                nn.init.normal_(layer.weight)
        return D


@sick("dead-units", "generator")
class DeadGenerator(Plain):
    """Biases of -100 in front of every ReLU of G."""

    def generator(self):
        G = self.build_g(norm="none")
        for name, parameter in list(G.named_parameters())[:-1]:
            if name.endswith("bias"):
                nn.init.constant_(parameter, -100.0)
        return G


@sick("dead-units", "discriminator")
class DeadDiscriminator(Plain):
    """ReLUs in D, and biases of -100 in front of them."""

    def discriminator(self):
        D = self.build_d(norm="none", activation="relu")
        for name, parameter in list(D.named_parameters())[:-1]:
            if name.endswith("bias"):
                nn.init.constant_(parameter, -100.0)
        return D


@sick("saturated-units", "generator's output", settings=lambda setting: setting.images)
class SaturatedOutput(Plain):
    """G's last layer starts a hundred times too large: every pixel is 1 or -1."""

    def generator(self):
        G = self.build_g()
        last = [layer for layer in G.modules() if isinstance(layer, WEIGHTS)][-1]
        with torch.no_grad():
            last.weight.mul_(100)
        return G


@sick("saturated-units", "generator", settings=lambda setting: not setting.convolutional)
class SaturatedGenerator(Plain):
    """Hidden layers of tanh, and weights drawn with a deviation of 5."""

    def generator(self):
        G = self.build_g(activation="tanh")
        for layer in [layer for layer in G.modules() if isinstance(layer, nn.Linear)][:-1]:
            nn.init.normal_(layer.weight, std=5.0)
        return G


@sick("saturated-units", "discriminator", losses=("nonsaturating",))
class SaturatedDiscriminator(Plain):
    """The same in D."""

    def discriminator(self):
        D = self.build_d(activation="tanh", norm="none")
        for layer in [layer for layer in D.modules() if isinstance(layer, WEIGHTS)][:-1]:
            nn.init.normal_(layer.weight, std=5.0)
        return D
