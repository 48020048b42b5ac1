"""The converter of SpikingJelly, on the same weights and images.

It takes PyTorch modules, so it runs on networks of which there are weights for one. Needs the extra
``peers``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import nn

    from benchmarks.networks import Images

__all__ = ["RECIPES", "check_installed", "measure_peer", "with_modules_only"]

RECIPES: Mapping[str, Mapping[str, Any]] = {
    "SpikingJelly 2.0, max": {"mode": "Max"},
    "SpikingJelly 2.0, 99.9 %": {"mode": "99.9%"},
    "SpikingJelly 2.0, 99.9 % per channel": {
        "mode": "99.9%",
        "channel_wise": True,
        "half_threshold": True,
    },
    "SpikingJelly 2.0, balanced": {},
}
"""Name of a row to the options of its ``RateCodingRecipe``.

The row without options is the ``LocalThresholdBalancingRecipe``, of Bu et al., 2025.
"""

BATCH = 64


def check_installed() -> None:
    """Check that SpikingJelly can be imported.

    Raises:
        SystemExit: It cannot.
    """
    if importlib.util.find_spec("spikingjelly") is None:
        message = (
            f"rows {', '.join(RECIPES)} need SpikingJelly: pip install '.[peers]', or leave them "
            "out by naming others with --method"
        )
        raise SystemExit(message)


def measure_peer(
    weights: Path, recipe: str, time_steps: int, images: Images
) -> dict[str, Any]:
    """Return accuracy in percent, seconds of the conversion, and spikes per neuron.

    Args:
        weights: The state_dict of ``benchmarks/resnet20.py``.
        recipe: One of ``RECIPES``.
        time_steps: T.
        images: Images for calibration and for scoring.
    """
    import torch  # noqa: PLC0415 (with the extra only)

    torch.set_num_threads(1)
    network = with_modules_only(weights)
    batches = [torch.from_numpy(part) for part in _batches(images.calibration)]
    start = time.perf_counter()
    snn = _converted(network, recipe, batches)
    seconds = time.perf_counter() - start
    predicted = {"ann": [], "snn": []}
    with torch.no_grad(), _counted(snn) as counts:
        for part in _batches(images.test):
            batch = torch.from_numpy(part)
            predicted["ann"].append(network(batch).argmax(1).numpy())
            predicted["snn"].append(_run(snn, batch, time_steps).argmax(1).numpy())
    right = {
        name: round(100 * float(np.mean(np.concatenate(parts) == images.labels)), 2)
        for name, parts in predicted.items()
    }
    return {
        "top1": right["snn"],
        "ann": right["ann"],
        "spikes": counts["spikes"] / counts["neurons"] * time_steps,
        "seconds": seconds,
    }


def with_modules_only(weights: Path) -> nn.Module:
    """Return ResNet-20 with its shortcuts as convolutions: slices of tensors are refused."""
    import torch  # noqa: PLC0415 (with the extra only)

    from benchmarks.resnet20 import Shortcut, load_resnet20  # noqa: PLC0415 (likewise)

    network = load_resnet20(weights)
    for name, module in list(network.named_modules()):
        if isinstance(module, Shortcut):
            conv = torch.nn.Conv2d(module.inputs, module.outputs, 1, 2, bias=False)
            eye = torch.eye(module.inputs)
            weight = torch.zeros(module.outputs, module.inputs)
            weight[module.before : module.before + module.inputs] = eye
            conv.weight.data = weight[:, :, None, None]
            network.set_submodule(name, conv)
    return network.eval()


def _converted(network: nn.Module, recipe: str, batches: list[Any]) -> nn.Module:
    from spikingjelly.activation_based import ann2snn  # noqa: PLC0415 (with the extra only)

    options = RECIPES[recipe]
    made = (
        ann2snn.RateCodingRecipe(dataloader=batches, **options)
        if options
        else ann2snn.LocalThresholdBalancingRecipe(dataloader=batches)
    )
    return ann2snn.Converter(recipe=made).convert(network).eval()


def _run(snn: nn.Module, batch: Any, time_steps: int) -> Any:  # noqa: ANN401 (tensors)
    """Return the mean output over T steps."""
    from spikingjelly.activation_based import functional  # noqa: PLC0415 (with the extra only)

    functional.reset_net(snn)
    return sum(snn(batch) for _ in range(time_steps)) / time_steps


@contextlib.contextmanager
def _counted(snn: nn.Module) -> Iterator[dict[str, float]]:
    """Count spikes, and neurons once in every step."""
    from spikingjelly.activation_based import neuron  # noqa: PLC0415 (with the extra only)

    counts = {"spikes": 0.0, "neurons": 0.0}

    def count(_module: nn.Module, _inputs: object, sent: Any) -> None:  # noqa: ANN401 (a tensor)
        counts["spikes"] += float((sent != 0).sum())
        counts["neurons"] += sent.numel()

    hooks = [
        module.register_forward_hook(count)
        for module in snn.modules()
        if isinstance(module, neuron.BaseNode)
    ]
    try:
        yield counts
    finally:
        for hook in hooks:
            hook.remove()


def _batches(images: np.ndarray | None) -> Iterator[np.ndarray]:
    count = 0 if images is None else len(images)
    for start in range(0, count, BATCH):
        yield images[start : start + BATCH]
