"""The ANN that a network is tuned by, and the distance to it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import torch

from onnx2snn.conversion.import_model import runnable
from onnx2snn.data.events import time_means
from onnx2snn.errors import CalibrationError
from onnx2snn.runtime.ort import open_runner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.importing.source import Source
    from onnx2snn.runtime import Network
    from onnx2snn.torch.spiking import Activity


__all__ = ["Teacher", "as_tensors", "distances"]


class Teacher:
    """The ANN: outputs and activations on feeds of the network.

    Args:
        source: The ANN.
        network: The network that was made from it.
        compared: Names of the outputs, or of other values, to give.
        activations: Names of the activations that its neurons stand for.

    Raises:
        CalibrationError: The ANN has other outputs than the network.
    """

    def __init__(
        self,
        source: Source,
        network: Network,
        compared: list[str],
        activations: list[str],
    ) -> None:
        model = source.model.clone()
        outputs = [str(value.name) for value in model.graph.outputs]
        if outputs != [*network.outputs]:
            message = (
                f"{source.name} is not the ANN of this network: it has outputs {outputs}, "
                f"the network has {list(network.outputs)}"
            )
            raise CalibrationError(message)
        made = {}
        for node in model.graph:
            made.update({value.name: value for value in node.outputs})
        layers = [name for name in activations if name in made and name not in compared]
        named = {value.name: value for value in model.graph.outputs} | made
        model.graph.outputs.clear()
        model.graph.outputs.extend(named[name] for name in (*compared, *layers))
        with_layers = dataclasses.replace(source, model=model, original=model)
        self._events = network.events
        self._names = [*compared, *layers]
        runnable_source = runnable(with_layers)
        threads = torch.get_num_threads()
        self._run = open_runner(runnable_source, threads)

    def __call__(self, feeds: Feeds) -> dict[str, Tensor]:
        """Return, by name, the outputs and the activations of the ANN."""
        means = time_means(feeds, self._events)
        results = self._run(means)
        named = dict(zip(self._names, results, strict=True))
        return {name: _as_tensor(array) for name, array in named.items()}


def as_tensors(feeds: Feeds) -> dict[str, Tensor | np.ndarray]:
    """Return writable tensors with the contents of arrays; text stays in arrays."""
    return {
        name: _as_tensor(array) if _is_numeric(array) else array
        for name, array in feeds.items()
    }


def _is_numeric(array: np.ndarray) -> bool:
    """Whether torch can hold an array: it has no text."""
    return array.dtype.kind not in "UO"


def _as_tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array))


def distances(
    activity: Activity, expected: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the distance of the outputs, and the mean of those of the layers.

    Raises:
        CalibrationError: An output has another shape than that of the ANN.
    """
    outputs = []
    for name, output in activity.outputs.items():
        _check_shape(name, output, expected[name])
        if output.is_floating_point():
            outputs.append(_relative_distance(output, expected[name]))
    layers = []
    for name, found in activity.layers.items():
        if name in expected and expected[name].shape == found.shape:
            layers.append(_relative_distance(found, expected[name]))
    return _mean(outputs), _mean(layers)


def _check_shape(name: str, output: Tensor, expected: Tensor) -> None:
    if output.shape != expected.shape:
        found = list(output.shape)
        wanted = list(expected.shape)
        message = f"this is not the ANN of this network: its {name!r} is {wanted}, not {found}"
        raise CalibrationError(message)


def _relative_distance(found: Tensor, expected: Tensor) -> Tensor:
    """Return the squared distance as a part of the square of what is expected."""
    difference = found - expected
    distance = difference.square().mean()
    size = expected.square().mean()
    return distance / (size + _TINY)


def _mean(parts: list[Tensor]) -> Tensor:
    if not parts:
        return torch.zeros([])
    return torch.stack(parts).mean()


_TINY = 1e-12
"""Keeps the distance to an activation that is always 0 finite."""
