"""Feeds of a network as users give them: their types, and whether they fit."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from onnx2snn.arguments import did_you_mean
from onnx2snn.data.axes import axes_advice
from onnx2snn.data.axis_names import describe_broken
from onnx2snn.data.input_specs import (
    cast_to_input,
    dtype_advice,
    dtype_problem,
    input_names,
    is_real,
)
from onnx2snn.data.sources import array_of
from onnx2snn.errors import CalibrationError, InvalidModelError, RuntimeShapeError
from onnx2snn.runtime.checking import explain_damage

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    import numpy.typing as npt

    from onnx2snn.data.input_specs import Feeds, InputSpec

    AnyFeeds: TypeAlias = Mapping[str, npt.ArrayLike] | npt.ArrayLike
    Run: TypeAlias = Callable[[Feeds], list[np.ndarray]]

__all__ = ["check_event_lengths", "explain_broken_names", "read_feeds"]


def read_feeds(
    given: Mapping[str, object], inputs: Sequence[InputSpec], events: Collection[str]
) -> dict[str, np.ndarray]:
    """Return feeds as arrays of the types of their inputs.

    Args:
        given: Arrays, tensors of any framework or nested lists, by name.
        inputs: The inputs of the network.
        events: Names of those inputs that are events, [T, N, ...].

    Raises:
        RuntimeShapeError: They do not fit, or have values that are not finite; all problems
            are told at once.
    """
    arrays = {
        spec.name: _array_for(spec, given[spec.name])
        for spec in inputs
        if spec.name in given
    }
    problems = _name_problems(given, inputs)
    for spec in inputs:
        data = arrays.get(spec.name)
        problems += _input_problems(data, spec, is_events=spec.name in events)
    _refuse_problems(problems)
    cast = {spec.name: cast_to_input(arrays[spec.name], spec) for spec in inputs}
    problems = [
        _value_problem(spec, *cast[spec.name], 1 if spec.name in events else 0)
        for spec in inputs
        if cast[spec.name][1]
    ]
    _refuse_problems(problems)
    return {name: values for name, (values, _) in cast.items()}


def check_event_lengths(
    arrays: Feeds, events: Collection[str], time_steps: int | None
) -> None:
    """Refuse events of too few steps.

    Args:
        arrays: The feeds, by name.
        events: Names of those inputs that are events, [T, N, ...].
        time_steps: T that is asked for; None for as many steps as there are events.

    Raises:
        RuntimeShapeError: There are fewer steps, or inputs differ in their number.
    """
    lengths = {name: len(arrays[name]) for name in events}
    _refuse_problems(_length_problems(lengths, time_steps))


@contextlib.contextmanager
def explain_broken_names(inputs: Sequence[InputSpec], arrays: Feeds) -> Iterator[None]:
    """Say of a run that fails where axes of one name differ in size that this is why.

    Args:
        inputs: The inputs of the network.
        arrays: Its feeds.

    Raises:
        RuntimeShapeError: The run fails, for this reason or another of the feeds.
        InvalidModelError: It fails for a reason of the network itself.
    """
    try:
        with explain_damage("the network"):
            yield
    except (RuntimeShapeError, InvalidModelError) as error:
        broken = describe_broken(inputs, arrays)
        if not broken:
            raise
        message = (
            "the network was made for axes that have one size where they have one name, and in "
            f"the feeds, {broken}: convert it again, with such feeds as calibration data"
        )
        raise RuntimeShapeError(message) from error


def _refuse_problems(problems: Sequence[str]) -> None:
    if problems:
        lines = ["the feeds do not fit the network:", *problems]
        raise RuntimeShapeError("\n  ".join(lines))


def _array_for(spec: InputSpec, value: object) -> np.ndarray:
    """Return what is given for an input as an array; Python's whole numbers are real as well."""
    try:
        array = array_of(value)
    except CalibrationError as error:
        message = f"the feed of input {spec.name!r} is no array: {error}"
        raise RuntimeShapeError(message) from error
    is_of_python = isinstance(value, (list, tuple, int))
    if is_of_python and array.dtype == np.dtype(int) and is_real(spec.dtype):
        return array.astype(spec.dtype)
    return array


def _name_problems(given: Iterable[str], inputs: Sequence[InputSpec]) -> list[str]:
    names = input_names(inputs)
    return [
        f"no input {name!r}{did_you_mean(name, names)}"
        for name in given
        if name not in names
    ]


def _input_problems(
    data: np.ndarray | None, spec: InputSpec, *, is_events: bool
) -> list[str]:
    if data is None:
        return [f"missing input {spec}"]
    described = _described_events(spec) if is_events else str(spec)
    if dtype_problem(data.dtype, spec):
        advice = dtype_advice(data.dtype, spec)
        return [f"input {described} was given {data.dtype}{advice}"]
    if not _fits_shape(data.shape, spec.shape):
        advice = "" if is_events else axes_advice(data.shape, spec.shape or ())
        return [f"input {described} was given shape {list(data.shape)}{advice}"]
    return []


def _value_problem(
    spec: InputSpec,
    values: np.ndarray,
    unusable: Mapping[str, int],
    sample_axis: int,
) -> str:
    """Say which values an input cannot take.

    A neuron would answer to one that is not finite as if it were a number.

    Args:
        spec: The input.
        values: Its feed, in its own type.
        unusable: The number of such values, by reason.
        sample_axis: The axis of the samples.
    """
    words = " and ".join(f"{count} values {why}" for why, count in unusable.items())
    problem = f"input {spec} was given {words}"
    if not is_real(spec.dtype) or values.ndim <= sample_axis:
        return problem
    others = tuple(axis for axis in range(values.ndim) if axis != sample_axis)
    is_finite = np.isfinite(values).all(axis=others)
    return f"{problem}, first in sample {int(np.argmin(is_finite))}"


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
