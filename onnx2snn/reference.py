"""The ANN that a spiking network is compared with, or is to answer as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.errors import CalibrationError
from onnx2snn.importing import read
from onnx2snn.specs import input_specs
from onnx2snn.time_loop import time_loops

if TYPE_CHECKING:
    from onnx2snn.importing.source import AnyModel, Source
    from onnx2snn.runtime import Network

__all__ = ["read_reference"]


def read_reference(ann: AnyModel, network: Network) -> Source:
    """Return the ANN, which must have the inputs that ``network`` has.

    Raises:
        InvalidModelError: The ANN cannot be read.
        CalibrationError: It is a spiking network, or has other inputs.
    """
    source = read(ann)
    if time_loops(source.model.graph):
        message = f"{source.name} is a spiking network; give the ANN it was made from"
        raise CalibrationError(message)
    found = sorted(spec.name for spec in input_specs(source.model))
    wanted = sorted(spec.name for spec in network.inputs)
    if found != wanted:
        message = (
            f"{source.name} is not the ANN of this network: it has inputs {found}, "
            f"the network has {wanted}"
        )
        raise CalibrationError(message)
    return source
