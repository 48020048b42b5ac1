"""Loading files that are no network, from Python and from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn import cli
from tests.models import dyadic, emitted, model

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx

X = dyadic(1, 20, 3, unit=16)


def network() -> onnx.ModelProto:
    ann = model(
        "(float[N,3] x) => (float[N,2] y) { h = MatMul (x, w)  a = Relu (h)  y = MatMul (a, v) }",
        w=dyadic(2, 3, 4),
        v=dyadic(3, 4, 2),
    )
    return emitted(ann, 6, theta=0.25)


@pytest.fixture
def snn(tmp_path: Path) -> Path:
    path = tmp_path / "snn.onnx"
    path.write_bytes(network().SerializeToString())
    np.savez(tmp_path / "x.npz", x=X)
    return path


def command(snn: Path, *options: str) -> list[str]:
    data, out = snn.with_name("x.npz"), snn.with_name("y.npz")
    return ["run", str(snn), "--data", str(data), "-o", str(out), "--quiet", *options]


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview])
def test_bytes_of_any_type(form: Callable[[bytes], object]) -> None:
    given: Any = form(network().SerializeToString())
    assert onnx2snn.load(given).T == 6


def test_a_network_that_onnxruntime_refuses(tmp_path: Path) -> None:
    broken = network()
    broken.graph.node[0].op_type = "Nonsense"
    path = tmp_path / "broken.onnx"
    path.write_bytes(broken.SerializeToString())
    with pytest.raises(
        onnx2snn.InvalidModelError, match=r"broken\.onnx cannot be .*Nonsense"
    ):
        onnx2snn.load(path)
    with pytest.raises(
        onnx2snn.InvalidModelError, match=r"the model cannot be .*Nonsense"
    ):
        onnx2snn.load(broken)


@pytest.mark.parametrize(
    "options, message",
    [
        (("--batch-size", "0"), "batch_size must be at least 1, not 0"),
        (("--threads", "-1"), "threads must be at least 0, not -1"),
    ],
)
def test_options_out_of_range(
    options: tuple[str, str],
    message: str,
    snn: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(command(snn, *options)) == 1
    assert capsys.readouterr().err.strip() == f"error: {message}"
    assert not snn.with_name("y.npz").exists()


def test_the_numpy_runtime_does_without_onnxruntime(snn: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['onnxruntime'] = None\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])

    def shell(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 (our own module)
            [sys.executable, "-m", "onnx2snn", *words],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": path},
        )

    assert (
        "onnxruntime" in shell(*command(snn, "--runtime", "ort")).stderr
    )  # it is gone
    done = shell(*command(snn, "--runtime", "numpy"))
    assert (done.returncode, done.stderr) == (0, "")
    expected = onnx2snn.load(network(), "numpy").run({"x": X})["y"]
    np.testing.assert_array_equal(np.load(snn.with_name("y.npz"))["y"], expected)


def test_a_conversion_is_a_network() -> None:
    ann = model(
        "(float[N,3] x) => (y) { h = MatMul (x, w)  y = Relu (h) }", w=dyadic(2, 3, 2)
    )
    conversion = onnx2snn.convert(ann, 4)
    expected = onnx2snn.load(conversion.model).run(X)["y"]
    assert isinstance(conversion.network, onnx2snn.Network)
    np.testing.assert_array_equal(conversion.network.run(X)["y"], expected)
    for runtime in ("ort", "numpy"):
        for form in (conversion, conversion.network, conversion.ir_model):
            found = onnx2snn.load(form, runtime).run(X)["y"]
            np.testing.assert_allclose(found, expected, rtol=1e-6)  # two runtimes
    labels = np.zeros(len(X), np.int64)
    assert onnx2snn.evaluate(conversion, {"x": X, "y": labels}, T=4).samples == len(X)


def test_what_is_no_network() -> None:
    given: Any = np.zeros(3)
    with pytest.raises(TypeError, match=r"a network is a path, .*, not ndarray"):
        onnx2snn.load(given)


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"runtime": "numpi"},
            r"one of auto, ort, native, numpy, torch, not 'numpi'; did you mean 'numpy'",
        ),
        (
            {"runtime": None},
            "runtime must be one of auto, ort, native, numpy, torch, not None",
        ),
        ({"threads": "2"}, "threads must be a whole number, not '2'"),
        ({"threads": True}, "threads must be a whole number, not True"),
    ],
)
def test_options_of_another_type(options: dict[str, Any], message: str) -> None:
    with pytest.raises(onnx2snn.OptionError, match=message):
        onnx2snn.load(network(), **options)
