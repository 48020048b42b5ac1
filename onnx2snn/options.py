"""The options of a conversion."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from onnx2snn.calibration.threshold_rules import RULES
from onnx2snn.coding import CODINGS
from onnx2snn.errors import OptionError
from onnx2snn.passes import PASSES, CorrectLayers, ReplaceActivations
from onnx2snn.passes.replace_activations import NEURONS
from onnx2snn.streams import SPIKE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import onnx_ir as ir

    from onnx2snn.calibration.data import Dataset

__all__ = ["Options"]

_NEEDED = (
    "choose-input-coding",
    "calibrate",
    "replace-activations",
    "encode-inputs",
    "carry-running-means",
    "emit-time-loop",
    "emit-layerwise",
    "write-metadata",
)
"""Passes without which there is no network, or one that cannot run."""


SCHEDULES = ("lockstep", "layerwise")
"""When layers fire: all in the same steps, or one after another."""


def _option(text: str, *, default: Any, choices: Iterable[str] = ()) -> Any:  # noqa: ANN401
    """Return a dataclass field with what the command line says about it."""
    return dataclasses.field(default=default, metadata={"help": text, "choices": tuple(choices)})


@dataclasses.dataclass(frozen=True)
class Options:
    """How a conversion is done; the defaults are what measures best.

    Attributes:
        neuron: ``gated``: a negative spike takes back an early one; ``if``: plain spikes;
            ``augmented``: up to ``max_spikes`` at once; ``inverse-leaky``: in T steps the digits
            of a value, for the schedule ``layerwise``.
        max_spikes: Most spikes an augmented neuron sends in a step, 1 to 127.
        leak: Growth of the potential of inverse-leaky neurons in a step, above 1, at most 2.
        threshold: Rule for the thresholds: ``mse``, ``percentile`` or ``max``.
        per_channel: Whether each channel has a threshold of its own.
        v_init: Initial potential as a fraction of the threshold, 0 to 1.
        headroom: Whether the thresholds of a layer grow where it could not keep up with the
            spikes it gets, in lockstep. Needs calibration data.
        correct_bias: Whether each layer's bias is corrected on the spikes it gets. Needs
            calibration data.
        schedule: ``lockstep``: in each step all layers advance by one step; ``layerwise``: a
            layer fires for T steps once those before it have.
        collapse: With ``layerwise``, whether what lies between layers is computed once, on what
            the spikes of all steps write; else on those of one step after the other.
        spike: Where neurons stand: at the ``activations``, or in front of ``all`` weights but
            the first.
        input_coding: How the inputs enter: ``direct``, the same value in every step; ``rate``,
            random spikes; ``events``, a slice a step. For all inputs of real numbers, or for
            some by name: a mapping, or text as in ``image=events,pose=rate``.
        until: Names of nodes: what depends on them is left as it is.
        nodes_to_exclude: Names of nodes that are left as they are.
        seed: Seed of what is random: spikes of the input, and inputs made up where there is
            no calibration data.
        check: Whether the imported model is run against the original.
        skip_passes: Names of passes to leave out.
    """

    neuron: str = _option("spiking neuron", default="gated", choices=NEURONS)
    max_spikes: int = _option("most spikes an augmented neuron sends in a step", default=4)
    leak: float = _option("growth of an inverse-leaky potential in a step", default=2.0)
    threshold: str = _option("rule for the thresholds", default="mse", choices=RULES)
    per_channel: bool = _option("a threshold for each channel", default=True)
    v_init: float = _option("initial potential as a fraction of the threshold", default=0.5)
    headroom: bool = _option("raise thresholds where bursts of spikes ask for it", default=True)
    correct_bias: bool = _option("correct biases on real spikes", default=True)
    schedule: str = _option("what advances in a step", default="lockstep", choices=SCHEDULES)
    collapse: bool = _option("layerwise, compute weights once for all steps", default=True)
    spike: str = _option("where neurons stand", default="activations", choices=SPIKE)
    input_coding: str | Mapping[str, str] = _option(
        "how inputs enter: direct, rate or events; by name as in image=events", default="direct"
    )
    until: tuple[str, ...] = _option("leave what depends on these nodes as it is", default=())
    nodes_to_exclude: tuple[str, ...] = _option("leave these nodes as they are", default=())
    seed: int = _option("seed of what is random", default=0)
    check: bool = _option("run the imported model against the original", default=True)
    skip_passes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check all that can be checked without the model."""
        for name in ("until", "nodes_to_exclude", "skip_passes"):
            given = getattr(self, name)
            names = (given,) if isinstance(given, str) else tuple(given)
            object.__setattr__(self, name, names)
        self._check_passes()
        if self.threshold not in RULES:
            message = f"threshold must be one of {', '.join(RULES)}, not {self.threshold!r}"
            raise OptionError(message)
        # The pass checks its options: have it done before anything takes time.
        self.replacement()
        self._check_schedule()
        if self.spike not in SPIKE:
            message = f"spike must be one of {', '.join(SPIKE)}, not {self.spike!r}"
            raise OptionError(message)
        if self.seed < 0:
            message = f"seed must be at least 0, not {self.seed}"
            raise OptionError(message)
        self.codings()

    def _check_passes(self) -> None:
        unknown = [name for name in self.skip_passes if name not in PASSES]
        if unknown:
            message = f"skip_passes: no pass {', '.join(unknown)}; there are {', '.join(PASSES)}"
            raise OptionError(message)
        needed = [name for name in self.skip_passes if name in _NEEDED]
        if needed:
            message = (
                f"skip_passes: {', '.join(needed)} cannot be skipped: there would be no network"
            )
            raise OptionError(message)

    def codings(self) -> str | dict[str, str]:
        """Return the coding of all inputs, or that of some by name.

        Raises:
            OptionError: There is no such coding.
        """
        given = self.input_coding
        if isinstance(given, str) and "=" in given:
            pairs = [part.rpartition("=") for part in given.split(",")]
            given = {name.strip(): coding.strip() for name, _, coding in pairs}
        found = given if isinstance(given, str) else dict(given)
        if not {*([found] if isinstance(found, str) else found.values())} <= {*CODINGS}:
            message = (
                f"input_coding must be one of {', '.join(CODINGS)}, for all inputs or by name as "
                f"in image=events, not {self.input_coding!r}"
            )
            raise OptionError(message)
        return found

    def _check_schedule(self) -> None:
        if self.schedule not in SCHEDULES:
            message = f"schedule must be one of {', '.join(SCHEDULES)}, not {self.schedule!r}"
            raise OptionError(message)
        if self.neuron == "inverse-leaky" and self.schedule != "layerwise":
            message = (
                "neuron 'inverse-leaky' needs the schedule layerwise: its first spike weighs most, "
                "so all of its input must be there before; add --schedule layerwise"
            )
            raise OptionError(message)

    def replacement(self) -> ReplaceActivations:
        """Return the pass that puts in the neurons."""
        return ReplaceActivations(self.neuron, self.v_init, self.spike, self.max_spikes, self.leak)

    def skipped(self) -> frozenset[type[ir.passes.PassBase]]:
        """Return the classes of the passes to leave out."""
        return frozenset(PASSES[name] for name in self.skip_passes)

    def remaining(self, passes: Iterable[ir.passes.PassBase]) -> list[ir.passes.PassBase]:
        """Return those of ``passes`` that are not to be left out."""
        return [pass_ for pass_ in passes if type(pass_) not in self.skipped()]

    def corrections(self, data: Dataset | None) -> tuple[str, ...]:
        """Return the corrections of layers to be done, given the calibration data there is."""
        if data is None or CorrectLayers in self.skipped():
            return ()
        bursts = self.schedule == "lockstep"  # a layer that fires alone has its whole input before
        wanted = {"headroom": self.headroom and bursts, "bias": self.correct_bias}
        return tuple(name for name, chosen in wanted.items() if chosen)

    def describe(self, data: Dataset | None) -> str:
        """Return the method in words, for the metadata of the file."""
        scope = "per channel" if self.per_channel else "per tensor"
        correction = "".join(f", {name} correction" for name in self.corrections(data))
        neurons = " or ".join(dict.fromkeys(NEURONS[self.neuron]))
        return f"{neurons}, {self.threshold} {scope}, v_init {self.v_init}{correction}"
