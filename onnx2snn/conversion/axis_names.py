"""Models that give one name to axes of different sizes."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.data.axis_names import describe_broken, different_axes
from onnx2snn.data.input_specs import input_specs
from onnx2snn.passes.canonical.forget_shapes import ForgetShapes

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from onnx2snn.data.axis_names import Place
    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.importing.source import Source

__all__ = ["ONE_NAME", "forget_names", "separate_axes"]

_LOGGER = logging.getLogger(__name__)

ONE_NAME = (
    "%s gives one name to axes of different sizes: in the data %s; they are kept apart"
)
"""The warning, for the name of a model and what differs."""


def separate_axes(model: ir.Model, name: str, samples: Sequence[Feeds]) -> None:
    """Give axes that have one name, but other sizes in the data, names of their own.

        before:  float[n,8] x;  float[n,8] y     data: x [5, 8], y [3, 8]
        after:   float[n,8] x;  float[n_2,8] y

    What is inferred from the names, and the states of neurons, would be of the wrong size.
    Outputs that bear such a name are inferred anew.

    Args:
        model: The model; its inputs and outputs are changed.
        name: Name of the model in messages.
        samples: Feeds of it, of different numbers of samples.
    """
    specs = input_specs(model)
    different = different_axes(specs, samples)
    if not different:
        return
    broken = [describe_broken(specs, feeds) for feeds in samples]
    _LOGGER.warning(ONE_NAME, name, next(filter(None, broken)))
    taken = {symbol for spec in specs for symbol in spec.symbols if symbol is not None}
    for symbol, (_, *others) in different.items():
        for places in others:
            _rename_axes(model, places, _new_name(symbol, taken))
    _forget_outputs(model, different)


def forget_names(source: Source) -> Source:
    """Return a model in which no axis has a name, so that none is taken for another one."""
    model = source.model.clone()
    ForgetShapes()(model)
    for value in model.graph.inputs:
        if value.shape is not None:
            sizes = [size if isinstance(size, int) else None for size in value.shape]
            value.shape = ir.Shape(sizes)
    for value in model.graph.outputs:
        value.shape = None
    return dataclasses.replace(source, model=model, original=model)


def _rename_axes(model: ir.Model, places: Sequence[Place], name: str) -> None:
    """Write another name on axes of inputs."""
    inputs = {value.name: value for value in model.graph.inputs}
    for place in places:
        value = inputs[place.input]
        assert value.shape is not None
        sizes = list(value.shape)
        sizes[place.axis] = ir.SymbolicDim(name)
        value.shape = ir.Shape(sizes)


def _new_name(symbol: str, taken: set[str]) -> str:
    """Return a name for another axis, and take it."""
    number = 2
    while f"{symbol}_{number}" in taken:
        number += 1
    name = f"{symbol}_{number}"
    taken.add(name)
    return name


def _forget_outputs(model: ir.Model, names: Collection[str]) -> None:
    """Forget the shapes of outputs that mention one of ``names``."""
    for output in model.graph.outputs:
        if any(_is_named(size, names) for size in output.shape or ()):
            output.shape = None


def _is_named(size: int | ir.SymbolicDim, names: Collection[str]) -> bool:
    return isinstance(size, ir.SymbolicDim) and size.value in names
