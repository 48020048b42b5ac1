"""The schedule that a latency asks for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.arguments import checked_value
from onnx2snn.conversion.option_use import check_used_with
from onnx2snn.methods.schedules import STAGGERED
from onnx2snn.schedules import check_latency

if TYPE_CHECKING:
    from onnx2snn.conversion.options import Options

__all__ = ["with_schedule"]


def with_schedule(options: Options, time_steps: int) -> Options:
    """Return ``options`` with the schedule that their latency asks for, where none is given.

    Args:
        options: The options of a conversion.
        time_steps: T.

    Raises:
        OptionError: The latency is no whole number, or less than T, or the schedule has another.
    """
    if options.latency is None:
        return options
    latency = checked_value("latency", options.latency, int)
    check_latency(latency, time_steps)
    if _leaves_schedule_open(options):
        if latency == time_steps:
            return dataclasses.replace(options, latency=None)
        return dataclasses.replace(options, latency=latency, schedule=STAGGERED)
    schedule = options.chosen_method().schedule
    check_used_with("latency", "schedule", schedule, [STAGGERED])
    return dataclasses.replace(options, latency=latency)


def _leaves_schedule_open(options: Options) -> bool:
    return options.has_default_method() and options.schedule is None
