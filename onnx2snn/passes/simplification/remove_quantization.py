"""Take the quantizers out of a quantized network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.operators import operator_of
from onnx2snn.analysis.quantizer_ranges import (
    begins_at_zero,
    common_range,
    find_rectified,
    narrow_range,
)
from onnx2snn.analysis.rectifiers import is_rectifier, upper_bound
from onnx2snn.analysis.signs import Signs
from onnx2snn.graph import (
    closure,
    constant,
    dependency_graph,
    display_name,
    is_read,
    replace_by_value,
    take_over,
)
from onnx2snn.graph.quantizer_pairs import find_integer_clips, find_quantizer_pairs
from onnx2snn.graph.sources import add_sources
from onnx2snn.metadata.scale import QUANTIZER_RANGE, QuantizerRange

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onnx2snn.graph.quantizer_pairs import IntegerClip, QuantizerPair

__all__ = ["RemoveQuantization"]


@dataclass(frozen=True)
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

    Limit and number of steps become metadata of the rectifier: of the Clip, or of the Relu that
    the quantizer stands behind, with nothing but data movement and maxima between them. The pass
    ``calibrate`` takes thresholds from there if there is no data.

    A Clip of the integers from 0 on, which is how fewer bits than the type has are written, goes
    in front of the quantizer, and limits that range and the number of steps. Any other Clip of
    integers between two quantizers goes.

    A DynamicQuantizeLinear with the DequantizeLinear behind it goes as well, and leaves nothing.
    Not exact: the difference is half a step s, and what saturates.

    Left as they are: a quantizer whose scale is computed; a DequantizeLinear of other numbers than
    those in front of it rounded to, or of an input of the network; integers that something else
    reads (an output, integer arithmetic), while their DequantizeLinear goes; a Clip of integers
    with one bound, with computed bounds, or of scales along an axis.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite the main graph, value by value in its order."""
        graph = model.graph
        clips = find_integer_clips(graph)
        for clip in clips:
            _move_before_rounding(graph, clip)
        pairs_of = _group_by_value(find_quantizer_pairs(graph))
        evidence = _Evidence.of(graph)
        for pairs in pairs_of.values():
            # Not all decisions first: the signs come from what is rewritten in front.
            decision = _decide_replacement(pairs, evidence)
            _apply_decision(graph, decision)
        modified = bool(clips or pairs_of)
        return ir.passes.PassResult(model, modified=modified)


def _move_before_rounding(graph: ir.Graph, found: IntegerClip) -> None:
    """Put a Clip of integers in front of both quantizers, where it is a rectifier.

    Elsewhere it only saturates what is linear, as a quantizer does, and goes.
    """
    x = found.x
    clip = found.clip
    quantize = found.quantize
    if found.low == 0:
        prefix = str(clip.outputs[0].name)
        node = _build_clip(graph, x, found.low, found.high, prefix)
        node.name = display_name(clip)
        limited = node.outputs[0]
        limited.type = x.type
        limited.shape = x.shape
        graph.insert_before(quantize, node)
        add_sources(node, [clip])
        quantize.replace_input_with(0, limited)
    integers = quantize.outputs[0]
    found.dequantize.replace_input_with(0, integers)
    graph.remove(clip, safe=True)


def _group_by_value(
    pairs: Iterable[QuantizerPair],
) -> dict[ir.Value, list[QuantizerPair]]:
    """Return the pairs by the value that they quantize."""
    grouped: dict[ir.Value, list[QuantizerPair]] = {}
    for pair in pairs:
        grouped.setdefault(pair.x, []).append(pair)
    return grouped


@dataclass(frozen=True, eq=False)
class _Evidence:
    """Facts about a graph that tell whether a quantizer is a rectifier.

    Attributes:
        signs: Which values are never negative.
        weighted: Nodes with weights, and all behind them.
    """

    signs: Signs
    weighted: set[ir.Node]

    @classmethod
    def of(cls, graph: ir.Graph) -> _Evidence:
        """Return what holds in ``graph`` before the first quantizer is taken out."""
        weights = [node for node in graph if operator_of(node).is_weighted]
        edges = dependency_graph(graph)
        return cls(Signs(), closure(edges, weights))


@dataclass(frozen=True, eq=False)
class _Decision:
    """The choice of what takes the place of all the quantizers of one value.

    Attributes:
        x: The value.
        pairs: Its quantizers, all of which go.
        limiting: Those of them whose readers are to read the limited value.
        limit: The range to write on a rectifier; None if there is none to write.
        needs_rectifier: Whether a new one is to be put behind ``x``.
    """

    x: ir.Value
    pairs: list[QuantizerPair]
    limiting: list[QuantizerPair]
    limit: QuantizerRange | None
    needs_rectifier: bool


def _decide_replacement(pairs: list[QuantizerPair], evidence: _Evidence) -> _Decision:
    """Decide what is left of the quantizers of one value."""
    x = pairs[0].x
    is_positive = evidence.signs.is_never_negative(x)
    limiting = _limiting_pairs(x, pairs, evidence, is_positive=is_positive)
    limit = _find_limit(x, limiting)
    if limit is None:
        needs_rectifier = False
    elif is_positive:
        has_one_limit = limit.axis is None
        needs_rectifier = has_one_limit and _is_rectified_for(x, pairs)
    else:
        needs_rectifier = True
    return _Decision(
        x=x,
        pairs=pairs,
        limiting=limiting,
        limit=limit,
        needs_rectifier=needs_rectifier,
    )


def _find_limit(x: ir.Value, limiting: list[QuantizerPair]) -> QuantizerRange | None:
    """Return the range that is left of ``x`` behind the quantizers, None if it has no limit."""
    quantizers = [pair.quantizer for pair in limiting if pair.quantizer is not None]
    limit = common_range(quantizers)
    producer = x.producer()
    if limit is None or producer is None:
        return limit
    return narrow_range(limit, upper_bound(producer))


def _limiting_pairs(
    x: ir.Value,
    pairs: list[QuantizerPair],
    evidence: _Evidence,
    *,
    is_positive: bool,
) -> list[QuantizerPair]:
    """Return the pairs that limit ``x`` from above, and cut what is below 0 if anything is."""
    static = [pair for pair in pairs if pair.quantizer is not None]
    if is_positive:
        return static
    if x.producer() in evidence.weighted:
        return [pair for pair in static if begins_at_zero(pair.quantizer)]
    return []


def _is_rectified_for(x: ir.Value, pairs: list[QuantizerPair]) -> bool:
    """Whether ``x`` is a rectifier's, and the quantizers are its only readers."""
    producer = x.producer()
    if producer is None or not is_rectifier(producer):
        return False
    if x.is_graph_output():
        return False
    quantizers = {pair.quantize for pair in pairs}
    readers = {use.node for use in x.uses()}
    return readers <= quantizers


def _apply_decision(graph: ir.Graph, decision: _Decision) -> None:
    """Take out the quantizers of one value, and write the range they leave."""
    limited = decision.x
    if decision.limit is not None:
        if decision.needs_rectifier:
            first = decision.limiting[0]
            limited = _put_rectifier(graph, first, decision.limit)
        _annotate_rectifier(limited, decision.limit)
    for pair in decision.pairs:
        value = limited if pair in decision.limiting else decision.x
        _remove_pair(graph, pair, value)


def _put_rectifier(
    graph: ir.Graph, pair: QuantizerPair, limit: QuantizerRange
) -> ir.Value:
    """Return a Clip, or for scales along an axis a Relu, that does what ``pair`` did."""
    x = pair.x
    output = pair.dequantize.outputs[0]
    if limit.axis is not None:
        node = ir.node("Relu", [x])
    else:
        zero = np.array(0, np.float32)
        highest = limit.values.item()
        high = np.array(highest, np.float32)
        node = _build_clip(graph, x, zero, high, str(output.name))
    node.name = display_name(pair.dequantize)
    graph.insert_before(pair.quantize, node)
    add_sources(node, [pair.quantize])
    take_over(output, node.outputs[0])
    return node.outputs[0]


def _build_clip(
    graph: ir.Graph, x: ir.Value, low: np.ndarray, high: np.ndarray, prefix: str
) -> ir.Node:
    """Return a Clip of no graph yet, whose bounds are initializers named after ``prefix``."""
    minimum = constant(graph, f"{prefix}.min", low)
    maximum = constant(graph, f"{prefix}.max", high)
    return ir.node("Clip", [x, minimum, maximum])


def _annotate_rectifier(value: ir.Value, limit: QuantizerRange) -> None:
    """Write ``limit`` on the rectifier that ``value`` comes from, if that has no range yet."""
    rectified = find_rectified(value, is_moved=limit.axis is None)
    if rectified is None or QUANTIZER_RANGE.read(rectified) is not None:
        return
    rectifier = rectified.producer()
    assert rectifier is not None
    narrowed = narrow_range(limit, upper_bound(rectifier))
    QUANTIZER_RANGE.write(rectified, narrowed)


def _remove_pair(graph: ir.Graph, pair: QuantizerPair, value: ir.Value) -> None:
    """Let ``value`` take the place of what a dequantizer gives; the quantizer may have readers."""
    replace_by_value(pair.dequantize, value)
    graph.remove(pair.dequantize, safe=True)
    quantize = pair.quantize
    is_removed = quantize.graph is None  # with another pair
    if is_removed or any(map(is_read, quantize.outputs)):
        return
    graph.remove(quantize, safe=True)
    _restore_name(value, quantize.outputs[0])


def _restore_name(value: ir.Value, integers: ir.Value) -> None:
    """Give ``value`` the name of the integers, the file's, if its own was made from that."""
    is_derived = str(value.name).startswith(f"{integers.name}.")
    if is_derived and not value.is_graph_output():
        name = integers.name
        integers.name = None
        value.name = name
