"""The variational autoencoder (Kingma & Welling 2014), from the same networks as the GANs and of the same size.

The decoder is a generator of `ganlab.nets`; the encoder is a discriminator with `outputs=2 * latent`. A pixel is
Gaussian around the decoder's output, with one standard deviation for all pixels, which is learned (Rybkin et al. 2021):
right for images in [-1, 1], where a Bernoulli likelihood is not, and with no weight between the two terms to tune.
"""

import math

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, diag exp(log_variance)) || N(0, I)) in nats, `(..., latent)` to `(...)`.

    Kingma & Welling 2014, appendix B.
    """
    return (mean.square() + log_variance.exp() - log_variance - 1).sum(-1) / 2


def gaussian_nll(x: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
    """-log N(x; mean, sigma^2 I) in nats, summed over all but the first axis: `(batch, ...)` to `(batch,)`."""
    per_value = ((x - mean) / log_sigma.exp()).square() / 2 + log_sigma + math.log(2 * math.pi) / 2
    return per_value.flatten(1).sum(1)


class VAE(nn.Module):
    """An encoder, a decoder, and the bound they are trained on.

    Args:
        encoder: `(batch, *shape)` to `(batch, 2 * latent)`, the mean and the log variance of q(z|x).
        decoder: `(batch, latent)` to `(batch, *shape)`, the mean of p(x|z); it has the attributes `latent` and `shape`.

    Example:
        >>> from ganlab import nets
        >>> vae = VAE(nets.mlp_discriminator((1, 8, 8), outputs=32), nets.mlp_generator((1, 8, 8), latent=16))
        >>> vae.sample(4).shape
        torch.Size([4, 1, 8, 8])
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.latent, self.shape = decoder.latent, decoder.shape
        self.log_sigma = nn.Parameter(torch.zeros(()))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x), each `(batch, latent)`.

        Raises:
            ValueError: the encoder does not give `2 * latent` numbers for an image.
        """
        code = self.encoder(x)
        if code.ndim != 2 or code.shape[1] != 2 * self.latent:
            raise ValueError(
                f"the encoder gives {tuple(code.shape)} for {len(x)} images and the decoder's latent is {self.latent}: "
                f"build the encoder with outputs={2 * self.latent}"
            )
        return code.chunk(2, dim=1)

    def terms(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The two terms of -ELBO in nats, `(batch,)` each: -log p(x|z) at one z, and KL(q(z|x) || N(0, I)).

        Args:
            x: images `(batch, *shape)`.
            noise: `(batch, latent)` from N(0, I); z = mean + sigma * noise lets the gradient through.
        """
        mean, log_variance = self.encode(x)
        z = mean + (log_variance / 2).exp() * noise
        return gaussian_nll(x, self.decoder(z), self.log_sigma), kl_to_standard_normal(mean, log_variance)

    def fit(
        self,
        data,
        steps: int,
        *,
        batch: int = 64,
        lr: float = 1e-3,
        seed: int = 0,
        log_every: int = 10,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Minimise -ELBO by Adam.

        Args:
            data: a `ganlab.data.Dataset` (or anything with `sample(n, generator)`).
            steps, batch, lr: how long, with how many images, how fast (sigma ten times as fast).
            seed: of the batches and of the noise. The initial weights are the networks' own.
            log_every: steps that one row of the result averages over.
            progress: show a progress bar.

        Returns:
            A row for each `log_every` steps: step, loss (-ELBO), nll, kl, all in nats per image, and sigma.
        """
        device = self.log_sigma.device
        generator = torch.Generator().manual_seed(seed)
        weights = [*self.encoder.parameters(), *self.decoder.parameters()]
        # Adam moves a number by about lr a step: at the rate of the weights, sigma would lag behind the error for long.
        optimizer = torch.optim.Adam([{"params": weights}, {"params": [self.log_sigma], "lr": 10 * lr}], lr=lr)
        self.train()
        rows, sums = [], torch.zeros(2, device=device)
        for step in tqdm(range(1, steps + 1), desc="VAE", unit="step", disable=None if progress else True):
            x = data.sample(batch, generator).to(device)
            noise = torch.randn(batch, self.latent, generator=generator).to(device)
            nll, kl = (term.mean() for term in self.terms(x, noise))
            optimizer.zero_grad()
            (nll + kl).backward()
            optimizer.step()
            sums += torch.stack([nll.detach(), kl.detach()])
            if step % log_every == 0:
                nll_mean, kl_mean = (sums / log_every).tolist()
                rows.append((step, nll_mean + kl_mean, nll_mean, kl_mean, self.log_sigma.exp().item()))
                sums.zero_()
        return pd.DataFrame(rows, columns=["step", "loss", "nll", "kl", "sigma"])

    @torch.no_grad()
    def sample(self, n: int, *, seed: int = 0) -> Tensor:
        """Means of p(x|z) for `n` latents from N(0, I), in eval mode, without the pixels' noise: `(n, *shape)`."""
        z = torch.randn(n, self.latent, generator=torch.Generator().manual_seed(seed))
        return self._in_eval_mode(lambda: self.decoder(z.to(self.log_sigma.device)))

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """The decoder's output at the mean of q(z|x), in eval mode: `(batch, *shape)` to `(batch, *shape)`."""
        return self._in_eval_mode(lambda: self.decoder(self.encode(x)[0]))

    def _in_eval_mode(self, compute):
        training = self.training
        self.eval()
        try:
            return compute()
        finally:
            self.train(training)
