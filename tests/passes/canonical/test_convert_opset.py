from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn.graph.sources import set_source, sources_of
from onnx2snn.passes.canonical.convert_opset import ConvertOpset
from onnx2snn.testing import run_ort, run_reference

GENERATOR = np.random.default_rng(4)


def image(*shape: int) -> dict[str, np.ndarray]:
    return {"x": GENERATOR.standard_normal(shape).astype(np.float32)}


def model(opset: int, text: str, ir_version: int = 4) -> ir.Model:
    return ir.from_onnx_text(
        f'<ir_version: {ir_version}, opset_import: ["" : {opset}]> g {text}'
    )


def assert_converts(before: ir.Model, feeds: dict[str, np.ndarray]) -> ir.Model:
    """Both oracles must agree on the result; onnxruntime also runs the old operators."""
    expected = run_ort(before, feeds)["y"]
    after = before.clone()
    assert ConvertOpset()(after).modified
    assert not ConvertOpset()(after).modified
    onnx.checker.check_model(ir.to_proto(after), full_check=True)
    assert after.opset_imports[""] == 17
    np.testing.assert_allclose(
        run_ort(after, feeds)["y"], expected, rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(
        run_reference(after, feeds)["y"], expected, rtol=1e-5, atol=1e-5
    )
    return after


def test_clip_bounds_become_inputs() -> None:
    before = model(
        9, "(float[N,3] x) => (float[N,3] y) { y = Clip <min = -0.5, max = 1.0> (x) }"
    )
    after = assert_converts(before, image(4, 3))
    assert [node.op_type for node in after.graph] == ["Constant", "Constant", "Clip"]


@pytest.mark.parametrize("op", ["Hardmax", "Softmax", "LogSoftmax"])
def test_default_axis_flattens(op: str) -> None:
    before = model(11, f"(float[2,3,4] x) => (float[2,3,4] y) {{ y = {op} (x) }}")
    assert_converts(before, image(2, 3, 4))


def test_hardmax_of_opset_13_keeps_its_default() -> None:
    before = model(13, "(float[2,3,4] x) => (float[2,3,4] y) { y = Hardmax (x) }", 7)
    after = assert_converts(before, image(2, 3, 4))
    assert "axis" not in after.graph.node(0).attributes


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("opset", [7, 8])
def test_upsample_with_scales_as_attribute(mode: str, opset: int) -> None:
    before = model(
        opset,
        "(float[1,2,3,4] x) => (float[1,2,6,12] y) "
        f'{{ y = Upsample <mode = "{mode}", scales = [1.0, 1.0, 2.0, 3.0]> (x) }}',
    )
    assert_converts(before, image(1, 2, 3, 4))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("opset, op", [(9, "Upsample"), (10, "Resize")])
@pytest.mark.parametrize("ir_version", [3, 4])
def test_upsample_with_scales_as_input(
    mode: str, opset: int, op: str, ir_version: int
) -> None:
    scales = ", float[4] s" if ir_version == 3 else ""
    before = model(
        opset,
        f"(float[1,2,3,4] x{scales}) => (float[1,2,4,10] y) <float[4] s = {{1, 1, 1.5, 2.5}}> "
        f'{{ y = {op} <mode = "{mode}"> (x, s) }}',
        ir_version,
    )
    assert_converts(before, image(1, 2, 3, 4))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_resize_of_opset_10_that_shrinks(mode: str) -> None:
    before = model(
        10,
        "(float[1,2,6,7] x) => (float[1,2,3,4] y) <float[4] s = {1, 1, 0.5, 0.6}> "
        f'{{ y = Resize <mode = "{mode}"> (x, s) }}',
    )
    assert_converts(before, image(1, 2, 6, 7))


@pytest.mark.parametrize("scale", [1.3, 2.0])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("opset", [7, 8, 9])
def test_upsample_within_a_network(mode: str, opset: int, scale: float) -> None:
    """The converter gives such a node, and its output, other names."""
    scales = f"scales = [1.0, 1.0, {scale}, 1.5]"
    node = f'Upsample <mode = "{mode}", {scales}> (a)'
    constants = ""
    if opset == 9:
        node = f'Upsample <mode = "{mode}"> (a, s)'
        constants = f"<float[4] s = {{1, 1, {scale}, 1.5}}>"
    before = model(
        opset,
        f"(float[1,2,6,7] x) => (float[1,2,H,W] y) {constants} "
        f"{{ a = Relu (x)  u = {node}  v = Sin (u)  y = Add (u, v) }}",
    )
    upsample = before.graph.node(1)
    upsample.name = "grow"
    set_source(upsample, "source")
    after = assert_converts(before, image(1, 2, 6, 7))
    (resize,) = (node for node in after.graph if node.op_type == "Resize")
    assert resize.outputs[0].name == "u"
    assert resize.name == "grow"
    assert sources_of(resize) == ("source",)


def test_upsample_within_a_subgraph() -> None:
    then = 'u = Upsample <mode = "linear"> (x, s)  p = Neg (u)'
    before = model(
        9,
        "(float[1,1,3,4] x, bool c) => (float[1,1,6,8] y) <float[4] s = {1, 1, 2, 2}> "
        "{ y = If (c) <"
        f"then_branch = t () => (float[1,1,6,8] p) {{ {then} }}, "
        "else_branch = e () => (float[1,1,6,8] q) "
        '{ q = Upsample <mode = "nearest"> (x, s) }> }',
    )
    for taken in (True, False):
        assert_converts(before, {**image(1, 1, 3, 4), "c": np.array(taken)})


def test_resize_of_opset_11_keeps_its_coordinates() -> None:
    before = model(
        11,
        "(float[1,2,3,4] x) => (float[1,2,6,8] y) <float[0] r = {}, float[4] s = {1, 1, 2, 2}> "
        '{ y = Resize <mode = "linear"> (x, r, s) }',
    )
    after = assert_converts(before, image(1, 2, 3, 4))
    assert "coordinate_transformation_mode" not in after.graph.node(0).attributes


def test_normalization_of_each_element_is_spelt_out() -> None:
    names = ("scale", "bias", "mean", "var")
    lists = (
        ", ".join(f"{number:.3f}" for number in GENERATOR.uniform(0.5, 2, 6))
        for _ in names
    )
    parameters = ", ".join(
        f"float[3,2] {name} = {{{numbers}}}"
        for name, numbers in zip(names, lists, strict=True)
    )
    before = model(
        7,
        f"(float[4,3,2] x) => (float[4,3,2] y) <{parameters}> {{ y = BatchNormalization "
        "<spatial = 0, epsilon = 0.25> (x, scale, bias, mean, var) }",
    )
    feeds = image(4, 3, 2)
    after = before.clone()
    assert ConvertOpset()(after).modified
    assert [node.op_type for node in after.graph] == ["Sub", "Div", "Mul", "Add"]
    scale, bias, mean, var = (
        before.graph.initializers[n].const_value.numpy() for n in names
    )
    expected = (feeds["x"] - mean) / np.sqrt(var + 0.25) * scale + bias
    for run in (run_ort, run_reference):
        np.testing.assert_allclose(
            run(after, feeds)["y"], expected, rtol=1e-5, atol=1e-6
        )


def test_normalization_of_each_channel_stays() -> None:
    before = model(
        7,
        "(float[4,2,3] x) => (float[4,2,3] y) <float[2] s = {1.5, 2}, float[2] b = {1, -1}, "
        "float[2] m = {0.5, 0}, float[2] v = {2, 0.75}> "
        "{ y = BatchNormalization <spatial = 1> (x, s, b, m, v) }",
    )
    after = assert_converts(before, image(4, 2, 3))
    assert [node.op_type for node in after.graph] == ["BatchNormalization"]


def test_computed_parameters_are_refused() -> None:
    before = model(
        8,
        "(float[4,2] x, float[2] s) => (float[4,2] y) "
        "{ y = BatchNormalization <spatial = 0> (x, s, s, s, s) }",
    )
    with pytest.raises(ValueError, match=r"BatchNormalization 'y' has spatial = 0"):
        ConvertOpset()(before)


def test_message_of_the_converter_is_kept() -> None:
    before = model(
        9,
        "(float[4,2,3] x, float[2] s) => (float[4,2,3] y) "
        "{ y, a, b, c, d = BatchNormalization (x, s, s, s, s) }",
    )
    with pytest.raises(
        ValueError, match=r"opset 17: .*BatchNormalization outputs 4 and 5"
    ):
        ConvertOpset()(before)


def test_dropout_ratio_becomes_an_input() -> None:
    before = model(
        7, "(float[N,3] x) => (float[N,3] y) { h = Dropout (x)  y = Relu (h) }"
    )
    assert_converts(before, image(4, 3))


def test_subgraph_is_converted() -> None:
    before = model(
        11,
        "(float[1,3,1] x, bool c) => (float[1,3] y) { y = If (c) <"
        "then_branch = t () => (float[1,3] p) { p = Squeeze <axes = [2]> (x) }, "
        "else_branch = e () => (float[1,3] q) { q = Squeeze <axes = [-1]> (x) }> }",
    )
    assert_converts(before, {**image(1, 3, 1), "c": np.array(1, np.bool_)})


@pytest.mark.parametrize("ir_version", [3, 4])
def test_large_weights_documentation_and_symbols_are_kept(ir_version: int) -> None:
    weight = GENERATOR.standard_normal((20, 30)).astype(np.float32)
    x, y = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", size])
        for name, size in (("x", 20), ("y", 30))
    )
    w = onnx.helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, [20, 30])
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"], name="dense")
    initializer = onnx.numpy_helper.from_array(weight, "w")
    inputs = [x, w] if ir_version == 3 else [x]
    graph = onnx.helper.make_graph(
        [node], "g", inputs, [y], [initializer], doc_string="about"
    )
    proto = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 9)], ir_version=ir_version
    )
    onnx.helper.set_model_props(proto, {"author": "me"})
    before = ir.from_proto(proto)
    after = assert_converts(before, image(4, 20))
    assert (after.graph.name, after.graph.doc_string) == ("g", "about")
    assert after.metadata_props == {"author": "me"}
    assert [value.name for value in after.graph.inputs] == [
        value.name for value in inputs
    ]
    assert str(after.graph.inputs[0].shape) == "[N,20]"
    np.testing.assert_array_equal(
        after.graph.initializers["w"].const_value.numpy(), weight
    )


@pytest.mark.parametrize("opset", [17, 18, 21])
def test_newer_models_stay(opset: int) -> None:
    before = model(opset, "(float[N,3] x) => (float[N,3] y) { y = Relu (x) }", 8)
    assert not ConvertOpset()(before).modified
    assert before.opset_imports[""] == opset


def test_functions_are_refused() -> None:
    before = ir.from_onnx_text(
        '<ir_version: 8, opset_import: ["" : 13, "my" : 1]> g (float[3] x) => (float[3] y) '
        '{ y = my.Half (x) } <domain: "my", opset_import: ["" : 13]> '
        "Half (a) => (b) { b = Neg (a) }"
    )
    with pytest.raises(ir.passes.PreconditionError, match="Half: run InlineFunctions"):
        ConvertOpset()(before)


def test_missing_opset_is_refused() -> None:
    before = ir.Model(ir.Graph([], [], nodes=[]), ir_version=8)
    with pytest.raises(ir.passes.PreconditionError, match="default domain"):
        ConvertOpset()(before)
