"""The multiply-accumulates of one sample, by sizes that are known, given or observed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from onnx2snn.analysis.macs import count_macs
from onnx2snn.data.input_specs import input_specs
from onnx2snn.data.synthetic import synthetic_feeds
from onnx2snn.errors import Onnx2SnnError, OptionError
from onnx2snn.graph import constant, is_op, reads
from onnx2snn.passes import InferShapes
from onnx2snn.runtime.subgraph import Subgraph

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import numpy as np

    from onnx2snn.analysis.branches import Part
    from onnx2snn.data.batches import Dataset
    from onnx2snn.data.input_specs import Arrays, InputSpec

    Counts = dict[ir.Node, int | None]
    Shapes = Mapping[str, tuple[int, ...]]

__all__ = ["Sample", "checked_shapes", "count_macs_of_sample"]


@dataclasses.dataclass(frozen=True)
class Sample:
    """One sample of the inputs of a network.

    Attributes:
        shapes: The shapes of inputs, by name, as far as they are known.
        feeds: Values for all inputs; None if there are none.
    """

    shapes: Shapes
    feeds: Arrays | None = None

    @classmethod
    def of(
        cls, shapes: Shapes, data: Dataset | None, events: Collection[str] = ()
    ) -> Sample:
        """Return a sample of ``shapes``, else the first of the data.

        Args:
            shapes: The shapes that are given.
            data: Calibration data, None if there is none.
            events: Inputs of which the data has a slice a step.
        """
        if data is None:
            return cls(shapes)
        first = next(data.batches(1)).feeds
        feeds = {
            name: values[:, 0] if name in events else values
            for name, values in first.items()
        }
        known = {name: values.shape for name, values in feeds.items()} | dict(shapes)
        fits = all(values.shape == known[name] for name, values in feeds.items())
        return cls(known, feeds if fits else None)


def checked_shapes(
    given: Mapping[str, tuple[int, ...]], specs: Sequence[InputSpec]
) -> Shapes:
    """Return the shapes that are given, which the inputs can have.

    Raises:
        OptionError: There is no such input, or it has another shape.
    """
    by_name = {spec.name: spec for spec in specs}
    for name, shape in given.items():
        if name not in by_name:
            known = ", ".join(map(repr, by_name))
            message = f"input_shapes: the network has no input {name!r}, but {known}"
            raise OptionError(message)
        spec = by_name[name]
        if spec.shape is not None and not _fits(shape, spec.shape):
            message = f"input_shapes: {list(shape)} does not fit input {spec}"
            raise OptionError(message)
    return given


def _fits(shape: Sequence[int], declared: Sequence[int | None]) -> bool:
    if len(shape) != len(declared):
        return False
    pairs = zip(shape, declared, strict=True)
    return all(size == known or known is None for size, known in pairs)


def count_macs_of_sample(network: Part, sample: Sample) -> Counts:
    """Return the multiply-accumulates of each node for one sample, None where not known.

    A free first axis of an input, and all axes of that name, count as 1. What the graphs do not
    tell of shapes is observed: the network runs once, if all inputs have sizes.
    """
    sized = network.ann.clone()
    _write_sizes(sized.graph, sample.shapes)
    counts = _count(sized.graph)
    if None in counts:
        InferShapes()(sized)
        counts = _count(sized.graph)
    if None in counts and _observe(sized, sample.feeds):
        InferShapes()(sized)
        counts = _count(sized.graph)
    found = dict(zip(network.ann.graph, counts, strict=True))
    values = _values_by_name(sized.graph)
    for _, inner in network.inside:
        found |= count_macs_of_sample(inner, Sample(_shapes_in(inner, values)))
    return found


def _count(graph: ir.Graph) -> list[int | None]:
    return [count_macs(node) for node in graph]


def _write_sizes(graph: ir.Graph, shapes: Shapes) -> None:
    """Write the sizes of one sample on all values of ``graph``, by the names of axes."""
    sizes: dict[str, int] = {}
    for value in graph.inputs:
        given = shapes.get(str(value.name), ())
        if value.shape is None and given:
            value.shape = ir.Shape(given)
        sizes = _write_input_sizes(value, given or (1,)) | sizes
    for inner in (graph, *graph.subgraphs()):
        for value in _list_values(inner):
            _replace_names(value, sizes)


def _write_input_sizes(value: ir.Value, given: Sequence[int]) -> dict[str, int]:
    """Write the first sizes of an input, where they are open; return them by their names."""
    sizes = {}
    pairs = zip(value.shape or (), given, strict=False)
    for axis, (size, number) in enumerate(pairs):
        if isinstance(size, ir.SymbolicDim):
            assert value.shape is not None
            value.shape[axis] = number
            if size.value is not None:
                sizes[size.value] = number
    return sizes


def _replace_names(value: ir.Value, sizes: Mapping[str, int]) -> None:
    for axis, size in enumerate(value.shape or ()):
        if isinstance(size, ir.SymbolicDim) and size.value in sizes:
            assert value.shape is not None
            value.shape[axis] = sizes[str(size.value)]


def _list_values(graph: ir.Graph) -> list[ir.Value]:
    return [*graph.inputs, *(value for node in graph for value in node.outputs)]


def _values_by_name(graph: ir.Graph) -> dict[str, ir.Value]:
    values = [*_list_values(graph), *graph.initializers.values()]
    return {str(value.name): value for value in values}


def _shapes_in(inner: Part, values: Mapping[str, ir.Value]) -> dict[str, Any]:
    """Return the shapes of what a branch captures, as far as the graph around it has them."""
    names = [str(value.name) for value in inner.ann.graph.inputs]
    known = {name: values[name] for name in names if name in values}
    return {
        name: tuple(value.shape or ())
        for name, value in known.items()
        if _is_known(value)
    }


def _is_known(value: ir.Value) -> bool:
    return value.shape is not None and value.shape.is_static()


def _observe(sized: ir.Model, feeds: Arrays | None) -> bool:
    """Run the network once and write the shapes it has; whether it ran."""
    if feeds is None:
        specs = input_specs(sized)
        if any(spec.shape is None or None in spec.shape for spec in specs):
            return False
    wanted = list(dict.fromkeys(_values_to_observe(sized.graph)))
    if not wanted:
        return False
    try:
        if feeds is None:
            feeds = next(iter(synthetic_feeds(specs, samples=1)))
        results = Subgraph(sized, wanted, ()).run(feeds)
    except Onnx2SnnError:
        return False  # not on these inputs: what is not known stays so
    for value, result in zip(wanted, results, strict=True):
        value.shape = ir.Shape(result.shape)
        _make_trips_constant(sized.graph, value, result)
    return True


def _values_to_observe(graph: ir.Graph) -> Iterable[ir.Value]:
    """Yield what nodes of unknown work read and write, as far as it is computed."""
    for node in graph:
        if count_macs(node) is not None:
            continue
        for value in (*reads(node), *node.outputs):
            is_tensor = isinstance(value.type, ir.TensorType)
            is_computed = value.producer() is not None and value.graph is graph
            if is_computed and is_tensor and value.name:
                yield value


def _make_trips_constant(graph: ir.Graph, value: ir.Value, result: np.ndarray) -> None:
    """Let each Loop that turns as often as ``value`` says know that number."""
    for use in tuple(value.uses()):
        if use.idx == 0 and is_op(use.node, "Loop"):
            trips = constant(graph, f"{value.name}.trips", result)
            use.node.replace_input_with(0, trips)
