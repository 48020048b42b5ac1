"""Finding the channel axis of an activation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.graph import is_constant

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["channel_axis"]

_CHANNEL_SECOND = frozenset({
    "AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "DepthToSpace",
    "GlobalAveragePool", "GlobalMaxPool", "GroupNormalization", "InstanceNormalization", "LRN",
    "MaxPool", "Resize", "SpaceToDepth", "Upsample",
})  # fmt: skip

_CHANNEL_LAST = frozenset({"GRU", "LSTM", "MatMul", "RNN"})


def channel_axis(value: ir.Value) -> int | None:
    """Return the axis of ``value`` that counts features, None if none is known.

    The features of a convolution lie along axis 1, those of a matrix product and of a recurrent
    operator along the last one; a Transpose moves them. The axis is only returned if its length
    is known.
    """
    axis = _axis(value)
    if axis is None or value.shape is None or not isinstance(value.shape[axis], int):
        return None
    return axis


def _axis(value: ir.Value) -> int | None:
    rank = None if value.shape is None else len(value.shape)
    if rank is None or rank < 2:
        return None
    node = value.producer()
    if rank == 2 or node is None or node.op_type in _CHANNEL_SECOND:
        return 1
    if node.op_type in _CHANNEL_LAST:
        return rank - 1
    source = next(
        (v for v in node.inputs if v is not None and not is_constant(v)), None
    )
    if source is None or source.shape is None or len(source.shape) != rank:
        return None
    axis = _axis(source)
    if node.op_type == "Transpose" and axis is not None:
        perm = node.attributes.get_ints("perm", range(rank - 1, -1, -1))
        return list(perm).index(axis)
    return axis
