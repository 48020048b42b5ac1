"""Checking the names by which a user excludes parts of a network.

``analysis.exclusion`` finds the values that the names stand for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.arguments import did_you_mean
from onnx2snn.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from onnx2snn.analysis.source_nodes import SourceNode

__all__ = ["check_names"]


def check_names(names: Iterable[str], nodes: Sequence[SourceNode], option: str) -> None:
    """Check that ``names`` are those of nodes of a file, or of calls of its functions.

    Args:
        names: What the user named.
        nodes: The nodes of the file.
        option: The option they were named in, for the message.

    Raises:
        OptionError: There is no such node.
    """
    known = list(_names(nodes))
    unknown = [_unknown(name, known) for name in names if name not in known]
    if unknown:
        raise OptionError("; ".join([f"{option}: {unknown[0]}", *unknown[1:]]))


def _names(nodes: Iterable[SourceNode]) -> Iterator[str]:
    """Yield all names by which nodes may be called."""
    for node in nodes:
        yield from filter(None, (node.name, node.place))
        for inner in node.branches.values():
            yield from _names(inner)


def _unknown(name: str, known: Sequence[str]) -> str:
    hint = did_you_mean(name, known) or f"; {_UNNAMED}"
    return f"the network has no node {name!r}{hint}"


_UNNAMED = "a node without a name goes by its first output"
