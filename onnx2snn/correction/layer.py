"""One layer of neurons under calibration."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import array, set_array
from onnx2snn.ops import ALL_OPS
from onnx2snn.schedules import spike_weights_of
from onnx2snn.schedules.initial_states import set_starting_value, starting_value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    import onnx_ir as ir

    from onnx2snn.correction.grid import Grid
    from onnx2snn.methods.spike_weights import SpikeWeights
    from onnx2snn.ops import StepOp

__all__ = ["Layer", "Sample"]

_CACHED = 2**15
"""Number of neurons that fire together: their states stay in the cache of a processor."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """What one batch shows of a layer.

    Attributes:
        current: Input of the neurons, [T, N, ...], or [N, ...] if it is the same in every
            step; driven by the spikes of the layers before.
        target: The activation of the ANN, [N, ...].
    """

    current: np.ndarray
    target: np.ndarray


@dataclasses.dataclass
class Layer:
    """The neurons that replaced one activation.

    Whoever is given a layer by ``walk`` may change ``bias``, ``v_threshold`` and ``v_init``.

    Attributes:
        neuron: The node in step form.
        op: Its operator.
        v_threshold: Threshold, in a shape that broadcasts to the current.
        v_init: Initial potential, likewise.
        bias: What is added to the current, likewise, or with one more axis in front, of length
            T, for each step; 0 at first.
        fixed: Its further inputs by name: states that start as they do, thresholds.
        time_steps: T.
        samples: The calibration data, one entry a batch; an entry is loaded when it is read.
        digits: What its spikes weigh where it fires alone, once its input is complete; None if
            all layers advance together.
        channel_axis: Axis of the activation that counts features; None if none is known.
        bound: Largest magnitude that the activation can have; None if it has no limit.
        signed: Whether the activation can be negative.
    """

    neuron: ir.Node
    op: StepOp
    v_threshold: np.ndarray
    v_init: np.ndarray
    bias: np.ndarray
    fixed: dict[str, np.ndarray]
    time_steps: int
    samples: Iterable[Sample] = ()
    digits: SpikeWeights | None = None
    channel_axis: int | None = None
    bound: float | None = None
    signed: bool = False

    @classmethod
    def read(
        cls, neuron: ir.Node, time_steps: int, rank: int = 0, *, layerwise: bool = False
    ) -> Self:
        """Return the layer of ``neuron``, with the parameters it has in the graph.

        Args:
            neuron: The node of the neurons.
            time_steps: T.
            rank: Number of axes of the activation, where the graph does not tell.
            layerwise: Whether it fires alone, once its input is complete.
        """
        op = ALL_OPS[neuron.op_type]
        inputs = dict(zip(op.inputs, neuron.inputs, strict=True))
        values = {
            name: starting_value(value) if name in op.state else array(value)
            for name, value in inputs.items()
            if name != "current"
        }
        v_threshold, v_init = values.pop("v_threshold"), values.pop("v")
        if v_threshold.ndim == 0:
            v_threshold = v_threshold.reshape([1] * rank)
        bias = np.zeros_like(v_threshold)
        digits = spike_weights_of(neuron) if layerwise else None
        return cls(
            neuron, op, v_threshold, v_init, bias, values, time_steps, digits=digits
        )

    def write(self) -> None:
        """Put threshold and initial potential into the graph."""
        inputs = dict(zip(self.op.inputs, self.neuron.inputs, strict=True))
        set_array(inputs["v_threshold"], self.v_threshold)
        set_starting_value(inputs["v"], self.v_init)
        if "v_threshold_negative" in inputs:
            set_array(
                inputs["v_threshold_negative"], self.fixed["v_threshold_negative"]
            )

    def scale(self, factor: np.ndarray) -> None:
        """Multiply thresholds and initial potential by ``factor``, which broadcasts to them."""
        dtype = self.v_threshold.dtype
        self.v_threshold = (self.v_threshold * factor).astype(dtype)
        self.v_init = (self.v_init * factor).astype(dtype)
        if "v_threshold_negative" in self.fixed:
            negative = self.fixed["v_threshold_negative"] * factor
            self.fixed = self.fixed | {"v_threshold_negative": negative.astype(dtype)}

    def scaled(self, factor: np.ndarray) -> Self:
        """Return a copy whose thresholds and initial potential are ``factor`` times as large."""
        copy = dataclasses.replace(self)
        copy.scale(factor)
        return copy

    @property
    def shared_axes(self) -> tuple[int, ...]:
        """The axes of an activation along which parameters are the same."""
        return tuple(
            axis for axis, length in enumerate(self.v_threshold.shape) if length == 1
        )

    def thinned(self, sample: Sample, grid: Grid) -> Sample:
        """Return ``sample`` at the positions of ``grid``, of all samples and channels."""
        shape = sample.target.shape
        whole = {0, 1 if self.channel_axis is None else self.channel_axis}
        thin = [axis for axis in self.shared_axes if axis not in whole]
        found = dict(zip(thin, grid.places(shape[axis] for axis in thin), strict=True))
        places = tuple(found.get(axis, slice(None)) for axis in range(len(shape)))
        time = (slice(None),) * (sample.current.ndim - len(shape))
        return Sample(sample.current[time + places], sample.target[places])

    def spikes(self, current: np.ndarray) -> np.ndarray:
        """Return the spikes that the neurons send.

        Args:
            current: Input current without the bias, [T, N, ...], or [N, ...] if it is constant.

        Returns:
            Spikes, int8, [T, N, ...].
        """
        varies = current.ndim > self.v_threshold.ndim
        shape = current.shape[varies:]
        spikes = np.empty((self.time_steps, *shape), np.int8)
        if not shape or self.v_threshold.shape[0] != 1:  # the first axis is no batch
            self._fire(current, spikes)
            return spikes
        rows = max(1, _CACHED // max(1, math.prod(shape[1:])))
        for start in range(0, shape[0], rows):
            part = slice(start, start + rows)
            self._fire(current[:, part] if varies else current[part], spikes[:, part])
        return spikes

    def _fire(self, current: np.ndarray, spikes: np.ndarray) -> None:
        """Write the spikes for ``current`` into ``spikes``, [T, N, ...]."""
        varies = current.ndim > self.v_threshold.ndim
        values = self.fixed | {"v": self.v_init, "v_threshold": self.v_threshold}
        for t in range(self.time_steps):
            bias = self.bias[t] if self.bias.ndim > self.v_threshold.ndim else self.bias
            values["current"] = (current[t] if varies else current) + bias
            results = self.op.step(*(values[name] for name in self.op.inputs))
            outputs = dict(zip(self.op.outputs, results, strict=True))
            spikes[t] = outputs["spike"]
            values |= {name: outputs[after] for name, after in self.op.state.items()}

    def mean_output(self, current: np.ndarray) -> np.ndarray:
        """Return what the neurons hand on in T steps, [N, ...], for ``current``.

        The mean over the steps, or where the layer fires alone, the number its spikes write.
        """
        if self.digits is not None:
            return self._written(current, self.digits)
        mean = self.spikes(current).mean(axis=0, dtype=current.dtype)
        return np.asarray(mean * self.v_threshold)

    def _written(self, current: np.ndarray, digits: SpikeWeights) -> np.ndarray:
        """Return what the spikes of a layer that fires alone write, [N, ...], for its input."""
        dtype = current.dtype.type
        share = dtype(1 / digits.total(self.time_steps))
        values = self.fixed | {"v_threshold": self.v_threshold}
        values = {
            name: value * share if name.startswith("v_threshold") else value
            for name, value in values.items()
        }
        offset = self.v_init * share * dtype(digits.last(self.time_steps))
        if self.op.name == "SignedInverseLeakyIF":  # its spikes write a magnitude
            offset = offset * np.sign(current + self.bias)
        values |= {"v": current + self.bias + offset, "current": np.zeros_like(current)}
        total = np.zeros_like(current)
        for t in range(self.time_steps):
            results = self.op.step(*(values[name] for name in self.op.inputs))
            outputs = dict(zip(self.op.outputs, results, strict=True))
            total += outputs["spike"] * dtype(digits.leak**-t)
            values |= {name: outputs[after] for name, after in self.op.state.items()}
        return np.asarray(total * values["v_threshold"])
