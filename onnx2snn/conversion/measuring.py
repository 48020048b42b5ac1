"""Measuring the spikes and the energy of a network that was just converted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.data.dataset import dataset
from onnx2snn.reporting.activity import ActivityCounter
from onnx2snn.runtime import Execution, load_to_run

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.reporting.activity import Activity
    from onnx2snn.reporting.report import Report

__all__ = ["measure_activity"]

_ROWS = 8
"""Samples at a time: as few as there is memory for, however large a network."""


def measure_activity(
    snn: ir.Model, report: Report, data: object, samples: int
) -> Activity | None:
    """Return the work of a network on the first samples, for T that it was made for.

    Args:
        snn: The network.
        report: Its report.
        data: Inputs, as for calibration.
        samples: Samples to run, >= 1, and up to 7 more.

    Returns:
        The work of a sample in the mean; None where neurons are in no Loop in which all layers
        advance together, and of networks of events.

    Raises:
        CalibrationError: The data does not fit the network.
    """
    counter = ActivityCounter(snn, report["analysis"])
    if not counter.is_possible:
        return None
    network = load_to_run(counter.model, Execution("ort"))
    if network.events:
        return None
    left = samples
    given = dataset(data, network.inputs, with_labels=False)
    for batch in given.batches(min(_ROWS, samples)):
        counter.add(network.run(batch.feeds), batch.valid)
        left -= batch.valid
        if left <= 0:
            break
    return counter.result(report["energy"]["multiplied"])
