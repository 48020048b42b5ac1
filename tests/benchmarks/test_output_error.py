from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx.parser
import pytest

import onnx2snn
from benchmarks.networks import NETWORKS
from benchmarks.output_error import ann_outputs, difference, training_images

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = next(network for network in NETWORKS if network.name == "mnist-conv-maxpool")
ANN = """
<ir_version: 8, opset_import: ["" : 17]>
net (float[N,1,2,2] x) => (float[N,4] y) { f = Flatten (x)  y = Relu (f) }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a data folder with 10 images, each of one value, 10 times its number."""
    pixels = np.repeat(np.arange(10, dtype=np.uint8) * 10, 4).reshape(10, 2, 2)
    np.savez(tmp_path / NETWORK.images, x_train=pixels)
    onnx.save(onnx.parser.parse_model(ANN), tmp_path / "ann.onnx")
    return tmp_path


def test_the_sets_and_the_other_images_are_disjoint(folder: Path) -> None:
    sets, others = training_images(NETWORK, folder, sets=2, size=3, unseen=4)
    numbers = [
        np.rint(each[:, 0, 0, 0] * 255 / 10).tolist() for each in (*sets, others)
    ]
    assert numbers == [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]


def test_too_few_images_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"mnist\.npz has 10 training images: too few"):
        training_images(NETWORK, folder, sets=2, size=3, unseen=5)


def test_the_error_is_that_of_the_quantizer(folder: Path) -> None:
    """Of two steps up to 1: 0.75 becomes 1, by v_init = 1/2, and 0.5 and 1 are met."""
    images = np.array([[0.5, 1, 0, 0], [0.75, 0.5, 0, 1]], np.float32).reshape(
        2, 1, 2, 2
    )
    ann = folder / "ann.onnx"
    snn = onnx2snn.convert(ann, 2, images, method="opi").model
    found = difference(snn, images, ann_outputs(ann, images))
    assert found.error == pytest.approx(0.25**2 / (0.5**2 + 1 + 0.75**2 + 0.5**2 + 1))
    assert found.agreement == 50.0  # of two ones the first is the answer
