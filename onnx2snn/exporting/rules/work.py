"""A graph on its way to layers, as rules see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from onnx2snn.exporting.layers import LayerGraph
from onnx2snn.exporting.realizing import realize_all
from onnx2snn.exporting.views import StreamValue
from onnx2snn.graph import dims_of, display_name, known_sizes

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.exporting.layers import Layer, Shape

__all__ = [
    "NotRepresentableError",
    "Rule",
    "Work",
]


class NotRepresentableError(Exception):
    """A node that no layer computes; the message says why, and what to do."""


class Work:
    """The layers so far, and the values of the ONNX graph that are known.

    Attributes:
        layers: The layers.
        values: Value to what it is in layers.
        counts: Values that hold the number of the step.
        stands_for_neurons: Whether activations count as neurons: the graph is an ANN.
    """

    def __init__(self, *, stands_for_neurons: bool = False) -> None:
        """Begin without layers."""
        self.layers = LayerGraph()
        self.values: dict[ir.Value, StreamValue] = {}
        self.counts: set[ir.Value] = set()
        self.stands_for_neurons = stands_for_neurons

    def operands(self, node: ir.Node) -> list[StreamValue]:
        """Return the inputs of a node that are known in layers, in order."""
        known = [self.values.get(value) for value in node.inputs if value is not None]
        return [value for value in known if value is not None]

    def add(
        self, node: ir.Node, layer: Layer, sources: tuple[str, ...], shape: Shape
    ) -> str:
        """Add a layer for a node; return its name."""
        return self.layers.add(display_name(node), layer, sources, shape)

    def made(
        self, node: ir.Node, layer: Layer, value: StreamValue, shape: Shape
    ) -> StreamValue:
        """Return what a new layer makes of all of a value."""
        sources = realize_all(self.layers, value, display_name(node))
        name = self.add(node, layer, sources, shape)
        return StreamValue.of_layer(name, shape, is_static=value.is_static)

    def settled(self, node: ir.Node, value: StreamValue) -> StreamValue:
        """Return a value each of whose views is all that a layer sends."""
        names = realize_all(self.layers, value, display_name(node))
        whole = [
            StreamValue.of_layer(name, value.shape, is_static=value.is_static)
            for name in names
        ]
        views = tuple(view for each in whole for view in each.views)
        constant = whole[0].constant
        order = value.order
        return StreamValue(
            value.shape,
            views,
            constant,
            order,
            value.is_static,
        )

    def has_more(
        self, value: StreamValue, axis: int, *, before: bool, behind: bool
    ) -> bool:
        """Whether layers have elements where a value ends, so that padding it is no zeros there.

        Args:
            value: The value.
            axis: 0 for height, 1 for width.
            before: Whether elements before the value count.
            behind: Whether those behind it do.
        """
        size = value.shape[axis + 1]
        for view in value.views:
            length = self.layers.shapes[view.layer][axis + 1]
            offset, step = view.offsets[axis], view.steps[axis]
            if before and offset - step >= 0:
                return True
            if behind and offset + step * size < length:
                return True
        return False

    def output_shape(self, node: ir.Node) -> Shape:
        """Return the shape of a sample of the first output of a node.

        Raises:
            NotRepresentableError: It is not known.
        """
        dims = dims_of(node.outputs[0])
        sizes = None if dims is None else known_sizes(dims[1:])
        if sizes is None:
            message = (
                "the size of its output is not known: convert with calibration data, or with "
                "fixed sizes of all inputs but for the batch"
            )
            raise NotRepresentableError(message)
        return tuple(sizes)


Rule: TypeAlias = Callable[[Work, "ir.Node"], StreamValue]
"""Gives the first output of a node."""
