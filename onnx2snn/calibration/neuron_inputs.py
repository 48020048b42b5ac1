"""The states that a neuron starts from, and its constants, made from the scale of an activation."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.metadata.scale import QUANTIZER_RANGE, SCALE, Scale

if TYPE_CHECKING:
    from onnx2snn.data.input_specs import Arrays
    from onnx2snn.ops import StepOp

__all__ = ["OPEN_GATE", "NeuronInputs", "scale_of"]

OPEN_GATE = 2**20
"""Initial count of a neuron with a count that may send more negative spikes than positive ones.

Exact in float32, and more than any run takes back. A smaller type starts at the largest power of
two below which, and up to twice of which, it holds every integer: 2^10 in float16.
"""


@dataclasses.dataclass(frozen=True)
class NeuronInputs:
    """The inputs of a neuron, beside the current, as arrays that broadcast to the activation.

    Attributes:
        op: Its operator.
        activation: The activation that it stands for, with its scale.
        v_init: Part of the threshold that is rounded up, where no quantizer says another.
        max_spikes: Most spikes of an augmented neuron in a step.
        leak: Worth of a weighted spike in spikes a step later.
    """

    op: StepOp
    activation: ir.Value
    v_init: float
    max_spikes: int
    leak: float

    def states(self, *, signed: bool) -> Arrays:
        """Return the initial states that there are, by name.

        Args:
            signed: Whether the activation can be negative.
        """
        theta = self.threshold()
        count = _initial_count(theta, signed=signed)
        return {"v": self._initial_potential(), "count": count, "written": count}

    def constants(self) -> Arrays:
        """Return the constants that there are, by name."""
        theta = self.threshold()
        return {
            "v_threshold": theta,
            "v_threshold_negative": self._negative_threshold(),
            "max_spikes": np.array(self.max_spikes, theta.dtype),
            "leak": np.array(self.leak, theta.dtype),
            "fires": np.array(1, theta.dtype),
        }

    def threshold(self) -> np.ndarray:
        """Return the threshold."""
        number_type = self.activation.dtype or ir.DataType.FLOAT
        dtype = number_type.numpy()
        rank = len(self.activation.shape or ())
        theta: np.ndarray = scale_of(self.activation).shaped(rank).astype(dtype)
        if "max_spikes" in self.op.inputs:
            theta = np.asarray(theta / dtype.type(self.max_spikes))
        return theta

    def _initial_potential(self) -> np.ndarray:
        """Return the initial potential: 0 where thresholds make up for it."""
        if self._is_symmetric or self._rounds_by_thresholds:
            return np.zeros_like(self.threshold())
        return self._part_rounded_up()

    def _negative_threshold(self) -> np.ndarray:
        theta = self.threshold()
        if self._is_symmetric:
            return theta
        if self._rounds_by_thresholds:
            return self._part_rounded_up()
        return np.zeros([1] * theta.ndim, theta.dtype)

    def _part_rounded_up(self) -> np.ndarray:
        """Return what may be missing to a threshold, at most, so that it is rounded up."""
        part: float = self.v_init
        quantized = QUANTIZER_RANGE.read(self.activation)
        if quantized is not None and quantized.v_init is not None:
            part = quantized.v_init
        theta = self.threshold()
        factor = theta.dtype.type(part)
        return np.asarray(theta * factor)

    @property
    def _is_symmetric(self) -> bool:
        """Whether spikes of both signs come at thresholds of the same size."""
        return self.op.name == "DoubleThresholdIF"

    @property
    def _rounds_by_thresholds(self) -> bool:
        """Whether its thresholds round: what its potential starts with would grow."""
        return self.op.name == "GatedInverseLeakyIF"


def _initial_count(theta: np.ndarray, *, signed: bool) -> np.ndarray:
    """Return how many spikes a neuron may take back that it has not sent."""
    gate = 0
    if signed:
        one = np.ones([], theta.dtype)
        spacing = np.spacing(one)
        largest_exact = int(1 / spacing)
        gate = min(OPEN_GATE, largest_exact)
    shape = [1] * theta.ndim
    return np.full(shape, gate, theta.dtype)


def scale_of(activation: ir.Value) -> Scale:
    """Return the scale that is annotated on ``activation``."""
    scale = SCALE.read(activation)
    if scale is None:
        message = f"no scale on {activation.name}"
        raise ValueError(message)
    return scale
