"""Every exception the package raises for a user's model, data or file.

::

    Onnx2SnnError
    ├── InvalidModelError    not a valid ONNX model, or not one that can be loaded
    ├── UnsupportedError     a valid model with parts that have no spiking counterpart
    ├── CalibrationError     data that does not fit the model, or a useless threshold
    ├── RuntimeShapeError    an input that does not match the converted model
    ├── OptionError          an option that does not exist, out of range or of another type; also a
    │                        ``ValueError``
    ├── OutputError          a result that cannot be written where it was asked for
    ├── LimitError           a file that asks for more memory or time than it may take
    └── NativeError          a native library that cannot be built, or does not work here

A model or data in no known form is a ``TypeError``; passes run in the wrong order raise
``onnx_ir.passes.PreconditionError``.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "CalibrationError",
    "InvalidModelError",
    "LimitError",
    "NativeError",
    "Onnx2SnnError",
    "OptionError",
    "OutputError",
    "Refusal",
    "RuntimeShapeError",
    "UnsupportedError",
    "brief",
    "message_of",
]


@dataclasses.dataclass(frozen=True)
class Refusal:
    """One node that stands in the way of a conversion, and why.

    Attributes:
        node: Name of the node, or of its first output when it has no name.
        op: Operator type, with its domain when that is not the default one.
        reason: The obstacle, and a way to remove it.
    """

    node: str
    op: str
    reason: str

    def __str__(self) -> str:
        """Return one line that names the node."""
        return f"{self.op} {self.node!r}: {self.reason}"


class Onnx2SnnError(Exception):
    """Base of all errors about a user's model, data or file."""


class InvalidModelError(Onnx2SnnError):
    """The input is not a valid ONNX model, or not one that can be loaded."""


class UnsupportedError(Onnx2SnnError):
    """The model is valid, but parts of it have no spiking counterpart.

    The message has one line for each reason, and names the first nodes for which it holds.

    Attributes:
        refusals: Every node in the way, all of them at once.
    """

    def __init__(self, message: str, refusals: Sequence[Refusal] = ()) -> None:
        """Store the refusals and put one line for each reason below ``message``."""
        self.refusals = tuple(refusals)
        super().__init__("\n  ".join([message, *_list_by_reason(self.refusals)]))


_MOST_NAMED = 5
"""Nodes that a line of a message names; what more there are is counted."""


def _list_by_reason(refusals: Sequence[Refusal]) -> list[str]:
    """Return a line for each reason, with the nodes for which it holds."""
    by_reason: dict[str, list[str]] = {}
    for refusal in refusals:
        nodes = by_reason.setdefault(refusal.reason, [])
        nodes.append(f"{refusal.op} {refusal.node!r}")
    lines = []
    for reason, nodes in by_reason.items():
        named = nodes[:_MOST_NAMED]
        if len(nodes) > _MOST_NAMED:
            named.append(f"{len(nodes) - _MOST_NAMED} more")
        lines.append(f"{', '.join(named)}: {reason}")
    return lines


class CalibrationError(Onnx2SnnError):
    """Calibration or evaluation data does not fit the model, or gave no usable threshold."""


class RuntimeShapeError(Onnx2SnnError):
    """A feed does not match the inputs of the converted model."""


class OptionError(Onnx2SnnError, ValueError):
    """An option does not exist, is out of its range or of another type."""


class OutputError(Onnx2SnnError):
    """A result cannot be written where it was asked for."""


class LimitError(Onnx2SnnError):
    """A file asks for more memory or time than it may take."""


class NativeError(Onnx2SnnError):
    """The native library cannot be built, or does not work on this machine."""


_LONGEST = 300
"""Letters of the message of an error that is not ours, as much as is shown."""

_PLACE_IN_SOURCE = re.compile(
    r"/\S*?onnxruntime_src/\S+?:\d+ (?:[^()]*\([^()]*\)(?: const)?(?: \[with [^\]]*\])? )?"
)
"""Where in onnxruntime's own sources it fails: a file, and the signature of a function."""


def message_of(error: BaseException) -> str:
    """Return the first line of what an error says that others raised, if it says anything."""
    return _first_line(error)[:_LONGEST]


def brief(error: BaseException) -> str:
    """Return the first line of what another library says, without its own paths, and not too long.

    Args:
        error: Its exception; one that says nothing has its class.
    """
    text = _PLACE_IN_SOURCE.sub("", _first_line(error))
    printable = "".join(one if one.isprintable() else "?" for one in text)
    return printable[: 2 * _LONGEST] or type(error).__name__


def _first_line(error: BaseException) -> str:
    """Return the first line that an error says, which may be long, or nothing."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001 (of a class in a script, say)
        return ""
    return lines[0] if lines else ""
