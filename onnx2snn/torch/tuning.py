"""Tune a converted network on data without labels, so that it answers what its ANN answers."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from onnx2snn.conversion.import_model import runnable
from onnx2snn.conversion.reference import read_reference
from onnx2snn.data.dataset import check_batch_size, check_source, dataset
from onnx2snn.data.events import data_specs, time_first, time_means
from onnx2snn.errors import CalibrationError, OptionError
from onnx2snn.progress import track
from onnx2snn.runtime import load
from onnx2snn.runtime.ort import session
from onnx2snn.storage.large_models import save
from onnx2snn.torch.spiking import Activity, SpikingModule

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.data.dataset import Dataset
    from onnx2snn.data.input_specs import InputSpec
    from onnx2snn.importing.source import AnyModel, Source
    from onnx2snn.runtime import AnyNetwork, Network

    Feeds = Mapping[str, np.ndarray]

_LOGGER = logging.getLogger(__name__)

__all__ = ["TunedEpoch", "Tuning", "tune"]

_BLOCK = 16
"""Batches among which samples are mixed."""


@dataclasses.dataclass(frozen=True)
class TunedEpoch:
    """What one pass over the data did.

    Attributes:
        number: 1 for the first.
        loss: Mean over the batches: of the outputs, plus of the layers.
        outputs: Its part of the outputs: mean squared distance to the ANN's outputs, as a part of
            their mean square.
        seconds: Wall-clock time.
    """

    number: int
    loss: float
    outputs: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class Tuning:
    """A tuned network.

    Attributes:
        network: The network: the graph, names and types that it had, with other constants.
        epochs: What happened.
        samples: Number of samples in the data.
    """

    network: ir.Model = dataclasses.field(repr=False)
    epochs: tuple[TunedEpoch, ...]
    samples: int

    def as_dict(self) -> dict[str, Any]:
        """Return what happened as plain data."""
        return {
            "samples": self.samples,
            "epochs": [dataclasses.asdict(e) for e in self.epochs],
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to ``path``, whole or not at all.

        Raises:
            OutputError: The file cannot be written.
        """
        save(self.network, path)


def tune(  # noqa: PLR0913 (each is an option of its own)
    snn: AnyNetwork,
    ann: AnyModel,
    calibration: object,
    *,
    epochs: int = 2,
    rate: float = 0.005,
    batch_size: int = 32,
    seed: int = 0,
) -> Tuning:
    """Train a converted network to answer as its ANN does, with the T it was made for.

    Weights, biases, thresholds and initial potentials change, by Adam and a cosine schedule. The
    loss is the squared distance of the outputs to those of the ANN, and that of the mean spikes
    of each layer to the activation they stand for, each as a part of what is to be met. Spikes
    are exact; see `SpikingModule` for the gradient. The same data, seed and number of threads give
    the same network.

    Args:
        snn: A network that ``onnx2snn.convert`` made in lockstep; it is not changed.
        ann: The ANN that it was made from.
        calibration: Typical inputs, without labels, in any form of ``onnx2snn.data.dataset``.
        epochs: Passes over the data, >= 1.
        rate: Change of a constant in a step at the start, > 0, as a part of what is typical of it:
            the root mean square of a tensor of weights.
        batch_size: Samples in a step, >= 1, where the network leaves it free.
        seed: Seed of the order of samples, which are mixed among neighboring batches.

    Raises:
        InvalidModelError: A model cannot be read, or the network is no network in lockstep.
        UnsupportedError: The network has nodes without a PyTorch form; all are named.
        CalibrationError: The data does not fit the network, or the ANN is not the network's.
        OptionError: An option is out of its range, or the rate so large that the loss is no number.
    """
    _check(epochs, rate)
    check_batch_size(batch_size)
    check_source(calibration)
    network = load(snn, "numpy")
    model = network.model.clone()
    module = SpikingModule(model, network.time_steps)
    specs = _specs(network)
    data = dataset(calibration, specs)
    source = read_reference(ann, network)
    if (
        model.metadata_props.get("onnx2snn.source_sha256", source.sha256)
        != source.sha256
    ):
        _LOGGER.warning(_OTHER_FILE, source.name)
    teacher = _Teacher(source, network, module.activations)
    random = np.random.default_rng(seed)
    training = _Training(module, teacher, network.events, rate, epochs * data.samples)
    history = []
    for number in range(1, epochs + 1):
        start = time.perf_counter()
        batches = _mixed(data, specs, batch_size, random)
        name, count = (
            f"tune, epoch {number} of {epochs}",
            -(-data.samples // batch_size),
        )
        losses = [training.step(*batch) for batch in track(batches, name, count)]
        loss, outputs = np.mean(losses, axis=0).tolist()
        history.append(TunedEpoch(number, loss, outputs, time.perf_counter() - start))
    module.trained.write()
    _note(
        model, source, data, epochs=epochs, rate=rate, batch_size=batch_size, seed=seed
    )
    return Tuning(model, tuple(history), data.samples)


def _check(epochs: int, rate: float) -> None:
    if epochs < 1:
        message = f"epochs must be at least 1, not {epochs}"
        raise OptionError(message)
    if not 0 < rate < math.inf:
        message = f"rate must be larger than 0 and finite, not {rate}"
        raise OptionError(message)


def _specs(network: Network) -> list[InputSpec]:
    """Return what the data must hold: of events, as many steps as the network was made for."""
    return [
        dataclasses.replace(
            spec, shape=(spec.shape[0], network.time_steps, *spec.shape[2:])
        )
        if spec.name in network.events and spec.shape is not None
        else spec
        for spec in data_specs(network.inputs, network.events)
    ]


def _tensors(feeds: Feeds) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy(np.array(array)) for name, array in feeds.items()
    }  # writable


class _Training:
    """Adam on a network, with a rate that falls to 0 as a cosine over ``samples`` samples."""

    def __init__(
        self,
        module: SpikingModule,
        teacher: _Teacher,
        events: tuple[str, ...],
        rate: float,
        samples: int,
    ) -> None:
        self._module = module.train()
        self._teacher = teacher
        self._events = events
        self._rate = rate
        self._optimizer = torch.optim.Adam(module.trained.groups(rate))
        self._rates = [group["lr"] for group in self._optimizer.param_groups]
        self._samples = samples
        self._done = 0

    def step(self, data: Feeds, samples: int) -> tuple[float, float]:
        """Learn from a batch; return its loss, and the part of the outputs."""
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = (
                rate * (1 + math.cos(math.pi * self._done / self._samples)) / 2
            )
        self._done += samples
        feeds = time_first(data, self._events)
        self._optimizer.zero_grad()
        outputs, layers = _distances(
            self._module(_tensors(feeds)), self._teacher(feeds)
        )
        loss = outputs + layers
        if not loss.isfinite():
            message = f"the loss became {loss.item()}: choose a rate lower than {self._rate:g}"
            raise OptionError(message)
        loss.backward()
        self._optimizer.step()
        self._module.trained.keep_positive()
        return loss.item(), outputs.item()


class _Teacher:
    """The ANN: outputs and activations on feeds of the network."""

    def __init__(
        self, source: Source, network: Network, activations: list[str]
    ) -> None:
        model = source.model.clone()
        outputs = tuple(str(value.name) for value in model.graph.outputs)
        if outputs != network.outputs:
            message = (
                f"{source.name} is not the ANN of this network: it has outputs {list(outputs)}, "
                f"the network has {list(network.outputs)}"
            )
            raise CalibrationError(message)
        made = {value.name: value for node in model.graph for value in node.outputs}
        layers = [name for name in activations if name in made and name not in outputs]
        model.graph.outputs.extend(made[name] for name in layers)
        self._events = network.events
        self._names = [*outputs, *layers]
        self._run = session(
            runnable(dataclasses.replace(source, model=model, original=model)),
            torch.get_num_threads(),
        )

    def __call__(self, feeds: Feeds) -> dict[str, Tensor]:
        """Return, by name, the outputs and the activations of the ANN."""
        results = self._run(time_means(feeds, self._events))
        return _tensors(dict(zip(self._names, results, strict=True)))


def _distances(
    activity: Activity, expected: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the distance of the outputs, and the mean of those of the layers."""
    for name, output in activity.outputs.items():
        if output.shape != expected[name].shape:
            found, wanted = list(output.shape), list(expected[name].shape)
            message = f"this is not the ANN of this network: its {name!r} is {wanted}, not {found}"
            raise CalibrationError(message)
    outputs = [
        _distance(output, expected[name])
        for name, output in activity.outputs.items()
        if output.is_floating_point()
    ]
    layers = [
        _distance(found, expected[name])
        for name, found in activity.layers.items()
        if name in expected and expected[name].shape == found.shape
    ]
    return _mean(outputs), _mean(layers)


def _distance(found: Tensor, expected: Tensor) -> Tensor:
    """Return the squared distance as a part of the square of what is expected."""
    return (found - expected).square().mean() / (expected.square().mean() + _TINY)


def _mean(distances: list[Tensor]) -> Tensor:
    return torch.stack(distances).mean() if distances else torch.zeros([])


_TINY = 1e-12

_OTHER_FILE = "%s is not the file this network was made from: it must compute the same"


def _mixed(
    data: Dataset,
    specs: Sequence[InputSpec],
    batch_size: int,
    random: np.random.Generator,
) -> Iterator[tuple[Feeds, int]]:
    """Yield batches, and how many samples they have, drawn from blocks of neighboring ones.

    Data whose batches may not be cut, as the network has a batch size of its own, comes in order.
    """
    is_free = all(spec.rows is None for spec in specs)
    for block in data.batches(batch_size * _BLOCK if is_free else batch_size):
        if (
            any(array.shape[:1] != (block.valid,) for array in block.feeds.values())
            or not is_free
        ):
            yield block.feeds, block.valid
            continue
        order = random.permutation(block.valid)
        for start in range(0, block.valid, batch_size):
            rows = order[start : start + batch_size]
            yield {name: array[rows] for name, array in block.feeds.items()}, len(rows)


def _note(model: ir.Model, source: Source, data: Dataset, **options: float) -> None:
    """Say in the metadata that the network was tuned, and with what."""
    noted = {
        "ann_sha256": source.sha256,
        "calibration_sha256": data.sha256(),
        "samples": data.samples,
        **options,
    }
    model.metadata_props["onnx2snn.tuned"] = json.dumps(noted, sort_keys=True)
