"""A network as a notebook shows it: facts, and a bar for the thresholds of each layer."""

from __future__ import annotations

import dataclasses
from html import escape
from typing import TYPE_CHECKING

from onnx2snn.graph import display_name, is_constant
from onnx2snn.metadata.facts import ACTIVATION, UNIT
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.runtime.recording import unit_of
from onnx2snn.schedules.loops import named_inputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import onnx_ir as ir

__all__ = ["draw_network"]

_MOST_LAYERS = 60
"""Layers that are drawn; a picture of more would be a page."""

_WIDTH = 240
_HEIGHT = 14


@dataclasses.dataclass(frozen=True)
class _Layer:
    """Neurons, and the smallest and largest number that a spike of theirs stands for."""

    name: str
    activation: str
    smallest: float
    largest: float


def draw_network(model: ir.Model, facts: Mapping[str, str]) -> str:
    """Return HTML of a network.

    Args:
        model: An emitted network.
        facts: What is said of it, by what that is.
    """
    rows = [f"<b>{escape(name)}</b> {escape(text)}" for name, text in facts.items()]
    layers = list(_layers_of(model))
    table = _draw_layers(layers) if layers else ""
    return f"<div>{'<br>'.join(rows)}</div>{table}"


def _layers_of(model: ir.Model) -> Iterable[_Layer]:
    """Yield the layers of neurons, in the order of the file."""
    for node in model.graph.all_nodes():
        if is_neuron(node) and _is_known(node):
            unit = unit_of(node)
            activation = ACTIVATION.read(node) or ""
            name = display_name(node)
            yield _Layer(name, activation, float(unit.min()), float(unit.max()))


def _is_known(neuron: ir.Node) -> bool:
    """Whether the file holds the threshold of a neuron; layer by layer, T may be part of it."""
    return UNIT.is_on(neuron) or is_constant(named_inputs(neuron)["v_threshold"])


def _draw_layers(layers: list[_Layer]) -> str:
    most = max(layer.largest for layer in layers) or 1.0
    rows = [_draw_layer(layer, most) for layer in layers[:_MOST_LAYERS]]
    more = len(layers) - _MOST_LAYERS
    if more > 0:
        rows.append(f"<tr><td colspan=4>and {more} more layers</td></tr>")
    head = "<tr><th>layer</th><th>activation</th><th colspan=2>a spike stands for</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _draw_layer(layer: _Layer, most: float) -> str:
    """Return a row with a bar from 0 to the largest threshold, darker up to the smallest."""
    widths = [_WIDTH * size / most for size in (layer.largest, layer.smallest)]
    bars = "".join(
        f'<rect width="{width:.1f}" height="{_HEIGHT}" fill="currentColor" fill-opacity="0.4"/>'
        for width in widths
    )
    span = f"{layer.smallest:.3g} to {layer.largest:.3g}"
    picture = (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{span}">'
    )
    cells = (
        escape(layer.name),
        escape(layer.activation),
        f"{picture}{bars}</svg>",
        span,
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
