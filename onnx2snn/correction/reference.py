"""The ANN that a spiking network is corrected toward, handed from pass to pass.

``conversion.reference`` reads the ANN that a finished network is compared with.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["Reference"]


@dataclasses.dataclass(eq=False)
class Reference:
    """The ANN before neurons replaced its activations, handed from pass to pass.

    Attributes:
        ann: It; None as long as no pass has kept it.
    """

    ann: ir.Model | None = None
