"""Quantize a trained network to 8 bits with onnxruntime: QuantizeLinear and DequantizeLinear.

Writes NAME_qdq.onnx beside the network. Its activations then have 255 steps above zero, which the
converter takes as thresholds, without data::

    python examples/train/quantize.py trained/mnist_vgg_relu.onnx --data DATA --set mnist
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import onnxruntime
from images import load
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

if TYPE_CHECKING:
    import numpy as np


class Reader(CalibrationDataReader):
    """Batches of images, one after the other."""

    def __init__(self, name: str, images: np.ndarray) -> None:
        """Start with the first of ``images``, [N, C, H, W], for the input ``name``."""
        self._feeds = iter(
            [{name: images[at : at + 64]} for at in range(0, len(images), 64)]
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next feed, None at the end."""
        return next(self._feeds, None)


def main() -> None:
    """Quantize and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "network", type=Path, help="an ONNX file that a training script wrote"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with SET.npz")
    parser.add_argument(
        "--set", choices=("cifar10", "mnist", "fashion_mnist"), required=True
    )
    parser.add_argument(
        "--images", type=int, default=512, help="training images that calibrate"
    )
    arguments = parser.parse_args()
    images = load(arguments.data, arguments.set, arguments.images).train.numpy()
    (given,) = onnxruntime.InferenceSession(arguments.network).get_inputs()
    output = arguments.network.with_name(f"{arguments.network.stem}_qdq.onnx")
    with TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(arguments.network, prepared)
        quantize_static(
            prepared,
            output,
            Reader(given.name, images),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )
    print(f"wrote {output}")


if __name__ == "__main__":
    main()
