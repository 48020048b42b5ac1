"""Random feeds for any model, by what onnxruntime says of its inputs."""

from __future__ import annotations

import functools
import math
import re
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.budget import check_memory
from onnx2snn.graph import is_constant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import onnxruntime as ort
    from numpy.typing import DTypeLike

    from onnx2snn.data.input_specs import Arrays

    Strings = Mapping[str, Sequence[str]]
    """Strings that an input may take, by its name."""

    SizeOf = Callable[[str, int, int | str | None], int]
    """Size of an axis that is free: of an input, the axis, and the symbol it has."""

__all__ = ["dtype_of", "known_strings", "make_feeds", "random_feeds", "sizes_of"]

_SIZES = (
    (2, 1),
    (1, 1),
    (1, 32),
    (1, 16),
    (2, 64),
    (1, 224),
)
"""Sizes of a symbolic batch, and of any other symbolic axis, in the order they are tried."""

_STRING = "tensor(string)"
_TYPES: dict[str, DTypeLike] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(bfloat16)": ir.DataType.BFLOAT16.numpy(),
    "tensor(bool)": np.bool_,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(int16)": np.int16,
    "tensor(uint16)": np.uint16,
    "tensor(int32)": np.int32,
    "tensor(uint32)": np.uint32,
    "tensor(int64)": np.int64,
    "tensor(uint64)": np.uint64,
    _STRING: np.str_,
}
_BATCH = re.compile(r"^(n|b|.*batch.*)$", re.IGNORECASE)
_ANY_STRINGS = ("a", "b")
"""Strings for an input of which no operator names those that it takes."""


def dtype_of(spec: ort.NodeArg) -> ir.DataType | None:
    """Return the element type of an input or output; None if it is no tensor."""
    if spec.type == _STRING:
        return ir.DataType.STRING
    dtype = _TYPES.get(spec.type)
    return None if dtype is None else ir.DataType.from_numpy(np.dtype(dtype))


def known_strings(graph: ir.Graph) -> dict[str, list[str]]:
    """Return the strings that the operators behind each input of strings name."""
    found = {}
    for value in graph.inputs:
        if value.dtype is ir.DataType.STRING:
            readers = _readers_of_strings(value)
            strings = [text for node in readers for text in _strings_named_by(node)]
            found[str(value.name)] = list(dict.fromkeys(strings))
    return found


def _readers_of_strings(value: ir.Value) -> list[ir.Node]:
    """Return the nodes that read ``value``, or strings made of it."""
    found: dict[ir.Node, None] = {}
    pending = list(value.consumers())
    while pending:
        node = pending.pop()
        if node in found:
            continue
        found[node] = None
        for output in node.outputs:
            if output.dtype in {ir.DataType.STRING, None}:
                pending += output.consumers()
    return list(found)


def _strings_named_by(node: ir.Node) -> Iterator[str]:
    """Yield the strings in attributes of ``node``, and in its constant inputs."""
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.STRINGS:
            yield from attribute.as_strings()
    for value in filter(is_constant, node.inputs):
        yield from _strings_in(value)


def _strings_in(value: ir.Value | None) -> list[str]:
    tensor = None if value is None else value.const_value
    if tensor is None or tensor.dtype is not ir.DataType.STRING:
        return []
    return [text.decode() for text in tensor.numpy().reshape(-1).tolist()]


def random_feeds(
    inputs: list[ort.NodeArg], strings: Strings | None = None
) -> Iterator[Arrays]:
    """Yield seeded feeds of several sizes; one if all sizes are fixed.

    Floats are unit normal, integers 0 to 3, those of 8 bits all there are: they may be an
    image, or quantized, and are no index. None if an input is of another type.

    Args:
        inputs: The inputs, as onnxruntime describes them.
        strings: What inputs of strings may take, as ``known_strings`` returns it.
    """
    is_fixed = all(_is_size(size) for spec in inputs for size in spec.shape)
    for batch, other in _SIZES[:1] if is_fixed else _SIZES:
        feeds = make_feeds(inputs, sizes_of(batch, other), strings)
        if feeds is None:
            return
        yield feeds


def sizes_of(batch: int, other: int) -> SizeOf:
    """Return the sizes of free axes: of those that count samples, and of all others."""
    return functools.partial(_size_of, batch, other)


def _size_of(
    batch: int, other: int, _: str, axis: int, symbol: int | str | None
) -> int:
    """Return the size of a free axis; the first one is taken for the batch."""
    return batch if _is_batch_axis(axis, symbol) else other


def make_feeds(
    inputs: list[ort.NodeArg], size_of: SizeOf, strings: Strings | None = None
) -> Arrays | None:
    """Return seeded feeds of chosen sizes, None if an input is of a type without random values.

    Args:
        inputs: The inputs, as onnxruntime describes them.
        size_of: Gives the sizes of axes that are free.
        strings: What inputs of strings may take.

    Raises:
        LimitError: An input takes more memory than may be taken.
    """
    if not all(spec.type in _TYPES for spec in inputs):
        return None
    generator = np.random.default_rng(0)
    feeds = {}
    for spec in inputs:
        shape = [
            size if _is_size(size) else size_of(spec.name, axis, size)
            for axis, size in enumerate(spec.shape)
        ]
        check_memory(8.0 * math.prod(shape), f"input {spec.name!r} {shape}")
        if spec.type == _STRING:
            known = (strings or {}).get(spec.name) or _ANY_STRINGS
            feeds[spec.name] = generator.choice(np.array(known), shape)
        else:
            feeds[spec.name] = _random_array(_TYPES[spec.type], shape, generator)
    return feeds


def _is_batch_axis(axis: int, symbol: int | str | None) -> bool:
    """Whether a free axis counts the samples: it is the first, or its name says so."""
    is_named_so = isinstance(symbol, str) and _BATCH.match(symbol) is not None
    return axis == 0 or is_named_so


def _is_size(size: int | str | None) -> bool:
    return isinstance(size, int) and size > 0


def _random_array(
    dtype_like: DTypeLike, shape: list[int], generator: np.random.Generator
) -> np.ndarray:
    dtype = np.dtype(dtype_like)
    if ir.DataType.from_numpy(dtype).is_floating_point():
        normal = generator.standard_normal(shape)
        return np.asarray(normal).astype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    if dtype.itemsize == 1:
        return generator.integers(0, 256, shape).astype(np.uint8).view(dtype)
    return generator.integers(0, 4, shape).astype(dtype)
