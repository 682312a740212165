"""Measure and draw the picture of the introduction: one pair of networks, one data set, four endings.

    python book/_ext/intro_figure.py

takes about three minutes on one core. The measured table is kept inside the PNG. Tests hold the words of the
introduction against the table, and the picture against this file and against the first steps of a fresh run.
"""

import hashlib
import io
import json
import math
from pathlib import Path

import pandas as pd
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ganlab import metrics, nets, plots
from ganlab.data import load
from ganlab.plots.house_style import plt
from ganlab.population import build
from ganlab.train import Recipe, Trainer

PICTURE = Path(__file__).resolve().parents[1] / "images" / "intro.png"
STEPS, SEEDS = 3000, range(8)
ENDINGS = {
    "works": Recipe(lr_g=1e-3, lr_d=1e-3, batch=128),
    "collapses": Recipe(lr_g=1e-4, lr_d=1e-3, batch=128),
    "stands still": Recipe(lr_g=1e-4, lr_d=1e-3, batch=128, loss="minimax", critic_steps=5),
    "never settles": Recipe(lr_g=1e-3, lr_d=1e-3, batch=128, loss="wasserstein"),
}


def train(recipe: Recipe, steps: int = STEPS, seeds=SEEDS) -> tuple[Trainer, pd.DataFrame]:
    """A population on the ring, and a row of measurements for each seed.

    modes and high_quality are those of `metrics.modes`; gradient is the norm of the generator loss's gradient on a
    batch; drift is how far a sample of fixed latent moves in the last 100 steps, on average.
    """
    ring = load("ring")
    G, D = build(
        lambda: nets.mlp_generator((2,), latent=16, width=64), lambda: nets.mlp_discriminator((2,), width=64), seeds
    )
    trainer = Trainer(G, D, ring, recipe, seeds=list(seeds)).fit(max(steps - 100, 0), progress=False)
    before = trainer.sample(1000)
    trainer.fit(steps, progress=False)
    samples = trainer.sample(1000)
    table = metrics.modes(samples, ring).assign(
        seed=list(seeds), gradient=gradient(trainer).tolist(), drift=(samples - before).norm(dim=-1).mean(1).tolist()
    )
    return trainer, table


def gradient(trainer: Trainer) -> torch.Tensor:
    """Norm of the gradient of the generator's loss over all its parameters, one a member."""
    z = torch.randn(len(trainer.seeds), 128, trainer.G.latent, generator=torch.Generator().manual_seed(1))
    loss = trainer.loss.g_loss(trainer.D(trainer.G(z)))
    gradients = torch.autograd.grad(loss.sum(), list(trainer.G.parameters()))
    return torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0).sqrt()


def draw(trainers: dict[str, Trainer], table: pd.DataFrame):
    """The first seed of each ending, and what was measured of it."""
    plots.style()
    figure, panels = plt.subplots(2, 2, figsize=(6.4, 7.3))
    for ax, (ending, trainer) in zip(panels.flat, trainers.items(), strict=True):
        row = table[table.ending == ending].iloc[0]
        said = {
            "works": f"{row.modes} of 8 modes, {row.high_quality:.0%} on a mode",
            "collapses": f"{row.modes} of 8 modes, {row.high_quality:.0%} on a mode",
            "stands still": f"gradient $10^{{{math.log10(row.gradient):.0f}}}$",
            "never settles": f"moves {row.drift:.1f} in 100 steps",
        }
        # The sigmoid of a Wasserstein critic means nothing: show its score.
        probability = trainer.recipe.loss != "wasserstein"
        samples, critic = trainer.sample(1000)[0], trainer.D.member(0)
        plots.points(samples, trainer.data, critic, ax=ax, labels=False, probability=probability)
        ax.set_title(f"It {ending}\n{said[ending]}")
    return figure


def save(figure, measured: pd.DataFrame, start: dict[str, list[float]]) -> None:
    """A PNG of 128 colours with what was measured inside."""
    kept = PngInfo()
    kept.add_text("Source", digest())
    kept.add_text("Measured", measured.to_json(orient="records", double_precision=10))
    kept.add_text("Start", json.dumps(start))
    buffer = io.BytesIO()
    figure.savefig(buffer, bbox_inches="tight")
    small = (
        Image.open(buffer)
        .convert("RGB")
        .quantize(128, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    )
    PICTURE.parent.mkdir(exist_ok=True)
    small.save(PICTURE, pnginfo=kept, optimize=True)


def first_steps() -> dict[str, list[float]]:
    """The generators' gradients after 20 steps: they change when the networks, the data or the loop do."""
    return {ending: train(recipe, steps=20)[1].gradient.tolist() for ending, recipe in ENDINGS.items()}


def kept(name: str) -> str:
    """A text inside the picture: "Source", "Measured" or "Start"."""
    with Image.open(PICTURE) as picture:
        return picture.info[name]


def digest() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def main() -> None:
    torch.set_num_threads(1)
    runs = {ending: train(recipe) for ending, recipe in ENDINGS.items()}
    table = pd.concat([rows.assign(ending=ending) for ending, (_, rows) in runs.items()], ignore_index=True)
    save(draw({ending: trainer for ending, (trainer, _) in runs.items()}, table), table, first_steps())
    print(table.to_string())


if __name__ == "__main__":
    main()
