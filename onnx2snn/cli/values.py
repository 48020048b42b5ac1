"""Values of options as they are typed."""

from __future__ import annotations

import csv
import re

from onnx2snn.errors import OptionError
from onnx2snn.schedules import checked_time_steps

__all__ = ["names_in", "parse_several_time_steps", "parse_time_steps"]


def names_in(text: str) -> tuple[str, ...]:
    """Return the names in a text, commas between them; double quotes keep those of a name."""
    (names,) = csv.reader([text], skipinitialspace=True)
    return tuple(name.strip() for name in names)


def parse_time_steps(text: str) -> int:
    """Return a number of time steps as it was typed.

    Raises:
        OptionError: It is no number of time steps.
    """
    try:
        value: object = int(text)
    except ValueError:
        value = text
    return checked_time_steps(value)


def parse_several_time_steps(text: str) -> list[int]:
    """Return numbers of time steps as they were typed: numbers and ranges, as in 1,2,4-8.

    Raises:
        OptionError: A part is no number of time steps, nor a range of such.
    """
    numbers: list[int] = []
    for part in text.split(","):
        is_range = _RANGE.fullmatch(part)
        if is_range is None:
            numbers.append(parse_time_steps(part.strip()))
        else:
            least, most = map(parse_time_steps, is_range.groups())
            numbers.extend(_steps_from(least, most))
    return numbers


_RANGE = re.compile(r"\s*(\d+)\s*-\s*(\d+)\s*")


def _steps_from(least: int, most: int) -> range:
    """Return the numbers of time steps in a range, its ends among them."""
    if least > most:
        message = (
            f"T: the range {least}-{most} is empty: the smaller number comes first"
        )
        raise OptionError(message)
    return range(least, most + 1)
