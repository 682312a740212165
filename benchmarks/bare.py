"""The loops that a tutorial would write, with torch alone: what ours are timed against."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits


def bare_step(G: nn.Module, D: nn.Module, data, batch: int = 64, lr: float = 2e-4):
    """A function that does one step of the classic loop (non-saturating loss, Adam as torch sets it up)."""
    d_step = torch.optim.Adam(D.parameters(), lr, (0.5, 0.999))
    g_step = torch.optim.Adam(G.parameters(), lr, (0.5, 0.999))
    device = next(G.parameters()).device
    one, zero = torch.ones(batch, device=device), torch.zeros(batch, device=device)

    def step() -> None:
        real = data.sample(batch).to(device)
        fake = G(torch.randn(batch, G.latent, device=device))
        d_step.zero_grad()
        real_loss = binary_cross_entropy_with_logits(D(real), one)
        fake_loss = binary_cross_entropy_with_logits(D(fake.detach()), zero)
        (real_loss + fake_loss).backward()
        d_step.step()
        g_step.zero_grad()
        binary_cross_entropy_with_logits(D(fake), one).backward()
        g_step.step()

    return step
