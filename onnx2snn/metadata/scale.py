"""The scale of an activation, and the range of its quantizer: what a threshold is made from.

They travel from the pass that finds them to the pass that uses them in the metadata of the
activation, as JSON, so that a model may be saved and looked at in between.
"""

from __future__ import annotations

import dataclasses
import json

import numpy as np

from onnx2snn.graph.quantization import along_axis
from onnx2snn.metadata.annotation import Annotation

__all__ = ["QUANTIZER_RANGE", "SCALE", "QuantizerRange", "Scale"]


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


@dataclasses.dataclass(frozen=True, eq=False)
class QuantizerRange:
    """Values that a quantizer leaves to an activation of the ANN: equal steps from 0 to a limit.

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


def _encode(content: Scale | QuantizerRange) -> str:
    values = content.values.astype(float).tolist()
    return json.dumps(dataclasses.asdict(content) | {"values": values})


def _decode_scale(text: str) -> Scale:
    fields = json.loads(text)
    values = np.asarray(fields["values"], np.float32)
    dead = tuple(fields["dead"])
    return Scale(values, fields["axis"], fields["origin"], dead)


def _decode_range(text: str) -> QuantizerRange:
    fields = json.loads(text)
    values = np.asarray(fields["values"], np.float32)
    return QuantizerRange(**fields | {"values": values})


SCALE = Annotation[Scale]("onnx2snn.scale", _encode, _decode_scale)
"""On the output of an activation: the thresholds of its neurons."""

QUANTIZER_RANGE = Annotation[QuantizerRange](
    "onnx2snn.quantizer_range", _encode, _decode_range
)
"""On the output of an activation: what its quantizer leaves of it."""
