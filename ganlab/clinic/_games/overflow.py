"""Sick by numbers that are none."""

import torch
from torch import nn
from torch.optim import SGD, Adam

from ganlab.clinic.games import STANDARD, sick
from ganlab.clinic.plain import Plain


class LargeLogits(Plain):
    """D's last layer starts so large that logits of a hundred come up."""

    def discriminator(self):
        D = self.build_d()
        last = [layer for layer in D.modules() if isinstance(layer, nn.Linear)][-1]
        nn.init.normal_(last.weight, std=100.0)
        return D


@sick("nonfinite-log-sigmoid", losses=("nonsaturating",))
class LogOfSigmoid(LargeLogits):
    """D starts with logits of a hundred. From a logit of 17 on 1 - sigmoid is 0, and its logarithm -inf."""

    def d_loss(self, real, fake):
        return -torch.log(torch.sigmoid(real)).mean() - torch.log(1 - torch.sigmoid(fake)).mean()

    def g_loss(self, fake):
        return -torch.log(torch.sigmoid(fake)).mean()


@sick("nonfinite-log-sigmoid", "as printed, minimax", losses=("nonsaturating",))
class LogOfSigmoidMinimax(LargeLogits):
    """The same with G's loss as the first paper printed it."""

    def d_loss(self, real, fake):
        return -torch.log(torch.sigmoid(real)).mean() - torch.log(1 - torch.sigmoid(fake)).mean()

    def g_loss(self, fake):
        return torch.log(1 - torch.sigmoid(fake)).mean()


@sick("nonfinite-half", losses=("nonsaturating",))
class Half(Plain):
    """Weights in half precision, where Adam's 1e-8 is 0."""

    def generator(self):
        return self.build_g().half()

    def discriminator(self):
        return self.build_d().half()

    def real(self):
        return super().real().half()

    def noise(self):
        return super().noise().half()

    def sample(self, n):
        with torch.no_grad():
            return self.G(torch.randn(n, self.latent).half()).float()


@sick("nonfinite-half", "unscaled logits", losses=("wasserstein",))
class HalfCritic(Half):
    """The critic is trained in half precision, without a penalty, at a large rate."""

    rate_d = 10.0

    def penalty(self, real, fake):
        return 0.0


@sick("nonfinite-penalty-at-zero", losses=("wasserstein",))
class RootAtZero(Plain):
    """A last layer that starts at 0: all slopes are 0, where the root has no slope."""

    def discriminator(self):
        D = self.build_d()
        last = [layer for layer in D.modules() if isinstance(layer, nn.Linear)][-1]
        nn.init.zeros_(last.weight)
        return D

    def penalty(self, real, fake):
        alpha = torch.rand(len(real), *[1] * (real.ndim - 1))
        x = (alpha * real + (1 - alpha) * fake).requires_grad_()
        slope = torch.autograd.grad(self.D(x).sum(), x, create_graph=True)[0]
        length = slope.square().flatten(1).sum(1).sqrt()
        return self.setting.gamma / 2 * (length - 1).square().mean()


@sick("nonfinite-penalty-at-zero", "R1 by length", losses=("nonsaturating",))
class R1ByLength(Plain):
    """The same in a penalty on the slope at real samples."""

    def discriminator(self):
        D = self.build_d(norm="none")
        last = [layer for layer in D.modules() if isinstance(layer, nn.Linear)][-1]
        nn.init.zeros_(last.weight)
        return D

    def penalty(self, real, fake):
        x = real.clone().requires_grad_()
        slope = torch.autograd.grad(self.D(x).sum(), x, create_graph=True)[0]
        return 0.1 * slope.square().flatten(1).sum(1).sqrt().mean()


@sick("nonfinite-rate", losses=("wasserstein", "least_squares"))
class HugeRateOfSGD(Plain):
    """SGD with a rate of 10."""

    def optimizers(self):
        return SGD(self.D.parameters(), lr=10.0), SGD(self.G.parameters(), lr=10.0)


@sick("nonfinite-rate", "Adam", settings=lambda setting: setting.norm_g == "none", losses=STANDARD)
class HugeRateOfAdam(Plain):
    """Adam with a rate of 1e6: a unit was taken for another. No norm takes the size out again."""

    def optimizers(self):
        return Adam(self.D.parameters(), lr=1e6), Adam(self.G.parameters(), lr=1e6)
