"""From any model to the simplified networks that are analyzed and converted."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.analysis.branches import Part, find_branches
from onnx2snn.analysis.provenance import node_mappings
from onnx2snn.analysis.source_nodes import SourceRecord, source_nodes
from onnx2snn.arguments import did_you_mean
from onnx2snn.conversion.axis_names import separate_axes
from onnx2snn.conversion.calibration_data import NO_DATA, CalibrationData
from onnx2snn.conversion.exclusion import check_names
from onnx2snn.conversion.faulty_nodes import (
    check_attributes,
    check_slopes,
    warn_of_training,
)
from onnx2snn.conversion.import_model import check_that_it_is_an_ann, import_model
from onnx2snn.conversion.pipeline import pipeline
from onnx2snn.conversion.sizes import checked_shapes
from onnx2snn.conversion.weights import check_weights
from onnx2snn.data.axis_names import shared_names
from onnx2snn.data.input_specs import input_specs, is_real
from onnx2snn.errors import OptionError
from onnx2snn.importing import read
from onnx2snn.importing.baked_batch import fix_baked_batch
from onnx2snn.importing.blame import blaming
from onnx2snn.metadata.facts import is_excluded
from onnx2snn.metadata.input_coding import DIRECT, EVENTS
from onnx2snn.passes import apply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.source_nodes import SourceNode
    from onnx2snn.conversion.options import Options
    from onnx2snn.data.input_specs import InputSpec
    from onnx2snn.importing.imported import Imported
    from onnx2snn.importing.source import AnyModel, Source
    from onnx2snn.passes.pipeline import Pipeline

__all__ = ["Prepared", "of_a_branch", "prepare"]


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """A model, ready to be analyzed or converted.

    Attributes:
        whole: The simplified network.
        imported: What it was made from.
        codings: Name of each input to how it is to enter the network.
        shapes: Name of inputs to the shape of one sample, as far as it is given.
    """

    whole: Part
    imported: Imported
    codings: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]

    def inputs_of(self, coding: str) -> tuple[str, ...]:
        """Return the names of the inputs that are to enter by ``coding``."""
        return tuple(name for name, kind in self.codings.items() if kind == coding)


def prepare(
    model: AnyModel, options: Options, data: CalibrationData = NO_DATA
) -> Prepared:
    """Return ``model``, imported and simplified, with what ``options`` say of its parts.

    The names in the options are checked before anything takes time.

    Args:
        model: The model.
        options: What is excluded, how inputs enter, and which passes run.
        data: Inputs to compare the import with the original on, where synthetic ones do not do.

    Raises:
        InvalidModelError: The model cannot be read, or has weights that are not finite.
        UnsupportedError: It has foreign operators.
        OptionError: The model has no node or no input of a name in the options.
    """
    # Up to neurons nothing depends on T, which a latency could contradict.
    options = dataclasses.replace(options, latency=None)
    source = _read_ann(model)
    with blaming(source.original, source.name):
        return _prepared(source, options, data)


def _prepared(source: Source, options: Options, data: CalibrationData) -> Prepared:
    """Return a model that was read, imported and simplified."""
    nodes = source_nodes(source.model)
    check_names(options.until, nodes, "until")
    check_names(options.nodes_to_exclude, nodes, "nodes_to_exclude")
    codings = _codings(options.codings(), input_specs(source.model))
    shapes = checked_shapes(options.shapes(), input_specs(source.model))
    record = SourceRecord(nodes, is_given=True)
    passes = pipeline(options, record=record)
    events = [name for name, coding in codings.items() if coding == EVENTS]
    _separate_axes(source, data, events)
    specs = input_specs(source.model)
    imported = import_model(
        source,
        passes.canonical,
        check=options.check,
        typical=lambda: data.of_the_ann(specs, events),
    )
    check_attributes(imported.model)
    check_slopes(imported.model)
    check_weights(imported.model, nodes, source.name)
    whole = _simplified(imported.model, passes, nodes, options)
    return Prepared(whole, imported, codings, shapes)


def _read_ann(model: AnyModel) -> Source:
    """Return a model as it came, with the batch that its nodes take."""
    source = read(model)
    check_that_it_is_an_ann(source)
    fix_baked_batch(source)
    warn_of_training(source.model)
    return source


def _separate_axes(
    source: Source, data: CalibrationData, events: Sequence[str]
) -> None:
    """Keep axes of one name apart where the data has other sizes for them.

    That is seen on a sample, and on two at once: an axis that is not the samples' may be as long.
    """
    specs = input_specs(source.model)
    if shared_names(specs):
        one = itertools.islice(data.of_the_ann(specs, events), 1)
        two = itertools.islice(data.of_the_ann(specs, events, rows=2), 1)
        separate_axes(source.model, source.name, [*one, *two])


def _simplified(
    model: ir.Model,
    passes: Pipeline,
    nodes: tuple[SourceNode, ...],
    options: Options,
) -> Part:
    """Return an imported network, simplified, and those in its branches.

    Args:
        model: The network; it is changed.
        passes: Whose simplification is run on it.
        nodes: The nodes of the file that it was made from.
        options: From which the passes for its branches are made.
    """
    ann = apply(model, passes.simplification)
    mappings = node_mappings(nodes, ann.graph)
    sources = {new: mapping.node for mapping in mappings for new in mapping.replaced_by}
    inside = []
    for branch in find_branches(ann, options.spike):
        if not any(map(is_excluded, branch.node.outputs)):
            inner = sources[branch.node].branches.get(branch.name, ())
            part = _prepared_branch(branch.model(ann), inner, options)
            inside += [(branch, part)] if part.has_neurons(options.spike) else []
    return Part(ann, mappings, inside)


def _prepared_branch(
    model: ir.Model, nodes: tuple[SourceNode, ...], options: Options
) -> Part:
    """Return a branch of an imported network, brought to the canonical form and simplified."""
    record = SourceRecord(nodes, is_given=True)
    inner = of_a_branch(options)
    passes = pipeline(inner, record=record)
    apply(model, passes.canonical)
    return _simplified(model, passes, nodes, inner)


def of_a_branch(options: Options) -> Options:
    """Return the options for a network in a branch: what it reads is known, and so direct."""
    return dataclasses.replace(options, input_coding=DIRECT)


def _codings(
    given: str | Mapping[str, str], specs: Sequence[InputSpec]
) -> dict[str, str]:
    """Return the coding of each input.

    Raises:
        OptionError: An input is not there, or cannot be coded so.
    """
    real = [spec.name for spec in specs if _may_be_coded(spec)]
    wanted = dict.fromkeys(real, given) if isinstance(given, str) else dict(given)
    problems = _unknown_inputs(wanted, specs)
    for spec in specs:
        problems += _problems_of_input(spec, wanted.get(spec.name, DIRECT))
    is_direct = given in (DIRECT, {})
    if not is_direct and not real:
        problems.append("the network has no input of real numbers")
    if problems:
        raise OptionError("; ".join([f"input_coding: {problems[0]}", *problems[1:]]))
    return {spec.name: wanted.get(spec.name, DIRECT) for spec in specs}


def _unknown_inputs(wanted: Iterable[str], specs: Sequence[InputSpec]) -> list[str]:
    """Say which of the inputs ``wanted`` are not there."""
    names = {spec.name for spec in specs}
    known = ", ".join(sorted(map(repr, names)))
    return [
        f"the network has no input {name!r}, but {known}{did_you_mean(name, names)}"
        for name in wanted
        if name not in names
    ]


def _may_be_coded(spec: InputSpec) -> bool:
    """Whether an input holds real numbers, or bytes, as of images."""
    return is_real(spec.dtype) or spec.dtype == np.uint8


def _problems_of_input(spec: InputSpec, coding: str) -> list[str]:
    """Say why an input cannot be coded so."""
    problems = []
    if coding != DIRECT and not _may_be_coded(spec):
        problems.append(
            f"input {spec} does not hold real numbers, so it stays {DIRECT}"
        )
    if coding == EVENTS and not spec.shape:
        problems.append(
            f"input {spec} has no known shape to put an axis for time in front of"
        )
    return problems
