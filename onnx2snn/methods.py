"""The published methods of conversion, each put together from the same parts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.calibration.corrections import CORRECTIONS, OF_MEANS
from onnx2snn.calibration.threshold_rules import RULES
from onnx2snn.errors import OptionError
from onnx2snn.passes import ReplaceActivations
from onnx2snn.passes.replace_activations import NEURONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["METHODS", "SCHEDULES", "Method", "split_names"]

SCHEDULES = ("lockstep", "layerwise")
"""How the layers share out time: all advance together, or one fires after the other."""


@dataclasses.dataclass(frozen=True)
class Method:
    """How activations become spikes: a neuron, its thresholds, corrections, and a schedule.

    Attributes:
        name: By which it is chosen; free for a combination of one's own.
        summary: What is special about it, in a phrase.
        source: Where it was published.
        neuron: Key of ``NEURONS``: ``gated``, ``if``, ``hard-reset``, ``augmented`` or
            ``inverse-leaky``.
        threshold: Rule for the thresholds, a key of ``RULES``.
        per_channel: Whether each channel has a threshold of its own.
        v_init: Initial potential as a fraction of the threshold, 0 to 1.
        corrections: What is corrected on calibration data, of ``CORRECTIONS``.
        schedule: ``lockstep`` or ``layerwise``.
        max_spikes: Most spikes that an ``augmented`` neuron sends in a step.
        leak: Growth of an ``inverse-leaky`` potential in a step.
        reconstructed: Which equations had to be reconstructed, as their text could not be had;
            empty if none.
        left_out: What of the publication is not part of it.

    Raises:
        OptionError: A part does not exist, or does not fit the others.
    """

    name: str = "custom"
    summary: str = ""
    source: str = ""
    neuron: str = "gated"
    threshold: str = "mse"
    per_channel: bool = True
    v_init: float = 0.5
    corrections: tuple[str, ...] = ()
    schedule: str = "lockstep"
    max_spikes: int = 4
    leak: float = 2.0
    reconstructed: str = ""
    left_out: str = ""

    def __post_init__(self) -> None:
        """Check the parts."""
        given = vars(self)["corrections"]  # names in one text, or a list, are taken as well
        object.__setattr__(self, "corrections", split_names(given))
        _check("threshold", self.threshold, RULES)
        _check("schedule", self.schedule, SCHEDULES)
        for name in self.corrections:
            _check("corrections", name, CORRECTIONS)
        self.replacement()  # checks the rest
        self._check_schedule()

    def _check_schedule(self) -> None:
        if self.schedule == "lockstep":
            refused = _NEEDS_LAYERWISE if self.neuron == "inverse-leaky" else ""
        elif self.neuron == "hard-reset":
            refused = _NEEDS_LOCKSTEP
        elif "step-bias" in self.corrections:
            refused = _NO_STEPS
        else:
            binary = self.neuron == "inverse-leaky" and "potential" in self.corrections
            refused = _NO_POTENTIAL if binary else ""
        if refused:
            raise OptionError(refused)

    def replacement(self, spike: str = "activations") -> ReplaceActivations:
        """Return the pass that puts in the neurons, where ``spike`` says."""
        return ReplaceActivations(self.neuron, self.v_init, spike, self.max_spikes, self.leak)

    @property
    def needs(self) -> str:
        """What it is to be given beside the network."""
        return "calibration data" if self.corrections else "calibration data, or BatchNormalization"

    @property
    def spikes(self) -> str:
        """The class of its count of T: what one spike of a ReLU may carry."""
        return {
            "gated": "one a step, signed: it may take one back",
            "if": "one a step",
            "hard-reset": "one a step",
            "augmented": f"up to {self.max_spikes} a step, which may be taken back",
            "inverse-leaky": f"one a step, that at step t worth {self.leak:g}^(T-t)",
        }[self.neuron]

    def keeping_weights(self) -> Method:
        """Return the method without what changes weights: what else corrects means stands in."""
        left = tuple(name for name in self.corrections if name != "weights")
        if left == self.corrections:
            return self
        if OF_MEANS.isdisjoint(left):
            left = (*left, "bias")
        return dataclasses.replace(self, corrections=left)

    def levels(self, time_steps: int) -> int:
        """Return how many values above 0 T steps of a neuron tell apart."""
        return self.replacement().levels(time_steps)

    def describe(self, corrections: Collection[str]) -> str:
        """Return it in words, for the metadata of a file, with the corrections that were done."""
        neurons = " or ".join(dict.fromkeys(NEURONS[self.neuron]))
        if self.neuron == "augmented":
            neurons += f" of at most {self.max_spikes} spikes"
        if self.neuron == "inverse-leaky":
            neurons += f" of leak {self.leak:g}"
        scope = "per channel" if self.per_channel else "per tensor"
        done = "".join(f", {name} correction" for name in corrections)
        return f"{self.name}: {neurons}, {self.threshold} {scope}, v_init {self.v_init}{done}"


def split_names(given: str | Iterable[str]) -> tuple[str, ...]:
    """Return names that may come together in one text, with commas between them."""
    texts = (given,) if isinstance(given, str) else given
    return tuple(name.strip() for text in texts for name in text.split(","))


def _check(part: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        message = f"{part} must be one of {', '.join(choices)}, not {value!r}"
        raise OptionError(message)


_NEEDS_LAYERWISE = (
    "neuron 'inverse-leaky' needs the schedule layerwise: its first spike weighs most, so all of "
    "its input must be there before; add --schedule layerwise"
)
_NEEDS_LOCKSTEP = (
    "neuron 'hard-reset' needs the schedule lockstep: with layerwise all charge is there before "
    "the first spike, which would forget it; choose the neuron 'if'"
)
_NO_STEPS = (
    "the correction 'step-bias' needs the schedule lockstep: with layerwise a layer takes its "
    "input in before its first step; correct the 'bias' instead"
)
_NO_POTENTIAL = (
    "the correction 'potential' does not fit the neuron 'inverse-leaky': its potential starts "
    "with the binary digits of its input; correct the 'bias' instead"
)

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "auto",
            "what measures best at small T with at most one signed spike a step",
            "this project",
            corrections=("weights", "headroom"),
        ),
        Method(
            "opi",
            "potentials start at half a threshold, which turns floor into round",
            "Bu et al., AAAI 2022",
            neuron="if",
            threshold="max",
            per_channel=False,
            left_out="the training of thresholds together with the ANN",
        ),
        Method(
            "termapping",
            "balanced thresholds, and negative spikes that take back early ones",
            "Yu et al., TNNLS 2022",
            threshold="percentile",
            per_channel=False,
            reconstructed="the neuron, from the abstract",
        ),
        Method(
            "augmapping",
            "spikes carry a count, up to a largest one",
            "Yu et al., TNNLS 2022",
            neuron="augmented",
            corrections=("headroom", "bias"),
            reconstructed="the neuron and its thresholds, from the abstract: here they are of "
            "least squared error, and they and biases are balanced on real spikes",
        ),
        Method(
            "spikeconverter",
            "layers fire one after another, and T spikes write T binary digits",
            "Liu et al., AAAI 2022",
            neuron="inverse-leaky",
            schedule="layerwise",
            reconstructed="the schedule and the neuron, from the abstract",
        ),
        Method(
            "max-norm",
            "thresholds are the largest activations",
            "Diehl et al., IJCNN 2015",
            neuron="if",
            threshold="max",
            per_channel=False,
            v_init=0.0,
        ),
        Method(
            "percentile",
            "thresholds are the 99.9 percentile of the activations above zero",
            "Rueckauer et al., Frontiers in Neuroscience 2017",
            neuron="if",
            threshold="percentile",
            per_channel=False,
            v_init=0.0,
        ),
        Method(
            "channel-norm",
            "each channel has its own percentile",
            "Kim et al., AAAI 2020",
            neuron="if",
            threshold="percentile",
            v_init=0.0,
        ),
        Method(
            "spike-norm",
            "thresholds are the largest current that the spikes before make; hard reset",
            "Sengupta et al., Frontiers in Neuroscience 2019",
            neuron="hard-reset",
            threshold="max",
            per_channel=False,
            v_init=0.0,
            corrections=("largest-current",),
        ),
        Method(
            "rmp",
            "as spike-norm, with reset by subtraction: no charge is lost",
            "Han et al., CVPR 2020",
            neuron="if",
            threshold="max",
            corrections=("largest-current",),
            per_channel=False,
            v_init=0.0,
        ),
        Method(
            "mse",
            "thresholds of least squared error of the T-level quantiser",
            "Li et al., ICML 2021",
            neuron="if",
        ),
        Method(
            "ltb",
            "thresholds that follow what lies above them",
            "Bu et al., 2025",
            neuron="if",
            threshold="balanced",
            left_out="clipping of the layers before while thresholds grow; the later readout",
        ),
        Method(
            "snn-calibration",
            "light pipeline: biases corrected on real spikes",
            "Li et al., ICML 2021",
            neuron="if",
            corrections=("bias",),
        ),
        Method(
            "snn-calibration-advanced",
            "weights and initial potentials corrected on real spikes",
            "Li et al., ICML 2021",
            neuron="if",
            corrections=("weights", "potential"),
            left_out="gradient descent on the weights: least squares in closed form is used",
        ),
        Method(
            "ftbc",
            "a bias for each time step",
            "Wu et al., ECCV 2024",
            neuron="if",
            corrections=("step-bias",),
        ),
        Method(
            "burst",
            "up to five spikes a step empty the potential",
            "Li and Zeng, IJCAI 2022",
            neuron="augmented",
            threshold="percentile",
            per_channel=False,
            v_init=0.0,
            max_spikes=5,
            left_out="pooling by lateral inhibition: max pooling is exact here",
        ),
        Method(
            "h-mt",
            "several thresholds, each half of the one before: a step sends binary digits",
            "Generalized Threshold Optimization with Harmony Multi-Threshold Neurons for Accurate "
            "ANN-to-SNN Conversion, 2025",
            neuron="augmented",
            max_spikes=15,
            reconstructed="the neuron, from the abstract: the potential is spent from the largest "
            "of four thresholds to the smallest, and what is sent in a step is a count of the "
            "smallest, up to 8 + 4 + 2 + 1",
            left_out="its optimisation of thresholds: they are of least squared error; what "
            "neurons tell each other",
        ),
        Method(
            "fast-snn",
            "signed neurons, one threshold a layer",
            "Hu et al., TPAMI 2023",
            per_channel=False,
            left_out="the training of the quantised ANN, and layer-wise fine-tuning",
        ),
    )
}
"""Name to method, in the order in which they are shown."""
