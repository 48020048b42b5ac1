"""An ANN, ready to run as a spiking network is."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.conversion.axis_names import ONE_NAME, forget_names
from onnx2snn.conversion.import_model import runnable
from onnx2snn.data.axis_names import describe_broken
from onnx2snn.data.input_specs import input_specs
from onnx2snn.errors import OptionError
from onnx2snn.importing import read
from onnx2snn.importing.baked_batch import fix_baked_batch
from onnx2snn.metadata.facts import SOURCE_SHA256
from onnx2snn.passes.canonical.compute_in_float32 import mentions
from onnx2snn.runtime.feeds import read_feeds
from onnx2snn.runtime.ort import open_runner

if TYPE_CHECKING:
    import numpy as np

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.importing.source import AnyModel, Source
    from onnx2snn.runtime import Network
    from onnx2snn.runtime.feeds import Run

__all__ = ["Ann", "is_source_of"]

_LOGGER = logging.getLogger(__name__)

_DIGITS = 12
"""Digits of a SHA-256 that a message shows."""


class Ann:
    """An ANN in onnxruntime.

    Attributes:
        name: Name of its file, or of its graph.
        inputs: The inputs that are fed.
        events: Names of inputs that are events: none.
        outputs: Names of the outputs.
        model: The network as a graph.
        sha256: Of its file, see `onnx2snn.importing.source.Source`.
        files: The files that it was read from, with those of its weights.
    """

    def __init__(self, source: Source, threads: int = 0) -> None:
        """Open it with so many threads in an operator; 0 for one a core."""
        self.name = source.name
        self.model = source.model
        self.sha256 = source.sha256
        self.files = source.files
        self.inputs = input_specs(source.model)
        self.events: tuple[str, ...] = ()
        self.outputs = tuple(str(value.name) for value in source.model.graph.outputs)
        self._source = source
        self._threads = threads
        self._run = _open(source, threads)
        self._trusts_names = True

    @classmethod
    def read(cls, model: AnyModel, threads: int = 0) -> Ann:
        """Read and open a model in any form.

        Raises:
            InvalidModelError: It cannot be read.
        """
        source = read(model)
        fix_baked_batch(source)
        return cls(source, threads)

    def run(
        self,
        feeds: Feeds,
        T: int | None = None,  # noqa: N803 (the usual name)
    ) -> dict[str, np.ndarray]:
        """Return the outputs.

        Args:
            feeds: One array for each input.
            T: None; it is there for what runs spiking networks as well.

        Raises:
            OptionError: T is given.
            RuntimeShapeError: The feeds do not fit the inputs.
        """
        self.check_steps(T)
        arrays = read_feeds(feeds, self.inputs, self.events)
        self._check_names(arrays)
        results = self._run(arrays)
        return dict(zip(self.outputs, results, strict=True))

    def _check_names(self, arrays: Feeds) -> None:
        """Open the ANN without names of axes, where those of one name differ in size.

        onnxruntime would keep values of different sizes in the same memory.
        """
        broken = describe_broken(self.inputs, arrays)
        if not broken or not self._trusts_names:
            return
        _LOGGER.warning(ONE_NAME, self.name, broken)
        without_names = forget_names(self._source)
        self._run = _open(without_names, self._threads)
        self._trusts_names = False

    def check_steps(self, time_steps: object) -> None:
        """Refuse numbers of time steps.

        Raises:
            OptionError: Some are given.
        """
        if time_steps:
            message = (
                f"T is for spiking networks: {self.name} is an ANN, which has no time steps; "
                "leave T out, or convert it first"
            )
            raise OptionError(message)


_FLOAT8 = (
    ir.DataType.FLOAT8E4M3FN,
    ir.DataType.FLOAT8E4M3FNUZ,
    ir.DataType.FLOAT8E5M2,
    ir.DataType.FLOAT8E5M2FNUZ,
)
"""Types whose constants onnxruntime's optimizer takes for integers (1.31)."""


def _open(source: Source, threads: int) -> Run:
    """Open an ANN; one with numbers of 8 bits as it stands, or it would compute others."""
    has_float8 = mentions(source.model.graph, *_FLOAT8)
    return open_runner(runnable(source), threads, optimized=not has_float8)


def is_source_of(ann: Ann, given: object, network: Network) -> bool | None:
    """Return whether a network was made from this very ANN; warn if it was not.

    The file of a network holds the SHA-256 of the file that it was made from. It tells files
    apart, not what they compute: an ANN saved anew may be the same network.

    Args:
        ann: The ANN.
        given: The ANN as the user gave it.
        network: A spiking network.

    Returns:
        Whether it was; None if that is not known: the network does not say, or the ANN is a
        graph in memory, which has no bytes of its own.
    """
    source_sha256 = SOURCE_SHA256.read(network.model)
    if not source_sha256 or not _has_bytes(given):
        return None
    if source_sha256 == ann.sha256:
        return True
    _LOGGER.warning(
        "%s is not the file that the network was made from: its SHA-256 begins with %s, that of "
        "the network's ANN with %s; the two are compared all the same",
        ann.name,
        ann.sha256[:_DIGITS],
        source_sha256[:_DIGITS],
    )
    return False


def _has_bytes(given: object) -> bool:
    """Whether a model came as bytes or as a message, which is serialized in one way."""
    kinds = (str, os.PathLike, bytes, bytearray, memoryview)
    return isinstance(given, kinds) or hasattr(given, "SerializeToString")
