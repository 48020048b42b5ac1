"""The sources of thresholds, in the order in which they are tried."""

from __future__ import annotations

import dataclasses
import functools
import logging
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.analysis.index_ranges import index_ranges
from onnx2snn.analysis.input_scaling import input_scalings
from onnx2snn.analysis.rectifiers import is_rectifier, is_symmetric_clip, upper_bound
from onnx2snn.calibration.batch_norm_statistics import BatchNormStatistics
from onnx2snn.calibration.gaussian import gaussian_threshold
from onnx2snn.calibration.limits import largest_magnitude
from onnx2snn.calibration.observe import observe_histograms
from onnx2snn.calibration.scales import (
    folds_of_thresholds,
    scale_from_histograms,
    scale_from_threshold,
    warn_of_dead_layers,
)
from onnx2snn.calibration.scarce_data import does_better, is_scarce
from onnx2snn.data.events import time_means
from onnx2snn.data.input_specs import input_specs
from onnx2snn.data.synthetic import cut_feed, running_feeds
from onnx2snn.errors import CalibrationError
from onnx2snn.metadata.input_coding import event_names
from onnx2snn.metadata.normal import Normal
from onnx2snn.metadata.scale import QUANTIZER_RANGE, Scale
from onnx2snn.progress import track
from onnx2snn.runtime.memory import rows_of_all_outputs
from onnx2snn.runtime.subgraph import Subgraph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.input_scaling import InputScaling
    from onnx2snn.calibration.histogram import Histogram
    from onnx2snn.calibration.scales import ThresholdOptions
    from onnx2snn.data.dataset import Dataset
    from onnx2snn.data.input_specs import Arrays, Feeds

    Observed = dict[ir.Value, list[Histogram]]
    Scales = dict[ir.Value, Scale]
    Source = Callable[["ThresholdSearch"], Scales]

__all__ = ["SOURCES", "ThresholdSearch", "find_scales"]

_LOGGER = logging.getLogger(__name__)

_MOST_LEVELS = 255
"""A quantizer of more than 8 bits is given the range of the data, and so no wider one."""

_SYNTHETIC_SAMPLES = 256

_NO_DATA = (
    "no calibration data: the thresholds of %d of %d activations come from random inputs, and "
    "accuracy at small T will suffer, the more if inputs are not scaled to mean 0 and variance 1; "
    "pass --calibration data.npz with some hundred typical inputs"
)


@dataclasses.dataclass
class ThresholdSearch:
    """The search for the scales of activations.

    Attributes:
        model: The ANN.
        values: Activations of its main graph that want a scale.
        options: Rule, T and the like.
        data: Calibration data; None for none.
        found: The scales that sources tried so far have found.
    """

    model: ir.Model
    values: Sequence[ir.Value]
    options: ThresholdOptions
    data: Dataset | None = None
    found: Scales = dataclasses.field(default_factory=dict)

    @property
    def missing(self) -> list[ir.Value]:
        """The activations without a scale."""
        return [value for value in self.values if value not in self.found]

    @functools.cached_property
    def synthetic_feeds(self) -> list[Arrays]:
        """Feeds of random inputs, on which what is missing at first can be computed."""
        subgraph = Subgraph(self.model, self.missing, ())
        specs = input_specs(self.model)
        seed = self.options.seed
        ranges = index_ranges(self.model)
        feeds = running_feeds(specs, _SYNTHETIC_SAMPLES, seed, subgraph.run, ranges)
        scalings = input_scalings(self.model.graph)
        return [_before_scaling(feed, scalings) for feed in feeds]


def _before_scaling(feed: Arrays, scalings: Mapping[str, InputScaling]) -> Arrays:
    """Return a feed that is what it was once the network has scaled its inputs."""
    scaled = dict(feed)
    for name, scaling in scalings.items():
        if name in feed and scaling.fits(feed[name].shape):
            scaled[name] = scaling.invert(feed[name])
    return scaled


def find_scales(search: ThresholdSearch) -> Scales:
    """Return a scale for each activation, from the first source that knows it."""
    for source in SOURCES:
        if search.missing:
            search.found |= source(search)
    warn_of_dead_layers(search.found)
    return search.found


def trained_thresholds(search: ThresholdSearch) -> Scales:
    """Return the thresholds that the network was trained with.

    Activations have one that a fake quantizer made, and those that a Clip from -theta to theta
    makes.
    """
    found = {}
    for value in search.missing:
        quantizer = QUANTIZER_RANGE.read(value)
        producer = value.producer()
        if quantizer is not None and quantizer.v_init is not None:
            found[value] = Scale(quantizer.values, quantizer.axis, "quantizer")
        elif producer is not None and is_symmetric_clip(producer):
            bound = upper_bound(producer)
            theta = np.array([bound], np.float32)
            found[value] = Scale(theta, None, "clip")
    return found


def calibration_data(search: ThresholdSearch) -> Scales:
    """Return thresholds from the distributions of activations over the calibration data.

    Where a channel was seen a few times only, those known without data compete with them.
    """
    if search.data is None:
        return {}
    subgraph = Subgraph(search.model, search.missing, ())
    events = event_names(search.model.graph)
    most = search.options.batch_size
    rows = rows_of_all_outputs(subgraph, search.data, events, most)
    batches = search.data.batches(rows)
    feeds = (time_means(batch.feeds, events, axis=1) for batch in batches)
    tracked = track(feeds, "calibrate", search.data.count_batches(rows))
    observed = _observe(search, subgraph, tracked)
    found = _choose_scales(search, observed, "calibration")
    return found | _better_without_data(search, observed)


def quantizer_ranges(search: ThresholdSearch) -> Scales:
    """Return thresholds from the ranges of the quantizers of a quantized network."""
    found = {}
    for value in search.missing:
        quantizer = QUANTIZER_RANGE.read(value)
        if quantizer is None:
            continue
        part = 1.0
        if search.options.rule == "mse":
            part = _part_of_range(search.options.time_steps, quantizer.levels)
        values = quantizer.values * np.float32(part)
        found[value] = Scale(values, quantizer.axis, "quantizer")
    return found


def batch_norm_statistics(search: ThresholdSearch) -> Scales:
    """Return thresholds of activations that BatchNormalization says the distribution of."""
    options = search.options
    feeds = search.synthetic_feeds[0]
    statistics = BatchNormStatistics(search.model, feeds, options.seed)
    has_closed_form = options.rule == "mse" and options.per_channel
    found = {}
    for value in search.missing:
        normal = _normal_before(value)
        if normal is not None and has_closed_form:
            found[value] = _closed_form_scale(value, normal, options.time_steps)
            continue
        histogram = statistics.histogram(value)
        if histogram is not None:
            folds = [histogram]
            scale = scale_from_histograms(value, folds, options, "batch-norm")
            found[value] = scale
    return found


def synthetic_inputs(search: ThresholdSearch) -> Scales:
    """Return thresholds from the distributions over random inputs, and warn."""
    origins = [scale.origin for scale in search.found.values()]
    count = len(search.missing)
    _LOGGER.warning(_NO_DATA, count, count + origins.count("batch-norm"))
    return _synthetic_scales(search)


SOURCES: tuple[Source, ...] = (
    trained_thresholds,
    calibration_data,
    quantizer_ranges,
    batch_norm_statistics,
    synthetic_inputs,
)
"""The sources of thresholds; each is asked for the activations that none before it knows."""


def _synthetic_scales(search: ThresholdSearch) -> Scales:
    """Return thresholds from the distributions over random inputs."""
    feeds = search.synthetic_feeds
    subgraph = Subgraph(search.model, search.missing, ())
    specs = input_specs(search.model)
    parts = [part for feed in feeds for part in cut_feed(feed, specs)]
    tracked = track(parts, "calibrate", len(parts))
    observed = _observe(search, subgraph, tracked)
    return _choose_scales(search, observed, "synthetic")


def _better_without_data(search: ThresholdSearch, observed: Observed) -> Scales:
    """Return scales that come from no data, and do better on it than those chosen from it.

    They are looked for where data is scarce, for the rule that minimizes the squared error.
    """
    scarce = [value for value, folds in observed.items() if is_scarce(folds)]
    options = search.options
    if options.rule != "mse" or not scarce:
        return {}
    without_data = ThresholdSearch(search.model, scarce, options)
    try:
        for source in (quantizer_ranges, batch_norm_statistics, _synthetic_scales):
            if without_data.missing:
                without_data.found |= source(without_data)
    except CalibrationError:  # the ANN runs on no synthetic inputs
        return {}
    better = {}
    for value, scale in without_data.found.items():
        folds = folds_of_thresholds(observed[value], options)
        if does_better(scale, value, folds, options):
            better[value] = scale
    return better


def _observe(
    search: ThresholdSearch,
    subgraph: Subgraph,
    feeds: Iterable[Feeds],
) -> Observed:
    """Return the distributions of what is missing, and ``subgraph`` computes, over ``feeds``."""
    values = search.missing
    histograms = observe_histograms(search.model, values, subgraph, feeds)
    return dict(zip(values, histograms, strict=True))


def _choose_scales(search: ThresholdSearch, observed: Observed, origin: str) -> Scales:
    """Return the scales that the rule chooses from distributions."""
    found = {}
    for value, folds in observed.items():
        found[value] = scale_from_histograms(value, folds, search.options, origin)
    return found


def _closed_form_scale(value: ir.Value, normal: Normal, time_steps: int) -> Scale:
    """Return the scale of an activation whose rectifier reads normally distributed values."""
    bound = largest_magnitude(value, axis=1)
    threshold = gaussian_threshold(normal.mean, normal.std, time_steps, bound=bound)
    return scale_from_threshold(threshold, 1, "batch-norm")


def _normal_before(value: ir.Value) -> Normal | None:
    """Return the distribution of what the rectifier of ``value`` reads, if it is normal."""
    producer = value.producer()
    if producer is None or not is_rectifier(producer):
        return None
    operand = producer.inputs[0]
    if operand is None:
        return None
    return Normal.of(operand)


@functools.cache
def _part_of_range(time_steps: int, levels: int) -> float:
    """Return the threshold for T steps, as a part of a range made for ``levels``.

    Both are taken as the best for a rectified normal value.
    """
    levels = min(levels, _MOST_LEVELS)
    if time_steps >= levels:
        return 1.0
    for_steps = gaussian_threshold([0.0], [1.0], time_steps)
    of_steps = for_steps.values.item()
    for_levels = gaussian_threshold([0.0], [1.0], levels)
    of_levels = for_levels.values.item()
    return float(of_steps / of_levels)
