"""Take a model in any of the forms in which it may come."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import sys
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import onnx
import onnx_ir as ir

from onnx2snn.errors import UnsupportedError
from onnx2snn.importing.densify import densify, has_sparse_tensors
from onnx2snn.importing.proto_rules import check_rules
from onnx2snn.importing.validate import validate
from onnx2snn.storage.isolation import all_values, isolate_values
from onnx2snn.storage.large_models import (
    OpenableModel,
    files_of_weights,
    is_large,
    tensors_of,
)
from onnx2snn.storage.map_types import has_map, proto_of
from onnx2snn.storage.model_file import deserialize_model, parse_model, read_bytes

__all__ = ["AnyModel", "Source", "read", "written_like"]

_TEXT_FORMATS = {
    ".json": "json",
    ".onnxjson": "json",
    ".onnxtext": "onnxtxt",
    ".onnxtxt": "onnxtxt",
    ".pbtext": "textproto",
    ".pbtxt": "textproto",
    ".prototxt": "textproto",
    ".textproto": "textproto",
}


class TorchProgram(Protocol):
    """The attribute that a ``torch.onnx.ONNXProgram`` is read by."""

    model_proto: onnx.ModelProto


class GraphSurgeonGraph(Protocol):
    """The attributes that an ``onnx_graphsurgeon.Graph`` is known by."""

    nodes: list[object]
    opset: int


@dataclasses.dataclass(frozen=True)
class Source:
    """A model as it came.

    Attributes:
        model: The model; it shares no graph, node, value or tensor name with what was given.
        sha256: Of the file's bytes, or of the serialized model if there was no file.
        name: File name, or name of the graph.
        original: The same, for onnxruntime to open and run unchanged.
        files: Paths of the files that it is kept in, with those of its weights.
    """

    model: ir.Model
    sha256: str
    name: str
    original: OpenableModel
    files: tuple[str, ...] = ()


AnyModel: TypeAlias = (
    str
    | os.PathLike[str]
    | bytes
    | onnx.ModelProto
    | ir.Model
    | GraphSurgeonGraph
    | TorchProgram
    | Source
)


def read(model: AnyModel) -> Source:
    """Return a checked model of our own; what was given is never changed.

    External data is found beside the file, and stays there, mapped into memory.

    Args:
        model: A path, a serialized model, an ``onnx.ModelProto``, an ``ir.Model``, an
            ``onnx_graphsurgeon.Graph`` or a ``torch.onnx.ONNXProgram``. What was read already
            is returned as it is.

    Raises:
        InvalidModelError: It is no valid model, or of a version that cannot be read.
        UnsupportedError: It has operators that neither ONNX nor onnxruntime defines.
        TypeError: It is none of these.
    """
    if isinstance(model, Source):
        return model
    if isinstance(model, str | os.PathLike):
        source = _from_file(Path(model))
    elif isinstance(model, bytes | bytearray | memoryview):
        source = _from_bytes(bytes(model))
    elif isinstance(model, onnx.ModelProto):
        source = _from_proto(model)
    elif isinstance(model, ir.Model):
        source = _from_ir(model)
    else:
        source = _from_proto(_proto_of_program(model))
    for value in all_values(source.model):
        _forget_negative_sizes(value)
    validate(source.model, source.name, source.original)
    return source


def written_like(model: AnyModel, proto: onnx.ModelProto) -> object:
    """Return ``proto`` as an ``onnx_graphsurgeon.Graph`` if ``model`` is one, else as it is."""
    if _is_graphsurgeon(model):
        return sys.modules["onnx_graphsurgeon"].import_onnx(proto)
    return proto


def _proto_of_program(model: Any) -> onnx.ModelProto:  # noqa: ANN401 (of an extra)
    """Return the model in an object of onnx_graphsurgeon or PyTorch."""
    proto: onnx.ModelProto
    if _is_graphsurgeon(model):
        proto = sys.modules["onnx_graphsurgeon"].export_onnx(model)
    elif _is_torch_program(model):
        proto = model.model_proto
    else:
        raise TypeError(_no_model(model))
    return proto


def _no_model(model: object) -> str:
    return (
        "a model is a path, bytes, onnx.ModelProto, onnx_ir.Model, onnx_graphsurgeon.Graph or "
        f"torch.onnx.ONNXProgram, not {type(model).__name__}"
    )


def _is_torch_program(model: object) -> bool:
    """Whether ``model`` is what ``torch.onnx.export(..., dynamo=True)`` returns."""
    module = sys.modules.get("torch.onnx")
    return module is not None and isinstance(model, module.ONNXProgram)


def _is_graphsurgeon(model: object) -> bool:
    module = sys.modules.get("onnx_graphsurgeon")
    return module is not None and isinstance(model, module.Graph)


def _from_file(path: Path) -> Source:
    data = read_bytes(path)
    text_format = _text_format(path)
    proto = parse_model(data, path.name, text_format)
    model = _deserialize(proto, path.name)
    ir.external_data.set_base_dir(model.graph, path.parent)
    original = path if text_format is None and path.is_file() else proto
    files = (str(path), *files_of_weights(model))
    return Source(model, _digest_of_bytes(data), path.name, original, files)


def _text_format(path: Path) -> str | None:
    return _TEXT_FORMATS.get(path.suffix.lower())


def _from_bytes(data: bytes) -> Source:
    source = _from_proto(parse_model(data, "the model"))
    return dataclasses.replace(source, sha256=_digest_of_bytes(data))


def _from_proto(proto: onnx.ModelProto) -> Source:
    name = proto.graph.name or "the model"
    model = _deserialize(proto, name)
    isolate_values(model)
    if is_large(model):
        return Source(model, _digest_of_parts(model), name, proto)
    data = proto.SerializeToString(deterministic=True)
    return Source(model, _digest_of_bytes(data), name, proto)


def _from_ir(model: ir.Model) -> Source:
    name = model.graph.name or "the model"
    own = model.clone()
    isolate_values(own)
    original = own.clone()
    isolate_values(original)
    files = files_of_weights(own)
    if is_large(own):
        return Source(own, _digest_of_parts(own), name, original, files)
    data = proto_of(original).SerializeToString(deterministic=True)
    return Source(own, _digest_of_bytes(data), name, original, files)


def _digest_of_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest_of_parts(model: ir.Model) -> str:
    """Return the SHA-256 of a model that is too large to serialize: of its nodes and weights."""
    digest = hashlib.sha256()
    for node in model.graph:
        proto = ir.to_proto(node)
        digest.update(proto.SerializeToString(deterministic=True))
    for tensor in tensors_of(model):
        digest.update(f"{tensor.name} {tensor.dtype} {tensor.shape}".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def _deserialize(proto: onnx.ModelProto, name: str) -> ir.Model:
    check_rules(proto, name)
    _check_inputs(proto, name)
    if has_sparse_tensors(proto):
        proto = densify(proto, name)
    return deserialize_model(proto, name)


def _check_inputs(proto: onnx.ModelProto, name: str) -> None:
    """Refuse inputs that no array can be fed to."""
    maps = [repr(value.name) for value in proto.graph.input if has_map(value)]
    if maps:
        message = (
            f"input {', '.join(maps)} of {name} is a map, and data comes in arrays: cut off "
            "what reads it, as a DictVectorizer, with onnx.utils.extract_model"
        )
        raise UnsupportedError(message)


def _forget_negative_sizes(value: ir.Value) -> None:
    """Make sizes below 0 unknown: some exporters write -1 for a size that is free."""
    sizes = value.shape or ()
    if any(map(_is_negative, sizes)):
        value.shape = ir.Shape([None if _is_negative(size) else size for size in sizes])


def _is_negative(size: int | ir.SymbolicDim) -> bool:
    return isinstance(size, int) and size < 0
