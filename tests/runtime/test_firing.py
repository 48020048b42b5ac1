"""Neurons that fire in the native library: the bits of NumPy."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from onnx2snn.ops import ALL_OPS, StepOp
from onnx2snn.runtime import firing
from onnx2snn.runtime.firing import native_firing
from tests.native.library import needs_library
from tests.ops.vectors import vectors_of

if TYPE_CHECKING:
    from collections.abc import Callable

T = 5
NEURONS = [op for op in ALL_OPS.values() if op.result == "spike" and not op.integers]


def fire_in_numpy(op: StepOp, stream: np.ndarray, others: dict) -> np.ndarray:
    """Return the spikes of all steps, computed one step at a time."""
    values = dict(others)
    spikes = []
    for current in np.broadcast_to(stream, (T, *stream.shape[1:])):
        results = op.step(current, *(values[name] for name in list(op.inputs)[1:]))
        outputs = dict(zip(op.outputs, results, strict=True))
        values |= {name: outputs[after] for name, after in op.state.items()}
        spikes.append(results[0])
    return np.stack(spikes).astype(np.int8)


@needs_library
@pytest.mark.parametrize("steps", [T, 1], ids=["stream", "constant"])
@pytest.mark.parametrize("op", NEURONS, ids=[op.name for op in NEURONS])
def test_spikes_are_those_of_numpy(op: StepOp, steps: int) -> None:
    spread = {"state": (1, 3, 1, 1), "threshold": (1, 3, 1, 1)}
    others = vectors_of(op, (steps, 2, 3, 4, 7), spread, np.float32)
    stream = others.pop(op.stream)
    fire = native_firing(op)
    assert fire is not None
    spikes = fire(stream, others, T)
    assert spikes.dtype == np.int8
    expected = fire_in_numpy(op, stream, others)
    assert np.any(expected)
    np.testing.assert_array_equal(spikes, expected)


@needs_library
def test_an_operator_that_the_library_does_not_have_fires_elsewhere() -> None:
    unknown = dataclasses.replace(ALL_OPS["IntegrateAndFire"], name="NoOperator")
    assert native_firing(unknown) is None


@needs_library
@pytest.mark.parametrize("name", ["RunningSum", "BernoulliEncoder"])
def test_what_is_no_neuron_does_not_fire(name: str) -> None:
    assert native_firing(ALL_OPS[name]) is None


def test_without_a_library_nothing_fires_natively(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find_none: Callable[[], None] = lambda: None  # noqa: E731
    monkeypatch.setattr(firing, "find_library", find_none)
    assert native_firing(ALL_OPS["IntegrateAndFire"]) is None
