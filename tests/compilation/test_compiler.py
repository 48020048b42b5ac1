"""Compiled networks: the bits of the networks they are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.compilation import compile_model, compile_network
from onnx2snn.compilation.naming import SPIKE
from onnx2snn.errors import OptionError
from onnx2snn.graph import array, is_op
from onnx2snn.graph.linear_weights import output_axis
from onnx2snn.graph.rounding import RoundedWeights
from onnx2snn.ops import DOMAIN
from onnx2snn.passes import (
    AttachFunctions,
    EmitMultistep,
    EmitTimeLoop,
    QuantizeWeights,
)
from onnx2snn.runtime.sessions import open_session
from tests.models import dyadic, emitted, model, single_step_graph, whole
from tests.native.library import needs_multiplying

if TYPE_CHECKING:
    import onnx

pytestmark = needs_multiplying

TIME_STEPS = 6
STAYS = "an operator that stays"


TEXTS = {
    "layers in a row": """
        (float[N,3,8,8] x) => (float[N,5] y) {
            c = Conv <pads = [1,1,1,1]> (x, a, p)  r = Relu (c)
            d = Conv <strides = [2,2]> (r, b, q)  s = Relu (d)
            m = GlobalAveragePool (s)  f = Flatten (m)  y = Gemm <transB = 1> (f, g, h)
        }""",
    "a skip path": """
        (float[N,3,8,8] x) => (float[N,4,8,8] y) {
            c = Conv <pads = [1,1,1,1]> (x, a, p)  r = Relu (c)
            d = Conv <pads = [1,1,1,1]> (r, b, q)  e = Add (d, r)  s = Relu (e)
            t = Conv (s, k)  u = Add (s, t)  v = Add (u, r)  w = Relu (v)  y = Conv (w, l)
        }""",
    "pools, then a matrix": """
        (float[N,2,9,9] x) => (float[N,3] y) {
            c = Conv <pads = [1,1,1,1]> (x, a, p)  r = Relu (c)
            m = MaxPool <kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1]> (r)
            d = Conv (m, b, q)  s = Relu (d)  f = Flatten (s)
            g = Gemm <transB = 1> (f, k, h)  t = Relu (g)  y = Gemm <transB = 1> (t, l, i)
        }""",
    "groups, slices and concatenation": """
        (float[N,4,6,6] x) => (float[N,4,3,3] y) {
            c = Conv <pads = [1,1,1,1]> (x, a, p)  r = Relu (c)
            d = Conv <group = 4, pads = [1,1,1,1]> (r, b, q)  s = Relu (d)
            e = Concat <axis = 1> (s, r)  u = Slice (e, begin, end, axes, by)
            v = Pad (u, pads)  w = Conv <group = 2> (v, k)  t = Relu (w)  y = Conv (t, l)
        }""",
    "transposed convolutions": """
        (float[N,4,3,5] x) => (float[N,3,27,21] y) {
            c = Conv (x, a, p)  r = Relu (c)
            d = ConvTranspose <group = 2, strides = [2,2], pads = [1,0,1,1],
                               output_padding = [1,0]> (r, b, q)  s = Relu (d)
            e = ConvTranspose <strides = [2,2], pads = [1,1,1,1]> (s, k)  t = Relu (e)
            y = ConvTranspose <strides = [2,1]> (t, l)
        }""",
    "products along the last axis": """
        (float[N,5,8] x) => (float[N,5,4] y) {
            c = MatMul (x, a)  r = Relu (c)  d = MatMul (r, b)  e = Add (d, q)  s = Relu (e)
            y = MatMul (s, k)
        }""",
    "an operator that stays": """
        (float[N,3,8,8] x) => (float[N,4,4,4] y) {
            c = Conv <pads = [1,1,1,1]> (x, a, p)  r = Relu (c)
            m = AveragePool <kernel_shape = [2,2], strides = [2,2]> (r)
            d = Conv (m, b)  s = Relu (d)  y = Conv (s, k)
        }""",
}


def inputs_first(weights: np.ndarray, groups: int = 1) -> np.ndarray:
    """Return the weights of a convolution as those of a transposed one."""
    outputs, inputs, *kernel = weights.shape
    in_groups = weights.reshape(groups, outputs // groups, inputs, *kernel)
    turned = in_groups.swapaxes(1, 2)
    return turned.reshape(groups * inputs, outputs // groups, *kernel)


WEIGHTS = {
    "layers in a row": {
        "a": whole(1, 8, 3, 3, 3),
        "b": whole(2, 6, 8, 3, 3),
        "g": whole(3, 5, 6),
        "p": dyadic(10, 8),
        "q": dyadic(10, 6),
        "h": dyadic(10, 5),
    },
    "a skip path": {
        "a": whole(1, 4, 3, 3, 3),
        "b": whole(2, 4, 4, 3, 3),
        "k": whole(3, 4, 4, 1, 1),
        "l": whole(4, 4, 4, 1, 1),
        "p": dyadic(10, 4),
        "q": dyadic(10, 4),
    },
    "pools, then a matrix": {
        "a": whole(1, 4, 2, 3, 3),
        "b": whole(2, 4, 4, 3, 3),
        "k": whole(3, 7, 36),
        "l": whole(4, 3, 7),
        "p": dyadic(10, 4),
        "q": dyadic(10, 4),
        "h": dyadic(10, 7),
        "i": dyadic(10, 3),
    },
    "groups, slices and concatenation": {
        "a": whole(1, 4, 4, 3, 3),
        "b": whole(2, 4, 1, 3, 3),
        "k": whole(3, 6, 5, 1, 1),
        "l": whole(4, 4, 6, 1, 1),
        "p": dyadic(10, 4),
        "q": dyadic(10, 4),
        "begin": np.array([0, 0]),
        "end": np.array([6, 100]),
        "axes": np.array([2, 3]),
        "by": np.array([2, 2]),
        "pads": np.array([0, 1, 0, 0, 0, 1, 0, 0]),
    },
    "transposed convolutions": {
        "a": whole(1, 4, 4, 1, 1),
        "b": inputs_first(whole(2, 6, 2, 3, 3), groups=2),
        "k": inputs_first(whole(3, 4, 6, 4, 4)),
        "l": inputs_first(whole(4, 3, 4, 5, 4)),
        "p": dyadic(10, 4),
        "q": dyadic(10, 6),
    },
    "products along the last axis": {
        "a": whole(1, 8, 8).T,
        "b": whole(2, 6, 8).T,
        "k": whole(3, 4, 6).T,
        "q": dyadic(10, 6),
    },
    "an operator that stays": {
        "a": whole(1, 4, 3, 3, 3),
        "b": whole(2, 4, 4, 1, 1),
        "k": whole(3, 4, 4, 1, 1),
        "p": dyadic(10, 4),
    },
}
EACH_NETWORK = pytest.mark.parametrize("name", TEXTS)


def parsed(name: str, **others: np.ndarray) -> ir.Model:
    return model(TEXTS[name], **(WEIGHTS[name] | others))


def over_time(name: str, neuron: str = "gated", **others: np.ndarray) -> ir.Model:
    """Return the network with time in the batch."""
    snn = single_step_graph(parsed(name, **others), neuron=neuron)
    EmitMultistep(TIME_STEPS)(snn)
    AttachFunctions()(snn)
    return snn


def images_for(proto: onnx.ModelProto, samples: int = 3) -> np.ndarray:
    sizes = [d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim]
    return dyadic(5, samples, *sizes[1:], unit=16, limit=24)


def assert_same_bits(snn: ir.Model, expected: onnx.ModelProto) -> None:
    compiled = ir.to_proto(snn)
    feeds = {"x": images_for(expected)}
    found = open_session(compiled, threads=1, native=True).run(None, feeds)
    wanted = open_session(expected, threads=1).run(None, feeds)
    assert np.abs(wanted[0]).max() > 0
    for result, reference in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(result, reference)


@pytest.mark.parametrize("weights", ["int8", "float"])
@EACH_NETWORK
def test_a_compiled_network_gives_the_bits_of_the_loop(name: str, weights: str) -> None:
    snn = over_time(name)
    compile_model(snn, weights)
    assert_same_bits(snn, emitted(parsed(name), TIME_STEPS))


@pytest.mark.parametrize("weights", ["int8", "float"])
@EACH_NETWORK
def test_weights_of_int8_in_a_file_are_not_rounded_again(
    name: str, weights: str
) -> None:
    """None of them is 127, so a second rounding would take another grid."""
    small = {
        key: dyadic(7, *data.shape)
        for key, data in WEIGHTS[name].items()
        if data.ndim > 1
    }
    snn = single_step_graph(parsed(name, **small))
    for node in list(snn.graph):
        if is_op(node, "Conv", "ConvTranspose", "Gemm", "MatMul"):
            _write_in_64ths(node)
    EmitMultistep(TIME_STEPS)(snn)
    AttachFunctions()(snn)
    portable = ir.to_proto(snn)
    compile_model(snn, weights)
    assert_same_bits(snn, portable)


def _write_in_64ths(node: ir.Node) -> None:
    numbers = np.rint(array(node.inputs[1]) * 64).astype(np.int8)
    axis = output_axis(node)
    scale = np.full(numbers.shape[axis], 1 / 64, np.float32)
    RoundedWeights(numbers, scale, axis).write(node)


@pytest.mark.parametrize("weights", ["int8", "float"])
@EACH_NETWORK
def test_a_portable_file_of_int8_gives_the_bits_of_the_compiled_one(
    name: str, weights: str
) -> None:
    snn = single_step_graph(parsed(name))
    QuantizeWeights()(snn)
    EmitTimeLoop(TIME_STEPS)(snn)
    AttachFunctions()(snn)
    portable = ir.to_proto(snn)
    compiled = compile_network(portable, weights).ir_model
    assert_same_bits(compiled, portable)
    assert_same_bits(compiled, emitted(parsed(name), TIME_STEPS))


@pytest.mark.parametrize("neuron", ["if", "gated", "augmented"])
def test_every_neuron_compiles(neuron: str) -> None:
    snn = over_time("a skip path", neuron)
    compile_model(snn, "int8")
    expected = emitted(parsed("a skip path"), TIME_STEPS, neuron=neuron)
    assert_same_bits(snn, expected)


def operators_of(snn: ir.Model) -> list[str]:
    return [node.op_type for node in snn.graph if node.domain == DOMAIN]


@pytest.mark.parametrize("name", [name for name in TEXTS if name != STAYS])
def test_all_weights_behind_neurons_multiply_spikes(name: str) -> None:
    snn = over_time(name)
    compile_model(snn)
    assert any(op_type.startswith(SPIKE) for op_type in operators_of(snn))
    heads = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
    left = [node.op_type for node in snn.graph if node.op_type in heads]
    assert len(left) == 2  # the first, on the input, and the last, on a mean
    assert "MaxPool" not in [node.op_type for node in snn.graph]
    assert not snn.functions or "MultiStep" in "".join(operators_of(snn))


def test_any_number_of_steps_runs() -> None:
    snn = over_time("pools, then a matrix")
    compile_model(snn)
    expected = emitted(parsed("pools, then a matrix"), TIME_STEPS)
    session = open_session(ir.to_proto(snn), threads=1, native=True)
    reference = open_session(expected, threads=1)
    for count in (1, 2, 9):
        feeds = {"x": images_for(expected), "T": np.array(count)}
        found, wanted = session.run(None, feeds), reference.run(None, feeds)
        np.testing.assert_array_equal(found[0], wanted[0])


def test_weights_of_int8_are_within_half_a_step_of_their_own() -> None:
    weights = dyadic(3, 8, 8, 3, 3, unit=1000, limit=900) + np.float32(0.0003)
    snn = over_time("layers in a row", b=weights[:6])
    compile_model(snn, "int8")
    constants = {
        value.name: value.const_value.numpy()
        for value in snn.graph.initializers.values()
    }
    whole_ = next(
        data for name, data in constants.items() if name.endswith("d.weights")
    )
    scale = next(
        data for name, data in constants.items() if name.endswith("d.weight_scale")
    )
    threshold = 0.5
    apart = np.abs(whole_ * scale.reshape(-1, 1, 1, 1) - weights[:6] * threshold)
    assert (apart <= scale.reshape(-1, 1, 1, 1) * 0.5001).all()  # the rest is rounding


def test_a_network_without_time_steps_is_refused() -> None:
    with pytest.raises(OptionError, match="no time steps"):
        compile_model(parsed("a skip path"))
