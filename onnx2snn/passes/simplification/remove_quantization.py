"""Take the quantizers out of a quantized network."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.activations import is_rectifier, upper_bound
from onnx2snn.analysis.rules import WEIGHTED
from onnx2snn.analysis.signs import Signs
from onnx2snn.graph import (
    array,
    closure,
    constant,
    dependency_graph,
    display_name,
    has_one_reader,
    is_constant,
    is_op,
    replace_by_value,
    take_over,
)
from onnx2snn.graph.quantizers import is_dequantize, is_quantize, quantizer_of
from onnx2snn.metadata.scale import QuantizerRange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx2snn.graph.quantizers import Quantizer

__all__ = ["RemoveQuantization"]

_BELOW_ZERO = 0.01
"""Part of its range that a quantizer of a rectified value may have below 0."""

_KEEPS_MAXIMA = (
    "Flatten",
    "GlobalMaxPool",
    "Identity",
    "MaxPool",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)
"""Operators behind which a rectified value is as large as before, and of the same channels."""


@dataclasses.dataclass(frozen=True)
class RemoveQuantization(ir.passes.InPlacePass):
    """Replace a QuantizeLinear and the DequantizeLinear behind it by the range they leave.

    With s the scale, z the zero point and q the limits of the integer type:

        before:  y = DequantizeLinear(QuantizeLinear(x, s, z), s, z)
        after:   y = Clip(x, 0, s * (q_max - z))    if the range begins at 0, and x does not
                 y = x                              otherwise

    A quantizer whose range begins at 0 (or less than a hundredth of the range below) is a
    rectifier where its operand may be negative, behind weights. Any other only rounds and
    saturates what is linear: spikes round anew. Where scales differ along an axis, a Relu takes
    the place of the Clip. Several quantizers of one value become one.

    Limit and number of steps are noted on the rectifier: on the Clip, or on the Relu that the
    quantizer stands behind, with nothing but data movement and maxima between them. The pass
    ``calibrate`` takes thresholds from there if there is no data.

    A Clip of the integers from 0 on, which is how fewer bits than the type has are written, goes in
    front of the quantizer, and limits the range and the steps that are noted.

    A DynamicQuantizeLinear with the DequantizeLinear behind it goes as well, and leaves nothing.
    Not exact: the difference is half a step s, and what saturates.

    Left alone: a quantizer whose scale is computed, or whose integers have other readers (an
    output, integer arithmetic); what dequantizes an input of the network.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite the main graph."""
        for node in tuple(model.graph):
            if is_dequantize(node):
                _limit_before_rounding(node)
        pairs: dict[ir.Value, list[_Pair]] = {}
        for pair in _pairs(model.graph):
            pairs.setdefault(pair.x, []).append(pair)
        removal = _Removal(model.graph)
        for found in pairs.values():
            removal.remove(found)
        return ir.passes.PassResult(model, modified=bool(pairs))


def _limit_before_rounding(dequantize: ir.Node) -> None:
    """Put a Clip of integers between two quantizers in front of both, where it is a rectifier.

    So training with fewer bits than a type has is written. Elsewhere the Clip only saturates
    what is linear, as a quantizer does, and goes.
    """
    integers = dequantize.inputs[0]
    clip = None if integers is None else integers.producer()
    if clip is None or not is_op(clip, "Clip") or not has_one_reader(clip.outputs[0]):
        return
    rounded = clip.inputs[0]
    quantize = None if rounded is None else rounded.producer()
    if (
        quantize is None
        or not is_quantize(quantize)
        or not has_one_reader(quantize.outputs[0])
    ):
        return
    quantizer = quantizer_of(quantize)
    bounds = [array(value) for value in clip.inputs[1:3] if is_constant(value)]
    if quantizer is None or quantizer.axis is not None or len(bounds) != 2:
        return
    graph = dequantize.graph
    assert isinstance(graph, ir.Graph)
    low, high = (quantizer.real(bound) for bound in bounds)
    if low == 0:
        inputs = [
            constant(graph, f"{integers.name if integers else ''}.{name}", bound)
            for name, bound in (("min", low), ("max", high))
        ]
        node = ir.node("Clip", [quantize.inputs[0], *inputs], name=display_name(clip))
        x = quantize.inputs[0]
        assert x is not None
        node.outputs[0].type, node.outputs[0].shape = x.type, x.shape
        graph.insert_before(quantize, node)
        quantize.replace_input_with(0, node.outputs[0])
    dequantize.replace_input_with(0, quantize.outputs[0])
    graph.remove(clip, safe=True)


@dataclasses.dataclass(frozen=True, eq=False)
class _Pair:
    """A quantizer and the dequantizer behind it; ``quantizer`` is None if it is dynamic."""

    quantize: ir.Node
    dequantize: ir.Node
    quantizer: Quantizer | None

    @property
    def x(self) -> ir.Value:
        """What is quantized."""
        x = self.quantize.inputs[0]
        assert x is not None
        return x

    @property
    def rectifies(self) -> bool:
        """Whether the range begins at 0, or hardly below."""
        if self.quantizer is None:
            return False
        low, high = self.quantizer.low, self.quantizer.high
        return bool((-low <= _BELOW_ZERO * (high - low)).all())


def _pairs(graph: ir.Graph) -> Iterator[_Pair]:
    for node in graph:
        integers = node.inputs[0] if is_dequantize(node) else None
        quantize = None if integers is None else integers.producer()
        if quantize is None:
            continue
        if is_op(quantize, "DynamicQuantizeLinear"):
            if list(node.inputs) == list(quantize.outputs):
                yield _Pair(quantize, node, None)
        elif is_quantize(quantize):
            quantizer = quantizer_of(quantize)
            if quantizer is not None and quantizer.matches(quantizer_of(node)):
                yield _Pair(quantize, node, quantizer)


class _Removal:
    """Takes the quantizers out of one graph, in its order: what is in front tells the sign."""

    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph
        self._signs = Signs()
        weights = [node for node in graph if is_op(node, *WEIGHTED)]
        self._weighted = closure(dependency_graph(graph), weights)

    def remove(self, pairs: list[_Pair]) -> None:
        """Remove all quantizers of one value."""
        x = pairs[0].x
        positive = self._signs.is_never_negative(x)
        if positive:
            limiting = [pair for pair in pairs if pair.quantizer is not None]
        elif x.producer() in self._weighted:
            limiting = [pair for pair in pairs if pair.rectifies]
        else:
            limiting = []
        limit = _limit(limiting)
        limited = x
        producer = x.producer()
        if limit is not None and producer is not None:
            limit = _limited_to(limit, upper_bound(producer))
        if limit is not None:
            if not positive or (limit.axis is None and _is_read_by(x, pairs)):
                limited = self._rectify(limiting[0], limit)
            _note(limited, limit)
        for pair in pairs:
            self._replace(pair, limited if pair in limiting else x)

    def _rectify(self, pair: _Pair, limit: QuantizerRange) -> ir.Value:
        """Return what is left of a quantizer that limits a value: a Clip, or a Relu."""
        output = pair.dequantize.outputs[0]
        if limit.axis is not None:
            node = ir.node("Relu", [pair.x], name=display_name(pair.dequantize))
        else:
            bounds = {"min": 0.0, "max": limit.values.item()}
            inputs = [
                constant(
                    self._graph, f"{output.name}.{name}", np.array(bound, np.float32)
                )
                for name, bound in bounds.items()
            ]
            node = ir.node(
                "Clip", [pair.x, *inputs], name=display_name(pair.dequantize)
            )
        self._graph.insert_before(pair.quantize, node)
        take_over(output, node.outputs[0])
        return node.outputs[0]

    def _replace(self, pair: _Pair, value: ir.Value) -> None:
        replace_by_value(pair.dequantize, value)
        self._graph.remove(pair.dequantize, safe=True)
        quantize, integers = pair.quantize, pair.quantize.outputs[0]
        if quantize.graph and not any(
            v.uses() or v.is_graph_output() for v in quantize.outputs
        ):
            self._graph.remove(quantize, safe=True)
            if (
                str(value.name).startswith(f"{integers.name}.")
                and not value.is_graph_output()
            ):
                value.name, integers.name = (
                    integers.name,
                    None,
                )  # the integers' name is the file's


def _limit(pairs: list[_Pair]) -> QuantizerRange | None:
    """Return the upper limit that the quantizers of one value leave; None if there is none."""
    quantizers = [pair.quantizer for pair in pairs if pair.quantizer is not None]
    if not quantizers or not all((each.high > 0).all() for each in quantizers):
        return None
    levels = max(each.levels for each in quantizers)
    axes = {each.axis for each in quantizers}
    if len(axes) > 1 or any(each.block for each in quantizers) or None in axes:
        largest = max(float(each.high.max()) for each in quantizers)
        return QuantizerRange(np.array([largest], np.float32), None, levels)
    return QuantizerRange(
        np.max([each.high for each in quantizers], axis=0), axes.pop(), levels
    )


def _is_read_by(x: ir.Value, pairs: list[_Pair]) -> bool:
    """Whether ``x`` is a rectifier's, and the quantizers are its only readers."""
    producer, quantizers = x.producer(), {pair.quantize for pair in pairs}
    read_by_others = x.is_graph_output() or any(
        use.node not in quantizers for use in x.uses()
    )
    return producer is not None and is_rectifier(producer) and not read_by_others


def _note(value: ir.Value, limit: QuantizerRange) -> None:
    """Note ``limit`` on the rectifier that ``value`` comes from, if that has no scale yet."""
    source = value
    while (node := source.producer()) is not None and not is_rectifier(node):
        inner = node.inputs[0] if is_op(node, *_KEEPS_MAXIMA) else None
        if inner is None or not has_one_reader(inner) or limit.axis is not None:
            return
        source = inner
    if node is not None and QuantizerRange.read(source) is None:
        _limited_to(limit, upper_bound(node)).write(source)


def _limited_to(limit: QuantizerRange, bound: float | None) -> QuantizerRange:
    """Return what a value up to ``bound`` uses of the range."""
    if bound is None or limit.axis is not None or bound >= limit.values.item():
        return limit
    levels = max(1, round(limit.levels * bound / limit.values.item()))
    return QuantizerRange(np.array([bound], np.float32), None, levels)
