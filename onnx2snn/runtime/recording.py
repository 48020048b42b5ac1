"""Recording the neurons of a network: spikes, potentials and currents of every step."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from onnx2snn.arguments import checked_names, did_you_mean
from onnx2snn.errors import OptionError
from onnx2snn.graph import array, display_name, fresh_name
from onnx2snn.metadata.facts import ACTIVATION_OUTPUT, INLINED, UNIT
from onnx2snn.ops.predicates import is_neuron, step_op_of
from onnx2snn.schedules import LOOP_NAME, time_loops
from onnx2snn.schedules.loops import named_inputs
from onnx2snn.schedules.scan_outputs import scan_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.runtime.feeds import Run

__all__ = [
    "NOTHING",
    "QUANTITIES",
    "AnyNames",
    "LayerRecord",
    "Recorded",
    "Recordings",
    "WhatToRecord",
    "recorded_layers",
    "unit_of",
]

AnyNames: TypeAlias = "str | Sequence[str]"
"""A name, or several."""


class WhatToRecord(NamedTuple):
    """The quantities and layers that are recorded, as arguments of ``Network.run``.

    Attributes:
        record: Some of ``QUANTITIES``; None for nothing.
        layers: Names of layers; None for all.
    """

    record: AnyNames | None = None
    layers: AnyNames | None = None


NOTHING = WhatToRecord()
"""Nothing is recorded."""

QUANTITIES = ("spikes", "potential", "current")
"""What can be recorded of a neuron."""


@dataclasses.dataclass(frozen=True, eq=False)
class LayerRecord:
    """What the neurons in the place of one activation did, step by step.

    Attributes:
        activation: Name of the output of that activation in the ANN; None if the file does not
            say.
        threshold: What a spike stands for, in units of the activation; broadcasts to a step.
        spikes: Spikes sent, -1, 0 or 1 (or more where a neuron sends several), [T, N, ...].
        potential: Membrane potential after each step, [T, N, ...], in units of the activation,
            or of the threshold where thresholds are folded into weights.
        current: Input current of each step, [T, N, ...], in the same unit.
    """

    activation: str | None
    threshold: np.ndarray
    spikes: np.ndarray | None = None
    potential: np.ndarray | None = None
    current: np.ndarray | None = None


class Recorded(dict[str, np.ndarray]):
    """The outputs of a run by name, as always, and what was recorded beside.

    Attributes:
        layers: Name of each layer of neurons, as in the report, to what was recorded of it.
    """

    def __init__(self, outputs: Feeds, layers: dict[str, LayerRecord]) -> None:
        super().__init__(outputs)
        self.layers = layers

    def named_arrays(self) -> dict[str, np.ndarray]:
        """Return the outputs, and ``LAYER.QUANTITY`` for all that was recorded."""
        arrays = dict(self)
        for name, layer in self.layers.items():
            for quantity in QUANTITIES:
                values = getattr(layer, quantity)
                if values is not None:
                    arrays[f"{name}.{quantity}"] = values
        return arrays


def recorded_layers(model: ir.Model) -> dict[str, ir.Node]:
    """Return the neurons of an emitted network that can be recorded, by their names.

    Those are the neurons in its Loop over time. Layer by layer, with time in the batch and in the
    branches of an If there are none.
    """
    neurons = {}
    for loop in _loops_of(model.graph):
        for node in loop.attributes["body"].as_graph():
            if is_neuron(node):
                neurons[display_name(node)] = node
    return neurons


def _loops_of(graph: ir.Graph) -> list[ir.Node]:
    """Return the Loops of the graph itself in which all layers advance together."""
    return [
        loop
        for loop in time_loops(graph)
        if loop.name == LOOP_NAME and loop.graph is graph
    ]


class Recordings:
    """A network that is run as it is, or recorded.

    Args:
        model: An emitted network; it is not changed.
        runtime: Makes a model a function from feeds to outputs.
        run: What it made of ``model``.
    """

    def __init__(
        self, model: ir.Model, runtime: Callable[[ir.Model], Run], run: Run
    ) -> None:
        self._model = model
        self._runtime = runtime
        self._silent = _Recorder(model, {}, (), run)
        self._last: tuple[object, _Recorder] | None = None

    def run_for(
        self, record: AnyNames | None, layers: AnyNames | None
    ) -> Callable[[Feeds], Recorded]:
        """Return a function from feeds that were checked to outputs and what is recorded.

        Args:
            record: Some of ``QUANTITIES``; None for nothing.
            layers: Names of the layers to record; None for all.

        Raises:
            OptionError: There is no such quantity or layer, or nothing that can be recorded.
        """
        if record is None:
            if layers is not None:
                message = "layers: say with 'record' what to record of them"
                raise OptionError(message)
            return self._silent.run
        quantities = _checked_quantities(record)
        names = None if layers is None else checked_names("layers", layers)
        wanted = (quantities, names)
        if self._last is None or self._last[0] != wanted:
            self._last = (wanted, self._open(quantities, names))
        return self._last[1].run

    def _open(
        self, quantities: tuple[str, ...], names: tuple[str, ...] | None
    ) -> _Recorder:
        copy = self._model.clone()
        neurons = _chosen_neurons(copy, names)
        for neuron in neurons.values():
            for quantity in quantities:
                _record(copy.graph, neuron, quantity)
        return _Recorder(self._model, neurons, quantities, self._runtime(copy))


class _Recorder:
    """A runtime that gives outputs, and behind them the quantities of neurons."""

    def __init__(
        self,
        model: ir.Model,
        neurons: Mapping[str, ir.Node],
        quantities: tuple[str, ...],
        run: Run,
    ) -> None:
        self._outputs = [str(value.name) for value in model.graph.outputs]
        self._neurons = neurons
        self._quantities = quantities
        self._run = run

    def run(self, arrays: Feeds) -> Recorded:
        """Return the outputs, and what was recorded, on feeds that were checked."""
        results = self._run(arrays)
        outputs = dict(zip(self._outputs, results, strict=False))
        recorded = iter(results[len(self._outputs) :])
        layers = {}
        for name, neuron in self._neurons.items():
            found = {quantity: next(recorded) for quantity in self._quantities}
            activation = ACTIVATION_OUTPUT.read(neuron)
            layers[name] = LayerRecord(activation, unit_of(neuron), **found)
        return Recorded(outputs, layers)


def _chosen_neurons(
    model: ir.Model, names: tuple[str, ...] | None
) -> dict[str, ir.Node]:
    if INLINED.is_on(model):
        message = (
            "there is nothing to record: the operators of the network were written out (inline); "
            "take the file that was not inlined"
        )
        raise OptionError(message)
    known = recorded_layers(model)
    if not known:
        message = (
            "there is nothing to record: neurons are recorded in a Loop over time in which all "
            "layers advance; convert with the layout 'loop' and the schedule 'lockstep' or "
            "'staggered'"
        )
        raise OptionError(message)
    if names is None:
        return known
    chosen = {}
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            message = f"layers: the network has no layer of neurons {name!r}{hint}"
            raise OptionError(message)
        chosen[name] = known[name]
    return chosen


def _checked_quantities(record: AnyNames) -> tuple[str, ...]:
    names = checked_names("record", record)
    for name in names:
        if name not in QUANTITIES:
            choices = ", ".join(QUANTITIES)
            message = f"record: {name!r} cannot be recorded; choose from {choices}"
            raise OptionError(message)
    return names


def _record(graph: ir.Graph, neuron: ir.Node, quantity: str) -> None:
    """Make a quantity of a neuron, after each step, an output of the network."""
    value = _quantity_of(neuron, quantity)
    name = fresh_name(graph, f"{display_name(neuron)}.{quantity}")
    result = scan_out(_loop_around(neuron, graph), value, name, value)
    result.name = name
    graph.outputs.append(result)


def _loop_around(neuron: ir.Node, graph: ir.Graph) -> ir.Node:
    """Return the Loop that a neuron fires in."""
    for loop in _loops_of(graph):
        if neuron.graph is loop.attributes["body"].as_graph():
            return loop
    raise AssertionError(display_name(neuron))


def _quantity_of(neuron: ir.Node, quantity: str) -> ir.Value:
    op = step_op_of(neuron)
    assert op is not None  # a neuron
    if quantity == "current":
        value = neuron.inputs[0]
        assert value is not None
        return value
    name = "spike" if quantity == "spikes" else op.state["v"]
    outputs = dict(zip(op.outputs, neuron.outputs, strict=True))
    return outputs[name]


def unit_of(neuron: ir.Node) -> np.ndarray:
    """Return what a spike stands for, in units of the activation."""
    unit = UNIT.read(neuron)
    if unit is not None:
        return np.array(unit, np.float32)
    return array(named_inputs(neuron)["v_threshold"])
