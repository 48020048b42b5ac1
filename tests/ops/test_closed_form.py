"""All steps of a neuron in one formula: what the steps give, whatever runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from onnx2snn.methods.spike_weights import SpikeWeights
from onnx2snn.ops import CLOSED_FORMS, DOMAIN, OPSET, closed_form_op
from onnx2snn.testing import run_ort

if TYPE_CHECKING:
    from onnx2snn.ops import ClosedFormOp

EACH_FORM = pytest.mark.parametrize("op", CLOSED_FORMS.values(), ids=CLOSED_FORMS)
EACH_DTYPE = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SHAPE = (4, 3, 5, 7)
COUNTS = {"none sent": 0, "more than enough": 2**20}


def levels_of(op: ClosedFormOp, time_steps: int) -> int:
    return 2**time_steps - 1 if "leak" in op.inputs else time_steps


def vectors_of(
    op: ClosedFormOp, time_steps: int, count: int, dtype: type
) -> dict[str, np.ndarray]:
    """Return inputs on a grid of which every digit, and every edge between two, is dyadic."""
    rng = np.random.default_rng(0)
    levels = levels_of(op, time_steps)
    digit = rng.integers(1, 4, (1, 3, 1, 1)) / 8
    is_symmetric = op.step_op.name == "DoubleThresholdIF"
    symmetric = digit * levels
    values = {
        "current": rng.integers(-12 * levels, 45 * levels, SHAPE) / 32,
        "v": np.zeros(1) if is_symmetric else levels * digit / 2,
        "count": np.array(count),
        "v_threshold": symmetric,
        "v_threshold_negative": symmetric if is_symmetric else np.zeros(1),
        "max_spikes": np.array(3),
        "leak": np.array(2),
        "levels": np.array(levels),
    }
    return {name: values[name].astype(dtype) for name in op.inputs}


def after_all_steps(
    op: ClosedFormOp, given: dict[str, np.ndarray], time_steps: int
) -> np.ndarray:
    """Return what the spikes stand for that the steps of the operator send one by one."""
    weights = SpikeWeights(2.0 if "leak" in given else 1.0)
    dtype = given["current"].dtype.type
    total, last = dtype(weights.total(time_steps)), dtype(weights.last(time_steps))
    values = {name: given[name] for name in op.step_op.inputs}
    for name, value in values.items():
        if name.startswith("v_threshold"):
            values[name] = value / total
    offset = given["v"] / total * last
    if op.step_op.name == "SignedInverseLeakyIF":
        offset = offset * np.sign(given["current"])
    values["v"] = given["current"] + offset
    values["current"] = np.zeros_like(given["current"])
    written = np.zeros_like(given["current"])
    for t in range(time_steps):
        results = op.step_op.step(*values.values())
        outputs = dict(zip(op.step_op.outputs, results, strict=True))
        for state, after in op.step_op.state.items():
            values[state] = outputs[after]
        written += outputs["spike"] * dtype(weights.leak**-t)
    return written * values["v_threshold"]


@EACH_FORM
@EACH_DTYPE
@pytest.mark.parametrize("count", COUNTS.values(), ids=COUNTS)
@pytest.mark.parametrize("time_steps", [1, 2, 3, 5, 8])
def test_it_is_what_all_steps_give(
    op: ClosedFormOp, dtype: type, count: int, time_steps: int
) -> None:
    given = vectors_of(op, time_steps, count, dtype)
    assert op.holds(given)
    (found,) = op.compute(*given.values())
    expected = after_all_steps(op, given, time_steps)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == dtype
    sizes = np.unique(np.abs(found / given["v_threshold"]))
    assert len(sizes) > 1
    assert sizes.max() == (3 if "max_spikes" in given else 1)


def model_of(op: ClosedFormOp, dtype: type) -> onnx.ModelProto:
    elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    names = [*op.inputs, *op.outputs]
    typed = [
        helper.make_tensor_value_info(name, elem_type, ["N", 3, 5, 7])
        if name in {"current", "sent"}
        else helper.make_tensor_value_info(name, elem_type, None)
        for name in names
    ]
    node = helper.make_node(op.name, list(op.inputs), list(op.outputs), domain=DOMAIN)
    graph = helper.make_graph([node], "g", typed[:-1], typed[-1:])
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, OPSET)]
    return helper.make_model(
        graph, opset_imports=imports, functions=[op.function()], ir_version=8
    )


@EACH_FORM
@EACH_DTYPE
def test_its_body_computes_the_same(op: ClosedFormOp, dtype: type) -> None:
    given = vectors_of(op, 4, 0, dtype)
    (expected,) = op.compute(*given.values())
    model = model_of(op, dtype)
    np.testing.assert_array_equal(run_ort(model, given)["sent"], expected)
    (found,) = ReferenceEvaluator(model).run(None, given)
    np.testing.assert_array_equal(found, expected)
    del model.functions[:]
    (found,) = ReferenceEvaluator(model, new_ops=[op.reference()]).run(None, given)
    np.testing.assert_array_equal(found, expected)


@EACH_FORM
def test_its_output_has_the_type_and_shape_of_the_stream(op: ClosedFormOp) -> None:
    onnx.defs.register_schema(op.schema())
    try:
        model = model_of(op, np.float64)
        model.graph.output[0].type.tensor_type.ClearField("shape")
        found = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    finally:
        onnx.defs.deregister_schema(op.name, OPSET, DOMAIN)
    tensor = found.graph.output[0].type.tensor_type
    assert tensor.elem_type == onnx.TensorProto.DOUBLE
    dims = [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]
    assert dims == ["N", 3, 5, 7]


def test_they_are_found_by_name() -> None:
    assert all(closed_form_op(op.name) is op for op in CLOSED_FORMS.values())
    assert closed_form_op("IntegrateAndFire") is None


@pytest.mark.parametrize(
    "name, changed",
    [
        ("GatedDoubleThresholdIF", {"v_threshold_negative": np.float32(0.5)}),
        ("DoubleThresholdIF", {"v_threshold_negative": np.float32(0.5)}),
        ("DoubleThresholdIF", {"v": np.float32(0.5)}),
        ("InverseLeakyIF", {"leak": np.float32(1.5)}),
        ("SignedInverseLeakyIF", {"leak": np.float32([2, 1.5])}),
    ],
)
def test_constants_for_which_it_does_not_hold(
    name: str, changed: dict[str, np.ndarray]
) -> None:
    op = CLOSED_FORMS[name]
    given = vectors_of(op, 4, 0, np.float32)
    assert not op.holds(given | changed)
