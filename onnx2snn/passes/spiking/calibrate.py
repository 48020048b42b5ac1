"""Write the scale of every activation, which its threshold is made from."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.streams import find_streams
from onnx2snn.arguments import checked_choice
from onnx2snn.calibration.scales import ThresholdOptions
from onnx2snn.calibration.threshold_rules import RULES
from onnx2snn.calibration.threshold_sources import ThresholdSearch, find_scales
from onnx2snn.metadata.scale import QUANTIZER_RANGE, SCALE
from onnx2snn.schedules import DEFAULT_T
from onnx2snn.storage.journal import remembered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onnx2snn.data.dataset import Dataset

__all__ = ["Calibrate"]

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Calibrate(ir.passes.InPlacePass):
    """Write on every activation the scale its neuron's threshold is made from.

    An activation that was trained with its threshold has just that: one that was a fake
    quantizer (``remove-fake-quantizers``), and a Clip from -theta to theta. The distribution of any
    other comes from the best source there is:

    1. calibration data;
    2. without data, the quantizer of a quantized network: its range is the threshold if it has
       no more steps than T. If it has more, ``mse`` takes the part of it that is best for T
       steps where the range is best for the quantizer's, both for a rectified normal value;
    3. BatchNormalization: its output is about N(bias, scale^2) per channel. For
       the rule ``mse`` and a rectifier right behind it the threshold has a closed form (Huang
       et al., 2025); else samples are carried to the activation;
    4. where that does not reach, random inputs with the spectrum of photographs: a warning
       says so.

    The upper limit of a Clip or of a quantizer is never exceeded. Only metadata is written; the
    graph stays as it is. An activation that has a scale already keeps it.

    A warning names activations that were trained with fewer levels than neurons have in T steps.

    Attributes:
        time_steps: T that the rule ``mse`` optimizes for, >= 1; the number of levels, where T
            steps of a neuron have more than T.
        rule: ``mse`` (least squared error of the T-level quantizer, on samples left out),
            ``percentile`` (99.9, of the values above 0), ``max``, or ``balanced`` (raised, from 0,
            by what lies above it).
        per_channel: Whether each channel has a threshold of its own.
        batch_size: Samples at a time, at most: fewer if they are large.
        seed: Seed of the random inputs and samples.
        spike: Where neurons are to stand: at the ``activations``, or in front of ``all`` weights.
        data: Calibration data; None for none. Of events [N, T, ...] the ANN sees the time-mean.

    Raises:
        UnsupportedError: A neuron would depend on a node that has no mean, or no rule.
    """

    keeps_streams: ClassVar[bool] = True  # it writes nothing that they depend on

    time_steps: int = DEFAULT_T
    rule: str = "mse"
    per_channel: bool = True
    batch_size: int = 64
    seed: int = 0
    spike: str = "activations"
    data: Dataset | None = None

    def __post_init__(self) -> None:
        """Check the options."""
        checked_choice("rule", self.rule, RULES)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Write the scales of the activations of the main graph into their metadata."""
        streams = find_streams(model.graph, spike=self.spike)
        _check_types(streams.fired)
        streams.check()
        activations = (*streams.fired, *streams.weight_inputs)
        values = [value for value in activations if SCALE.read(value) is None]
        _warn_of_few_levels(values, self.time_steps)
        options = ThresholdOptions(
            time_steps=self.time_steps,
            rule=self.rule,
            per_channel=self.per_channel,
            batch_size=self.batch_size,
            seed=self.seed,
        )
        search = ThresholdSearch(model, values, options, self.data)
        for name, text in remembered(
            "scales", lambda: _texts_of_scales(search)
        ).items():
            values[int(name)].metadata_props[SCALE.key] = str(text)
        return ir.passes.PassResult(model, modified=bool(values))


def _texts_of_scales(search: ThresholdSearch) -> dict[str, np.ndarray]:
    """Return the scales that are found, as text, by the numbers of their values."""
    scales = find_scales(search)
    texts = {}
    for number, value in enumerate(search.values):
        if value in scales:
            texts[str(number)] = np.array(SCALE.encode(scales[value]))
    return texts


def _warn_of_few_levels(activations: Iterable[ir.Value], levels: int) -> None:
    """Say which activations were trained with fewer levels than their neurons have."""
    few = {}
    for value in activations:
        limit = QUANTIZER_RANGE.read(value)
        if limit is not None and limit.v_init is not None and limit.levels < levels:
            few[str(value.name)] = limit.levels
    if few:
        most = max(few.values())
        named = ", ".join(f"{count} at {name!r}" for name, count in few.items())
        _LOGGER.warning(_FEW_LEVELS, named, levels, most)


_FEW_LEVELS = (
    "activations were trained with fewer levels (%s) than the %d that neurons have here: the "
    "spiking network is further from the ANN than with as many levels; choose T near %d, or "
    "--skip-pass remove-fake-quantizers for a T many times as large"
)


def _check_types(activations: Iterable[ir.Value]) -> None:
    """Check that the activations have types.

    Raises:
        PreconditionError: It names those that have none.
    """
    unknown = [str(value.name) for value in activations if value.type is None]
    if unknown:
        names = ", ".join(unknown)
        message = f"no type on {names}; run the pass 'infer-shapes' first"
        raise ir.passes.PreconditionError(message)
