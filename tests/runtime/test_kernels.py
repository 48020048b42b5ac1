"""The NumPy kernels against onnxruntime: close on floats, bit for bit on dyadic data."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from onnx2snn.runtime.kernels import KERNELS

_Attribute = int | str | list[int]


def _model(
    op: str,
    inputs: dict[str, np.ndarray],
    outputs: int = 1,
    opset: int = 17,
    **attributes: _Attribute,
) -> onnx.ModelProto:
    node = helper.make_node(
        op, list(inputs), [f"y{i}" for i in range(outputs)], **attributes
    )
    infos = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(value.dtype), [None] * value.ndim
        )
        for name, value in inputs.items()
    ]
    results = [
        helper.make_tensor_value_info(name, elem_type, None)
        for name, elem_type in zip(node.output, _output_types(inputs), strict=False)
    ]
    graph = helper.make_graph([node], "g", infos, results)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8
    )


def _output_types(inputs: dict[str, np.ndarray]) -> list[int]:
    first = next(iter(inputs.values()))
    return [helper.np_dtype_to_tensor_dtype(first.dtype), onnx.TensorProto.INT64]


def _ours(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    return ReferenceEvaluator(model, new_ops=list(KERNELS)).run(None, inputs)


def _onnxruntime(
    model: onnx.ModelProto, inputs: dict[str, np.ndarray]
) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    )
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, inputs)


def _dyadic(
    rng: np.random.Generator, *shape: int, dtype: type = np.float32
) -> np.ndarray:
    return (rng.integers(-64, 65, shape) / 64).astype(dtype)


def _assert_agree(
    op: str, inputs: dict[str, np.ndarray], **settings: _Attribute
) -> list[np.ndarray]:
    """Check bit equality on these dyadic inputs, and closeness on float neighbors of them."""
    model = _model(op, inputs, **settings)
    ours, expected = _ours(model, inputs), _onnxruntime(model, inputs)
    for mine, theirs in zip(ours, expected, strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)
    rough = {
        name: (value * 0.7311).astype(value.dtype) for name, value in inputs.items()
    }
    mine, theirs = _ours(model, rough)[0], _onnxruntime(model, rough)[0]
    # Sums of at most a few hundred terms below 1 in magnitude, each rounded to 24 bits.
    np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)
    return ours


_SPATIAL = {1: (11,), 2: (9, 12), 3: (5, 7, 6)}
_KERNEL = {1: (3,), 2: (3, 2), 3: (2, 3, 2)}
_PADS = {1: [2, 1], 2: [1, 0, 2, 1], 3: [1, 0, 1, 0, 2, 1]}
_EACH_RANK = pytest.mark.parametrize("rank", [1, 2, 3])

_CONV_SETTINGS = [
    {},
    {"pads": True},
    {"strides": 2, "pads": True},
    {"dilations": 2},
    {"dilations": 2, "strides": 3, "pads": True},
    {"auto_pad": "SAME_UPPER"},
    {"auto_pad": "SAME_LOWER"},
    {"auto_pad": "SAME_UPPER", "strides": 2},
    {"auto_pad": "SAME_LOWER", "strides": 2},
    {"auto_pad": "VALID", "strides": 2},
]


def _attributes(settings: dict[str, Any], rank: int) -> dict[str, Any]:
    """Turn one number or True for all axes into the lists that the rank needs."""
    attributes = dict(settings)
    for name in ("strides", "dilations", "output_padding"):
        if name in attributes:
            # One axis differs, so that a mix-up of axes shows.
            attributes[name] = [attributes[name]] * (rank - 1) + [
                max(1, attributes[name] - 1)
            ]
            if rank == 1:
                attributes[name] = [settings[name]]
    if attributes.get("pads") is True:
        attributes["pads"] = _PADS[rank]
    return attributes


@_EACH_RANK
@pytest.mark.parametrize("settings", _CONV_SETTINGS, ids=str)
@pytest.mark.parametrize("group", [1, 2, 4])
def test_conv_equals_onnxruntime(
    rank: int, settings: dict[str, Any], group: int
) -> None:
    rng = np.random.default_rng(0)
    inputs = {
        "x": _dyadic(rng, 3, 4, *_SPATIAL[rank]),
        "w": _dyadic(rng, 8, 4 // group, *_KERNEL[rank]),
        "b": _dyadic(rng, 8),
    }
    _assert_agree("Conv", inputs, group=group, **_attributes(settings, rank))


@_EACH_RANK
@pytest.mark.parametrize("group", [1, 5])
def test_conv_with_one_tap_and_without_bias(rank: int, group: int) -> None:
    rng = np.random.default_rng(1)
    inputs = {
        "x": _dyadic(rng, 2, 5, *_SPATIAL[rank]),
        "w": _dyadic(rng, 10, 5 // group, *[1] * rank),
    }
    _assert_agree("Conv", inputs, group=group, kernel_shape=[1] * rank)


def test_conv_in_several_blocks_equals_onnxruntime() -> None:
    rng = np.random.default_rng(2)
    inputs = {"x": _dyadic(rng, 7, 16, 32, 32), "w": _dyadic(rng, 3, 16, 3, 3)}
    _assert_agree("Conv", inputs, pads=[1, 1, 1, 1])


def test_conv_in_double() -> None:
    rng = np.random.default_rng(3)
    inputs = {
        "x": _dyadic(rng, 2, 3, 6, 5, dtype=np.float64),
        "w": _dyadic(rng, 4, 3, 3, 3, dtype=np.float64),
    }
    model = _model("Conv", inputs)
    (ours,) = _ours(model, inputs)
    assert ours.dtype == np.float64
    np.testing.assert_array_equal(ours, ReferenceEvaluator(model).run(None, inputs)[0])


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_convolutions_of_an_empty_batch(op: str) -> None:
    inputs = {
        "x": np.zeros((0, 4, 6, 5), np.float32),
        "w": np.zeros((4, 4, 3, 3), np.float32),
    }
    (ours,) = _ours(_model(op, inputs), inputs)
    assert ours.shape == ((0, 4, 4, 3) if op == "Conv" else (0, 4, 8, 7))


_TRANSPOSE_SETTINGS = [
    {},
    {"pads": True},
    {"strides": 2},
    {"strides": 3, "pads": True},
    {"strides": 3, "output_padding": 2, "pads": True},
    {"dilations": 2, "strides": 2, "pads": True},
    {"auto_pad": "SAME_UPPER", "strides": 2},
    {"auto_pad": "SAME_LOWER", "strides": 2},
    {"auto_pad": "VALID", "strides": 2},
]


@_EACH_RANK
@pytest.mark.parametrize("settings", _TRANSPOSE_SETTINGS, ids=str)
@pytest.mark.parametrize("group, per_group", [(1, 6), (2, 3), (4, 1)])
def test_conv_transpose_equals_onnxruntime(
    rank: int, settings: dict[str, Any], group: int, per_group: int
) -> None:
    rng = np.random.default_rng(4)
    inputs = {
        "x": _dyadic(rng, 3, 4, *_SPATIAL[rank]),
        "w": _dyadic(rng, 4, per_group, *_KERNEL[rank]),
        "b": _dyadic(rng, group * per_group),
    }
    _assert_agree("ConvTranspose", inputs, group=group, **_attributes(settings, rank))


@pytest.mark.parametrize("auto_pad", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize(
    "output_shape", [[17, 24], [18, 23], [16, 22], [19, 25], [20, 26]], ids=str
)
def test_conv_transpose_with_output_shape(
    auto_pad: str, output_shape: list[int]
) -> None:
    rng = np.random.default_rng(5)
    inputs = {"x": _dyadic(rng, 2, 3, 9, 12), "w": _dyadic(rng, 3, 2, 3, 3)}
    _assert_agree(
        "ConvTranspose",
        inputs,
        strides=[2, 2],
        auto_pad=auto_pad,
        output_shape=output_shape,
    )


_POOL_SETTINGS = [
    {},
    {"strides": 2},
    {"strides": 2, "ceil_mode": 1},
    {"strides": 3, "pads": "begin"},
    {"strides": 3, "pads": "begin", "ceil_mode": 1},
    {"strides": 3, "pads": "both"},
    {"strides": 3, "pads": "both", "ceil_mode": 1},
    {"dilations": 2, "strides": 2, "pads": "both"},
    {"dilations": 2, "strides": 2, "pads": "both", "ceil_mode": 1},
    {"auto_pad": "SAME_UPPER", "strides": 2},
    {"auto_pad": "SAME_LOWER", "strides": 2},
    {"auto_pad": "VALID", "strides": 2},
]


def _pool_attributes(settings: dict[str, Any], rank: int) -> dict[str, Any]:
    attributes = {"kernel_shape": _KERNEL[rank], **_attributes(settings, rank)}
    if attributes.get("pads") in {"begin", "both"}:
        end = [1] * rank if attributes["pads"] == "both" else [0] * rank
        attributes["pads"] = [1] * rank + end
    return attributes


@_EACH_RANK
@pytest.mark.parametrize("settings", _POOL_SETTINGS, ids=str)
def test_max_pool_equals_onnxruntime(rank: int, settings: dict[str, Any]) -> None:
    inputs = {"x": -1 - _dyadic(np.random.default_rng(6), 2, 3, *_SPATIAL[rank])}
    _assert_agree("MaxPool", inputs, **_pool_attributes(settings, rank))


@_EACH_RANK
@pytest.mark.parametrize("settings", _POOL_SETTINGS, ids=str)
@pytest.mark.parametrize("storage_order", [0, 1])
def test_max_pool_indices_equal_onnxruntime(
    rank: int, settings: dict[str, Any], storage_order: int
) -> None:
    rng = np.random.default_rng(7)
    shape = (2, 3, *_SPATIAL[rank])
    inputs = {
        "x": rng.permutation(np.prod(shape)).reshape(shape).astype(np.float32) / 64
    }
    _assert_agree(
        "MaxPool",
        inputs,
        outputs=2,
        storage_order=storage_order,
        **_pool_attributes(settings, rank),
    )


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_max_pool_of_integers(dtype: type) -> None:
    rng = np.random.default_rng(8)
    x = rng.integers(0, 100, (1, 2, 7, 7)).astype(dtype)
    inputs = {"x": x if dtype is np.uint8 else -x - 1}
    model = _model("MaxPool", inputs, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    (ours,), (theirs,) = _ours(model, inputs), _onnxruntime(model, inputs)
    assert ours.dtype == dtype
    np.testing.assert_array_equal(ours, theirs)


@_EACH_RANK
@pytest.mark.parametrize(
    "settings, include",
    list(itertools.product(_POOL_SETTINGS, [0, 1])),
    ids=str,
)
def test_average_pool_equals_onnxruntime(
    rank: int, settings: dict[str, Any], include: int
) -> None:
    inputs = {"x": _dyadic(np.random.default_rng(9), 2, 3, *_SPATIAL[rank])}
    attributes = _pool_attributes(settings, rank)
    _assert_agree(
        "AveragePool", inputs, opset=19, count_include_pad=include, **attributes
    )


@pytest.mark.parametrize("opset", [13, 17, 21])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("zero_point", [None, 3])
@pytest.mark.parametrize("axis, length", [(1, None), (0, 2), (1, 3), (-1, 4)])
def test_dequantized_numbers_equal_onnxruntime(
    opset: int, dtype: type, zero_point: int | None, axis: int, length: int | None
) -> None:
    rng = np.random.default_rng(12)
    inputs = {
        "q": rng.integers(0, 127, (2, 3, 4)).astype(dtype),
        "s": np.asarray(rng.uniform(0.1, 2, [] if length is None else [length])).astype(
            np.float32
        ),
    }
    if zero_point is not None:
        inputs["z"] = np.full(inputs["s"].shape, zero_point, dtype)
    model = _model("DequantizeLinear", inputs, opset=opset, axis=axis)
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    (ours,), (theirs,) = _ours(model, inputs), _onnxruntime(model, inputs)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose", "MaxPool", "AveragePool"])
def test_a_sample_does_not_depend_on_its_batch(op: str) -> None:
    rng = np.random.default_rng(10)
    inputs = {"x": _dyadic(rng, 9, 6, 20, 20)}
    attributes: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    if "Conv" in op:
        inputs["w"] = _dyadic(rng, 6, 3, 3, 3)
        attributes["group"] = 2
    model = _model(op, inputs, **attributes)
    (together,) = _ours(model, inputs)
    alone = [_ours(model, {**inputs, "x": x[None]})[0] for x in inputs["x"]]
    np.testing.assert_array_equal(together, np.concatenate(alone))


def test_kernels_leave_their_inputs_alone() -> None:
    rng = np.random.default_rng(11)
    for op in ("Conv", "ConvTranspose", "MaxPool", "AveragePool"):
        inputs = {"x": _dyadic(rng, 2, 2, 4, 4)}
        attributes: dict[str, Any] = {"kernel_shape": [1, 1]}
        if "Conv" in op:
            inputs |= {"w": _dyadic(rng, 2, 2, 1, 1), "b": _dyadic(rng, 2)}
        before = {name: value.copy() for name, value in inputs.items()}
        _ours(_model(op, inputs, **attributes), inputs)
        for name, value in inputs.items():
            np.testing.assert_array_equal(value, before[name])
