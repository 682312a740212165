"""The last healthy loops in other hands, the twins of the sick games of the `ill_a` files."""

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ganlab.clinic._games.second import well_a_nets as nets
from ganlab.clinic._games.second.well_a_twins import Sines, Tutorial
from ganlab.clinic.games import healthy, only

POINTS_AND_DIGITS = only("ring-mlp", "grid-resmlp", "digits-mlp")


@healthy("critic held by its spectral norm alone", settings=POINTS_AND_DIGITS, losses=("wasserstein",))
class Spectral(Sines):
    """No penalty: each layer of the residual critic is spectrally normalised."""

    def discriminator(self):
        D = super().discriminator()
        for layer in [layer for layer in D.modules() if isinstance(layer, nn.Linear)]:
            spectral_norm(layer)
        return D

    def slope_term(self, real, fake):
        return 0.0


@healthy("tutorial with its start of 0.02, five layers", settings=POINTS_AND_DIGITS, losses=("nonsaturating",))
class SmallStart(Tutorial):
    """All weights of G are drawn with a deviation of 0.02; batch norm makes up for it in each of five layers."""

    def generator(self):
        layers, width = [], 64
        for inputs in (self.latent, *[width] * 4):
            layers += [nn.Linear(inputs, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
        G = nn.Sequential(*layers, nn.Linear(width, nets.size_of(self.data.shape)), nets.Shaped(self.data.shape))
        for layer in G.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, 0.02)
        return G

    def discriminator(self):
        return nn.Sequential(nn.Flatten(), nets.bn_discriminator((nets.size_of(self.data.shape),)))
