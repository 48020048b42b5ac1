"""Streams of spikes times their thresholds, and the same spikes without them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import NodeBuilder, array, dims_of, is_constant, is_op, rank_of
from onnx2snn.ops.predicates import is_neuron

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["WeightedSpikes"]


@dataclasses.dataclass(frozen=True, eq=False)
class WeightedSpikes:
    """Spikes of one neuron, or of several side by side, that are multiplied by thresholds.

    Attributes:
        threshold: The threshold of each spike; it broadcasts to the stream.
        sent: The spikes, if one neuron sends them all.
        concat: The Concat that puts the spikes of several neurons side by side, else None.
        parts: What that joins.
    """

    threshold: np.ndarray
    sent: ir.Value | None = None
    concat: ir.Node | None = None
    parts: tuple[WeightedSpikes, ...] = ()

    @classmethod
    def read(cls, value: ir.Value | None) -> WeightedSpikes | None:
        """Return what ``value`` is made of; None if it is nothing of the kind."""
        maker = None if value is None else value.producer()
        if maker is None:
            return None
        if is_op(maker, "Mul"):
            return cls._of_one_neuron(maker)
        return cls._of_several(maker) if is_op(maker, "Concat") else None

    @classmethod
    def _of_one_neuron(cls, product: ir.Node) -> WeightedSpikes | None:
        spikes, factor = product.inputs
        if spikes is None or not is_constant(factor):
            return None
        sender = spikes.producer()
        if sender is None or not is_neuron(sender) or spikes is not sender.outputs[0]:
            return None
        return cls(array(factor), sent=spikes)

    @classmethod
    def _of_several(cls, concat: ir.Node) -> WeightedSpikes | None:
        rank = rank_of(concat.outputs[0])
        if rank is None:
            return None
        axis = concat.attributes["axis"].as_int() % rank
        parts = []
        thresholds = []
        for value in concat.inputs:
            part = cls.read(value)
            along = None if part is None else _along_axis(part.threshold, value, axis)
            if part is None or along is None:
                return None
            parts.append(part)
            thresholds.append(along)
        joined = np.concatenate(thresholds, axis)
        return cls(joined, concat=concat, parts=tuple(parts))

    def spikes(self) -> ir.Value:
        """Return the spikes without thresholds; several are put side by side for that."""
        if self.sent is not None:
            return self.sent
        concat = self.concat
        assert concat is not None  # else one neuron sends them
        output = concat.outputs[0]
        return NodeBuilder.before(concat).add(
            "Concat",
            [part.spikes() for part in self.parts],
            f"{output.name}.spikes",
            {"axis": concat.attributes["axis"].as_int()},
            like=output,
        )


def _along_axis(
    threshold: np.ndarray, value: ir.Value | None, axis: int
) -> np.ndarray | None:
    """Return a threshold with a number for each entry along ``axis``.

    None where that axis is of unknown size, or other axes have several thresholds as well.
    """
    sizes = dims_of(value)
    if sizes is None or threshold.ndim > len(sizes):
        return None
    size = sizes[axis]
    missing = len(sizes) - threshold.ndim
    full = threshold.reshape(*[1] * missing, *threshold.shape)
    varies_elsewhere = full.size != full.shape[axis]
    if not isinstance(size, int) or varies_elsewhere:
        return None
    shape = [1] * len(sizes)
    shape[axis] = size
    return np.broadcast_to(full, shape)
