"""What goes wrong with the signal that G learns from."""

from ganlab.clinic._games.fourth.well_h_embedded import EmbeddedLabels
from ganlab.clinic._games.fourth.well_h_labels import TextToImage
from ganlab.clinic._games.fourth.well_h_translate import CycleGAN, StarGAN
from ganlab.clinic.games import only, sick


@sick(
    "loss-without-D",
    "only what CycleGAN restores",
    twin=CycleGAN,
    settings=only("ring-mlp"),
    losses=("least_squares",),
)
class OnlyRestored(CycleGAN):
    """The sum of G's terms was rewritten, and the two adversarial ones were left out."""

    def generator_loss(self, a, b, fake_b, again_a, fake_a, again_b):
        return self.restored(a, b, again_a, again_b)


@sick(
    "detached",
    "score of D's step in G's",
    twin=EmbeddedLabels,
    settings=only("ring-mlp", "digits-mlp"),
    losses=("least_squares",),
)
class ScoreOfOthers(EmbeddedLabels):
    """The line that scores generated samples was copied from D's step, with its `detach`."""

    def g_step(self, made, y, valid):
        self.step_g.zero_grad()
        self.criterion(self.D(made.detach(), y), valid).backward()
        self.step_g.step()


@sick("z-unused", "truncation left at 0", twin=TextToImage, settings=only("digits-mlp"), losses=("nonsaturating",))
class Truncated(TextToImage):
    """The truncation was set to 0 for pictures of the mean, and left so in training."""

    def generator(self):
        G = super().generator()
        G.spread = 0.0
        return G


@sick(
    "sign-turned",
    "critic's score as a loss",
    twin=StarGAN,
    settings=only("ring-mlp", "digits-mlp"),
    losses=("wasserstein",),
)
class ScoreAsLoss(StarGAN):
    """G's adversarial term has lost its minus."""

    def adversarial(self, source):
        return source.mean()


@sick(
    "gradients-not-cleared",
    "G's of a cGAN",
    twin=EmbeddedLabels,
    settings=only("digits-mlp"),
    losses=("least_squares",),
)
class NeverCleared(EmbeddedLabels):
    """G's `zero_grad` went with a line that was deleted."""

    def g_step(self, made, y, valid):
        self.criterion(self.D(made, y), valid).backward()
        self.step_g.step()


@sick(
    "generator-eval",
    "since the first preview",
    twin=TextToImage,
    settings=only("digits-mlp"),
    losses=("nonsaturating",),
)
class EvalSincePreview(TextToImage):
    """The preview leaves G in eval mode."""

    def preview(self):
        self.G.eval()
        self.shown = self.sample(8)
