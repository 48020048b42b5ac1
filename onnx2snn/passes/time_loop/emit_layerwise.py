"""Turn a single-step graph into one whose layers fire one after another."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.graph import remove_unused
from onnx2snn.metadata.input_coding import check_direct
from onnx2snn.ops.predicates import is_neuron, is_stateful
from onnx2snn.schedules import DEFAULT_T, checked_time_steps, emit_layerwise

__all__ = ["EmitLayerwise"]


@dataclasses.dataclass(frozen=True)
class EmitLayerwise(ir.passes.InPlacePass):
    """Let each layer take in the spikes of all T steps before it fires for T steps itself.

    With w(t) = k^(1-t) the weight of a spike, W its sum over t = 1 .. T, and theta the largest
    value of the layer:

        before:  spike, v_next = InverseLeakyIF(x, v_init, theta, k);  y = Mul(spike, theta)
        after:   s = Loop(T, v(1) = x + v_init w(T) / W)
                     { spike, v_next = InverseLeakyIF(0, v, theta / W, k);  s += w(t) spike }
                 y = Mul(s, theta / W)

    A neuron that does not leak has k = 1 and W = T. No input comes while a layer fires, so y is
    exactly a quantization of x between 0 and theta, with steps of the smallest digit
    ``theta w(T) / W``: T of them without a leak, 2^T - 1 with k = 2. Signed neurons quantize
    alike below 0; an inverse-leaky one rounds the magnitude.

    As a value is known once its layers have fired, nodes between layers are computed on it once,
    whether they are linear or not. And y itself is a formula of x: with L = W / w(T) levels,

        after:   y = InverseLeakyIFClosedForm(x, v_init, theta, k, L)
                   = theta / L clip(floor((x + v_init / L) / (theta / L)), 0, L)

    That is the form of ``collapse``: nothing runs T times. A neuron stays in its Loop there if k
    is not 1 or 2, its thresholds of both signs differ, or numbers are not float32 or float64.
    Without ``collapse`` all neurons stay in Loops, and linear nodes run once a step, on the spikes
    of that step, and their results are added up:

        before:  y = f(s), f linear nodes
        after:   y = f(0) + Loop(T) { sum += f(w(t) spikes(t)) - f(0) }

    Both compute the same up to rounding, and the same bits if no sum and no quotient is rounded:
    else a value within rounding of an edge may be one digit apart. T becomes an
    initializer that is a graph input as well: it may be given at run time.

    Takes a model as ``replace-activations`` leaves it, without running means. One without
    neurons is left alone.

    Attributes:
        time_steps: T, the number of steps when none is given at run time, >= 1.
        collapse: Whether neurons, and what lies between layers, are computed once for all steps.

    Raises:
        OptionError: An input is rate coded, or events: it has no value before the first step.

    Source: Liu et al., AAAI 2022 (SpikeConverter, temporal separation).
    """

    time_steps: int = DEFAULT_T
    collapse: bool = True

    def __post_init__(self) -> None:
        """Check the options."""
        checked_time_steps(self.time_steps)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Let the layers of the main graph fire."""
        check_direct(model.graph, "layerwise")
        neurons = filter(is_neuron, model.graph)
        if not any(map(is_stateful, neurons)):
            return ir.passes.PassResult(model, modified=False)
        emit_layerwise(model.graph, self.time_steps, collapse=self.collapse)
        remove_unused(model)
        return ir.passes.PassResult(model, modified=True)
