"""Writing the operators of ONNX that a fused operator of onnxruntime is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx_ir as ir

from onnx2snn.graph.building import NodeWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    Outputs: TypeAlias = tuple[ir.Value, *tuple[ir.Value | None, ...]]
    """Values that take the place of a node's outputs; None of one that nothing reads."""

    Rule: TypeAlias = Callable[["FusedWriter"], Outputs | None]
    """Writes a node in operators of ONNX; None, and nothing written, where it cannot."""

__all__ = ["FusedWriter"]


class FusedWriter(NodeWriter):
    """Writes the parts of a fused node in front of it.

    Args:
        node: The node; it stays where it is.
        opset: Version of the default domain.
    """

    def __init__(self, node: ir.Node, opset: int) -> None:
        """Take the graph and the names from ``node``."""
        super().__init__(node)
        self.opset = opset

    def first(self) -> ir.Value:
        """Return the first input, which every operator has."""
        return self.required(0)

    def required(self, position: int) -> ir.Value:
        """Return an input that the operator always has."""
        value = self.given(position)
        assert value is not None
        return value

    def number(self, suffix: str, value: float) -> ir.Value:
        """Add a constant of the type of the first input."""
        dtype = self.first().dtype or ir.DataType.FLOAT
        return self.constant(suffix, np.array(value, dtype.numpy()))

    def float_of(self, name: str, default: float) -> float:
        """Return an attribute of the node."""
        return float(self.node.attributes.get_float(name, default))

    def is_set(self, name: str) -> bool:
        """Whether an attribute of the node is given, and not 0."""
        return self.node.attributes.get_int(name, 0) != 0

    def own_attributes(self, *others: str) -> dict[str, ir.Attr]:
        """Return the attributes of the node but those called ``others``."""
        attributes = self.node.attributes
        return {name: attributes[name] for name in attributes if name not in others}

    def added(self, value: ir.Value, position: int) -> ir.Value:
        """Return the sum with an input, where that is given."""
        term = self.given(position)
        return value if term is None else self.add("Add", [value, term])

    def scaled(self, value: ir.Value, name: str, factor: float) -> ir.Value:
        """Return the product with a number."""
        if factor == 1:
            return value
        return self.add("Mul", [value, self.number(name, factor)])
