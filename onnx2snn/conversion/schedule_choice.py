"""The schedule of a conversion: the one asked for, or the one that a latency leaves room for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.arguments import checked_value
from onnx2snn.conversion.demands import DEMANDS
from onnx2snn.conversion.option_use import check_used_with
from onnx2snn.errors import OptionError
from onnx2snn.methods.delays import DELAYS, FEW_STEPS
from onnx2snn.methods.method import Method
from onnx2snn.methods.published import METHODS
from onnx2snn.methods.schedules import LOCKSTEP, SCHEDULES, STAGGERED
from onnx2snn.schedules import check_latency

if TYPE_CHECKING:
    from onnx2snn.conversion.options import Options

__all__ = ["ScheduleChoice", "choose_schedule"]


@dataclasses.dataclass(frozen=True)
class ScheduleChoice:
    """The schedule of a conversion.

    Attributes:
        options: The options of the conversion, which name it.
        name: Its name.
        reason: Why it is that one, in a clause.
    """

    options: Options
    name: str
    reason: str


def choose_schedule(options: Options, time_steps: int) -> ScheduleChoice:
    """Return the schedule that options ask for, or else the one for their T and latency.

    With the default method, and no schedule beside it, all layers advance together if the answer
    is to be there after T steps. With more steps, layers may wait, unless the options ask for
    what cannot be had then.

    Args:
        options: The options of a conversion.
        time_steps: T.

    Raises:
        OptionError: The latency is no whole number, or less than T, or the schedule has another.
    """
    choice = _choose(options, time_steps)
    if time_steps <= FEW_STEPS or choice.name != STAGGERED:
        return choice
    return dataclasses.replace(choice, options=_for_many_steps(choice.options))


def _for_many_steps(options: Options) -> Options:
    """Return ``options`` with what a spike is worth in many steps, where they do not say it."""
    method = options.chosen_method()
    usual = DELAYS[method.delays]
    is_own = isinstance(options.method, Method) and options.method not in _PUBLISHED
    if is_own or options.leak is not None or method.leak != usual.leak:
        return options
    return dataclasses.replace(options, leak=usual.leak_of_many)


_PUBLISHED = tuple(METHODS.values())


def _choose(options: Options, time_steps: int) -> ScheduleChoice:
    latency = options.latency
    if latency is not None:
        latency = checked_value("latency", latency, int)
        check_latency(latency, time_steps)
    if not _leaves_schedule_open(options):
        return _as_asked(options, latency)
    if latency is None:
        return ScheduleChoice(options, LOCKSTEP, "no latency is given")
    if latency == time_steps:
        reason = f"a latency of {latency} leaves no step beyond T for layers to wait"
        return _in_lockstep(options, reason)
    return _staggered_if_possible(options, latency, time_steps)


def _leaves_schedule_open(options: Options) -> bool:
    return options.has_default_method() and options.schedule is None


def _as_asked(options: Options, latency: int | None) -> ScheduleChoice:
    schedule = options.chosen_method().schedule
    reason = "it is asked for"
    if options.schedule is None:
        reason = "the method has it"
    if latency is not None:
        check_used_with("latency", "schedule", schedule, [STAGGERED])
        options = dataclasses.replace(options, latency=latency)
    return ScheduleChoice(options, schedule, reason)


def _in_lockstep(options: Options, reason: str) -> ScheduleChoice:
    plain = dataclasses.replace(options, latency=None)
    return ScheduleChoice(plain, LOCKSTEP, reason)


def _staggered_if_possible(
    options: Options, latency: int, time_steps: int
) -> ScheduleChoice:
    obstacle = _obstacle(options, STAGGERED)
    if obstacle:
        reason = (
            f"with a latency of {latency} layers could wait, but not with what else is asked for: "
            f"{obstacle}"
        )
        return _in_lockstep(options, reason)
    chosen = dataclasses.replace(options, latency=latency, schedule=STAGGERED)
    spare = latency - time_steps
    steps = "1 step" if spare == 1 else f"{spare} steps"
    reason = f"a latency of {latency} leaves {steps} beyond T for layers to wait"
    return ScheduleChoice(chosen, STAGGERED, reason)


def _obstacle(options: Options, schedule: str) -> str:
    """Return what of the options a schedule cannot have, in words; empty if it can have all."""
    row = SCHEDULES[schedule]
    for demand in DEMANDS:
        if demand.is_made(options) and not demand.is_met_by(row):
            return demand.words
    try:
        dataclasses.replace(options, schedule=schedule)
    except OptionError as error:
        return str(error)
    return ""
