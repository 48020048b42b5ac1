"""Check whether feeds fit the inputs of a network."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

from onnx2snn.errors import RuntimeShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import numpy as np

    from onnx2snn.data.input_specs import InputSpec

    Feeds: TypeAlias = Mapping[str, np.ndarray]
    Run: TypeAlias = Callable[[Feeds], list[np.ndarray]]

__all__ = ["check_feeds"]


def check_feeds(
    arrays: Feeds,
    inputs: Sequence[InputSpec],
    events: Collection[str],
    time_steps: int | None,
) -> None:
    """Refuse feeds that a network does not run on.

    Args:
        arrays: The feeds, by name.
        inputs: The inputs of the network.
        events: Names of those inputs that are events, [T, N, ...].
        time_steps: T that is asked for; None for as many steps as there are events.

    Raises:
        RuntimeShapeError: They do not fit; all problems are told at once.
    """
    names = {spec.name for spec in inputs}
    problems = [f"no input {name!r}" for name in arrays if name not in names]
    for spec in inputs:
        data = arrays.get(spec.name)
        problems += _input_problems(data, spec, is_events=spec.name in events)
    if not problems:
        lengths = {name: len(arrays[name]) for name in events}
        problems = _length_problems(lengths, time_steps)
    if problems:
        lines = ["the feeds do not fit the network:", *problems]
        raise RuntimeShapeError("\n  ".join(lines))


def _input_problems(
    data: np.ndarray | None, spec: InputSpec, *, is_events: bool
) -> list[str]:
    if data is None:
        return [f"missing input {spec}"]
    described = _described_events(spec) if is_events else str(spec)
    if data.dtype != spec.dtype:
        return [f"input {described} was given {data.dtype}"]
    if not _fits_shape(data.shape, spec.shape):
        return [f"input {described} was given shape {list(data.shape)}"]
    return []


def _described_events(spec: InputSpec) -> str:
    """Return one step of the events in words, and that there are several."""
    if spec.shape is None:
        return str(spec)
    one_step = dataclasses.replace(spec, shape=spec.shape[1:])
    return f"{one_step}, with an axis for time in front,"


def _fits_shape(shape: tuple[int, ...], wanted: tuple[int | None, ...] | None) -> bool:
    """Whether an array has the shape of an input, whose sizes may be free."""
    if wanted is None:
        return True
    if len(shape) != len(wanted):
        return False
    pairs = zip(shape, wanted, strict=True)
    return all(size in (None, length) for length, size in pairs)


def _length_problems(lengths: Mapping[str, int], time_steps: int | None) -> list[str]:
    """Return what is wrong with the numbers of steps of the events."""
    if len(set(lengths.values())) > 1:
        return [f"events differ in their number of steps, axis 0: {dict(lengths)}"]
    wanted = 1 if time_steps is None else time_steps
    return [
        f"input {name!r} holds events of {length} steps, and T = {wanted} is asked for"
        for name, length in lengths.items()
        if length < wanted
    ]
