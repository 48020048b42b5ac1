"""``onnx2snn evaluate`` and ``run`` on networks of every kind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from onnx2snn import cli
from tests.evaluation.networks import LABEL, LOGITS, REGRESSION, X, ann, snn
from tests.schema import problems

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WIDTH = 80


@pytest.fixture
def tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Return what runs a command in a folder with data and networks; it returns the output."""
    np.savez(tmp_path / "x.npz", x=X)
    np.savez(tmp_path / "xy.npz", x=X, y=X[:, 0], classes=X[:, :3].argmax(axis=1))
    for name, network in {
        "reg": REGRESSION,
        "logits": LOGITS,
        "label": LABEL,
        "savez": ("file = MatMul (b, one) allow_pickle = MatMul (b, three)", SAVEZ),
        "mean": ("y = ReduceMean <axes = [0], keepdims = 0> (b)", "float[6] y"),
    }.items():
        onnx.save(ann(*network), tmp_path / f"{name}.onnx")
        onnx.save(snn(*network), tmp_path / f"{name}-snn.onnx")
    monkeypatch.chdir(tmp_path)

    def run(*words: str, status: int = 0) -> str:
        assert cli.main(list(words)) == status
        return "".join(capsys.readouterr())

    return run


SAVEZ = "float[N,1] file, float[N,3] allow_pickle"


def test_regression_is_no_agreement(tool: Callable[..., str]) -> None:
    """It printed "agrees 100.00 %" for any network of one column."""
    snn_and_ann = ("reg-snn.onnx", "--ann", "reg.onnx")
    found = tool("evaluate", *snn_and_ann, "--data", "x.npz", "--T", "1,8")
    assert "task: none: there are no labels" in found
    assert "│ y      │ 1 │" in found
    assert "│ y      │ 8 │" in found
    assert "100.00" not in found
    found = tool("evaluate", *snn_and_ann, "--data", "xy.npz", status=1)
    assert "'classes' is no input" in found


def test_a_table_of_scores_fits_a_terminal(tool: Callable[..., str]) -> None:
    np.savez("targets.npz", x=X, y=1e6 * X[:, 0])
    for words in (
        ("reg-snn.onnx", "--ann", "reg.onnx", "--data", "targets.npz"),
        (
            "logits-snn.onnx",
            "--ann",
            "logits.onnx",
            "--data",
            "xy.npz",
            "--labels",
            "classes",
        ),
        ("label-snn.onnx", "--ann", "label.onnx", "--data", "x.npz"),
    ):
        found = tool("evaluate", *words, "--T", "1-8")
        tables = [line for line in found.splitlines() if line[:1] in "┏┃┡│└"]
        assert len(tables) > 10
        assert max(map(len, tables)) <= WIDTH


def test_the_choice_is_printed_and_open(tool: Callable[..., str]) -> None:
    words = ("evaluate", "label-snn.onnx", "--ann", "label.onnx", "--data", "xy.npz")
    found = tool(*words, "--labels", "classes")
    assert "task: classification by output 'z': the largest of 3 scores" in found
    assert "--output can choose 'label'" in found
    found = tool(*words, "--labels", "classes", "--output", "label")
    assert "task: classification by output 'label': it holds class numbers" in found
    found = tool(*words, "--labels", "classes", "--task", "none")
    assert "task: none: as asked for" in found
    found = tool(*words, "--labels", "classes", "--output", "lable", status=1)
    assert "no output 'lable'; the network has 'z', 'label'; did you mean 'label'?" in (
        " ".join(found.split())
    )


def test_json_is_as_its_schema_says(tool: Callable[..., str]) -> None:
    words = ("reg-snn.onnx", "--ann", "reg.onnx", "--data", "x.npz", "--json")
    found = json.loads(tool("evaluate", *words))
    assert problems(found, "evaluation-1.json") == []
    assert found["agreement"] == found["top1"] == {}


def test_another_ann_gives_a_warning(tool: Callable[..., str]) -> None:
    found = tool("evaluate", "reg-snn.onnx", "--ann", "logits.onnx", "--data", "x.npz")
    assert (
        "warning: logits.onnx is not the file that the network was made from" in found
    )
    assert "│ 8 │ -      │ -              │" in found  # [40, 1] and [40, 3]
    assert "120 of 120 entries are not compared" in found


def test_an_ann_is_scored_alone(tool: Callable[..., str]) -> None:
    found = tool("evaluate", "logits.onnx", "--data", "xy.npz", "--labels", "classes")
    assert "│ ANN │" in found
    found = tool("evaluate", "logits.onnx", "--data", "x.npz", "--T", "4", status=1)
    assert "T is for spiking networks: logits.onnx is an ANN" in found


def test_run_runs_anns(tool: Callable[..., str]) -> None:
    found = tool("run", "reg.onnx", "--data", "x.npz", "-o", "out.npz")
    assert "wrote out.npz: y [40, 1]" in found
    found = tool(
        "run", "reg.onnx", "--data", "x.npz", "-o", "out.npz", "--T", "4", status=1
    )
    assert "T is for spiking networks: reg.onnx is an ANN" in found


def test_run_writes_outputs_of_any_name(tool: Callable[..., str]) -> None:
    """The names of numpy.savez's own arguments ended in a TypeError."""
    for model in ("savez.onnx", "savez-snn.onnx"):
        tool("run", model, "--data", "x.npz", "-o", "out.npz")
        found = np.load("out.npz")
        assert found["file"].shape == (40, 1)
        assert found["allow_pickle"].shape == (40, 3)


def test_run_gives_each_batch_a_name_if_they_stay_apart(
    tool: Callable[..., str],
) -> None:
    found = tool(
        "run", "mean.onnx", "--data", "x.npz", "-o", "a.npz", "--batch-size", "20"
    )
    assert "warning: output 'y': batches cannot be joined" in found
    assert "wrote a.npz: y.0 [6], y.1 [6]" in found
    tool("run", "mean.onnx", "--data", "x.npz", "-o", "b.npz")
    parts = [np.load("a.npz")[name] for name in ("y.0", "y.1")]
    np.testing.assert_allclose(np.mean(parts, axis=0), np.load("b.npz")["y"], rtol=1e-5)


def test_run_refuses_what_is_not_finite(tool: Callable[..., str]) -> None:
    bad = X.copy()
    bad[17] = np.nan
    np.savez("bad.npz", x=bad)
    for model in ("reg-snn.onnx", "reg.onnx"):
        found = tool("run", model, "--data", "bad.npz", "-o", "out.npz", status=1)
        assert "array 'x' has 8 NaN values, first in sample 17" in found
