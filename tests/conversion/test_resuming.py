"""A conversion that was ended goes on where it was, to the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn import cli
from onnx2snn.correction import weight_fitting
from tests.models import model, normal

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
OPTIONS: dict[str, Any] = {"schedule": "lockstep", "hold_out": False}


@pytest.fixture
def ann(tmp_path: Path) -> Path:
    """Return a network of three layers, with data beside it."""
    proto = model(
        "(float[N,6] x) => (float[N,3] y) { h = MatMul (x, w)  a = Relu (h)  c = MatMul (a, u)  "
        "d = Relu (c)  e = MatMul (d, t)  f = Relu (e)  y = MatMul (f, v) }",
        w=normal(2, 6, 8),
        u=normal(4, 8, 8),
        t=normal(5, 8, 8),
        v=normal(3, 8, 3),
    )
    path = tmp_path / "ann.onnx"
    ir.save(proto, path)
    np.savez(tmp_path / "x.npz", x=normal(1, 64, 6))
    return path


def converted(ann: Path, folder: Path | None, **options: Any) -> bytes:
    with onnx2snn.resumable(folder):
        chosen = OPTIONS | options
        return onnx2snn.convert(ann, 4, ann.with_name("x.npz"), **chosen).serialize()


def count_solves(
    monkeypatch: pytest.MonkeyPatch, at: Callable[[int], None] = lambda _: None
) -> list[int]:
    """Count least squares; ``at`` is told the number of each."""
    solve = weight_fitting.solve_ridge
    calls: list[int] = []

    def counted(*arguments: Any) -> Any:
        calls.append(len(calls))
        at(len(calls))
        return solve(*arguments)

    monkeypatch.setattr(weight_fitting, "solve_ridge", counted)
    return calls


def interrupt_at_second(number: int) -> None:
    if number == 2:
        raise KeyboardInterrupt


def test_what_is_done_is_not_done_again(
    ann: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    whole = count_solves(monkeypatch)
    expected = converted(ann, None)
    monkeypatch.undo()
    count_solves(monkeypatch, interrupt_at_second)
    with pytest.raises(KeyboardInterrupt):
        converted(ann, kept)
    monkeypatch.undo()
    left = sorted(kept.rglob("*.npz"))
    assert len(left) >= 2  # the scales, and what came before
    again = count_solves(monkeypatch)
    assert converted(ann, kept) == expected
    assert len(again) == len(whole) - 1
    assert not any(kept.iterdir())


@pytest.mark.parametrize(
    "options", [{"T": 5}, {"seed": 1}, {"neuron": "if"}, {"corrections": ("weights",)}]
)
def test_another_conversion_goes_its_own_way(
    ann: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
) -> None:
    kept = tmp_path / "kept"
    count_solves(monkeypatch, interrupt_at_second)
    with pytest.raises(KeyboardInterrupt):
        converted(ann, kept)
    monkeypatch.undo()
    chosen = OPTIONS | options
    time_steps = chosen.pop("T", 4)
    data = ann.with_name("x.npz")
    expected = onnx2snn.convert(ann, time_steps, data, **chosen).serialize()
    with onnx2snn.resumable(kept):
        found = onnx2snn.convert(ann, time_steps, data, **chosen).serialize()
    assert found == expected
    assert len(list(kept.iterdir())) == 1  # of the one that was ended


def test_a_damaged_result_is_worked_out_anew(
    ann: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    count_solves(monkeypatch, interrupt_at_second)
    with pytest.raises(KeyboardInterrupt):
        converted(ann, kept)
    monkeypatch.undo()
    for path in kept.rglob("*.npz"):
        path.write_bytes(path.read_bytes()[:-30])
    assert converted(ann, kept) == converted(ann, None)


def test_a_folder_that_cannot_be(ann: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("file", "file/x", "nul\0"):
        with pytest.raises(onnx2snn.OutputError, match="cannot keep results in"):
            converted(ann, tmp_path / name)


KILLED = f"""
import os, sys
from onnx2snn import cli
from onnx2snn.correction import weight_fitting
solve, calls = weight_fitting.solve_ridge, []
def killing(*arguments):
    calls.append(None)
    if len(calls) == 2:
        os.kill(os.getpid(), {int(signal.SIGKILL)})
    return solve(*arguments)
weight_fitting.solve_ridge = killing
cli.main(sys.argv[1:])
"""


def test_a_conversion_that_was_killed(ann: Path, tmp_path: Path) -> None:
    words = ["convert", str(ann), "--calibration", str(ann.with_name("x.npz"))]
    words += ["--T", "4", "--quiet", "-o"]
    resume = ["--resume", str(tmp_path / "kept")]
    once, again = tmp_path / "once.onnx", tmp_path / "again.onnx"
    assert cli.main([*words, str(once)]) == 0
    killed = subprocess.run(  # noqa: S603 (our own)
        [sys.executable, "-c", KILLED, *words, str(again), *resume],
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert killed.returncode == -signal.SIGKILL
    assert not again.exists()
    assert len(list((tmp_path / "kept").rglob("*.npz"))) >= 2
    assert cli.main([*words, str(again), *resume]) == 0
    assert again.read_bytes() == once.read_bytes()
    assert not any((tmp_path / "kept").iterdir())
