"""Fold scales and shifts of spikes into the weights behind them."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.affine_carrying import carry_affine
from onnx2snn.analysis.affine_sums import combine_affine
from onnx2snn.analysis.streams import find_streams
from onnx2snn.graph import (
    NodeBuilder,
    array,
    copied,
    display_name,
    is_op,
    remove_unused,
)
from onnx2snn.graph.affine_folding import AffineWriter, constant_like
from onnx2snn.graph.affine_map import AffineMap, affine_map_of
from onnx2snn.graph.affine_weights import (
    find_response,
    has_plain_weights,
    is_for_all_positions,
    scale_per_input,
)
from onnx2snn.graph.sources import add_sources
from onnx2snn.metadata.normal import NORMAL, Normal
from onnx2snn.runtime.single_node import compute_node, single_node_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.graph import ValueMap

__all__ = ["FoldAffineForward"]

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class FoldAffineForward(ir.passes.InPlacePass):
    """Fold a scale and a shift of what is to be spikes into the weights behind them.

    A shifted spike is no spike: weights behind it would multiply real numbers.

        before:  y = Conv(BatchNormalization(Relu(x), scale, bias, mean, var), W, B)
        after:   h = Conv(Relu(x), s * W, B);  y = Add(h, Conv(t, W))

    with ``s = scale / sqrt(var + epsilon)`` and ``t = bias - s * mean``. ``Conv(t, W)`` is
    computed here. Without padding it is one number a channel, and goes into the bias. If the
    size of the input is not known, it stays in the graph as the convolution of ones; it then
    depends on the shape of the input alone, and is computed once.

    Mul, Div, Add, Sub and Neg with constants are folded alike, several in a row at once. The
    weights may be those of Conv, ConvTranspose, Gemm or MatMul. Between both may be nodes
    behind which the scale and the shift can stand as well: those that move elements, Concat,
    sums, mean pooling, Resize, Pad, and max pooling where scales are positive. These are then
    computed of the spikes, and of constants as far as shifts need it:

        before:  y = Gemm(Flatten(MaxPool(Add(Relu(x), t))), W, B)
        after:   y = Gemm(Flatten(MaxPool(Relu(x))), W, B + t * W)

    Exact up to rounding. Other readers keep what they read. The distribution of its input that
    a folded BatchNormalization tells becomes metadata of the input, for the pass ``calibrate``.

    Left as they are: what is no sum of spikes without the shift; weights that are not constant,
    or are the first operand of a MatMul; a Gemm with ``alpha``, ``beta`` or ``transA``; a scale
    that depends on the position, in front of a convolution; what lies behind nodes that need
    the size of the input, where it is not known.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fold in the main graph."""
        folder = _Folder(model)
        modified = False
        for node in tuple(model.graph):
            if folder.visit(node):
                modified = True
        if modified:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)


@dataclasses.dataclass(frozen=True, eq=False)
class _Moved:
    """A node, to be computed of what its inputs are without scale and shift.

    Attributes:
        node: The node.
        operands: What it reads instead: values, or those that stand for further such nodes.
        factors: For each operand, a scale that it keeps; None for none.
    """

    node: ir.Node
    operands: tuple[ir.Value | None, ...]
    factors: tuple[np.ndarray | None, ...]


class _Folder:
    """Folds the nodes of a graph; visit them in their order."""

    def __init__(self, model: ir.Model) -> None:
        """Find what is to be spikes."""
        self._graph = model.graph
        self._opsets = model.opset_imports
        self._spikes = find_streams(model.graph).spikes
        self._maps: dict[ir.Value, AffineMap] = {}
        # the output of a node stands for what the node gives without scale and shift
        self._moved: dict[ir.Value, _Moved] = {}
        self._built: ValueMap = {}

    def visit(self, node: ir.Node) -> bool:
        """Fold what ``node`` reads into its weights; whether that was done."""
        if has_plain_weights(node):
            return self._fold(node)
        affine = affine_map_of(node)
        if affine is not None:
            self._add_affine(node.outputs[0], affine)
        elif is_op(node, "Concat", "Add", "Sub", "Sum"):
            self._combine(node)
        else:
            self._carry(node)
        return False

    def _add_affine(self, result: ir.Value, affine: AffineMap) -> None:
        inner = self._maps.get(affine.x)
        if inner is not None:
            self._maps[result] = affine.after(inner)
        elif affine.x in self._spikes:
            self._maps[result] = affine

    def _carry(self, node: ir.Node) -> None:
        source = node.inputs[0] if node.inputs else None
        given = None if source is None else self._maps.get(source)
        if given is None:
            return
        carried = carry_affine(node, given, self._run)
        if carried is None:
            return
        result = node.outputs[0]
        operands = (given.x, *node.inputs[1:])
        self._moved[result] = _Moved(node, operands, (None,) * len(operands))
        self._maps[result] = AffineMap(
            result, carried.scale, carried.shift, given.nodes
        )

    def _combine(self, node: ir.Node) -> None:
        given = [self._map_of_input(value) for value in node.inputs]
        known = [each for each in given if each is not None]
        nodes = [inner for each in known for inner in each.nodes]
        if not nodes or len(known) < len(given):
            return
        combined = combine_affine(node, known)
        if combined is None:
            return
        result = node.outputs[0]
        operands = tuple(each.x for each in known)
        self._moved[result] = _Moved(node, operands, combined.factors)
        self._maps[result] = AffineMap(
            result, combined.scale, combined.shift, tuple(nodes)
        )

    def _map_of_input(self, value: ir.Value | None) -> AffineMap | None:
        """Return the scale and shift of spikes that ``value`` is, perhaps 1 and 0."""
        if value in self._maps:
            return self._maps[value]
        if value not in self._spikes or value.shape is None:
            return None
        axes = [1] * len(value.shape)
        return AffineMap(value, np.ones(axes), np.zeros(axes))

    def _fold(self, node: ir.Node) -> bool:
        source = node.inputs[0]
        given = None if source is None else self._maps.get(source)
        if given is None:
            return False
        scale = scale_per_input(node, given.scale)
        if scale is None:
            return False
        response = find_response(node, given, self._run)
        is_of_ones = response is None and is_for_all_positions(given.shift)
        if response is None and not is_of_ones:
            return False
        writer = AffineWriter(node, given)
        x = self._build(given.x, node)
        self._keep_statistics(given)
        if response is None:
            writer.add_response_to_ones(x, scale)
        else:
            writer.add_response(x, scale, response)
        return True

    def _keep_statistics(self, given: AffineMap) -> None:
        """Write on spikes that a BatchNormalization reads the distribution that it tells."""
        for node in given.nodes:
            x = node.inputs[0]
            if not is_op(node, "BatchNormalization") or x not in self._spikes:
                continue
            if x is not None and Normal.of(x) is None:
                mean, variance = (array(value) for value in node.inputs[3:5])
                NORMAL.write(x, Normal(mean, np.sqrt(variance)))

    def _build(self, value: ir.Value, reader: ir.Node) -> ir.Value:
        """Return what ``value`` stands for, computed in front of ``reader`` if it is new."""
        moved = self._moved.get(value)
        if moved is None:
            return value
        if value not in self._built:
            self._built[value] = self._build_moved(value, moved, reader)
        return self._built[value]

    def _build_moved(self, value: ir.Value, moved: _Moved, reader: ir.Node) -> ir.Value:
        builder = NodeBuilder.before(reader)
        new = copied(moved.node)
        for position, operand in enumerate(moved.operands):
            if operand is None:
                continue
            built = self._build(operand, reader)
            factor = moved.factors[position]
            if factor is not None:
                name = f"{value.name}.scaled"
                numbers = constant_like(self._graph, f"{name}.scale", factor, operand)
                built = builder.add("Mul", [built, numbers], name, like=operand)
            new.replace_input_with(position, built)
        add_sources(new, [moved.node])
        return builder.put(new, f"{value.name}.unshifted", like=value)

    def _run(
        self, node: ir.Node, inputs: Sequence[np.ndarray | None]
    ) -> np.ndarray | None:
        """Return what onnxruntime computes, None if it cannot."""
        first, *others = inputs
        assert first is not None
        dtype = node.outputs[0].dtype or ir.DataType.FLOAT
        arrays = [first.astype(dtype.numpy()), *others]
        try:
            proto = single_node_model(node, arrays, self._opsets)
            result, *_ = compute_node(proto, arrays)
        except Exception as error:  # noqa: BLE001  what does not run is not folded
            name = display_name(node)
            _LOGGER.debug("%s %r is not folded through: %s", node.op_type, name, error)
            return None
        return np.asarray(result)
