"""The scale of an activation, and the range of its quantizer: what a threshold is made from.

They travel from the pass that finds them to the pass that uses them in the metadata of the
activation, as JSON, so that a model may be saved and looked at in between.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Self

import numpy as np

from onnx2snn.graph.quantization import along_axis

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["QuantizerRange", "Scale"]

_KEY = "onnx2snn.scale"
_RANGE_KEY = "onnx2snn.quantizer_range"


@dataclasses.dataclass(frozen=True, eq=False)
class Scale:
    """Firing threshold of the neurons of one activation.

    Attributes:
        values: Thresholds in units of the activation, > 0: shape [C], one per channel, or
            [1] for the whole tensor.
        axis: Channel axis of the activation; None for a threshold of the whole tensor.
        origin: Where the values come from, for the report: ``quantizer``, ``clip``,
            ``calibration``, ``batch-norm`` or ``synthetic``.
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
        fields = dataclasses.asdict(self) | {
            "values": self.values.astype(float).tolist()
        }
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


@dataclasses.dataclass(frozen=True, eq=False)
class QuantizerRange:
    """What a quantizer of the ANN leaves of an activation: equal steps from 0 to a limit.

    Attributes:
        values: Largest value, > 0, in units of the activation: shape [C], one per channel, or
            [1] for the whole tensor.
        axis: Channel axis of the activation; None for a range of the whole tensor.
        levels: Number of steps.
        v_init: Initial potential, as a part of the threshold, of a neuron that rounds as the
            quantizer does; its threshold is then the largest value, whatever else is known. None
            if the values are a bound of thresholds only.
    """

    values: np.ndarray
    axis: int | None
    levels: int
    v_init: float | None = None

    def write(self, value: ir.Value) -> None:
        """Note this range in the metadata of the activation ``value``."""
        fields = dataclasses.asdict(self) | {
            "values": self.values.astype(float).tolist()
        }
        value.metadata_props[_RANGE_KEY] = json.dumps(fields)

    @classmethod
    def read(cls, value: ir.Value) -> Self | None:
        """Return the range noted on ``value``, None if there is none."""
        if _RANGE_KEY not in value.metadata_props:
            return None
        fields = json.loads(value.metadata_props[_RANGE_KEY])
        return cls(**fields | {"values": np.asarray(fields["values"], np.float32)})

    @staticmethod
    def erase(value: ir.Value) -> bool:
        """Remove the note from ``value``; whether there was one."""
        return value.metadata_props.pop(_RANGE_KEY, None) is not None
