"""Keep the ANN that the spiking network is corrected toward."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.correction.reference import Reference
from onnx2snn.passes.simplification.remove_fake_quantizers import with_fake_quantizers

__all__ = ["KeepReference"]


@dataclasses.dataclass(frozen=True)
class KeepReference(ir.passes.InPlacePass):
    """Keep a copy of the ANN, as it is before neurons replace its activations.

    The copy is quantized again where the ANN was trained with quantizers. The pass
    ``correct-layers`` compares layers of the spiking network with it. The graph stays as
    it is.

    Attributes:
        reference: Where the copy is kept.
    """

    reference: Reference = dataclasses.field(default_factory=Reference)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fill the reference."""
        self.reference.ann = with_fake_quantizers(model)
        return ir.passes.PassResult(model, modified=False)
