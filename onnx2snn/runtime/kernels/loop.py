"""Loop, as the ONNX standard defines it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx.reference.ops.op_loop import Loop as ReferenceLoop

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Loop"]


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
            inputs |= {count_name: np.array(count, np.int64), condition_name: np.array(going)}
            inputs |= dict(zip(state_names, states, strict=True))
            results = body.run(None, inputs, attributes=attributes)
            going, states = bool(results[0]), list(results[1 : 1 + self.N])
            for values, value in zip(scanned, results[1 + self.N :], strict=True):
                values.append(value)
        return (*states, *(np.stack(v) if v else np.empty(0, np.float32) for v in scanned))
