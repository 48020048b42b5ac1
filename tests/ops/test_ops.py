"""What holds for every operator: one meaning in all its forms, whatever runs it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from onnx2snn.ops import ALL_OPS, DOMAIN, OPSET, StepOp
from tests.ops.vectors import vectors_of

if TYPE_CHECKING:
    from collections.abc import Iterator

EACH_OP = pytest.mark.parametrize("op", ALL_OPS.values(), ids=ALL_OPS)
WITH_UNIT_BODY = {name: op for name, op in ALL_OPS.items() if op.unit_body}
EACH_DTYPE = pytest.mark.parametrize("dtype", [np.float32, np.float64])
_SHAPE = (4, 3, 5, 7)
_SPREADS = {
    "full": {"state": _SHAPE, "threshold": _SHAPE},
    "per channel": {"state": (1, 3, 1, 1), "threshold": (1, 3, 1, 1)},
    "scalar": {"state": (), "threshold": ()},
    "scalar state, one threshold": {"state": (), "threshold": (1,)},
}
EACH_SPREAD = pytest.mark.parametrize("spread", _SPREADS.values(), ids=_SPREADS)


def _vectors(
    op: StepOp, spread: dict[str, tuple[int, ...]], dtype: type
) -> dict[str, np.ndarray]:
    return vectors_of(op, _SHAPE, spread, dtype)


def _typed(
    op: StepOp, part: str, dtype: type, name: str = "", shape: list[str] | None = None
) -> onnx.ValueInfoProto:
    """Return the type of an input or output ``part`` of ``op``, under its or another ``name``."""
    elem_type = helper.np_dtype_to_tensor_dtype(_dtype(op, part, dtype))
    return helper.make_tensor_value_info(name or part, elem_type, shape)


def _dtype(op: StepOp, part: str, dtype: type) -> np.dtype:
    return np.dtype(np.int64 if part in op.integers else dtype)


def _model_of(graph: onnx.GraphProto, op: StepOp, opset: int = 17) -> onnx.ModelProto:
    imports = [helper.make_opsetid("", opset), helper.make_opsetid(DOMAIN, OPSET)]
    return helper.make_model(
        graph, opset_imports=imports, functions=[op.function(opset)], ir_version=8
    )


def _node(op: StepOp) -> onnx.NodeProto:
    return helper.make_node(op.name, list(op.inputs), list(op.outputs), domain=DOMAIN)


def _one_step(
    op: StepOp, dtype: type, opset: int = 17, shape: list[str] | None = None
) -> onnx.ModelProto:
    inputs = [_typed(op, name, dtype, shape=shape) for name in op.inputs]
    outputs = [_typed(op, name, dtype, shape=shape) for name in op.outputs]
    return _model_of(helper.make_graph([_node(op)], "step", inputs, outputs), op, opset)


def _loop(op: StepOp, dtype: type) -> onnx.ModelProto:
    """Return a model that runs ``op`` on the steps of ``steps``, its inputs else as they are.

    Its outputs are the last states, then every output of the op for all steps.
    """
    stream, *others = op.inputs
    flag = helper.make_tensor_value_info("running", onnx.TensorProto.BOOL, [])
    index = helper.make_tensor_value_info("t", onnx.TensorProto.INT64, [])
    keep = helper.make_tensor_value_info("keep", onnx.TensorProto.BOOL, [])
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["running"], ["keep"]),
            helper.make_node("Gather", ["steps", "t"], [stream], axis=0),
            _node(op),
            *(
                helper.make_node("Identity", [name], [f"{name}_t"])
                for name in op.outputs
            ),
        ],
        "body",
        [index, flag, *(_typed(op, name, dtype) for name in op.state)],
        [
            keep,
            *(_typed(op, name, dtype) for name in op.state.values()),
            *(_typed(op, name, dtype, f"{name}_t") for name in op.outputs),
        ],
    )
    states = [f"{name}_first" for name in op.state]
    results = {f"{name}_last": name for name in op.state}
    results |= {f"{name}_all": name for name in op.outputs}
    # The condition is given because onnx's evaluator takes an absent one for false.
    loop = helper.make_node("Loop", ["T", "true", *states], list(results), body=body)
    true = helper.make_node(
        "Constant", [], ["true"], value=numpy_helper.from_array(np.ones((), bool))
    )
    fed = {"steps": stream}
    fed |= {f"{name}_first" if name in op.state else name: name for name in others}
    count = helper.make_tensor_value_info("T", onnx.TensorProto.INT64, [])
    return _model_of(
        helper.make_graph(
            [true, loop],
            "loop",
            [count, *(_typed(op, part, dtype, name) for name, part in fed.items())],
            [_typed(op, part, dtype, name) for name, part in results.items()],
        ),
        op,
    )


def _onnxruntime(
    model: onnx.ModelProto, feeds: dict[str, np.ndarray], *, optimize: bool
) -> list[np.ndarray]:
    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = (
        levels.ORT_ENABLE_ALL if optimize else levels.ORT_DISABLE_ALL
    )
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, feeds)


def _assert_same_bits(
    op: StepOp,
    actual: list[np.ndarray],
    expected: list[np.ndarray] | tuple[np.ndarray, ...],
) -> None:
    for mine, theirs in zip(actual, expected, strict=True):
        assert mine.dtype == theirs.dtype, op.name
        assert mine.tobytes() == theirs.tobytes(), op.name


@EACH_SPREAD
def test_the_vectors_hit_every_threshold_exactly(
    spread: dict[str, tuple[int, ...]],
) -> None:
    vectors = _vectors(ALL_OPS["GatedDoubleThresholdIF"], spread, np.float32)
    h = vectors["v"] + vectors["current"]
    assert np.any(h == vectors["v_threshold"])
    assert np.any(h == -vectors["v_threshold_negative"])
    assert np.any(vectors["current"] == 0)
    assert np.any(vectors["current"] < 0)


@EACH_OP
@EACH_DTYPE
@EACH_SPREAD
@pytest.mark.parametrize("optimize", [False, True])
def test_body_in_onnxruntime_equals_step(
    op: StepOp, dtype: type, spread: dict[str, tuple[int, ...]], *, optimize: bool
) -> None:
    vectors = _vectors(op, spread, dtype)
    actual = _onnxruntime(_one_step(op, dtype), vectors, optimize=optimize)
    _assert_same_bits(op, actual, op.step(*vectors.values()))


@pytest.mark.parametrize("op", WITH_UNIT_BODY.values(), ids=WITH_UNIT_BODY)
@EACH_DTYPE
@EACH_SPREAD
@pytest.mark.parametrize("optimize", [False, True])
def test_body_for_thresholds_of_1_equals_step(
    op: StepOp, dtype: type, spread: dict[str, tuple[int, ...]], *, optimize: bool
) -> None:
    vectors = _vectors(op, spread, dtype)
    for name, number in op.unit_thresholds.items():
        vectors[name] = np.full_like(vectors[name], number)
    shorter = op.with_unit_thresholds()
    actual = _onnxruntime(_one_step(shorter, dtype), vectors, optimize=optimize)
    _assert_same_bits(op, actual, op.step(*vectors.values()))


@EACH_OP
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@EACH_SPREAD
def test_body_in_reference_evaluator_equals_step(
    op: StepOp, dtype: type, spread: dict[str, tuple[int, ...]]
) -> None:
    vectors = _vectors(op, spread, dtype)
    actual = ReferenceEvaluator(_one_step(op, dtype)).run(None, vectors)
    _assert_same_bits(op, actual, op.step(*vectors.values()))


@EACH_OP
@EACH_SPREAD
def test_reference_operator_equals_step(
    op: StepOp, spread: dict[str, tuple[int, ...]]
) -> None:
    vectors = _vectors(op, spread, np.float32)
    model = _one_step(op, np.float32)
    del model.functions[:]
    actual = ReferenceEvaluator(model, new_ops=[op.reference()]).run(None, vectors)
    _assert_same_bits(op, actual, op.step(*vectors.values()))


@EACH_OP
@EACH_DTYPE
def test_step_gives_arrays_of_the_stream_s_shape_and_type(
    op: StepOp, dtype: type
) -> None:
    for spread in _SPREADS.values():
        outputs = op.step(*_vectors(op, spread, dtype).values())
        for name, output in zip(op.outputs, outputs, strict=True):
            assert output.shape == _SHAPE
            assert output.dtype == _dtype(op, name, dtype)


@EACH_OP
def test_step_leaves_its_inputs_alone(op: StepOp) -> None:
    vectors = _vectors(op, _SPREADS["full"], np.float32)
    before = {name: value.copy() for name, value in vectors.items()}
    op.step(*vectors.values())
    for name, value in vectors.items():
        np.testing.assert_array_equal(value, before[name])


@EACH_OP
@EACH_DTYPE
@EACH_SPREAD
def test_a_loop_of_32_steps_is_the_same_everywhere(
    op: StepOp, dtype: type, spread: dict[str, tuple[int, ...]]
) -> None:
    vectors = _vectors(op, spread, dtype)
    stream = next(iter(op.inputs))
    rng = np.random.default_rng(1)
    steps = (rng.integers(-12, 17, (32, *_SHAPE)) / 16).astype(dtype)
    feeds = {
        f"{name}_first" if name in op.state else name: v for name, v in vectors.items()
    }
    del feeds[stream]
    feeds |= {"steps": steps, "T": np.array(32)}
    model = _loop(op, dtype)
    expected = _stepped(op, steps, vectors)
    _assert_same_bits(op, _onnxruntime(model, feeds, optimize=True), expected)
    _assert_same_bits(op, ReferenceEvaluator(model).run(None, feeds), expected)
    kernels = ReferenceEvaluator(model, new_ops=[op.reference()])
    _assert_same_bits(op, kernels.run(None, feeds), expected)


def _stepped(
    op: StepOp, steps: np.ndarray, vectors: dict[str, np.ndarray]
) -> list[np.ndarray]:
    stream = next(iter(op.inputs))
    inputs, series = dict(vectors), []
    for x in steps:
        outputs = dict(
            zip(op.outputs, op.step(*(inputs | {stream: x}).values()), strict=True)
        )
        inputs |= {name: outputs[after] for name, after in op.state.items()}
        series.append(outputs)
    last = [inputs[name] for name in op.state]
    return last + [
        np.stack([outputs[name] for outputs in series]) for name in op.outputs
    ]


@contextlib.contextmanager
def _registered(op: StepOp) -> Iterator[None]:
    onnx.defs.register_schema(op.schema())
    try:
        yield
    finally:
        onnx.defs.deregister_schema(op.name, OPSET, DOMAIN)


@EACH_OP
@EACH_DTYPE
@pytest.mark.parametrize("has_function", [False, True])
def test_checker_accepts_a_model_once_the_schema_is_registered(
    op: StepOp, dtype: type, *, has_function: bool
) -> None:
    model = _one_step(op, dtype, shape=["N", "C"])
    if not has_function:
        del model.functions[:]
    with _registered(op):
        onnx.checker.check_model(model, full_check=True)


@EACH_OP
@pytest.mark.parametrize("opset", [17, 21])
def test_checker_accepts_the_function_without_a_schema(op: StepOp, opset: int) -> None:
    onnx.checker.check_model(
        _one_step(op, np.float32, opset, ["N", "C"]), full_check=True
    )


@EACH_OP
def test_schema_infers_type_and_shape_of_the_stream(op: StepOp) -> None:
    model = _one_step(op, np.float64)
    del model.functions[:]
    stream = model.graph.input[0]
    shaped = helper.make_tensor_value_info(
        stream.name, onnx.TensorProto.DOUBLE, ["N", 3, 8]
    )
    stream.CopyFrom(shaped)
    with _registered(op):
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    for output in inferred.graph.output:
        tensor, expected = output.type.tensor_type, shaped.type.tensor_type
        assert tensor.shape == expected.shape
        assert tensor.elem_type == (
            onnx.TensorProto.INT64 if output.name in op.integers else expected.elem_type
        )


@EACH_OP
def test_schema_refuses_a_missing_input(op: StepOp) -> None:
    model = _one_step(op, np.float32, shape=["N", "C"])
    del model.functions[:]
    del model.graph.node[0].input[-1]
    with _registered(op), pytest.raises(onnx.checker.ValidationError, match=op.name):
        onnx.checker.check_model(model, full_check=True)
