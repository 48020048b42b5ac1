"""Matching the nodes of a file with those of the result that passes put in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.anchors import anchors_of_results, group_by_anchor
from onnx2snn.analysis.operators import operator_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.source_nodes import SourceNode

    Replacements = dict[SourceNode, list[ir.Node]]
    _Fits = Callable[[SourceNode, ir.Node], bool]

__all__ = ["match_nodes"]


def match_nodes(
    nodes: Sequence[SourceNode],
    graph: ir.Graph,
    anchors: Mapping[SourceNode, str],
    order: Mapping[str, int],
) -> Replacements:
    """Return for each node of the file the nodes of ``graph`` in its place, in their order."""
    owners = {name: node for node in nodes for name in node.outputs}
    before = group_by_anchor(anchors)
    after = group_by_anchor(anchors_of_results(graph, order))
    replaced_by: Replacements = {}
    for anchor, news in after.items():
        olds = before.get(anchor, [])
        _match_at_anchor(olds, news, owners[anchor], replaced_by)
    position = {node: index for index, node in enumerate(graph)}
    for news in replaced_by.values():
        news.sort(key=position.__getitem__)
    return replaced_by


def _match_at_anchor(
    olds: Sequence[SourceNode],
    news: Sequence[ir.Node],
    owner: SourceNode,
    replaced_by: Replacements,
) -> None:
    """Add to ``replaced_by`` what the nodes in front of one anchor were replaced by.

    Nodes of one operator belong together, first those with outputs of one name, then nodes of
    one family. What else is new belongs to the one that became the last node.

    Args:
        olds: The nodes of the file there.
        news: The nodes of the result there.
        owner: The node of the file that made the anchor.
        replaced_by: Pairs of the anchors before; those of this one are added.
    """
    rest = list(news)
    for fits in (_make_same_value, _have_same_operator, _are_of_one_family):
        for new in tuple(rest):
            free = [old for old in olds if old not in replaced_by]
            old = _find_fitting(free, new, fits)
            if old is not None:
                replaced_by[old] = [new]
                rest.remove(new)
    if rest:
        holders = (old for old in olds if news[-1] in replaced_by.get(old, ()))
        heir = next(holders, owner)
        replaced_by.setdefault(heir, []).extend(rest)


def _find_fitting(
    olds: Iterable[SourceNode], new: ir.Node, fits: _Fits
) -> SourceNode | None:
    return next((old for old in olds if fits(old, new)), None)


def _make_same_value(old: SourceNode, new: ir.Node) -> bool:
    return _have_same_operator(old, new) and new.outputs[0].name in old.outputs


def _have_same_operator(old: SourceNode, new: ir.Node) -> bool:
    return old.op == new.op_type


def _are_of_one_family(old: SourceNode, new: ir.Node) -> bool:
    """Whether passes put the operator of ``new`` in the place of that of ``old``."""
    pair = {old.op, new.op_type}
    if all(operator_named(op_type).is_weighted for op_type in pair):
        return True
    return any(pair <= family for family in _REPLACED)


_REPLACED = (frozenset({"Clip", "Relu"}), frozenset({"Resize", "Upsample"}))
"""Operators without weights that passes put in each other's place."""
