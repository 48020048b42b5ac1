"""Quantizers that stand in pairs: rounded to integers, and back to real numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onnx2snn.graph import array, has_one_reader, is_constant, is_op
from onnx2snn.graph.quantizers import is_dequantize, is_quantize, quantizer_of

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir

    from onnx2snn.graph.quantizers import Quantizer

__all__ = ["IntegerClip", "QuantizerPair", "find_integer_clips", "find_quantizer_pairs"]

_BOUNDS = 2
"""A Clip of integers has so many."""


@dataclass(frozen=True, eq=False)
class QuantizerPair:
    """A quantizer and a dequantizer that gives back the same numbers.

    Attributes:
        quantize: A QuantizeLinear or DynamicQuantizeLinear.
        dequantize: A DequantizeLinear that reads its integers.
        quantizer: The numbers that both stand for; None if their scale is computed.
    """

    quantize: ir.Node
    dequantize: ir.Node
    quantizer: Quantizer | None

    @property
    def x(self) -> ir.Value:
        """The value that is quantized, as the graph is now."""
        value = self.quantize.inputs[0]
        assert value is not None  # a required input
        return value


def find_quantizer_pairs(graph: ir.Graph) -> list[QuantizerPair]:
    """Return the pairs of ``graph`` itself, in its order.

    A QuantizeLinear whose scale is computed makes no pair, nor do two of different scales;
    a DynamicQuantizeLinear does, with a DequantizeLinear that reads all it gives.
    """
    pairs = []
    for node in graph:
        if not is_dequantize(node):
            continue
        pair = _match_pair(node)
        if pair is not None:
            pairs.append(pair)
    return pairs


def _match_pair(dequantize: ir.Node) -> QuantizerPair | None:
    quantize = _find_producer(dequantize.inputs[0])
    if quantize is None:
        return None
    if is_op(quantize, "DynamicQuantizeLinear"):
        reads_all = tuple(dequantize.inputs) == tuple(quantize.outputs)
        if reads_all:
            return QuantizerPair(quantize, dequantize, None)
        return None
    quantizer = quantizer_of(quantize) if is_quantize(quantize) else None
    if quantizer is None or not quantizer.matches(quantizer_of(dequantize)):
        return None
    return QuantizerPair(quantize, dequantize, quantizer)


def _find_producer(value: ir.Value | None) -> ir.Node | None:
    if value is None:
        return None
    return value.producer()


@dataclass(frozen=True, eq=False)
class IntegerClip:
    """A Clip of integers between two quantizers: fewer bits than their type has.

    Attributes:
        x: The value that is quantized.
        quantize: What makes the integers.
        clip: What limits them.
        dequantize: What reads them.
        low: The real number that the smallest one stands for, float32.
        high: The real number that the largest one stands for, float32.
    """

    x: ir.Value
    quantize: ir.Node
    clip: ir.Node
    dequantize: ir.Node
    low: np.ndarray
    high: np.ndarray


def find_integer_clips(graph: ir.Graph) -> list[IntegerClip]:
    """Return the clips of ``graph`` itself, in its order.

    Left out: a Clip of one bound, or with computed bounds; a quantizer whose scale is computed
    or differs along an axis; integers that something else reads too.
    """
    clips = []
    for node in graph:
        if not is_dequantize(node):
            continue
        clip = _match_integer_clip(node)
        if clip is not None:
            clips.append(clip)
    return clips


def _match_integer_clip(dequantize: ir.Node) -> IntegerClip | None:
    clip = _producer_for_one_reader(dequantize.inputs[0])
    if clip is None or not is_op(clip, "Clip"):
        return None
    quantize = _producer_for_one_reader(clip.inputs[0])
    if quantize is None or not is_quantize(quantize):
        return None
    x = quantize.inputs[0]
    quantizer = quantizer_of(quantize)
    if x is None or quantizer is None:
        return None
    if quantizer.axis is not None or not _has_constant_bounds(clip):
        return None
    _, smallest, largest = clip.inputs
    return IntegerClip(
        x=x,
        quantize=quantize,
        clip=clip,
        dequantize=dequantize,
        low=quantizer.real(array(smallest)),
        high=quantizer.real(array(largest)),
    )


def _producer_for_one_reader(value: ir.Value | None) -> ir.Node | None:
    """Return what makes ``value``, if that is read once and is no output."""
    if value is None or not has_one_reader(value):
        return None
    return value.producer()


def _has_constant_bounds(clip: ir.Node) -> bool:
    bounds = clip.inputs[1:]
    return len(bounds) == _BOUNDS and all(map(is_constant, bounds))
