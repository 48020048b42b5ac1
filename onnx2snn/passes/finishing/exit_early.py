"""Let a Loop over time end once the answers of all samples are safe."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.arguments import checked_value
from onnx2snn.calibration.early_exit import DISAGREEMENT, choose_rule
from onnx2snn.compilation import load
from onnx2snn.data.events import time_first
from onnx2snn.errors import CalibrationError, OptionError, UnsupportedError
from onnx2snn.graph import closure, dependency_graph, is_float
from onnx2snn.metadata.facts import EARLY_EXIT
from onnx2snn.schedules import (
    LOOP_NAME,
    exit_early,
    has_weighted_spikes,
    time_loops,
    time_steps_of,
    write_step_counts,
)

if TYPE_CHECKING:
    from onnx2snn.data.dataset import Dataset

__all__ = ["ExitEarly"]

_ROWS = 16
"""Calibration samples that are run at a time."""


@dataclasses.dataclass(frozen=True)
class ExitEarly(ir.passes.InPlacePass):
    """Let the Loop over time end once the answers of all samples are safe.

    With y(t) the outputs after t steps, s(t) the first that holds scores, and m a margin:

        before:  Loop(T) { ... };  y = y(T)
        after:   Loop(T, while a sample has not stopped) {
                     ...;  y_held = y(t) where the sample has not stopped
                     it stops where t (largest - second largest of s(t)) >= m }
                 y = y_held, and the steps that each sample took as one more output

    The margin is the smallest one from which on few enough calibration samples get another answer
    than after T steps, told without labels. Outputs of samples whose margin never gets there are
    those after T steps. The network is finished otherwise, in lockstep, in a Loop. A model without
    time steps is left alone.

    Attributes:
        data: Calibration data.
        disagreement: Part of the samples whose answer may be another one, from 0 to 1.

    Raises:
        OptionError: There is no calibration data, or the network is not of that schedule.
        UnsupportedError: No output holds scores of classes, or an output that changes over time
            does not have the samples first.
    """

    data: Dataset | None = None
    disagreement: float = DISAGREEMENT

    def __post_init__(self) -> None:
        """Check the options."""
        part = checked_value("disagreement", self.disagreement, float)
        if not 0 <= part <= 1:
            message = f"disagreement must be from 0 to 1, not {part}"
            raise OptionError(message)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite the Loop of the main graph."""
        if time_steps_of(model.graph) is None or EARLY_EXIT.is_on(model):
            return ir.passes.PassResult(model, modified=False)
        loop = _only_loop(model.graph)
        if self.data is None:
            message = (
                "early_exit needs calibration data, on which it chooses the margin that is safe; "
                "give some, with --calibration"
            )
            raise OptionError(message)
        scores = _scores_among_outputs(model.graph, loop)
        rule = choose_rule(self._run_all_steps(model, scores), self.disagreement)
        name = str(scores.name)
        steps = exit_early(loop, scores, rule.margin)
        facts = dataclasses.asdict(rule) | {"scores": name, "steps": str(steps.name)}
        EARLY_EXIT.write(model, facts)
        write_step_counts(model)
        return ir.passes.PassResult(model, modified=True)

    def _run_all_steps(self, model: ir.Model, scores: ir.Value) -> np.ndarray:
        """Return the scores after each step, [T, samples, classes]."""
        assert self.data is not None  # it was checked
        network = load(model)
        steps = range(1, network.T + 1)
        found = []
        for batch in self.data.batches(_ROWS):
            feeds = time_first(batch.feeds, network.events)
            outputs = network.run_at(feeds, steps)
            of_steps = [outputs[t][str(scores.name)][: batch.valid] for t in steps]
            found.append(np.stack(of_steps).reshape(len(steps), batch.valid, -1))
        joined = np.concatenate(found, axis=1)
        if not np.isfinite(joined).all():
            message = f"output {scores.name!r} is not finite on the calibration data"
            raise CalibrationError(message)
        return joined


def _only_loop(graph: ir.Graph) -> ir.Node:
    """Return the only Loop over time; refuse networks that have others, or none."""
    loops = time_loops(graph)
    is_in_lockstep = not has_weighted_spikes(graph)
    for loop in loops:
        is_in_lockstep &= loop.name == LOOP_NAME and loop.graph is graph
    if len(loops) == 1 and is_in_lockstep:
        return loops[0]
    message = (
        "early_exit needs a single Loop over the steps of all layers: the schedule lockstep, the "
        "layout loop, and no spiking networks in the branches of an If"
    )
    raise OptionError(message)


def _scores_among_outputs(graph: ir.Graph, loop: ir.Node) -> ir.Value:
    """Return the first output that holds scores of classes, and changes over time."""
    behind = closure(dependency_graph(graph), [loop])
    varying = [value for value in graph.outputs if value.producer() in behind]
    found = next(filter(_holds_scores, varying), None)
    if found is None:
        names = ", ".join(f"{value.name!r} {value.shape}" for value in varying)
        message = (
            "early_exit needs an output of scores, [N, classes], of two classes or more, which "
            f"changes over time; there is {names or 'none that does'}"
        )
        raise UnsupportedError(message)
    for value in varying:
        if not _has_samples_of(value, found):
            message = (
                f"early_exit needs outputs with the samples first, as {found.name!r} "
                f"{found.shape} has them; {value.name!r} is {value.shape}"
            )
            raise UnsupportedError(message)
    return found


def _holds_scores(value: ir.Value) -> bool:
    """Whether a value has several numbers for each sample, along one axis."""
    if not is_float(value) or value.shape is None:
        return False
    sizes = [size for size in value.shape[1:] if size != 1]
    return len(sizes) == 1 and isinstance(sizes[0], int)


def _has_samples_of(value: ir.Value, scores: ir.Value) -> bool:
    """Whether the first axis of an output is that of the scores."""
    assert scores.shape is not None  # it was looked at
    if value.shape is None or not value.shape.rank():
        return False
    return bool(value.shape[0] == scores.shape[0])
