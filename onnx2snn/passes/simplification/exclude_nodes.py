"""Exclude activations from conversion."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.analysis.exclusion import ExcludedNames, activations_of, excluded_values
from onnx2snn.analysis.provenance import node_mappings
from onnx2snn.analysis.source_nodes import SourceRecord
from onnx2snn.metadata.facts import EXCLUDED, is_excluded

__all__ = ["ExcludeNodes"]


@dataclasses.dataclass(frozen=True)
class ExcludeNodes(ir.passes.InPlacePass):
    """Annotate values where no neuron is to stand.

    An activation that makes such a value stays what it is: it is computed on running means, or
    in the readout if no neuron depends on it. Naming one factor of an activation that is
    spelled out, such as the Sigmoid in ``x * Sigmoid(x)``, means the activation. With neurons in
    front of ``all`` weights, weights that make such a value get none, and neither do those
    that read it. Only annotations are written; the graph stays as it is.

    Attributes:
        values: Names of the values.
        names: Nodes of the file whose values are meant as well.
        record: The nodes of the file, which ``record-source-nodes`` saw.
        spike: Where neurons are to stand: at the ``activations``, or in front of ``all``
            weights.
    """

    values: tuple[str, ...] = ()
    names: ExcludedNames = dataclasses.field(default_factory=ExcludedNames)
    record: SourceRecord = dataclasses.field(default_factory=SourceRecord)
    spike: str = "activations"

    def requires(self, model: ir.Model) -> None:
        """Check that the nodes of the file are known where their names are given."""
        del model  # the names are those of another graph
        if self.names and self.record.nodes is None:
            message = "no nodes are recorded; run 'record-source-nodes' with this record first"
            raise ir.passes.PreconditionError(message)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Write the annotations in the main graph."""
        wanted = {*self.values, *self._values_of_names(model.graph)}
        if not wanted:
            return ir.passes.PassResult(model, modified=False)
        named = {v for node in model.graph for v in node.outputs if v.name in wanted}
        meant = {
            value
            for value, parts in activations_of(model.graph).items()
            if parts & named
        }
        new = [value for value in named | meant if not is_excluded(value)]
        for value in new:
            EXCLUDED.write(value, "1")
        return ir.passes.PassResult(model, modified=bool(new))

    def _values_of_names(self, graph: ir.Graph) -> tuple[str, ...]:
        """Return the names of the values that the named nodes of the file make."""
        if not self.names:
            return ()
        mappings = node_mappings(self.record.nodes or (), graph)
        return excluded_values(graph, mappings, self.names, self.spike)
