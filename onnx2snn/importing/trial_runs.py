"""The types and shapes of a model's outputs, as they are when it runs on random inputs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from onnx2snn.importing.random_feeds import dtype_of, make_feeds, random_feeds
from onnx2snn.runtime.sessions import SessionError, run_trial

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    import onnxruntime as ort

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.importing.random_feeds import Strings

    Sizes = tuple[int | str | None, ...]
    Shapes = Mapping[str, tuple[int, ...]]

__all__ = ["ObservedType", "observe_types"]


@dataclasses.dataclass(frozen=True)
class ObservedType:
    """The type of an output.

    Attributes:
        dtype: Element type; None if it is no tensor.
        sizes: A number for an axis whose size stays, the symbol of one that follows a named
            axis of an input, None for any other; None for all if it does not run.
    """

    dtype: ir.DataType | None
    sizes: Sizes | None


class _FreeAxis(NamedTuple):
    """A free axis of inputs: those of one symbol are one, and all first ones without any."""

    symbol: str | None
    place: str = ""


def observe_types(
    session: ort.InferenceSession, strings: Strings
) -> dict[str, ObservedType]:
    """Return the types of the outputs of ``session``, by name.

    Args:
        session: The model.
        strings: What its inputs of strings may take.
    """
    shapes = _observe_shapes(session, strings)
    return {
        output.name: ObservedType(dtype_of(output), shapes.get(output.name))
        for output in session.get_outputs()
    }


def _observe_shapes(
    session: ort.InferenceSession, strings: Strings
) -> dict[str, Sizes | None]:
    """Return the shapes of the outputs in two runs of different sizes, put together.

    No two free axes have the same pair of sizes, so that one is known again by them.
    """
    axes = _list_free_axes(session.get_inputs())
    pairs = [(2 + number, 3 + 2 * number) for number in range(len(axes))]
    first = {axis: pair[0] for axis, pair in zip(axes, pairs, strict=True)}
    second = {axis: pair[1] for axis, pair in zip(axes, pairs, strict=True)}
    shapes = _run_with_sizes(session, first, strings)
    others = _run_with_sizes(session, second, strings) if axes else shapes
    if shapes is None or others is None:
        return _observe_ranks(session, strings)
    symbols = {pair: axis.symbol for axis, pair in zip(axes, pairs, strict=True)}
    return {
        name: _combine_shapes(shape, others[name], symbols)
        for name, shape in shapes.items()
    }


def _list_free_axes(inputs: list[ort.NodeArg]) -> list[_FreeAxis]:
    axes = {
        _free_axis(spec.name, axis, size): None
        for spec in inputs
        for axis, size in enumerate(spec.shape)
        if not isinstance(size, int)
    }
    return list(axes)


def _free_axis(name: str, axis: int, size: int | str | None) -> _FreeAxis:
    if isinstance(size, str):
        return _FreeAxis(size)
    return _FreeAxis(None, "" if axis == 0 else f"{name} {axis}")


def _run_with_sizes(
    session: ort.InferenceSession, sizes: Mapping[_FreeAxis, int], strings: Strings
) -> Shapes | None:
    """Return the shapes of the outputs for chosen sizes, None if the model does not run."""

    def size_of(name: str, axis: int, size: int | str | None) -> int:
        return sizes[_free_axis(name, axis, size)]

    feeds = make_feeds(session.get_inputs(), size_of, strings)
    return None if feeds is None else _shapes_of_run(session, feeds)


def _shapes_of_run(session: ort.InferenceSession, feeds: Feeds) -> Shapes | None:
    """Return the shapes of the outputs that are tensors, None if the model does not run."""
    try:
        results = run_trial(session, feeds)
    except SessionError:
        return None
    return {
        name: result.shape
        for name, result in results.items()
        if isinstance(result, np.ndarray)
    }


def _combine_shapes(
    first: tuple[int, ...],
    second: tuple[int, ...],
    symbols: Mapping[tuple[int, int], str | None],
) -> Sizes | None:
    """Return what stays and what follows an input; None if not even the rank stays."""
    if len(first) != len(second):
        return None
    pairs = zip(first, second, strict=True)
    return tuple(
        one if one == other else symbols.get((one, other)) for one, other in pairs
    )


def _observe_ranks(
    session: ort.InferenceSession, strings: Strings
) -> dict[str, Sizes | None]:
    """Return shapes of which only the ranks are known, from the first sizes that run."""
    for feeds in random_feeds(session.get_inputs(), strings):
        shapes = _shapes_of_run(session, feeds)
        if shapes is not None:
            return {name: (None,) * len(shape) for name, shape in shapes.items()}
    return {}
