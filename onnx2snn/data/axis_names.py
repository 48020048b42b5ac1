"""Names of axes that a model gives to several: they promise one size, and data may differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from onnx2snn.data.input_specs import Feeds, Specs

__all__ = ["Place", "describe_broken", "different_axes", "shared_names"]


class Place(NamedTuple):
    """An axis of an input."""

    input: str
    axis: int

    def __str__(self) -> str:
        """Return it in words."""
        return f"axis {self.axis} of {self.input!r}"

    def size_in(self, feeds: Feeds) -> int | None:
        """Return the size in ``feeds``; None if there is no such axis."""
        shape = feeds[self.input].shape
        return shape[self.axis] if self.axis < len(shape) else None


Places: TypeAlias = "Sequence[Place]"


def shared_names(specs: Specs) -> dict[str, list[Place]]:
    """Return the axes that bear each name, of names that several bear."""
    places: dict[str, list[Place]] = {}
    for spec in specs:
        for axis, name in enumerate(spec.symbols):
            if name is not None:
                places.setdefault(name, []).append(Place(spec.name, axis))
    return {name: found for name, found in places.items() if len(found) > 1}


def different_axes(
    specs: Specs, samples: Iterable[Feeds]
) -> Mapping[str, Sequence[Places]]:
    """Return the names that stand for different axes, with these, those of equal size together.

    Args:
        specs: The inputs of a model.
        samples: Feeds of it. Axes whose sizes agree in all of them may be one.
    """
    feeds = list(samples)
    found = {}
    for name, places in shared_names(specs).items():
        alike: dict[tuple[int | None, ...], list[Place]] = {}
        for place in places:
            sizes = tuple(place.size_in(feed) for feed in feeds)
            alike.setdefault(sizes, []).append(place)
        if len(alike) > 1:
            found[name] = list(alike.values())
    return found


def describe_broken(specs: Specs, feeds: Feeds) -> str:
    """Say which axes of one name differ in size in ``feeds``; empty if none do."""
    parts = []
    for name, groups in different_axes(specs, [feeds]).items():
        sizes = [f"{group[0]} has {group[0].size_in(feeds)}" for group in groups]
        parts.append(f"of those named {name!r}, {' and '.join(sizes)}")
    return "; ".join(parts)
