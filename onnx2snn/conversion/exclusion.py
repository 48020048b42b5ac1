"""Leaving parts of a network as they are, named by the nodes of the file."""

from __future__ import annotations

import difflib
import logging
from typing import TYPE_CHECKING

from onnx2snn.analysis.neuron_places import weighted_operand
from onnx2snn.analysis.streams import find_streams
from onnx2snn.errors import OptionError
from onnx2snn.passes.simplification.exclude_nodes import activations_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.provenance import NodeMapping
    from onnx2snn.analysis.source_nodes import SourceNode
    from onnx2snn.conversion.options import Options

__all__ = ["check_names", "excluded_values"]

_LOGGER = logging.getLogger(__name__)


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
    close = difflib.get_close_matches(name, list(dict.fromkeys(known)))
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else _UNNAMED
    return f"the network has no node {name!r}; {hint}"


_UNNAMED = "a node without a name goes by its first output"


def excluded_values(
    graph: ir.Graph, node_mappings: Sequence[NodeMapping], options: Options
) -> tuple[str, ...]:
    """Return the names of the values of ``graph`` at which no neuron is to stand.

    Args:
        graph: A simplified ANN.
        node_mappings: What became of the nodes of the file in it.
        options: Which nodes are left as they are: those of ``nodes_to_exclude``, and what
            depends on those of ``until``.
    """
    if not options.until and not options.nodes_to_exclude:
        return ()
    behind = _behind([mapping.node for mapping in node_mappings], options.until)
    if options.until and not behind:
        _LOGGER.warning(_NOTHING_BEHIND, ", ".join(map(repr, options.until)))
    by_node = {mapping.node: mapping for mapping in node_mappings}
    values = {
        v: None
        for mapping in node_mappings
        if mapping.node in behind
        for v in _outputs(mapping)
    }
    neurons = _neurons(graph, options.spike)
    for mapping in node_mappings:
        if _is_named(mapping.node, options.nodes_to_exclude):
            outputs = _outputs(
                mapping if mapping.into is None else by_node[mapping.into]
            )
            values |= dict.fromkeys(outputs)
            if neurons.isdisjoint(outputs) and not mapping.node.branches:
                _LOGGER.warning(_NOTHING, mapping.node.op, mapping.node.name)
    return tuple(str(value.name) for value in values)


_NOTHING_BEHIND = "until: no node depends on %s, so nothing is left as it is"

_NOTHING = (
    "nodes_to_exclude: no neuron would stand at %s %r, so leaving it as it is keeps no more than "
    "its weights; name an activation"
)


def _neurons(graph: ir.Graph, spike: str) -> set[ir.Value]:
    """Return the values by which one may say that there is to be no neuron."""
    streams = find_streams(graph, spike=spike)
    inside = {value for parts in activations_of(graph).values() for value in parts}
    fed = {
        v
        for node in graph
        if weighted_operand(node) in streams.weight_inputs
        for v in node.outputs
    }
    return inside | fed | {*streams.weight_inputs}


def _is_named(node: SourceNode, names: Collection[str]) -> bool:
    return node.name in names or node.place in names


def _behind(nodes: Sequence[SourceNode], names: Collection[str]) -> set[SourceNode]:
    """Return the nodes that depend on the outputs of those named.

    An If of which a branch holds one is as good as named.
    """
    reached = {name for node in nodes if _holds(node, names) for name in node.outputs}
    found = set()
    for node in nodes:
        if not _is_named(node, names) and reached.intersection(node.inputs):
            reached.update(node.outputs)
            found.add(node)
    return found


def _holds(node: SourceNode, names: Collection[str]) -> bool:
    inner = (other for nodes in node.branches.values() for other in nodes)
    return _is_named(node, names) or any(_holds(other, names) for other in inner)


def _outputs(mapping: NodeMapping) -> list[ir.Value]:
    return [value for node in mapping.replaced_by for value in node.outputs]
