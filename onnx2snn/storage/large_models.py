"""Models whose weights are too large for one file, or for two copies in memory.

Weights in files of their own are mapped into memory, and stay there while a model is rewritten.
What needs a model in one piece gets it through a temporary folder then.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

import onnx
import onnx_ir as ir

from onnx2snn.storage.map_types import model_of, proto_of
from onnx2snn.storage.temporary import TemporaryFolder, explain_full_disk, locked
from onnx2snn.storage.whole_files import check_writable, explain_failure, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

__all__ = [
    "OpenableModel",
    "external_data_problem",
    "external_tensors",
    "files_of_weights",
    "in_one_piece",
    "is_large",
    "openable",
    "read_small_tensors",
    "save_model",
    "tensors_of",
]

OpenableModel: TypeAlias = Path | onnx.ModelProto | ir.Model
"""A model that onnxruntime can be made to open: a file, or one in memory."""

LARGEST_IN_MEMORY = 2**30
"""Bytes of weights up to which a model is held in memory, and copied, as a whole.

A message of protocol buffers has at most 2**31 bytes.
"""

SMALL = 2**16
"""Bytes up to which a tensor is read into memory even if the model is not."""


def tensors_of(model: ir.Model) -> Iterator[ir.TensorProtocol]:
    """Yield the contents of all initializers, those of subgraphs and functions included."""
    for value in _all_initializers(model):
        if value.const_value is not None:
            yield value.const_value


def _all_initializers(model: ir.Model) -> Iterator[ir.Value]:
    functions = (function.graph for function in model.functions.values())
    for graph in (*model.graphs(), *functions):
        yield from graph.initializers.values()


def is_large(model: ir.Model) -> bool:
    """Whether the weights of ``model`` are more than is copied in memory."""
    return sum(tensor.nbytes for tensor in tensors_of(model)) > LARGEST_IN_MEMORY


def external_tensors(model: ir.Model) -> Iterator[ir.ExternalTensor]:
    """Yield all tensors in other files: initializers, and what nodes hold as attributes."""
    for tensor in tensors_of(model):
        if isinstance(tensor, ir.ExternalTensor):
            yield tensor
    functions = (function.graph for function in model.functions.values())
    for graph in (model.graph, *functions):
        for node in graph.all_nodes():
            yield from filter(_is_external, _tensors_of_node(node))


def _tensors_of_node(node: ir.Node) -> Iterator[object]:
    """Yield the tensors that a node holds as attributes."""
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.TENSORS:
            yield from attribute.value
        yield attribute.value


def _is_external(tensor: object) -> TypeGuard[ir.ExternalTensor]:
    return isinstance(tensor, ir.ExternalTensor)


def files_of_weights(model: ir.Model) -> tuple[str, ...]:
    """Return the paths of the files that hold weights of ``model``."""
    return tuple(sorted({str(tensor.path) for tensor in external_tensors(model)}))


def external_data_problem(tensor: ir.ExternalTensor) -> str | None:
    """Say why the file of a tensor cannot be read, or must not be; None if it may.

    A file that comes with a model may be read if it is inside the model's folder once all
    symbolic links are followed: a folder from an archive can hold links to anywhere. Of a file
    with several names nobody knows where the others are; new versions of onnx_ir read no such file.
    """
    location = Path(tensor.location)
    folder = Path(tensor.base_dir).resolve()
    path = folder / location
    if location.is_absolute() or ".." in location.parts:
        return f"{str(location)!r} is outside its folder"
    try:
        is_inside = path.resolve().is_relative_to(folder)
        is_file = path.is_file()
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # too long, links in a circle, NUL
        return f"{str(location)[:100]!r} cannot be read: {type(error).__name__}"
    if not is_inside:
        return f"{str(location)!r} is a link to a file outside its folder"
    if not is_file:
        problem = "is no file" if path.exists() else "does not exist"
        return f"{str(path)!r} {problem}"
    if path.stat().st_nlink > 1:
        return (
            f"{str(location)!r} has other names (hard links), which may be outside its folder: "
            "copy it"
        )
    return _extent_problem(tensor, path)


def _extent_problem(tensor: ir.ExternalTensor, path: Path) -> str | None:
    """Say why the bytes of a tensor are not in its file; None if they are."""
    offset, length = tensor.offset or 0, tensor.length
    if length is not None and length != tensor.nbytes:
        return (
            f"{str(path)!r} has {length} bytes for {tensor.nbytes} of {tensor.name!r}"
        )
    if offset < 0:
        return f"{str(path)!r} is read from {offset} on, in front of its beginning"
    size, end = path.stat().st_size, offset + tensor.nbytes
    if size < end:
        return f"{str(path)!r} is truncated: it has {size} bytes, not {end}"
    return None


def read_small_tensors(model: ir.Model) -> None:
    """Read tensors from other files into memory: all of a model, the small ones of a large one."""
    largest = SMALL if is_large(model) else LARGEST_IN_MEMORY
    for value in _all_initializers(model):
        tensor = value.const_value
        if isinstance(tensor, ir.ExternalTensor) and tensor.nbytes <= largest:
            (read,) = ir.external_data.convert_tensors_from_external([tensor])
            value.const_value = read


@contextlib.contextmanager
def openable(model: OpenableModel) -> Iterator[str | bytes]:
    """Yield a model as onnxruntime opens it: the path of a file, or bytes.

    A large model, or one with weights in other files, is written into a temporary folder, which
    goes when the context is left.
    """
    if isinstance(model, Path):
        yield str(model)
        return
    if isinstance(model, onnx.ModelProto):
        if model.ByteSize() <= LARGEST_IN_MEMORY:
            yield model.SerializeToString()
            return
        model = model_of(model)
    if not _has_external_data(model) and not is_large(model):
        yield proto_of(model).SerializeToString()
        return
    with TemporaryFolder() as folder:
        path = folder.path / "model.onnx"
        with explain_full_disk():
            _write_in_two(model, path, "weights")
        yield str(path)


def save_model(
    model: ir.Model,
    path: str | os.PathLike[str],
    check: Callable[[Path | onnx.ModelProto], object],
    files: Collection[str] = (),
) -> None:
    """Write ``model`` to ``path``, whole or not at all; large weights to ``path`` + ``.data``.

    Args:
        model: The model.
        path: Where it goes.
        check: Looks at what is to be written, before anything is at its place; whatever it
            raises, nothing is written.
        files: Files that are not written over: those that the weights are read from.

    Raises:
        OutputError: A file cannot be written, or is one of ``files``.
    """
    check_writable(path, *files)
    if is_large(model):
        check_writable(f"{os.fspath(path)}.data", *files)
        _save_in_two(model, path, check)
        return
    proto = in_one_piece(model)
    check(proto)
    write_whole(path, lambda file: file.write(proto.SerializeToString()))


def _save_in_two(
    model: ir.Model, path: str | os.PathLike[str], check: Callable[[Path], object]
) -> None:
    """Write ``model`` and its weights, each whole or not at all."""
    target = Path(path).resolve()
    with explain_failure(target), TemporaryFolder(target.parent) as folder:
        written = folder.path / target.name
        weights = f"{target.name}.data"
        _write_in_two(model, written, weights)
        check(written)
        _move_both(written, written.with_name(weights), target)


def _move_both(model: Path, weights: Path, target: Path) -> None:
    """Put a model and its weights in their place: those of two processes never mix.

    In between there is no model, as an old one would read new weights.
    """
    older = model.with_name("older")
    with locked(target.parent):
        if target.exists():
            target.replace(older)
        try:
            weights.replace(target.with_name(weights.name))
        except OSError:
            if older.exists():
                older.replace(target)
            raise
        model.replace(target)


def _write_in_two(model: ir.Model, path: Path, weights: str) -> None:
    """Write ``model`` to ``path``, and its larger tensors to the file ``weights`` beside it."""
    ir.save(model, path, external_data=weights, size_threshold_bytes=SMALL)


def in_one_piece(model: ir.Model) -> onnx.ModelProto:
    """Return a model with all its weights in it."""
    if _has_external_data(model):
        model = model.clone()
        ir.external_data.load_to_model(model)
    return proto_of(model)


def _has_external_data(model: ir.Model) -> bool:
    return any(isinstance(tensor, ir.ExternalTensor) for tensor in tensors_of(model))
