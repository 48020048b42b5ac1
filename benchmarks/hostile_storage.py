"""Weights in other files that must not be read, and sparse tensors that are none."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

from benchmarks.hostile_case import NAME, Hostile, from_proto, model_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["external_data", "sparse_tensors"]

_NBYTES = 4 * 3 * 4


def _file(name: str) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(name).write_bytes(bytes(range(_NBYTES)))

    return write


def _link(to: str) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        folder.parent.joinpath("secret.bin").write_bytes(b"\1" * _NBYTES)
        folder.joinpath("w.bin").symlink_to(to)

    return write


def _folder_link(folder: Path) -> None:
    folder.parent.joinpath("secret.bin").write_bytes(b"\1" * _NBYTES)
    folder.joinpath("d").symlink_to("..")


_PLACES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "fine": ("w.bin", _file("w.bin")),
    "fine, in a folder": ("d/w.bin", _file("d/w.bin")),
    "missing": ("w.bin", lambda _: None),
    "absolute": ("/etc/hostname", lambda _: None),
    "above": ("../secret.bin", _link("../secret.bin")),
    "above and back": ("d/../../secret.bin", _folder_link),
    "link out": ("w.bin", _link("../secret.bin")),
    "link to a system file": ("w.bin", _link("/etc/passwd")),
    "link to a device": ("w.bin", _link("/dev/zero")),
    "link to itself": ("w.bin", _link("w.bin")),
    "link to nothing": ("w.bin", _link("nothing")),
    "folder that is a link": ("d/secret.bin", _folder_link),
    "FIFO": ("w.bin", lambda folder: os.mkfifo(folder / "w.bin")),
    "folder": ("w.bin", lambda folder: folder.joinpath("w.bin").mkdir()),
    "hard link": (
        "w.bin",
        lambda folder: (
            _file("v.bin")(folder),
            folder.joinpath("w.bin").hardlink_to(folder / "v.bin"),
        ),
    ),
    "empty name": ("", lambda _: None),
    "dot": (".", lambda _: None),
    "the model itself": (NAME, lambda _: None),
    "long name": ("w" * 6000, lambda _: None),
    "NUL": ("w\0.bin", lambda _: None),
    "newline": ("w\n.bin", lambda _: None),
    "escape": ("\x1b]0;title\x07", lambda _: None),
    "backslashes": ("..\\..\\secret.bin", lambda _: None),
    "URL": ("https://example.org/w.bin", lambda _: None),
    "home": ("~/.bashrc", lambda _: None),
}
"""Where the weights are said to be: a location, and what is written there."""

_EXTENTS: dict[str, dict[str, str]] = {
    "offset -8": {"offset": "-8"},
    "length -8": {"length": "-8"},
    "length 8": {"length": "8"},
    "length 0": {"length": "0"},
    "offset at the end": {"offset": str(_NBYTES)},
    "offset behind the end": {"offset": str(10 * _NBYTES)},
    "offset 2**62": {"offset": str(2**62)},
    "offset 2**70": {"offset": str(2**70)},
    "length 2**62": {"length": str(2**62)},
    "offset of letters": {"offset": "abc"},
    "length of letters": {"length": "1e3"},
    "offset empty": {"offset": ""},
    "offset Arabic": {"offset": "٤"},
    "unknown key": {"colour": "blue"},
    "checksum": {"checksum": "0"},
    "no location": {"location": ""},
}


def external_data() -> Iterator[Hostile]:
    """Give models that keep a tensor elsewhere, in each place that a tensor can be in."""
    for (place, (location, write)), (holder, hold) in itertools.product(
        _PLACES.items(), _HOLDERS.items()
    ):
        yield _external(f"{place}, {holder}", hold, {"location": location}, write)
    for (extent, fields), (holder, hold) in itertools.product(
        _EXTENTS.items(), _HOLDERS.items()
    ):
        yield _external(
            f"{extent}, {holder}", hold, {"location": "w.bin"} | fields, _file("w.bin")
        )
    for dims in ([2**40], [2**62, 2**62], [-1, 3], [0, 3], [4, 3, 2]):
        yield _external(
            f"dims {dims}", _initializer, {"location": "w.bin"}, _file("w.bin"), dims
        )
    empty = lambda folder: folder.joinpath("w.bin").write_bytes(b"")  # noqa: E731
    for holder, hold in _HOLDERS.items():
        yield _external(f"empty file, {holder}", hold, {"location": "w.bin"}, empty)


def _external(
    name: str,
    hold: Callable[[onnx.TensorProto], onnx.ModelProto],
    fields: dict[str, str],
    write_data: Callable[[Path], object],
    dims: list[int] | None = None,
) -> Hostile:
    def write(folder: Path) -> None:
        inner = folder / "model"
        inner.mkdir()
        write_data(inner)
        tensor = onnx.TensorProto(name="w", dims=dims or [4, 3], data_type=1)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in fields.items():
            tensor.external_data.add(key=key, value=value)
        inner.joinpath(NAME).write_bytes(hold(tensor).SerializeToString())

    return Hostile(name, write, f"model/{NAME}")


def _relu_of(*nodes: onnx.NodeProto, **fields: object) -> onnx.ModelProto:
    """Return a model that reads ``w`` as [4, 3] between ``x`` and a Relu."""
    product = helper.make_node("Gemm", ["x", "w"], ["h"], transB=1)
    return model_of(*nodes, product, helper.make_node("Relu", ["h"], ["y"]), **fields)


def _initializer(tensor: onnx.TensorProto) -> onnx.ModelProto:
    return _relu_of(initializer=[tensor])


def _constant(tensor: onnx.TensorProto) -> onnx.ModelProto:
    return _relu_of(helper.make_node("Constant", [], ["w"], value=tensor))


def _in_function(tensor: onnx.TensorProto) -> onnx.ModelProto:
    body = [helper.make_node("Constant", [], ["w"], value=tensor)]
    opset = [helper.make_opsetid("", 17)]
    model = _relu_of(helper.make_node("F", [], ["w"], domain="f"))
    model.functions.append(helper.make_function("f", "F", [], ["w"], body, opset))
    model.opset_import.append(helper.make_opsetid("f", 1))
    return model


def _in_branch(tensor: onnx.TensorProto) -> onnx.ModelProto:
    out = [helper.make_tensor_value_info("w", 1, [4, 3])]
    filled = helper.make_graph(
        [helper.make_node("Identity", ["v"], ["w"])], "t", [], out
    )
    tensor.name = "v"
    filled.initializer.append(tensor)
    other = helper.make_graph(
        [helper.make_node("Identity", ["z"], ["w"])], "e", [], out
    )
    zeros = numpy_helper.from_array(np.ones((4, 3), np.float32), "z")
    yes = numpy_helper.from_array(np.array(1, bool), "c")
    branch = helper.make_node("If", ["c"], ["w"], then_branch=filled, else_branch=other)
    return _relu_of(branch, initializer=[yes, zeros])


def _sparse_values(tensor: onnx.TensorProto) -> onnx.ModelProto:
    tensor.dims[:] = [12]
    indices = numpy_helper.from_array(np.arange(12), "i")
    sparse = onnx.SparseTensorProto(values=tensor, indices=indices, dims=[4, 3])
    return _relu_of(sparse_initializer=[sparse])


def _shape_value(tensor: onnx.TensorProto) -> onnx.ModelProto:
    """Hold integers that say how a value is reshaped."""
    tensor.data_type = onnx.TensorProto.INT64
    tensor.dims[:] = [2]
    reshape = helper.make_node("Reshape", ["x", "w"], ["h"])
    return model_of(
        reshape, helper.make_node("Relu", ["h"], ["y"]), initializer=[tensor]
    )


def _unknown_attribute(tensor: onnx.TensorProto) -> onnx.ModelProto:
    relu = helper.make_node("Relu", ["x"], ["y"])
    relu.attribute.append(helper.make_attribute("extra", [tensor]))
    return model_of(relu)


_HOLDERS: dict[str, Callable[[onnx.TensorProto], onnx.ModelProto]] = {
    "initializer": _initializer,
    "Constant": _constant,
    "function": _in_function,
    "branch": _in_branch,
    "sparse": _sparse_values,
    "shape": _shape_value,
    "attribute": _unknown_attribute,
}
"""Where in a model the tensor is."""


def sparse_tensors() -> Iterator[Hostile]:
    """Give models with sparse tensors whose parts do not fit."""
    parts: dict[str, tuple[list[int], object, object]] = {
        "fine": ([4, 3], [1.0, 2.0], [0, 11]),
        "fine, 2-D": ([4, 3], [1.0, 2.0], [[0, 0], [3, 2]]),
        "[10**6, 10**6]": ([10**6, 10**6], [1.0], [0]),
        "[2**62, 2**62]": ([2**62, 2**62], [1.0], [0]),
        "[-4, 4]": ([-4, 4], [1.0], [0]),
        "[-4, -3]": ([-4, -3], [1.0], [0]),
        "[0, 3]": ([0, 3], [1.0], [0]),
        "no dims": ([], [1.0], [0]),
        "index behind the end": ([4, 3], [1.0], [99]),
        "index below 0": ([4, 3], [1.0], [-1]),
        "2-D index behind the end": ([4, 3], [1.0], [[4, 0]]),
        "2-D index below 0": ([4, 3], [1.0], [[-1, 0]]),
        "more values than indices": ([4, 3], [1.0, 2.0], [0]),
        "more indices than values": ([4, 3], [1.0], [0, 1]),
        "3-D index": ([4, 3], [1.0], [[[0, 0]]]),
        "index of another rank": ([4, 3], [1.0], [[0, 0, 0]]),
        "float index": ([4, 3], [1.0], np.array([0.0], np.float32)),
        "same index twice": ([4, 3], [1.0, 2.0], [1, 1]),
        "unsorted": ([4, 3], [1.0, 2.0], [5, 1]),
        "2-D values": ([4, 3], [[1.0]], [0]),
        "NaN": ([4, 3], [float("nan")], [0]),
        "strings": ([4, 3], np.array(["a"]), [0]),
        "no values": ([4, 3], [], []),
    }
    for name, (dims, values, indices) in parts.items():
        yield from_proto(
            f"{name}, initializer",
            lambda d=dims, v=values, i=indices: _relu_of(
                sparse_initializer=[_sparse(d, v, i)]
            ),
        )
        yield from_proto(
            f"{name}, Constant",
            lambda d=dims, v=values, i=indices: _relu_of(
                helper.make_node("Constant", [], ["w"], sparse_value=_sparse(d, v, i))
            ),
        )
    for field in ("values", "indices", "dims"):
        yield from_proto(f"without {field}", lambda field=field: _without(field))


def _array(data: object) -> np.ndarray:
    array = np.asarray(data)
    if array.dtype.kind == "U":
        return array.astype(object)
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _sparse(dims: list[int], values: object, indices: object) -> onnx.SparseTensorProto:
    held = numpy_helper.from_array(
        _array(values).astype(np.float32)
        if not len(_array(values))
        else _array(values),
        "w",
    )
    places = np.asarray(indices)
    if not places.size:
        places = places.astype(np.int64)
    return onnx.SparseTensorProto(
        values=held, indices=numpy_helper.from_array(places, "i"), dims=dims
    )


def _without(field: str) -> onnx.ModelProto:
    sparse = _sparse([4, 3], [1.0], [0])
    sparse.ClearField(field)
    return _relu_of(sparse_initializer=[sparse])
