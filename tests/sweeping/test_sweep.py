"""Methods and numbers of time steps swept over one network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import onnx2snn
from onnx2snn import OptionError, cli
from onnx2snn.sweeping.plot import write_plot
from onnx2snn.sweeping.sweep import sweep as sweep_function
from tests.models import model, normal
from tests.schema import problems

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
ANN = str(DIGITS / "digits.onnx")
DATA = dict(np.load(DIGITS / "test.npz"))
DATA = {name: values[:100] for name, values in DATA.items()}
CALIBRATION = np.load(DIGITS / "calibration.npz")["image"][:64]


@pytest.fixture(scope="module")
def found() -> onnx2snn.Sweep:
    return onnx2snn.sweep(ANN, DATA, CALIBRATION, methods=["rmp", "opi"], T=[4, 2])


def test_each_cell_is_what_a_conversion_alone_gives(found: onnx2snn.Sweep) -> None:
    assert [(cell.method, cell.T) for cell in found.cells] == [
        ("rmp", 2), ("rmp", 4), ("opi", 2), ("opi", 4),
    ]  # fmt: skip
    assert found.task == "classification"
    for cell in found.cells:
        snn = onnx2snn.convert(ANN, cell.T, CALIBRATION, method=cell.method)
        alone = onnx2snn.evaluate(snn, DATA, ann=ANN, T=cell.T)
        assert cell.score == alone.top1[cell.T]
        assert cell.ann_score == found.ann_score == alone.ann_top1
        assert cell.latency_steps == alone.latency_steps[cell.T]
        assert cell.error == alone.deviations["logits"][cell.T].relative_error


def test_a_later_run_measures_what_is_missing_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: onnx2snn.Sweep
) -> None:
    file = tmp_path / "sweep.json"
    onnx2snn.sweep(ANN, DATA, CALIBRATION, methods="rmp", T=[2, 4], keep=file)
    assert problems(json.loads(file.read_text()), "sweep-1.json") == []
    asked: list[tuple[Any, ...]] = []
    convert = onnx2snn.convert

    def count(*args: Any, **options: Any) -> onnx2snn.Conversion:
        asked.append((options["method"], args[1]))
        return convert(*args, **options)

    monkeypatch.setitem(sweep_function.__wrapped__.__globals__, "convert", count)
    again = onnx2snn.sweep(
        ANN, DATA, CALIBRATION, methods=["rmp", "opi"], T=[2, 4], keep=file
    )
    assert asked == [("opi", 2), ("opi", 4)]
    assert again == found


def test_a_file_of_other_data_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sweep.json"
    onnx2snn.sweep(ANN, DATA, CALIBRATION, methods="rmp", T=2, keep=file)
    before = file.read_bytes()
    with pytest.raises(OptionError, match="of another network, of other data"):
        onnx2snn.sweep(ANN, DATA, CALIBRATION[:32], methods="rmp", T=2, keep=file)
    assert file.read_bytes() == before
    other = tmp_path / "other.json"
    other.write_text('{"version": 1}')
    with pytest.raises(OptionError, match="is no file of a sweep"):
        onnx2snn.sweep(ANN, DATA, CALIBRATION, methods="rmp", T=2, keep=other)


def test_a_method_that_refuses_the_network_is_a_cell_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ann = model(
        "(float[N,4] x) => (float[N,3] y) { h = MatMul (x, w)  a = Relu (h)"
        "  y = MatMul (a, u) }",
        w=normal(1, 4, 8),
        u=normal(3, 8, 3),
    )
    convert = onnx2snn.convert

    def refuse_one(*args: Any, **options: Any) -> onnx2snn.Conversion:
        if options["method"] == "opi":
            message = "there is an operator that it does not take"
            raise onnx2snn.UnsupportedError(message)
        return convert(*args, **options)

    monkeypatch.setitem(sweep_function.__wrapped__.__globals__, "convert", refuse_one)
    data = normal(4, 64, 4)
    found = onnx2snn.sweep(ann, data, data, methods=["opi", "rmp"], T=4)
    refused, measured = found.cells
    assert refused.refused == "there is an operator that it does not take"
    assert refused.score is None
    # Without labels and classes the relative error is the score.
    assert found.task == "none"
    assert measured.refused is None
    assert measured.score == measured.error
    assert measured.error is not None


def test_a_method_that_there_is_not() -> None:
    with pytest.raises(OptionError, match="no method 'rpm'"):
        onnx2snn.sweep(ANN, DATA, CALIBRATION, methods="rpm", T=2)


def test_the_picture_has_a_line_for_each_method(
    found: onnx2snn.Sweep, tmp_path: Path
) -> None:
    path = tmp_path / "curve.svg"
    write_plot(found, path)
    texts = {
        element.text
        for element in ET.parse(path).iter()  # noqa: S314 (our own file)
        if element.tag.endswith("}text")
    }
    assert {"rmp", "opi", "ANN", "2", "4", "right answers in percent"} <= texts
    with pytest.raises(OptionError, match=r"must end in one of \.svg"):
        write_plot(found, tmp_path / "curve.jpg")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, calibration = tmp_path / "data.npz", tmp_path / "calibration.npz"
    np.savez(data, **DATA)
    np.savez(calibration, image=CALIBRATION)
    words = ["sweep", ANN, "--data", str(data), "--calibration", str(calibration)]
    words += ["--methods", "rmp,opi", "--T", "2,4"]
    plot = tmp_path / "curve.png"
    assert cli.main([*words, "--plot", str(plot)]) == 0
    printed = capsys.readouterr().out
    assert "T=2" in printed
    assert "opi" in printed
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert cli.main([*words, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert [cell["T"] for cell in plain["cells"]] == [2, 4, 2, 4]
