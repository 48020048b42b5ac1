"""The corrections, a row each: done layer by layer on the spikes that calibration data makes.

``correction.corrections`` computes them.
"""

from __future__ import annotations

import dataclasses

from onnx2snn.methods.misfits import Misfit

__all__ = ["CORRECTIONS", "MEANS", "THRESHOLDS", "WEIGHTS", "Correction"]

WEIGHTS = "weights"
THRESHOLDS = "thresholds"
MEANS = "means"


@dataclasses.dataclass(frozen=True)
class Correction:
    """A correction; ``correction.corrections`` computes it.

    Attributes:
        meaning: What it does, in a phrase.
        corrects: ``WEIGHTS``, ``THRESHOLDS``, or ``MEANS``: the residual of the mean output of a
            layer is added. Fitted weights bring that with their own bias, at the place where
            the output is read.
        overrides: Parts of the method that it leaves without use.
        misfits: What it cannot stand beside.
    """

    meaning: str
    corrects: str
    overrides: tuple[str, ...] = ()
    misfits: tuple[Misfit, ...] = ()


CORRECTIONS: dict[str, Correction] = {
    "weights": Correction(
        "weights are fitted, by least squares, to the spikes that drive them",
        corrects=WEIGHTS,
    ),
    "threshold-balancing": Correction(
        "thresholds become the largest current that the spikes before make",
        corrects=THRESHOLDS,
        overrides=("threshold", "per_channel"),
    ),
    "threshold-scaling": Correction(
        "the threshold of each channel grows by the factor that brings its output closest to "
        "the ANN's",
        corrects=THRESHOLDS,
    ),
    "bias": Correction(
        "the residual of the mean output is added to the current",
        corrects=MEANS,
    ),
    "potential": Correction(
        "T times the residual is added to the initial potential instead",
        corrects=MEANS,
        misfits=(
            Misfit(
                part="neuron",
                value="inverse-leaky",
                reason="does not fit the neuron 'inverse-leaky': its potential starts with "
                "the binary digits of its input; correct the 'bias' instead",
            ),
            Misfit(
                part="neuron",
                value="weighted",
                reason="does not fit the neuron 'weighted': what its potential starts with is "
                "worth more than all digits; correct the 'bias' instead",
            ),
        ),
    ),
    "step-bias": Correction(
        "each time step gets a bias of its own",
        corrects=MEANS,
        misfits=(
            Misfit(
                part="schedule",
                value="layerwise",
                reason="needs the schedule lockstep: with layerwise a layer takes its input in "
                "before its first step; correct the 'bias' instead",
            ),
            Misfit(
                part="schedule",
                value="staggered",
                reason="needs the schedule lockstep: with staggered each layer has a first step of "
                "its own; correct the 'bias' instead",
            ),
        ),
    ),
}
"""Name to correction, in the order in which they are done."""
