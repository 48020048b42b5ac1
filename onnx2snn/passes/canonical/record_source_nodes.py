"""Remember the nodes of the file before any pass changes them."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.analysis.source_nodes import SourceRecord, source_nodes

__all__ = ["RecordSourceNodes"]


@dataclasses.dataclass(frozen=True)
class RecordSourceNodes(ir.passes.InPlacePass):
    """Remember the nodes of the file, for the passes and reports that speak of them.

    The graph stays as it is. Run it first: what a pass before it changed would count as
    the file.

    Attributes:
        record: Where the nodes are kept; one that holds some already stays as it is.
    """

    record: SourceRecord = dataclasses.field(default_factory=SourceRecord)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fill the record."""
        if self.record.nodes is None:
            self.record.nodes = source_nodes(model)
        return ir.passes.PassResult(model, modified=False)
