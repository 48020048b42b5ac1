"""Tune a converted network on data without labels, so that it answers what its ANN answers."""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from onnx2snn.arguments import checked_count, checked_keywords, checked_value
from onnx2snn.compilation import load
from onnx2snn.conversion.reference import read_reference
from onnx2snn.data.dataset import check_batch_size, check_source, dataset
from onnx2snn.data.events import data_specs, time_first
from onnx2snn.errors import OptionError
from onnx2snn.metadata.facts import SOURCE_SHA256, TUNED
from onnx2snn.ops.attach import attach_functions_anew
from onnx2snn.progress import track
from onnx2snn.runtime import Emitted
from onnx2snn.torch.mixed_batches import MixedBatches
from onnx2snn.torch.spiking import SpikingModule
from onnx2snn.torch.teacher import Teacher, as_tensors, distances

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

    from onnx2snn.data.dataset import Dataset
    from onnx2snn.data.input_specs import Feeds, InputSpec
    from onnx2snn.importing.source import AnyModel, Source
    from onnx2snn.runtime import AnyNetwork, Network


_LOGGER = logging.getLogger(__name__)

__all__ = ["TunedEpoch", "Tuning", "tune"]

_OTHER_FILE = "%s is not the file this network was made from: it must compute the same"


@dataclasses.dataclass(frozen=True)
class TunedEpoch:
    """The result of one pass over the data.

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


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Tuning(Emitted):
    """A tuned network; whatever takes a network takes it.

    Attributes:
        ir_model: The network, as an ``onnx_ir.Model``: the graph, names and types that it had,
            with other constants.
        epochs: The result of each epoch.
        samples: Number of samples in the data.
    """

    epochs: tuple[TunedEpoch, ...]
    samples: int

    def __repr__(self) -> str:
        """Return it in a line: a graph would fill the screen."""
        return f"Tuning({len(self.epochs)} epochs on {self.samples} samples)"

    def as_dict(self) -> dict[str, Any]:
        """Return what happened as plain data."""
        return {
            "samples": self.samples,
            "epochs": [dataclasses.asdict(e) for e in self.epochs],
        }


@checked_keywords()
def tune(  # noqa: PLR0913 (each is an option of its own)
    snn: AnyNetwork,
    ann: AnyModel,
    calibration: object,
    *,
    epochs: int = 2,
    learning_rate: float = 0.005,
    batch_size: int = 32,
    seed: int = 0,
    rate: float | None = None,
) -> Tuning:
    """Train a converted network to answer as its ANN does, with the T it was made for.

    Weights, biases, thresholds and initial potentials change, by Adam and a cosine schedule. The
    loss is the squared distance of the outputs to those of the ANN, and that of the mean spikes
    of each layer to the activation they stand for, each as a part of what is to be met. Spikes
    are exact; see `SpikingModule` for the gradient. Equal data, seed and threads: equal networks.

    Args:
        snn: A network that ``onnx2snn.convert`` made in lockstep; it is not changed.
        ann: The ANN that it was made from.
        calibration: Typical inputs, without labels, in any form of ``onnx2snn.data.dataset``.
        epochs: Passes over the data, >= 1.
        learning_rate: Change of a constant in a step at the start, > 0, as a part of what is
            typical of it: the root mean square of a tensor of weights.
        batch_size: Samples in a step, >= 1, where the network leaves it free.
        seed: Seed of the order of samples, which are mixed among neighboring batches.
        rate: Older name of ``learning_rate``, which it replaces if it is given.

    Raises:
        InvalidModelError: A model cannot be read, or the network is no network in lockstep.
        UnsupportedError: The network has nodes without a PyTorch form; all are named.
        CalibrationError: The data does not fit the network, or the ANN is not the network's.
        OptionError: An option is out of its range, or the learning rate made the loss no number.
    """
    chosen_rate = learning_rate if rate is None else rate
    options = _Options(epochs, chosen_rate, batch_size, seed).checked()
    check_source(calibration)
    return _tune_network(snn, ann, calibration, options)


@dataclasses.dataclass(frozen=True)
class _Options:
    """The options of a tuning; the fields are arguments of ``tune``."""

    epochs: int
    rate: float
    batch_size: int
    seed: int

    def checked(self) -> _Options:
        """Check each by itself; return them."""
        checked_count("epochs", self.epochs, least=1)
        checked_count("seed", self.seed)
        checked_value("learning_rate", self.rate, float)
        if not 0 < self.rate < math.inf:
            message = f"learning_rate must be larger than 0 and finite, not {self.rate}"
            raise OptionError(message)
        check_batch_size(self.batch_size)
        return self


def _tune_network(
    snn: AnyNetwork, ann: AnyModel, calibration: object, options: _Options
) -> Tuning:
    """Return the tuned copy of a network."""
    network = load(snn, "ort")
    model = network.model.clone()
    module = SpikingModule(model, network.T)
    specs = _specs_of_data(network)
    data = dataset(calibration, specs, with_labels=False)
    source = read_reference(ann, network)
    _warn_of_another_file(model, source)
    teacher = Teacher(source, network, module.outputs, module.activations)
    samples = options.epochs * data.samples
    rate = options.rate
    training = _Training(module, teacher, network.events, rate, samples)
    random = np.random.default_rng(options.seed)
    batches = MixedBatches(data, specs, options.batch_size, random)
    history = _run_epochs(training, batches, options.epochs)
    module.trained.write()
    attach_functions_anew(model)  # those in the file may be for thresholds of 1 alone
    _annotate_tuning(model, source, data, options)
    files = (*network.files, *source.files)
    return Tuning(model, history, data.samples, files=files)


def _run_epochs(
    training: _Training, batches: MixedBatches, epochs: int
) -> tuple[TunedEpoch, ...]:
    """Learn from all batches, as many times; return the result of each."""
    history = []
    for number in range(1, epochs + 1):
        name = f"tune, epoch {number} of {epochs}"
        tracked = track(batches, name, len(batches))
        epoch = training.run_epoch(number, tracked)
        history.append(epoch)
    return tuple(history)


def _specs_of_data(network: Network) -> list[InputSpec]:
    """Return what the data must hold: of events, as many steps as the network was made for."""
    specs = []
    for spec in data_specs(network.inputs, network.events):
        if spec.name in network.events and spec.shape is not None:
            samples, _, *features = spec.shape
            shape = (samples, network.T, *features)
            specs.append(dataclasses.replace(spec, shape=shape))
        else:
            specs.append(spec)
    return specs


def _warn_of_another_file(model: ir.Model, source: Source) -> None:
    """Warn if the network was not made from the file of the ANN."""
    made_from = SOURCE_SHA256.read(model)
    if made_from is not None and made_from != source.sha256:
        _LOGGER.warning(_OTHER_FILE, source.name)


class _Training:
    """Adam on a network, with a rate that falls to 0 as a cosine over ``samples`` samples."""

    def __init__(
        self,
        module: SpikingModule,
        teacher: Teacher,
        events: tuple[str, ...],
        rate: float,
        samples: int,
    ) -> None:
        self._module = module.train()
        self._teacher = teacher
        self._events = events
        self._rate = rate
        groups = module.trained.groups(rate)
        self._optimizer = torch.optim.Adam(groups)
        self._rates = [group["lr"] for group in self._optimizer.param_groups]
        self._samples = samples
        self._done = 0

    def run_epoch(
        self, number: int, batches: Iterable[tuple[Feeds, int]]
    ) -> TunedEpoch:
        """Learn from all batches once."""
        start = time.perf_counter()
        losses = [self.step(feeds, samples) for feeds, samples in batches]
        means = np.mean(losses, axis=0)
        loss, outputs = means.tolist()
        seconds = time.perf_counter() - start
        return TunedEpoch(number, loss, outputs, seconds)

    def step(self, data: Feeds, samples: int) -> tuple[float, float]:
        """Learn from a batch; return its loss, and the part of the outputs."""
        self._lower_rates()
        self._done += samples
        feeds = time_first(data, self._events)
        self._optimizer.zero_grad()
        activity = self._module(as_tensors(feeds))
        expected = self._teacher(feeds)
        outputs, layers = distances(activity, expected)
        loss = outputs + layers
        if not loss.isfinite():
            advice = f"choose a learning rate lower than {self._rate:g}"
            message = f"the loss became {loss.item()}: {advice}"
            raise OptionError(message)
        loss.backward()
        self._optimizer.step()
        self._module.trained.keep_positive()
        return loss.item(), outputs.item()

    def _lower_rates(self) -> None:
        cosine = math.cos(math.pi * self._done / self._samples)
        part_left = (1 + cosine) / 2
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * part_left


def _annotate_tuning(
    model: ir.Model, source: Source, data: Dataset, options: _Options
) -> None:
    """Write into the metadata that the network was tuned, and with what."""
    annotation = {
        "ann_sha256": source.sha256,
        "calibration_sha256": data.sha256(),
        "samples": data.samples,
        **dataclasses.asdict(options),
    }
    TUNED.write(model, annotation)
