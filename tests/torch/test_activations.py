from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from onnx2snn.errors import OptionError
from onnx2snn.torch import QCFS, QuantReLU, StReLU, ThresholdReLU

if TYPE_CHECKING:
    from collections.abc import Callable

X = torch.linspace(-3, 3, 97, dtype=torch.float64)


def straight(rounded: Tensor, x: Tensor) -> Tensor:
    """Return ``rounded`` with the gradient of ``x``."""
    return x + (rounded - x).detach()


def qcfs(x: Tensor, theta: Tensor) -> Tensor:
    unit = torch.clamp(x / theta, 0, 1)
    return theta * straight(torch.floor(unit * 4 + 0.5), unit * 4) / 4


def quantized(x: Tensor, theta: Tensor) -> Tensor:
    scaled = torch.clamp(x / (theta / 7), 0, 7)
    return straight(torch.round(scaled), scaled) * (theta / 7)


def symmetric(x: Tensor, theta: Tensor) -> Tensor:
    return torch.where(x > theta, theta, torch.where(x < -theta, -theta, x))


def limited(x: Tensor, theta: Tensor) -> Tensor:
    return torch.where(x > theta, theta, torch.where(x < 0, torch.zeros_like(x), x))


@pytest.mark.parametrize("theta", [torch.tensor(1.1), torch.tensor([[1.1], [0.3]])])
@pytest.mark.parametrize(
    "activation, written",
    [
        (QCFS(4), qcfs),
        (QuantReLU(3), quantized),
        (StReLU(), symmetric),
        (ThresholdReLU(), limited),
    ],
)
def test_values_and_gradients_are_those_of_the_form_written_out(
    activation: nn.Module, written: Callable[[Tensor, Tensor], Tensor], theta: Tensor
) -> None:
    weights = torch.from_numpy(np.random.default_rng(1).standard_normal((3, 2, 97)))
    found = []
    for function in (None, written):
        x = X.expand(3, 2, 97).clone().requires_grad_()
        limit = nn.Parameter(theta.double())
        activation.theta = limit
        y = activation(x) if function is None else function(x, limit)
        (y * weights).sum().backward()
        found.append((y.detach(), x.grad, limit.grad))
    for actual, expected in zip(*found, strict=True):
        torch.testing.assert_close(actual, expected)


@given(st.integers(-64, 256), st.integers(1, 8), st.sampled_from([0.5, 1.0, 2.0]))
def test_qcfs_is_what_a_neuron_counts_in_as_many_steps(
    k: int, levels: int, theta: float
) -> None:
    current, v, count = k / 64, theta / 2, 0
    for _ in range(levels):
        v += current
        fires = v >= theta
        v -= theta * fires
        count += fires
    with torch.no_grad():
        y = QCFS(levels, theta).double()(torch.tensor(current, dtype=torch.float64))
    # the current of one step is theta at most, so no spike comes late
    assert count == pytest.approx(float(y) * levels / theta, abs=1e-12)


def test_fewer_levels_than_one_are_refused() -> None:
    with pytest.raises(OptionError, match="levels must be at least 1, not 0"):
        QCFS(0)
    with pytest.raises(OptionError, match="bits must be at least 1, not -1"):
        QuantReLU(-1)


def test_a_threshold_of_zero_is_refused() -> None:
    with pytest.raises(OptionError, match=r"larger than 0, not 0\.0"):
        StReLU(0.0)


def test_a_printed_model_shows_thresholds_and_levels() -> None:
    module = QCFS(4, 2.0)
    assert repr(module) == "QCFS(theta=2, levels=4)"
    module.theta.data = torch.tensor([1.0, 2.0])
    assert repr(module) == "QCFS(theta=1.5 (mean of 2), levels=4)"
    assert repr(StReLU(0.5)) == "StReLU(theta=0.5)"
