"""The report of a conversion, as plain data."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, cast

import numpy as np

from onnx2snn.graph import array, display_name, operator_name
from onnx2snn.metadata.facts import (
    ACTIVATION,
    DEFAULT_TIME_STEPS,
    EARLY_EXIT,
    LATENCY_CURVE,
    LAYOUT,
    METHOD,
    ROUNDING_ERROR,
    SCHEDULE,
    THRESHOLD_ORIGIN,
    UNIT,
)
from onnx2snn.metadata.step_count import LATENCY, WEIGHT_PASSES
from onnx2snn.methods.layouts import LOOP
from onnx2snn.methods.schedules import LAYERWISE
from onnx2snn.methods.weight_types import FLOAT, INT8
from onnx2snn.ops.predicates import is_neuron, step_op_of
from onnx2snn.reporting.energy import estimate_energy
from onnx2snn.reporting.levels import Levels
from onnx2snn.schedules.loops import named_inputs
from onnx2snn.schedules.waiting import raising_factor

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from onnx2snn.data.dataset import Dataset
    from onnx2snn.importing.imported import Imported
    from onnx2snn.metadata.input_coding import Coding
    from onnx2snn.reporting.activity import Activity
    from onnx2snn.reporting.analysis import Analysis
    from onnx2snn.reporting.energy import Energy

__all__ = [
    "REPORT_VERSION",
    "CurvePoint",
    "EarlyExit",
    "LatencyCurve",
    "LayerReport",
    "Report",
    "RoundedNode",
    "energy_of_network",
    "report",
]

REPORT_VERSION = 1
"""Version of the plain data described in ``docs/reference/report.md``."""


class LayerReport(TypedDict):
    """The neurons that replaced one activation; thresholds in units of the activation."""

    name: str
    activation: str
    neuron: str
    threshold_origin: str
    thresholds: int
    v_threshold_min: float
    v_threshold_quartiles: list[float]
    v_threshold_max: float


class RoundedNode(TypedDict):
    """A node with rounded weights.

    ``error`` is the root mean square of what rounding changed, as a part of that of the weights.
    """

    name: str
    op: str
    error: float


class HeldOut(TypedDict):
    """The forms of a network, compared on calibration samples that took no part in making them.

    ``errors`` has the relative error of each form's outputs against the ANN's; ``kept`` is the
    form that was emitted: ``corrected``, ``uncorrected`` or ``without data``.
    """

    samples: int
    errors: dict[str, float]
    kept: str


class CurvePoint(TypedDict):
    """The least relative error of the outputs that was found with at most so many steps."""

    latency_steps: int
    relative_error: float


class LatencyCurve(TypedDict):
    """The error on some calibration samples against the latency, before corrections."""

    samples: int
    points: list[CurvePoint]


class EarlyExit(TypedDict):
    """The margin from which on a sample stops, and what that did on calibration samples."""

    margin: float
    disagreement: float
    mean_steps: float
    samples: int
    scores: str
    steps: str


class Times(TypedDict):
    """The steps of a network, and what an answer takes; as in ``Report``."""

    T: int
    schedule: str
    schedule_reason: NotRequired[str]  # set by whoever chose it
    layout: str
    latency_steps: int
    weight_passes: int
    latency_curve: LatencyCurve | None
    early_exit: NotRequired[EarlyExit]


class Report(Times):
    """A conversion: its source, method, layers, and what became of each node of the ANN.

    ``latency_steps`` is the number of steps until the answer is there: T in lockstep, T and the
    delays on the longest path staggered, T times the layers on it layer by layer.
    ``weight_passes`` is the number of times that the weights in its steps multiply for an answer.
    ``levels`` is the number of equal steps into which T spikes of a neuron divide the values up
    to the largest it can send, and ``levels_per_spike`` the number of sizes that a spike can have.
    """

    version: int
    source: str
    source_sha256: str
    calibration_sha256: str | None
    calibration_samples: int
    held_out: HeldOut | None
    weights: str
    rounded: list[RoundedNode]
    levels: int
    levels_per_spike: int
    method: str
    input_coding: dict[str, dict[str, Any]]
    layers: list[LayerReport]
    energy: Energy
    activity: Activity | None
    analysis: Analysis


def report(
    snn: ir.Model,
    codings: Mapping[str, Coding],
    imported: Imported,
    analysis: Analysis,
    data: Dataset | None,
) -> Report:
    """Return the report of a finished conversion.

    Args:
        snn: The emitted network, with its metadata.
        codings: How each input enters it.
        imported: What it was made from.
        analysis: What became of the nodes of ``imported``.
        data: Calibration data, if there was any.
    """
    time_steps = int(DEFAULT_TIME_STEPS.read_required(snn))
    neurons = list(filter(is_neuron, snn.graph.all_nodes()))
    levels = Levels.of(neurons, time_steps)
    return {
        "version": REPORT_VERSION,
        "source": imported.name,
        "source_sha256": imported.sha256,
        "calibration_sha256": None if data is None else data.sha256(),
        "calibration_samples": 0 if data is None else data.samples,
        "held_out": None,  # set once forms were compared
        **_times_of(snn, time_steps),
        "weights": INT8 if (rounded := _rounded_nodes(snn.graph)) else FLOAT,
        "rounded": rounded,
        "levels": levels.after_all_steps,
        "levels_per_spike": levels.per_spike,
        "method": METHOD.read_required(snn),
        "input_coding": _describe_codings(codings),
        "layers": [_layer_report(neuron) for neuron in neurons],
        "energy": energy_of_network(snn, analysis, time_steps, levels),
        "activity": None,  # set once it was measured
        "analysis": analysis,
    }


def _times_of(snn: ir.Model, time_steps: int) -> Times:
    times: Times = {
        "T": time_steps,
        "schedule": SCHEDULE.read_required(snn),
        "layout": LAYOUT.read(snn) or LOOP,
        "latency_steps": LATENCY.read_required(snn).at(time_steps),
        "weight_passes": WEIGHT_PASSES.read_required(snn).at(time_steps),
        "latency_curve": cast("LatencyCurve | None", LATENCY_CURVE.read(snn)),
    }
    early_exit = EARLY_EXIT.read(snn)
    if early_exit is not None:
        times["early_exit"] = cast("EarlyExit", early_exit)
    return times


def _rounded_nodes(graph: ir.Graph) -> list[RoundedNode]:
    """Return the nodes with rounded weights, in the order of the file."""
    found: list[RoundedNode] = []
    for node in graph.all_nodes():
        error = ROUNDING_ERROR.read(node)
        if error is not None:
            name = display_name(node)
            found.append({"name": name, "op": operator_name(node), "error": error})
    return found


def energy_of_network(
    snn: ir.Model, analysis: Analysis, time_steps: int, levels: Levels
) -> Energy:
    """Return what the arithmetic of a network costs.

    Args:
        snn: An emitted network.
        analysis: What became of the nodes of its ANN.
        time_steps: T.
        levels: What its neurons can tell apart.
    """
    fires_layer_by_layer = SCHEDULE.read_required(snn) == LAYERWISE
    analog_runs = 1 if fires_layer_by_layer else time_steps
    return estimate_energy(
        analysis["macs"],
        time_steps,
        levels=levels.after_all_steps,
        spikes_a_step=levels.spikes_a_step,
        analog_runs=analog_runs,
    )


def _describe_codings(codings: Mapping[str, Coding]) -> dict[str, dict[str, Any]]:
    return {name: dataclasses.asdict(coding) for name, coding in codings.items()}


def _layer_report(neuron: ir.Node) -> LayerReport:
    op = step_op_of(neuron)
    assert op is not None  # a neuron
    thresholds = _thresholds(neuron)
    quartiles = np.quantile(thresholds, [0.25, 0.5, 0.75])
    return {
        "name": display_name(neuron),
        "activation": ACTIVATION.read_required(neuron),
        "neuron": op.name,
        "threshold_origin": THRESHOLD_ORIGIN.read_required(neuron),
        "thresholds": thresholds.size,
        "v_threshold_min": float(np.min(thresholds)),
        "v_threshold_quartiles": quartiles.tolist(),
        "v_threshold_max": float(np.max(thresholds)),
    }


def _thresholds(neuron: ir.Node) -> np.ndarray:
    """Return the thresholds of ``neuron``, in units of the activation it replaces.

    In lockstep it reads them as they are, unless they were folded into weights; where it waits,
    larger; where its layer fires alone in a Loop, a Div of them by the sum of the weights of its
    spikes.
    """
    unit = UNIT.read(neuron)
    if unit is not None:
        return np.array(unit)
    threshold = named_inputs(neuron)["v_threshold"]
    division = None if threshold is None else threshold.producer()
    if division is None:
        return array(threshold) / raising_factor(neuron)
    return array(division.inputs[0])
