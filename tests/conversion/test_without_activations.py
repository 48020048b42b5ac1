"""Networks without activations: neurons in front of weights need none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn import cli
from onnx2snn.testing import run_ort
from tests.models import model, normal

if TYPE_CHECKING:
    from pathlib import Path

T = 64

WEIGHTS = {
    "A": normal(1, 8, 16) / np.float32(3),
    "B": normal(2, 16, 16) / np.float32(4),
    "C": normal(3, 16, 4) / np.float32(4),
    "two": np.float32(2),
}

MODELS = {
    "sine": "h = MatMul(x, A) a = Sin(h) k = MatMul(a, B) b = Sin(k) y = MatMul(b, C)",
    "square": """
        h = MatMul(x, A) a = Mul(h, h) k = MatMul(a, B) b = Pow(k, two) y = MatMul(b, C)""",
    "attention": """
        q = MatMul(x, A) k = Transpose<perm = [1, 0]>(q) m = MatMul(q, k)
        s = Softmax(m) v = MatMul(s, q) h = MatMul(v, B) y = MatMul(h, C)""",
    "inside an If": """
        y = If(flag) <
            then_branch = then () => (y1)
                { h = MatMul(x, A) a = Sin(h) k = MatMul(a, B) y1 = MatMul(k, C) },
            else_branch = other () => (y2)
                { g = MatMul(x, A) b = Cos(g) l = MatMul(b, B) y2 = MatMul(l, C) } >""",
}


def network(name: str) -> ir.Model:
    inputs = "float[5, 8] x, bool flag" if "flag" in MODELS[name] else "float[5, 8] x"
    return model(f"({inputs}) => (float[5, 4] y) {{ {MODELS[name]} }}", **WEIGHTS)


def feeds(name: str) -> dict[str, np.ndarray]:
    given = {"x": normal(4, 5, 8)}
    if "flag" in MODELS[name]:
        given["flag"] = np.array(0, np.bool_)
    return given


@pytest.mark.parametrize("name", MODELS)
def test_spikes_drive_the_weights_behind_the_first(name: str) -> None:
    ann = ir.to_proto(network(name))
    given = feeds(name)
    conversion = onnx2snn.convert(ann, T, [given], spike="all")
    assert conversion.report["layers"]
    found = onnx2snn.load(conversion.model).run(given)["y"]
    expected = run_ort(network(name), given)["y"]
    # up to three neurons in a row are off by a step of 1 / T each, squares by twice as much,
    # and thresholds leave room above what five samples show
    atol = 8 / T * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("name", MODELS)
def test_the_option_that_would_help_is_named(name: str) -> None:
    message = r"no activation .*: --spike all, in Python spike='all'"
    with pytest.raises(onnx2snn.UnsupportedError, match=message):
        onnx2snn.convert(ir.to_proto(network(name)), T)


def test_the_option_is_not_named_where_it_would_not_help() -> None:
    ann = model("(float[5, 8] x) => (float[5, 16] y) { y = MatMul(x, A) }", **WEIGHTS)
    for spike in ("activations", "all"):
        with pytest.raises(onnx2snn.UnsupportedError, match=r"convert$"):
            onnx2snn.convert(ir.to_proto(ann), T, spike=spike)


def test_the_analysis_on_the_command_line_agrees(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "sine.onnx")
    ir.save(network("sine"), path)
    assert cli.main(["analyze", path, "--quiet"]) == 0
    assert "with --spike all, neurons stand" in capsys.readouterr().err
    assert cli.main(["analyze", path, "--quiet", "--spike", "all"]) == 0
    assert "nothing to convert" not in capsys.readouterr().err


def test_the_analysis_on_the_command_line_names_no_option_that_would_not_help(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "linear.onnx")
    ann = model("(float[5, 8] x) => (float[5, 16] y) { y = MatMul(x, A) }", **WEIGHTS)
    ir.save(ann, path)
    assert cli.main(["analyze", path, "--quiet"]) == 0
    said = capsys.readouterr().err
    assert "nothing to convert" in said
    assert "--spike" not in said
