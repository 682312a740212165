"""Healthy, with optimizers, rates and clips of other kinds."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class SignSteps(Optimizer):
    """Lion: each weight goes by the rate in the direction of the sign of a mix of gradient and momentum."""

    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            first, second = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                mean = state.setdefault("mean", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * mean.lerp(p.grad, 1 - first).sign())
                mean.lerp_(p.grad, 1 - second)


@healthy("sign steps by hand", settings=only("ring-mlp"), losses=("hinge",))
class Lion(Plain):
    """Lion with a third of the usual rate and a little decay for both."""

    def optimizers(self):
        options = {"lr": self.setting.rate / 3, "betas": (0.5, 0.9), "weight_decay": 0.01}
        return SignSteps(self.D.parameters(), **options), SignSteps(self.G.parameters(), **options)


class Belief(Optimizer):
    """AdaBelief: the second moment is of the gradient's distance from its mean."""

    def __init__(self, params, lr, betas=(0.5, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            one, two = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state.update(step=0, mean=torch.zeros_like(p), spread=torch.zeros_like(p))
                state["step"] += 1
                state["mean"].lerp_(p.grad, 1 - one)
                gap = p.grad - state["mean"]
                state["spread"].mul_(two).addcmul_(gap, gap, value=1 - two).add_(group["eps"] ** 2)
                size = (state["spread"] / (1 - two ** state["step"])).sqrt() + group["eps"]
                p.addcdiv_(state["mean"] / (1 - one ** state["step"]), size, value=-group["lr"])


@healthy("AdaBelief by hand", settings=only("ring-mlp"), losses=("nonsaturating",))
class AdaBelief(Plain):
    """Steps by how far the gradient is from what was expected."""

    def optimizers(self):
        rate = self.setting.rate * 0.7
        return Belief(self.D.parameters(), rate), Belief(self.G.parameters(), rate)


@healthy("SGD with momentum for D, AdamW for G", settings=only("ring-mlp"),
         losses=("hinge",))  # fmt: skip
class MixedPair(Plain):
    """The old tip: SGD for D, Adam for G."""

    def optimizers(self):
        return (
            SGD(self.D.parameters(), lr=0.02, momentum=0.9),
            AdamW(self.G.parameters(), lr=self.setting.rate / 2, betas=(0.5, 0.99), weight_decay=1e-3),
        )


@healthy("D's optimizer maximises", settings=only("ring-mlp", "digits-mlp"), losses=("wasserstein",))
class Maximised(Plain):
    """The critic's value is written as in the paper and goes up, by maximize=True."""

    def optimizers(self):
        common = {"lr": self.setting.rate, "betas": self.betas}
        return Adam(self.D.parameters(), maximize=True, **common), Adam(self.G.parameters(), **common)

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        value = self.D(real).mean() - self.D(fake).mean() - self.penalty(real, fake)
        self.step_d.zero_grad()
        value.backward()
        self.step_d.step()


@healthy("a group for each tensor", settings=only("grid-resmlp"),
         losses=("wasserstein",))  # fmt: skip
class LayerByLayer(Plain):
    """Later tensors have larger rates than earlier ones, from a half to one and a half, in RMSprop and Adam."""

    def optimizers(self):
        def groups(net):
            tensors = list(net.parameters())
            count, rate = max(1, len(tensors) - 1), self.setting.rate
            return [{"params": [p], "lr": rate * (0.5 + i / count)} for i, p in enumerate(tensors)]

        return RMSprop(groups(self.D), lr=1.0, alpha=0.99), Adam(groups(self.G), betas=(0.0, 0.99))


@healthy("sums over the batch", settings=only("ring-mlp"), losses=("nonsaturating",))
class Summed(Plain):
    """reduction="sum": losses and gradients are as many times larger as a batch has samples, which Adam evens out."""

    def d_loss(self, real, fake):
        bce = nn.BCEWithLogitsLoss(reduction="sum")
        return bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))

    def g_loss(self, fake):
        return nn.BCEWithLogitsLoss(reduction="sum")(fake, torch.ones_like(fake))


@healthy("D's rate follows its loss", settings=only("ring-mlp"), losses=("nonsaturating",))
class RateFollows(Plain):
    """D's rate is the usual one times its loss over 1.2, within a fifth and one and a half."""

    def train_d(self):
        real, fake = self.D(self.real()), self.D(self.G(self.noise()).detach())
        loss = binary_cross_entropy_with_logits(real, torch.ones_like(real))
        loss = loss + binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
        for group in self.step_d.param_groups:
            group["lr"] = self.setting.rate * min(1.5, max(0.2, loss.item() / 1.2))
        self.step_d.zero_grad()
        loss.backward()
        self.step_d.step()


@healthy("clipped at the tenth percentile so far", settings=only("ring-mlp"),
         losses=("nonsaturating",))  # fmt: skip
class AutoClip(Plain):
    """AutoClip for both: the threshold is a low percentile of all norms seen, so that most steps are clipped."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.history = {"D": [], "G": []}

    def clip(self, name, net):
        norm = torch.stack([p.grad.norm() for p in net.parameters() if p.grad is not None]).norm()
        self.history[name].append(norm.item())
        clip_grad_norm_(net.parameters(), max(1e-6, torch.tensor(self.history[name]).quantile(0.1).item()))

    def step(self, name, net, optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        self.clip(name, net)
        optimizer.step()

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        self.step("D", self.D, self.step_d, self.d_loss(self.D(real), self.D(fake.detach())))
        self.step("G", self.G, self.step_g, self.g_loss(self.D(fake)))
        self.rounds += 1
