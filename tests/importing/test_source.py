from __future__ import annotations

import hashlib
import logging
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn.conversion.import_model import import_model
from onnx2snn.errors import InvalidModelError, UnsupportedError
from onnx2snn.importing import read
from onnx2snn.testing import assert_equivalent, run_ort

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """<ir_version: 8, opset_import: ["" : 17]> net (float[N,3] x) => (float[N,2] y)
<float[3,2] w = {1, -2, 3, 0.5, 5, -6}> { h = MatMul (x, w)  y = Relu (h) }"""
FEEDS = {"x": np.arange(6, dtype=np.float32).reshape(2, 3)}


def proto(text: str = TEXT) -> onnx.ModelProto:
    return onnx.parser.parse_model(text)


def with_header(header: str, body: str = "{ y = Relu (x) }") -> onnx.ModelProto:
    return proto(f"<{header}> net (float[3] x) => (float[3] y) {body}")


def saved(folder: Path, data: bytes, name: str = "net.onnx") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_path(tmp_path: Path) -> None:
    data = proto().SerializeToString()
    path = saved(tmp_path, data)
    for given in (path, str(path)):
        source = read(given)
        assert source.name == "net.onnx"
        assert source.sha256 == hashlib.sha256(data).hexdigest()
        assert source.original == path
        assert_equivalent(proto(), source.model, FEEDS, 0, 0)


def test_bytes_and_proto() -> None:
    data = proto().SerializeToString(deterministic=True)
    for given in (data, bytearray(data), proto()):
        source = read(given)
        assert source.name == "net"
        assert source.sha256 == hashlib.sha256(data).hexdigest()
        assert_equivalent(proto(), source.model, FEEDS, 0, 0)


def test_sizes_below_zero_are_free() -> None:
    given = proto()
    for value in (*given.graph.input, *given.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = -1
    source = read(given)
    assert [list(value.shape)[1:] for value in source.model.graph.inputs] == [[3]]
    assert not isinstance(source.model.graph.inputs[0].shape[0], int)
    assert_equivalent(proto(), source.model, FEEDS, 0, 0)


def test_graphsurgeon() -> None:
    gs = pytest.importorskip("onnx_graphsurgeon")
    graph = gs.import_onnx(proto())
    assert_equivalent(proto(), read(graph).model, FEEDS, 0, 0)


def test_text_formats(tmp_path: Path) -> None:
    for suffix in ("onnxtxt", "textproto", "json"):
        path = tmp_path / f"net.{suffix}"
        onnx.save(proto(), path)
        assert_equivalent(proto(), read(path).model, FEEDS, 0, 0)


def test_broken_text(tmp_path: Path) -> None:
    path = saved(tmp_path, b"{ not json", "net.json")
    with pytest.raises(InvalidModelError, match=r"net\.json is not json"):
        read(path)


def test_nothing_given_is_changed() -> None:
    given = proto()
    before = given.SerializeToString()
    model = read(given).model
    _spoil(model)
    assert given.SerializeToString() == before


def test_ir_model_is_not_changed() -> None:
    given = ir.from_proto(proto())
    before = ir.to_proto(given).SerializeToString()
    source = read(given)
    _spoil(source.model)
    assert ir.to_proto(given).SerializeToString() == before
    assert isinstance(source.original, ir.Model)
    _spoil(given)
    assert_equivalent(proto(), source.original, FEEDS, 0, 0)


def _spoil(model: ir.Model) -> None:
    for value in (*model.graph.inputs, *model.graph.initializers.values()):
        value.name = f"{value.name}.spoilt"
        value.dtype = ir.DataType.DOUBLE
    for node in model.graph:
        node.outputs[0].name = f"{node.outputs[0].name}.spoilt"
    ir.to_proto(model)


def test_string_initializers_survive() -> None:
    model = ir.from_proto(proto())
    tensor = ir.tensor(["a", "b"], name="labels")
    model.graph.register_initializer(ir.Value(name="labels", const_value=tensor))
    kept = read(model).model.graph.initializers["labels"].const_value
    assert kept is not None
    assert kept.numpy().tolist() == [b"a", b"b"]


def test_wrong_type() -> None:
    with pytest.raises(TypeError, match="not int"):
        read(3)  # type: ignore[arg-type]


def test_default_domain_has_one_spelling() -> None:
    given = with_header(
        'ir_version: 8, opset_import: ["ai.onnx" : 17]', "{ y = ai.onnx.Relu (x) }"
    )
    model = read(given).model
    assert dict(model.opset_imports) == {"": 17}
    assert [node.domain for node in model.graph] == [""]


def test_sparse_initializer_and_constant() -> None:
    given = proto(
        '<ir_version: 8, opset_import: ["" : 17]> net (float[2,3] x) => (float[2,3] y) '
        "{ h = Mul (x, w)  k = Constant ()  y = Add (h, k) }"
    )
    for values, name in (([2.0, -3.0], "w"), ([5.0], "k")):
        indices = np.array([[0, 1], [1, 2]][: len(values)], np.int64)
        sparse = onnx.helper.make_sparse_tensor(
            onnx.numpy_helper.from_array(np.array(values, np.float32), name),
            onnx.numpy_helper.from_array(
                indices if name == "w" else np.array([4]), "i"
            ),
            [2, 3],
        )
        if name == "w":
            given.graph.sparse_initializer.append(sparse)
        else:
            attribute = onnx.helper.make_attribute("sparse_value", sparse)
            given.graph.node[1].attribute.append(attribute)
    before = given.SerializeToString()
    y = run_ort(read(given).model, FEEDS)["y"]
    np.testing.assert_array_equal(y, [[0, 2, 0], [0, 5, -15]])
    assert given.SerializeToString() == before


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidModelError, match=r"absent\.onnx': no such file"):
        read(tmp_path / "absent.onnx")


def test_directory(tmp_path: Path) -> None:
    with pytest.raises(InvalidModelError, match=f"{tmp_path.name}' is a directory"):
        read(tmp_path)


def test_unreadable_file(tmp_path: Path) -> None:
    path = saved(tmp_path, b"x")
    with pytest.raises(
        InvalidModelError, match=r"net\.onnx/more' cannot be read: Not a dir"
    ):
        read(path / "more")


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "net.onnx is empty"),
        (b"# a README\nwith words", "not an ONNX file: its bytes"),
        (b"\x12\x03abc", "not an ONNX file: its bytes"),
        (b"\x0a", "not an ONNX file: its bytes"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x80\x02}q", "pickle"),
        (b"\x1c\x00\x00\x00ORTM", "onnxruntime's own format"),
        (b"\x1c\x00\x00\x00TFL3", "TensorFlow Lite"),
    ],
)
def test_other_files(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(InvalidModelError, match=message):
        read(saved(tmp_path, data))


def test_file_that_ends_within_a_number(tmp_path: Path) -> None:
    for data in (b"\x08\x08\x3a", b"\x08\x08\x3a\x80", b"\x08\x88"):
        with pytest.raises(
            InvalidModelError, match=r"net\.onnx is truncated: \d+ bytes"
        ):
            read(saved(tmp_path, data))


def test_types_that_no_operator_of_onnx_takes() -> None:
    given = proto()
    kind = onnx.helper.make_map_type_proto(
        onnx.TensorProto.INT64,
        onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, [1]),
    )
    given.graph.input.append(onnx.helper.make_value_info("m", kind))
    with pytest.raises(UnsupportedError, match="input 'm' of net is a map"):
        read(given)


def test_sparse_tensors_in_subgraphs() -> None:
    given = proto(
        '<ir_version: 8, opset_import: ["" : 17]> net (float[2,3] x, bool c) => (float[2,3] y) '
        "{ y = If (c) <then_branch = t () => (float[2,3] p) { p = Mul (x, w) }, "
        "else_branch = e () => (float[2,3] q) { q = Neg (x) }> }"
    )
    sparse = onnx.helper.make_sparse_tensor(
        onnx.numpy_helper.from_array(np.array([2], np.float32), "w"),
        onnx.numpy_helper.from_array(np.array([4]), "i"),
        [2, 3],
    )
    given.graph.node[0].attribute[0].g.sparse_initializer.append(sparse)
    y = run_ort(read(given).model, {**FEEDS, "c": np.array(1, np.bool_)})["y"]
    np.testing.assert_array_equal(y, [[0, 0, 0], [0, 8, 0]])


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
def test_truncated_file(tmp_path: Path, kept: float) -> None:
    weight = onnx.numpy_helper.from_array(np.ones((50, 50), np.float32), "w")
    model = proto()
    model.graph.initializer[0].CopyFrom(weight)
    data = model.SerializeToString()
    path = saved(tmp_path, data[: int(len(data) * kept)])
    with pytest.raises(
        InvalidModelError, match=r"net\.onnx is truncated: \d+ bytes are missing"
    ):
        read(path)


def test_empty_graph() -> None:
    with pytest.raises(InvalidModelError, match="net has an empty graph"):
        read(with_header('ir_version: 8, opset_import: ["" : 17]', "{ }"))


def test_no_output() -> None:
    given = with_header('ir_version: 8, opset_import: ["" : 17]')
    del given.graph.output[:]
    with pytest.raises(InvalidModelError, match="net has no output"):
        read(given)


@pytest.mark.parametrize(
    "header, message",
    [
        ('ir_version: 1, opset_import: ["" : 7]', "net has IR version 1"),
        (
            'ir_version: 99, opset_import: ["" : 17]',
            r"net has IR version 99, onnx \d.* upgrade",
        ),
        ('ir_version: 8, opset_import: ["other" : 1]', "net does not say which opset"),
        (
            'ir_version: 8, opset_import: ["" : 6]',
            r"net has opset 6, 7 or newer .* export it",
        ),
        (
            'ir_version: 8, opset_import: ["" : 999]',
            r"net has opset 999, onnx \d.* upgrade",
        ),
    ],
)
def test_versions(header: str, message: str) -> None:
    with pytest.raises(InvalidModelError, match=message):
        read(with_header(header))


def test_default_opset_is_not_needed_where_only_functions_use_it() -> None:
    given = proto(
        '<ir_version: 8, opset_import: ["my" : 1]> net (float[3] x) => (float[3] y) '
        '{ y = my.Half (x) } <domain: "my", opset_import: ["" : 17]> '
        "Half (a) => (b) { b = Neg (a) }"
    )
    assert read(given).model.opset_imports[""] == 17


@pytest.mark.parametrize(
    "kind, shape, declared",
    [
        (onnx.TensorProto.FLOAT, [4, 2], "FLOAT [4,2]"),
        (onnx.TensorProto.FLOAT, [3], "FLOAT [3]"),
        (onnx.TensorProto.INT64, [3, 2], "INT64 [3,2]"),
    ],
)
def test_an_input_that_declares_its_weights_as_something_else(
    kind: int, shape: list[int], declared: str
) -> None:
    given = weights_as_inputs(kind, shape)
    with pytest.raises(
        InvalidModelError,
        match=re.escape(
            f"input 'w' is declared {declared}, and its initializer is FLOAT [3,2]"
        ),
    ):
        read(given)


@pytest.mark.parametrize("shape", [None, [3, 2], ["n", 2]])
def test_an_input_that_declares_its_weights(shape: list[int | str] | None) -> None:
    given = weights_as_inputs(onnx.TensorProto.FLOAT, shape)
    assert read(given).model.graph.inputs[1].name == "w"


def weights_as_inputs(kind: int, shape: list[Any] | None) -> onnx.ModelProto:
    given = proto(
        '<ir_version: 8, opset_import: ["" : 17]> net (float[N,3] x) => (float[N,2] y) '
        "<float[3,2] w = {1, 2, 3, 4, 5, 6}> { y = MatMul (x, w) }"
    )
    declared = onnx.helper.make_tensor_value_info("w", kind, shape)
    given.graph.input.append(declared)
    return given


def test_foreign_domains_are_named_all_at_once() -> None:
    given = proto(
        '<ir_version: 8, opset_import: ["" : 17, "onnx.brevitas" : 1, "com.microsoft" : 1, '
        '"acme" : 1, "my" : 1]> net (float[3] x) => (float[3] y) '
        "{ a = onnx.brevitas.Quant (x)  [fused] b = com.microsoft.FusedConv (a)  c = my.Half (b)"
        '  y = acme.Magic (c) } <domain: "my", opset_import: ["" : 17, "acme" : 1]> '
        "Half (a) => (b) { h = Neg (a)  b = acme.Inner (h) }"
    )
    with pytest.raises(
        UnsupportedError, match=r"acme, onnx\.brevitas, and onnxruntime does not run"
    ) as caught:
        read(given)
    assert [(refusal.op, refusal.node) for refusal in caught.value.refusals] == [
        ("onnx.brevitas.Quant", "a"),
        ("acme.Magic", "y"),
        ("acme.Inner", "b"),
    ]
    assert "QuantizeLinear" in caught.value.refusals[0].reason
    assert "default domain" in caught.value.refusals[1].reason
    acme = "acme.Magic 'y', acme.Inner 'b': export the model"
    assert acme in str(caught.value), "the same advice once"


def test_foreign_domain_in_an_ir_model() -> None:
    given = ir.from_onnx_text(
        '<ir_version: 8, opset_import: ["" : 17, "acme" : 1]> net (float[3] x) => (float[3] y) '
        "{ y = acme.Magic (x) }"
    )
    with pytest.raises(UnsupportedError, match=r"acme\.Magic 'y'"):
        read(given)


def test_an_operator_that_onnxruntime_does_not_know_in_its_own_domain() -> None:
    given = proto(
        '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]> net (float[3] x) => '
        "(float[3] y) { y = com.microsoft.Magic (x) }"
    )
    with pytest.raises(
        UnsupportedError, match=r"Magic 'y': use the file from before onnxruntime's"
    ):
        read(given)


@pytest.mark.parametrize(
    "call",
    ["ai.onnx.ml.Scaler <offset = [0.0], scale = [0.5]> (x)", "com.microsoft.Gelu (x)"],
)
def test_operators_of_onnxruntime_are_read(call: str) -> None:
    given = proto(
        '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1, "ai.onnx.ml" : 3]> net '
        f"(float[N,3] x) => (float[N,3] y) {{ y = {call} }}"
    )
    assert read(given).model.graph.outputs[0].name == "y"


def test_spiking_network_is_not_converted_twice() -> None:
    given = proto(
        '<ir_version: 8, opset_import: ["" : 17, "ai.onnx2snn" : 1]> net (float[3] x) => '
        '(float[3] y) { y = ai.onnx2snn.Fire (x) } <domain: "ai.onnx2snn", opset_import: '
        '["" : 17]> Fire (a) => (b) { b = Neg (a) }'
    )
    with pytest.raises(UnsupportedError, match="net is a spiking network already"):
        import_model(given)


def test_invalid_graph_has_the_checkers_message() -> None:
    given = with_header('ir_version: 8, opset_import: ["" : 17]', "{ y = Relu (x, x) }")
    with pytest.raises(
        InvalidModelError, match=r"net is not a valid ONNX model: .*Relu"
    ):
        read(given)


def test_a_name_that_is_given_twice_is_named() -> None:
    """PyTorch's exporter may give an input the name of a node's output."""
    given = with_header('ir_version: 8, opset_import: ["" : 17]', "{ y = Relu (x) }")
    given.graph.node[0].output[0] = "x"
    with pytest.raises(InvalidModelError, match=r"not a valid ONNX model: .*'x'.*Relu"):
        read(given)


def test_undefined_operator() -> None:
    given = with_header('ir_version: 8, opset_import: ["" : 17]', "{ y = Foo (x) }")
    with pytest.raises(
        InvalidModelError, match=r"net is not a valid ONNX model: .*Foo"
    ):
        read(given)


def test_circle() -> None:
    given = with_header(
        'ir_version: 8, opset_import: ["" : 17]',
        "{ a = Add (x, b)  b = Neg (a)  y = Neg (b) }",
    )
    with pytest.raises(InvalidModelError, match=r"net .*circle"):
        read(given)


def test_unsorted_nodes_are_put_in_order(caplog: pytest.LogCaptureFixture) -> None:
    given = with_header(
        'ir_version: 8, opset_import: ["" : 17]', "{ y = Neg (a)  a = Relu (x) }"
    )
    with caplog.at_level(logging.WARNING):
        model = read(given).model
    assert [node.op_type for node in model.graph] == ["Relu", "Neg"]
    assert "onnxruntime runs net anyway" in caplog.text


def external(folder: Path) -> Path:
    path = folder / "net.onnx"
    model = proto()
    data = onnx.numpy_helper.to_array(model.graph.initializer[0])
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(data, "w"))
    onnx.save(
        model, path, save_as_external_data=True, location="w.bin", size_threshold=0
    )
    return path


def test_external_data_is_found_beside_the_file(tmp_path: Path) -> None:
    model = read(external(tmp_path)).model
    assert isinstance(model.graph.initializers["w"].const_value, ir.ExternalTensor)
    again = read(model)
    assert isinstance(
        again.model.graph.initializers["w"].const_value, ir.ExternalTensor
    )
    for loaded in (model, again.model):
        tensor = loaded.graph.initializers["w"].const_value
        assert tensor is not None
        np.testing.assert_array_equal(tensor.numpy(), [[1, -2], [3, 0.5], [5, -6]])


def test_external_data_that_is_missing(tmp_path: Path) -> None:
    path = external(tmp_path)
    (tmp_path / "w.bin").unlink()
    with pytest.raises(InvalidModelError, match=r"w\.bin' does not exist"):
        read(path)


def test_external_data_that_is_truncated(tmp_path: Path) -> None:
    path = external(tmp_path)
    (tmp_path / "w.bin").write_bytes(b"1234")
    with pytest.raises(
        InvalidModelError, match=r"w\.bin' is truncated: it has 4 bytes, not 24"
    ):
        read(path)


def test_external_data_in_a_file_of_no_name(tmp_path: Path) -> None:
    path = external(tmp_path)
    model = onnx.load(path, load_external_data=False)
    model.graph.initializer[0].external_data[0].value = "w\0.bin"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InvalidModelError, match="cannot be read: ValueError"):
        read(path)


@pytest.mark.parametrize("location", ["../w.bin", "/w.bin"])
def test_external_data_elsewhere(tmp_path: Path, location: str) -> None:
    path = external(tmp_path)
    model = onnx.load(path, load_external_data=False)
    model.graph.initializer[0].external_data[0].value = location
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InvalidModelError, match=f"{location}' is outside its folder"):
        read(path)


def test_external_data_of_a_proto_without_a_path(tmp_path: Path) -> None:
    model = onnx.load(external(tmp_path), load_external_data=False)
    with pytest.raises(InvalidModelError, match=r"\(w\.bin\): give its path"):
        read(model)


def test_a_program_of_torch_is_read_and_kept_apart_from_it() -> None:
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.eye(3))
    model = ir.from_proto(proto())
    model.graph.initializers["w"].const_value = ir.tensor_adapters.TorchTensor(
        weight[:, :2].contiguous(), "w"
    )
    program = torch.onnx.ONNXProgram(model, None)
    source = read(program)
    assert source.name == "net"
    weight.data.zero_()
    array = source.model.graph.initializers["w"].const_value.numpy()
    np.testing.assert_array_equal(array, np.eye(3, 2, dtype=np.float32))


def test_anything_else_is_named_with_all_forms() -> None:
    with pytest.raises(TypeError, match=r"or torch\.onnx\.ONNXProgram, not list"):
        read([])  # type: ignore[arg-type]
