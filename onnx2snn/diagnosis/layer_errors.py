"""The error of each layer of neurons on real spikes, and the parts it is made of.

With a the activation of the ANN, z the mean of the input current over the steps, s the mean of
what the spikes stand for, c(x) = x clipped to what T spikes can carry, and q(x) = c(x) rounded to a
whole number of spikes:

    s - a  =  (c(a) - a)  +  (q(a) - c(a))  +  (q(z) - q(a))  +  (s - q(z))
              clipping       quantization      inherited         unevenness

Inherited is what the layers before did wrong; unevenness is spikes sent too early, or not yet,
because the current did not come evenly (Bu et al., 2022, name the three errors of a layer).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from onnx2snn.diagnosis.histograms import HistogramSums
from onnx2snn.diagnosis.rasters import draw_raster

if TYPE_CHECKING:
    from onnx2snn.diagnosis.histograms import Histogram
    from onnx2snn.diagnosis.rasters import Raster
    from onnx2snn.runtime.recording import LayerRecord

__all__ = ["FACTORS", "PARTS", "LayerError", "LayerSums"]

PARTS = ("clipping", "quantization", "inherited", "unevenness")
"""Parts of the error of a layer."""

FACTORS = (1 / 1024, 1 / 64, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 64, 1024)
"""Thresholds that are tried on the activations, as parts of the own."""

_TINY = 1e-30
"""Keeps ratios to nothing finite."""


@dataclasses.dataclass(frozen=True)
class LayerError:
    """What a layer of neurons makes of an activation.

    Attributes:
        name: Name of the layer, as in the report.
        activation: Name of the activation's output in the ANN.
        neurons: Number of neurons for a sample.
        error: Norm of the difference to the activation, as a part of its norm.
        correlation: Cosine similarity to the activation.
        parts: Each of ``PARTS`` to the norm of that part of the error, in the same unit.
        rate: Spikes a neuron and step.
        silent: Share of the neurons that never sent a spike.
        dead: Share of the neurons that never sent one although the ANN was active there.
        saturated: Share of the positive activations at the largest number of spikes.
        residual: Norm of the charge that was not sent at the end, as a part of the activation's.
        threshold: Median of the thresholds, in units of the activation.
        misfit: How many times larger clipping and quantization are than with the best threshold
            for this data, of those in ``FACTORS`` times the own.
        best_factor: Median of these factors; 1 where the thresholds fit.
        histogram: Activations by their size, and what spikes carry.
        raster: The spikes of some neurons on the first sample.
    """

    name: str
    activation: str
    neurons: int
    error: float
    correlation: float
    parts: dict[str, float]
    rate: float
    silent: float
    dead: float
    saturated: float
    residual: float
    threshold: float
    misfit: float
    best_factor: float
    histogram: Histogram
    raster: Raster

    @property
    def main_part(self) -> str:
        """The largest of the parts."""
        return max(self.parts, key=lambda part: self.parts[part])


class LayerSums:
    """Sums over the samples of a data set that tell the error of a layer.

    Args:
        name: Name of the layer.
        levels: Most spikes that a neuron sends in a step.
    """

    def __init__(self, name: str, levels: int) -> None:
        self._name = name
        self._levels = levels
        self._activation = ""
        self._sums = dict.fromkeys(("a", "s", "as", "error", "residual", *PARTS), 0.0)
        self._counts = dict.fromkeys(("spikes", "values", "active", "saturated"), 0.0)
        self._fired: np.ndarray | None = None
        self._was_active: np.ndarray | None = None
        self._fits: np.ndarray | None = None
        self._threshold = 0.0
        self._histogram: HistogramSums | None = None
        self._raster: Raster | None = None

    def add(self, activation: np.ndarray, record: LayerRecord) -> None:
        """Take in the activation of the ANN on a batch, and what the neurons did.

        Args:
            activation: [N, ...].
            record: Spikes and current, [T, N, ...].
        """
        spikes, current = record.spikes, record.current
        assert spikes is not None
        assert current is not None
        self._activation = record.activation or ""
        theta = record.threshold.astype(np.float64)
        time_steps = len(spikes)
        target = activation.astype(np.float64)
        sent = spikes.mean(axis=0, dtype=np.float64) * theta
        mean = current.mean(axis=0, dtype=np.float64)
        mean = np.broadcast_to(mean, target.shape)
        carried = _Carried(theta, time_steps, self._levels, bool((target < 0).any()))
        self._add_parts(target, mean, sent, carried)
        self._add_activity(target, spikes)
        self._add_fits(target, carried)
        self._threshold = float(np.median(theta))
        if self._histogram is None or self._raster is None:
            self._histogram = HistogramSums(time_steps, self._levels)
            first = np.broadcast_to(target / theta, target.shape)[0]
            self._raster = draw_raster(first, spikes[:, 0])
        self._histogram.add(target / theta, sent / theta)

    def _add_parts(
        self, target: np.ndarray, mean: np.ndarray, sent: np.ndarray, carried: _Carried
    ) -> None:
        clipped = carried.clip(target)
        rounded = carried.round(target)
        expected = carried.round(mean)
        terms = {
            "a": target,
            "s": sent,
            "error": sent - target,
            "residual": carried.clip(mean) - sent,
            "clipping": clipped - target,
            "quantization": rounded - clipped,
            "inherited": expected - rounded,
            "unevenness": sent - expected,
        }
        for name, term in terms.items():
            self._sums[name] += float(np.square(term).sum())
        self._sums["as"] += float((target * sent).sum())

    def _add_activity(self, target: np.ndarray, spikes: np.ndarray) -> None:
        total = spikes.sum(axis=0)
        active = target > 0
        self._counts["spikes"] += float(np.abs(spikes).sum())
        self._counts["values"] += spikes.size
        self._counts["active"] += float(active.sum())
        most = self._levels * len(spikes)
        self._counts["saturated"] += float((total[active] >= most).sum())
        self._fired = _either(self._fired, (spikes != 0).any(axis=(0, 1)))
        self._was_active = _either(self._was_active, active.any(axis=0))

    def _add_fits(self, target: np.ndarray, carried: _Carried) -> None:
        """Add up what other thresholds would lose of the activation, one sum a threshold."""
        losses = []
        for factor in FACTORS:
            other = dataclasses.replace(carried, theta=carried.theta * factor)
            squares = np.square(other.round(target) - target)
            losses.append(_sum_to_shape(squares, carried.theta.shape))
        found = np.stack(losses)
        self._fits = found if self._fits is None else self._fits + found

    def result(self) -> LayerError:
        """Return what the sums say."""
        sums, counts = self._sums, self._counts
        size = math.sqrt(sums["a"]) + _TINY
        fired, was_active = self._fired, self._was_active
        assert fired is not None
        assert was_active is not None
        assert self._histogram is not None
        assert self._raster is not None
        both = math.sqrt(sums["a"] * sums["s"]) + _TINY
        return LayerError(
            name=self._name,
            activation=self._activation,
            neurons=fired.size,
            error=math.sqrt(sums["error"]) / size,
            correlation=sums["as"] / both,
            parts={part: math.sqrt(sums[part]) / size for part in PARTS},
            rate=counts["spikes"] / counts["values"],
            silent=float((~fired).mean()),
            dead=float((~fired & was_active).mean()),
            saturated=counts["saturated"] / max(counts["active"], 1),
            residual=math.sqrt(sums["residual"]) / size,
            threshold=self._threshold,
            misfit=self._misfit(),
            best_factor=self._best_factor(),
            histogram=self._histogram.result(),
            raster=self._raster,
        )

    def _misfit(self) -> float:
        assert self._fits is not None
        own = self._fits[FACTORS.index(1)].sum()
        best = self._fits.min(axis=0).sum()
        return math.sqrt(own / max(best, _TINY))

    def _best_factor(self) -> float:
        """Return the median factor of the thresholds that matter, by what their channels lose."""
        assert self._fits is not None
        best = np.array(FACTORS)[self._fits.argmin(axis=0)].reshape(-1)
        weights = self._fits[FACTORS.index(1)].reshape(-1)
        order = np.argsort(best)
        cumulated = np.cumsum(weights[order])
        middle = np.searchsorted(cumulated, cumulated[-1] / 2)
        return float(best[order][middle])


@dataclasses.dataclass(frozen=True, eq=False)
class _Carried:
    """The numbers that the spikes of T steps can carry.

    Attributes:
        theta: What a spike stands for; broadcasts to the values.
        time_steps: T.
        levels: Most spikes in a step.
        is_signed: Whether they may be negative.
    """

    theta: np.ndarray
    time_steps: int
    levels: int
    is_signed: bool

    def clip(self, values: np.ndarray) -> np.ndarray:
        """Return the nearest that are not out of reach."""
        most = self.levels * self.theta
        least = -most if self.is_signed else 0
        return np.asarray(np.clip(values, least, most))

    def round(self, values: np.ndarray) -> np.ndarray:
        """Return the nearest that whole numbers of spikes stand for."""
        unit = self.theta / self.time_steps
        return np.asarray(np.floor(self.clip(values) / unit + 0.5) * unit)


def _either(one: np.ndarray | None, other: Any) -> np.ndarray:  # noqa: ANN401 (NumPy's)
    """Return where one of two arrays of truth values is true."""
    return np.asarray(other if one is None else one | other)


def _sum_to_shape(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return sums over the axes along which an array of ``shape`` is broadcast."""
    missing = values.ndim - len(shape)
    whole = (1,) * missing + shape
    axes = tuple(axis for axis, size in enumerate(whole) if size == 1)
    summed = values.sum(axis=axes, keepdims=True)
    return np.asarray(summed.reshape(shape))
