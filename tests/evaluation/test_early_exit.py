"""Scores of networks that stop once their answers are safe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import onnx2snn
from onnx2snn import OptionError, cli
from tests.schema import problems

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
ANN = str(DIGITS / "digits.onnx")
CALIBRATION = {"image": np.load(DIGITS / "calibration.npz")["image"][:64]}
TEST = {key: array[:100] for key, array in np.load(DIGITS / "test.npz").items()}
T = 8


@pytest.fixture(scope="module")
def plain() -> onnx2snn.Conversion:
    return onnx2snn.convert(ANN, T, CALIBRATION, corrections="none")


def test_the_mean_of_the_steps_stands_beside_t(plain: onnx2snn.Conversion) -> None:
    score = onnx2snn.evaluate(plain, TEST, ann=ANN, early_exit=CALIBRATION)
    assert problems(score.as_dict(), "evaluation-1.json") == []
    assert 1 <= score.mean_steps[T] < T
    assert list(score.deviations) == ["logits"]
    # the margin was chosen on other images: a few answers more may be others
    all_steps = onnx2snn.evaluate(plain, TEST, ann=ANN)
    assert all_steps.mean_steps == {}
    assert abs(score.top1[T] - all_steps.top1[T]) <= 3


def test_a_file_that_exits_early_has_the_same_scores() -> None:
    options = {"corrections": "none", "hold_out": False}
    plain = onnx2snn.convert(ANN, T, CALIBRATION, **options)
    exiting = onnx2snn.convert(ANN, T, CALIBRATION, early_exit=True, **options)
    found = onnx2snn.evaluate(exiting, TEST, ann=ANN, T=[2, T])
    wanted = onnx2snn.evaluate(plain, TEST, ann=ANN, T=[2, T], early_exit=CALIBRATION)
    assert found == wanted
    assert found.mean_steps[2] <= min(2, found.mean_steps[T])
    steps = onnx2snn.load(exiting).run({"image": TEST["image"]})["steps"]
    assert found.mean_steps[T] == pytest.approx(steps.mean())


def test_batches_of_any_size_have_the_same_mean(plain: onnx2snn.Conversion) -> None:
    means = [
        onnx2snn.evaluate(
            plain, TEST, early_exit=CALIBRATION, batch_size=rows
        ).mean_steps
        for rows in (7, 100)
    ]
    # a sum in another order may let a neuron fire a step later
    assert means[0][T] == pytest.approx(means[1][T], abs=0.05)


def test_what_cannot_exit_early_is_refused(plain: onnx2snn.Conversion) -> None:
    exiting = onnx2snn.convert(ANN, T, CALIBRATION, early_exit=True)
    with pytest.raises(OptionError, match="exits early already"):
        onnx2snn.evaluate(exiting, TEST, early_exit=CALIBRATION)
    moved = onnx2snn.change_layout(plain, "multistep")
    with pytest.raises(OptionError, match="needs a single Loop over the steps"):
        onnx2snn.evaluate(moved, TEST, early_exit=CALIBRATION)
    with pytest.raises(OptionError, match="is an ANN"):
        onnx2snn.evaluate(ANN, TEST, early_exit=CALIBRATION)


def test_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "test.npz", **TEST)
    calibration = str(DIGITS / "calibration.npz")
    snn, early = str(tmp_path / "snn.onnx"), str(tmp_path / "early.onnx")
    convert = ["convert", ANN, "--calibration", calibration, "--quiet", "-o"]
    assert cli.main([*convert, snn]) == 0
    loud = [word for word in convert if word != "--quiet"]
    assert cli.main([*loud, early, "--early-exit"]) == 0
    assert "steps in the mean and at most 8 steps, 8 passes" in " ".join(
        capsys.readouterr().out.split()
    )
    data = ["--data", str(tmp_path / "test.npz")]
    assert cli.main(["evaluate", snn, *data, "--early-exit", calibration]) == 0
    assert cli.main(["evaluate", early, *data]) == 0
    shown = capsys.readouterr().out
    assert shown.count("mean steps") == 2
    output = str(tmp_path / "out.npz")
    assert cli.main(["run", early, *data, "-o", output]) == 0
    assert np.load(output)["steps"].shape == (100,)
