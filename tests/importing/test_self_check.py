from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn.errors import InvalidModelError
from onnx2snn.importing import self_check
from onnx2snn.runtime.sessions import open_session

if TYPE_CHECKING:
    from pathlib import Path

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'


def check(original: str, imported: str) -> bool:
    return self_check(
        onnx.parser.parse_model(f"{HEADER} g {original}"),
        ir.from_onnx_text(f"{HEADER} g {imported}"),
        "net",
    )


@pytest.mark.parametrize(
    "signature",
    [
        "(float[batch,3] x) => (y)",
        "(float[4,H,W] x) => (y)",
        "(float[?,3] x) => (y)",
        "(double[N] x) => (y)",
        "(float16[N] x) => (y)",
        "(int32[N] x) => (y)",
    ],
)
def test_equal_models(signature: str) -> None:
    assert check(
        f"{signature} {{ y = Abs (x) }}", f"{signature} {{ a = Neg (x)  y = Abs (a) }}"
    )


def test_several_inputs() -> None:
    text = (
        "(float[batch,3] x, bool b, int64 i, uint8[N] u) => (y) { y = Where (b, x, x) }"
    )
    assert check(text, text)


@pytest.mark.parametrize(
    "signature, node, message",
    [
        (
            "(float[N] x) => (y)",
            "y = Neg (x)",
            r"output 'y' differs by \d.*, its largest value",
        ),
        (
            "(float[N,3] x) => (y)",
            "y = Flatten <axis = 0> (x)",
            r"'y' has shape \(1, 6\), not",
        ),
        (
            "(float[N] x) => (y)",
            "y = Cast <to = 11> (x)",
            "'y' has another type than float32",
        ),
        ("(int32[N] x) => (y)", "y = Neg (x)", "'y' differs"),
        ("(bool[N] x) => (y)", "y = Not (x)", "'y' differs"),
        ("(float[N] x) => (y)", "y = Log (x)", "'y' differs where|'y' differs by"),
    ],
)
def test_difference_is_named(signature: str, node: str, message: str) -> None:
    with pytest.raises(
        InvalidModelError, match=f"net computes something else.*{message}"
    ):
        check(f"{signature} {{ y = Identity (x) }}", f"{signature} {{ {node} }}")


def test_infinite_values_are_compared_by_place() -> None:
    same = "(float[N] x) => (y) { z = Sub (x, x)  y = Log (z) }"
    assert check(same, same)
    with pytest.raises(InvalidModelError, match="infinite or not a number"):
        check(same, "(float[N] x) => (y) { y = Sub (x, x) }")


def test_small_differences_are_rounding() -> None:
    original = "(float[N] x) => (y) { y = Identity (x) }"
    for factor, is_same in ((1.00005, True), (1.0002, False)):
        imported = f"(float[N] x) => (y) <float f = {{{factor}}}> {{ y = Mul (x, f) }}"
        if is_same:
            assert check(original, imported)
        else:
            with pytest.raises(InvalidModelError, match="differs by"):
                check(original, imported)


@pytest.mark.parametrize(
    "count, step, is_same", [(1, 1, True), (2, 1, False), (1, 2, False)]
)
def test_rare_rounding_of_integers(count: int, step: int, *, is_same: bool) -> None:
    signature = "(int32[100] x) => (y)"
    shifts = ", ".join([str(step)] * count + ["0"] * (100 - count))
    imported = f"{signature} <int32[100] s = {{{shifts}}}> {{ y = Add (x, s) }}"
    if is_same:
        assert check(f"{signature} {{ y = Identity (x) }}", imported)
    else:
        with pytest.raises(InvalidModelError, match="'y' differs"):
            check(f"{signature} {{ y = Identity (x) }}", imported)


def test_lost_output_is_named() -> None:
    with pytest.raises(InvalidModelError, match="output 'z' is lost"):
        check(
            "(float[N] x) => (y, z) { y = Neg (x)  z = Abs (x) }",
            "(float[N] x) => (y) { y = Neg (x) }",
        )


def test_all_differences_are_named_at_once() -> None:
    with pytest.raises(InvalidModelError, match=r"output 'y' .*; output 'z' "):
        check(
            "(float[N] x) => (y, z) { y = Neg (x)  z = Abs (x) }",
            "(float[N] x) => (y, z) { y = Identity (x)  z = Neg (x) }",
        )


def test_imported_model_that_does_not_run() -> None:
    with pytest.raises(
        InvalidModelError, match="net runs in onnxruntime, but not once imported"
    ):
        check(
            "(float[N] x) => (y) { y = Neg (x) }", "(float[N] x) => (y) { y = Foo (x) }"
        )


def test_other_sizes_are_tried() -> None:
    text = "(float[N,C,L] x) => (y) <float[1,16,4] w> { y = Conv (x, w) }"
    original = onnx.parser.parse_model(
        f"{HEADER} g {text.replace(' <float[1,16,4] w>', '')}"
    )
    weight = np.ones((1, 16, 4), np.float32)
    original.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    assert self_check(original, ir.from_proto(original), "net")


def test_original_that_does_not_run(caplog: pytest.LogCaptureFixture) -> None:
    text = "(float[N,3] x) => (y) <int64[2] s = {7, 11}> { y = Reshape (x, s) }"
    with caplog.at_level(logging.WARNING):
        assert not check(text, text)
    assert "net is not compared: the original does not run" in caplog.text
    assert "Reshape" in caplog.text


def test_original_that_does_not_open(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert not check(
            "(float[N] x) => (y) { y = Foo (x) }", "(float[N] x) => (y) { y = Neg (x) }"
        )
    assert "net is not compared: onnxruntime cannot open it" in caplog.text


def test_inputs_that_cannot_be_made_up(caplog: pytest.LogCaptureFixture) -> None:
    text = "(seq(float[N]) x) => (y) { y = Identity (x) }"
    with caplog.at_level(logging.WARNING):
        assert not check(text, text)
    assert "a type without synthetic values" in caplog.text


def test_strings_are_those_that_an_operator_names() -> None:
    def encoder(categories: str) -> onnx.ModelProto:
        return onnx.parser.parse_model(
            '<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]> net (string[N,1] x) => '
            f"(float[N,1,2] y) {{ c = Identity (x)  y = ai.onnx.ml.OneHotEncoder "
            f"<zeros = 0, cats_strings = [{categories}]> (c) }}"
        )

    ours = encoder('"cat", "dog"')
    assert self_check(ours, ir.from_proto(ours), "net")
    swapped = ir.from_proto(encoder('"dog", "cat"'))
    with pytest.raises(InvalidModelError, match="'y' differs"):
        self_check(ours, swapped, "net")


PICKY = "(int64[2] x) => (float[2] y) <float[2] t = {1, 2}> { y = Gather (t, x) }"
"""It runs on indices below 2, and the seeded integers go up to 3."""
OTHER = PICKY.replace("{1, 2}", "{1, 3}")


def test_typical_inputs_are_taken_where_synthetic_ones_do_not_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def typical() -> list[dict[str, np.ndarray]]:
        return [{"x": np.array([7, 0])}, {"x": np.array([0, 1])}]

    first, second = (
        onnx.parser.parse_model(f"{HEADER} net {t}") for t in (PICKY, OTHER)
    )
    with caplog.at_level(logging.WARNING):
        assert not self_check(first, ir.from_proto(first), "net")
    assert "does not run on synthetic inputs" in caplog.text
    assert self_check(first, ir.from_proto(first), "net", typical=typical)
    with pytest.raises(InvalidModelError, match="'y' differs"):
        self_check(first, ir.from_proto(second), "net", typical=typical)


def test_the_values_of_maps_are_compared() -> None:
    def zipped(negate: str) -> onnx.ModelProto:
        ann = onnx.parser.parse_model(
            '<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]> net (float[N,2] x) => '
            f"(m) {{ n = {negate} (x)  "
            "m = ai.onnx.ml.ZipMap <classlabels_int64s = [4, 5]> (n) }"
        )
        ann.graph.output[0].ClearField("type")
        return ann

    assert self_check(zipped("Neg"), ir.from_proto(zipped("Neg")), "net")
    with pytest.raises(InvalidModelError, match="'m' differs by"):
        self_check(zipped("Neg"), ir.from_proto(zipped("Abs")), "net")


def test_outputs_that_are_no_tensor_are_not_compared() -> None:
    node = onnx.helper.make_node("SequenceConstruct", ["x", "x"], ["y"])
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [2])
    y = onnx.helper.make_tensor_sequence_value_info("y", onnx.TensorProto.FLOAT, [2])
    graph = onnx.helper.make_graph([node], "g", [x], [y])
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )
    assert self_check(model, ir.from_proto(model), "net")


def test_large_model_goes_through_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnx2snn.storage.large_models.LARGEST_IN_MEMORY", 1)
    model = ir.from_onnx_text(
        f"{HEADER} g (float[2] x) => (float[2] y) <float[2] w = {{1, 2}}> {{ y = Add (x, w) }}"
    )
    (y,) = open_session(model, optimized=False).run(
        None, {"x": np.array([1, 1], np.float32)}
    )
    np.testing.assert_array_equal(y, [2, 3])
    assert not isinstance(model.graph.initializers["w"].const_value, ir.ExternalTensor)


def test_path_is_opened_as_it_is(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(
        f"{HEADER} g (float[2] x) => (float[2] y) {{ y = Neg (x) }}"
    )
    path = tmp_path / "net.onnx"
    onnx.save(model, path)
    assert self_check(path, ir.from_proto(model), "net")


def test_what_differs_from_run_to_run_is_not_compared(
    caplog: pytest.LogCaptureFixture,
) -> None:
    constants = "<float half = {0.5}, bool train = {1}>"
    text = f"(float[64] x) => (y) {constants} {{ y = Dropout (x, half, train) }}"
    with caplog.at_level(logging.WARNING):
        assert not check(text, text)
    assert "net is not compared: it gives something else in each run" in caplog.text
