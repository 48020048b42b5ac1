"""A network as other simulators have it: layers, joined by edges that are summed up.

Shapes are those of one sample in one step, without the batch: (channels, height, width), or
(features,).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np

__all__ = [
    "Convolution",
    "Entry",
    "Exit",
    "Flattening",
    "Layer",
    "LayerGraph",
    "Linear",
    "Neuron",
    "Pool",
    "Product",
    "Shape",
]

Shape: TypeAlias = tuple[int, ...]
"""Sizes of the axes of one sample."""


@dataclasses.dataclass(frozen=True, eq=False)
class Entry:
    """Where the input comes in: the same value in every step."""


@dataclasses.dataclass(frozen=True, eq=False)
class Exit:
    """Where the output of a step goes out; its mean over the steps is that of the network."""


@dataclasses.dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution over height and width.

    Attributes:
        weight: [outputs, inputs / groups, height, width], float64.
        bias: [outputs], float64.
        strides: Distance of neighboring windows, for both axes.
        dilations: Distance of neighboring taps.
        before: Zeros before the input; of a negative number so many elements are cut off. Those
            behind it follow from the shape of the output.
        groups: Number of groups.
    """

    weight: np.ndarray
    bias: np.ndarray
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    before: tuple[int, int] = (0, 0)
    groups: int = 1


@dataclasses.dataclass(frozen=True, eq=False)
class Product:
    """A matrix times the features, plus a bias.

    Attributes:
        weight: [outputs, inputs], float64.
        bias: [outputs], float64.
    """

    weight: np.ndarray
    bias: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Pool:
    """The mean, or the sum, of windows, without padding.

    Attributes:
        kernel: Height and width of a window.
        strides: Distance of neighboring windows.
        is_sum: Whether it is the sum.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int]
    is_sum: bool = False

    @property
    def taps(self) -> int:
        """Number of elements of a window."""
        return math.prod(self.kernel)


@dataclasses.dataclass(frozen=True, eq=False)
class Flattening:
    """All axes of a sample as one, the last one fastest."""


@dataclasses.dataclass(frozen=True, eq=False)
class Neuron:
    """Integrate-and-fire neurons: a spike is 1, whatever the threshold.

    Attributes:
        threshold: Firing threshold, > 0, in a shape that broadcasts to a sample.
        start: Potential before the first step, likewise.
        hard: Whether a spike resets the potential to 0, and does not subtract the threshold.
    """

    threshold: np.ndarray
    start: np.ndarray
    hard: bool = False


Linear: TypeAlias = Convolution | Product
"""Layers with weights and a bias."""

Layer: TypeAlias = Entry | Exit | Linear | Pool | Flattening | Neuron


class LayerGraph:
    """Layers by name, each with those whose outputs it adds up; in an order in which they can run.

    Attributes:
        layers: Name to layer.
        sources: Name to the names of the layers that it reads.
        shapes: Name to the shape of what the layer sends.
    """

    def __init__(self) -> None:
        """Begin without any layer."""
        self.layers: dict[str, Layer] = {}
        self.sources: dict[str, tuple[str, ...]] = {}
        self.shapes: dict[str, Shape] = {}

    def add(self, name: str, layer: Layer, sources: Sequence[str], shape: Shape) -> str:
        """Append a layer, under the name or one like it; return its name."""
        chosen = self._free_name(name)
        self.layers[chosen] = layer
        self.sources[chosen] = tuple(sources)
        self.shapes[chosen] = shape
        return chosen

    def _free_name(self, name: str) -> str:
        chosen = name
        count = 0
        while chosen in self.layers:
            count += 1
            chosen = f"{name}_{count}"
        return chosen

    def insert(
        self, before: str, name: str, layer: Layer, sources: Sequence[str]
    ) -> str:
        """Let a new layer, of the shape of its sources, stand between them and ``before``."""
        kept = [each for each in self.sources[before] if each not in sources]
        shape = self.shapes[sources[0]]
        chosen = self.add(name, layer, sources, shape)
        self.sources[before] = (*kept, chosen)
        self._move_in_front(chosen, before)
        return chosen

    def _move_in_front(self, name: str, other: str) -> None:
        """Let a layer stand right in front of another one."""
        names = [each for each in self.layers if each != name]
        names.insert(names.index(other), name)
        self.layers = {each: self.layers[each] for each in names}

    def bypass(self, name: str) -> None:
        """Remove a layer; what read it reads what it has read."""
        sources = self.sources[name]
        for reader in self.readers(name):
            others = [each for each in self.sources[reader] if each != name]
            self.sources[reader] = (*others, *sources)
        self.remove(name)

    def remove(self, name: str) -> None:
        """Remove a layer that no other one reads."""
        for table in (self.layers, self.sources, self.shapes):
            del table[name]

    def readers(self, name: str) -> list[str]:
        """Return the names of the layers that read one."""
        return [each for each, sources in self.sources.items() if name in sources]

    def input_shape(self, name: str) -> Shape:
        """Return the shape of what a layer reads."""
        sources = self.sources[name]
        return self.shapes[sources[0]] if sources else self.shapes[name]

    def named(self, kind: type) -> list[str]:
        """Return the names of the layers of a kind, in order."""
        return [name for name, layer in self.layers.items() if isinstance(layer, kind)]

    def keep_only(self, ends: Iterable[str]) -> None:
        """Remove what ``ends`` do not depend on."""
        needed: set[str] = set()
        pending = list(ends)
        while pending:
            name = pending.pop()
            if name not in needed:
                needed.add(name)
                pending += self.sources[name]
        for name in list(self.layers):
            if name not in needed:
                self.remove(name)

    def renamed(self, names: Mapping[str, str]) -> LayerGraph:
        """Return the graph with other names."""
        graph = LayerGraph()
        for name, layer in self.layers.items():
            sources = [names[each] for each in self.sources[name]]
            graph.add(names[name], layer, sources, self.shapes[name])
        return graph

    def copy(self) -> LayerGraph:
        """Return a copy; the layers, which never change, are shared."""
        return self.renamed({name: name for name in self.layers})
