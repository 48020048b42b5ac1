"""Layers wait within a latency where the equations say that it helps most."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn import OptionError
from onnx2snn.data.dataset import Dataset, dataset, input_specs
from onnx2snn.metadata.facts import DELAY
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import PlaceDelays
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
