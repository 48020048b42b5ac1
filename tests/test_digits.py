"""The shipped example from end to end, as ``make demo`` runs it, and further."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.reference
import onnx_ir as ir
import onnxruntime
import pytest
from onnx_ir.passes import PreconditionError

import onnx2snn
from onnx2snn.passes import PASSES

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples" / "digits"
ANN = DIGITS / "digits.onnx"
TEST = DIGITS / "test.npz"
IMAGES = np.load(TEST)["image"]
STEPS = (1, 2, 4, 8, 16, 32)


@pytest.fixture(scope="module")
def snn() -> onnx.ModelProto:
    return onnx2snn.convert(ANN, T=8, calibration=DIGITS / "calibration.npz").model


@pytest.fixture(scope="module")
def score(snn: onnx.ModelProto) -> onnx2snn.Evaluation:
    return onnx2snn.evaluate(snn, TEST, ann=ANN, time_steps=STEPS)


def outputs(
    runtime: str,
    snn: onnx.ModelProto,
    images: np.ndarray,
    T: int,  # noqa: N803
) -> np.ndarray:
    return onnx2snn.load(snn, runtime).run({"image": images}, T=T)["logits"]


def test_the_ann_is_as_good_as_it_was_when_it_was_trained(
    score: onnx2snn.Evaluation,
) -> None:
    assert score.samples == 500
    assert score.ann_top1 == 99.2


def test_accuracy_at_8_steps_is_that_of_the_ann(score: onnx2snn.Evaluation) -> None:
    # 0.6 points are 3 of 500 images: with 8 levels an activation is off by 1/16 of its range at
    # most, which turns only images whose two largest scores are that close.
    assert score.ann_top1 is not None
    for t in (8, 16, 32):
        assert abs(score.top1[t] - score.ann_top1) <= 0.6
        assert score.agreement[t] >= 99.0


def test_accuracy_grows_with_the_number_of_steps(score: onnx2snn.Evaluation) -> None:
    assert score.top1[1] >= 75  # chance is 10
    assert score.top1[1] < score.top1[2] < score.top1[4]


def test_thresholds_from_batch_norm_alone() -> None:
    conversion = onnx2snn.convert(ANN, T=8)
    origins = {layer["threshold_origin"] for layer in conversion.report["layers"]}
    assert origins == {"batch-norm"}
    found = onnx2snn.evaluate(conversion.model, TEST, ann=ANN, time_steps=(8, 32))
    # No bias correction without data: a point more than with it at T = 8.
    assert found.top1[8] >= 97.5
    assert found.top1[32] >= 98.5


def test_both_runtimes_agree(snn: onnx.ModelProto) -> None:
    # Their convolutions round differently, and a neuron that is exactly at its threshold then
    # fires in the one and not in the other. Such a spike moves one score by about 1/T of its
    # size; it is rare, and the classes are the same.
    ort, numpy = (
        outputs(runtime, snn, IMAGES[:100], 8) for runtime in ("ort", "numpy")
    )
    is_close = np.isclose(ort, numpy, rtol=1e-4, atol=1e-4).all(axis=1)
    assert is_close.mean() >= 0.95
    assert np.mean(ort.argmax(axis=1) == numpy.argmax(axis=1)) >= 0.99


def test_the_file_runs_in_stock_onnxruntime_and_onnx_reference(
    snn: onnx.ModelProto,
) -> None:
    feeds = {"image": IMAGES[:20]}
    session = onnxruntime.InferenceSession(
        snn.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (stock,) = session.run(["logits"], feeds)
    (reference,) = onnx.reference.ReferenceEvaluator(snn).run(["logits"], feeds)
    assert stock.shape == reference.shape == (20, 10)
    assert np.mean(stock.argmax(axis=1) == reference.argmax(axis=1)) >= 0.95


def test_any_batch_size(snn: onnx.ModelProto) -> None:
    network = onnx2snn.load(snn)
    # Images are independent of each other; only onnxruntime's blocking of the last layer differs.
    whole = network.run({"image": IMAGES[:9]})["logits"]
    for size in (1, 2, 4):
        parts = [
            network.run({"image": IMAGES[at : min(at + size, 9)]})["logits"]
            for at in range(0, 9, size)
        ]
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-4, atol=1e-4)


def test_any_number_of_steps(snn: onnx.ModelProto) -> None:
    network = onnx2snn.load(snn)
    assert network.T == 8
    feeds = {"image": IMAGES[:50]}
    np.testing.assert_array_equal(
        network.run(feeds)["logits"], network.run(feeds, 8)["logits"]
    )
    (ann,) = onnxruntime.InferenceSession(ANN, providers=["CPUExecutionProvider"]).run(
        None, feeds
    )
    errors = [np.abs(network.run(feeds, t)["logits"] - ann).mean() for t in (1, 4, 64)]
    assert errors[0] > errors[1] > errors[2]


def test_all_steps_of_one_run_are_those_of_single_runs(snn: onnx.ModelProto) -> None:
    network = onnx2snn.load(snn)
    feeds = {"image": IMAGES[:20]}
    for t, found in network.run_at(feeds, [1, 3, 8]).items():
        expected = network.run(feeds, t)["logits"]
        np.testing.assert_allclose(found["logits"], expected, rtol=1e-5, atol=1e-5)


def test_the_saved_file_is_the_model(snn: onnx.ModelProto, tmp_path: Path) -> None:
    path = tmp_path / "snn.onnx"
    onnx2snn.convert(ANN, T=8, calibration=DIGITS / "calibration.npz").save(path)
    assert onnx.load(path) == snn
    feeds = {"image": IMAGES[:5]}
    for model in (path, str(path), path.read_bytes(), snn):
        np.testing.assert_array_equal(
            onnx2snn.load(model).run(feeds)["logits"],
            outputs("ort", snn, IMAGES[:5], 8),
        )


@pytest.mark.parametrize(
    "feeds, message",
    [
        ({}, r"missing input 'image' float32 \[N, 1, 8, 8\]"),
        ({"x": IMAGES[:1]}, r"no input 'x'.*\n.*missing input 'image'"),
        ({"image": IMAGES[:1, 0]}, r"'image' .* was given shape \[1, 8, 8\]"),
        ({"image": IMAGES[:1].astype(complex)}, r"'image' .* was given complex128"),
    ],
)
def test_feeds_that_do_not_fit(
    snn: onnx.ModelProto, feeds: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(onnx2snn.RuntimeShapeError, match=message):
        onnx2snn.load(snn).run(feeds)


@pytest.mark.parametrize("steps", [0, -3])
def test_less_than_one_step(snn: onnx.ModelProto, steps: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, not {steps}"):
        onnx2snn.load(snn).run({"image": IMAGES[:1]}, T=steps)


@pytest.mark.parametrize("steps", [2.5, "8", True])
def test_a_number_of_steps_that_is_not_whole(
    snn: onnx.ModelProto, steps: object
) -> None:
    with pytest.raises((TypeError, ValueError), match=str(steps)):
        onnx2snn.load(snn).run({"image": IMAGES[:1]}, T=steps)


@pytest.mark.parametrize("name", sorted(set(PASSES) - {"emit-time-loop"}))
def test_a_pass_left_out_costs_no_correctness_or_is_refused(name: str) -> None:
    """``--skip-pass`` must not write a network that is silently wrong, or none at all."""
    try:
        conversion = onnx2snn.convert(ANN, T=8, skip_passes=(name,))
    except (onnx2snn.Onnx2SnnError, ValueError, PreconditionError) as error:
        assert re.search("[a-z]+-[a-z]+|calibrate", str(error))  # noqa: PT017 (which pass is needed)
        return
    nodes = ir.from_proto(conversion.model).graph.all_nodes()
    assert sum(node.op_type == "GatedDoubleThresholdIF" for node in nodes) == 4
    if name != "attach-functions":  # for runtimes that have the neurons themselves
        assert onnx2snn.evaluate(conversion.model, TEST).top1[8] >= 97


def test_the_demo_prints_the_table(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603 (our own script)
        [sys.executable, DIGITS / "demo.py", "--output", tmp_path / "snn.onnx"],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "99.2 %" in done.stdout
    assert (tmp_path / "snn.onnx").is_file()


def test_the_network_carries_no_weight_twice(snn: onnx.ModelProto) -> None:
    # Folding replaces weights; a quarter more is room for states, functions and names.
    assert snn.ByteSize() < 1.25 * ANN.stat().st_size


def test_the_example_is_small_enough_to_ship() -> None:
    assert ANN.stat().st_size <= 300_000
