"""Layers wait within a latency where the equations say that it helps most."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn import OptionError
from onnx2snn.data.dataset import Dataset, dataset, input_specs
from onnx2snn.metadata.facts import DELAY, LATENCY_CURVE
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import PlaceDelays
from onnx2snn.passes.spiking import place_delays
from onnx2snn.testing import run_ort
from tests.models import model
from tests.passes.time_loop.test_emit_staggered import (
    INPUT,
    RESIDUAL,
    WEIGHTS,
    T,
    expected,
    single_step,
)

WITHIN_ONE = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
"""Steps that the layers of RESIDUAL behind the first may wait where the answer takes T + 1."""


def placed(latency: int | None, ann: ir.Model, data: Dataset | None = None) -> ir.Model:
    snn = single_step(ann)  # all wait: what is not to wait any more must be forgotten
    PlaceDelays("all", latency, T, ann, data)(snn)
    return snn


def waits(snn: ir.Model) -> tuple[int, ...]:
    return tuple(DELAY.read(node) or 0 for node in snn.graph if is_neuron(node))[1:]


def test_the_layer_waits_that_brings_the_outputs_closest() -> None:
    ann = model(RESIDUAL, **WEIGHTS)
    data = dataset({"x": INPUT}, input_specs(ann))
    wanted = run_ort(ir.to_proto(ann), {"x": INPUT})["y"]
    errors = {
        choice: float(np.square(expected(choice) - wanted).sum())
        for choice in WITHIN_ONE
    }
    closest = min(errors, key=errors.__getitem__)
    assert waits(placed(T + 1, ann, data)) == closest
    # the joins, which are taken without data, are not the closest here
    assert waits(placed(T + 1, ann)) != closest


def relative_error(choice: tuple[int, int, int], wanted: np.ndarray) -> float:
    difference = np.square(expected(choice) - wanted).sum()
    return float(np.sqrt(difference / np.square(wanted).sum()))


def test_the_curve_has_the_least_errors_within_each_latency() -> None:
    ann = model(RESIDUAL, **WEIGHTS)
    data = dataset({"x": INPUT}, input_specs(ann))
    wanted = run_ort(ir.to_proto(ann), {"x": INPUT})["y"]
    curve = LATENCY_CURVE.read_required(placed(T + 1, ann, data))
    assert curve["samples"] == len(INPUT)
    errors = {each["latency_steps"]: each["relative_error"] for each in curve["points"]}
    within_one = [relative_error(choice, wanted) for choice in WITHIN_ONE]
    # the outputs are float32 in the search, and float64 in the equations
    assert errors[T] == pytest.approx(within_one[0], rel=1e-5)
    assert errors[T + 1] == pytest.approx(min(within_one), rel=1e-5)
    everywhere = relative_error((1, 1, 1), wanted)
    assert errors[T + 3] == pytest.approx(min(everywhere, errors[T + 1]), rel=1e-5)
    assert list(errors.values()) == sorted(errors.values(), reverse=True)


def test_without_data_there_is_no_curve() -> None:
    assert LATENCY_CURVE.read(placed(T + 1, model(RESIDUAL, **WEIGHTS))) is None


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_samples_in_any_number_at_a_time_choose_the_same(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = model(RESIDUAL, **WEIGHTS)
    data = dataset({"x": INPUT}, input_specs(ann))
    whole = placed(T + 2, ann, data)
    monkeypatch.setattr(place_delays, "rows_at_once", lambda *_, **__: rows)
    parts = placed(T + 2, ann, data)
    assert waits(parts) == waits(whole)
    curves = [LATENCY_CURVE.read_required(snn)["points"] for snn in (whole, parts)]
    for one, other in zip(*curves, strict=True):
        # sums of squares are added up in another order
        assert one == pytest.approx(other, rel=1e-9)


def test_no_more_samples_than_stated_are_taken() -> None:
    ann = model(RESIDUAL, **WEIGHTS)
    data = dataset({"x": np.tile(INPUT, (3, 1))}, input_specs(ann))
    curve = LATENCY_CURVE.read_required(placed(T + 1, ann, data))
    assert curve["samples"] == 64


@pytest.mark.parametrize(
    "latency, wanted",
    [
        (T, (0, 0, 0)),
        (T + 1, (0, 1, 0)),
        (T + 2, (0, 1, 1)),
        (T + 3, (1, 1, 1)),
        (None, (1, 1, 1)),
    ],
)
def test_without_data_joins_wait_first(
    latency: int | None, wanted: tuple[int, ...]
) -> None:
    assert waits(placed(latency, model(RESIDUAL, **WEIGHTS))) == wanted


def test_a_latency_below_t_is_refused() -> None:
    with pytest.raises(OptionError, match="latency must be at least T = 4, not 3"):
        PlaceDelays(latency=3, time_steps=4)
