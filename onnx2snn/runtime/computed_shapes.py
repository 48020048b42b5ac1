"""Shapes as onnxruntime computes them, of results for which ONNX may infer others."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx.shape_inference
import onnx_ir as ir

from onnx2snn.graph import is_op
from onnx2snn.runtime.sessions import SessionError, open_session, run_session
from onnx2snn.runtime.single_node import single_node_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Operands = list[np.ndarray | None]

__all__ = ["RESIZING", "computed_shape", "infers_computed_sizes"]

_LOGGER = logging.getLogger(__name__)

_POOLS = ("AveragePool", "LpPool", "MaxPool")

RESIZING = (*_POOLS, "ConvTranspose", "Resize", "Upsample")
"""Operators whose results have sizes that are computed, and rounded.

ONNX's inference and onnxruntime round differently where a window begins in the padding, where
padding is chosen automatically, and where a size is multiplied by a scale.
"""

_SPATIAL = 2
"""The first axis behind those of samples and channels."""

_SOME = 2
"""Samples or channels of a node that is run, where their number is not known."""


def computed_shape(node: ir.Node, opsets: Mapping[str, int]) -> list[int | None] | None:
    """Return the shape of the first result of a node of ``RESIZING``, by running it on zeros.

    Args:
        node: The node; its inputs have shapes, as far as they are known.
        opsets: Versions of the domains of its model.

    Returns:
        The sizes, None for one that is that of the input. None for the whole if too little of
        the inputs is known, or onnxruntime cannot run the node.
    """
    operands = _make_operands(node)
    if operands is None:
        return None
    try:
        proto = single_node_model(node, operands, opsets)
        found = _shape_from_zeros(proto.SerializeToString())
    except SessionError as error:
        _LOGGER.debug("%s does not run on zeros: %s", node.op_type, error)
        return None
    x = operands[0]
    assert x is not None
    pairs = zip(found, x.shape, strict=True)
    shape = [None if new == old else new for new, old in pairs]
    if node.op_type == "ConvTranspose":
        shape[1] = _count_channels(node)
    return shape


def infers_computed_sizes(graph: ir.Graph) -> bool:
    """Whether ONNX infers those sizes of all results of ``graph`` that onnxruntime computes."""
    nodes = (node for node in graph if is_op(node, *RESIZING))
    return all(_infers_computed_size(node, graph.opset_imports) for node in nodes)


def _infers_computed_size(node: ir.Node, opsets: Mapping[str, int]) -> bool:
    """Whether ONNX infers the sizes of one node of ``RESIZING``, or none of them."""
    operands = _make_operands(node)
    if operands is None:
        return True
    proto = single_node_model(node, operands, opsets)
    try:
        computed = _shape_from_zeros(proto.SerializeToString())
        inferred = onnx.shape_inference.infer_shapes(proto)
    except (SessionError, onnx.shape_inference.InferenceError):
        return True
    dims = inferred.graph.output[0].type.tensor_type.shape.dim
    sizes = zip(dims, computed, strict=False)
    return all(dim.dim_value in {0, size} for dim, size in sizes)


def _make_operands(node: ir.Node) -> Operands | None:
    """Return inputs for a node, as small as they may be; None if too little is known."""
    x = node.inputs[0]
    spatial = _known_sizes(x, _SPATIAL)
    if x is None or x.shape is None or spatial is None:
        return None
    if node.op_type in _POOLS:
        return [_zeros(1, 1, *spatial)]
    if node.op_type == "ConvTranspose":
        kernel = _known_sizes(node.inputs[1], _SPATIAL)
        groups = node.attributes.get_int("group", 1)
        if kernel is None:
            return None
        return [_zeros(1, groups, *spatial), _zeros(groups, 1, *kernel)]
    front = [size if isinstance(size, int) else _SOME for size in x.shape[:_SPATIAL]]
    constants = _read_constants(node.inputs[1:])
    return None if constants is None else [_zeros(*front, *spatial), *constants]


def _known_sizes(value: ir.Value | None, first_axis: int) -> list[int] | None:
    """Return the sizes of a value from an axis on; None if one is not known."""
    if value is None or value.shape is None:
        return None
    sizes = [size for size in value.shape[first_axis:] if isinstance(size, int)]
    is_complete = first_axis + len(sizes) == len(value.shape)
    return sizes if is_complete else None


def _zeros(*sizes: int) -> np.ndarray:
    return np.zeros(sizes, np.float32)


def _read_constants(values: Iterable[ir.Value | None]) -> Operands | None:
    """Return the contents of values, None for one that is left out; None if one is computed."""
    constants: Operands = []
    for value in values:
        if value is None:
            constants.append(None)
            continue
        tensor = ir.convenience.get_const_tensor(value)
        if tensor is None:
            return None
        constants.append(tensor.numpy())
    return constants


def _count_channels(transposed: ir.Node) -> int | None:
    """Return the channels of the result of a ConvTranspose; None if they are not known."""
    per_group = _known_sizes(transposed.inputs[1], 1)
    groups = transposed.attributes.get_int("group", 1)
    return None if per_group is None else groups * per_group[0]


@functools.lru_cache(maxsize=1024)
def _shape_from_zeros(model: bytes) -> tuple[int, ...]:
    """Return the shape of the first output of a serialized model whose inputs are all zero.

    Raises:
        SessionError: onnxruntime cannot run it.
    """
    session = open_session(onnx.load_from_string(model), optimized=False, threads=1)
    feeds = {value.name: _zeros(*value.shape) for value in session.get_inputs()}
    first, *_ = run_session(session, feeds)
    shape: tuple[int, ...] = first.shape
    return shape
