"""Shapes of inputs, as options give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from onnx2snn.arguments import checked_names
from onnx2snn.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["input_shapes"]


def input_shapes(
    given: Mapping[str, Sequence[int]] | Sequence[str],
) -> dict[str, tuple[int, ...]]:
    """Return the shape of each input that is named.

    Args:
        given: Name to shape, or texts as in ``image:1,3,640,640``.

    Raises:
        OptionError: One is no shape.
    """
    if isinstance(given, Mapping):
        return {name: _read_shape(name, sizes) for name, sizes in given.items()}
    shapes = {}
    for text in checked_names("input_shapes", given):
        name, _, sizes = text.rpartition(":")
        shapes[name] = _read_shape(text, sizes.split(","))
    return shapes


def _read_shape(text: str, sizes: Iterable[object]) -> tuple[int, ...]:
    try:
        shape = tuple(int(str(size)) for size in sizes)
    except (TypeError, ValueError):
        shape = (0,)
    if min(shape, default=1) < 1:
        message = (
            f"input_shapes: {text!r} has no shape; give sizes of at least 1, as in "
            "image:1,3,640,640"
        )
        raise OptionError(message)
    return shape
