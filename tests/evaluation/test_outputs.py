"""Outputs for all samples: what the network gives for all of them at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx.helper
import pytest

import onnx2snn
from onnx2snn.evaluation.outputs import outputs_by_batch, outputs_on
from onnx2snn.evaluation.subject import open_any
from tests.evaluation.networks import ann

if TYPE_CHECKING:
    from onnx2snn.evaluation.ann import Ann

SAMPLES = 150
"""More than two batches of the default size, the last of them shorter."""

X = np.random.default_rng(1).normal(size=(SAMPLES, 8)).astype(np.float32)

HEADS = {
    "scores": ("y = MatMul (b, three)", "float[N,3] y"),
    "scores, undeclared": ("y = MatMul (b, three)", "float[M,L] y"),
    "labels": (
        "z = MatMul (b, three) y = ArgMax <axis = 1, keepdims = 0> (z)",
        "int64[N] y",
    ),
    "row of labels": (
        """z = MatMul (b, three) i = ArgMax <axis = 1, keepdims = 0> (z)
        y = Unsqueeze (i, first)""",
        "int64[1,N] y",
    ),
    "time first": ("y = Mul (b, ramp)", "float[S,N,6] y"),
    "time first, declared wrongly": ("y = Mul (b, ramp)", "float[N,M,6] y"),
    "several rows a sample": (
        "c = Add (b, offsets) d = Concat <axis = 1> (b, c) y = Reshape (d, rows)",
        "float[R,6] y",
    ),
    "selected values in the order of samples": (
        """f = Flatten <axis = 0> (b) v = Squeeze (f, first) g = Greater (v, zero)
        y = Compress (v, g)""",
        "float[R] y",
    ),
    "constant": ("y = Add (ramp, zero) v = Relu (b)", "float[4,1,1] y, float[N,6] v"),
}

APART = {
    "time first, in one axis": (
        "c = Add (b, offsets) d = Concat <axis = 0> (b, c) y = Identity (d)",
        "float[R,6] y",
    ),
    "mean over the batch": (
        "y = ReduceMean <axes = [0], keepdims = 0> (b)",
        "float[6] y",
    ),
    "scalar": ("y = ReduceSum <keepdims = 0> (b)", "float y"),
    "indices into the batch": (
        "g = Greater (b, zero) i = NonZero (g) y = Transpose <perm = [1, 0]> (i)",
        "int64[R,2] y",
    ),
}
"""Outputs whose batches, joined along whatever axis, are not those of all samples."""


def at_once(network: onnx2snn.Network | Ann) -> dict[str, np.ndarray]:
    return network.run({"x": X})


@pytest.mark.parametrize("name", HEADS)
def test_batches_are_joined_as_they_are_at_once(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Axis 0 was taken for that of the samples, whatever it was."""
    network = open_any(ann(*HEADS[name]))
    with caplog.at_level(logging.WARNING, "onnx2snn.evaluation"):
        found = outputs_on(network, X, batch_size=16)
    assert not caplog.records
    for output, wanted in at_once(network).items():
        # rounding differs with the size of a batch
        np.testing.assert_allclose(found[output], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", APART)
def test_what_cannot_be_joined_is_run_at_once(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    network = open_any(ann(*APART[name]))
    found = outputs_on(network, X)
    np.testing.assert_array_equal(found["y"], at_once(network)["y"])
    assert "output 'y': batches cannot be joined, so all 150 samples" in caplog.text


@pytest.mark.parametrize("name", APART)
def test_batches_of_a_size_that_is_asked_for_stay_apart(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    network = open_any(ann(*APART[name]))
    found = outputs_on(network, X, batch_size=60)
    assert isinstance(found["y"], list)
    for part, rows in zip(found["y"], (X[:60], X[60:120], X[120:]), strict=True):
        np.testing.assert_array_equal(part, network.run({"x": rows})["y"])
    assert "output 'y': batches cannot be joined, so there is one array" in caplog.text


def test_a_spiking_network_gives_what_it_gives_at_once() -> None:
    for head in (HEADS["time first"], APART["mean over the batch"]):
        snn = onnx2snn.convert(ann(*head), T=4, calibration=X[:32])
        network = snn.network
        found = outputs_on(network, X, 3)
        wanted = network.run({"x": X}, 3)["y"]
        np.testing.assert_allclose(found["y"], wanted, rtol=1e-4, atol=1e-5)


def baked(head: tuple[str, str]) -> onnx.ModelProto:
    """Return a network of batches of 4."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(ann(*head))
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4
    return fixed


def test_of_a_baked_batch_the_padding_is_cut() -> None:
    network = open_any(baked(HEADS["scores"]))
    found = outputs_on(network, X[:10])
    wanted = open_any(ann(*HEADS["scores"])).run({"x": X[:10]})["y"]
    np.testing.assert_allclose(found["y"], wanted, rtol=1e-5)
    assert np.shape(outputs_on(network, X[:3])["y"]) == (3, 3)


def test_of_a_baked_batch_what_has_no_rows_stays_apart() -> None:
    network = open_any(baked(APART["mean over the batch"]))
    found = outputs_on(network, X[:8])
    assert np.shape(found["y"]) == (2, 6)
    assert isinstance(found["y"], list)


def test_outputs_come_batch_by_batch() -> None:
    network = open_any(ann(*APART["scalar"]))
    parts = [float(each["y"]) for each in outputs_by_batch(network, X)]
    assert len(parts) == 3
    assert sum(parts) == pytest.approx(float(at_once(network)["y"]), rel=1e-5)


def test_a_network_that_does_not_run_at_once_stays_apart(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    network = open_any(ann(*APART["mean over the batch"]))
    run = network.run

    def run_few(feeds: dict[str, np.ndarray], T: Any = None) -> dict[str, np.ndarray]:  # noqa: N803
        if len(feeds["x"]) > 64:
            message = "out of memory"
            raise onnx2snn.RuntimeShapeError(message)
        return run(feeds, T)

    monkeypatch.setattr(network, "run", run_few)
    found = outputs_on(network, X)
    assert len(found["y"]) == 3
    assert "all samples at once do not run: out of memory" in caplog.text


@pytest.mark.parametrize("layout", ["loop", "multistep"])
def test_random_spikes_are_joined_by_their_shape(
    layout: str, caplog: pytest.LogCaptureFixture
) -> None:
    head = "y = MatMul (b, three)", "float[M,L] y"
    snn = onnx2snn.convert(
        ann(*head), T=4, calibration=X[:32], input_coding="rate", layout=layout
    )
    caplog.clear()
    found = outputs_on(snn.network, X)
    assert np.shape(found["y"]) == (SAMPLES, 3)
    assert not caplog.records
