"""One player too strong or too weak, or both on a circle."""

from ganlab.clinic._games.fourth.well_h_codes import BiGAN
from ganlab.clinic._games.fourth.well_h_labels import CTGAN, TextToImage
from ganlab.clinic._games.fourth.well_h_translate import StarGAN
from ganlab.clinic.games import only, sick


@sick(
    "discriminator-too-weak",
    "n_critic the wrong way round",
    twin=StarGAN,
    settings=only("digits-mlp"),
    losses=("wasserstein",),
)
class CriticSeldom(StarGAN):
    """The condition of every third iteration stands before D's update, not before G's."""

    def round(self):
        for i in range(3):
            batch = self.batch_with_target()
            if (i + 1) % 3 == 0:
                self.update_d(*batch)
            self.update_g(*batch)
        self.rounds += 1


@sick(
    "discriminator-too-weak",
    "dropout as a rate to keep",
    twin=CTGAN,
    settings=only("ring-mlp", "digits-mlp"),
    losses=("wasserstein",),
)
class KeepRate(CTGAN):
    """The critic's dropout was given as the share that is kept."""

    dropout = 0.9


@sick(
    "rotation",
    "BiGAN without a penalty",
    twin=BiGAN,
    settings=only("ring-mlp"),
    losses=("nonsaturating",),
)
class Circling(BiGAN):
    """D's penalty was left out, and nothing damps the players."""

    slope = 0.0


@sick(
    "discriminator-too-strong",
    "ten steps on text",
    twin=TextToImage,
    settings=only("ring-mlp"),
    losses=("nonsaturating",),
)
class TenSteps(TextToImage):
    """D's step is inside a loop that was meant for a critic with a penalty, at a rate of its own."""

    rate_d = 3.0

    def update_d(self, x, text, made):
        for _ in range(10):
            super().update_d(x, text, made)


@sick(
    "collapse",
    "the best sample alone",
    twin=TextToImage,
    settings=only("ring-mlp", "digits-mlp"),
    losses=("nonsaturating",),
)
class BestAlone(TextToImage):
    """G was to learn from the best samples of each batch, and k stayed at 1: all run after what D likes most."""

    def adversarial(self, score):
        best = score.topk(1).values
        return self.bce(best, self.ones[:1])


@sick(
    "discriminator-too-weak",
    "a narrow D",
    twin=TextToImage,
    settings=only("ring-mlp", "digits-mlp"),
    losses=("nonsaturating",),
)
class NarrowD(TextToImage):
    """The width of D was given in units of another size: two units a layer."""

    width_d = 2
