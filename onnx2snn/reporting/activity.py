"""The spikes and operations of a network on data, counted by the network itself.

A copy of it gets outputs that count: of each layer of neurons, the spikes; of each operation whose
weights spikes drive, the part of its inputs that are not 0, in every step. Each of these takes an
addition for each weight that reads it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypedDict

import onnx_ir as ir

from onnx2snn.analysis.drivers import Driver
from onnx2snn.analysis.operators import operator_of
from onnx2snn.graph import NodeBuilder, display_name
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.reporting.energy import energy_of_work
from onnx2snn.schedules import LOOP_NAME, time_loops
from onnx2snn.schedules.scan_outputs import scan_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from onnx2snn.reporting.analysis import Analysis
    from onnx2snn.reporting.energy import Work

__all__ = ["Activity", "ActivityCounter"]

_FLOAT = ir.DataType.FLOAT


class Activity(TypedDict):
    """The work of a network on data, for one sample in the mean.

    ``spikes`` are those of all neurons in all steps, a negative one counted as a positive one,
    and one that carries a count as so many. ``additions`` are those of weights that spikes drive.
    The energy of all arithmetic is ``snn_nj`` in float32, and ``snn_int_nj`` with weights and
    inputs of 8 bits. All three are None where multiply-accumulates are not known, or operations
    are not found in the network.
    """

    samples: int
    spikes: float
    additions: float | None
    snn_nj: float | None
    snn_int_nj: float | None


@dataclasses.dataclass(frozen=True)
class _Count:
    """One output that counts.

    Attributes:
        output: Its name.
        factor: Additions for each input that is not 0, were all of them; None of spikes.
    """

    output: str
    factor: int | None


class ActivityCounter:
    """A network that counts, and the sums of what it counted.

    Args:
        network: An emitted network; it is not changed.
        analysis: What became of the nodes of its ANN.

    Attributes:
        model: The network that counts: run it, and hand its outputs to ``add``.
    """

    def __init__(self, network: ir.Model, analysis: Analysis) -> None:
        self.model = network.clone()
        operations = _operations_by_name(analysis)
        self._counts = list(_add_counts(self.model.graph, operations))
        found = sum(count.factor is not None for count in self._counts)
        self._is_complete = found == len(operations)
        self._samples = 0
        self._spikes = 0.0
        self._additions = 0.0

    @property
    def is_possible(self) -> bool:
        """Whether the network has neurons in a Loop in which all layers advance together."""
        return bool(self._counts)

    def add(self, outputs: Mapping[str, np.ndarray], samples: int) -> None:
        """Take in what the network counted on a batch.

        Args:
            outputs: Outputs of ``model`` by name.
            samples: Number of samples in the batch.
        """
        for count in self._counts:
            every_step = outputs[count.output].astype(float)
            if count.factor is None:
                self._spikes += float(every_step.sum())
            else:
                self._additions += float(every_step.sum()) * count.factor * samples
        self._samples += samples

    def result(self, multiplied: int | None) -> Activity:
        """Return the means over all samples.

        Args:
            multiplied: Multiply-accumulates of a sample that spikes do not drive; None if unknown.
        """
        found: Activity = {
            "samples": self._samples,
            "spikes": self._spikes / self._samples,
            "additions": None,
            "snn_nj": None,
            "snn_int_nj": None,
        }
        if self._is_complete and multiplied is not None:
            additions = self._additions / self._samples
            work: Work = {"additions": additions, "multiplied": multiplied}
            found["additions"] = additions
            found["snn_nj"], found["snn_int_nj"] = energy_of_work(work)
        return found


def _operations_by_name(analysis: Analysis) -> dict[frozenset[str], int]:
    """Return the names in the place of each operation that spikes drive, to its work."""
    found = {}
    for node in analysis["nodes"]:
        if node["driver"] == Driver.SPIKES and node["macs"]:
            found[frozenset(node["became"])] = node["macs"]
    return found


def _add_counts(
    graph: ir.Graph, operations: Mapping[frozenset[str], int]
) -> Iterator[_Count]:
    """Add outputs to a graph; yield what each of them counts."""
    work = {name: macs for names, macs in operations.items() for name in names}
    for loop in time_loops(graph):
        if loop.name != LOOP_NAME or loop.graph is not graph:
            continue
        for node in list(loop.attributes["body"].as_graph()):
            name = display_name(node)
            if is_neuron(node):
                counted = _count_spikes(node)
                yield _Count(_hand_out(loop, counted, f"{name}.spikes"), None)
            elif name in work and operator_of(node).is_weighted:
                counted = _count_inputs(node)
                yield _Count(_hand_out(loop, counted, f"{name}.inputs"), work[name])


def _count_spikes(neuron: ir.Node) -> ir.Value:
    builder = NodeBuilder(_graph_of(neuron))
    sent = builder.add("Cast", [neuron.outputs[0]], "sent", {"to": _FLOAT})
    return builder.add("ReduceL1", [sent], "spikes", {"keepdims": 0})


def _count_inputs(node: ir.Node) -> ir.Value:
    """Return the part of what drives the weights of a node that is not 0."""
    builder = NodeBuilder(_graph_of(node))
    read = next(value for value in node.inputs if not _is_weight(value))
    differs = builder.add("Cast", [read], "differs", {"to": ir.DataType.BOOL})
    numbers = builder.add("Cast", [differs], "counted", {"to": _FLOAT})
    return builder.add("ReduceMean", [numbers], "density", {"keepdims": 0})


def _is_weight(value: ir.Value | None) -> bool:
    """Whether a value is a constant, perhaps one that was rounded."""
    maker = None if value is None else value.producer()
    if maker is not None and maker.op_type == "DequantizeLinear":
        return _is_weight(maker.inputs[0])
    return value is None or value.const_value is not None


def _graph_of(node: ir.Node) -> ir.Graph:
    graph = node.graph
    assert isinstance(graph, ir.Graph)  # nodes of functions do not fire
    return graph


def _hand_out(loop: ir.Node, counted: ir.Value, name: str) -> str:
    """Make a scalar of every step an output of the network; return its name."""
    counted.type = ir.TensorType(_FLOAT)
    counted.shape = ir.Shape([])
    graph = _graph_of(loop)
    result = scan_out(loop, counted, name, counted)
    result.name = f"onnx2snn.{name}"
    graph.outputs.append(result)
    return result.name
