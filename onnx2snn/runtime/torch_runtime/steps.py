"""The operators of this package in torch: a call of a function, and all steps in a row.

Their meaning is the function that they declare. It becomes a list of calls that ``torch.compile``
can follow, so that on a GPU the steps of a neuron are one kernel.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import onnx_ir as ir
import torch
from torch import Tensor

from onnx2snn.ops import ALL_OPS, declared_ops
from onnx2snn.runtime.torch_runtime.operators import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from onnx2snn.ops import DeclaredOp, StepOp

    Call = tuple[Callable[..., Any], dict[str, Any], tuple[int, ...], int]
    Results = tuple[Tensor, ...]

__all__ = ["all_steps", "one_call"]

_MOST_STEPS = 32
"""Steps that are compiled in a row: beyond, compiling takes longer than it saves."""

_ABSENT = -1
"""Number of an input that is left out."""


class _Calls:
    """The function that an operator declares, as calls on numbered values.

    Args:
        op: The operator.
        device: Where it is computed.
    """

    def __init__(self, op: DeclaredOp, device: torch.device) -> None:
        function = ir.serde.deserialize_function(op.function())
        self._numbers = {value: i for i, value in enumerate(function.inputs)}
        self._constants: list[tuple[int, Tensor]] = []
        self._calls: list[Call] = []
        for node in function:
            self._add(node, device)
        self._results = tuple(self._numbers[value] for value in function.outputs)

    def _add(self, node: ir.Node, device: torch.device) -> None:
        operator = OPERATORS[node.op_type]
        written = self._number_of(node.outputs[0])
        if node.op_type == "Constant":
            constant = operator(_attributes_of(node)).to(device)
            self._constants.append((written, constant))
            return
        read = tuple(map(self._number_of, node.inputs))
        self._calls.append((operator, _attributes_of(node), read, written))

    def _number_of(self, value: ir.Value | None) -> int:
        if value is None:
            return _ABSENT
        return self._numbers.setdefault(value, len(self._numbers))

    def __call__(self, *inputs: Tensor) -> Results:
        """Return the outputs on ``inputs``, in order."""
        values: dict[int, Tensor | None] = {_ABSENT: None}
        values.update(enumerate(inputs))
        values.update(self._constants)
        for operator, attributes, read, written in self._calls:
            operands = [values[number] for number in read]
            values[written] = operator(attributes, *operands)
        return tuple(values[number] for number in self._results)


def _attributes_of(node: ir.Node) -> dict[str, Any]:
    return {name: each.value for name, each in node.attributes.items()}


@functools.cache
def one_call(op_type: str, device: torch.device) -> Callable[..., Results]:
    """Return an operator of a single step, or in closed form, as a function of its inputs.

    Args:
        op_type: Its name.
        device: Where it is computed; on a GPU it is compiled.
    """
    calls = _Calls(declared_ops()[op_type], device)
    return _compiled(calls, device)


@functools.cache
def all_steps(op_type: str, device: torch.device) -> Callable[..., Results]:
    """Return all steps of an operator as a function of the inputs of its form over time.

    Args:
        op_type: The name of the operator of a single step.
        device: Where it is computed; on a GPU up to 32 steps are compiled in a row.
    """
    op = ALL_OPS[op_type]
    step = _Calls(op, device)
    in_a_row = _compiled(functools.partial(_run_steps, op, step), device)
    one_by_one = functools.partial(_run_steps, op, _compiled(step, device))

    def run(stream: Tensor, *others: Tensor) -> Results:
        chosen = in_a_row if len(stream) <= _MOST_STEPS else one_by_one
        return chosen(stream, *others)

    return run


def _run_steps(
    op: StepOp, step: Callable[..., Results], stream: Tensor, *others: Tensor
) -> Results:
    """Return the first output of all steps, [T, N, ...], and the states after the last."""
    names = list(op.inputs)[1:]
    known = dict(zip(names, others, strict=True))
    each = []
    for current in stream.unbind():
        results = step(current, *known.values())
        by_name = dict(zip(op.outputs, results, strict=True))
        for before, after in op.state.items():
            known[before] = by_name[after]
        each.append(results[0])
    return (torch.stack(each), *_states(op, known))


def _states(op: StepOp, known: dict[str, Tensor]) -> Sequence[Tensor]:
    return [known[name] for name in op.state]


def _compiled(function: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """Return a function compiled for a GPU; on other devices compiling pays for nobody."""
    if device.type != "cuda":
        return function
    compiled: Callable[..., Any] = torch.compile(function, dynamic=True)
    return compiled
