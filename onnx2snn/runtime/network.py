"""A converted network, ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from onnx2snn.arguments import checked_keywords
from onnx2snn.errors import RuntimeShapeError
from onnx2snn.metadata.facts import EARLY_EXIT
from onnx2snn.metadata.input_coding import event_inputs_of
from onnx2snn.metadata.step_count import LATENCY, WEIGHT_PASSES
from onnx2snn.methods.layouts import MULTISTEP, STEP
from onnx2snn.runtime.feeds import (
    check_event_lengths,
    explain_broken_names,
    read_feeds,
)
from onnx2snn.runtime.layouts import laid_out, layout_of
from onnx2snn.runtime.memory import MEMORY_LIMIT, samples_within
from onnx2snn.runtime.picture import draw_network
from onnx2snn.runtime.recording import Recordings
from onnx2snn.runtime.split import split_behind_steps, tells_all_steps
from onnx2snn.runtime.stepping import Stepper
from onnx2snn.runtime.time_input import TimeInput, network_inputs
from onnx2snn.schedules import checked_time_steps, latency_of, several_time_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import onnx_ir as ir

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.runtime.feeds import AnyFeeds, Run
    from onnx2snn.runtime.recording import AnyNames, Recorded

    Runtime: TypeAlias = Callable[[Path | ir.Model], Run]

__all__ = ["Network"]


class Network:
    """A spiking network as it was emitted, with a runtime that executes it.

    Args:
        model: An emitted network.
        runtime: Makes a model a function from feeds to outputs, in order.
        path: Its file, for the runtime to open; None to open ``model``.
        files: The files that it was read from.

    Attributes:
        inputs: The inputs of the network, with the ANN's own names.
        events: Names of those inputs that are events, [T, N, ...]: T is their length.
        outputs: Names of the outputs, the ANN's own.
        steps_output: Name of the output that holds the steps that each sample took, None if all
            take all. It is one of ``outputs``, and none of the ANN.
        model: The network as an ``onnx_ir.Model``.
        path: Its file, None if it was not loaded from one that stays open.
        files: The files that it was read from, with those of its weights.
        T: Number of time steps the network was made for; it runs for that if none is given and
            it has no events.

    Raises:
        InvalidModelError: The model has no loop over time of ours.
    """

    def __init__(
        self,
        model: ir.Model,
        runtime: Runtime,
        path: Path | None = None,
        files: tuple[str, ...] = (),
    ) -> None:
        """Load ``model`` into the runtime."""
        self.model = model
        self.path = path
        self.files = files
        self._time = TimeInput.of(model)
        self.inputs = network_inputs(model)
        self.events = event_inputs_of(model)
        self.outputs = tuple(str(value.name) for value in model.graph.outputs)
        early_exit = EARLY_EXIT.read(model)
        self.steps_output = None if early_exit is None else str(early_exit["steps"])
        self.T = self._time.made_for
        self._tells_all_steps = tells_all_steps(model.graph)
        self._runtime = runtime
        source = model if path is None else path
        self._recordings = Recordings(model, runtime, runtime(source))
        self._parts: tuple[_Part, _Part] | None = None
        self._stepper: Stepper | None = None

    def _repr_html_(self) -> str:
        """Return it as a notebook shows it: what it takes and gives, and its layers."""
        facts = {
            "Spiking network": f"T = {self.T}, answer after {self.latency_steps()} steps",
            "in": ", ".join(map(str, self.inputs)),
            "out": ", ".join(self.outputs),
        }
        return draw_network(self.model, facts)

    @property
    def time_steps(self) -> int:
        """The older name of ``T``."""
        return self.T

    def latency_steps(
        self,
        T: int | None = None,  # noqa: N803 (the usual name)
    ) -> int:
        """Return the number of steps until the outputs are there.

        Args:
            T: Number of time steps; None for the number the network was made for.
        """
        time_steps = self.T if T is None else checked_time_steps(T)
        latency = LATENCY.read(self.model) or latency_of(self.model.graph)
        return latency.at(time_steps)

    def weight_passes(
        self,
        T: int | None = None,  # noqa: N803 (the usual name)
    ) -> int | None:
        """Return how often the weights multiply for an answer; None where the file does not say.

        Args:
            T: Number of time steps; None for the number the network was made for.
        """
        time_steps = self.T if T is None else checked_time_steps(T)
        passes = WEIGHT_PASSES.read(self.model)
        return None if passes is None else passes.at(time_steps)

    @checked_keywords(time_steps="T")
    def run(
        self,
        feeds: AnyFeeds,
        T: int | None = None,  # noqa: N803 (the usual name)
        *,
        record: AnyNames | None = None,
        layers: AnyNames | None = None,
    ) -> Recorded:
        """Return the outputs after T steps by name, and what was recorded.

        Args:
            feeds: One array for each input; an array alone is that of the only input. Tensors of
                any framework and nested lists count as arrays. Values of another type become
                that of the input, real numbers of real ones, integers of integers in its range.
            T: Number of time steps, >= 1; None for the number the network was made for, or for
                as many as there are events.
            record: What to record of the neurons in every step: ``spikes``, ``potential``,
                ``current``, or several of them. The result has it in ``layers``.
            layers: Names of the layers to record, as in the report; None for all.

        Raises:
            RuntimeShapeError: A feed is missing, has another shape or another kind of values
                than its input, values that are not finite, or events of fewer than T steps.
            OptionError: ``T`` is no whole number, or less than 1; or there is nothing of that
                kind or name to record.
        """
        time_steps = None if T is None else checked_time_steps(T)
        run = self._recordings.run_for(record, layers)
        arrays = self._checked_feeds(feeds, time_steps)
        with explain_broken_names(self.inputs, arrays):
            return run(arrays)

    def samples_at_once(
        self,
        T: int | None = None,  # noqa: N803 (the usual name)
        memory_limit: int = MEMORY_LIMIT,
    ) -> int | None:
        """Return how many samples a run is to be given, so that it stays within a limit of memory.

        Args:
            T: Number of time steps; None for the number the network was made for.
            memory_limit: Bytes that the largest value of all time steps may take.

        Returns:
            The number, at least 1; None if memory does not depend on T: time is in a Loop.
        """
        if layout_of(self.model) != MULTISTEP:
            return None
        time_steps = self.T if T is None else checked_time_steps(T)
        return samples_within(self.model.graph, time_steps, memory_limit)

    def steps_in(self, feeds: Feeds) -> int:
        """Return for how many steps the network runs on ``feeds`` if none are given."""
        lengths = [len(feeds[name]) for name in self.events if name in feeds]
        return min(lengths, default=self.T)

    @checked_keywords(steps="T", time_steps="T")
    def run_at(
        self,
        feeds: AnyFeeds,
        T: int | Iterable[int],  # noqa: N803 (the usual name)
    ) -> dict[int, dict[str, np.ndarray]]:
        """Return the outputs after each of several numbers of steps.

        All come from one run, unless the network stands in the branches of an If, or its layers
        fire one after another: what they send is then known for one T only.

        Args:
            feeds: As ``run`` takes them.
            T: Numbers of time steps, >= 1, or a single one; the network runs for the largest.

        Raises:
            RuntimeShapeError: A feed is missing, or does not fit its input.
            OptionError: A number of steps is less than 1, or there is none.
        """
        wanted = several_time_steps(T)
        if not self._tells_all_steps:
            return {t: self.run(feeds, t) for t in wanted}
        trunk, readout = self._trunk_and_readout()
        most = self._time.steps_to_run(max(wanted))
        arrays = self._checked_feeds(feeds, most)
        with explain_broken_names(self.inputs, arrays):
            carried = trunk.run(arrays)
        outputs = {}
        for t in wanted:
            after_t = {name: np.asarray(data[t - 1]) for name, data in carried.items()}
            known = arrays | after_t
            outputs[t] = readout.run(known)
        return outputs

    def step(self, feeds: AnyFeeds) -> dict[str, np.ndarray]:
        """Return the outputs after one more step, by name; the network keeps its states.

        After t steps on one input they are those of ``run`` with T = t. Inputs may differ from
        step to step, as the frames of a camera do.

        Args:
            feeds: As ``run`` takes them; events without the axis of time, [N, ...].

        Raises:
            RuntimeShapeError: A feed is missing, or does not fit its input, or has another shape
                than in the step before; ``reset`` allows that.
            OptionError: The network cannot run one step alone: it is not of the schedule
                ``lockstep`` with a Loop, or that ends early.
        """
        given = self._by_name(feeds)
        return self._opened_stepper().step(given)

    def reset(self) -> None:
        """Let the next ``step`` be the first of a new run."""
        if self._stepper is not None:
            self._stepper.reset()

    def _opened_stepper(self) -> Stepper:
        """Return the network of one step; opened when first asked for."""
        if self._stepper is None:
            self._stepper = Stepper(laid_out(self.model, STEP), self._runtime)
        return self._stepper

    def _trunk_and_readout(self) -> tuple[_Part, _Part]:
        """Return the steps, and the part behind them; opened when first asked for."""
        if self._parts is None:
            copy = self.model.clone()
            trunk, readout = split_behind_steps(copy)
            trunk_part = _Part(trunk, self._runtime)
            readout_part = _Part(readout, self._runtime)
            self._parts = trunk_part, readout_part
        return self._parts

    def _only_input(self) -> str:
        if len(self.inputs) != 1:
            names = ", ".join(repr(spec.name) for spec in self.inputs)
            message = f"the network has the inputs {names}: give a dict with an array for each"
            raise RuntimeShapeError(message)
        return self.inputs[0].name

    def _checked_feeds(
        self, given: AnyFeeds, time_steps: int | None
    ) -> dict[str, np.ndarray]:
        """Return the feeds of the runtime, for so many steps; refuse those that do not fit."""
        arrays = read_feeds(self._by_name(given), self.inputs, self.events)
        check_event_lengths(arrays, self.events, time_steps)
        if self.events:
            for name in self.events:
                arrays[name] = arrays[name][:time_steps]
            return arrays
        return arrays | self._time.feed(time_steps)

    def _by_name(self, given: AnyFeeds) -> Mapping[str, object]:
        return given if isinstance(given, Mapping) else {self._only_input(): given}


class _Part:
    """One half of a network."""

    def __init__(self, model: ir.Model, runtime: Runtime) -> None:
        self._inputs = [str(value.name) for value in model.graph.inputs]
        self._outputs = [str(value.name) for value in model.graph.outputs]
        self._run = runtime(model)

    def run(self, arrays: Feeds) -> dict[str, np.ndarray]:
        feeds = {name: arrays[name] for name in self._inputs}
        results = self._run(feeds)
        return dict(zip(self._outputs, results, strict=True))
