"""Calibration that does no good on held-out samples is left out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from onnx2snn.conversion import held_out as module
from onnx2snn.data.dataset import InputSpec, dataset
from onnx2snn.data.subsets import hold_out
from onnx2snn.runtime.ort import open_runner
from tests.models import model, normal

if TYPE_CHECKING:
    import onnx_ir as ir

T = 16
FEEDS = {"x": normal(5, 60, 6)}
SPECS = (InputSpec("x", np.dtype(np.float32), (None, 6)),)

OPTIONS_OF = {
    "corrected": lambda data: {"calibration": data, "hold_out": False},
    "uncorrected": lambda data: {
        "calibration": data,
        "hold_out": False,
        "corrections": "none",
    },
    "without data": lambda _: {},
}
"""Options that give each form alone, once its data is known."""


def regressor() -> ir.Model:
    """Return a network of three columns behind two layers of neurons."""
    return model(
        "(float[N,6] x) => (float[N,3] y) { a = Gemm (x, u, p)  b = Relu (a)  "
        "c = Gemm (b, v, q)  d = Relu (c)  y = Gemm (d, w, r) }",
        u=normal(1, 6, 24) / 2,
        p=normal(2, 24) / 4,
        v=normal(3, 24, 24) / 4,
        q=normal(4, 24) / 4,
        w=normal(6, 24, 3) / 4,
        r=normal(7, 3),
    )


def converted(**options: object) -> onnx2snn.Conversion:
    return onnx2snn.convert(regressor(), T=T, calibration=FEEDS, **options)


def test_the_report_says_what_was_compared_and_kept() -> None:
    compared = converted().report["held_out"]
    assert compared is not None
    assert compared["samples"] == 12
    assert set(compared["errors"]) == {"corrected", "uncorrected", "without data"}
    errors = compared["errors"]
    assert errors[compared["kept"]] == min(errors.values()) > 0


@pytest.mark.parametrize("better", ["uncorrected", "without data"])
def test_a_form_that_is_better_on_held_out_samples_is_kept(
    better: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def favor(_: module.Trial, forms: dict[str, ir.Model]) -> dict[str, float]:
        return {name: 0.1 if name == better else 0.5 for name in forms}

    monkeypatch.setattr(module.Trial, "_errors_of", favor)
    with caplog.at_level(logging.WARNING, "onnx2snn"):
        conversion = converted()
    assert conversion.report["held_out"]["kept"] == better
    assert "12 held-out samples" in caplog.text
    assert "correction" not in conversion.report["method"].replace("no corr", "")
    options = {"corrections": "none", "hold_out": False}
    alone = converted(**options)
    if better == "without data":
        alone = onnx2snn.convert(regressor(), T=T, **options)
        assert np.array_equal(outputs_of(conversion), outputs_of(alone))


def error_of(conversion: onnx2snn.Conversion) -> float:
    """Return the relative error on the samples that are held out."""
    _, held_out = hold_out(dataset(FEEDS, SPECS), SPECS)
    (batch,) = held_out.batches(held_out.samples)
    (ann,) = open_runner(regressor())(batch.feeds)
    snn = onnx2snn.load(conversion, "ort").run(batch.feeds)["y"]
    usual = np.sqrt(np.square(ann).sum(axis=1).mean())
    return float(np.linalg.norm(ann - snn, axis=1).mean() / usual)


def outputs_of(conversion: onnx2snn.Conversion) -> np.ndarray:
    return onnx2snn.load(conversion, "ort").run(FEEDS)["y"]


@pytest.mark.parametrize(
    "options",
    [
        {"hold_out": False},
        {"corrections": ("weights",)},
        {"corrections": "none"},
        {"threshold": "max"},
        {"keep_weights": True},
        {"method": "opi"},
    ],
    ids=str,
)
def test_what_is_asked_for_by_name_is_done(options: dict[str, object]) -> None:
    assert converted(**options).report["held_out"] is None


def test_a_conversion_is_the_same_however_the_data_was_cut() -> None:
    x = FEEDS["x"]
    whole = converted().serialize()
    for rows in (1, 7):
        feeds = [{"x": x[start : start + rows]} for start in range(0, len(x), rows)]
        cut = onnx2snn.convert(regressor(), T=T, calibration=feeds)
        assert cut.serialize() == whole


def test_with_few_samples_none_is_held_out() -> None:
    few = {"x": FEEDS["x"][:9]}
    conversion = onnx2snn.convert(regressor(), T=T, calibration=few)
    assert conversion.report["held_out"] is None


def test_without_data_nothing_is_held_out() -> None:
    assert onnx2snn.convert(regressor(), T=T).report["held_out"] is None


def test_no_warning_is_about_what_was_not_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "onnx2snn"):
        converted()
    assert "without calibration data" not in caplog.text
    assert caplog.text.count("held-out") <= 1


def test_forms_are_those_that_their_options_give() -> None:
    kept, _ = hold_out(dataset(FEEDS, SPECS), SPECS)
    fitted = {
        "x": np.concatenate(
            [batch.feeds["x"][: batch.valid] for batch in kept.batches(16)]
        )
    }
    errors = converted().report["held_out"]["errors"]
    for name, options in OPTIONS_OF.items():
        alone = onnx2snn.convert(regressor(), T=T, **options(fitted))
        assert error_of(alone) == pytest.approx(errors[name], rel=1e-6)


@pytest.mark.parametrize(
    "macs, samples", [(0, 32), (10**9, 32), (5 * 10**9, 20), (10**12, 8)]
)
def test_fewer_samples_of_a_large_network_are_compared(macs: int, samples: int) -> None:
    assert module._samples_to_compare(macs) == samples


@pytest.mark.parametrize(
    "numbers, words",
    [
        ((0.25, 0.125), ["0.25", "0.125"]),
        ((0.129442, 0.129381), ["0.12944", "0.12938"]),
    ],
)
def test_the_warning_tells_numbers_apart(
    numbers: tuple[float, float], words: list[str]
) -> None:
    assert module._told_apart(*numbers) == words


def test_the_distance_is_that_of_all_outputs_sample_by_sample() -> None:
    wanted = [
        np.array([[3.0, 4.0], [0.0, 5.0]]),
        np.array([2.0, 2.0]),
        np.array(["y", "z"]),
    ]
    found = [
        np.array([[3.0, 7.0], [0.0, 5.0]]),
        np.array([2.8, 2.0]),
        np.array(["y", "x"]),
    ]
    distances = module._distances(found, wanted, samples=2)
    np.testing.assert_allclose(distances, [np.hypot(3 / 5, 0.8 / 2), 0])


@pytest.mark.parametrize("shape", [(), (2, 3)], ids=str)
def test_outputs_without_an_axis_of_samples_count_as_one(
    shape: tuple[int, ...],
) -> None:
    wanted = [np.ones(shape)]
    found = [np.full(shape, 3.0)]
    np.testing.assert_allclose(module._distances(found, wanted, samples=4), [2.0])
    rows = [np.zeros((4, 2)), *wanted]
    np.testing.assert_allclose(
        module._distances([rows[0], *found], rows, samples=4), np.full(4, 2.0)
    )
