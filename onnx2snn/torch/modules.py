"""Exchange activations and pooling of a PyTorch network, and find first thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from onnx2snn.errors import OptionError, UnsupportedError
from onnx2snn.torch.activations import StReLU, ThresholdActivation

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["fit_thresholds", "max_pool_to_avg_pool", "replace_activations"]

_Model = TypeVar("_Model", bound=nn.Module)
_CANDIDATES = 100
_MOST_SAMPLES = 2**16


def replace_activations(
    model: _Model, activation: Callable[..., nn.Module], **options: float
) -> _Model:
    """Put a new activation in the place of every ReLU and ReLU6 module, and return the model.

    A module that is called in several places stays one module there, with one threshold.

    Args:
        model: The network; it is changed.
        activation: Class of the new modules, such as ``QCFS``.
        options: Arguments of the class, such as ``levels=8``.

    Raises:
        UnsupportedError: The model holds no such module.
    """
    count = _exchange(model, (nn.ReLU, nn.ReLU6), lambda _: activation(**options))
    if count == 0:
        message = (
            f"{type(model).__name__} has no nn.ReLU module to replace. If its forward method calls "
            "torch.relu or nn.functional.relu, give the network one nn.ReLU() module for each of "
            "these calls (self.relu1 = nn.ReLU() in __init__) and call that instead"
        )
        raise UnsupportedError(message)
    return model


def max_pool_to_avg_pool(model: _Model) -> _Model:
    """Put average pooling in the place of every MaxPool2d module, and return the model.

    Of spikes an average is linear, a maximum is not. The network has to be trained again.

    Args:
        model: The network; it is changed.

    Raises:
        UnsupportedError: A pooling is dilated or returns indices: no average pooling does.
    """
    _exchange(model, (nn.MaxPool2d,), _average)
    return model


def _average(pool: nn.MaxPool2d) -> nn.AvgPool2d:
    if pool.dilation not in {1, (1, 1)} or pool.return_indices:
        message = f"{pool} has no average counterpart: make it one without dilation and indices"
        raise UnsupportedError(message)
    return nn.AvgPool2d(pool.kernel_size, pool.stride, pool.padding, ceil_mode=pool.ceil_mode)


def _exchange(model: nn.Module, kinds: tuple[type, ...], new: Callable[[Any], nn.Module]) -> int:
    """Replace every module of ``kinds`` inside ``model``; return how many there were."""
    made: dict[nn.Module, nn.Module] = {}
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, kinds):
                # the same module in two parents becomes one module again
                made.setdefault(child, new(child).train(parent.training))
                setattr(parent, name, made[child])
    return len(made)


def fit_thresholds(model: _Model, images: Tensor, *, per_channel: bool = False) -> _Model:
    """Set each threshold to the one that loses least on one batch, and return the model.

    Thresholds are fitted in the order in which the modules are called, each on what the
    activations before it give with theirs. The loss is the squared error of the activation
    against the one without a threshold, over 100 candidates up to the largest magnitude.

    Args:
        model: A network with activations of this package; it is changed.
        images: A batch of typical inputs, shape [N, ...], as the network takes them.
        per_channel: Whether each channel, axis 1, gets a threshold of its own.

    Raises:
        OptionError: The model holds none of the activations.
    """
    modules = [m for m in model.modules() if isinstance(m, ThresholdActivation)]
    if not modules:
        message = "the model has no activations to fit; call replace_activations first"
        raise OptionError(message)

    def fit(module: ThresholdActivation, inputs: tuple[Tensor, ...]) -> None:
        module.theta = nn.Parameter(_best_threshold(module, inputs[0], per_channel=per_channel))

    hooks = [module.register_forward_pre_hook(fit) for module in modules]
    training = model.training
    model.eval()
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    model.train(training)
    return model


def _best_threshold(module: ThresholdActivation, x: Tensor, *, per_channel: bool) -> Tensor:
    """Return the best threshold for ``x`` [N, C, ...]: a scalar, or [C, 1, ...]."""
    rows = x.transpose(0, 1).flatten(1) if per_channel else x.flatten()[None]
    rows = rows[:, :: -(-rows.shape[1] // _MOST_SAMPLES)]
    wanted = rows if isinstance(module, StReLU) else rows.clamp(min=0)
    largest = wanted.abs().amax(dim=1, keepdim=True)
    theta = module.theta.data
    best, least = largest.clone(), torch.full_like(largest, torch.inf)
    for part in torch.linspace(1, 1 / _CANDIDATES, _CANDIDATES):
        module.theta.data = (part * largest).clamp(min=_SMALLEST)
        loss = (module.forward(rows) - wanted).square().mean(dim=1, keepdim=True)
        best = torch.where(loss < least, module.theta.data, best)
        least = torch.minimum(loss, least)
    module.theta.data = theta
    best = best.clamp(min=_SMALLEST)
    return best.reshape(-1, *[1] * (x.dim() - 2)) if per_channel else best.reshape(())


_SMALLEST = 1e-3
"""Threshold of a channel that is 0 in the whole batch."""
