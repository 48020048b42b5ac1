"""Make random spikes of the inputs that are rate coded."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.coded_values import coded_value, reads_values
from onnx2snn.graph import (
    NodeBuilder,
    constant,
    fresh_name,
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

__all__ = ["EncodeInputs"]

_MODULUS = 2**31 - 1
"""A prime: of the remainders, the fifth powers are all different."""

_MULTIPLIER = 48271
"""Distance of the numbers that neighboring elements start from."""


@dataclasses.dataclass(frozen=True)
class EncodeInputs(ir.passes.InPlacePass):
    """Put an encoder behind every input that is annotated as rate coded.

    With s the magnitude that the pass ``choose-input-coding`` annotated:

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

    An input that is cast to another real type, or bytes to a real type, is encoded behind the
    cast.

    Attributes:
        seed: Seed of the random spikes, >= 0.
    """

    seed: int = 0

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Encode the inputs of the main graph, which is a single-step graph."""
        graph = model.graph
        inputs = coded_inputs(graph.inputs, RATE)
        for position, value in enumerate(inputs):
            magnitude = coding_of(value).magnitude or 1.0
            INPUT_CODING.erase(value)
            sequence = np.random.SeedSequence([self.seed, position])
            seeds = sequence.generate_state(2) % _MODULUS
            _encode(graph, coded_value(value), magnitude, seeds)
        if inputs:
            graph.sort()
            model.opset_imports[DOMAIN] = OPSET
        return ir.passes.PassResult(model, modified=bool(inputs))


def _encode(
    graph: ir.Graph, value: ir.Value, magnitude: float, seeds: np.ndarray
) -> None:
    """Let the readers of ``value`` read spikes, but for those that want its shape."""
    name = value.name
    readers = [node for node in graph if value in reads(node) and reads_values(node)]
    dtype = value.dtype or ir.DataType.FLOAT
    size_data = np.array(magnitude, dtype.numpy())
    size = constant(graph, f"{name}.magnitude", size_data)
    start = _Generators(graph, value).make(seeds)
    encoder = ir.node(
        "BernoulliEncoder",
        [value, start, size],
        domain=DOMAIN,
        num_outputs=2,
        name=f"{name}.encoder",
    )
    spike, generator_next = encoder.outputs
    operands = [spike, size]
    scale = ir.node("Mul", operands, name=f"{name}.charge")
    weighted_spike = scale.outputs[0]
    for output in (spike, generator_next, weighted_spike):
        output.type = value.type
        output.shape = value.shape
    spike.name = fresh_name(graph, f"{name}.spike")
    generator_next.name = fresh_name(graph, f"{name}.generator_next")
    generator_next.type = ir.TensorType(ir.DataType.INT64)
    weighted_spike.name = fresh_name(graph, f"{name}.spikes")
    graph.extend([encoder, scale])
    for reader in readers:
        rewire(reader, value, weighted_spike)


class _Generators:
    """Writes the nodes that start the random generators of a value, modulo ``_MODULUS``.

    Args:
        graph: The graph that gets the nodes, at its end.
        value: The value, each of whose elements has a generator.
    """

    def __init__(self, graph: ir.Graph, value: ir.Value) -> None:
        self._graph = graph
        self._value = value
        self._name = f"{value.name}.generator"
        self._builder = NodeBuilder(graph)
        self._modulus = self._number(_MODULUS)

    def make(self, seeds: np.ndarray) -> ir.Value:
        """Return the initial state of the generators, in the shape of the value."""
        zero = self._number(0)
        one = self._number(1)
        count = self._compute("Size", self._value)
        position = self._compute("Range", zero, count, one)
        multiplier = self._number(_MULTIPLIER)
        mixed = self._compute("Mul", position, multiplier)
        for seed in seeds:
            addend = self._number(int(seed))
            shifted = self._add(mixed, addend)
            mixed = self._raise_to_five(shifted)
        positive = self._compute("Max", mixed, one)
        shape = self._compute("Shape", self._value)
        start = self._compute("Reshape", positive, shape)
        start.shape = self._value.shape
        return start

    def _raise_to_five(self, base: ir.Value) -> ir.Value:
        square = self._multiply(base, base)
        fourth = self._multiply(square, square)
        return self._multiply(fourth, base)

    def _multiply(self, a: ir.Value, b: ir.Value) -> ir.Value:
        product = self._compute("Mul", a, b)
        return self._compute("Mod", product, self._modulus)

    def _add(self, a: ir.Value, b: ir.Value) -> ir.Value:
        total = self._compute("Add", a, b)
        return self._compute("Mod", total, self._modulus)

    def _number(self, data: int) -> ir.Value:
        name = f"{self._name}_constant"
        number = np.array(data, np.int64)
        return constant(self._graph, name, number)

    def _compute(self, op: str, *inputs: ir.Value) -> ir.Value:
        output = self._builder.add(op, inputs, self._name)
        output.type = ir.TensorType(ir.DataType.INT64)
        return output
