"""The ANN that a spiking network is compared with, or is to answer as."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from onnx2snn.errors import CalibrationError
from onnx2snn.importing import read
from onnx2snn.specs import input_specs
from onnx2snn.time_loop import time_loops

if TYPE_CHECKING:
    from onnx2snn.importing.source import AnyModel, Source
    from onnx2snn.runtime import Network

__all__ = ["read_reference"]

_Shape: TypeAlias = "tuple[int | None, ...] | None"


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
    found = {spec.name: spec for spec in input_specs(source.model)}
    wanted = {spec.name: spec for spec in network.inputs}
    not_ours = f"{source.name} is not the ANN of this network"
    if found.keys() != wanted.keys():
        message = f"{not_ours}: it has inputs {sorted(found)}, the network has {sorted(wanted)}"
        raise CalibrationError(message)
    for name, spec in wanted.items():
        if not _alike(found[name].shape, spec.shape):
            message = f"{not_ours}: its input is {found[name]}, that of the network {spec}"
            raise CalibrationError(message)
    return source


def _alike(ann: _Shape, snn: _Shape) -> bool:
    """Whether shapes of an input may be the same; of events, the network has an axis for time."""
    if ann is None or snn is None or len(snn) == len(ann) + 1:
        return True
    sizes = zip(ann[1:], snn[1:], strict=False)
    return len(ann) == len(snn) and all(None in pair or pair[0] == pair[1] for pair in sizes)
