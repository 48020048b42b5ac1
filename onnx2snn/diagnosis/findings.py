"""The usual mistakes: a table of checks, each of which finds one of them or is silent."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from onnx2snn.analysis.drivers import NOT_SPIKES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from onnx2snn.diagnosis.layer_errors import LayerError
    from onnx2snn.diagnosis.preprocessing import Better
    from onnx2snn.evaluation.result import Evaluation
    from onnx2snn.reporting.analysis import Analysis

__all__ = ["CHECKS", "Case", "Finding", "find_causes"]

_MISFIT = 1.15
"""Errors of thresholds are this much larger than they could be where they do not fit."""

_FAR_MISFIT = 1.5
"""The same of one threshold that stands out."""

_FEW = 1 / 3
"""Share of the layers up to which a fault is one of some layers, and not of the data."""

_DEAD = 0.5
"""Share of dead neurons from which on a layer is dead."""

_BAD_ANN = 50.0
"""Accuracy in percent below which an ANN is not what was trained, or not on such data."""

_CLOSE_ANSWERS = 95.0
"""Percentage of answers that are the ANN's from which on there is nothing to mend."""

_CLOSE_VALUES = 0.1
"""Relative error of outputs that are no answers up to which there is nothing to mend."""

_MUCH = 10.0
"""Percent of the multiply-accumulates from which on it matters that spikes do not drive them."""

_MOST_T = 128
"""The largest T that is advised."""


@dataclasses.dataclass(frozen=True)
class Case:
    """All that was seen of a network.

    Attributes:
        layers: Its layers, in the order in which they fire.
        scores: It beside its ANN.
        time_steps: T.
        error: Relative error of the output that is scored, or of the worst.
        better: The preparation of images that helps the ANN; None if none does.
        differing: Operators to how many the ANN and the network have, where that differs.
        analysis: What became of each node of the ANN, converted as it is by default.
    """

    layers: Sequence[LayerError]
    scores: Evaluation
    time_steps: int
    error: float
    better: Better | None
    differing: Mapping[str, tuple[int, int]]
    analysis: Analysis

    @property
    def is_close(self) -> bool:
        """Whether the network answers as the ANN does."""
        agreement = self.scores.agreement.get(self.time_steps)
        if agreement is not None:
            return agreement >= _CLOSE_ANSWERS
        return self.error <= _CLOSE_VALUES


@dataclasses.dataclass(frozen=True)
class Finding:
    """A likely cause of lost accuracy.

    Attributes:
        cause: Its name, one word or some with dashes.
        text: What was seen, in words.
        advice: What to do about it.
        layers: Names of the layers that it is seen in; empty for the whole network.
        options: Options of a conversion that may mend it; None where none can.
    """

    cause: str
    text: str
    advice: str
    layers: tuple[str, ...] = ()
    options: Mapping[str, Any] | None = None


def find_causes(case: Case) -> list[Finding]:
    """Return what the checks find, the likeliest cause first."""
    found = [check(case) for check in CHECKS]
    return [finding for finding in found if finding is not None]


def _check_preprocessing(case: Case) -> Finding | None:
    better = case.better
    if better is not None:
        channels = "channels" in better.preparation
        return Finding(
            "channel-order" if channels else "preprocessing",
            f"the ANN itself is right in {better.as_given:.1f} % of this data, and in "
            f"{better.accuracy:.1f} % of it {better.preparation}",
            "prepare data as in training, also what calibrates",
        )
    accuracy = case.scores.ann_top1
    if accuracy is None or accuracy >= _BAD_ANN:
        return None
    return Finding(
        "preprocessing",
        f"the ANN itself is right in only {accuracy:.1f} % of this data",
        "compare preparation and labels with those of the training",
    )


def _check_structure(case: Case) -> Finding | None:
    if not case.differing:
        return None
    counts = [
        f"{in_ann} {op} in the ANN and {in_snn} in the network"
        for op, (in_ann, in_snn) in case.differing.items()
    ]
    return Finding(
        "another-ann",
        f"the network was made from another ANN: {'; '.join(counts)}",
        "compare with the ANN it was made from, or convert this one",
        options={},
    )


def _check_dead_layers(case: Case) -> Finding | None:
    dead = tuple(layer.name for layer in case.layers if layer.dead > _DEAD)
    if not dead:
        return None
    return Finding(
        "dead-layer",
        f"{_listed(dead)} never sends a spike, although its activation is there in the ANN",
        "look at its threshold and at the weights in front of it; calibrate with data that "
        "drives it",
        layers=dead,
        options={},
    )


def _misfits(case: Case, least: float) -> list[LayerError]:
    return [layer for layer in case.layers if layer.misfit > least]


def _check_thresholds(case: Case) -> Finding | None:
    misfits = _misfits(case, _FAR_MISFIT)
    is_few = len(_misfits(case, _MISFIT)) <= max(1, _FEW * len(case.layers))
    if not misfits or not is_few:
        return None
    worst = max(misfits, key=lambda layer: layer.misfit)
    names = tuple(layer.name for layer in misfits)
    return Finding(
        "threshold",
        f"the threshold of {_listed(names)} does not fit: {worst.best_factor:g} times as large "
        f"it would lose {worst.misfit:.1f} times less",
        "a few large values of the calibration data may have set it; threshold 'mse' weighs them",
        layers=names,
        options={"threshold": "mse"},
    )


def _check_calibration(case: Case) -> Finding | None:
    misfits = _misfits(case, _MISFIT)
    if len(misfits) <= max(1, _FEW * len(case.layers)):
        return None
    names = tuple(layer.name for layer in misfits)
    clipping = sum(layer.best_factor > 1 for layer in misfits)
    side = "too low" if clipping > len(misfits) / 2 else "too high"
    return Finding(
        "calibration-data",
        f"the thresholds of {len(misfits)} of {len(case.layers)} layers do not fit this data, "
        f"most of them {side}: what calibrated was other data, or prepared otherwise, or little",
        "calibrate with some hundred samples like these",
        layers=names,
        options={},
    )


def _check_time_steps(case: Case) -> Finding | None:
    rounding = _root_mean_square(case, "quantization")
    if case.is_close or rounding < _root_mean_square(case, "clipping"):
        return None
    worst = sorted(case.layers, key=lambda layer: -layer.parts["quantization"])
    longer = min(_MOST_T, 2 * case.time_steps)
    return Finding(
        "time-steps",
        f"T = {case.time_steps} is short: in a layer {100 * rounding:.0f} % are lost by rounding "
        "to whole numbers of spikes, and layers add up",
        f"T = {longer}, or the schedule 'staggered', which rounds more finely",
        layers=tuple(layer.name for layer in worst[:3]),
        options=None if case.time_steps >= _MOST_T else {"T": longer},
    )


def _check_analog_nodes(case: Case) -> Finding | None:
    analysis = case.analysis
    percent = _percent_not_by_spikes(analysis)
    driven = analysis["spike_driven_percent"] or 0.0
    if percent < _MUCH:
        return None
    with_all = analysis["spike_driven_percent_with_all"] or 0.0
    advice = "exclude these parts, or train with activations that spikes can carry"
    options = None
    if with_all - driven >= _MUCH:
        advice = f"with spike='all' spikes drive {with_all:.1f} %, not {driven:.1f} %"
        options = {"spike": "all"}
    return Finding(
        "analog-nodes",
        f"spikes do not drive {percent:.1f} % of the multiply-accumulates, which take real "
        f"numbers in every step{_name_analog(analysis)}",
        advice,
        options=options,
    )


def _percent_not_by_spikes(analysis: Analysis) -> float:
    """Return the part of the work that takes real numbers in every step; 0 if not known."""
    macs = analysis["macs"]
    if not macs["total"]:
        return 0.0
    return 100 * sum(macs[driver] or 0 for driver in NOT_SPIKES) / macs["total"]


def _name_analog(analysis: Analysis) -> str:
    names = [
        f"{node['op']} {node['node']!r}"
        for node in analysis["nodes"]
        if node["kind"] == "analog"
    ]
    return f" (analog: {_joined(names)})" if names else ""


def _root_mean_square(case: Case, part: str) -> float:
    squares = [layer.parts[part] ** 2 for layer in case.layers]
    return math.sqrt(sum(squares) / max(len(squares), 1))


def _listed(names: Sequence[str]) -> str:
    return _joined([repr(name) for name in names])


def _joined(words: Sequence[str]) -> str:
    shown = ", ".join(words[:3])
    return shown if len(words) <= 3 else f"{shown} and {len(words) - 3} more"


_Check: TypeAlias = "Callable[[Case], Finding | None]"

CHECKS: tuple[_Check, ...] = (
    _check_preprocessing,
    _check_structure,
    _check_thresholds,
    _check_dead_layers,
    _check_calibration,
    _check_time_steps,
    _check_analog_nodes,
)
"""The checks; the first is the likeliest cause of what the others see."""
