"""Fixtures that several test files share."""

import pytest
import torch
from hypothesis import HealthCheck, settings

# A busy machine is slow, not wrong: no time limit on an example, and the same examples in every run.
settings.register_profile(
    "ganlab", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ganlab")


@pytest.fixture
def double():
    """Everything in float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
