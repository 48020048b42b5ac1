"""Layers as a NIR file, and back."""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from onnx2snn.errors import InvalidModelError, OptionError
from onnx2snn.exporting.layers import (
    Convolution,
    Entry,
    Exit,
    Flattening,
    Layer,
    LayerGraph,
    Neuron,
    Pool,
    Product,
)

if TYPE_CHECKING:
    from pathlib import Path

    from onnx2snn.exporting.layers import Shape
    from onnx2snn.exporting.readers import Reader

__all__ = [
    "find_difference",
    "import_nir",
    "read_layers",
    "write_layers",
]

STEP = {"LIF": 1e-4, "CubaLIF": 1e-3}
"""Seconds of a time step that readers of a primitive take by default."""

SLOWEST = 1e8
"""Time constant of a membrane that does not leak, in steps: in float32 nothing is lost."""


def import_nir() -> Any:  # noqa: ANN401 (a module)
    """Return the package nir.

    Raises:
        OptionError: It is not installed.
    """
    try:
        return importlib.import_module("nir")
    except ModuleNotFoundError as error:
        message = "NIR files need the package nir: pip install 'onnx2snn[nir]'"
        raise OptionError(message) from error


def write_layers(graph: LayerGraph, path: Path, reader: Reader) -> None:
    """Write layers, all with thresholds of 1 that start at 0, as a NIR file for a reader.

    Args:
        graph: The layers, with names that nir takes.
        path: The file.
        reader: Who will read it: it decides the primitive of neurons.
    """
    nir = import_nir()
    nodes = {}
    for name, layer in graph.layers.items():
        shape = graph.shapes[name]
        nodes[name] = _node(nir, layer, graph.input_shape(name), shape, reader)
    edges = [(source, name) for name in nodes for source in graph.sources[name]]
    whole = nir.NIRGraph(nodes=nodes, edges=edges)
    nir.write(str(path), whole)


def _node(
    nir: Any,  # noqa: ANN401 (a module)
    layer: Layer,
    source: Shape,
    shape: Shape,
    reader: Reader,
) -> Any:  # noqa: ANN401 (a node of nir)
    """Return the node of a layer."""
    if isinstance(layer, Neuron):
        return _neuron(nir, layer, shape, reader)
    if isinstance(layer, Convolution):
        return _convolution(nir, layer, source)
    if isinstance(layer, Product):
        return nir.Affine(_float(layer.weight), _float(layer.bias))
    if isinstance(layer, Pool):
        make = nir.SumPool2d if layer.is_sum else nir.AvgPool2d
        zeros = np.zeros(2, int)
        return make(np.array(layer.kernel), np.array(layer.strides), zeros)
    return _plain_node(nir, layer, source, shape)


def _plain_node(
    nir: Any,  # noqa: ANN401 (a module)
    layer: Layer,
    source: Shape,
    shape: Shape,
) -> Any:  # noqa: ANN401 (a node of nir)
    """Return the node of a layer that has nothing but a shape."""
    if isinstance(layer, Entry):
        return nir.Input({"input": np.array(shape)})
    if isinstance(layer, Exit):
        return nir.Output({"output": np.array(shape)})
    # Counted from the end, axes are right with and without a batch in front.
    return nir.Flatten({"input": np.array(source)}, -len(source), -1)


def _float(data: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(data, np.float32)


def _convolution(
    nir: Any,  # noqa: ANN401 (a module)
    layer: Convolution,
    source: Shape,
) -> Any:  # noqa: ANN401 (a node of nir)
    return nir.Conv2d(
        input_shape=source[1:],
        weight=_float(layer.weight),
        stride=layer.strides,
        padding=layer.before,
        dilation=layer.dilations,
        groups=1,
        bias=_float(layer.bias),
    )


def threshold_of(reader: Reader) -> np.float32:
    """Return what is written for a threshold of 1.

    Of a reader that fires above it only, that is the number right below 1: then it fires at 1.
    """
    one = np.float32(1)
    if reader.firing.is_strict:
        return np.float32(np.nextafter(one, np.float32(0)))
    return one


def _neuron(
    nir: Any,  # noqa: ANN401 (a module)
    layer: Neuron,
    shape: Shape,
    reader: Reader,
) -> Any:  # noqa: ANN401 (a node of nir)
    """Return neurons without a leak, as the primitive that the reader takes."""
    assert (layer.threshold == 1).all()  # the passes saw to it
    assert not layer.start.any()
    ones = np.ones(shape, np.float32)
    zeros = np.zeros(shape, np.float32)
    threshold = ones * threshold_of(reader)
    if reader.primitive == "IF":
        return nir.IF(r=ones, v_threshold=threshold, v_reset=zeros)
    step = STEP[reader.primitive]
    tau = ones * np.float32(SLOWEST * step)
    resistance = ones * np.float32(SLOWEST)
    if reader.primitive == "LIF":
        return nir.LIF(
            tau=tau, r=resistance, v_leak=zeros, v_threshold=threshold, v_reset=zeros
        )
    return nir.CubaLIF(
        tau_syn=ones * np.float32(step),
        tau_mem=tau,
        r=resistance,
        v_leak=zeros,
        v_threshold=threshold,
        v_reset=zeros,
        w_in=ones,
    )


def read_layers(path: Path) -> LayerGraph:
    """Return the layers in a NIR file that was written here; nir checks all shapes.

    Raises:
        InvalidModelError: nir does not read it, or it holds something else.
    """
    nir = import_nir()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            whole = nir.read(str(path), type_check=True)
    except Exception as error:  # nir and h5py raise whatever they like
        message = f"nir does not read what was written: {error}"
        raise InvalidModelError(message) from error
    sources: dict[str, list[str]] = {name: [] for name in whole.nodes}
    for source, name in whole.edges:
        sources[str(name)].append(str(source))
    graph = LayerGraph()
    for name in _in_order(sources):
        node = whole.nodes[name]
        read = sources[name]
        before = graph.shapes[read[0]] if read else ()
        layer, shape = _layer(node, before)
        graph.add(name, layer, read, shape)
    return graph


def _in_order(sources: dict[str, list[str]]) -> list[str]:
    """Return names so that each stands behind those that it reads."""
    order: list[str] = []
    pending = list(sources)
    while pending:
        ready = [name for name in pending if set(sources[name]) <= set(order)]
        if not ready:
            message = f"layers {', '.join(pending)} read each other in a circle"
            raise InvalidModelError(message)
        order += ready
        pending = [name for name in pending if name not in ready]
    return order


def _layer(node: Any, source: Shape) -> tuple[Layer, Shape]:  # noqa: ANN401 (a node of nir)
    """Return the layer of a node, and the shape of what it sends."""
    kind = type(node).__name__
    if kind in {"SumPool2d", "AvgPool2d"}:
        return _read_pool(node, source)
    if kind == "Input":
        return Entry(), _sizes(node.input_type["input"])
    if kind == "Output":
        return Exit(), source
    if kind == "Affine":
        return Product(node.weight, node.bias), (len(node.weight),)
    if kind not in {"Flatten", "Conv2d"}:
        return Neuron(node.v_threshold, np.zeros_like(node.v_threshold)), source
    layer = Flattening() if kind == "Flatten" else _read_convolution(node)
    return layer, _sizes(node.output_type["output"])


def _read_convolution(node: Any) -> Convolution:  # noqa: ANN401 (a node of nir)
    return Convolution(
        node.weight,
        node.bias,
        strides=_pair(node.stride),
        dilations=_pair(node.dilation),
        before=_pair(node.padding),
    )


def _read_pool(node: Any, source: Shape) -> tuple[Pool, Shape]:  # noqa: ANN401 (likewise)
    is_sum = type(node).__name__ == "SumPool2d"
    pool = Pool(_pair(node.kernel_size), _pair(node.stride), is_sum)
    sizes = [
        (size - kernel) // stride + 1
        for size, kernel, stride in zip(
            source[1:], pool.kernel, pool.strides, strict=True
        )
    ]
    return pool, (source[0], *sizes)


def _sizes(data: np.ndarray) -> Shape:
    return tuple(int(size) for size in data)


def _pair(data: Any) -> tuple[int, int]:  # noqa: ANN401 (an array or a tuple)
    first, second = (int(each) for each in np.broadcast_to(data, 2))
    return first, second


def find_difference(written: LayerGraph, found: LayerGraph) -> str | None:
    """Return in what layers that were read back differ from those written; None if in nothing."""
    if set(written.layers) != set(found.layers):
        return "its nodes are others"
    for name, layer in written.layers.items():
        if set(written.sources[name]) != set(found.sources[name]):
            return f"{name} reads other nodes"
        if written.shapes[name] != found.shapes[name]:
            return f"{name} sends the shape {found.shapes[name]}, not {written.shapes[name]}"
        if not _is_same(layer, found.layers[name]):
            return f"{name} has other numbers"
    return None


def _is_same(layer: Layer, other: Layer) -> bool:
    if type(layer) is not type(other):
        return False
    if isinstance(layer, Neuron):
        return True
    for field in vars(layer):
        mine, others = getattr(layer, field), getattr(other, field)
        if not np.array_equal(np.asarray(mine, np.float32), others):
            return False
    return True
