"""Exchange activations and pooling of a PyTorch network, and find first thresholds."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from onnx2snn.errors import OptionError, UnsupportedError
from onnx2snn.torch.activations import StReLU, ThresholdActivation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "fit_thresholds",
    "in_evaluation",
    "max_pool_to_avg_pool",
    "replace_activations",
]

_Model = TypeVar("_Model", bound=nn.Module)

_CANDIDATES = 100
"""Thresholds that are tried."""

_MOST_SAMPLES = 2**16
"""Most values of a channel or layer that a threshold is fitted to in one call."""


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
    count = _exchange_modules(
        model, (nn.ReLU, nn.ReLU6), lambda _: activation(**options)
    )
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
    _exchange_modules(model, (nn.MaxPool2d,), _average_pool)
    return model


def _average_pool(pool: nn.MaxPool2d) -> nn.AvgPool2d:
    is_dilated = pool.dilation not in {1, (1, 1)}
    if is_dilated or pool.return_indices:
        message = f"{pool} has no average counterpart: make it one without dilation and indices"
        raise UnsupportedError(message)
    return nn.AvgPool2d(
        pool.kernel_size,
        pool.stride,
        pool.padding,
        ceil_mode=pool.ceil_mode,
    )


def _exchange_modules(
    model: nn.Module, kinds: tuple[type, ...], new: Callable[[Any], nn.Module]
) -> int:
    """Replace every module of ``kinds`` inside ``model``; return how many there were."""
    made: dict[nn.Module, nn.Module] = {}
    for path, child in list(model.named_modules(remove_duplicate=False)):
        if path == "" or not isinstance(child, kinds):
            continue
        parent_path, _, name = path.rpartition(".")
        parent = model.get_submodule(parent_path)
        if child not in made:  # in two places, it becomes one module again
            made[child] = new(child).train(parent.training)
        setattr(parent, name, made[child])
    return len(made)


@contextlib.contextmanager
def in_evaluation(model: nn.Module) -> Iterator[None]:
    """Run a network in evaluation mode, without gradients; each module then has its mode back."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def fit_thresholds(
    model: _Model, images: Tensor, *, per_channel: bool = False
) -> _Model:
    """Set each threshold to the one that loses least on one batch, and return the model.

    Thresholds are fitted in the order in which the modules are called, each on what the
    activations before it give with theirs. The loss is the squared error of the activation
    against the one without a threshold, over 100 candidates up to the largest magnitude. Of a
    module that is called several times, all that it has seen so far counts.

    Args:
        model: A network with activations of this package; it is changed.
        images: A batch of typical inputs, shape [N, ...], as the network takes them.
        per_channel: Whether each channel, axis 1, gets a threshold of its own.

    Raises:
        OptionError: The model holds none of the activations, or one that is called with
            different numbers of channels is to have a threshold for each.
    """
    modules = [m for m in model.modules() if isinstance(m, ThresholdActivation)]
    if not modules:
        message = "the model has no activations to fit; call replace_activations first"
        raise OptionError(message)
    fit = _Fit(per_channel=per_channel)
    hooks = [module.register_forward_pre_hook(fit) for module in modules]
    try:
        with in_evaluation(model):
            model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return model


class _Fit:
    """Fits the threshold of a module whenever it is called, before it runs.

    Args:
        per_channel: Whether each channel, axis 1, gets a threshold of its own.
    """

    def __init__(self, *, per_channel: bool) -> None:
        self._per_channel = per_channel
        self._seen: dict[nn.Module, list[Tensor]] = {}

    def __call__(self, module: ThresholdActivation, inputs: tuple[Tensor, ...]) -> None:
        """Set the threshold to the best for all that ``module`` has seen so far."""
        rows, shape = self._arrange_rows(inputs[0])
        earlier = self._seen.setdefault(module, [])
        shape_before = tuple(module.theta.shape)
        if earlier and self._per_channel and shape != shape_before:
            message = (
                f"{type(module).__name__} is called with {module.theta.numel()} channels and with "
                f"{len(rows)}: give each call a module of its own, or fit one threshold a layer"
            )
            raise OptionError(message)
        stride = math.ceil(rows.shape[1] / _MOST_SAMPLES)
        thinned = rows[:, ::stride]
        earlier.append(thinned)
        seen = torch.cat(earlier, 1)
        best = _best_threshold(module, seen)
        threshold = best.reshape(shape)
        module.theta = nn.Parameter(threshold)

    def _arrange_rows(self, x: Tensor) -> tuple[Tensor, tuple[int, ...]]:
        """Return a row for each threshold, and the shape of the thresholds."""
        if not self._per_channel:
            return x.flatten()[None], ()
        rows = x.transpose(0, 1).flatten(1)
        trailing = [1] * (x.dim() - 2)
        shape = (len(rows), *trailing)
        return rows, shape


def _best_threshold(module: ThresholdActivation, rows: Tensor) -> Tensor:
    """Return the threshold that is best for each of ``rows`` [C, samples]: [C, 1]."""
    wanted = rows if isinstance(module, StReLU) else rows.clamp(min=0)
    magnitudes = wanted.abs()
    largest = magnitudes.amax(dim=1, keepdim=True)
    before = module.theta.data
    best = largest.clone()
    least = torch.full_like(largest, torch.inf)
    for part in torch.linspace(1, 1 / _CANDIDATES, _CANDIDATES):
        scaled = part * largest
        candidate = scaled.clamp(min=_SMALLEST)
        module.theta.data = candidate
        error = module.forward(rows) - wanted
        squares = error.square()
        loss = squares.mean(dim=1, keepdim=True)
        best = torch.where(loss < least, candidate, best)
        least = torch.minimum(loss, least)
    module.theta.data = before
    return best.clamp(min=_SMALLEST)


_SMALLEST = 1e-3
"""Threshold of a channel that is 0 in the whole batch."""
