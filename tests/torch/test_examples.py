"""The training scripts run, on images of noise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import onnx2snn

SCRIPTS = Path(__file__).parents[2] / "examples" / "train"


def noise(folder: Path, name: str, *shape: int) -> None:
    generator = np.random.default_rng(0)
    parts = {
        f"x_{part}": generator.integers(0, 256, (count, *shape), np.uint8)
        for part, count in (("train", 256), ("test", 20))
    }
    labels = {
        f"y_{key[2:]}": np.arange(len(images)) % 10 for key, images in parts.items()
    }
    np.savez(folder / f"{name}.npz", **parts, **labels)


@pytest.mark.parametrize("network", ["vgg", "resnet18"])
def test_training_from_scratch_writes_weights_network_and_log(
    network: str, tmp_path: Path
) -> None:
    noise(tmp_path, "mnist", 28, 28)
    command = [
        sys.executable,
        SCRIPTS / "from_scratch.py",
        "--data",
        tmp_path,
        "--set",
        "mnist",
    ]
    command += [
        "--network",
        network,
        "--width",
        "2",
        "--epochs",
        "1",
        "--output",
        tmp_path / "o",
    ]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 (our own script)
    name = f"mnist_{network}_strelu"
    assert {path.name for path in (tmp_path / "o").iterdir()} == {
        f"{name}.{kind}" for kind in ("log", "pth", "onnx", "checkpoint")
    }
    assert "epoch 1: loss" in (tmp_path / "o" / f"{name}.log").read_text()
    onnx.checker.check_model(tmp_path / "o" / f"{name}.onnx")


def test_a_trained_network_is_quantized(tmp_path: Path) -> None:
    noise(tmp_path, "mnist", 28, 28)
    data = ["--data", tmp_path, "--set", "mnist"]
    train = [
        sys.executable,
        SCRIPTS / "from_scratch.py",
        *data,
        "--width",
        "2",
        "--epochs",
        "1",
    ]
    train += ["--activation", "relu", "--output", tmp_path]
    subprocess.run(train, check=True, capture_output=True)  # noqa: S603 (our own script)
    network = tmp_path / "mnist_vgg_relu.onnx"
    quantize = [
        sys.executable,
        SCRIPTS / "quantize.py",
        network,
        *data,
        "--images",
        "64",
    ]
    subprocess.run(quantize, check=True, capture_output=True)  # noqa: S603 (our own script)
    conversion = onnx2snn.convert(tmp_path / "mnist_vgg_relu_qdq.onnx", 16)
    origins = {layer["threshold_origin"] for layer in conversion.report["layers"]}
    assert origins == {"quantizer"}
