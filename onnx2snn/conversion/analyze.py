"""The analysis of a model before conversion."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from onnx2snn.analysis.sharing import sharing
from onnx2snn.arguments import checked_keywords
from onnx2snn.conversion.options import Options
from onnx2snn.conversion.preparation import prepare
from onnx2snn.conversion.sizes import Sample, count_macs_of_sample
from onnx2snn.reporting.analysis import analyze_network

if TYPE_CHECKING:
    from onnx2snn.importing.source import AnyModel
    from onnx2snn.reporting.analysis import Analysis

__all__ = ["analyze"]


@checked_keywords(*(field.name for field in dataclasses.fields(Options)))
def analyze(
    model: AnyModel,
    spike: str = "activations",
    **options: Any,  # noqa: ANN401
) -> Analysis:
    """Return what each node of ``model`` will become, and why.

    Args:
        model: A path, bytes, ``onnx.ModelProto``, ``onnx_ir.Model`` or ``gs.Graph``.
        spike: Where neurons stand: at the ``activations``, or in front of ``all`` weights.
        options: Further fields of ``Options``. Only ``input_coding``, ``until``,
            ``input_shapes``, ``nodes_to_exclude`` and ``skip_passes`` can make a difference.

    Raises:
        InvalidModelError: The model cannot be read.
        UnsupportedError: It has operators ONNX does not define.
        OptionError: An option is out of range, or names what the model does not have.
    """
    chosen = Options(**{"spike": spike, "check": False, **options})
    with sharing():
        prepared = prepare(model, chosen)
        counts = count_macs_of_sample(prepared.whole, Sample(prepared.shapes))
        return analyze_network(prepared.whole, counts, spike)
