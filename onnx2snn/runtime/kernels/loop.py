"""Loop and Scan, as the ONNX standard defines them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_loop import Loop as ReferenceLoop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Loop", "Scan"]


class Loop(ReferenceLoop):
    """Loop that stacks what it scans along a new axis, and runs without a condition.

    onnx's own evaluator joins scanned values along their first axis, takes a missing condition
    for false, and lets values outside the body hide the body's inputs of the same name.
    """

    def _run(
        self,
        M: np.ndarray | None,  # noqa: N803 (the name in the standard)
        cond: np.ndarray | None,
        *initial: np.ndarray,
        context: Mapping[str, Any] | None = None,
        attributes: Any = None,  # noqa: ANN401 (passed on)
        **_: object,
    ) -> tuple[np.ndarray, ...]:
        body: Any = self.body  # type: ignore[attr-defined]  # onnx sets it from the attribute
        counts = itertools.count() if M is None else range(int(M))
        is_going = True if cond is None else bool(cond)
        states = list(initial)
        steps = []
        for count in counts:
            if not is_going:
                break
            number = np.array(count, np.int64)
            going = np.array(is_going)
            inputs = [number, going, *states]
            feeds = _body_feeds(body, inputs, context)
            condition, *results = body.run(None, feeds, attributes=attributes)
            is_going = bool(condition)
            states = results[: self.N]
            scanned_now = results[self.N :]
            steps.append(scanned_now)
        if steps:
            scanned = [np.stack(values) for values in zip(*steps, strict=True)]
        else:
            scanned = [np.empty(0, np.float32)] * self.K
        return (*states, *scanned)


class Scan(OpRun):
    """Scan along any axis, in either direction.

    onnx's own evaluator goes forward along the first axis only.
    """

    def need_context(self) -> bool:
        """Tell the evaluator that the body may read values outside of it."""
        return True

    def _run(
        self,
        *args: np.ndarray,
        context: Mapping[str, Any] | None = None,
        attributes: Any = None,  # noqa: ANN401 (passed on)
        **given: Any,  # noqa: ANN401
    ) -> tuple[np.ndarray, ...]:
        body: Any = self.body  # type: ignore[attr-defined]  # onnx sets it from the attribute
        state_count = len(args) - given["num_scan_inputs"]
        states = list(args[:state_count])
        scanned_inputs = args[state_count:]
        sequences = _directed_inputs(scanned_inputs, given)
        steps = []
        for slices in zip(*sequences, strict=True):
            inputs = [*states, *slices]
            feeds = _body_feeds(body, inputs, context)
            results = body.run(None, feeds, attributes=attributes)
            states = results[:state_count]
            scanned_now = results[state_count:]
            steps.append(scanned_now)
        output_count = len(body.output_names) - state_count
        scanned = list(zip(*steps, strict=True)) if steps else [()] * output_count
        stacked = _stack_outputs(scanned, given)
        return (*states, *stacked)


def _directed_inputs(
    inputs: Sequence[np.ndarray], given: Mapping[str, Any]
) -> list[np.ndarray]:
    """Return the scanned inputs with the axis to go along in front, in its direction."""
    count = len(inputs)
    given_axes = given.get("scan_input_axes")
    axes = _padded_numbers(given_axes, count)
    given_directions = given.get("scan_input_directions")
    directions = _padded_numbers(given_directions, count)
    sequences = []
    for data, axis, is_backwards in zip(inputs, axes, directions, strict=True):
        moved = np.moveaxis(data, axis, 0)
        directed = np.flip(moved, 0) if is_backwards else moved
        sequences.append(directed)
    return sequences


def _stack_outputs(
    scanned: Sequence[Sequence[np.ndarray]], given: Mapping[str, Any]
) -> list[np.ndarray]:
    """Return the scanned outputs, stacked along their axes in their directions."""
    count = len(scanned)
    given_axes = given.get("scan_output_axes")
    axes = _padded_numbers(given_axes, count)
    given_directions = given.get("scan_output_directions")
    directions = _padded_numbers(given_directions, count)
    stacked = []
    for values, axis, is_backwards in zip(scanned, axes, directions, strict=True):
        ordered = values[::-1] if is_backwards else values
        joined = np.stack(ordered, axis=axis)
        stacked.append(joined)
    return stacked


def _padded_numbers(numbers: Sequence[int] | None, count: int) -> list[int]:
    """Return ``count`` numbers; those that are not given are 0."""
    given = list(numbers or ())
    missing = count - len(given)
    return given + [0] * missing


def _body_feeds(
    body: Any,  # noqa: ANN401 (an evaluator)
    inputs: Sequence[np.ndarray],
    context: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the inputs of a body and, unless they hide them, the values outside of it."""
    own = dict(zip(body.input_names, inputs, strict=True))
    outside = context or {}
    return {**outside, **own}
