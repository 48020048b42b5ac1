"""Follow elementwise nodes from one value, the root, to another."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from onnx2snn.graph import has_one_reader, is_constant, is_op

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.graph import ValueMap

__all__ = [
    "Algebra",
    "Functions",
    "Rule",
    "computed_inputs",
    "paths_back",
    "paths_on",
    "rules_of_operands",
]

F = TypeVar("F")
"""A function of the root, in some form."""

Rule: TypeAlias = Callable[..., F | None]
"""Takes a node and then its operands; gives None if the form cannot hold the result."""


@dataclasses.dataclass(frozen=True)
class Algebra(Generic[F]):
    """A form in which functions of one value are written, and what operators make of them.

    Attributes:
        identity: The root as a function of itself.
        number: Gives the function that is a number everywhere.
        constant: Gives a constant value beside a root as a function; None if it is none.
        rules: Operator of the default domain to what it makes of its operands. Bounds of a
            Clip that are left out are infinite.
    """

    identity: F
    number: Callable[[float], F]
    constant: Callable[[ir.Value, ir.Value], F | None]
    rules: Mapping[str, Rule[F]]


def rules_of_operands(
    functions: Mapping[str, Callable[..., F | None]],
) -> dict[str, Rule[F]]:
    """Return the rules of operators that are functions of their operands alone."""
    rules: dict[str, Rule[F]] = {}
    for name, function in functions.items():
        rules[name] = _without_node(function)
    return rules


def _without_node(function: Callable[..., F | None]) -> Rule[F]:
    def apply(_: ir.Node, *operands: F) -> F | None:
        return function(*operands)

    return apply


class Functions(Generic[F]):
    """Values as functions of values before them, in the form of one algebra.

    What has been found is remembered.
    """

    def __init__(
        self,
        algebra: Algebra[F],
        is_followed: Callable[[ir.Value], bool] | None = None,
    ) -> None:
        """Know nothing yet.

        Args:
            algebra: The form of the functions.
            is_followed: Whether a value is a function of the operands of its node; None
                if each is.
        """
        self._algebra = algebra
        self._is_followed = is_followed
        self._found: dict[tuple[ir.Value, ir.Value], F | None] = {}
        self._originals: ValueMap = {}

    def take_for(self, value: ir.Value, original: ir.Value) -> None:
        """Take ``value`` for the same as ``original``, whatever node it comes from."""
        first = self._originals.get(original, original)
        self._originals[value] = first

    def find(self, value: ir.Value, root: ir.Value) -> F | None:
        """Return ``value`` as a function of ``root``, None if that is not known."""
        if value is root:
            return self._algebra.identity
        if is_constant(value):
            return self._algebra.constant(value, root)
        original = self._originals.get(value, value)
        key = original, root
        if key not in self._found:
            self._found[key] = self._compute(original, root)
        return self._found[key]

    def _compute(self, value: ir.Value, root: ir.Value) -> F | None:
        node = value.producer()
        if node is None or self._is_end(value):
            return None
        if not is_op(node, node.op_type):
            return None
        rule = self._algebra.rules.get(node.op_type)
        if rule is None:
            return None
        operands = self._find_operands(node, root)
        if operands is None:
            return None
        return rule(node, *operands)

    def _is_end(self, value: ir.Value) -> bool:
        if self._is_followed is None:
            return False
        return not self._is_followed(value)

    def _find_operands(self, node: ir.Node, root: ir.Value) -> list[F] | None:
        operands = []
        for position, value in enumerate(_inputs_of(node)):
            if value is None:
                operand = self._find_default(node, position)
            else:
                operand = self.find(value, root)
            if operand is None:
                return None
            operands.append(operand)
        return operands

    def _find_default(self, node: ir.Node, position: int) -> F | None:
        """Return what an input stands for that is left out."""
        key = node.op_type, position
        number = _DEFAULTS.get(key)
        if number is None:
            return None
        return self._algebra.number(number)


_DEFAULTS = {
    ("Clip", 1): -math.inf,
    ("Clip", 2): math.inf,
}
"""Numbers that inputs stand for which are left out, by operator and position."""


def _inputs_of(node: ir.Node) -> list[ir.Value | None]:
    """Return the inputs of ``node``, with those left out at the end of a Clip."""
    inputs = list(node.inputs)
    if is_op(node, "Clip"):
        absent = 3 - len(inputs)
        inputs += [None] * absent
    return inputs


def computed_inputs(node: ir.Node) -> list[ir.Value]:
    """Return the inputs of ``node`` that are no constants."""
    computed = []
    for value in node.inputs:
        if value is None or is_constant(value):
            continue
        computed.append(value)
    return computed


def paths_back(
    value: ir.Value,
    operators: frozenset[str],
) -> Iterator[ir.Value]:
    """Yield ``value`` and, one after the other, the values that it is a function of.

    Args:
        value: The last value.
        operators: Those that are followed, where they read one value and constants.
    """
    current: ir.Value | None = value
    while current is not None:
        yield current
        current = _only_operand(current.producer(), operators)


def paths_on(
    value: ir.Value,
    operators: frozenset[str],
) -> Iterator[ir.Value]:
    """Yield ``value`` and, one after the other, the functions of it that alone read it.

    Args:
        value: The first value.
        operators: Those that are followed, where they read one value and constants.
    """
    yield value
    while has_one_reader(value):
        (use,) = value.uses()
        reader = use.node
        if reader.graph is not value.graph:
            return
        if _only_operand(reader, operators) is not value:
            return
        value = reader.outputs[0]
        yield value


def _only_operand(
    node: ir.Node | None,
    operators: frozenset[str],
) -> ir.Value | None:
    """Return what alone ``node`` computes with beside constants, None if there is more."""
    if node is None:
        return None
    if not is_op(node, *operators) or len(node.outputs) > 1:
        return None
    operands = computed_inputs(node)
    if len(operands) > 1:
        return None
    return next(iter(operands), None)
