"""What options may ask of a schedule, a row each; each schedule says which of it can be had."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.metadata.input_coding import DIRECT
from onnx2snn.methods.layouts import STEP
from onnx2snn.methods.schedules import SCHEDULES
from onnx2snn.methods.weight_types import INT8

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx2snn.conversion.options import Options
    from onnx2snn.methods.schedules import Schedule

__all__ = ["DEMANDS", "STREAMS", "Demand"]


@dataclasses.dataclass(frozen=True)
class Demand:
    """Something that not every schedule can have.

    Attributes:
        words: What it is, as messages say it.
        capability: The field of ``Schedule`` that says whether it can be had.
        is_made: Tells whether options ask for it.
    """

    words: str
    capability: str
    is_made: Callable[[Options], bool]

    def is_met_by(self, schedule: Schedule) -> bool:
        """Whether a schedule can have it."""
        return bool(getattr(schedule, self.capability))

    def met_by(self) -> list[str]:
        """Return the names of the schedules that can have it."""
        return [name for name, row in SCHEDULES.items() if self.is_met_by(row)]


def _has_streams_as_inputs(options: Options) -> bool:
    codings = options.codings()
    kinds = [codings] if isinstance(codings, str) else codings.values()
    return any(kind != DIRECT for kind in kinds)


STREAMS = Demand(
    "inputs that are rate coded, or events", "takes_streams", _has_streams_as_inputs
)
ROUNDED_WEIGHTS = Demand(
    "weights int8", "rounds_weights", lambda options: options.weights == INT8
)
FOLDED_THRESHOLDS = Demand(
    "fold_thresholds", "folds_thresholds", lambda options: options.fold_thresholds
)
EARLY_EXIT = Demand("early_exit", "exits_early", lambda options: options.early_exit)
SINGLE_STEPS = Demand(
    "layout step", "steps_alone", lambda options: options.layout == STEP
)

DEMANDS = (STREAMS, ROUNDED_WEIGHTS, FOLDED_THRESHOLDS, EARLY_EXIT, SINGLE_STEPS)
"""All of them."""
