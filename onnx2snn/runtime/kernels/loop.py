"""Loop and Scan, as the ONNX standard defines them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_loop import Loop as ReferenceLoop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
        count_name, condition_name, *state_names = body.input_names
        states = list(initial)
        scanned: list[list[np.ndarray]] = [[] for _ in range(self.K)]
        going = True if cond is None else bool(cond)
        for count in itertools.count():
            if not going or (M is not None and count >= int(M)):
                break
            inputs = dict(context or {})
            inputs |= {
                count_name: np.array(count, np.int64),
                condition_name: np.array(going),
            }
            inputs |= dict(zip(state_names, states, strict=True))
            results = body.run(None, inputs, attributes=attributes)
            going, states = bool(results[0]), list(results[1 : 1 + self.N])
            for values, value in zip(scanned, results[1 + self.N :], strict=True):
                values.append(value)
        return (
            *states,
            *(np.stack(v) if v else np.empty(0, np.float32) for v in scanned),
        )


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
        count = given["num_scan_inputs"]
        states = list(args[: len(args) - count])
        read = [
            np.flip(moved, 0) if backwards else moved
            for value, axis, backwards in _directed(args[len(states) :], "input", given)
            for moved in [np.moveaxis(value, axis, 0)]
        ]
        outputs = len(body.output_names) - len(states)
        scanned: list[list[np.ndarray]] = [[] for _ in range(outputs)]
        for slices in zip(*read, strict=True):
            inputs = dict(context or {})
            inputs |= dict(zip(body.input_names, [*states, *slices], strict=True))
            results = body.run(None, inputs, attributes=attributes)
            states = list(results[: len(states)])
            for values, value in zip(scanned, results[len(states) :], strict=True):
                values.append(value)
        stacked = (
            np.stack(values[::-1] if backwards else values, axis=axis)
            for values, axis, backwards in _directed(scanned, "output", given)
        )
        return (*states, *stacked)


def _directed(
    values: Sequence[Any], side: str, given: Mapping[str, Any]
) -> Iterator[tuple[Any, int, int]]:
    """Give each value its axis, and whether it goes backwards; both are 0 if not given."""
    lists = [given.get(f"scan_{side}_{key}") or () for key in ("axes", "directions")]
    padded = [[*numbers, *[0] * (len(values) - len(numbers))] for numbers in lists]
    return zip(values, *padded, strict=True)
