from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
from rich.console import Console

import onnx2snn
from benchmarks import zoo, zoo_networks, zoo_page
from benchmarks.pages import code_digest
from benchmarks.zoo_feeds import feeds
from benchmarks.zoo_measure import figures, measure
from benchmarks.zoo_networks import CALIBRATION, MEASUREMENT, Subject, subject_of
from benchmarks.zoo_page import REVISION, Row, Step
from onnx2snn.data.input_specs import InputSpec
from onnx2snn.evaluation.difference import Difference
from onnx2snn.methods.published import METHODS

SMALL = """
<ir_version: 8, opset_import: ["" : 17]>
net (float[N,3] x) => (float[N,2] y, float[N,4] hidden)
<float[3,4] w = {1.0, -1.0, 0.5, 0.25, 0.5, 1.0, -1.0, 0.125, 0.75, -0.5, 0.25, 1.0},
 float[4,2] m = {1.0, -0.5, 0.25, 1.0, 0.0, 1.0, -1.0, 0.5}> {
    h = MatMul (x, w)
    hidden = Relu (h)
    y = MatMul (hidden, m)
}
"""
SQUARED = """
<ir_version: 8, opset_import: ["" : 17]>
net (float[N,3] x) => (float[N,3] y)
<float[3,3] w = {1.0, -1.0, 0.5, 0.25, 0.5, 1.0, -1.0, 0.125, 0.75}> {
    h = MatMul (x, w)
    squared = Mul (h, h)
    k = MatMul (squared, w)
    fired = Relu (k)
    y = MatMul (fired, w)
}
"""
LINEAR = """
<ir_version: 8, opset_import: ["" : 17]>
net (float[N,3] x) => (float[N,3] y) { y = Neg (x) }
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with a network that converts and one that does not."""
    (tmp_path / "zoo").mkdir()
    onnx.save(onnx.parser.parse_model(SMALL), tmp_path / "zoo" / "small.onnx")
    onnx.save(onnx.parser.parse_model(LINEAR), tmp_path / "zoo" / "linear.onnx")
    return tmp_path


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let rows and page go to a folder of the test's own; return the page."""
    monkeypatch.setattr(zoo_page, "ROWS", tmp_path / "zoo.json")
    monkeypatch.setattr(zoo_page, "PAGE", tmp_path / "zoo.md")
    return tmp_path / "zoo.md"


def spec(*shape: int | None, name: str = "x", dtype: str = "float32") -> InputSpec:
    return InputSpec(name, np.dtype(dtype), shape)


DEFAULT = METHODS["auto"]
CURRENT = DEFAULT.describe(DEFAULT.corrections)


def step(method: str = "", revision: int = REVISION, **cosines: float) -> Step:
    outputs = {name: (cosine, 0.5) for name, cosine in cosines.items()}
    return Step(outputs=outputs, method=method, revision=revision, machine="m")


def options_of(data: Path, **given: Any) -> argparse.Namespace:
    defaults = {"data": data, "only": [], "T": [4], "limit": 60, "jobs": 2}
    return argparse.Namespace(**defaults | given)


@pytest.mark.parametrize(
    "ann, snn, cosine, error",
    [
        (0, 0, 1, 0),
        (0, 1, 0, 1),
        (1, 0, 0, 1),
        (200, 200, 1, 0),
        (1, np.nan, np.nan, np.nan),
    ],
)
def test_outputs_of_zeros_have_figures_too(
    ann: float, snn: float, cosine: float, error: float
) -> None:
    found = Difference()
    found.add(np.full(4, ann), np.full(4, snn))
    assert figures(found) == pytest.approx([cosine, error], nan_ok=True)


@pytest.mark.parametrize(
    "shape, most, count, rows",
    [
        ((None, 3), 64, 64, [64]),
        ((None, 3), 256, 256, [64] * 4),
        ((None, 1024), 256, 256, [64] * 4),
        ((None, 8192), 256, 32, [32]),
        ((None, 2**17), 64, 8, [2] * 4),
        ((1, 2**20), 64, 8, [1] * 8),
    ],
)
def test_larger_inputs_have_fewer_samples(
    shape: tuple[int | None, ...], most: int, count: int, rows: list[int]
) -> None:
    found = feeds(Subject(), [spec(*shape)], Path(), MEASUREMENT, most)
    assert found.samples == count
    assert [len(feed["x"]) for feed in found.feeds] == rows


def test_feeds_repeat_and_calibration_has_other_samples() -> None:
    first, again, other = (
        feeds(Subject(), [spec(None, 3)], Path(), part, 8).feeds[0]["x"]
        for part in (MEASUREMENT, MEASUREMENT, CALIBRATION)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.intersect1d(first, other).size


def test_inputs_without_a_common_first_axis_are_one_sample_a_feed() -> None:
    subject = subject_of("zoo/pt29_silero_vad_op18.onnx")
    specs = [
        spec(None, None, name="input"),
        spec(name="sr", dtype="int64"),
        spec(2, None, 128, name="state"),
    ]
    found = feeds(subject, specs, Path(), MEASUREMENT, 8)
    assert found.samples == len(found.feeds) == 8
    feed = found.feeds[0]
    assert {name: values.shape for name, values in feed.items()} == {
        "input": (1, 576),
        "sr": (),
        "state": (2, 1, 128),
    }
    assert feed["sr"] == 16000
    assert np.abs(feed["state"]).max() <= 1


@pytest.mark.parametrize("time_steps, count", [(1, 100), (64, 16), (2048, 8)])
def test_images_are_fewer_the_more_values_there_are_in_all_steps(
    tmp_path: Path, time_steps: int, count: int
) -> None:
    np.savez(tmp_path / "gray.npz", x=np.zeros((200, 1, 1), np.uint8))
    subject = Subject(
        "gray.npz", lambda stored: np.broadcast_to(stored, (len(stored), 512, 512))
    )
    found = feeds(
        subject,
        [spec(None, 512, 512)],
        tmp_path,
        CALIBRATION,
        256,
        time_steps=time_steps,
    )
    assert found.samples == count
    assert {len(feed["x"]) for feed in found.feeds} == {1}


@pytest.mark.parametrize("apart", [True, False])
def test_images_that_calibrate_are_not_compared(tmp_path: Path, *, apart: bool) -> None:
    images = np.arange(150, dtype=np.uint8).reshape(150, 1, 1)
    arrays = (
        {"x_train": images[:100], "x_test": images[100:]} if apart else {"x": images}
    )
    np.savez(tmp_path / "gray.npz", **arrays)
    subject = Subject("gray.npz", lambda stored: stored[:, None] / 1.0)
    specs = [spec(1, 1, 1, 1)]
    calibration = feeds(subject, specs, tmp_path, CALIBRATION, 5)
    measurement = feeds(subject, specs, tmp_path, MEASUREMENT, 5)
    assert [float(feed["x"].item()) for feed in calibration.feeds] == [0, 1, 2, 3, 4]
    assert [float(feed["x"].item()) for feed in measurement.feeds] == [
        100,
        101,
        102,
        103,
        104,
    ]
    assert {feed["x"].dtype for feed in measurement.feeds} == {np.dtype(np.float32)}


def test_a_ramp_stays_a_ramp_when_resized() -> None:
    ramp = np.broadcast_to((np.arange(8) + 0.5)[:, None, None], (1, 8, 8, 3))
    found = zoo_networks._resized(ramp, (4, 2))
    assert found.shape == (1, 4, 2, 3)
    np.testing.assert_allclose(found[0, :, 1, 2], [1, 3, 5, 7])


def test_photographs_are_shifted_and_scaled_before_their_channels_move() -> None:
    photo = np.broadcast_to(np.array([10.0, 20.0, 30.0]), (1, 6, 4, 3))
    preprocess = zoo_networks._photos((3, 2), (10, 10, 10), (1, 2, 5), blue_first=True)
    found = preprocess(photo)
    assert found.shape == (1, 3, 3, 2)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0, :, 0, 0], [4, 5, 0])
    last = zoo_networks._photos((3, 2), channels_last=True)(photo)
    np.testing.assert_array_equal(last, np.broadcast_to(photo[0, 0, 0], (1, 3, 2, 3)))


def test_a_measurement_is_what_the_two_files_give(data: Path) -> None:
    found = measure(data, "zoo/small.onnx", 16)
    fed = [
        feeds(Subject(), [spec(None, 3)], data, part, most).feeds
        for part, most in ((CALIBRATION, 256), (MEASUREMENT, 64))
    ]
    path = data / "zoo" / "small.onnx"
    snn = onnx2snn.convert(str(path), T=16, calibration=fed[0]).model
    ann, loop = (
        onnxruntime.InferenceSession(model).run(None, fed[1][0])
        for model in (str(path), snn.SerializeToString())
    )
    for name, a, b in zip(("y", "hidden"), ann, loop, strict=True):
        cosine, error = found["outputs"][name]
        assert cosine == pytest.approx(
            float((a * b).sum()) / np.linalg.norm(a) / np.linalg.norm(b)
        )
        assert error == pytest.approx(np.linalg.norm(a - b) / np.linalg.norm(a))
        assert cosine > 0.99  # 16 stairs and one layer
    assert found["macs"]["total"] == 20
    assert (found["calibration"], found["samples"]) == (256, 64)


def test_the_share_of_spikes_is_measured_with_neurons_at_all_weights_too(
    data: Path,
) -> None:
    onnx.save(onnx.parser.parse_model(SQUARED), data / "zoo" / "squared.onnx")
    found = measure(data, "zoo/squared.onnx", 4)
    # 9 static, 9 behind the square, 9 read out
    assert found["macs"]["spikes"] == 0
    assert found["percent_with_all"] == pytest.approx(100 / 3, abs=0.01)


def test_networks_are_measured_refused_and_kept(
    data: Path,
    written: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["zoo", "--data", str(data), "--T", "4"])
    zoo.main()
    said = capsys.readouterr().out
    assert "small T=4: cosine 0.9" in said
    assert "linear: refused: UnsupportedError: linear.onnx has no activation" in said
    assert "2 networks, 1 refused" in said
    rows = {row.name: row for row in zoo_page.kept()}
    assert list(rows["small"].steps) == [4]
    assert rows["linear"].refused is not None
    page = written.read_text(encoding="utf-8")
    assert "| linear | yes | unit normal | refused |" in page
    assert "| small | yes | unit normal | yes | 0.0 % | 0.0 % |" in page
    assert "| small | `hidden` |" in page


def test_a_run_goes_on_where_it_stopped(data: Path, written: Path) -> None:
    options = options_of(data, T=[4, 8])
    cells = [("zoo/linear.onnx", 4), ("zoo/linear.onnx", 8)]
    cells += [("zoo/small.onnx", 4), ("zoo/small.onnx", 8)]
    assert zoo.missing(options) == cells
    now = dataclasses.replace(step(CURRENT, y=0.5), code=code_digest())
    row = Row("zoo/small.onnx", "unit normal", trained=True, steps={4: now})
    zoo_page.keep(row)
    assert written.exists()
    assert zoo.missing(options) == [*cells[:2], cells[3]]
    named = options_of(data, T=[4], only=["small"])
    assert zoo.missing(named) == [("zoo/small.onnx", 4)]


@pytest.mark.parametrize(
    "change",
    [{"code": "other"}, {"failed": "why"}, {"revision": 0}, {"method": "other"}],
    ids=lambda change: next(iter(change)),
)
def test_what_other_code_measured_or_failed_is_measured_again(
    data: Path, written: Path, change: dict[str, Any]
) -> None:
    now = dataclasses.replace(step(CURRENT, y=0.5), code=code_digest())
    before = dataclasses.replace(now, **change)
    row = Row("zoo/small.onnx", "unit normal", trained=True, steps={4: before})
    zoo_page.keep(row)
    assert written.exists()
    assert ("zoo/small.onnx", 4) in zoo.missing(options_of(data))


def test_a_failed_measurement_leaves_the_shares_of_an_earlier_one(
    written: Path,
) -> None:
    macs = {"total": 20, "spikes": 8, "static": 12, "readout": 0, "analog": 0}
    first = Row("zoo/a.onnx", "noise", True, macs=macs, percent_with_all=50.0)  # noqa: FBT003
    zoo_page.keep(dataclasses.replace(first, steps={8: step(y=0.5)}))
    late = Step(failed="timed out after 1 s", machine="m")
    zoo_page.keep(Row("zoo/a.onnx", "noise", trained=True, steps={32: late}))
    page = written.read_text(encoding="utf-8")
    assert "| a | yes | noise | yes | 40.0 % | 50.0 % |" in page


def test_a_process_that_fails_or_takes_too_long_says_so(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without_images = "zoo/cntk_mnist_op7.onnx"
    (data / "zoo" / "small.onnx").rename(data / without_images)
    failed = zoo.run(data, without_images, 8, 60)["failed"]
    assert failed.startswith("FileNotFoundError")
    assert "Traceback" in capsys.readouterr().err
    options = options_of(data, limit=0.01)
    (row,) = zoo.measure_all([(without_images, 8)], options, Console(quiet=True))
    assert zoo.line(row) == "cntk_mnist_op7 T=8: timed out after 0 s"
    assert "timed out |" in zoo_page.page([row])


def test_a_name_of_no_network_is_an_error(data: Path) -> None:
    with pytest.raises(SystemExit, match="lenet"):
        zoo.chosen(data, ["lenet"])


def test_rows_are_merged_by_time_steps(written: Path) -> None:
    for t, cosine in ((32, 0.5), (8, 0.25), (32, 0.75)):
        zoo_page.keep(
            Row("zoo/a.onnx", "unit normal", trained=True, steps={t: step(y=cosine)})
        )
    (row,) = zoo_page.kept()
    assert {t: each.outputs["y"][0] for t, each in row.steps.items()} == {
        8: 0.25,
        32: 0.75,
    }
    assert "0.7500 (0.500)" in written.read_text(encoding="utf-8")


def test_other_inputs_put_earlier_measurements_out_of_date(written: Path) -> None:
    for inputs, t in (("noise", 8), ("images", 32)):
        zoo_page.keep(Row("zoo/a.onnx", inputs, trained=True, steps={t: step(y=0.5)}))
    (row,) = zoo_page.kept()
    assert list(row.steps) == [32]
    assert "| noise |" not in written.read_text(encoding="utf-8")


def test_the_worst_output_is_shown_and_no_number_is_worse() -> None:
    assert zoo_page.worst(step(a=0.9, b=0.2, c=0.5))[:2] == ("b", 0.2)
    assert zoo_page.worst(step(a=0.9, b=-0.2, c=float("nan")))[0] == "c"


def test_the_summary_counts_trained_networks_that_are_measured() -> None:
    def row(file: str, cosine: float, *, trained: bool = True) -> Row:
        return Row(file, "", trained, steps={32: step(y=cosine), 128: step(y=cosine)})

    rows = [
        row("a", 0.98),
        row("b", 0.995),
        row("c", 0.5, trained=False),
        Row("d", "", trained=True, refused="why"),
        Row(
            "e",
            "",
            trained=True,
            steps={32: Step(failed="timed out after 1 s", machine="m")},
        ),
    ]
    assert zoo_page.summary(rows) == (
        "5 networks, 1 refused. Of 3 with trained weights, "
        "2 reach a cosine of 0.97 at T=32, 1 reach a cosine of 0.99 at T=128."
    )


def test_what_was_measured_before_results_moved_is_marked() -> None:
    steps = {
        8: step(y=0.5, method="auto: as it was"),
        16: step(y=0.25, method=CURRENT, revision=REVISION - 1),
        32: step(y=0.75, method=CURRENT),
    }
    page = zoo_page.page([Row("zoo/a.onnx", "unit normal", trained=True, steps=steps)])
    assert "0.5000 (0.500) † | 0.2500 (0.500) † | 0.7500 (0.500) |" in page
    assert "† measured before" in page
    current = Row("zoo/a.onnx", "unit normal", trained=True, steps={32: steps[32]})
    assert "†" not in zoo_page.page([current])


def test_the_page_is_that_of_the_rows() -> None:
    assert zoo_page.PAGE.read_text(encoding="utf-8") == zoo_page.page(zoo_page.kept())
