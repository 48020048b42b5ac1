"""Outputs that the documentation shows, compared with what is printed."""

from __future__ import annotations

import re

__all__ = ["missing_lines"]

NUMBER = re.compile(r"\d[\d.,]*")
CUT = "..."
"""What stands for the end of a line, or for whole lines."""


def missing_lines(shown: list[str], printed: str) -> list[str]:
    """Return those of the lines ``shown`` that ``printed`` has not.

    Spaces and the values of numbers do not count: these may differ between machines.
    """
    found = [without_numbers(line) for line in printed.splitlines()]
    return [line for line in shown if not is_found(line, found)]


def is_found(line: str, found: list[str]) -> bool:
    wanted = without_numbers(line)
    if not wanted.endswith(CUT):
        return wanted in found
    beginning = wanted.removesuffix(CUT)
    return any(other.startswith(beginning) for other in found)


def without_numbers(line: str) -> str:
    return NUMBER.sub("0", " ".join(line.split()))
