"""A pass of another package that a user asks for, and where it is to run."""

from __future__ import annotations

import dataclasses
from typing import Self

from onnx2snn.errors import OptionError

__all__ = ["PassRequest"]


@dataclasses.dataclass(frozen=True)
class PassRequest:
    """A pass by its name, and the pass before or after which it runs.

    Attributes:
        name: Under which it is registered.
        before: Name of the pass that comes next; None if that does not matter.
        after: Name of the pass that comes just before; None likewise.
    """

    name: str
    before: str | None = None
    after: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``NAME``, ``NAME:before=NAME`` or ``NAME:after=NAME``.

        Raises:
            OptionError: It is none of these.
        """
        name, colon, place = text.partition(":")
        if not colon:
            return cls(name)
        side, _, neighbor = place.partition("=")
        if side not in {"before", "after"} or not neighbor:
            message = (
                f"passes: {text!r} is not NAME, NAME:before=NAME or NAME:after=NAME"
            )
            raise OptionError(message)
        return cls(name, **{side: neighbor})
