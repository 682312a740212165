"""Where a population leaves its rules for `vmap`: layers that look like those it knows and work otherwise."""

import pytest
import torch
from torch import nn

from ganlab.population import Population


def tripled(layer=None):
    layer = layer or nn.Linear(4, 4)
    layer.forward = lambda x: 3 * x  # somebody's own, on this one object
    return nn.Sequential(nn.Linear(4, 4), layer)


ODD = {
    "a forward of its own": tripled,
    "an activation with one": lambda: tripled(nn.ReLU()),
    "flattened in part": lambda: nn.Sequential(nn.Unflatten(1, (2, 2)), nn.Flatten(1, 2), nn.Linear(4, 3)),
    "flattened from the second": lambda: nn.Sequential(nn.Unflatten(1, (2, 1, 2)), nn.Flatten(2), nn.Linear(2, 3)),
    "not flattened to the end": lambda: nn.Sequential(nn.Unflatten(1, (2, 2, 1)), nn.Flatten(1, 2), nn.Linear(1, 3)),
    "unflattened from behind": lambda: nn.Sequential(nn.Linear(4, 4), nn.Unflatten(-1, (2, 2)), nn.Linear(2, 1)),
    "one layer twice": lambda: nn.Sequential(*[nn.Linear(4, 4)] * 2),
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_members_are_the_networks_themselves(double, make):
    torch.manual_seed(0)
    members, x = [make() for _ in range(3)], torch.randn(3, 5, 4)
    expected = torch.stack([net(x[k]) for k, net in enumerate(members)])
    torch.testing.assert_close(Population(members)(x), expected)


def test_a_replaced_forward_is_not_passed_over():
    """Negative control: what the layer would make without it is another thing."""
    members = [tripled(), tripled()]
    x = torch.randn(2, 5, 4)
    plain = torch.stack(
        [nn.functional.linear(net[0](x[k]), net[1].weight, net[1].bias) for k, net in enumerate(members)]
    )
    assert not torch.allclose(Population(members)(x), plain)
