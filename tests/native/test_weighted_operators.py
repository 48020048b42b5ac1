"""Weights on spikes in the native library: the sums of onnxruntime's own operators."""

from __future__ import annotations

import re

import numpy as np
import pytest
from onnx import helper, numpy_helper

from onnx2snn.runtime.sessions import open_session
from tests.native.library import library, needs_multiplying, one_node, run_natively

pytestmark = needs_multiplying

FLOAT = np.dtype(np.float32)

CONVOLUTIONS = {
    "3 x 3": ((6, 8, 8, 8), (16, 8, 3, 3), {"pads": [1, 1, 1, 1]}),
    "1 x 1, few channels": ((2, 4, 4, 3), (5, 3, 1, 1), {}),
    "strides, pads on one side": (
        (6, 9, 8, 8),
        (8, 8, 3, 3),
        {"strides": [2, 1], "pads": [0, 1, 1, 2]},
    ),
    "grouped": ((6, 8, 8, 8), (16, 4, 3, 3), {"group": 2, "pads": [1, 1, 1, 1]}),
    "depthwise": ((6, 9, 8, 16), (16, 1, 3, 3), {"group": 16, "strides": [2, 2]}),
    "depthwise, one side": (
        (3, 12, 17, 21),
        (21, 1, 5, 2),
        {"group": 21, "pads": [2, 0, 3, 1], "dilations": [1, 3]},
    ),
    "depthwise, rows left out": (
        (2, 11, 33, 5),
        (5, 1, 2, 3),
        {"group": 5, "strides": [3, 1], "pads": [0, 1, 1, 1]},
    ),
    "depthwise, far apart": (
        (2, 9, 30, 40),
        (40, 1, 3, 3),
        {"group": 40, "strides": [1, 3], "dilations": [3, 1], "pads": [3, 1, 3, 1]},
    ),
    "depthwise 1-D": ((3, 25, 19), (19, 1, 4), {"group": 19, "pads": [3, 1]}),
    "depthwise, in the padding": (
        (2, 2, 2, 4),
        (4, 1, 3, 3),
        {"group": 4, "pads": [4, 3, 4, 3]},
    ),
    "dilated": ((3, 9, 9, 4), (4, 4, 3, 3), {"dilations": [2, 3]}),
    "1-D": ((3, 20, 4), (6, 4, 5), {"pads": [2, 0]}),
    "3-D": ((2, 5, 6, 7, 4), (3, 4, 3, 3, 3), {"pads": [1, 1, 1, 1, 1, 1]}),
}

REALS = {
    "few inputs, one output": ((2, 3, 5, 1), (1, 1, 1, 1), {}),
    "few inputs, many outputs": ((3, 7, 11, 24), (150, 24, 1, 1), {}),
    "few inputs 1-D": ((2, 101, 7), (33, 7, 1), {}),
    "few inputs, strides": ((2, 6, 5, 8), (20, 8, 1, 1), {"strides": [2, 1]}),
    "few inputs, padded": ((2, 4, 4, 8), (20, 8, 1, 1), {"pads": [1, 0, 0, 1]}),
    "many inputs": ((2, 4, 4, 40), (20, 40, 1, 1), {}),
    "depthwise": ((3, 9, 20, 18), (18, 1, 3, 3), {"group": 18, "pads": [1] * 4}),
}


TRANSPOSED = {
    "4 x 4 by 2": ((6, 5, 7, 8), (16, 8, 4, 4), {"strides": [2, 2], "pads": [1] * 4}),
    "by 1": ((3, 5, 5, 4), (6, 4, 3, 3), {}),
    "cut on one side": (
        (3, 5, 6, 8),
        (4, 8, 3, 2),
        {"strides": [3, 2], "pads": [0, 1, 2, 0]},
    ),
    "grouped": ((6, 4, 4, 8), (16, 4, 3, 3), {"group": 2, "strides": [2, 2]}),
    "depthwise": ((6, 4, 4, 8), (8, 1, 3, 3), {"group": 8, "strides": [2, 2]}),
    "dilated": ((3, 5, 4, 4), (4, 4, 3, 3), {"dilations": [2, 3]}),
    "1-D": ((3, 9, 4), (6, 4, 5), {"strides": [2], "pads": [2, 1]}),
    "3-D": ((2, 3, 4, 5, 4), (3, 4, 3, 3, 3), {"strides": [2, 1, 2]}),
}


def dyadic_weights(
    shape: tuple[int, ...], outputs: int, dtype: type
) -> dict[str, np.ndarray]:
    """Return weights, scales and biases on grids that every sum stays on."""
    rng = np.random.default_rng(0)
    weights = rng.integers(-100, 101, shape)
    scale = 2.0 ** rng.integers(-7, 0, outputs)
    if dtype is np.float32:
        weights, scale = weights / 64, np.ones(outputs)
    return {
        "weights": weights.astype(dtype),
        "scale": scale.astype(np.float32),
        "bias": (rng.integers(-64, 65, outputs) / 64).astype(np.float32),
    }


def spikes_of(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(1).integers(-3, 4, shape).astype(np.int8)


def full_geometry(axes: int, given: dict[str, object]) -> dict[str, object]:
    ones, zeros = [1] * axes, [0] * 2 * axes
    return {"strides": ones, "dilations": ones, "pads": zeros, "group": 1} | given


def convolved(
    spikes: np.ndarray,
    constants: dict[str, np.ndarray],
    geometry: dict[str, object],
    op_type: str = "Conv",
) -> np.ndarray:
    """Return what onnxruntime's Conv or ConvTranspose gives, channels last."""
    axes = spikes.ndim - 2
    scale = constants["scale"].reshape(-1, *[1] * (axes + 1))
    weights = (constants["weights"] * scale).astype(np.float32)
    if op_type == "ConvTranspose":
        groups = int(str(geometry["group"]))
        outputs, inputs, *kernel = weights.shape
        in_groups = weights.reshape(groups, outputs // groups, inputs, *kernel)
        turned = in_groups.swapaxes(1, 2)
        weights = turned.reshape(groups * inputs, outputs // groups, *kernel)
    node = helper.make_node(op_type, ["x", "w", "b"], ["y"], **geometry)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", 1, None)],
        [helper.make_tensor_value_info("y", 1, None)],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(constants["bias"], "b"),
        ],
    )
    imports = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    first = np.moveaxis(spikes, -1, 1).astype(np.float32)
    result = open_session(model, threads=1).run(None, {"x": first})[0]
    return np.moveaxis(result, 1, -1)


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
@pytest.mark.parametrize("case", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_a_convolution_of_spikes_is_exact_on_dyadic_weights(
    case: tuple[tuple[int, ...], tuple[int, ...], dict[str, object]], dtype: type
) -> None:
    shape, weights, given = case
    spikes, constants = spikes_of(shape), dyadic_weights(weights, weights[0], dtype)
    geometry = full_geometry(len(shape) - 2, given)
    feeds = {"spikes": spikes}
    model = one_node("SpikeConv", feeds, {"y": FLOAT}, constants, **geometry)
    found = run_natively(model, feeds)[0]
    np.testing.assert_array_equal(found, convolved(spikes, constants, geometry))


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
@pytest.mark.parametrize("case", REALS.values(), ids=REALS)
def test_a_convolution_of_reals_is_exact_on_dyadic_numbers(
    case: tuple[tuple[int, ...], tuple[int, ...], dict[str, object]], dtype: type
) -> None:
    shape, weights, given = case
    reals = np.random.default_rng(1).integers(-99, 100, shape).astype(np.float32) / 8
    constants = dyadic_weights(weights, weights[0], dtype)
    geometry = full_geometry(len(shape) - 2, given)
    feeds = {"reals": reals}
    model = one_node("RealConv", feeds, {"y": FLOAT}, constants, **geometry)
    found = run_natively(model, feeds)[0]
    np.testing.assert_array_equal(found, convolved(reals, constants, geometry))


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
@pytest.mark.parametrize("case", TRANSPOSED.values(), ids=TRANSPOSED)
def test_a_transposed_convolution_of_spikes_is_exact_on_dyadic_weights(
    case: tuple[tuple[int, ...], tuple[int, ...], dict[str, object]], dtype: type
) -> None:
    shape, weights, given = case
    spikes, constants = spikes_of(shape), dyadic_weights(weights, weights[0], dtype)
    geometry = full_geometry(len(shape) - 2, given)
    feeds = {"spikes": spikes}
    model = one_node("SpikeConvTranspose", feeds, {"y": FLOAT}, constants, **geometry)
    found = run_natively(model, feeds)[0]
    expected = convolved(spikes, constants, geometry, "ConvTranspose")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
@pytest.mark.parametrize("shape", [(5, 10), (4, 3, 10), (1, 10), (0, 10)])
def test_a_product_of_spikes_and_a_matrix_is_exact_on_dyadic_weights(
    shape: tuple[int, ...], dtype: type
) -> None:
    spikes, constants = spikes_of(shape), dyadic_weights((10, 7), 7, dtype)
    model = one_node("SpikeMatMul", {"spikes": spikes}, {"y": FLOAT}, constants)
    found = run_natively(model, {"spikes": spikes})[0]
    expected = spikes.astype(np.float32) @ (constants["weights"] * constants["scale"])
    np.testing.assert_array_equal(found, expected + constants["bias"])


def test_weights_of_float_are_as_good_as_float() -> None:
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((64, 32)).astype(np.float32)
    constants = {
        "weights": weights,
        "scale": np.ones(32, np.float32),
        "bias": np.zeros(32, np.float32),
    }
    spikes = spikes_of((50, 64))
    model = one_node("SpikeMatMul", {"spikes": spikes}, {"y": FLOAT}, constants)
    found = run_natively(model, {"spikes": spikes})[0]
    exact = spikes.astype(np.float64) @ weights.astype(np.float64)
    # Each weight is off by 2**-24 of the largest of its channel at most, and the sum of three
    # digits is rounded three times, at 2**-24 of what is summed.
    largest = np.broadcast_to(np.abs(weights).max(axis=0), weights.shape)
    most = np.abs(spikes).astype(np.float64) @ largest * 2**-22
    assert (np.abs(found - exact) <= most).all()


def test_a_session_takes_batches_of_different_sizes() -> None:
    constants = dyadic_weights((10, 7), 7, np.int8)
    feeds = {"spikes": spikes_of((1, 10))}
    session = open_session(
        one_node("SpikeMatMul", feeds, {"y": FLOAT}, constants), native=True
    )
    for rows in (1, 2, 3, 4, 5, 6, 1):
        spikes = spikes_of((rows, 10))
        found = session.run(None, {"spikes": spikes})[0]
        scaled = constants["weights"] * constants["scale"]
        expected = spikes.astype(np.float32) @ scaled + constants["bias"]
        np.testing.assert_array_equal(found, expected)


REFUSED = {
    "channels": ((2, 4, 4, 5), (8, 8, 3, 3), {}, "channels do not fit"),
    "a group": ((2, 4, 4, 8), (9, 4, 3, 3), {"group": 2}, "channels do not fit"),
    "rank": ((2, 4, 4, 8), (8, 8), {}, "1 to 3 spatial axes"),
    "geometry": ((2, 4, 4, 8), (8, 8, 3), {}, "not of 1 axes"),
    "size": ((2, 2, 2, 8), (8, 8, 3, 3), {}, "smaller than the kernel"),
    "strides": ((2, 4, 4, 8), (8, 8, 3, 3), {"strides": [1]}, "not of 2 axes"),
    "no stride": ((2, 4, 4, 8), (8, 8, 3, 3), {"strides": [0, 1]}, "at least 1"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_with_the_operator_and_its_shapes(
    case: tuple[tuple[int, ...], tuple[int, ...], dict[str, object], str],
) -> None:
    shape, weights, given, problem = case
    constants = dyadic_weights(weights, weights[0], np.int8)
    geometry = full_geometry(2, given)
    feeds = {"spikes": spikes_of(shape)}
    model = one_node("SpikeConv", feeds, {"y": FLOAT}, constants, **geometry)
    with pytest.raises(Exception, match=f"SpikeConv: .*{problem}"):
        run_natively(model, feeds)


def test_the_library_says_what_multiplies() -> None:
    assert re.fullmatch(r"oneDNN [\d.]+, in (bytes|float32: .*)", library().multiplies)
