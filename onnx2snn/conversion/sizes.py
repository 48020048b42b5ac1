"""The multiply-accumulates of one sample, by sizes that are known, given or observed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from onnx2snn.analysis.macs import count_macs
from onnx2snn.data.input_specs import input_specs
from onnx2snn.data.synthetic import synthetic_feeds
from onnx2snn.errors import Onnx2SnnError, OptionError
from onnx2snn.graph import constant, dims_of, is_op, reads
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
        first = next(data.batches(1))
        feeds = {}
        known = {}
        for name, values in first.feeds.items():
            of_step = values[:, 0] if name in events else values
            feeds[name] = of_step
            known[name] = of_step.shape
        of_data = dict(known)
        known.update(shapes)
        fits = all(known[name] == shape for name, shape in of_data.items())
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
        spec = by_name.get(name)
        if spec is None:
            known = ", ".join(map(repr, by_name))
            message = f"input_shapes: the network has no input {name!r}, but {known}"
            raise OptionError(message)
        if spec.shape is None:
            continue
        if not _fits(shape, spec.shape):
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

    A free first axis of an input, and all axes of that name, count as 1. Where the inputs fix
    the number of samples, it divides what all of them take. What the graphs do not tell of
    shapes is observed: the network runs once, if all inputs have sizes.
    """
    counts = _count_macs_of_run(network, sample)
    samples = _samples_at_once(network.ann)
    return {node: _share(count, samples) for node, count in counts.items()}


def _samples_at_once(ann: ir.Model) -> int:
    """Return the number of samples that all inputs have as their first axis, 1 if it is free."""
    sizes = {spec.shape[0] for spec in input_specs(ann) if spec.shape}
    if len(sizes) > 1:
        return 1
    return next(iter(sizes), None) or 1


def _share(count: int | None, samples: int) -> int | None:
    if count is None:
        return None
    return round(count / samples)


def _count_macs_of_run(network: Part, sample: Sample) -> Counts:
    """Return the multiply-accumulates of each node for all samples that it takes at once."""
    sized = network.ann.clone()
    _write_sizes(sized.graph, sample.shapes)
    counts = _count(sized.graph)
    if None in counts:
        InferShapes()(sized)
        counts = _count(sized.graph)
    if None in counts and _observe(sized, sample.feeds):
        InferShapes()(sized)
    found = _count_without_branches(network, sized.graph)
    values = _values_by_name(sized.graph)
    for _, inner in network.inside:
        shapes = _shapes_in(inner, values)
        found |= _count_macs_of_run(inner, Sample(shapes))
    return found


def _count(graph: ir.Graph) -> list[int | None]:
    return [count_macs(node) for node in graph]


def _count_without_branches(network: Part, sized: ir.Graph) -> Counts:
    """Return the multiply-accumulates of each node; branches count by themselves, if ever taken.

    Args:
        network: The network.
        sized: Its graph, with sizes.
    """
    apart: dict[ir.Node, list[str]] = {}
    for branch in network.branches:
        apart.setdefault(branch.node, []).append(branch.name)
    pairs = zip(network.ann.graph, sized, strict=True)
    return {node: count_macs(copy, apart.get(node, ())) for node, copy in pairs}


def _write_sizes(graph: ir.Graph, shapes: Shapes) -> None:
    """Write the sizes of one sample on all values of ``graph``, by the names of axes."""
    sizes: dict[str, int] = {}
    for value in graph.inputs:
        name = str(value.name)
        given = shapes.get(name, ())
        if value.shape is None and given:
            value.shape = ir.Shape(given)
        one_sample = (1,)
        of_input = _write_input_sizes(value, given or one_sample)
        sizes = of_input | sizes
    for inner in (graph, *graph.subgraphs()):
        for value in _list_values(inner):
            _replace_names(value, sizes)


def _write_input_sizes(value: ir.Value, given: Sequence[int]) -> dict[str, int]:
    """Write the first sizes of an input, where they are open; return them by their names."""
    sizes: dict[str, int] = {}
    shape = value.shape
    if shape is None:
        return sizes
    for axis, number in enumerate(given[: len(shape)]):
        size = shape[axis]
        if isinstance(size, ir.SymbolicDim):
            shape[axis] = number
            if size.value is not None:
                sizes[size.value] = number
    return sizes


def _replace_names(value: ir.Value, sizes: Mapping[str, int]) -> None:
    shape = value.shape
    if shape is None:
        return
    for axis, name in enumerate(dims_of(value) or ()):
        if isinstance(name, str) and name in sizes:
            shape[axis] = sizes[name]


def _list_values(graph: ir.Graph) -> list[ir.Value]:
    values = list(graph.inputs)
    for node in graph:
        values += node.outputs
    return values


def _values_by_name(graph: ir.Graph) -> dict[str, ir.Value]:
    values = [*_list_values(graph), *graph.initializers.values()]
    return {str(value.name): value for value in values}


def _shapes_in(inner: Part, values: Mapping[str, ir.Value]) -> dict[str, Any]:
    """Return the shapes of what a branch captures, as far as the graph around it has them."""
    shapes = {}
    for captured in inner.ann.graph.inputs:
        name = str(captured.name)
        value = values.get(name)
        shape = None if value is None else value.shape
        if shape is not None and shape.is_static():
            shapes[name] = tuple(shape)
    return shapes


def _observe(sized: ir.Model, feeds: Arrays | None) -> bool:
    """Run the network once and write the shapes it has; whether it ran."""
    observed = _values_to_observe(sized.graph)
    wanted = list(dict.fromkeys(observed))
    if not wanted:
        return False
    if feeds is None and not _has_all_sizes(sized):
        return False
    try:
        if feeds is None:
            feeds = _first_synthetic_feed(sized)
        whole = Subgraph(sized, wanted, ())
        results = whole.run(feeds)
    except Onnx2SnnError:
        return False  # not on these inputs: what is not known stays so
    for value, result in zip(wanted, results, strict=True):
        value.shape = ir.Shape(result.shape)
        _make_trips_constant(sized.graph, value, result)
    return True


def _has_all_sizes(model: ir.Model) -> bool:
    """Whether the shapes of all inputs are numbers."""
    specs = input_specs(model)
    return all(spec.shape is not None and None not in spec.shape for spec in specs)


def _first_synthetic_feed(model: ir.Model) -> Arrays:
    specs = input_specs(model)
    feeds = synthetic_feeds(specs, samples=1)
    return next(iter(feeds))


def _values_to_observe(graph: ir.Graph) -> Iterable[ir.Value]:
    """Yield what nodes of unknown work read and write, as far as it is computed."""
    for node in graph:
        if count_macs(node) is not None:
            continue
        for value in (*reads(node), *node.outputs):
            is_here = value.graph is graph
            is_computed = is_here and value.producer() is not None
            is_tensor = isinstance(value.type, ir.TensorType)
            if is_computed and is_tensor and value.name:
                yield value


def _make_trips_constant(graph: ir.Graph, value: ir.Value, result: np.ndarray) -> None:
    """Let each Loop that turns as often as ``value`` says know that number."""
    for use in tuple(value.uses()):
        reader = use.node
        is_trip_count = use.idx == 0 and is_op(reader, "Loop")
        if is_trip_count:
            trips = constant(graph, f"{value.name}.trips", result)
            reader.replace_input_with(0, trips)
