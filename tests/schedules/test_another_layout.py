"""A layout of time that another package could add: the steps one after another, unrolled."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.graph import copied, fresh_name, rewire
from onnx2snn.passes import AttachFunctions
from onnx2snn.passes import apply as apply_passes
from onnx2snn.schedules import Partition, hand_over_output, time_loops
from onnx2snn.testing import run_ort, run_reference
from tests.models import (
    CLASSIFIER,
    CLASSIFIER_WEIGHTS,
    CLASSIFIER_X,
    dyadic,
    emitted,
    model,
    single_step_graph,
)


@dataclasses.dataclass(frozen=True)
class UnrollTime(ir.passes.InPlacePass):
    """Write the nodes of each of T steps behind those of the step before.

        before:  spike, v_next = IntegrateAndFire(current, v_init, theta)
        after:   spike, v_1 = IntegrateAndFire(current, v_init, theta)
                 spike_2, v_2 = IntegrateAndFire(current, v_1, theta)
                 ...

    Attributes:
        time_steps: T, >= 1; it is fixed in the file.
    """

    time_steps: int = 8

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Unroll the main graph."""
        parts = Partition.of(model.graph, events=(), every_step=())
        made = list(itertools.chain.from_iterable(node.outputs for node in parts.body))
        latest = {value: value for value in made}
        for step in range(2, self.time_steps + 1):
            latest = write_step(model.graph, parts, latest, step)
        for value, last in latest.items():
            if last is not value:
                for node in parts.epilogue:
                    rewire(node, value, last)
                hand_over_output(model.graph, value, last)
        model.graph.sort()
        return ir.passes.PassResult(model, modified=bool(parts.body))


def write_step(
    graph: ir.Graph, parts: Partition, before: dict[ir.Value, ir.Value], step: int
) -> dict[ir.Value, ir.Value]:
    """Append the nodes of a step; return what stands for the values of the first.

    Args:
        graph: The graph.
        parts: Its parts.
        before: What stands for the values of the first step in the step before.
        step: Number of the step.
    """
    copies = {node: copied(node) for node in parts.body}
    now = {}
    for node, copy in copies.items():
        for old, new in zip(node.outputs, copy.outputs, strict=True):
            new.name = fresh_name(graph, f"{old.name}.{step}")
            now[old] = new
        copy.name = copy.outputs[0].name
    for copy in copies.values():
        for old, new in now.items():
            rewire(copy, old, new)
    for state in parts.states:
        copies[state.node].replace_input_with(state.position, before[state.after])
    graph.extend(copies.values())
    return now


MEANS = (
    "(float[N,4] x) => (float[N,3] y) "
    "{ a = Relu (x)  m = Softmax (a)  n = MatMul (m, l)  y = Relu (n) }"
)
AT_OUTPUT = (
    "(float[N,4] x) => (float[N,4] y, float[N,4] z) { y = Relu (x)  z = Relu (y) }"
)
NETWORKS = {
    "images": (CLASSIFIER, CLASSIFIER_WEIGHTS, CLASSIFIER_X),
    "running means": (
        MEANS,
        {"l": dyadic(2, 4, 3)},
        dyadic(3, 5, 4, unit=16),
    ),
    "neurons at the output": (
        AT_OUTPUT,
        {},
        dyadic(4, 6, 4, unit=16),
    ),
}


def unrolled(text: str, weights: dict[str, np.ndarray], time_steps: int) -> ir.Model:
    snn = single_step_graph(model(text, **weights), theta=0.25)
    return apply_passes(snn, [UnrollTime(time_steps), AttachFunctions()])


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("time_steps", [1, 2, 5])
def test_it_computes_what_the_loop_computes(name: str, time_steps: int) -> None:
    text, weights, x = NETWORKS[name]
    proto = ir.to_proto(unrolled(text, weights, time_steps))
    loop = emitted(model(text, **weights), time_steps, theta=0.25)
    expected = run_ort(loop, {"x": x})
    for found in (run_ort(proto, {"x": x}), run_reference(proto, {"x": x})):
        assert found.keys() == expected.keys()
        for output, data in expected.items():
            np.testing.assert_allclose(found[output], data, rtol=1e-6, atol=1e-6)


def test_it_holds_each_neuron_once_a_step_and_no_loop() -> None:
    graph = unrolled(CLASSIFIER, CLASSIFIER_WEIGHTS, 3).graph
    neurons = [node for node in graph if node.op_type == "GatedDoubleThresholdIF"]
    assert len(neurons) == 2 * 3
    assert [node.op_type for node in graph].count("Conv") == 1 + 3
    assert time_loops(graph) == []
