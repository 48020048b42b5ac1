"""Numbers of steps, or of whatever happens once a step, as functions of T."""

from __future__ import annotations

import dataclasses
import re
from typing import Self

from onnx2snn.metadata.annotation import Annotation

__all__ = ["LATENCY", "WEIGHT_PASSES", "StepCount"]


@dataclasses.dataclass(frozen=True, order=True)
class StepCount:
    """A number that grows with T, as ``T + 9``, ``19 T`` or ``1`` in text.

    Attributes:
        per_step: What each of the T steps adds.
        further: What there is beside them.
    """

    per_step: int = 0
    further: int = 0

    def at(self, time_steps: int) -> int:
        """Return the number for so many time steps."""
        return self.per_step * time_steps + self.further

    def __str__(self) -> str:
        """Return it as text, which ``parse`` reads."""
        terms = []
        if self.per_step:
            terms.append("T" if self.per_step == 1 else f"{self.per_step} T")
        if self.further or not terms:
            terms.append(str(self.further))
        return " + ".join(terms)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the number that a text says.

        Raises:
            ValueError: It says none.
        """
        found = _TEXT.fullmatch(text)
        if found is None or not text:
            message = f"{text!r} is no number of steps, as T + 9 is one"
            raise ValueError(message)
        has_steps = found["steps"] is not None
        per_step = int(found["factor"] or 1) if has_steps else 0
        return cls(per_step, int(found["further"] or 0))


_TEXT = re.compile(r"(?P<steps>((?P<factor>\d+) )?T)?((?(steps) \+ )(?P<further>\d+))?")

LATENCY = Annotation[StepCount]("onnx2snn.latency", str, StepCount.parse)
"""On a network: the number of steps until its outputs are there."""

WEIGHT_PASSES = Annotation[StepCount]("onnx2snn.weight_passes", str, StepCount.parse)
"""On a network: the number of times that its weights multiply for an answer."""
