"""The operators' declarations as C++, against which the library checks its own at build time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.ops import ALL_OPS

if TYPE_CHECKING:
    from pathlib import Path

    from onnx2snn.ops import StepOp

__all__ = ["write_signatures"]

_HEAD = "// Name, states, other inputs, whether states are integers, whether the output is one.\n"


def write_signatures(path: Path) -> None:
    """Write one line for each operator of ``ALL_OPS``, as the library's sources include it."""
    lines = [_signature_of(op) for op in ALL_OPS.values()]
    path.write_text(_HEAD + "".join(lines))


def _signature_of(op: StepOp) -> str:
    """Return the declaration of an operator.

    The library takes the inputs of every operator in one order: the stream, the states, then
    what does not change over time.
    """
    names = list(op.inputs)
    states = list(op.state)
    in_order = names[1 : 1 + len(states)] == states
    assert in_order, f"{op.name}: states are not behind the stream"
    parameters = len(names) - 1 - len(states)
    first_output = next(iter(op.outputs))
    facts = [
        f'"{op.name}"',
        str(len(states)),
        str(parameters),
        _boolean(any(name in op.integers for name in states)),
        _boolean(first_output in op.state.values()),
    ]
    return f"ONNX2SNN_OPERATOR({', '.join(facts)})\n"


def _boolean(value: bool) -> str:  # noqa: FBT001 (the value itself)
    return "true" if value else "false"
