from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn.conversion.import_model import import_model
from onnx2snn.errors import InvalidModelError
from onnx2snn.testing import assert_equivalent, run_ort

if TYPE_CHECKING:
    from pathlib import Path

    from onnx2snn.importing.imported import Imported


def ops(imported: Imported) -> list[str]:
    return [node.op_type for node in imported.model.graph]


def images(*shape: int) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(5).standard_normal(shape).astype(np.float32)}


def test_old_file_with_weights_as_inputs() -> None:
    given = onnx.parser.parse_model(
        '<ir_version: 3, opset_import: ["" : 8]> net (float[N,3] x, float[3,2] w, float[2] b) => '
        "(float[N,2] y) <float[3,2] w = {1, -2, 3, 0.5, 5, -6}, float[2] b = {0.5, -1}> "
        "{ d = Dropout (x)  h = MatMul (d, w)  s = Add (h, b)  i = Identity (s)  y = Relu (i) }"
    )
    imported = import_model(given)
    assert ops(imported) == ["Gemm", "Relu"]
    assert [value.name for value in imported.model.graph.inputs] == ["x"]
    assert imported.model.opset_imports[""] == 17
    assert imported.name == "net"
    np.testing.assert_allclose(
        run_ort(imported.model, images(4, 3))["y"],
        run_ort(given, images(4, 3))["y"],
        rtol=1e-6,
    )


def test_flatten_computed_from_the_shape() -> None:
    given = onnx.parser.parse_model(
        '<ir_version: 6, opset_import: ["" : 11]> net (float[N,2,3] x) => (float[N,6] y) '
        "<int64 zero = {0}, int64[1] minus = {-1}> { s = Shape (x)  n = Gather (s, zero)"
        "  u = Unsqueeze <axes = [0]> (n)  t = Concat <axis = 0> (u, minus)  h = Reshape (x, t)"
        "  c = Clip (h)  k = Constant <value = float {0.0}> ()  y = Max (c, k) }"
    )
    imported = import_model(given)
    assert ops(imported)[-2:] == ["Reshape", "Relu"]
    assert str(imported.model.graph.outputs[0].shape) == "[N,6]"
    assert_equivalent(given, imported.model, images(4, 2, 3))


def test_static_shape_arithmetic_is_folded_in_rounds() -> None:
    given = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> net (float[4,2,3] x) => (y) '
        "<int64[1] first = {0}, int64[1] minus = {-1}> { s = Shape (x)  n = Gather (s, first)"
        "  t = Concat <axis = 0> (n, minus)  h = Reshape (x, t)  s2 = Shape (h)"
        "  e = ConstantOfShape <value = float[1] {1.5}> (s2)  y = Add (h, e) }"
    )
    given.graph.output[0].CopyFrom(
        onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    )
    imported = import_model(given)
    assert ops(imported) == ["Reshape", "Add"]


def test_functions_are_inlined_and_newer_opsets_stay() -> None:
    given = onnx.parser.parse_model(
        '<ir_version: 9, opset_import: ["" : 20, "my" : 1]> net (float[N,3] x) => (float[N,3] y) '
        '{ y = my.Block (x) } <domain: "my", opset_import: ["" : 20]> '
        "Block (a) => (b) { h = Relu (a)  b = Relu (h) }"
    )
    imported = import_model(given)
    assert ops(imported) == ["Relu"]
    assert dict(imported.model.opset_imports) == {"": 20}


def test_function_of_another_opset_is_refused() -> None:
    given = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17, "my" : 1]> net (float[3] x) => (float[3] y) '
        '{ y = my.Old (x) } <domain: "my", opset_import: ["" : 13]> Old (a) => (b) { b = Neg (a) }'
    )
    with pytest.raises(InvalidModelError, match=r"net cannot be imported: .*my::Old"):
        import_model(given)


def test_what_the_converter_refuses() -> None:
    given = onnx.parser.parse_model(
        '<ir_version: 4, opset_import: ["" : 9]> net (float[4,2,3] x, float[2] s) => '
        "(float[4,2,3] y) { y, a, b, c, d = BatchNormalization (x, s, s, s, s) }"
    )
    with pytest.raises(
        InvalidModelError, match=r"net cannot be imported: .*outputs 4 and 5"
    ):
        import_model(given)


def test_all_forms_give_the_same(tmp_path: Path) -> None:
    given = onnx.parser.parse_model(
        '<ir_version: 4, opset_import: ["" : 9]> net (float[N,3] x) => (float[N,3] y) '
        "{ y = Clip <min = 0.0, max = 6.0> (x) }"
    )
    before = given.SerializeToString()
    path = tmp_path / "net.onnx"
    onnx.save(given, path)
    forms = [path, before, given, ir.from_proto(given)]
    imported = [ir.to_proto(import_model(form).model) for form in forms]
    assert all(proto == imported[0] for proto in imported)
    assert given.SerializeToString() == before


def test_external_data_of_an_ir_model(tmp_path: Path) -> None:
    given = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> net (float[N,3] x) => (float[N,2] y) '
        "<float[3,2] w = {1, -2, 3, 0.5, 5, -6}> { h = MatMul (x, w)  y = Relu (h) }"
    )
    data = onnx.numpy_helper.to_array(given.graph.initializer[0])
    given.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(data, "w"))
    path = tmp_path / "net.onnx"
    onnx.save(given, path, save_as_external_data=True, location="w", size_threshold=0)
    model = ir.load(path)
    assert isinstance(model.graph.initializers["w"].const_value, ir.ExternalTensor)
    assert ops(import_model(model)) == ["MatMul", "Relu"]


def test_check_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        pytest.fail("the check ran")

    monkeypatch.setattr("onnx2snn.conversion.import_model.self_check", fail)
    given = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> net (float[N] x) => (float[N] y) { y = Relu (x) }'
    )
    import_model(given, check=False)
