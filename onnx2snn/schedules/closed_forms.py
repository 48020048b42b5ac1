"""Layers that fire alone, with all their steps in one formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    NodeBuilder,
    array,
    constant,
    display_name,
    is_constant,
    is_op,
    take_over,
)
from onnx2snn.graph.sources import add_sources
from onnx2snn.ops import CLOSED_FORMS, DOMAIN
from onnx2snn.schedules.initial_states import starting_value
from onnx2snn.schedules.loops import named_inputs, states
from onnx2snn.schedules.spike_weights import SpikeWeightValues, spike_weights_of

if TYPE_CHECKING:
    from onnx2snn.methods.spike_weights import SpikeWeights

__all__ = ["ClosedForms"]

_FINEST = 2.0**-60
"""Weight of the last spike that still counts: far below the rounding of what it is added to."""

_SCALARS = ("count", "max_spikes", "leak")
"""Inputs of which the operators want one number."""


class ClosedForms:
    """Puts formulas in the place of neurons of a single-step graph, where there is one.

    Args:
        graph: The graph; it is to be sorted at the end.
        count: T.
    """

    def __init__(self, graph: ir.Graph, count: ir.Value) -> None:
        """Begin without any."""
        self._graph = graph
        self._count = count
        self._levels: dict[tuple[SpikeWeights, ir.DataType], ir.Value] = {}

    def replace(self, neuron: ir.Node) -> bool:
        """Put a formula in the place of ``neuron`` and of the product with its threshold.

        Returns:
            Whether there is one: the spikes are read by that product alone, numbers are float32
            or float64, and the formula holds for the constants of the neuron.
        """
        product = _find_product(neuron)
        constants = _read_constants(neuron)
        if product is None or constants is None:
            return False
        op = CLOSED_FORMS.get(neuron.op_type)
        if op is None or not op.holds(constants):
            return False
        inputs = self._write_inputs(neuron, constants)
        in_order = [inputs[name] for name in op.inputs]
        new = ir.node(op.name, in_order, domain=DOMAIN, name=neuron.name)
        new.metadata_props.update(neuron.metadata_props)
        add_sources(new, [neuron])
        sent = product.outputs[0]
        total = NodeBuilder(self._graph).put(new, f"{sent.name}.total", like=sent)
        take_over(sent, total)
        self._graph.remove([product, neuron], safe=True)
        return True

    def _write_inputs(
        self, neuron: ir.Node, constants: dict[str, np.ndarray]
    ) -> dict[str, ir.Value | None]:
        """Return the inputs of the formula by name; initial states are as small as can be."""
        inputs = named_inputs(neuron)
        rewritten = {state.name for state in states(neuron)}.union(_SCALARS)
        for name in [name for name in inputs if name in rewritten]:
            data = constants[name]
            if name in _SCALARS:
                data = data.reshape([])
            inputs[name] = constant(self._graph, f"{display_name(neuron)}.{name}", data)
        inputs["levels"] = self._levels_of(neuron)
        return inputs

    def _levels_of(self, neuron: ir.Node) -> ir.Value:
        """Return how many digits make up the threshold, written once for all neurons alike."""
        weights = spike_weights_of(neuron)
        dtype = neuron.outputs[0].dtype
        assert dtype is not None  # float32 or float64
        key = weights, dtype
        if key not in self._levels:
            values = SpikeWeightValues.write(self._graph, *key, self._count)
            self._levels[key] = self._divide(values, dtype)
        return self._levels[key]

    def _divide(self, values: SpikeWeightValues, dtype: ir.DataType) -> ir.Value:
        """Return the sum of the weights in units of the last one."""
        if values.last is None:
            return values.total
        builder = NodeBuilder(self._graph)
        data = np.array(_FINEST, dtype.numpy())
        finest = constant(self._graph, "T.finest", data)
        candidates = [values.last, finest]
        last = builder.add("Max", candidates, "T.last_that_counts", like=finest)
        return builder.add("Div", [values.total, last], "T.levels", like=finest)


def _find_product(neuron: ir.Node) -> ir.Node | None:
    """Return the product of spikes and threshold, if nothing else reads what ``neuron`` gives."""
    spike, *others = neuron.outputs
    if any(value.uses() or value.is_graph_output() for value in others):
        return None
    readers = [use.node for use in spike.uses()]
    if len(readers) != 1 or spike.is_graph_output():
        return None
    (product,) = readers
    threshold = named_inputs(neuron)["v_threshold"]
    is_in_graph = product.graph is neuron.graph
    if not is_op(product, "Mul") or not is_in_graph or threshold not in product.inputs:
        return None
    return product


def _read_constants(neuron: ir.Node) -> dict[str, np.ndarray] | None:
    """Return what ``neuron`` reads beside its stream, by name.

    None if some of it is not constant, no single number where one is wanted, or of a type in
    which quotients of many levels are no numbers.
    """
    if neuron.outputs[0].dtype not in {ir.DataType.FLOAT, ir.DataType.DOUBLE}:
        return None
    before = {state.name: state.before for state in states(neuron)}
    constants = {}
    _, *others = named_inputs(neuron).items()
    for name, value in others:
        if name in before:
            constants[name] = starting_value(before[name])
        elif is_constant(value):
            constants[name] = array(value)
        else:
            return None
    scalars = [constants[name] for name in _SCALARS if name in constants]
    if any(number.size != 1 for number in scalars):
        return None
    return constants
