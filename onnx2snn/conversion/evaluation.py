"""Scoring a converted network."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from onnx2snn.arguments import checked_keywords
from onnx2snn.conversion.import_model import runnable
from onnx2snn.conversion.reference import read_reference
from onnx2snn.data.dataset import check_batch_size, check_source, dataset
from onnx2snn.data.events import data_specs, time_first, time_means
from onnx2snn.errors import CalibrationError
from onnx2snn.progress import track
from onnx2snn.runtime import load
from onnx2snn.runtime.ort import open_runner
from onnx2snn.schedules import several_time_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from onnx2snn.data.dataset import Dataset
    from onnx2snn.importing.source import AnyModel
    from onnx2snn.runtime import AnyNetwork, Network

    _Predictor = Callable[[Mapping[str, np.ndarray]], np.ndarray]

__all__ = ["Evaluation", "evaluate", "outputs_on"]

_SAMPLES = 64
_NUMBERS = 2**18
"""Numbers in the inputs that are run at a time, at most: of more, MobileNetV2 takes longer."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Scores of a spiking network.

    Attributes:
        samples: Number of samples scored.
        top1: Number of time steps to accuracy in percent; empty if the data has no labels.
        agreement: Number of time steps to the percentage of samples on which the network
            answers the same class as the ANN; empty if no ANN was given.
        ann_top1: Accuracy of the ANN in percent; None without an ANN or without labels.
    """

    samples: int
    top1: dict[int, float]
    agreement: dict[int, float]
    ann_top1: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data; the numbers of time steps are strings, as JSON has them."""
        return {
            "ann_top1": self.ann_top1,
            "top1": {str(t): score for t, score in self.top1.items()},
            "agreement": {str(t): score for t, score in self.agreement.items()},
            "samples": self.samples,
        }


@checked_keywords(time_steps="T")
def evaluate(  # noqa: PLR0913 (each is an option of its own)
    snn: AnyNetwork,
    data: object,
    *,
    ann: AnyModel | None = None,
    T: int | Iterable[int] | None = None,  # noqa: N803 (the usual name)
    runtime: str = "ort",
    threads: int = 0,
    batch_size: int | None = None,
) -> Evaluation:
    """Score a spiking network after several numbers of time steps, in one run.

    The class is the largest entry along axis 1 of the first output, [N, C] or [N, C, 1, 1].

    Args:
        snn: A converted network.
        data: Inputs and labels ``y``, in any form that ``onnx2snn.data.dataset`` takes.
            Events are [N, T, ...]; the ANN is given their mean over time.
        ann: The network it was made from, to compare with.
        T: Numbers of time steps, >= 1, or a single one; None for the one the network was made
            for, or for the length of the first events.
        runtime: ``ort`` or ``numpy``.
        threads: Threads within an operator; 0 for one a core.
        batch_size: Samples at a time; None for 64, or fewer if the first is large.

    Raises:
        InvalidModelError: A model cannot be read.
        CalibrationError: The data does not fit the network, labels are no classes of it, or
            there is nothing to compare with: neither labels nor an ANN.
        OptionError: A number of time steps, or the batch size, is less than 1.
    """
    steps = [] if T is None else sorted(several_time_steps(T))
    check_batch_size(batch_size)
    check_source(data)
    network = load(snn, runtime, threads=threads)
    samples = dataset(data, data_specs(network.inputs, network.events))
    _check_comparable(samples, ann)
    reference = None if ann is None else _predictor(ann, network, threads)
    predictions = _predict(network, samples, reference, steps, batch_size)
    return _score(predictions, samples.labels)


def _check_comparable(samples: Dataset, ann: AnyModel | None) -> None:
    if samples.labels is None and ann is None:
        message = (
            "nothing to compare with: the data has no labels 'y' and no ANN was given"
        )
        raise CalibrationError(message)


@dataclasses.dataclass(frozen=True, eq=False)
class _Predictions:
    """Classes of the samples.

    Attributes:
        classes: Number of time steps to the classes that the network predicts, [N].
        expected: Classes that the ANN predicts, [N]; None without an ANN.
    """

    classes: Mapping[int, np.ndarray]
    expected: np.ndarray | None


def _predict(
    network: Network,
    samples: Dataset,
    reference: _Predictor | None,
    steps: Sequence[int],
    batch_size: int | None,
) -> _Predictions:
    """Run the network, and the ANN if there is one, on all samples."""
    predicted: dict[int, list[np.ndarray]] = collections.defaultdict(list)
    expected: list[np.ndarray] = []
    rows = batch_size or _rows(samples, network.events)
    total = -(-samples.samples // rows)
    for batch in track(samples.batches(rows), "evaluate", total):
        feeds = time_first(batch.feeds, network.events)
        steps = steps or [network.steps_in(feeds)]
        for t, outputs in network.run_at(feeds, steps).items():
            scores = outputs[network.outputs[0]]
            predicted[t].append(_classes(scores, batch.valid))
        _check_labels(samples.labels, scores.shape[1])
        if reference is not None:
            means = time_means(feeds, network.events)
            expected.append(_classes(reference(means), batch.valid))
    classes = {t: np.concatenate(parts) for t, parts in predicted.items()}
    return _Predictions(classes, np.concatenate(expected) if expected else None)


def outputs_on(
    network: Network,
    data: object,
    time_steps: int | None = None,
    *,
    batch_size: int | None = None,
) -> dict[str, np.ndarray]:
    """Return the outputs of a spiking network for all samples of a data set, by name.

    Args:
        network: A loaded network.
        data: Inputs, in any form that ``onnx2snn.data.dataset`` takes; events are
            [N, T, ...].
        time_steps: Number of time steps, >= 1; None for the network's own.
        batch_size: Samples at a time, where the network leaves it free; None for 64, or fewer if
            the first is large.

    Raises:
        CalibrationError: The data does not fit the network.
        OptionError: The number of time steps, or the batch size, is less than 1.
    """
    check_batch_size(batch_size)
    samples = dataset(data, data_specs(network.inputs, network.events))
    parts: dict[str, list[np.ndarray]] = {name: [] for name in network.outputs}
    rows = batch_size or _rows(samples, network.events)
    for batch in track(samples.batches(rows), "run"):
        outputs = network.run(time_first(batch.feeds, network.events), time_steps)
        for name, found in outputs.items():
            parts[name].append(found[: batch.valid] if found.ndim else found[None])
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def _rows(data: Dataset, events: Collection[str]) -> int:
    """Return how many samples to run at a time, by the size of the first.

    The larger an input, the more neurons there are, as a rule; states of few samples stay in the
    cache of a processor.
    """
    first = next(data.batches(1))
    sizes = [array.size for array in time_means(first.feeds, events, axis=1).values()]
    largest = max(sizes, default=1) / max(first.valid, 1)
    return max(1, min(_SAMPLES, int(_NUMBERS / max(largest, 1))))


def _predictor(ann: AnyModel, network: Network, threads: int) -> _Predictor:
    """Return what gives the first output of the ANN."""
    run = open_runner(runnable(read_reference(ann, network)), threads)
    return lambda feeds: run(feeds)[0]


def _classes(scores: np.ndarray, valid: int) -> np.ndarray:
    """Return the class of each valid sample, from scores [N, C] or [N, C, 1, ...]."""
    if (
        scores.ndim < 2
        or any(size != 1 for size in scores.shape[2:])
        or len(scores) < valid
    ):
        message = (
            f"the first output is no score of classes: its shape is {list(scores.shape)}, "
            "not [N, C]; run the network and score its outputs yourself"
        )
        raise CalibrationError(message)
    return np.asarray(scores.reshape(*scores.shape[:2]).argmax(axis=1)[:valid])


def _check_labels(labels: np.ndarray | None, classes: int) -> None:
    """Refuse labels that the network cannot answer."""
    if labels is not None and not (labels.min() >= 0 and labels.max() < classes):
        message = (
            f"the labels 'y' are numbers from {labels.min()} to {labels.max()}, but the network "
            f"has {classes} classes, from 0 on; number the labels as the network does"
        )
        raise CalibrationError(message)


def _score(found: _Predictions, labels: np.ndarray | None) -> Evaluation:
    """Compare predictions with labels and with those of the ANN, as far as there are any."""
    top1: dict[int, float] = {}
    agreement: dict[int, float] = {}
    ann_top1 = None
    for t, classes in found.classes.items():
        if labels is not None:
            top1[t] = _percent(classes, labels)
        if found.expected is not None:
            agreement[t] = _percent(classes, found.expected)
    if found.expected is not None and labels is not None:
        ann_top1 = _percent(found.expected, labels)
    samples = len(next(iter(found.classes.values())))
    return Evaluation(samples, top1, agreement, ann_top1)


def _percent(a: np.ndarray, b: np.ndarray) -> float:
    return round(100 * float(np.mean(a == b)), 2)
