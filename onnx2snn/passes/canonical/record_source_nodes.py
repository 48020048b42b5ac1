"""Remember the nodes of the file before any pass changes them."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.analysis.source_nodes import SourceRecord, source_nodes

__all__ = ["RecordSourceNodes"]


@dataclasses.dataclass(frozen=True)
class RecordSourceNodes(ir.passes.InPlacePass):
    """Remember the nodes of the file, for the passes and reports that speak of them.

    Functions are inlined; nothing else changes. Run it first: what a pass before it changed
    would count as the file. From then on each node stands for nodes of the file, see
    `onnx2snn.graph.sources`.

    Attributes:
        record: Where the nodes are kept; one with given nodes stays as it is.
    """

    record: SourceRecord = dataclasses.field(default_factory=SourceRecord)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fill the record."""
        if self.record.is_given:
            return ir.passes.PassResult(model, modified=False)
        has_functions = bool(model.functions)
        self.record.nodes = source_nodes(model)
        return ir.passes.PassResult(model, modified=has_functions)
