"""A network that runs one step at a time, and keeps its states in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.data.input_specs import input_specs
from onnx2snn.errors import RuntimeShapeError
from onnx2snn.metadata.facts import STATES
from onnx2snn.runtime.feeds import read_feeds
from onnx2snn.schedules import StepStates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.runtime.feeds import Run

__all__ = ["Stepper"]


class Stepper:
    """A network of one step, and the states it is in.

    Args:
        model: A network of the layout ``step``.
        runtime: Makes a model a function from feeds to outputs, in order.
    """

    def __init__(self, model: ir.Model, runtime: Callable[[ir.Model], Run]) -> None:
        """Load ``model`` into the runtime; the first step is one from the start."""
        self._names = StepStates(**STATES.read_required(model))
        states = self._names.states
        specs = input_specs(model)
        self._inputs = [spec for spec in specs if spec.name not in self._added]
        self._start = {
            spec.name: np.zeros([1] * len(spec.shape or ()), spec.dtype)
            for spec in specs
            if spec.name in states
        }
        self._outputs = [str(value.name) for value in model.graph.outputs]
        self._run = runtime(model)
        self._states: Feeds = self._start
        self._shapes: dict[str, tuple[int, ...]] = {}

    @property
    def _added(self) -> set[str]:
        """Names of the inputs that the ANN does not have."""
        return {self._names.reset, *self._names.states}

    def reset(self) -> None:
        """Let the next step be a first one."""
        self._states = self._start
        self._shapes = {}

    def step(self, feeds: Mapping[str, object]) -> dict[str, np.ndarray]:
        """Return the outputs after one more step, by name.

        Args:
            feeds: One array for each input, without an axis of time.

        Raises:
            RuntimeShapeError: A feed does not fit its input, or has another shape than in the
                step before.
        """
        arrays = read_feeds(feeds, self._inputs, ())
        shapes = {name: data.shape for name, data in arrays.items()}
        is_first = self._states is self._start
        if not is_first and shapes != self._shapes:
            message = (
                f"the states are those of inputs of the shapes {_described(self._shapes)}, and "
                f"this step has {_described(shapes)}: call reset() before"
            )
            raise RuntimeShapeError(message)
        given = {**arrays, **self._states, self._names.reset: np.array(is_first)}
        results = dict(zip(self._outputs, self._run(given), strict=True))
        states = self._names.states.items()
        self._states = {name: results.pop(after) for name, after in states}
        self._shapes = shapes
        return results


def _described(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
