"""Choose how the inputs of a network enter it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.metadata.input_coding import EVENTS, RATE, Coding, coding_of, write_coding

if TYPE_CHECKING:
    from onnx2snn.data.dataset import Dataset

__all__ = ["ChooseInputCoding"]


@dataclasses.dataclass(frozen=True)
class ChooseInputCoding(ir.passes.InPlacePass):
    """Note on inputs that they enter the network as spikes or events.

    All passes behind this one take such an input for a stream. Only annotations are written; the
    graph stays as it is.

    Attributes:
        rate: Names of inputs whose values become random spikes. A spike stands for the largest
            magnitude that the input has in the data, for 1 without data.
        events: Names of inputs that are events: the network takes another slice in every step.
        batch_size: Samples at a time.
        data: Calibration data; None for none.
    """

    rate: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    batch_size: int = 64
    data: Dataset | None = None

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Write the annotations."""
        largest = self._largest_magnitudes()
        modified = False
        for value in model.graph.inputs:
            if value.name in self.rate:
                coding = Coding(RATE, largest.get(value.name) or 1.0)
            elif value.name in self.events:
                coding = Coding(EVENTS)
            else:
                continue
            modified = modified or coding_of(value) != coding
            write_coding(value, coding)
        return ir.passes.PassResult(model, modified=modified)

    def _largest_magnitudes(self) -> dict[str, float]:
        largest = dict.fromkeys(self.rate, 0.0)
        batches = self.data.batches(self.batch_size) if self.rate and self.data else ()
        for batch in batches:
            for name in self.rate:
                found = float(np.max(np.abs(batch.feeds[name]), initial=0.0))
                largest[name] = max(largest[name], found)
        return largest
