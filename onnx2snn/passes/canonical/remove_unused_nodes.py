"""Remove what no output depends on."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.graph import remove_unused

__all__ = ["RemoveUnusedNodes"]


@dataclasses.dataclass(frozen=True)
class RemoveUnusedNodes(ir.passes.InPlacePass):
    """Remove nodes and initializers that no output depends on, and domains without nodes.

    Subgraphs are searched as well.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Remove them."""
        has_removed_nodes = remove_unused(model)
        has_removed_domains = _remove_unused_domains(model)
        return ir.passes.PassResult(
            model, modified=has_removed_nodes or has_removed_domains
        )


def _remove_unused_domains(model: ir.Model) -> bool:
    called = {node.domain for node in model.graph.all_nodes()}
    unused = [domain for domain in model.opset_imports if domain not in {"", *called}]
    for domain in unused:
        del model.opset_imports[domain]
    return bool(unused)
