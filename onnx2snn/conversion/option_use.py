"""The check that an option is read by something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["check_used_with"]


def check_used_with(
    option: str, part: str, chosen: str, needed: Collection[str]
) -> None:
    """Check that ``option`` is given with a value of ``part`` that reads it.

    Raises:
        OptionError: It would not be read.
    """
    if chosen in needed:
        return
    message = (
        f"{option} is of use with the {part} {' or '.join(needed)} only; leave it out, or choose "
        "that"
    )
    raise OptionError(message)
