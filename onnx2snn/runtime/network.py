"""A converted network, ready to run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.data.input_specs import input_specs
from onnx2snn.errors import InvalidModelError, OptionError, RuntimeShapeError
from onnx2snn.graph import array
from onnx2snn.metadata.facts import DEFAULT_TIME_STEPS, INPUT_CODINGS
from onnx2snn.metadata.input_coding import EVENTS
from onnx2snn.runtime.split import split
from onnx2snn.schedules import LOOP_NAME, checked_time_steps, time_loops

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import onnx_ir as ir

    from onnx2snn.data.input_specs import InputSpec

    Run = Callable[[Mapping[str, np.ndarray]], list[np.ndarray]]
    Runtime = Callable[[Path | ir.Model], Run]

__all__ = ["Network"]


class Network:
    """A spiking network as it was emitted, with a runtime that executes it.

    Args:
        model: An emitted network.
        runtime: What makes a model a function from feeds to outputs, in order.
        path: Its file, for the runtime to open; None to open ``model``.

    Attributes:
        inputs: What the network must be fed, in the ANN's own names.
        events: Names of those inputs that are events, [T, N, ...]: T is their length.
        outputs: Names of the outputs, the ANN's own.
        model: The network as a graph.
        time_steps: T the network was made for; what it runs for if none is given and it has no
            events.

    Raises:
        InvalidModelError: The model has no loop over time of ours.
    """

    def __init__(
        self, model: ir.Model, runtime: Runtime, path: Path | None = None
    ) -> None:
        """Load ``model`` into the runtime."""
        self.model = model
        loops = time_loops(self.model.graph)
        time_steps = next((loop.inputs[0] for loop in loops), None)
        if time_steps is None:
            message = "has no loop over time; convert it with 'onnx2snn convert' first"
            raise InvalidModelError(message)
        self.inputs = input_specs(self.model)
        self.events = _events(self.model)
        self.outputs = tuple(str(value.name) for value in self.model.graph.outputs)
        self.time_steps = _made_for(self.model, time_steps)
        self._tells_all_steps = [
            loop.name for loop in self.model.graph if loop in loops
        ] == [LOOP_NAME]
        self._time_steps_input = (
            str(time_steps.name) if time_steps.is_graph_input() else None
        )
        self._runtime = runtime
        self._run = runtime(model if path is None else path)
        self._parts: tuple[_Part, _Part] | None = None

    def run(
        self,
        feeds: Mapping[str, np.ndarray] | np.ndarray,
        T: int | None = None,  # noqa: N803 (the usual name)
    ) -> dict[str, np.ndarray]:
        """Return the outputs after T steps.

        Args:
            feeds: One array for each input; an array alone is that of the only input.
            T: Number of time steps, >= 1; None for the number the network was made for, or for
                as many as there are events.

        Raises:
            RuntimeShapeError: A feed is missing, has another type or shape than its input, or
                holds events of fewer than T steps.
            OptionError: ``T`` is less than 1.
        """
        if not isinstance(feeds, Mapping):
            feeds = {self._only_input(): feeds}
        arrays = self._checked(feeds, None if T is None else checked_time_steps(T))
        return dict(zip(self.outputs, self._run(arrays), strict=True))

    def steps_in(self, feeds: Mapping[str, np.ndarray]) -> int:
        """Return for how many steps the network runs on ``feeds`` if none are given."""
        lengths = [len(feeds[name]) for name in self.events if name in feeds]
        return min(lengths, default=self.time_steps)

    def run_at(
        self, feeds: Mapping[str, np.ndarray], steps: Sequence[int]
    ) -> dict[int, dict[str, np.ndarray]]:
        """Return the outputs after each of several numbers of steps.

        All come from one run, unless the network stands in the branches of an If, or its layers
        fire one after another: what they send is then known for one T only.

        Args:
            feeds: One array for each input.
            steps: Numbers of time steps, >= 1; the network runs for the largest.

        Raises:
            RuntimeShapeError: A feed is missing, or has another type or shape than its input.
            OptionError: A number of steps is less than 1, or there is none.
        """
        if not steps:
            message = "no number of time steps is given"
            raise OptionError(message)
        if not self._tells_all_steps:
            return {t: self.run(feeds, t) for t in steps}
        if self._parts is None:
            trunk, readout = split(self.model.clone())
            self._parts = _Part(trunk, self._runtime), _Part(readout, self._runtime)
        trunk_part, readout_part = self._parts
        wanted = [checked_time_steps(t) for t in steps]
        arrays = self._checked(feeds, max(wanted))
        carried = trunk_part.run(arrays)
        return {
            t: readout_part.run(
                arrays
                | {name: np.asarray(data[t - 1]) for name, data in carried.items()}
            )
            for t in wanted
        }

    def _only_input(self) -> str:
        if len(self.inputs) != 1:
            names = ", ".join(repr(spec.name) for spec in self.inputs)
            message = f"the network has the inputs {names}: give a dict with an array for each"
            raise RuntimeShapeError(message)
        return self.inputs[0].name

    def _checked(
        self, feeds: Mapping[str, np.ndarray], time_steps: int | None
    ) -> dict[str, np.ndarray]:
        """Return what the runtime is fed, for so many steps."""
        arrays = {name: np.asarray(data) for name, data in feeds.items()}
        problems = [
            f"no input {name!r}" for name in arrays if name not in self._names()
        ]
        for spec in self.inputs:
            if spec.name not in arrays:
                problems.append(f"missing input {spec}")
                continue
            problem = _problem(arrays[spec.name], spec.shape, spec.dtype)
            problems += [f"input {self._described(spec)} {problem}"] if problem else []
        if not problems:
            problems = _length_problems(
                {name: len(arrays[name]) for name in self.events}, time_steps
            )
        if problems:
            raise RuntimeShapeError(
                "\n  ".join(["the feeds do not fit the network:", *problems])
            )
        if self._time_steps_input is None:
            return arrays | {name: arrays[name][:time_steps] for name in self.events}
        count = self.time_steps if time_steps is None else time_steps
        return arrays | {self._time_steps_input: np.array(count, np.int64)}

    def _described(self, spec: InputSpec) -> str:
        if spec.name not in self.events or spec.shape is None:
            return str(spec)
        one_step = dataclasses.replace(spec, shape=spec.shape[1:])
        return f"{one_step}, with an axis for time in front,"

    def _names(self) -> set[str]:
        return {spec.name for spec in self.inputs}


def _events(model: ir.Model) -> tuple[str, ...]:
    codings = json.loads(INPUT_CODINGS.read(model) or "{}")
    return tuple(name for name, coding in codings.items() if coding == EVENTS)


def _made_for(model: ir.Model, time_steps: ir.Value) -> int:
    """Return T that a network was made for: the default of its input, or what the file says."""
    if time_steps.const_value is not None:
        return int(array(time_steps))
    made_for = DEFAULT_TIME_STEPS.read(model)
    if made_for is None or not _events(model):
        message = (
            "takes events, but its metadata do not say which of its inputs are events"
        )
        raise InvalidModelError(message)
    return int(made_for)


def _length_problems(lengths: Mapping[str, int], time_steps: int | None) -> list[str]:
    """Say what is wrong with the numbers of steps of the events."""
    if len(set(lengths.values())) > 1:
        return [f"events differ in their number of steps, axis 0: {dict(lengths)}"]
    wanted = 1 if time_steps is None else time_steps
    return [
        f"input {name!r} holds events of {length} steps, and T = {wanted} is asked for"
        for name, length in lengths.items()
        if length < wanted
    ]


def _problem(
    data: np.ndarray, shape: tuple[int | None, ...] | None, dtype: np.dtype
) -> str | None:
    if data.dtype != dtype:
        return f"was given {data.dtype}"
    if shape is None:
        return None
    fits = len(shape) == data.ndim and all(
        size in {None, length} for size, length in zip(shape, data.shape, strict=True)
    )
    return None if fits else f"was given shape {list(data.shape)}"


class _Part:
    """One half of a network."""

    def __init__(self, model: ir.Model, runtime: Runtime) -> None:
        self._inputs = [str(value.name) for value in model.graph.inputs]
        self._outputs = [str(value.name) for value in model.graph.outputs]
        self._run = runtime(model)

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        results = self._run({name: arrays[name] for name in self._inputs})
        return dict(zip(self._outputs, results, strict=True))
