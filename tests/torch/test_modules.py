from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from onnx2snn.errors import OptionError, UnsupportedError
from onnx2snn.torch import (
    QCFS,
    StReLU,
    fit_thresholds,
    max_pool_to_avg_pool,
    replace_activations,
)


class Functional(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x)


def test_every_module_is_replaced_wherever_it_is() -> None:
    shared = nn.ReLU()
    model = nn.Sequential(
        nn.Linear(2, 3), shared, nn.Sequential(nn.ReLU6(), shared, nn.Tanh()), nn.ReLU()
    )
    assert replace_activations(model, QCFS, levels=5) is model
    found = [module for module in model.modules() if isinstance(module, QCFS)]
    assert [module.levels for module in found] == [5, 5, 5]
    assert model[1] is model[2][1]
    assert isinstance(model[2][2], nn.Tanh)


def test_a_module_used_twice_in_one_place_is_replaced_twice() -> None:
    relu = nn.ReLU()
    model = replace_activations(
        nn.Sequential(nn.Linear(2, 3), relu, nn.Linear(3, 3), relu), QCFS
    )
    assert isinstance(model[1], QCFS)
    assert model[3] is model[1]


def test_the_mode_stays_what_it_was() -> None:
    model = nn.Sequential(nn.ReLU()).eval()
    assert not replace_activations(model, StReLU)[0].training


def test_a_model_that_calls_functions_is_told_what_to_do() -> None:
    with pytest.raises(
        UnsupportedError, match=r"Functional has no nn.ReLU .*self.relu1"
    ):
        replace_activations(Functional(), QCFS)


def test_pooling_keeps_its_geometry() -> None:
    model = nn.Sequential(nn.MaxPool2d(3, 2, 1, ceil_mode=True))
    x = torch.rand(1, 2, 8, 8)
    expected = functional.avg_pool2d(x, 3, 2, 1, ceil_mode=True)
    torch.testing.assert_close(max_pool_to_avg_pool(model)(x), expected)


@pytest.mark.parametrize("options", [{"dilation": 2}, {"return_indices": True}])
def test_pooling_without_a_counterpart_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(UnsupportedError, match=r"MaxPool2d\(kernel_size=2.*no average"):
        max_pool_to_avg_pool(nn.Sequential(nn.MaxPool2d(2, **options)))


@pytest.mark.parametrize("per_channel", [False, True])
def test_fitted_thresholds_lose_less_than_others(*, per_channel: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 3, 10) * torch.tensor([0.1, 1.0, 5.0])[:, None]
    model = nn.Sequential(QCFS(4))
    fit_thresholds(model, x, per_channel=per_channel)
    theta = model[0].theta
    assert theta.shape == ((3, 1) if per_channel else ())

    def losses(factor: float) -> Tensor:
        model[0].theta.data = theta.data * factor
        axes = (0, 2) if per_channel else (0, 1, 2)
        return (model(x) - x.relu()).square().mean(dim=axes).detach()

    theta = nn.Parameter(theta.detach().clone())
    best = losses(1.0)
    assert all((best <= losses(factor)).all() for factor in (0.5, 0.8, 1.25, 2.0))


def test_each_layer_is_fitted_to_what_the_ones_before_give() -> None:
    model = nn.Sequential(StReLU(9.0), StReLU(9.0))
    x = torch.tensor([[-2.0, 1.0]])
    fit_thresholds(model, x)
    assert [float(module.theta.detach()) for module in model] == [2.0, 2.0]
    assert model.training


def test_a_module_that_is_called_twice_is_fitted_to_both() -> None:
    """The first call sees the larger values, the last does not decide alone."""
    shared = QCFS(levels=64, init=1.0)
    model = nn.Sequential(shared, nn.Linear(3, 3, bias=False), shared)
    with torch.no_grad():
        model[1].weight.copy_(torch.eye(3) / 100)
    x = 10 * torch.rand(50, 3, generator=torch.Generator().manual_seed(0))
    fit_thresholds(model, x)
    assert shared.theta.item() > 5


def test_channels_that_differ_from_call_to_call_are_refused() -> None:
    shared = QCFS()
    model = nn.Sequential(nn.Linear(2, 3), shared, nn.Linear(3, 4), shared)
    with pytest.raises(
        OptionError, match=r"QCFS is called with 3 channels and with 4.*own"
    ):
        fit_thresholds(model, torch.ones(5, 2), per_channel=True)
    assert not shared._forward_pre_hooks  # no hook is left behind


def test_a_frozen_normalization_stays_frozen() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3).eval(), QCFS())
    fit_thresholds(model, torch.rand(5, 2))
    assert [module.training for module in model] == [True, False, True]


def test_there_must_be_something_to_fit() -> None:
    with pytest.raises(OptionError, match="replace_activations first"):
        fit_thresholds(nn.Sequential(nn.ReLU()), torch.zeros(1, 2))


def test_a_channel_that_is_silent_keeps_a_usable_threshold() -> None:
    model = fit_thresholds(
        nn.Sequential(QCFS(4)), torch.tensor([[-1.0, 2.0]]), per_channel=True
    )
    assert model[0].theta.tolist() == pytest.approx([1e-3, 2.0])
