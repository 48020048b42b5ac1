"""Choose how the inputs of a network enter it."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.coded_values import may_be_coded
from onnx2snn.errors import OptionError
from onnx2snn.graph import is_float
from onnx2snn.metadata import facts
from onnx2snn.metadata.input_coding import (
    DIRECT,
    EVENTS,
    RATE,
    Coding,
    coding_of,
    write_coding,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from onnx2snn.data.dataset import Dataset

__all__ = ["ChooseInputCoding"]


@dataclasses.dataclass(frozen=True)
class ChooseInputCoding(ir.passes.InPlacePass):
    """Annotate inputs that enter the network as spikes or events.

    All passes behind this one take such an input for a stream. Only annotations are
    written; the graph stays as it is.

    Raises:
        OptionError: A name is of an input that holds no real numbers, and is not cast to them.

    Attributes:
        rate: Names of inputs whose values become random spikes. A spike stands for the largest
            magnitude that the input has in the data, for 1 without data, for 255 if it is a byte.
        events: Names of inputs that are events: the network takes another slice in every step.
        others: How inputs of real numbers, or of bytes that are cast to these, enter that are
            in neither of the two: ``direct``, ``rate`` or ``events``.
        batch_size: Samples at a time.
        data: Calibration data; None for none.
    """

    rate: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    others: str = DIRECT
    batch_size: int = 64
    data: Dataset | None = None

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Write the annotations."""
        kinds = {value: self._kind(value) for value in model.graph.inputs}
        rate = [str(value.name) for value, kind in kinds.items() if kind == RATE]
        largest = self._largest_magnitudes(rate)
        modified = False
        for value, kind in kinds.items():
            if kind == DIRECT:
                continue
            magnitude = None
            if kind == RATE:
                magnitude = largest[str(value.name)] or _largest_of_type(value)
            coding = Coding(kind, magnitude)
            modified = modified or coding_of(value) != coding
            write_coding(value, coding)
        modified = _write_kinds(model, kinds) or modified
        return ir.passes.PassResult(model, modified=modified)

    def _kind(self, value: ir.Value) -> str:
        """Return how an input is to enter."""
        kind = self.others if may_be_coded(value) else DIRECT
        if value.name in self.rate:
            kind = RATE
        elif value.name in self.events:
            kind = EVENTS
        if kind != DIRECT and not may_be_coded(value):
            message = (
                f"input_coding: input {value.name!r} holds integers that the network does not "
                f"cast to real numbers at once, so it stays {DIRECT}"
            )
            raise OptionError(message)
        return kind

    def _largest_magnitudes(self, names: Collection[str]) -> dict[str, float]:
        """Return the largest magnitude of each input in the data, 0 without data."""
        largest = dict.fromkeys(names, 0.0)
        batches = self.data.batches(self.batch_size) if names and self.data else ()
        for batch in batches:
            for name in names:
                found = float(np.max(np.abs(batch.feeds[name]), initial=0.0))
                largest[name] = max(largest[name], found)
        return largest


def _largest_of_type(value: ir.Value) -> float:
    """Return the largest value that is expected without data: 1, or what a byte can hold."""
    if is_float(value):
        return 1.0
    return float(np.iinfo(np.uint8).max)


def _write_kinds(model: ir.Model, kinds: Mapping[ir.Value, str]) -> bool:
    """Write on the model how each input enters; return whether it said something else.

    On the inputs, it is gone once they are encoded. Without a word, all enter directly.
    """
    if all(kind == DIRECT for kind in kinds.values()):
        return facts.INPUT_CODINGS.erase(model)
    before = facts.INPUT_CODINGS.read(model)
    text = json.dumps({str(value.name): kind for value, kind in kinds.items()})
    facts.INPUT_CODINGS.write(model, text)
    return before != text
