"""The report of a conversion, as plain data."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from onnx2snn.graph import array, display_name
from onnx2snn.metadata.facts import (
    ACTIVATION,
    DEFAULT_TIME_STEPS,
    METHOD,
    SCHEDULE,
    THRESHOLD_ORIGIN,
)
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.reporting.energy import estimate_energy
from onnx2snn.schedules import layers_in_a_row, spike_weights_of
from onnx2snn.schedules.loops import named_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from onnx2snn.data.dataset import Dataset
    from onnx2snn.importing.imported import Imported
    from onnx2snn.metadata.input_coding import Coding
    from onnx2snn.reporting.analysis import Analysis
    from onnx2snn.reporting.energy import Energy

__all__ = ["REPORT_VERSION", "LayerReport", "Report", "report"]

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


class Report(TypedDict):
    """A conversion: its source, method, layers, and what became of each node of the ANN.

    ``latency_steps`` is the number of steps until the answer is there: T in lockstep, T times
    the number of layers on the longest path layer by layer. ``levels`` is the number of equal
    steps into which T spikes of a neuron divide the values up to the largest it can send, and
    ``levels_per_spike`` the number of sizes that a spike can have.
    """

    version: int
    source: str
    source_sha256: str
    calibration_sha256: str | None
    calibration_samples: int
    T: int
    schedule: str
    latency_steps: int
    levels: int
    levels_per_spike: int
    method: str
    input_coding: dict[str, dict[str, Any]]
    layers: list[LayerReport]
    energy: Energy
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
        data: Calibration data, None if there was none.
    """
    time_steps = int(DEFAULT_TIME_STEPS.read_required(snn))
    schedule = SCHEDULE.read_required(snn)
    neurons = [node for node in snn.graph.all_nodes() if is_neuron(node)]
    spikes_at_once = max(map(_spikes_at_once, neurons))
    weights = max(map(spike_weights_of, neurons), key=lambda found: found.leak)
    is_weighted = weights.leak != 1.0
    if schedule == "lockstep":
        latency = time_steps
        analog_runs = time_steps
    else:
        latency = time_steps * layers_in_a_row(snn.graph)
        analog_runs = 1
    codings_as_dicts = {
        name: dataclasses.asdict(coding) for name, coding in codings.items()
    }
    return {
        "version": REPORT_VERSION,
        "source": imported.name,
        "source_sha256": imported.sha256,
        "calibration_sha256": None if data is None else data.sha256(),
        "calibration_samples": 0 if data is None else data.samples,
        "T": time_steps,
        "schedule": schedule,
        "latency_steps": latency,
        "levels": max(time_steps * spikes_at_once, weights.levels(time_steps)),
        "levels_per_spike": time_steps if is_weighted else spikes_at_once,
        "method": METHOD.read_required(snn),
        "input_coding": codings_as_dicts,
        "layers": [_layer_report(neuron) for neuron in neurons],
        "energy": estimate_energy(
            analysis["macs"],
            time_steps,
            spikes_a_step=spikes_at_once,
            analog_runs=analog_runs,
        ),
        "analysis": analysis,
    }


def _layer_report(neuron: ir.Node) -> LayerReport:
    thresholds = _thresholds(neuron)
    quartiles = np.quantile(thresholds, [0.25, 0.5, 0.75])
    return {
        "name": display_name(neuron),
        "activation": ACTIVATION.read_required(neuron),
        "neuron": neuron.op_type,
        "threshold_origin": THRESHOLD_ORIGIN.read_required(neuron),
        "thresholds": thresholds.size,
        "v_threshold_min": float(np.min(thresholds)),
        "v_threshold_quartiles": quartiles.tolist(),
        "v_threshold_max": float(np.max(thresholds)),
    }


def _thresholds(neuron: ir.Node) -> np.ndarray:
    """Return the thresholds of ``neuron``, in units of the activation it replaces.

    In lockstep it reads them as they are; where its layer fires alone, a Div of them by the
    sum of the weights of its spikes.
    """
    threshold = named_inputs(neuron)["v_threshold"]
    division = None if threshold is None else threshold.producer()
    if division is None:
        return array(threshold)
    return array(division.inputs[0])


def _spikes_at_once(neuron: ir.Node) -> int:
    """Return the most spikes that ``neuron`` sends in a step."""
    inputs = named_inputs(neuron)
    if "max_spikes" not in inputs:
        return 1
    return int(array(inputs["max_spikes"]))
