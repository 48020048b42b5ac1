"""The scale of an activation: what its neuron's threshold is made from.

A scale travels from the pass that finds it to the pass that uses it in the metadata of the
activation, as JSON, so that a model may be saved and looked at in between.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["Scale"]

_KEY = "onnx2snn.scale"


@dataclasses.dataclass(frozen=True, eq=False)
class Scale:
    """Firing threshold of the neurons of one activation.

    Attributes:
        values: Thresholds in units of the activation, > 0: shape [C], one per channel, or
            [1] for the whole tensor.
        axis: Channel axis of the activation; None for a threshold of the whole tensor.
        origin: Where the values come from, for the report: ``calibration``, ``batch-norm`` or
            ``synthetic``.
        dead: Channels that never fired while they were observed, as indices.
    """

    values: np.ndarray
    axis: int | None
    origin: str
    dead: tuple[int, ...] = ()

    def shaped(self, rank: int) -> np.ndarray:
        """Return ``values`` so that they broadcast to an activation of ``rank`` dimensions."""
        return along_axis(self.values, self.axis, rank)

    def write(self, value: ir.Value) -> None:
        """Note this scale in the metadata of the activation ``value``."""
        fields = dataclasses.asdict(self) | {"values": self.values.astype(float).tolist()}
        value.metadata_props[_KEY] = json.dumps(fields)

    @classmethod
    def read(cls, value: ir.Value) -> Self | None:
        """Return the scale noted on ``value``, None if there is none."""
        if _KEY not in value.metadata_props:
            return None
        fields = json.loads(value.metadata_props[_KEY])
        values = np.asarray(fields["values"], np.float32)
        return cls(values, fields["axis"], fields["origin"], tuple(fields["dead"]))

    @staticmethod
    def erase(value: ir.Value) -> bool:
        """Remove the note from ``value``; whether there was one."""
        return value.metadata_props.pop(_KEY, None) is not None


def along_axis(values: np.ndarray, axis: int | None, rank: int) -> np.ndarray:
    """Return ``values`` [C] with the shape [1.., C, ..1] that lies along ``axis`` of ``rank``."""
    if axis is None:
        return values.reshape([1] * rank)
    shape = [1] * rank
    shape[axis] = values.size
    return values.reshape(shape)
