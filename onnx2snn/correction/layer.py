"""One layer of neurons under calibration."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.correction.firing_alone import advance, written_output
from onnx2snn.correction.mean_spikes import mean_over_steps
from onnx2snn.correction.taking_in import start_with_whole_input, take_in_first
from onnx2snn.graph import array, set_array
from onnx2snn.methods.spike_weights import SpikeWeights
from onnx2snn.ops import ALL_OPS
from onnx2snn.ops.predicates import sends_weighted_spikes
from onnx2snn.runtime.firing import native_firing
from onnx2snn.schedules import spike_weights_of
from onnx2snn.schedules.initial_states import set_starting_value, starting_value
from onnx2snn.schedules.waiting import delay_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    import onnx_ir as ir

    from onnx2snn.correction.grid import Grid
    from onnx2snn.data.input_specs import Arrays
    from onnx2snn.ops import StepOp

__all__ = ["Layer", "Sample"]

_CACHED = 2**15
"""Number of neurons that fire together: their states stay in the cache of a processor."""

_NEGATIVE = "v_threshold_negative"


@dataclasses.dataclass(frozen=True)
class Sample:
    """One batch as a layer sees it.

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

    A correction may change ``bias``, ``v_threshold`` and ``v_init``.

    Attributes:
        neuron: The node of the single-step graph.
        op: Its operator.
        v_threshold: Threshold, in a shape that broadcasts to the current.
        v_init: Initial potential, likewise.
        bias: Bias that is added to the current, likewise, or with one more axis in front, of
            length T, for each step; 0 at first.
        other_inputs: The further inputs of the node by name: states that start as they do,
            thresholds.
        time_steps: T.
        samples: The calibration data, one entry a batch; an entry is loaded when it is read.
        spike_weights: Weights of its spikes.
        fires_alone: Whether it fires once its input is complete, and not beside other layers.
        delay: Steps of its input that it takes in before it fires.
        channel_axis: Axis of the activation that counts features; None if none is known.
        bound: Largest magnitude that the activation can have; None if it has no limit.
        signed: Whether the activation can be negative.
    """

    neuron: ir.Node
    op: StepOp
    v_threshold: np.ndarray
    v_init: np.ndarray
    bias: np.ndarray
    other_inputs: Arrays
    time_steps: int
    samples: Iterable[Sample] = ()
    spike_weights: SpikeWeights = dataclasses.field(default_factory=SpikeWeights)
    fires_alone: bool = False
    delay: int = 0
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
        names = op.inputs
        inputs = dict(zip(names, neuron.inputs, strict=True))
        del inputs["current"]
        values = {}
        for name, value in inputs.items():
            is_state = name in op.state
            values[name] = starting_value(value) if is_state else array(value)
        v_threshold = values.pop("v_threshold")
        v_init = values.pop("v")
        if v_threshold.ndim == 0:
            shape = [1] * rank
            v_threshold = v_threshold.reshape(shape)
        return cls(
            neuron=neuron,
            op=op,
            v_threshold=v_threshold,
            v_init=v_init,
            bias=np.zeros_like(v_threshold),
            other_inputs=values,
            time_steps=time_steps,
            spike_weights=spike_weights_of(neuron),
            fires_alone=layerwise,
            delay=delay_of(neuron),
        )

    def write(self) -> None:
        """Put thresholds and initial potential into the graph."""
        names = self.op.inputs
        inputs = dict(zip(names, self.neuron.inputs, strict=True))
        set_array(inputs["v_threshold"], self.v_threshold)
        set_starting_value(inputs["v"], self.v_init)
        if _NEGATIVE in inputs:
            negative = self.other_inputs[_NEGATIVE]
            set_array(inputs[_NEGATIVE], negative)

    def parameters(self) -> Arrays:
        """Return what a correction may change, by name."""
        own = {
            "v_threshold": self.v_threshold,
            "v_init": self.v_init,
            "bias": self.bias,
        }
        names = self.other_inputs.keys() & {_NEGATIVE}
        return own | {name: self.other_inputs[name] for name in names}

    def set_parameters(self, parameters: Arrays) -> None:
        """Take over what ``parameters`` returned."""
        others = dict(parameters)
        self.v_threshold = others.pop("v_threshold")
        self.v_init = others.pop("v_init")
        self.bias = others.pop("bias")
        self.other_inputs = self.other_inputs | others

    def scale(self, factor: np.ndarray) -> None:
        """Multiply thresholds and initial potential by ``factor``, which broadcasts to them."""
        dtype = self.v_threshold.dtype
        v_threshold = self.v_threshold * factor
        self.v_threshold = v_threshold.astype(dtype)
        v_init = self.v_init * factor
        self.v_init = v_init.astype(dtype)
        if _NEGATIVE in self.other_inputs:
            negative = self.other_inputs[_NEGATIVE] * factor
            scaled = {_NEGATIVE: negative.astype(dtype)}
            self.other_inputs = self.other_inputs | scaled

    def scaled(self, factor: np.ndarray) -> Self:
        """Return a copy whose thresholds and initial potential are ``factor`` times as large."""
        copy = dataclasses.replace(self)
        copy.scale(factor)
        return copy

    @property
    def shared_axes(self) -> tuple[int, ...]:
        """The axes of an activation along which parameters are the same."""
        lengths = enumerate(self.v_threshold.shape)
        return tuple(axis for axis, length in lengths if length == 1)

    @property
    def has_step_bias(self) -> bool:
        """Whether each step has a bias of its own."""
        return self.bias.ndim > self.v_threshold.ndim

    def thinned(self, sample: Sample, grid: Grid) -> Sample:
        """Return ``sample`` at the positions of ``grid``, of all samples and channels."""
        shape = sample.target.shape
        channel_axis = 1 if self.channel_axis is None else self.channel_axis
        kept_axes = {0, channel_axis}
        thinned_axes = [axis for axis in self.shared_axes if axis not in kept_axes]
        positions = [slice(None)] * len(shape)
        found = grid.positions_along(shape[axis] for axis in thinned_axes)
        for axis, along in zip(thinned_axes, found, strict=True):
            positions[axis] = along
        time_axes = sample.current.ndim - len(shape)
        all_times = [slice(None)] * time_axes
        return Sample(
            current=sample.current[(*all_times, *positions)],
            target=sample.target[tuple(positions)],
        )

    def spikes(self, current: np.ndarray) -> np.ndarray:
        """Return the spikes that the neurons send.

        Args:
            current: Input current without the bias, [T, N, ...], or [N, ...] if it is constant.

        Returns:
            Spikes, int8, [T, N, ...].
        """
        values = dict(self.other_inputs)
        values["v"] = self.v_init
        values["v_threshold"] = self.v_threshold
        fire = native_firing(self.op)
        all_arrays = (current, self.bias, *values.values())
        are_floats = all(data.dtype == np.float32 for data in all_arrays)
        if fire is None or not are_floats:
            return self._fire_in_cache(current, values)
        total = current + self.bias if np.any(self.bias) else current
        total, values = self._from_first_spike_on(total, values)
        is_same_in_each_step = not self.varies(total)
        stream = total[np.newaxis] if is_same_in_each_step else total
        return fire(stream, values, self.time_steps)

    def _fire_in_cache(self, current: np.ndarray, values: Arrays) -> np.ndarray:
        """Return the spikes, computed in NumPy a few samples at a time.

        Args:
            current: Input current without the bias, [T, N, ...] or [N, ...].
            values: The other inputs of the operator, by name.
        """
        varies = self.varies(current)
        shape = current.shape[1:] if varies else current.shape
        shape_of_all = (self.time_steps, *shape)
        spikes = np.empty(shape_of_all, np.int8)
        has_axes = bool(shape)
        first_axis_is_batch = has_axes and self.v_threshold.shape[0] == 1
        if not first_axis_is_batch:
            self._fire(current, values, spikes)
            return spikes
        neurons_a_row = math.prod(shape[1:])
        rows_in_cache = _CACHED // max(1, neurons_a_row)
        rows = max(1, rows_in_cache)
        for start in range(0, shape[0], rows):
            part = slice(start, start + rows)
            part_of_current = current[:, part] if varies else current[part]
            part_of_spikes = spikes[:, part]
            self._fire(part_of_current, values, part_of_spikes)
        return spikes

    def mean_output(self, current: np.ndarray) -> np.ndarray:
        """Return the mean over T steps of what the neurons send, [N, ...], for ``current``.

        It is the number that their spikes write, each by its weight.
        """
        if self.fires_alone:
            return written_output(self, current + self.bias)
        spikes = self.spikes(current)
        mean = mean_over_steps(spikes, current.dtype, self.spike_weights)
        weighted = mean * self.v_threshold
        return np.asarray(weighted)

    def varies(self, current: np.ndarray) -> bool:
        """Return whether a current is another one in each step, [T, N, ...]."""
        return current.ndim > self.v_threshold.ndim

    def _fire(self, current: np.ndarray, values: Arrays, spikes: np.ndarray) -> None:
        """Write the spikes for ``current`` into ``spikes``, [T, N, ...]."""
        total, values = self._from_first_spike_on(current + self.bias, values)
        values = dict(values)
        varies = self.varies(total)
        for t in range(self.time_steps):
            values["current"] = total[t] if varies else total
            spikes[t] = advance(self.op, values)

    def _from_first_spike_on(
        self, current: np.ndarray, others: Arrays
    ) -> tuple[np.ndarray, Arrays]:
        """Return the input in the steps in which the neurons fire, and the other inputs then."""
        if not sends_weighted_spikes(self.neuron):
            return current, others
        if self.varies(current):
            return take_in_first(current, others, self.delay)
        return start_with_whole_input(
            current, others, self.spike_weights, self.time_steps
        )
