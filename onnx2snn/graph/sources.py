"""Sources of a node: the nodes of the file that it stands for.

They are kept in the ``meta`` of the node, which copies have as well and no file holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

__all__ = ["add_sources", "find_inner_nodes", "set_source", "sources_of"]

_SOURCES = "onnx2snn.sources"


def set_source(node: ir.Node, key: str) -> None:
    """Let ``node`` stand for one node of the file."""
    node.meta[_SOURCES] = (key,)


def sources_of(node: ir.Node) -> tuple[str, ...]:
    """Return the keys of the nodes of the file that ``node`` stands for; empty if unknown."""
    keys: tuple[str, ...] = node.meta.get(_SOURCES, ())
    return keys


def add_sources(new: ir.Node, olds: Iterable[ir.Node]) -> None:
    """Let ``new`` stand for what ``olds`` stand for, behind what it stands for already."""
    keys = list(sources_of(new))
    for old in olds:
        keys += sources_of(old)
    new.meta[_SOURCES] = tuple(dict.fromkeys(keys))


def find_inner_nodes(last: ir.Node, start: ir.Value) -> list[ir.Node]:
    """Return the nodes between ``start`` and ``last`` that nothing but ``last`` depends on."""
    found = [last]
    for node in found:
        for value in node.inputs:
            if value is None or value is start:
                continue
            maker = value.producer()
            if maker is None or maker in found:
                continue
            if maker.graph is last.graph and _is_read_by(maker, found):
                found.append(maker)
    return found[1:]


def _is_read_by(node: ir.Node, readers: list[ir.Node]) -> bool:
    """Whether all that read ``node`` are among ``readers``."""
    for value in node.outputs:
        if value.is_graph_output():
            return False
        if any(use.node not in readers for use in value.uses()):
            return False
    return True
