"""The ANN that a spiking network is compared with, or is to answer as: a file that a user gives.

``correction.reference`` is the ANN within a conversion, handed from pass to pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.data.input_specs import input_specs
from onnx2snn.errors import CalibrationError
from onnx2snn.importing import read
from onnx2snn.schedules import time_steps_of

if TYPE_CHECKING:
    from onnx2snn.data.input_specs import InputSpec
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
    if time_steps_of(source.model.graph) is not None:
        message = f"{source.name} is a spiking network; give the ANN it was made from"
        raise CalibrationError(message)
    found = {spec.name: spec for spec in input_specs(source.model)}
    wanted = {spec.name: spec for spec in network.inputs}
    not_ours = f"{source.name} is not the ANN of this network"
    if found.keys() != wanted.keys():
        message = f"{not_ours}: it has inputs {sorted(found)}, the network has {sorted(wanted)}"
        raise CalibrationError(message)
    for name, spec in wanted.items():
        if not _alike(found[name], spec):
            message = (
                f"{not_ours}: its input is {found[name]}, that of the network {spec}"
            )
            raise CalibrationError(message)
    return source


def _alike(ann: InputSpec, snn: InputSpec) -> bool:
    """Whether both may be one input; of events, the network has an axis for time."""
    if ann.shape is None or snn.shape is None or len(snn.shape) == len(ann.shape) + 1:
        return True
    if len(ann.shape) != len(snn.shape):
        return False
    pairs = zip(ann.shape[1:], snn.shape[1:], strict=True)
    return all(None in pair or pair[0] == pair[1] for pair in pairs)
