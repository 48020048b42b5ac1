"""Residual connections as channels of the layers that they pass by."""

from __future__ import annotations

import dataclasses

import numpy as np

from onnx2snn.exporting.layers import Convolution, Layer, LayerGraph, Neuron, Product
from onnx2snn.exporting.passes.linear_layers import has_one_reader

__all__ = ["carry_through"]


def carry_through(graph: LayerGraph) -> None:
    """Let weights beside a chain of layers become weights of the chain; exact.

        before:  d = W2 IF(W1 s) + V s
        after:   d = [W2 V] IF([W1; 1] s)

    A neuron with a threshold of 1 that reads one spike sends it on in the same step: so spikes
    get past the neurons of a chain unchanged. The legacy executor of nirtorch 2.6, by which sinabs
    and norse run a file, takes layers depth first: it would reach the sum before the branch with
    V. What is carried so costs channels of zeros.

    Thresholds are 1 already. A connection stays as it is where it passes by a pool, or where its
    geometry is not that of the chain.
    """
    for name in list(graph.layers):
        if name in graph.layers and len(graph.sources[name]) > 1:
            _carry_all(graph, name)


def _carry_all(graph: LayerGraph, join: str) -> None:
    """Carry what can be of the weights that a layer reads the sum of."""
    order = {name: position for position, name in enumerate(graph.layers)}
    by_depth = sorted(graph.sources[join], key=lambda name: _depth(graph, name, order))
    *others, main = by_depth
    for other in others:
        path = _find_path(graph, other, main)
        if path is not None:
            _carry(graph, join, other, path)


def _depth(graph: LayerGraph, name: str, order: dict[str, int]) -> int:
    """Return how far down the deepest layer is that one reads."""
    return max((order[source] for source in graph.sources[name]), default=0)


def _find_path(graph: LayerGraph, other: str, main: str) -> list[str] | None:
    """Return the weights of a chain, from behind what ``other`` reads down to ``main``.

    None if there is no chain of weights and neurons that nothing else reads.
    """
    start = _only_source(graph, other)
    if start is None or not isinstance(graph.layers[start], Neuron):
        return None
    if not _is_private(graph, other):
        return None
    path: list[str] = []
    name: str | None = main
    while name is not None and _is_private(graph, name):
        path.insert(0, name)
        neuron = _only_source(graph, name)
        if neuron == start:
            return path if _fits(graph, other, path) else None
        name = None if neuron is None else _in_front_of_neuron(graph, neuron)
    return None


def _is_private(graph: LayerGraph, name: str) -> bool:
    """Whether a layer is weights of one group, which one layer alone reads."""
    return _is_linear(graph, name) and has_one_reader(graph, name)


def _only_source(graph: LayerGraph, name: str) -> str | None:
    """Return the only layer that one reads, None if there are several."""
    sources = graph.sources[name]
    return sources[0] if len(sources) == 1 else None


def _in_front_of_neuron(graph: LayerGraph, name: str) -> str | None:
    """Return the only layer in front of neurons that one layer reads; None of anything else."""
    is_neuron = isinstance(graph.layers[name], Neuron)
    if not is_neuron or not has_one_reader(graph, name):
        return None
    return _only_source(graph, name)


def _is_linear(graph: LayerGraph, name: str) -> bool:
    layer = graph.layers[name]
    is_in_groups = isinstance(layer, Convolution) and layer.groups > 1
    return isinstance(layer, Convolution | Product) and not is_in_groups


def _fits(graph: LayerGraph, other: str, path: list[str]) -> bool:
    """Whether weights can stand behind what a chain carries."""
    beside = graph.layers[other]
    layers = [graph.layers[name] for name in path]
    if len(path) < 2 or any(type(layer) is not type(beside) for layer in layers):
        return False
    if isinstance(beside, Product):
        return True
    *inner, last = layers
    strides = np.ones(2, int)
    for layer in inner:
        if not isinstance(layer, Convolution) or _middle_tap(layer) is None:
            return False
        strides *= np.array(layer.strides)
    return _stands_behind(beside, last, strides)


def _stands_behind(beside: Layer, last: Layer, strides: np.ndarray) -> bool:
    """Whether one convolution can be a part of another, behind strides before it."""
    assert isinstance(beside, Convolution) and isinstance(last, Convolution)  # noqa: PT018
    if tuple(strides * np.array(last.strides)) != beside.strides:
        return False
    is_point = beside.weight.shape[2:] == (1, 1) and beside.before == (0, 0)
    if is_point:
        return _middle_tap(last) is not None
    has_same_windows = (
        beside.weight.shape[2:] == last.weight.shape[2:]
        and beside.before == last.before
        and beside.dilations == last.dilations
    )
    return has_same_windows and tuple(strides) == (1, 1)


def _middle_tap(layer: Layer) -> tuple[int, int] | None:
    """Return the tap that multiplies the element where a window begins, without its padding."""
    if not isinstance(layer, Convolution):
        return None
    taps = []
    for axis in (0, 1):
        tap, rest = divmod(layer.before[axis], layer.dilations[axis])
        if rest or not 0 <= tap < layer.weight.shape[axis + 2]:
            return None
        taps.append(tap)
    return taps[0], taps[1]


def _carry(graph: LayerGraph, join: str, other: str, path: list[str]) -> None:
    """Let a chain carry what weights beside it read, and multiply by them at its end."""
    beside = graph.layers[other]
    assert isinstance(beside, Convolution | Product)  # _find_path saw to it
    axes = tuple(axis for axis in range(beside.weight.ndim) if axis != 1)
    used = np.flatnonzero(beside.weight.any(axis=axes))
    *inner, last = path
    carried = used
    for name in inner:
        _widen(graph, name, carried)
        neuron = graph.readers(name)[0]
        _widen_neuron(graph, neuron, len(used))
        channels = graph.shapes[neuron][0]
        carried = np.arange(channels - len(used), channels)
    _add_weights(graph, last, beside, used)
    graph.sources[join] = tuple(each for each in graph.sources[join] if each != other)
    graph.remove(other)


def _widen(graph: LayerGraph, name: str, carried: np.ndarray) -> None:
    """Let weights of a chain send some of their input channels on as well."""
    layer = graph.layers[name]
    assert isinstance(layer, Convolution | Product)  # _find_path saw to it
    source = graph.input_shape(name)
    weight = _with_inputs(layer.weight, source[0])
    more = np.zeros((len(carried), *weight.shape[1:]))
    rows = np.arange(len(carried))
    tap = _middle_tap(layer)
    if tap is None:
        more[rows, carried] = 1
    else:
        more[rows, carried, tap[0], tap[1]] = 1
    bias = np.concatenate([layer.bias, np.zeros(len(carried))])
    graph.layers[name] = dataclasses.replace(
        layer,
        weight=np.concatenate([weight, more]),
        bias=bias,
    )
    channels, *positions = graph.shapes[name]
    graph.shapes[name] = (channels + len(carried), *positions)


def _with_inputs(weight: np.ndarray, inputs: int) -> np.ndarray:
    """Return weights for so many input channels, of which the last ones do not count."""
    margins = [(0, 0)] * weight.ndim
    margins[1] = (0, inputs - weight.shape[1])
    return np.pad(weight, margins)


def _widen_neuron(graph: LayerGraph, name: str, count: int) -> None:
    """Let neurons have so many channels more, which send on what they read."""
    neuron = graph.layers[name]
    assert isinstance(neuron, Neuron)  # _find_path saw to it
    channels, *positions = graph.shapes[name]
    if neuron.start.any():
        start = np.broadcast_to(neuron.start, (channels, *neuron.start.shape[1:]))
        more = np.zeros((count, *start.shape[1:]))
        neuron = dataclasses.replace(neuron, start=np.concatenate([start, more]))
        graph.layers[name] = neuron
    graph.shapes[name] = (channels + count, *positions)


def _add_weights(
    graph: LayerGraph, name: str, beside: Convolution | Product, used: np.ndarray
) -> None:
    """Let the last weights of a chain have those beside it, for the channels that it carries."""
    layer = graph.layers[name]
    assert isinstance(layer, Convolution | Product)  # _find_path saw to it
    inputs = graph.input_shape(name)[0]
    weight = _with_inputs(layer.weight, inputs)
    columns = np.arange(inputs - len(used), inputs)
    tap = _middle_tap(layer)
    if tap is not None and beside.weight.shape[2:] == (1, 1):
        weight[:, columns, tap[0], tap[1]] += beside.weight[:, used, 0, 0]
    else:
        weight[:, columns] += beside.weight[:, used]
    bias = layer.bias + beside.bias
    graph.layers[name] = dataclasses.replace(
        layer,
        weight=weight,
        bias=bias,
    )
