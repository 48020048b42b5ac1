"""The check that each option is read by something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.conversion.demands import DEMANDS, STREAMS
from onnx2snn.errors import OptionError
from onnx2snn.metadata.input_coding import EVENTS
from onnx2snn.methods.corrections import CORRECTIONS
from onnx2snn.methods.layouts import LOOP, MULTISTEP, STEP
from onnx2snn.methods.parts import PARTS
from onnx2snn.methods.schedules import LAYERWISE, SCHEDULES, STAGGERED
from onnx2snn.methods.time_inputs import OPTIONAL
from onnx2snn.methods.weight_types import FLOAT, INT8

if TYPE_CHECKING:
    from collections.abc import Collection

    from onnx2snn.conversion.options import Options
    from onnx2snn.methods.method import Method

__all__ = ["check_use", "check_used_with"]


def check_used_with(
    option: str, part: str, chosen: str, needed: Collection[str]
) -> None:
    """Check that ``option`` is given with a value of ``part`` that reads it.

    Raises:
        OptionError: It would not be read.
    """
    if chosen in needed:
        return
    message = (
        f"{option} is of use with the {part} {' or '.join(needed)} only; leave it out, or choose "
        "that"
    )
    raise OptionError(message)


def check_use(options: Options, method: Method) -> None:
    """Check that ``method`` and the other options read each of ``options``.

    Raises:
        OptionError: One would be of no use.
    """
    _check_parts(options, method)
    _check_layout(options, method.schedule)
    _check_demands(options, method.schedule)
    _check_time_input(options)
    _check_weights(options)
    _check_target(options)
    for correction in method.corrections:
        _check_not_overridden(options, correction)


def _check_parts(options: Options, method: Method) -> None:
    """Refuse parts of a method that it does not read."""
    for name, part in PARTS.items():
        neurons = part.read_by()
        if neurons and getattr(options, name) is not None:
            check_used_with(name, "neuron", method.neuron, neurons)
    if not options.collapse:
        check_used_with("collapse", "schedule", method.schedule, [LAYERWISE])
    if options.delays is not None:
        check_used_with("delays", "schedule", method.schedule, [STAGGERED])


def _check_layout(options: Options, schedule: str) -> None:
    """Refuse a layout where there is only one."""
    is_elsewhere = options.layout not in (LOOP, STEP)  # that of a step is a demand
    if is_elsewhere and not SCHEDULES[schedule].may_be_batched:
        message = (
            f"layout {options.layout!r} is of no use with the schedule {schedule}: layer "
            "by layer, time has one layout; leave it out, or choose the schedule lockstep"
        )
        raise OptionError(message)


def _check_demands(options: Options, schedule: str) -> None:
    """Refuse what a schedule cannot have; ``check_direct`` names the inputs that are streams."""
    for demand in DEMANDS:
        if demand is not STREAMS and demand.is_made(options):
            check_used_with(demand.words, "schedule", schedule, demand.met_by())
    if options.early_exit:
        check_used_with("early_exit", "layout", options.layout, [LOOP])


def _check_time_input(options: Options) -> None:
    """Refuse a way of taking T where there is none to take."""
    if options.T_input == OPTIONAL:
        return
    check_used_with("T_input", "layout", options.layout, [LOOP, MULTISTEP])
    codings = options.codings()
    kinds = [codings] if isinstance(codings, str) else codings.values()
    if EVENTS in kinds:
        message = (
            f"T_input {options.T_input!r} is of no use with events, whose length is T; leave it "
            "out"
        )
        raise OptionError(message)


def _check_weights(options: Options) -> None:
    """Refuse rounded weights that are to stay, or have their thresholds folded already."""
    if options.weights == INT8 and options.keep_weights:
        message = (
            "keep_weights leaves weights as they are, and weights int8 rounds them"
        )
        raise OptionError(message + "; leave out one of the two")
    if options.fold_thresholds:
        check_used_with("fold_thresholds", "weights", options.weights, [FLOAT])


def _check_target(options: Options) -> None:
    """Refuse what cannot be exported to where the network is to run."""
    if options.target is None:
        return
    check_used_with("target", "layout", options.layout, [LOOP])
    if options.early_exit:
        message = "target: other simulators do not exit early; leave out early_exit"
        raise OptionError(message)
    if options.input_coding != "direct":
        message = (
            "target: the simulator feeds the input, and the export is checked on constant ones; "
            "leave out input_coding"
        )
        raise OptionError(message)


def _check_not_overridden(options: Options, correction: str) -> None:
    """Refuse parts that ``correction`` leaves without use."""
    for name in CORRECTIONS[correction].overrides:
        if getattr(options, name) is not None:
            message = (
                f"{name} is of no use with the correction {correction}, which sets all "
                "thresholds; leave it out"
            )
            raise OptionError(message)
