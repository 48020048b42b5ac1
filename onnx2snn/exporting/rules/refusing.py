"""Why no layer computes an operator, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.graph import operator_name
from onnx2snn.ops import DOMAIN

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["why_refused"]

_NEGATIVE = (
    "its neurons send negative spikes, or several in a step, which no neuron of NIR does: convert "
    "again with --for nir, or --method mse"
)

_MAX = (
    "NIR has no maximum: convert again with --for nir, which puts average pooling in its place "
    "and fits the weights behind it; the report says what that costs"
)

_DECODING = (
    "NIR has no such operator: export what stands in front of it, with --until {source}"
)

_REASONS = {
    "MaxPool": _MAX,
    "GlobalMaxPool": _MAX,
    f"{DOMAIN}.Difference": _MAX,
    f"{DOMAIN}.GatedDoubleThresholdIF": _NEGATIVE,
    f"{DOMAIN}.DoubleThresholdIF": (
        "it stands for an activation that is negative at times, and no neuron of NIR sends "
        "negative spikes: put a Relu in its place and train again"
    ),
    f"{DOMAIN}.AugmentedIF": _NEGATIVE,
    f"{DOMAIN}.BernoulliEncoder": (
        "the reader feeds the input: convert again with --input-coding direct"
    ),
    "Resize": "no reader repeats or interpolates positions: use a convolution instead",
    "Upsample": "no reader repeats or interpolates positions: use a convolution instead",
    "ConvTranspose": "NIR has no transposed convolution: use a convolution instead",
}


_BETWEEN = (
    "NIR has no such operator, and neurons read what it gives: put layers in its place that NIR "
    "has, convolutions, matrices, means, sums and Relu, and train again"
)


def why_refused(node: ir.Node, *, leads_to_neurons: bool) -> str:
    """Return why no layer computes a node that no rule takes, and what to do.

    Args:
        node: The node.
        leads_to_neurons: Whether neurons depend on it.
    """
    reason = _REASONS.get(operator_name(node))
    if reason is not None:
        return reason
    if leads_to_neurons:
        return _BETWEEN
    source = node.inputs[0] if node.inputs else None
    maker = None if source is None else source.producer()
    if maker is None:
        return "NIR has no such operator"
    return _DECODING.format(source=repr(maker.name or maker.outputs[0].name))
