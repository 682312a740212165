"""The variational autoencoder, to set beside a GAN: the same networks and the same batches, another objective.

Its decoder is a generator, its encoder a discriminator with more outputs (`ganlab.nets`); it trains on the `Stream`
that a GAN of the same seed trains on.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ganlab._check import check_positive, optional
from ganlab._progress import bar
from ganlab.latent import normal
from ganlab.train.average import WeightAverage
from ganlab.train.stream import Stream

if TYPE_CHECKING:
    import pandas as pd


class VAE(nn.Module):
    """Encoder q(z|x) = N(mean, diag(variance)), decoder p(x|z) = N(decoder(z), s^2 I), prior N(0, I).

    The pixel variance s^2 is one number: the mean squared error of the batch, which is its maximum-likelihood value. So
    no weight between the two terms of the loss is left to choose.   Kingma & Welling 2014; Rybkin et al. 2021.

    >>> import torch
    >>> from ganlab import nets
    >>> from ganlab.train.vae import VAE
    >>> decoder = nets.mlp_generator((1, 8, 8), latent=4)
    >>> model = VAE(decoder, nets.mlp_discriminator((1, 8, 8), outputs=2 * 4))
    >>> mean, log_variance = model.encode(torch.zeros(5, 1, 8, 8))
    >>> mean.shape, model.sample(3).shape
    (torch.Size([5, 4]), torch.Size([3, 1, 8, 8]))

    Args:
        decoder: a generator, (batch, latent) -> (batch, *shape), with attributes `latent` and `shape`.
        encoder: (batch, *shape) -> (batch, 2 * latent): the means, then the logarithms of the variances.

    Raises:
        ValueError: when it first encodes, for an encoder of another width.
    """

    def __init__(self, decoder: nn.Module, encoder: nn.Module):
        super().__init__()
        self.decoder, self.encoder = decoder, encoder

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), each (batch, latent)."""
        code = self.encoder(images)
        if code.shape[1:] != (2 * self.decoder.latent,):
            raise ValueError(
                f"encoder returns {tuple(code.shape)}: for a latent of {self.decoder.latent} it must return "
                f"(batch, {2 * self.decoder.latent}); build it with outputs={2 * self.decoder.latent}"
            )
        return code.chunk(2, dim=1)

    def loss(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The two parts of the negative evidence lower bound, nats a sample: reconstruction and KL divergence.

        Args:
            images: (batch, *shape).
            noise: (batch, latent), standard normal.
        """
        mean, log_variance = self.encode(images)
        decoded = self.decoder(mean + noise * (log_variance / 2).exp())
        error = (decoded - images).square().mean()
        reconstruction = images[0].numel() / 2 * (1 + math.log(2 * math.pi) + error.log())
        return reconstruction, kl_to_normal(mean, log_variance).mean()

    @torch.no_grad()
    def sample(self, n: int, *, seed: int = 0) -> Tensor:
        """Decoder means for `n` latents from the prior, (n, *shape), in eval mode; the same latents at every call."""
        z = normal(n, self.decoder.latent, torch.Generator().manual_seed(seed))
        return self._evaluated(lambda: self.decoder(z.to(next(self.parameters()).device)))

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> Tensor:
        """Decoder means at the encoder's means, shaped like `images`, in eval mode."""
        return self._evaluated(lambda: self.decoder(self.encode(images)[0]))

    def _evaluated(self, function: Callable[[], Tensor]) -> Tensor:
        training = self.training
        self.eval()
        try:
            return function()
        finally:
            self.train(training)


def kl_to_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, diag(exp(log_variance))) || N(0, I)) in nats, (batch, latent) -> (batch,).   Kingma & Welling 2014.

    >>> import torch
    >>> from ganlab.train.vae import kl_to_normal
    >>> kl_to_normal(torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.zeros(2, 2)).tolist()  # half the squared distance
    [0.0, 12.5]
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2


def fit(
    vae: VAE, data, steps: int, *, seed: int = 0, batch: int = 64, lr: float = 1e-3, beta: float = 1.0,
    ema: float | None = None, log_every: int = 10,
    callback: Callable[[VAE, int], None] | None = None, callback_every: int = 100, progress: bool = True,
) -> "pd.DataFrame":  # fmt: skip
    """Train with Adam for `steps` steps; return a table: step, seed, reconstruction, kl (means since the row before).

    The two losses are in nats a sample, as `VAE.loss` has them. With `ema` the VAE ends with the running average of its
    weights, and callbacks see the average. It needs pandas.

    >>> import torch
    >>> from ganlab import data, nets
    >>> from ganlab.train import vae
    >>> G, encoder = nets.mlp_generator((1, 8, 8), latent=4), nets.mlp_discriminator((1, 8, 8), outputs=8)
    >>> images = data.Dataset.from_images(torch.rand(100, 1, 8, 8) * 2 - 1)
    >>> table = vae.fit(vae.VAE(G, encoder), images, steps=6, log_every=3, progress=False)
    >>> list(table.columns), table["step"].tolist()
    (['step', 'seed', 'reconstruction', 'kl'], [3, 6])

    Args:
        data: a `ganlab.data.Dataset` of images.
        seed: of the batches and the noise; the batches are those of a GAN trained with this seed and batch size.
        batch: images in a batch.
        lr: Adam's learning rate.
        beta: weight of the KL divergence, as a multiple of what the bound has.   Higgins et al. 2017.
        ema: decay of the running average, in (0, 1), as in `Recipe`; None: no average.
        log_every: steps that one row averages over.
        callback: called with the VAE and the step before the first step and after every `callback_every` steps.
        progress: show a progress bar.

    Raises:
        ValueError: a batch or a number of steps between rows or calls that is not positive, a negative beta, an ema
            outside (0, 1).
    """
    pd = optional("pandas", extra="lab")  # before the training, not after it
    check_positive(batch=batch, log_every=log_every, callback_every=callback_every)
    if not (beta >= 0 and (ema is None or 0 < ema < 1)):
        raise ValueError(f"beta={beta}, ema={ema}: a weight that is not negative, and a decay in (0, 1) or None")
    average = None if ema is None else WeightAverage(vae)
    shown = vae if average is None else average.module
    device = next(vae.parameters()).device
    optimizer = torch.optim.Adam(vae.parameters(), lr=lr, fused=True)
    stream = Stream(data, vae.decoder.latent, batch, seed, device=device)
    rows, running = [], []
    if callback is not None:
        callback(shown, 0)
    for step in bar(range(1, steps + 1), desc="VAE", unit="step", progress=progress):
        [(images, noise)] = stream.next()
        parts = torch.stack(vae.loss(images, noise))
        optimizer.zero_grad()
        (parts[0] + beta * parts[1]).backward()
        optimizer.step()
        if average is not None:
            average.update(vae, ema if step > 1 else 0.0)  # the first step copies
        running.append(parts.detach())
        if step % log_every == 0 or step == steps:
            rows.append((step, seed, *torch.stack(running).mean(0).tolist()))
            running = []
        if callback is not None and step % callback_every == 0:
            callback(shown, step)
    if average is not None:
        vae.load_state_dict(average.module.state_dict())
    return pd.DataFrame(rows, columns=["step", "seed", "reconstruction", "kl"])
