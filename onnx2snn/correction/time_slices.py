"""All time steps of a part of a network, some steps at a time: memory then holds them once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.ops import ALL_OPS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from onnx2snn.data.input_specs import Arrays
    from onnx2snn.runtime.subgraph import Subgraph

__all__ = ["run_in_slices", "steps_at_once"]

_NUMBERS = 2**23
"""Numbers of an output that are computed at once, if these are not of one step: 32 MB."""


def steps_at_once(numbers: int) -> int:
    """Return how many steps of an output of so many numbers are computed at once, >= 1."""
    return max(1, _NUMBERS // max(1, numbers))


def run_in_slices(
    subgraph: Subgraph,
    feeds: Arrays,
    streams: Collection[str],
    steps: int,
    varies: Callable[[np.ndarray], bool],
) -> np.ndarray:
    """Return the one output of a subgraph, [T, N, ...], or [N, ...] if it does not vary.

    A part that has states, or draws numbers, cannot stop between two steps: it runs through.

    Args:
        subgraph: The subgraph.
        feeds: Its inputs.
        streams: Names of those inputs that may be streams, [T, N, ...].
        steps: Number of steps at a time.
        varies: Whether an output is one of each step.
    """
    read = [name for name in subgraph.inputs if name in streams]
    time_steps = max((len(feeds[name]) for name in read), default=0)
    has_states = not ALL_OPS.keys().isdisjoint(subgraph.operators)
    if has_states or time_steps <= steps:
        return subgraph.run(feeds)[0]
    slices = [slice(start, start + steps) for start in range(0, time_steps, steps)]
    first = _run_slice(subgraph, feeds, read, slices[0])
    if not varies(first):
        return first
    output = np.empty((time_steps, *first.shape[1:]), first.dtype)
    output[slices[0]] = first
    for of_steps in slices[1:]:
        output[of_steps] = _run_slice(subgraph, feeds, read, of_steps)
    return output


def _run_slice(
    subgraph: Subgraph, feeds: Arrays, streams: Collection[str], steps: slice
) -> np.ndarray:
    """Return the output in some steps."""
    of_steps = {name: feeds[name][steps] for name in streams}
    return subgraph.run(feeds | of_steps)[0]
