"""The options of a conversion."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from onnx2snn.analysis.streams import SPIKE
from onnx2snn.arguments import (
    checked_choice,
    checked_count,
    checked_fields,
    checked_names,
    checked_value,
)
from onnx2snn.conversion.input_codings import input_codings
from onnx2snn.conversion.input_shapes import input_shapes
from onnx2snn.conversion.option_use import check_use
from onnx2snn.conversion.pass_request import PassRequest, check_skipped
from onnx2snn.errors import OptionError
from onnx2snn.methods.delays import DELAYS, JOINS
from onnx2snn.methods.layouts import LAYOUTS, LOOP, STEP
from onnx2snn.methods.method import Method
from onnx2snn.methods.names import CORRECTION, PASS, current_names, split_names
from onnx2snn.methods.parts import PARTS, document_parts
from onnx2snn.methods.published import METHODS
from onnx2snn.methods.schedules import SCHEDULES
from onnx2snn.methods.targets import method_of_target
from onnx2snn.methods.time_inputs import OPTIONAL, TIME_INPUTS
from onnx2snn.methods.weight_types import FLOAT, WEIGHT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from onnx2snn.data.dataset import Dataset

__all__ = ["Options"]


def _option(text: str, *, default: Any, choices: Iterable[str] = ()) -> Any:  # noqa: ANN401
    """Return a dataclass field with what the command line says about it."""
    return dataclasses.field(
        default=default, metadata={"help": text, "choices": tuple(choices)}
    )


_NO_CORRECTIONS = "none"

_NAMED = {"skip_passes": PASS, "passes": PASS, "corrections": CORRECTION}
"""Option that several names in one text are to, to the kind of these names."""


@checked_fields
@document_parts
@dataclasses.dataclass(frozen=True)
class Options:
    """Choices of a conversion; the defaults are what measures best.

    Attributes:
        method: Name of one of ``METHODS``, or a ``Method`` of one's own. The parts of it that
            follow, up to ``schedule``, stay as they are where None is given; of ``corrections``,
            ``none`` leaves none. Without calibration data nothing is corrected.
        target: Where it is to run (``--for``), in place of a method: one of ``TARGETS``, or None.
        {parts}
        keep_weights: Whether the weights stay as they are, whatever the method says: where it
            fits them, means are corrected by ``bias`` instead.
        collapse: With ``layerwise``, whether neurons, and what lies between them, are computed
            once for all steps; else on the spikes of one step after the other.
        latency: Most steps until the answer is there, >= T; None for T. With more than T the
            schedule is ``staggered``, where no other, no method, and nothing that it cannot have
            is given; ``schedule_reason`` of the report says why it is or is not.
        layout: Where the steps are in the file: ``loop``, in the iterations of a Loop;
            ``multistep``, in the batch; ``step``, a step a run, with the states in and out. Layer
            by layer there is one layout only.
        T_input: How the file takes T: ``optional``, an input with a default; ``required``, one
            that must be fed, as runtimes for JavaScript need it; ``fixed``, a constant.
        inline: Whether the operators of ``ai.onnx2snn`` are written out in those of ONNX, for
            runtimes without model-local functions. Nothing can be recorded, tuned or laid out
            anew in such a file.
        weights: Weights that spikes multiply in the file: ``float``, as they are; ``int8``, with
            8 bits and thresholds folded in, which rounds them. Not layer by layer.
        fold_thresholds: Whether thresholds go into weights, so that a spike is 1: the file runs
            faster in stock onnxruntime, and cannot be tuned. Not layer by layer.
        early_exit: Whether the Loop ends once the answers of all samples are safe, by a margin of
            the scores that is chosen on calibration data, without labels; one more output has
            the steps that each sample took.
        spike: Where neurons stand: at the ``activations``, or in front of ``all`` weights but
            the first.
        input_coding: How the inputs enter: ``direct``, the same value in every step; ``rate``,
            random spikes; ``events``, a slice a step. For all inputs of real numbers, or for
            some by name: a mapping, or text as in ``image=events,pose=rate``.
        input_shapes: Shapes of inputs for one sample, to count multiply-accumulates by where the
            file leaves sizes open: a mapping, or texts as in ``image:1,3,640,640``.
        until: Names of nodes: what depends on them is left as it is.
        nodes_to_exclude: Names of nodes that are left as they are.
        seed: Seed of what is random: spikes of the input, and synthetic inputs where there
            is no calibration data.
        check: Whether the imported model is run against the original.
        hold_out: Whether a few calibration samples are set aside, and corrections, or the data
            as a whole, are left out where the network is better without on them: with the method
            ``auto``, unless corrections or a threshold rule are given.
        skip_passes: Names of passes to leave out.
        passes: Names of further passes, of other packages: ``NAME``, which runs before
            thresholds are chosen, ``NAME:before=OTHER`` or ``NAME:after=OTHER``.
    """

    method: str | Method = _option(  # noqa: RUF009 (a dataclass field, as the others)
        "method of conversion", default="auto", choices=METHODS
    )
    target: str | None = None
    neuron: str | None = None
    max_spikes: int | None = None
    leak: float | None = None
    threshold: str | None = None
    per_channel: bool | None = None
    v_init: float | None = None
    corrections: tuple[str, ...] | None = None
    keep_weights: bool = _option("never change weights", default=False)
    schedule: str | None = None
    delays: str | None = None
    collapse: bool = _option(
        "layerwise: compute weights and neurons once for all steps", default=True
    )
    latency: int | None = _option(
        "most steps until the answer; with more than T, layers wait where it helps most",
        default=None,
    )
    layout: str = _option("place of the time steps", default=LOOP, choices=LAYOUTS)
    T_input: str = _option(
        "how the file takes T", default=OPTIONAL, choices=TIME_INPUTS
    )
    inline: bool = _option("write a file without model-local functions", default=False)
    weights: str = _option(
        "type of the weights that spikes multiply", default=FLOAT, choices=WEIGHT_TYPES
    )
    fold_thresholds: bool = _option("take thresholds into weights", default=False)
    early_exit: bool = _option("stop once all answers are safe", default=False)
    spike: str = _option("places of neurons", default="activations", choices=SPIKE)
    input_coding: str | Mapping[str, str] = _option(
        "coding of inputs: direct, rate or events; by name as in image=events",
        default="direct",
    )
    input_shapes: Mapping[str, Sequence[int]] | Sequence[str] = ()
    until: tuple[str, ...] = _option(
        "exclude all nodes that depend on these; double quotes around a name keep its commas",
        default=(),
    )
    nodes_to_exclude: tuple[str, ...] = _option(
        "exclude these nodes; double quotes around a name keep its commas", default=()
    )
    seed: int = _option("seed of random spikes and of synthetic inputs", default=0)
    check: bool = _option("run the imported model against the original", default=True)
    hold_out: bool = _option(
        "set some samples aside, and leave out the calibration that does harm on them",
        default=True,
    )
    skip_passes: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check all that can be checked without the model."""
        self._take_names()
        self._take_values()
        self._check_passes()
        checked_choice("layout", self.layout, LAYOUTS)
        checked_choice("T_input", self.T_input, TIME_INPUTS)
        self.chosen_method()
        checked_choice("weights", self.weights, WEIGHT_TYPES)
        checked_choice("spike", self.spike, SPIKE)
        checked_count("seed", self.seed)
        self.codings()
        self.shapes()

    def _take_names(self) -> None:
        """Make tuples of names, which may come as a list, or as one text.

        Names of nodes may hold commas: a text is one of them.
        """
        for option in ("until", "nodes_to_exclude"):
            names = checked_names(option, getattr(self, option))
            object.__setattr__(self, option, names)
        for option in ("skip_passes", "passes", "corrections"):
            given = getattr(self, option)
            if given is not None:
                names = split_names(checked_names(option, given))
                current = current_names(_NAMED[option], names)
                object.__setattr__(self, option, current)

    def _take_values(self) -> None:
        """Check the types of the options that are no names, and no part of the method."""
        for field in dataclasses.fields(self):
            kind = type(field.default)
            if kind in (bool, int):
                value = checked_value(field.name, getattr(self, field.name), kind)
                object.__setattr__(self, field.name, value)

    def _check_passes(self) -> None:
        for text in self.passes:
            PassRequest.parse(text)
        check_skipped(self.skip_passes)

    def codings(self) -> str | dict[str, str]:
        """Return the coding of all inputs, or that of some by name.

        Raises:
            OptionError: There is no such coding.
        """
        return input_codings(self.input_coding)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of inputs that are given, by name.

        Raises:
            OptionError: One is no shape.
        """
        return input_shapes(self.input_shapes)

    def chosen_method(self) -> Method:
        """Return the method, with the parts that are given beside it.

        Raises:
            OptionError: There is no such method, or its parts do not fit each other.
        """
        method = self._named_method()
        given = self._given_parts(method)
        if given:
            method = dataclasses.replace(method, **given)
        check_use(self, method)
        return method.keeping_weights() if self.keep_weights else method

    def _named_method(self) -> Method:
        if self.target is not None:
            return method_of_target(self.target, self.method)
        if isinstance(self.method, Method):
            return self.method
        return METHODS[checked_choice("method", self.method, METHODS)]

    def _given_parts(self, method: Method) -> dict[str, Any]:
        """Return the parts that replace those of ``method``."""
        given = {part: getattr(self, part) for part in PARTS}
        if self.corrections == (_NO_CORRECTIONS,):
            given["corrections"] = ()
        elif self.corrections is not None and _NO_CORRECTIONS in self.corrections:
            names = ", ".join(self.corrections)
            message = f"corrections: none stands alone, not in {names}"
            raise OptionError(message)
        chosen = {part: value for part, value in given.items() if value is not None}
        return self._parts_of_schedule(method) | chosen

    def _parts_of_schedule(self, method: Method) -> dict[str, Any]:
        """Return what comes with the schedule and the delays that are asked for."""
        name = str(self.schedule or method.schedule)
        schedule = SCHEDULES.get(name)
        if schedule is None or schedule.neuron is None:
            return {}
        usual = DELAYS[method.delays].leak
        has_own_leak = method.schedule == name and method.leak != usual
        if has_own_leak:
            return {"neuron": schedule.neuron}
        return {"neuron": schedule.neuron, "leak": self._usual_leak(method)}

    def _usual_leak(self, method: Method) -> float:
        """Return the leak that measures best with the delays that are asked for."""
        if self.latency is not None:  # it may be too short for all to wait
            return DELAYS[JOINS].leak
        asked_for = self.delays or method.delays
        return DELAYS[checked_choice("delays", asked_for, DELAYS)].leak

    def possible_corrections(self, data: Dataset | None) -> tuple[str, ...]:
        """Return the corrections to be done, given the calibration data there is."""
        if data is None or "correct-layers" in self.skip_passes:
            return ()
        return self.chosen_method().corrections

    def has_default_method(self) -> bool:
        """Whether the method is the one that is taken where none is named."""
        return self.target is None and self.method in {"auto", METHODS["auto"]}

    def asks_for_data(self) -> bool:
        """Whether corrections were asked for that need data, by name or by that of a method."""
        if self.corrections is None and self.has_default_method():
            return False
        return bool(self.chosen_method().corrections)

    def may_be_undone(self) -> bool:
        """Whether calibration may be left out where it does not help: nothing was asked by name."""
        is_named = self.corrections is not None or self.threshold is not None
        is_open = self.has_default_method() and not is_named
        return self.hold_out and is_open and not self.keep_weights

    def without_form(self) -> Options:
        """Return the options for the same network in a file that others can look at."""
        layout = LOOP if self.layout == STEP else self.layout
        return dataclasses.replace(
            self, layout=layout, T_input=OPTIONAL, inline=False, early_exit=False
        )

    def describe(self, data: Dataset | None) -> str:
        """Return the method in words, for the metadata of the file."""
        return self.chosen_method().describe(self.possible_corrections(data))
