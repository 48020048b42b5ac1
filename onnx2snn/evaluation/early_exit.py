"""A network that is to exit early, made of one that takes all steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.data.dataset import check_source, dataset
from onnx2snn.data.events import data_specs
from onnx2snn.errors import OptionError
from onnx2snn.metadata.facts import EARLY_EXIT
from onnx2snn.metadata.input_coding import event_inputs_of
from onnx2snn.passes import ExitEarly, apply
from onnx2snn.runtime import Emitted, read_emitted
from onnx2snn.runtime.layouts import isolated_copy, looped
from onnx2snn.runtime.time_input import network_inputs
from onnx2snn.schedules import time_steps_of

if TYPE_CHECKING:
    from onnx2snn.runtime import AnyNetwork

__all__ = ["exiting_early"]


def exiting_early(model: AnyNetwork, calibration: object) -> Emitted:
    """Return a copy of a network that stops once its answers are safe.

    Args:
        model: The network, in any form that ``load`` takes.
        calibration: Typical inputs, without labels, to choose by.

    Raises:
        OptionError: It is an ANN, exits early already, or is not of the schedule lockstep, in a
            Loop.
        CalibrationError: The data does not fit the network.
        UnsupportedError: It has no output of scores.
    """
    check_source(calibration)
    given = read_emitted(model)
    copy = isolated_copy(looped(given.ir_model))
    if time_steps_of(copy.graph) is None:
        message = (
            "early_exit is for spiking networks, and the model is an ANN; leave it out"
        )
        raise OptionError(message)
    if EARLY_EXIT.is_on(given.ir_model):
        message = "the network exits early already; evaluate it without early_exit"
        raise OptionError(message)
    specs = data_specs(network_inputs(copy), event_inputs_of(copy))
    data = dataset(calibration, specs, with_labels=False)
    return Emitted(apply(copy, [ExitEarly(data)]), files=given.files)
