"""Calibration that does no good on held-out samples is left out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from onnx2snn.conversion import held_out as module
from tests.models import model, normal

if TYPE_CHECKING:
    import onnx_ir as ir

T = 16
FEEDS = {"x": normal(5, 60, 6)}


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
    chosen = {"hold_out": True, **options}
    return onnx2snn.convert(regressor(), T=T, calibration=FEEDS, **chosen)


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
    def favor(_: module.Trial, forms: dict[str, ir.Model]) -> dict[str, np.ndarray]:
        return {name: np.full(12, 0.1 if name == better else 0.5) for name in forms}

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


def test_with_few_samples_none_is_held_out() -> None:
    few = {"x": FEEDS["x"][:9]}
    conversion = onnx2snn.convert(regressor(), T=T, calibration=few, hold_out=True)
    assert conversion.report["held_out"] is None


def test_nothing_is_held_out_unless_asked_for() -> None:
    conversion = onnx2snn.convert(regressor(), T=T, calibration=FEEDS)
    assert conversion.report["held_out"] is None


def test_no_warning_is_about_what_was_not_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "onnx2snn"):
        converted()
    assert "without calibration data" not in caplog.text
    assert caplog.text.count("held-out") <= 1


@pytest.mark.parametrize("shape", [(), (2, 3), (4, 3)], ids=str)
def test_outputs_of_every_shape_are_compared_whole(shape: tuple[int, ...]) -> None:
    wanted = np.ones(shape)
    found = wanted.copy()
    found[...] = 3
    errors = module._squared_errors([found], [wanted], samples=4)
    np.testing.assert_array_equal(errors, np.full(4 if shape == (4, 3) else 1, 4.0))
