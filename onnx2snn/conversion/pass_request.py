"""Passes that a user asks for, with the place where they are to run, or wants left out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Self

from onnx2snn.arguments import did_you_mean
from onnx2snn.errors import OptionError
from onnx2snn.passes import PASSES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PassRequest", "check_skipped"]

_NEEDED = (
    "record-source-nodes",
    "keep-reference",
    "choose-input-coding",
    "calibrate",
    "replace-activations",
    "encode-inputs",
    "carry-running-means",
    "emit-time-loop",
    "emit-layerwise",
    "emit-staggered",
    "emit-multistep",
    "attach-functions",
    "write-metadata",
)
"""Passes without which there is no network, or one that cannot run."""


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


def check_skipped(names: Iterable[str]) -> None:
    """Check that the passes called ``names`` can be left out of a conversion.

    Raises:
        OptionError: There is no such pass, or there would be no network without it.
    """
    skipped = list(names)
    unknown = [name for name in skipped if name not in PASSES]
    if unknown:
        near = did_you_mean(unknown[0], PASSES)
        known = near or f"; there are {', '.join(PASSES)}"
        message = f"skip_passes: no pass {', '.join(unknown)}{known}"
        raise OptionError(message)
    needed = [name for name in skipped if name in _NEEDED]
    if needed:
        message = (
            f"skip_passes: {', '.join(needed)} cannot be skipped: "
            "there would be no network"
        )
        raise OptionError(message)
