"""Weights on a grid of 8 bits: exact where they lie on it, within half a step elsewhere."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn.compilation import load
from onnx2snn.graph import array
from onnx2snn.graph.linear_weights import output_axis
from onnx2snn.graph.quantization import along_axis
from onnx2snn.graph.rounding import RoundedWeights, is_rounded
from onnx2snn.metadata.facts import ROUNDING_ERROR, WEIGHTS
from onnx2snn.metadata.scale import Scale
from onnx2snn.passes import (
    AttachFunctions,
    EmitMultistep,
    EmitTimeLoop,
    QuantizeWeights,
)
from tests.models import dyadic, emitted, model, normal, single_step_graph, whole

TIME_STEPS = 8

IMAGE = "(float[N,3,8,8] x) => (float y)"
FIRST = "c = Conv <pads = [1,1,1,1]> (x, a, p)  r = Relu (c)"
END = "y = Conv (s, l)"
MATRIX_END = "s = Relu (d)  y = MatMul (s, l)"
LAST = dyadic(12, 2, 4, 1, 1)
ENTRY = {"a": whole(1, 4, 3, 3, 3), "p": dyadic(10, 4)}
THRESHOLDS = {
    "one for all": Scale(np.float32([0.5]), None, "graph"),
    "one a channel": Scale(np.float32([0.5, 0.25, 1, 2]), 1, "graph"),
}


def in_front(outputs_first: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return weights [outputs, inputs, ...] that lie on the grid once thresholds are in."""
    return outputs_first / along_axis(thresholds, 1, outputs_first.ndim)


TEXTS = {
    "Conv": f"d = Conv (r, b, q)  s = Relu (d)  {END}",
    "Conv without bias": f"d = Conv (r, b)  s = Relu (d)  {END}",
    "Conv in groups": f"d = Conv <group = 2> (r, b, q)  s = Relu (d)  {END}",
    "Conv of each channel": f"d = Conv <group = 4> (r, b, q)  s = Relu (d)  {END}",
    "ConvTranspose": f"d = ConvTranspose (r, b, q)  s = Relu (d)  {END}",
    "ConvTranspose in groups": f"d = ConvTranspose <group = 2> (r, b)  s = Relu (d) {END}",
    "behind MaxPool": "g = MaxPool <kernel_shape = [2,2], strides = [2,2]> (r) "
    f"d = Conv (g, b, q)  s = Relu (d)  {END}",
    "Gemm behind Flatten": "f = Flatten (r)  d = Gemm (f, b, q)  " + MATRIX_END,
    "Gemm, transposed": "f = Flatten (r)  d = Gemm <transB = 1> (f, b, q)  "
    + MATRIX_END,
    "MatMul behind MaxPool": "g = MaxPool <kernel_shape = [8,8]> (r)  f = Flatten (g) "
    "d = MatMul (f, b)  " + MATRIX_END,
    "behind Slice": "t = Slice (r, from, to, along, by) "
    f"d = Conv (t, b, q)  s = Relu (d)  {END}",
    "behind Pad": f"t = Pad (r, margins)  d = Conv (t, b, q)  s = Relu (d)  {END}",
    "behind Concat": "m = Neg (c)  n = Relu (m)  t = Concat <axis = 1> (r, n) "
    f"d = Conv (t, b, q)  s = Relu (d)  {END}",
    "behind Concat, Pad and MaxPool": "m = Neg (c)  n = Relu (m) "
    "t = Concat <axis = 1> (n, r)  h = Concat <axis = 1> (t, n)  u = Pad (h, margins) "
    f"g = MaxPool <kernel_shape = [2,2]> (u)  d = Conv (g, b, q)  s = Relu (d)  {END}",
    "a skip path": f"d = Conv (r, b, q)  e = Add (d, r)  s = Relu (e)  {END}",
    "a skip path behind MaxPool": "g = MaxPool <kernel_shape = [2,2]> (r) "
    f"d = Conv (g, b, q)  e = Add (d, g)  s = Relu (e)  {END}",
}
OF_GROUPS = {
    "Conv in groups": whole(2, 4, 2, 3, 3),
    "Conv of each channel": whole(2, 4, 1, 3, 3),
}
MOVED = {
    "from": np.int64([3, 1]),
    "to": np.int64([-9, 7]),
    "along": np.int64([1, 3]),
    "by": np.int64([-2, 2]),
    "margins": np.int64([0, 0, 1, 0, 0, 0, 0, 2]),
}
PLACES = {
    "behind Slice": np.array([3, 1]),
    "behind Concat": np.tile(np.arange(4), 2),
    "behind Concat, Pad and MaxPool": np.tile(np.arange(4), 3),
}
"""The channels of the first neuron, or of its like, that the second layer multiplies."""
KEEP_THRESHOLDS = {"a skip path behind MaxPool"}


def weights_of(name: str, scale: Scale) -> np.ndarray:
    """Return the weights of the second layer, on the grid once they multiply spikes."""
    thresholds = np.broadcast_to(scale.values, 4)
    if name in KEEP_THRESHOLDS:
        return whole(2, 4, 4, 1, 1)
    if name in OF_GROUPS:
        return OF_GROUPS[name] / _of_groups(thresholds, OF_GROUPS[name].shape[1])
    if name.startswith("ConvTranspose"):
        outputs = 2 if name.endswith("groups") else 4
        return in_front(whole(2, outputs, 4, 2, 2), thresholds).swapaxes(0, 1).copy()
    if name.startswith(("Gemm", "MatMul")):
        inputs = 256 if name.startswith("Gemm") else 4
        matrix = in_front(whole(2, 4, inputs), thresholds.repeat(inputs // 4))
        return matrix if "transposed" in name else matrix.T.copy()
    placed = PLACES.get(name, np.arange(4))
    return in_front(whole(2, 4, len(placed), 1, 1), thresholds[placed])


def _of_groups(thresholds: np.ndarray, inputs: int) -> np.ndarray:
    """Return the thresholds of the inputs of each of four outputs."""
    groups = thresholds.reshape(-1, inputs)
    return groups.repeat(inputs, axis=0).reshape(4, inputs, 1, 1)


def network(name: str, scale: Scale = THRESHOLDS["one for all"]) -> ir.Model:
    b = weights_of(name, scale).astype(np.float32)
    q = dyadic(11, 4)
    is_matrix = TEXTS[name].endswith(MATRIX_END)
    end = dyadic(12, 4, 2) if is_matrix else dyadic(12, 2, 4, 1, 1)
    text = f"{IMAGE} {{ {FIRST} {TEXTS[name]} }}"
    return model(text, **ENTRY, **MOVED, b=b, q=q, l=end)


def rounded(ann: ir.Model, scale: Scale = THRESHOLDS["one for all"]) -> ir.Model:
    snn = single_step_graph(ann, scale)
    assert QuantizeWeights()(snn).modified
    return snn


def emit(snn: ir.Model, layout: str = "loop") -> onnx.ModelProto:
    emit_time = EmitTimeLoop if layout == "loop" else EmitMultistep
    emit_time(TIME_STEPS)(snn)
    AttachFunctions()(snn)
    return ir.to_proto(snn)


def rounded_nodes(snn: ir.Model) -> list[ir.Node]:
    return [node for node in snn.graph if any(map(is_rounded, node.inputs))]


@pytest.mark.parametrize("thresholds", THRESHOLDS)
@pytest.mark.parametrize("name", TEXTS)
def test_weights_on_the_grid_change_nothing(name: str, thresholds: str) -> None:
    scale = THRESHOLDS[thresholds]
    feeds = {"x": dyadic(5, 3, 3, 8, 8, unit=16, limit=24)}
    expected = load(emitted(network(name, scale), TIME_STEPS, scale), "ort").run(feeds)
    assert np.abs(expected["y"]).max() > 0
    snn = rounded(network(name, scale), scale)
    assert len(rounded_nodes(snn)) == 1
    looped = emit(snn)
    for runtime in ("ort", "numpy"):
        found = load(looped, runtime).run(feeds)
        np.testing.assert_array_equal(found["y"], expected["y"])
    in_batch = emit(rounded(network(name, scale), scale), "multistep")
    for proto, layout in ((in_batch, None), (looped, "multistep")):
        found = load(proto, "ort", layout=layout).run(feeds)
        np.testing.assert_array_equal(found["y"], expected["y"])


@pytest.mark.parametrize("name", TEXTS)
def test_weights_multiply_spikes_where_all_readers_can(name: str) -> None:
    snn = rounded(network(name))
    products = [node for node in snn.graph if node.name == "r.charge"]
    readers = [use.node for node in products for use in node.outputs[0].uses()]
    keep_it = {"a skip path": "Add", "a skip path behind MaxPool": "RunningSum"}
    expected = [keep_it[name]] if name in keep_it else []
    assert [node.op_type for node in readers] == expected


@pytest.mark.parametrize("name", TEXTS)
def test_other_weights_move_by_half_a_step_at_most(name: str) -> None:
    ann = network(name)
    shape = array(ann.graph.initializers["b"]).shape
    weights = normal(7, *shape)
    ann.graph.initializers["b"].const_value = ir.tensor(weights, name="b")
    snn = rounded(ann)
    (node,) = rounded_nodes(snn)
    found = RoundedWeights.read(node.inputs[1])
    assert found is not None
    wanted = weights if name in KEEP_THRESHOLDS else weights / 2
    steps = along_axis(found.scale, output_axis(node), weights.ndim)
    apart = np.abs(found.values() - wanted)
    assert (apart <= steps * 0.5001).all()  # the rest is rounding of float32
    assert np.abs(found.whole).max(axis=_others(node, weights.ndim)).min() == 127
    error = np.sqrt(np.mean(apart**2) / np.mean(wanted**2))
    assert ROUNDING_ERROR.read(node) == pytest.approx(error, rel=1e-3)  # in float32


def _others(node: ir.Node, rank: int) -> tuple[int, ...]:
    return tuple(axis for axis in range(rank) if axis != output_axis(node))


def test_an_output_whose_weights_are_zero_stays_zero() -> None:
    weights = RoundedWeights.of(np.zeros((2, 3), np.float32), 0)
    np.testing.assert_array_equal(weights.values(), np.zeros((2, 3)))
    assert np.isfinite(weights.scale).all()


def test_weights_that_two_nodes_share_get_the_threshold_of_each() -> None:
    text = f"""{IMAGE} {{ {FIRST}  d = Conv (r, b)  e = Relu (d)  f = Conv (e, b)
        s = Relu (f)  {END} }}"""
    scale = THRESHOLDS["one a channel"]
    snn = rounded(model(text, **ENTRY, b=normal(3, 4, 4, 1, 1), l=LAST), scale)
    first, second = rounded_nodes(snn)
    assert first.inputs[1] is not second.inputs[1]
    assert "b" not in snn.graph.initializers


def test_the_weights_of_a_loop_are_made_in_its_body() -> None:
    proto = emit(rounded(network("Conv")))
    (loop,) = (node for node in proto.graph.node if node.op_type == "Loop")
    body = next(each.g for each in loop.attribute if each.name == "body")
    (made,) = (node for node in body.node if node.op_type == "DequantizeLinear")
    assert set(made.input) <= {each.name for each in body.initializer}
    kinds = {each.name: each.data_type for each in body.initializer}
    assert kinds[made.input[0]] == onnx.TensorProto.INT8


LEFT = {
    "an input drives": f"{FIRST}  s = Relu (r)  {END}",
    "means drive": f"{FIRST}  g = AveragePool <kernel_shape = [2,2]> (r) "
    f"d = Conv (g, b)  s = Relu (d)  {END}",
    "in the readout": f"{FIRST}  y = Conv (r, b)",
    "of no constants": f"{FIRST}  f = Flatten (r)  t = Transpose <perm = [1,0]> (f) "
    "d = MatMul (f, t)  s = Relu (d)  y = Relu (s)",
}


@pytest.mark.parametrize("name", LEFT)
def test_weights_that_spikes_do_not_drive_are_left_alone(name: str) -> None:
    text = f"{IMAGE} {{ {LEFT[name]} }}"
    snn = single_step_graph(model(text, **ENTRY, b=normal(3, 4, 4, 1, 1), l=LAST))
    before = ir.to_proto(snn).SerializeToString()
    assert not QuantizeWeights()(snn).modified
    assert ir.to_proto(snn).SerializeToString() == before
    assert WEIGHTS.read(snn) is None


def test_weights_of_another_type_are_left_alone() -> None:
    text = f"{IMAGE} {{ {FIRST} {TEXTS['Conv without bias']} }}".replace(
        "float[", "double["
    )
    weights = {**ENTRY, "b": whole(2, 4, 4, 1, 1), "l": LAST}
    doubles = {key: data.astype(np.float64) for key, data in weights.items()}
    snn = single_step_graph(model(text, **doubles))
    assert not QuantizeWeights()(snn).modified


def test_a_second_run_changes_nothing() -> None:
    snn = rounded(network("Conv"))
    before = ir.to_proto(snn).SerializeToString()
    assert not QuantizeWeights()(snn).modified
    assert ir.to_proto(snn).SerializeToString() == before
    assert WEIGHTS.read(snn) == "int8"
