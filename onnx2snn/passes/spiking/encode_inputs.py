"""Make random spikes of the inputs that are rate coded."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.operators import Form, operator_of
from onnx2snn.graph import (
    NodeBuilder,
    constant,
    fresh_name,
    is_float,
    is_op,
    reads,
    rewire,
)
from onnx2snn.metadata.input_coding import (
    INPUT_CODING,
    RATE,
    coded_inputs,
    coding_of,
)
from onnx2snn.ops import DOMAIN, OPSET

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EncodeInputs"]

_MODULUS = 2**31 - 1
"""A prime: of the remainders, the fifth powers are all different."""

_MULTIPLIER = 48271


@dataclasses.dataclass(frozen=True)
class EncodeInputs(ir.passes.InPlacePass):
    """Put an encoder behind every input that is noted as rate coded.

    With s the magnitude that the pass ``choose-input-coding`` noted:

        before:  y = Conv(x, w)
        after:   spike, generator_next = BernoulliEncoder(x, generator, s)
                 y = Conv(Mul(spike, s), w)

    The generator starts from the position of each element in its batch, and from the seed, in
    nodes that are computed before the first step. With p = 2^31 - 1, and a, b and c constants
    that the seed gives:

        generator = ((a position + b)^5 + c)^5 mod p, 1 in the place of 0

    Fifth powers permute the numbers below p, and are far from linear: neighbors, whose states
    would otherwise keep a constant difference, have nothing in common. The same feed always
    gives the same spikes; a sample at another place in its batch gives others.

    An input that is cast to another real type is encoded behind the cast.

    Attributes:
        seed: Seed of the random spikes, >= 0.
    """

    seed: int = 0

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Encode the inputs of the main graph, which is in step form."""
        inputs = coded_inputs(model.graph.inputs, RATE)
        for position, value in enumerate(inputs):
            coding = coding_of(value)
            INPUT_CODING.erase(value)
            seeds = np.random.SeedSequence([self.seed, position]).generate_state(2)
            _encode(
                model.graph,
                _behind_cast(value),
                coding.magnitude or 1.0,
                seeds % _MODULUS,
            )
        if inputs:
            model.graph.sort()
            model.opset_imports[DOMAIN] = OPSET
        return ir.passes.PassResult(model, modified=bool(inputs))


def _behind_cast(value: ir.Value) -> ir.Value:
    readers = [use.node for use in value.uses() if _reads_values(use.node)]
    if len(readers) != 1 or not is_op(readers[0], "Cast"):
        return value
    return readers[0].outputs[0] if is_float(readers[0].outputs[0]) else value


def _reads_values(node: ir.Node) -> bool:
    """Whether ``node`` reads more of its inputs than their shapes."""
    return operator_of(node).form is not Form.SHAPE


def _encode(
    graph: ir.Graph, value: ir.Value, magnitude: float, seeds: np.ndarray
) -> None:
    """Let the readers of ``value`` read spikes, but for those that want its shape."""
    readers = [node for node in graph if value in reads(node) and _reads_values(node)]
    dtype = np.dtype("float32") if value.dtype is None else value.dtype.numpy()
    size = constant(graph, f"{value.name}.magnitude", np.array(magnitude, dtype))
    encoder = ir.node(
        "BernoulliEncoder",
        [value, _generator(graph, value, seeds), size],
        domain=DOMAIN,
        num_outputs=2,
        name=f"{value.name}.encoder",
    )
    charge = ir.node("Mul", [encoder.outputs[0], size], name=f"{value.name}.charge")
    outputs = (*encoder.outputs, *charge.outputs)
    for output, key in zip(outputs, ("spike", "generator_next", "spikes"), strict=True):
        output.name = fresh_name(graph, f"{value.name}.{key}")
        output.type, output.shape = value.type, value.shape
    encoder.outputs[1].type = ir.TensorType(ir.DataType.INT64)
    graph.extend([encoder, charge])
    for reader in readers:
        rewire(reader, value, charge.outputs[0])


def _generator(graph: ir.Graph, value: ir.Value, seeds: np.ndarray) -> ir.Value:
    """Return the initial state of the random generators of ``value``, in its shape."""
    name = f"{value.name}.generator"

    def number(data: int) -> ir.Value:
        return constant(graph, f"{name}_constant", np.array(data, np.int64))

    def compute(op: str, *inputs: ir.Value) -> ir.Value:
        return _append(graph, op, inputs, name)

    def power_five(base: ir.Value) -> ir.Value:
        square = compute("Mod", compute("Mul", base, base), modulus)
        fourth = compute("Mod", compute("Mul", square, square), modulus)
        return compute("Mod", compute("Mul", fourth, base), modulus)

    modulus, zero, one = number(_MODULUS), number(0), number(1)
    position = compute("Range", zero, compute("Size", value), one)
    spread = compute("Mul", position, number(_MULTIPLIER))
    mixed = power_five(
        compute("Mod", compute("Add", spread, number(int(seeds[0]))), modulus)
    )
    mixed = power_five(
        compute("Mod", compute("Add", mixed, number(int(seeds[1]))), modulus)
    )
    start = compute("Reshape", compute("Max", mixed, one), compute("Shape", value))
    start.shape = value.shape
    return start


def _append(
    graph: ir.Graph, op: str, inputs: Sequence[ir.Value], name: str
) -> ir.Value:
    output = NodeBuilder(graph).add(op, inputs, name)
    output.type = ir.TensorType(ir.DataType.INT64)
    return output
