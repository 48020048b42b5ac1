"""The rows of the accuracy benchmark: methods, the converters of others, and published figures."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from benchmarks.peers import RECIPES
from onnx2snn.conversion.options import Options
from onnx2snn.conversion.schedule_choice import choose_schedule
from onnx2snn.methods.delays import JOINS
from onnx2snn.methods.layouts import LOOP, MULTISTEP
from onnx2snn.methods.published import METHODS, Method
from onnx2snn.methods.schedules import STAGGERED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.networks import Network

__all__ = [
    "MEASURED",
    "PUBLISHED",
    "Published",
    "described",
    "fastest_layout",
    "measured_on",
    "spike_class",
]

_COMBINATIONS = (
    dataclasses.replace(
        METHODS["opi"],
        name="opi-corrected",
        threshold="mse",
        per_channel=True,
        corrections=("weights", "threshold-scaling", "step-bias"),
    ),
    dataclasses.replace(METHODS["augmapping"], name="augmapping-k2", max_spikes=2),
    dataclasses.replace(
        METHODS["augmapping"],
        name="augmapping-weights",
        corrections=("weights", "threshold-scaling"),
    ),
    dataclasses.replace(
        METHODS["spikeconverter"],
        name="spikeconverter-corrected",
        corrections=("weights", "threshold-scaling"),
    ),
    dataclasses.replace(
        METHODS["staggered"], name="staggered-joins", delays=JOINS, leak=2.0
    ),
)

MEASURED: Mapping[str, Method | None] = (
    METHODS | {method.name: method for method in _COMBINATIONS} | dict.fromkeys(RECIPES)
)
"""Name of a row to the method; None for one of another project."""


def described(name: str, network: Network, time_steps: int = 1) -> str:
    """Return in words what the row ``name`` does on ``network``, for so many time steps."""
    method = MEASURED[name]
    if method is None:
        options = ", ".join(
            f"{option}={value}" for option, value in RECIPES[name].items()
        )
        return f"{name}: {options or 'LocalThresholdBalancingRecipe'}"
    chosen = choose_schedule(Options(method=method), time_steps).options
    return chosen.chosen_method().describe(
        method.corrections if network.calibration is not None else ()
    )


def spike_class(name: str) -> str:
    """Return what one spike of the row ``name`` may carry: the class of its count of T."""
    method = MEASURED[name]
    return "one a step" if method is None else method.spikes


def fastest_layout(method: Method) -> str:
    """Return the layout in which a network runs fastest: its spikes are the same in each.

    In a Loop each layer of the schedule staggered computes in all steps of the latency.
    """
    return MULTISTEP if method.schedule == STAGGERED else LOOP


def measured_on(network: Network) -> list[str]:
    """Return the rows of ``network``."""
    if network.calibration is None:
        return ["auto"]
    if not network.compared:
        return ["auto", "staggered"]
    return [name for name in MEASURED if network.weights or name not in RECIPES]


@dataclasses.dataclass(frozen=True)
class Published:
    """Published figures of a method, on weights and images of its own.

    Attributes:
        method: Name of the method.
        network: On what, in words.
        ann: Accuracy of the ANN there, in percent; None if it is not known here.
        top1: T to accuracy in percent.
        source: Where it stands.
        beside: Name of the network here that has the same architecture; empty if none has.
        row: Name of the row here that it is to be compared with; empty if none is.
    """

    method: str
    network: str
    ann: float | None
    top1: Mapping[int, float]
    source: str
    beside: str = ""
    row: str = ""


_OPI = "Bu et al., AAAI 2022"
_QCFS = "Bu et al., ICLR 2022"
_LI = "Li et al., ICML 2021"
_LTB = "Bu et al., 2025"
_LIU = "Liu et al., AAAI 2022, quoted from memory"
_OPI_MEMORY = f"{_OPI}, quoted from memory"
_FTBC = "Wu et al., ECCV 2024"
_H_MT = METHODS["h-mt"].source
_HUANG = "Huang et al., ICML 2025"

PUBLISHED = (
    Published(
        "opi",
        "ResNet-20, CIFAR-10",
        92.74,
        {8: 66.24, 16: 87.22, 32: 91.88},
        _OPI_MEMORY,
        "resnet20",
        "opi",
    ),
    Published(
        "snn-calibration",
        "ResNet-20 (wider), CIFAR-10",
        95.68,
        {16: 93.89},
        _LI,
        "resnet20",
        "snn-calibration",
    ),
    Published(
        "QCFS, trained for it",
        "ResNet-20, CIFAR-10",
        91.77,
        {2: 73.20, 4: 83.75, 8: 89.55, 16: 91.62, 32: 92.24},
        _QCFS,
        "resnet20",
    ),
    Published(
        "ltb",
        "MobileNetV2, ImageNet",
        71.88,
        {32: 19.39, 64: 49.93},
        _LTB,
        "mobilenet-v2",
        "ltb",
    ),
    Published("opi", "VGG-16, CIFAR-10", None, {16: 93.38}, _OPI),
    Published(
        "opi", "VGG-16, ImageNet", None, {16: 36.02, 32: 64.70, 64: 72.47}, _OPI_MEMORY
    ),
    Published("snn-calibration", "VGG-16, CIFAR-10", 95.76, {16: 93.30}, _LI),
    Published("spikeconverter", "VGG-16, CIFAR-10", None, {16: 93.71}, _LIU),
    Published("spikeconverter", "VGG-16, ImageNet", None, {16: 73.47}, _LIU),
    Published("ltb", "ResNet-18, ImageNet", 69.76, {32: 65.55, 64: 68.53}, _LTB),
    Published("ltb", "ResNet-34, ImageNet", 73.31, {32: 64.88}, _LTB),
    Published(
        "ftbc", "ResNet-34, ImageNet", 75.66, {4: 13.70, 16: 60.68, 32: 70.88}, _FTBC
    ),
    Published("ftbc", "VGG-16, ImageNet", 75.36, {4: 51.13, 16: 71.19}, _FTBC),
    Published("h-mt, of 8 thresholds", "ResNet-34, ImageNet", 76.42, {2: 76.28}, _H_MT),
    Published("DCGS", "ResNet-34, ImageNet", 76.42, {4: 73.35, 8: 76.04}, _HUANG),
)
