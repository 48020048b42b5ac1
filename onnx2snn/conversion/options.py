"""The options of a conversion."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from onnx2snn.analysis.streams import SPIKE
from onnx2snn.calibration.threshold_rules import RULES
from onnx2snn.correction.corrections import CORRECTIONS
from onnx2snn.errors import OptionError
from onnx2snn.metadata.input_coding import CODINGS
from onnx2snn.methods.method import SCHEDULES, Method, split_names
from onnx2snn.methods.neurons import NEURONS
from onnx2snn.methods.published import METHODS
from onnx2snn.passes import PASSES, CorrectLayers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import onnx_ir as ir

    from onnx2snn.data.dataset import Dataset

__all__ = ["Options"]

_NEEDED = (
    "choose-input-coding",
    "calibrate",
    "replace-activations",
    "encode-inputs",
    "carry-running-means",
    "emit-time-loop",
    "emit-layerwise",
    "attach-functions",
    "write-metadata",
)
"""Passes without which there is no network, or one that cannot run."""


def _option(text: str, *, default: Any, choices: Iterable[str] = ()) -> Any:  # noqa: ANN401
    """Return a dataclass field with what the command line says about it."""
    return dataclasses.field(
        default=default, metadata={"help": text, "choices": tuple(choices)}
    )


def _part(text: str, kind: type, choices: Iterable[str] = ()) -> Any:  # noqa: ANN401
    """Return the field of a part of the method: None leaves it as the method has it."""
    return dataclasses.field(
        default=None, metadata={"help": text, "choices": tuple(choices), "kind": kind}
    )


@dataclasses.dataclass(frozen=True)
class Options:
    """How a conversion is done; the defaults are what measures best.

    Attributes:
        method: Name of one of ``METHODS``, or a ``Method`` of one's own. The parts of it that
            follow, down to ``schedule``, stay as they are where None is given.
        neuron: ``gated``: a negative spike takes back an early one; ``if``: plain spikes;
            ``hard-reset``: a spike resets the potential to 0; ``augmented``: up to ``max_spikes``
            at once; ``inverse-leaky``: in T steps the digits of a value, for the schedule
            ``layerwise``.
        max_spikes: Most spikes an augmented neuron sends in a step, 1 to 127.
        leak: Growth of the potential of inverse-leaky neurons in a step, above 1, at most 2.
        threshold: Rule for the thresholds: ``mse``, ``percentile``, ``max`` or ``balanced``.
        per_channel: Whether each channel has a threshold of its own.
        v_init: Initial potential as a fraction of the threshold, 0 to 1.
        corrections: What is corrected, layer by layer, on the spikes that calibration data
            makes: some of ``CORRECTIONS``; without data, nothing is.
        keep_weights: Whether the weights stay as they are, whatever the method says: where it
            fits them, means are corrected by ``bias`` instead.
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

    method: str | Method = _option(  # noqa: RUF009 (a dataclass field, as the others)
        "method of conversion", default="auto", choices=METHODS
    )
    neuron: str | None = _part("spiking neuron", str, NEURONS)
    max_spikes: int | None = _part(
        "most spikes an augmented neuron sends in a step", int
    )
    leak: float | None = _part("growth of an inverse-leaky potential in a step", float)
    threshold: str | None = _part("rule for the thresholds", str, RULES)
    per_channel: bool | None = _part("a threshold for each channel", bool)
    v_init: float | None = _part(
        "initial potential as a fraction of the threshold", float
    )
    corrections: tuple[str, ...] | None = _part(
        f"corrections on calibration data: none, or some of {', '.join(CORRECTIONS)}",
        tuple,
    )
    keep_weights: bool = _option("never change weights", default=False)
    schedule: str | None = _part(
        "order in which layers fire: all together, or one after another", str, SCHEDULES
    )
    collapse: bool = _option(
        "layerwise: compute weights once for all steps", default=True
    )
    spike: str = _option("places of neurons", default="activations", choices=SPIKE)
    input_coding: str | Mapping[str, str] = _option(
        "coding of inputs: direct, rate or events; by name as in image=events",
        default="direct",
    )
    until: tuple[str, ...] = _option(
        "exclude all nodes that depend on these", default=()
    )
    nodes_to_exclude: tuple[str, ...] = _option("exclude these nodes", default=())
    seed: int = _option("seed of random spikes and of synthetic inputs", default=0)
    check: bool = _option("run the imported model against the original", default=True)
    skip_passes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check all that can be checked without the model."""
        for name in ("until", "nodes_to_exclude", "skip_passes", "corrections"):
            given = getattr(self, name)
            if given is not None:
                ours = name in {"skip_passes", "corrections"}
                whole = (given,) if isinstance(given, str) else tuple(given)
                object.__setattr__(self, name, split_names(whole) if ours else whole)
        self._check_passes()
        self.chosen_method()
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
                f"skip_passes: {', '.join(needed)} cannot be skipped: "
                "there would be no network"
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

    def chosen_method(self) -> Method:
        """Return the method, with the parts that are given beside it.

        Raises:
            OptionError: There is no such method, or its parts do not fit each other.
        """
        if not isinstance(self.method, Method) and self.method not in METHODS:
            message = f"method must be one of {', '.join(METHODS)}, not {self.method!r}"
            raise OptionError(message)
        method = METHODS[self.method] if isinstance(self.method, str) else self.method
        parts = {part: getattr(self, part) for part in _PARTS}
        given = {part: value for part, value in parts.items() if value is not None}
        if self.corrections == ("none",):
            given["corrections"] = ()
        elif "none" in (self.corrections or ()):
            message = f"corrections: none stands alone, not in {', '.join(self.corrections or ())}"
            raise OptionError(message)
        changed = dataclasses.replace(method, **given) if given else method
        self._check_use(changed)
        return changed.keeping_weights() if self.keep_weights else changed

    def _check_use(self, method: Method) -> None:
        """Refuse options that nothing would read."""
        uses = (
            ("max_spikes", self.max_spikes is not None, "neuron", "augmented"),
            ("leak", self.leak is not None, "neuron", "inverse-leaky"),
            ("collapse", not self.collapse, "schedule", "layerwise"),
        )
        for option, given, part, needed in uses:
            if given and getattr(method, part) != needed:
                message = (
                    f"{option} is of use with the {part} {needed} only; leave it out, or choose "
                    "that"
                )
                raise OptionError(message)
        for option in ("threshold", "per_channel"):
            if (
                getattr(self, option) is not None
                and "largest-current" in method.corrections
            ):
                message = (
                    f"{option} is of no use with the correction largest-current, which sets all "
                    "thresholds; leave it out"
                )
                raise OptionError(message)

    def skipped(self) -> frozenset[type[ir.passes.PassBase]]:
        """Return the classes of the passes to leave out."""
        return frozenset(PASSES[name] for name in self.skip_passes)

    def remaining(
        self, passes: Iterable[ir.passes.PassBase]
    ) -> list[ir.passes.PassBase]:
        """Return those of ``passes`` that are not to be left out."""
        return [pass_ for pass_ in passes if type(pass_) not in self.skipped()]

    def possible_corrections(self, data: Dataset | None) -> tuple[str, ...]:
        """Return the corrections to be done, given the calibration data there is."""
        if data is None or CorrectLayers in self.skipped():
            return ()
        return self.chosen_method().corrections

    def asks_for_data(self) -> bool:
        """Whether corrections were asked for that need data, by name or by that of a method."""
        asked = self.corrections is not None or self.method not in {
            "auto",
            METHODS["auto"],
        }
        return asked and bool(self.chosen_method().corrections)

    def describe(self, data: Dataset | None) -> str:
        """Return the method in words, for the metadata of the file."""
        return self.chosen_method().describe(self.possible_corrections(data))


_PARTS = (
    "neuron",
    "max_spikes",
    "leak",
    "threshold",
    "per_channel",
    "v_init",
    "corrections",
    "schedule",
)
"""Options that replace a part of the method."""
