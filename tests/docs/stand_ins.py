"""Small files and values under the names that the documentation uses."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx.numpy_helper
import onnx.parser

from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SAMPLES = 32
CLASSES = 4
EVENT_STEPS = 8

NETWORK = """
<ir_version: 8, opset_import: ["" : 17]>
network (float[N,1,8,8] input) => (float[N,4] output) {
    [stem] c = Conv <pads = [1, 1, 1, 1]> (input, w1, b1)
    [gate] a = Relu (c)
    [boxes] d = Conv (a, w2, b2)
    [last] e = Relu (d)
    [pool] p = GlobalAveragePool (e)
    [flat] f = Flatten (p)
    [head] output = Gemm <transB = 1> (f, w3, b3)
}
"""

QUANTIZED = """
<ir_version: 8, opset_import: ["" : 17]>
quantized (float[N,1,8,8] input) => (float[N,4,4,4] output)
<float scale = {0.02}, uint8 zero = {0}> {
    c = Conv (input, w1, b1)
    r = Relu (c)
    q = QuantizeLinear (r, scale, zero)
    a = DequantizeLinear (q, scale, zero)
    output = Conv (a, w2, b2)
}
"""

KERAS = """
<ir_version: 8, opset_import: ["" : 17]>
keras (float[N,8,8,1] image) => (float[N,10] logits) {
    t = Transpose <perm = [0, 3, 1, 2]> (image)
    c = Conv <pads = [1, 1, 1, 1]> (t, w1, b1)
    u = Transpose <perm = [0, 2, 3, 1]> (c)
    a = Relu (u)
    v = Transpose <perm = [0, 3, 1, 2]> (a)
    d = Conv (v, w2, b2)
    w = Transpose <perm = [0, 2, 3, 1]> (d)
    e = Relu (w)
    f = Flatten (e)
    logits = Gemm (f, w4)
}
"""

WEIGHTS = {
    "w1": (3, 1, 3, 3),
    "b1": (3,),
    "w2": (4, 3, 3, 3),
    "b2": (4,),
    "w3": (4, 4),
    "b3": (4,),
    "w4": (144, 10),
}
"""Initializers of the networks, and their shapes."""


def write_files(folder: Path) -> None:
    """Write networks and data, and the examples as a checkout has them."""
    network = network_bytes(NETWORK)
    for name in ("resnet.onnx", "model.onnx", "ann.onnx", "camera.onnx"):
        (folder / name).write_bytes(network)
    (folder / "quantized.onnx").write_bytes(network_bytes(QUANTIZED))
    (folder / "keras.onnx").write_bytes(network_bytes(KERAS))
    images, labels = pictures()
    for name in ("calib.npz", "c.npz", "train.npz"):
        np.savez(folder / name, input=images)
    np.savez(folder / "test.npz", input=images, y=labels)
    np.savez(folder / "events.npz", input=np.stack([images] * EVENT_STEPS, axis=1))
    shutil.copytree(ROOT / "examples", folder / "examples")


def network_bytes(text: str) -> bytes:
    """Return the network in ``text`` with random weights."""
    network = onnx.parser.parse_model(text)
    rng = np.random.default_rng(0)
    arrays = {
        name: (rng.standard_normal(shape) / 2).astype(np.float32)
        for name, shape in WEIGHTS.items()
    }
    used = {name for node in network.graph.node for name in node.input}
    network.graph.initializer.extend(
        onnx.numpy_helper.from_array(array, name)
        for name, array in arrays.items()
        if name in used
    )
    return network.SerializeToString()


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Return images [N, 1, 8, 8] and the numbers of their classes [N]."""
    rng = np.random.default_rng(1)
    images = rng.standard_normal((SAMPLES, 1, 8, 8)).astype(np.float32)
    return images, np.arange(SAMPLES) % CLASSES


def names_for(page: str) -> dict[str, Any]:
    """Return the names that the Python blocks of a page use without defining them."""
    images, labels = pictures()
    if page == "docs/howto/train.md":
        return torch_names(images, labels)
    return {"images": images, "labels": labels}


def torch_names(images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return a PyTorch network, its images, and batches of images and labels."""
    import torch  # noqa: PLC0415 (seconds, and one page needs it)
    from torch import nn  # noqa: PLC0415

    network = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, CLASSES)
    )
    tensors = torch.from_numpy(images), torch.from_numpy(labels)
    return {"model": network, "images": tensors[0], "loader": [tensors]}
