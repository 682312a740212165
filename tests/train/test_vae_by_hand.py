"""`vae.fit` against a loop in plain torch: the numbers it draws, the divergence's weight, the average, the rows."""

import copy
import math

import pytest
import torch

from ganlab import nets
from ganlab.train import vae

SHAPE, LATENT, BATCH, STEPS = (1, 8, 8), 3, 4, 5


class Pictures:
    """Nine of them, in the default type."""

    shape = SHAPE

    def __init__(self):
        self.samples = torch.rand(9, *SHAPE) * 2 - 1

    def sample(self, n, generator=None):
        return self.samples[torch.randint(9, (n,), generator=generator)]


def start():
    torch.manual_seed(0)
    encoder = nets.mlp_discriminator(SHAPE, 8, outputs=2 * LATENT)
    return vae.VAE(nets.mlp_generator(SHAPE, LATENT, 8), encoder), Pictures()


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def by_hand(beta, ema, lr, seed):
    """The weights in the end, and reconstruction and divergence of each step, in nats a sample."""
    net, images = start()
    slow, rows = copy.deepcopy(net), []
    adam = torch.optim.Adam(net.parameters(), lr)
    numbers = torch.Generator().manual_seed(2**32 + seed)
    reals = images.sample(64 * BATCH, numbers).split(BATCH)
    noises = torch.randn(64 * BATCH, LATENT, generator=numbers).split(BATCH)
    for step in range(STEPS):
        mean, log_variance = net.encoder(reals[step]).chunk(2, dim=1)
        decoded = net.decoder(mean + noises[step] * torch.exp(log_variance / 2))
        error = ((decoded - reals[step]) ** 2).mean()
        likelihood = 32 * (1 + math.log(2 * math.pi) + torch.log(error))  # 64 values, at the best common variance
        divergence = (mean**2 + torch.exp(log_variance) - 1 - log_variance).sum(1).mean() / 2
        adam.zero_grad()
        (likelihood + beta * divergence).backward()
        adam.step()
        share = 1.0 if step == 0 else 1 - ema
        with torch.no_grad():
            for own, p in zip(slow.parameters(), net.parameters(), strict=True):
                own += share * (p - own)
        rows.append([likelihood.item(), divergence.item()])
    return weights(slow if ema else net), torch.tensor(rows)


@pytest.mark.parametrize(
    "options",
    [{}, {"beta": 0.25, "ema": 0.8, "lr": 5e-3, "seed": 7}, {"beta": 0.0}],
    ids=["defaults", "all", "no beta"],
)
def test_every_step_and_row(double, options):
    net, images = start()
    seen = []
    table = vae.fit(
        net, images, STEPS, batch=BATCH, log_every=2, progress=False, callback_every=2,
        callback=lambda shown, step: seen.append((step, weights(shown))), **options,
    )  # fmt: skip
    end, rows = by_hand(**{"beta": 1.0, "ema": 0.0, "lr": 1e-3, "seed": 0, **options})
    torch.testing.assert_close(weights(net), end, rtol=1e-8, atol=1e-10)
    assert table.step.tolist() == [2, 4, 5] and table.seed.tolist() == [options.get("seed", 0)] * 3
    means = torch.stack([rows[:2].mean(0), rows[2:4].mean(0), rows[4]])
    torch.testing.assert_close(torch.tensor(table[["reconstruction", "kl"]].to_numpy()), means)
    assert [step for step, _ in seen] == [0, 2, 4]
    assert torch.equal(seen[0][1], weights(start()[0]))


def test_a_sample_and_a_reconstruction_have_no_graph_and_leave_the_mode():
    net, images = start()
    sample, again = net.sample(3, seed=5), net.reconstruct(images.samples)
    z = torch.randn(3, LATENT, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(sample, net.decoder(z))
    torch.testing.assert_close(again, net.decoder(net.encoder(images.samples).chunk(2, dim=1)[0]))
    assert not sample.requires_grad and not again.requires_grad and net.training
