"""Converting the networks inside an If: what each branch is fed, and putting it back.

``analysis.branches`` finds them.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.branches import CONDITIONS
from onnx2snn.analysis.sharing import forget
from onnx2snn.data.dataset import dataset
from onnx2snn.data.input_specs import input_specs
from onnx2snn.graph import (
    array,
    display_name,
    forget_names,
    fresh_name,
    reads,
    rewire,
)
from onnx2snn.runtime.subgraph import Subgraph
from onnx2snn.schedules import time_steps_input, time_steps_of

if TYPE_CHECKING:
    from onnx2snn.analysis.branches import Branch, Part
    from onnx2snn.data.dataset import Dataset

__all__ = ["feed_branches", "replace_branch"]

_LOGGER = logging.getLogger(__name__)


def feed_branches(
    part: Part, data: Dataset | None
) -> tuple[Part, dict[Part, Dataset | None]]:
    """Return a network without the branches that the data never takes, and the data of the rest.

    A branch that is never taken stays what it is, with a warning: there is nothing to choose
    its thresholds by. Without any data all of them are kept.

    Args:
        part: The network, simplified.
        data: Its feeds; None for none.
    """
    inside = []
    never_taken = []
    fed: dict[Part, Dataset | None] = {}
    for branch, inner in part.inside:
        own = _branch_data(branch, part.ann, inner.ann, data)
        if own is None and data is not None:
            _LOGGER.warning(_NEVER_TAKEN, branch.name, display_name(branch.node))
            never_taken.append(branch)
            continue
        reached, known = feed_branches(inner, own)
        fed |= known
        fed[reached] = own
        inside.append((branch, reached))
    reached_part = dataclasses.replace(part, inside=inside, never_taken=never_taken)
    return reached_part, fed


_NEVER_TAKEN = (
    "the data never takes the %s of If %r: it stays analog; give samples that take it"
)


def _branch_data(
    branch: Branch, outer: ir.Model, model: ir.Model, data: Dataset | None
) -> Dataset | None:
    """Return what the branch is fed where its condition holds; None if it never does.

    Args:
        branch: The branch.
        outer: The model of the If.
        model: The branch as a model.
        data: Feeds of ``outer``; None for none.
    """
    names = [str(value.name) for value in model.graph.inputs]
    ends = {str(v.name): v for v in reads(branch.node)}
    condition = branch.node.inputs[0]
    if data is None or condition is None:
        return None
    segment = Subgraph(outer, [condition, *(ends[name] for name in names)], ())
    feeds = []
    for batch in data.batches(1):
        holds, *values = segment.run(batch.feeds)
        if bool(np.all(holds)) is CONDITIONS[branch.name]:
            feeds.append(dict(zip(names, values, strict=True)))
    return dataset(feeds, input_specs(model)) if feeds else None


def replace_branch(branch: Branch, outer: ir.Model, converted: ir.Model) -> None:
    """Put the converted branch where the branch is; both share the T of ``outer``.

    Args:
        branch: The branch.
        outer: What was made of the model of the If; it gets an input T if it has none.
        converted: What was made of the branch, with a loop over time.
    """
    node = branch.node
    steps = time_steps_of(converted.graph)
    assert steps is not None
    shared = _shared_time_steps(outer.graph, int(array(steps)))
    known = {v.name: v for v in reads(node)} | {steps.name: shared}
    graph = converted.graph
    for value in tuple(graph.inputs):
        for reader in graph:
            rewire(reader, value, known[value.name])
    graph.inputs.clear()
    graph.initializers.pop(str(steps.name))
    node.attributes.pop(branch.name)
    _rename(graph, outer.graph)
    node.attributes[branch.name] = ir.AttrGraph(branch.name, graph)
    outer.opset_imports.update(converted.opset_imports)
    forget_names(outer.graph)
    forget(outer.graph)


def _shared_time_steps(graph: ir.Graph, time_steps: int) -> ir.Value:
    """Return the input T of ``graph``; a new one if it has none yet."""
    shared = time_steps_of(graph)
    return time_steps_input(graph, time_steps) if shared is None else shared


def _rename(graph: ir.Graph, outer: ir.Graph) -> None:
    """Give what ``graph`` and its subgraphs hold names that ``outer`` does not have yet."""
    for inner in (graph, *graph.subgraphs()):
        values = [*inner.inputs, *inner.initializers.values()]
        values += [value for node in inner for value in node.outputs]
        for value in values:
            if value.name:
                value.name = fresh_name(outer, value.name)
