"""The forms of operators over all time steps: the same bits as step after step, everywhere."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from onnx.reference import ReferenceEvaluator

from onnx2snn.ops import ALL_OPS, DOMAIN, OPSET, MultiStepOp, StepOp, multistep_op
from onnx2snn.ops.attach import attach_functions
from onnx2snn.runtime.numpy_runtime import evaluator
from onnx2snn.runtime.sessions import open_session
from tests.capabilities import reference_scans_read_outside
from tests.ops.vectors import vectors_of

EACH_OP = pytest.mark.parametrize("op", ALL_OPS.values(), ids=ALL_OPS)
drawn = settings(max_examples=8, deadline=None, derandomize=True, database=None)


def stepped(op: StepOp, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Return what the single step gives, T times: its results, and the last states."""
    inputs = dict(feeds)
    results = []
    for slice_ in feeds[op.stream]:
        inputs[op.stream] = np.asarray(slice_)
        outputs = dict(zip(op.outputs, op.step(*inputs.values()), strict=True))
        inputs |= {name: outputs[after] for name, after in op.state.items()}
        results.append(outputs[op.result])
    return [np.stack(results), *(inputs[name] for name in op.state)]


def typed(
    op: MultiStepOp, name: str, shape: tuple[int, ...], dtype: type
) -> onnx.ValueInfoProto:
    elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    if name in op.integers:
        elem_type = onnx.TensorProto.INT64
    return helper.make_tensor_value_info(name, elem_type, shape)


def model_of(
    op: MultiStepOp, feeds: dict[str, np.ndarray], dtype: type, opset: int = 17
) -> onnx.ModelProto:
    """Return one node of ``op``, on feeds whose sizes are free where the stream is."""
    shape = feeds[op.step_op.stream].shape
    names = [f"d{axis}" for axis in range(len(shape))]
    inputs = [typed(op, name, data.shape, dtype) for name, data in feeds.items()]
    inputs[0] = typed(op, op.step_op.stream, names, dtype)
    stream, *states = op.outputs
    outputs = [typed(op, stream, names, dtype)]
    outputs += [typed(op, name, names[1:], dtype) for name in states]
    node = helper.make_node(op.name, list(op.inputs), list(op.outputs), domain=DOMAIN)
    graph = helper.make_graph([node], "g", inputs, outputs)
    imports = [helper.make_opsetid("", opset), helper.make_opsetid(DOMAIN, OPSET)]
    return helper.make_model(
        graph, opset_imports=imports, functions=[op.function(opset)], ir_version=8
    )


def results(
    proto: onnx.ModelProto, feeds: dict[str, np.ndarray]
) -> dict[str, list[np.ndarray]]:
    """Return what every runtime gives."""
    found = {"the kernel": evaluator(proto).run(None, feeds)}
    if reference_scans_read_outside():
        found["the body in onnx"] = ReferenceEvaluator(proto).run(None, feeds)
    for optimized in (False, True):
        session = open_session(proto, optimized=optimized, threads=1)
        found[f"onnxruntime, {optimized=}"] = session.run(None, feeds)
    return found


def assert_same_everywhere(
    op: StepOp, feeds: dict[str, np.ndarray], dtype: type
) -> None:
    expected = stepped(op, feeds)
    proto = model_of(MultiStepOp(op), feeds, dtype)
    for runtime, found in results(proto, feeds).items():
        for mine, theirs in zip(found, expected, strict=True):
            assert mine.dtype == theirs.dtype, runtime
            assert mine.shape == theirs.shape, runtime
            assert mine.tobytes() == theirs.tobytes(), runtime


def spreads(shape: tuple[int, ...]) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw a shape that broadcasts to ``shape``: all of it, one of each size, or fewer axes."""
    ones = [st.sampled_from([1, size]) for size in shape]
    return st.tuples(*ones) | st.just(()) | st.just((1,) * len(shape))


@EACH_OP
@drawn
@given(st.data())
def test_every_runtime_gives_what_the_steps_give(
    op: StepOp, data: st.DataObject
) -> None:
    time_steps = data.draw(st.integers(1, 9), "T")
    shape = tuple(data.draw(st.lists(st.integers(1, 4), max_size=4), "shape"))
    spread = {
        "state": data.draw(spreads(shape), "state"),
        "threshold": data.draw(spreads(shape), "threshold"),
    }
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    seed = data.draw(st.integers(0, 99), "seed")
    feeds = vectors_of(op, (time_steps, *shape), spread, dtype, seed)
    assert_same_everywhere(op, feeds, dtype)


@EACH_OP
def test_float16_is_computed_as_the_steps_are(op: StepOp) -> None:
    """Not in onnxruntime, which computes float16 in float32 in between."""
    feeds = vectors_of(
        op, (5, 2, 3, 4), {"state": (), "threshold": (1, 3, 1)}, np.float16
    )
    proto = model_of(MultiStepOp(op), feeds, np.float16)
    expected = stepped(op, feeds)
    evaluators = [evaluator(proto)]
    if reference_scans_read_outside():
        evaluators.append(ReferenceEvaluator(proto))
    for found in evaluators:
        for mine, theirs in zip(found.run(None, feeds), expected, strict=True):
            assert mine.dtype == theirs.dtype
            assert mine.tobytes() == theirs.tobytes()


@EACH_OP
def test_no_sample_at_all_is_no_error(op: StepOp) -> None:
    spread = {"state": (1, 1), "threshold": (1, 3)}
    feeds = vectors_of(op, (4, 0, 3), spread, np.float32)
    proto = model_of(MultiStepOp(op), feeds, np.float32)
    found = open_session(proto, threads=1).run(None, feeds)
    assert [array.shape for array in found] == [(4, 0, 3)] + [(0, 3)] * len(op.state)


@EACH_OP
@pytest.mark.parametrize("opset", [17, 21])
def test_the_checker_accepts_the_function(op: StepOp, opset: int) -> None:
    feeds = vectors_of(op, (3, 2, 4), {"state": (), "threshold": ()}, np.float32)
    proto = model_of(MultiStepOp(op), feeds, np.float32, opset)
    onnx.checker.check_model(proto, full_check=True)


@EACH_OP
def test_the_schema_infers_the_shapes(op: StepOp) -> None:
    multistep = MultiStepOp(op)
    feeds = vectors_of(op, (3, 2, 4), {"state": (), "threshold": ()}, np.float64)
    proto = model_of(multistep, feeds, np.float64)
    expected = list(map(str, proto.graph.output))
    del proto.functions[:]
    for output in proto.graph.output:
        output.type.tensor_type.ClearField("shape")
    onnx.defs.register_schema(multistep.schema())
    try:
        inferred = onnx.shape_inference.infer_shapes(proto, strict_mode=True)
    finally:
        onnx.defs.deregister_schema(multistep.name, OPSET, DOMAIN)
    assert list(map(str, inferred.graph.output)) == expected


@EACH_OP
def test_inputs_and_outputs_stand_in_the_order_of_the_step(op: StepOp) -> None:
    multistep = MultiStepOp(op)
    assert multistep.name == f"{op.name}MultiStep"
    assert list(multistep.inputs) == list(op.inputs)
    states = [f"{name}_last" for name in op.state]
    assert list(multistep.outputs) == [op.result, *states]
    function = multistep.function()
    assert list(function.input) == list(multistep.inputs)
    assert list(function.output) == list(multistep.outputs)


@EACH_OP
def test_the_page_names_every_part(op: StepOp) -> None:
    multistep = MultiStepOp(op)
    page = multistep.markdown()
    assert page.startswith(f"## {op.name}MultiStep\n")
    for name, meaning in itertools.chain(
        multistep.inputs.items(), multistep.outputs.items()
    ):
        assert f"| `{name}` | {meaning} |" in page
    assert f"body = {op.name}" in page


@EACH_OP
def test_no_name_of_the_body_is_used_twice(op: StepOp) -> None:
    function = MultiStepOp(op).function()
    made = [name for node in function.node for name in node.output]
    scan = function.node[-1]
    (body,) = [attribute.g for attribute in scan.attribute if attribute.name == "body"]
    made += [value.name for value in body.input]
    made += [name for node in body.node for name in node.output]
    assert len(set(made) | set(function.input)) == len(made) + len(function.input)


def test_operators_are_found_by_their_names() -> None:
    found = multistep_op("RunningSumMultiStep")
    assert found is not None
    assert found.step_op is ALL_OPS["RunningSum"]
    assert multistep_op("RunningSum") is None
    assert multistep_op("ConvMultiStep") is None


def test_functions_of_both_forms_are_embedded() -> None:
    feeds = vectors_of(
        ALL_OPS["RunningSum"], (3, 2), {"state": (), "threshold": ()}, np.float32
    )
    proto = model_of(MultiStepOp(ALL_OPS["RunningSum"]), feeds, np.float32)
    del proto.functions[:]
    model = ir.from_proto(proto)
    assert attach_functions(model)
    assert [name for _, name, _ in model.functions] == ["RunningSumMultiStep"]
    assert not attach_functions(model)
