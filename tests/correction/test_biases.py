"""What else reads a value keeps its meaning when the value grows by a bias."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn.correction.biases import add_step_bias, raise_output
from onnx2snn.metadata.scale import Scale
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import (
    AttachFunctions,
    CarryRunningMeans,
    EmitTimeLoop,
    ReplaceActivations,
    WriteMetadata,
)
from onnx2snn.testing import run_ort, run_reference
from tests.models import dyadic, model, with_scales
from tests.native.library import needs_library

X = dyadic(1, 3, 4, 5, unit=16)
BIAS = np.float32([1, -2, 3]).reshape(1, 3, 1)
CONV = {"w": dyadic(2, 3, 4, 2), "b": dyadic(3, 3), "k": dyadic(4, 3, 2)}


def raised(text: str, outputs: str, **weights: np.ndarray) -> tuple[ir.Model, ir.Model]:
    """Return a network, and it with an output of its first node that is larger by BIAS."""
    ann = model(f"(float[N,4,5] x) => ({outputs}) {{ {text} }}", **(CONV | weights))
    after = ann.clone()
    raise_output(after.graph, after.graph.node(0), BIAS)
    onnx.checker.check_model(ir.to_proto(after), full_check=True)
    return ann, after


def run(network: ir.Model) -> dict[str, np.ndarray]:
    """Return the outputs, the same in both oracles."""
    found = run_ort(network, {"x": X})
    for name, values in run_reference(network, {"x": X}).items():
        np.testing.assert_array_equal(values, found[name])
    return found


@pytest.mark.parametrize(
    "node", ["Conv (x, w, b)", "Conv (x, w)", "ConvTranspose (x, t, b)"]
)
def test_the_bias_of_a_convolution_grows(node: str) -> None:
    ann, after = raised(f"y = {node}", "y", t=dyadic(5, 4, 3, 2))
    assert [node.op_type for node in after.graph] == [ann.graph.node(0).op_type]
    np.testing.assert_array_equal(run(after)["y"], run(ann)["y"] + BIAS)


def test_a_product_gets_an_add_behind_it_and_the_output_keeps_its_name() -> None:
    ann, after = raised("y = MatMul (k, x)", "y", k=dyadic(4, 3, 4))
    assert [node.op_type for node in after.graph] == ["MatMul", "Add"]
    assert [value.name for value in after.graph.outputs] == ["y"]
    assert after.graph.outputs[0].shape == ann.graph.outputs[0].shape
    np.testing.assert_array_equal(run(after)["y"], run(ann)["y"] + BIAS)


@pytest.mark.parametrize("outputs", ["y, z", "y, z, c"])
@pytest.mark.parametrize("bias", ["b", "shared"])
def test_all_readers_and_outputs_see_it(outputs: str, bias: str) -> None:
    """Where the bias serves another node as well, the sum is a node of its own."""
    first = "c = Conv (x, w, b)" if bias == "b" else "c = MatMul (k, x)"
    text = f"{first}  y = Neg (c)  z = Add (c, c)"
    ann, after = raised(text, outputs, k=dyadic(4, 3, 4))
    found, before = run(after), run(ann)
    assert list(found) == list(before)
    changes = {"y": -BIAS, "z": 2 * BIAS, "c": BIAS}
    for name, values in before.items():
        np.testing.assert_array_equal(found[name], values + changes[name])


def test_a_bias_that_others_read_stays_theirs() -> None:
    ann, after = raised("c = Conv (x, w, b)  y = Neg (c)  z = Conv (x, w, b)", "y, z")
    np.testing.assert_array_equal(run(after)["y"], run(ann)["y"] - BIAS)
    np.testing.assert_array_equal(run(after)["z"], run(ann)["z"])


def test_no_bias_no_change() -> None:
    ann = model("(float[N,4,5] x) => (y) { y = MatMul (k, x) }", k=dyadic(4, 3, 4))
    raise_output(ann.graph, ann.graph.node(0), np.zeros_like(BIAS))
    assert [node.op_type for node in ann.graph] == ["MatMul"]


T = 4
STEP_BIASES = dyadic(6, T, 1, 3)
MATRICES = {
    "u": dyadic(7, 2, 3),
    "d": dyadic(8, 3),
    "v": dyadic(9, 3, 3),
    "e": dyadic(10, 3),
}


def stepwise(*biased: int) -> onnx.ModelProto:
    """Return a network of two layers, with biases of the steps on those of ``biased``."""
    ann = model(
        "(float[N,2] x) => (float[N,3] y) { h = Gemm (x, u, d)  a = Relu (h)  "
        "g = Gemm (a, v, e)  r = Relu (g)  y = MatMul (r, v) }",
        **MATRICES,
    )
    with_scales(ann, Scale(np.float32([0.5]), None, "graph"))
    ReplaceActivations("if")(ann)
    CarryRunningMeans()(ann)
    neurons = [node for node in ann.graph if is_neuron(node)]
    for index in biased:
        add_step_bias(ann.graph, neurons[index], STEP_BIASES)
    EmitTimeLoop(T)(ann)
    for pass_ in (AttachFunctions(), WriteMetadata(T, "a test")):
        pass_(ann)
    return ir.to_proto(ann)


def simulated(x: np.ndarray, steps: int, biased: tuple[int, ...]) -> np.ndarray:
    """Return the mean output of the two layers of plain neurons."""
    potentials, total = [np.full((len(x), 3), 0.25)] * 2, np.zeros((len(x), 3))
    for t in range(steps):
        sent = x
        for layer, (w, b) in enumerate((("u", "d"), ("v", "e"))):
            extra = STEP_BIASES[min(t, T - 1)] if layer in biased else 0
            h = potentials[layer] + sent @ MATRICES[w] + MATRICES[b] + extra
            spike = h >= 0.5
            potentials[layer], sent = h - 0.5 * spike, 0.5 * spike
        total = total + sent
    return total / steps @ MATRICES["v"]


@pytest.mark.parametrize(
    "runtime", ["auto", "ort", "numpy", pytest.param("native", marks=needs_library)]
)
@pytest.mark.parametrize("steps", [1, 2, 4, 8])
@pytest.mark.parametrize("biased", [(0,), (1,), (0, 1)])
def test_each_step_has_its_bias_and_the_last_one_stays(
    biased: tuple[int, ...], steps: int, runtime: str
) -> None:
    proto = stepwise(*biased)
    onnx.checker.check_model(proto, full_check=True)
    x = dyadic(11, 20, 2, unit=16, limit=16)
    y = onnx2snn.load(proto, runtime).run({"x": x}, T=steps)["y"]
    np.testing.assert_array_equal(y, simulated(x, steps, biased))


def test_the_steps_are_counted_once_for_all_layers() -> None:
    proto = stepwise(0, 1)
    (loop,) = [node for node in proto.graph.node if node.op_type == "Loop"]
    body = next(attribute.g for attribute in loop.attribute if attribute.name == "body")
    counters = [node for node in body.node if node.name.startswith("onnx2snn.step")]
    assert [node.op_type for node in counters] == ["RunningSum", "Cast"]
    assert len([node for node in body.node if node.op_type == "Gather"]) == 2


def test_biases_of_zero_change_nothing() -> None:
    ann = with_scales(model("(float[N,3] x) => (y) { h = Neg (x)  y = Relu (h) }"))
    ReplaceActivations("if")(ann)
    before = len(ann.graph)
    add_step_bias(
        ann.graph, next(filter(is_neuron, ann.graph)), np.zeros((T, 1, 3), np.float32)
    )
    assert len(ann.graph) == before


def test_a_network_fed_by_its_input_alone() -> None:
    """The current has no node that makes it."""
    ann = with_scales(model("(float[N,3] x) => (y) { y = Relu (x) }"), 0.5)
    ReplaceActivations("if")(ann)
    CarryRunningMeans()(ann)
    add_step_bias(ann.graph, next(filter(is_neuron, ann.graph)), STEP_BIASES)
    EmitTimeLoop(T)(ann)
    AttachFunctions()(ann)
    x = dyadic(12, 5, 3, unit=16)
    v, total = 0.25, 0.0
    for bias in STEP_BIASES:
        h = v + x + bias
        v, total = h - 0.5 * (h >= 0.5), total + 0.5 * (h >= 0.5)
    np.testing.assert_array_equal(run_ort(ann, {"x": x})["y"], total / T)
