"""Small regression networks, with and without calibration data: does it ever do harm?

    python -m benchmarks.regressors

trains networks 6-64-64-3 on three functions, converts each with different numbers of calibration
samples and without any, and prints the relative error of the spiking network against its ANN on
samples that neither has seen. Needs PyTorch; seed 0.
"""

from __future__ import annotations

import argparse
import io
import itertools
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from rich.console import Console
from rich.table import Table
from torch import nn

import onnx2snn
from onnx2snn.runtime.ort import open_runner

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = 0
INPUTS, OUTPUTS, WIDTH = 6, 3, 64
UNSEEN = 400
ACTIVATIONS = {"GELU": nn.GELU, "LeakyReLU": nn.LeakyReLU, "ReLU": nn.ReLU}


def _linear(x: torch.Tensor) -> torch.Tensor:
    columns = 0.3 * x.sum(dim=1), x[:, 0] - x[:, 1], 0.5 * x[:, 2]
    return torch.stack(columns, dim=1)


def _steep(x: torch.Tensor) -> torch.Tensor:
    columns = torch.tanh(4 * x[:, 0]), (x[:, 1] > 0).float(), x[:, 2]
    return torch.stack(columns, dim=1)


def _products(x: torch.Tensor) -> torch.Tensor:
    columns = x[:, 0] * x[:, 1], x[:, 2] ** 2, x[:, 3]
    return torch.stack(columns, dim=1)


FUNCTIONS = {"linear": _linear, "steep": _steep, "products": _products}


def trained(
    activation: type[nn.Module], function: Callable[[torch.Tensor], torch.Tensor]
) -> onnx.ModelProto:
    """Return a network that was trained on a function of six numbers."""
    torch.manual_seed(SEED)
    network = nn.Sequential(
        nn.Linear(INPUTS, WIDTH),
        activation(),
        nn.Linear(WIDTH, WIDTH),
        activation(),
        nn.Linear(WIDTH, OUTPUTS),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    x = torch.randn(2048, INPUTS)
    y = function(x)
    for _ in range(400):
        optimizer.zero_grad()
        loss = ((network(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
    buffer = io.BytesIO()
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, INPUTS),),
        buffer,
        dynamo=False,
        opset_version=20,
        input_names=["x"],
        output_names=["y"],
        dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
    )
    return onnx.load_from_string(buffer.getvalue())


def measure(
    ann: onnx.ModelProto, time_steps: int, samples: int, **options: object
) -> tuple[float, str]:
    """Return the relative error on unseen samples, and which form of the network was kept.

    Args:
        ann: The network.
        time_steps: T.
        samples: Number of calibration samples, 0 for none.
        options: Options of the conversion.
    """
    rng = np.random.default_rng(SEED)
    unseen = rng.standard_normal((UNSEEN, INPUTS)).astype(np.float32)
    data = rng.standard_normal((samples, INPUTS)).astype(np.float32)
    calibration = {"x": data} if samples else None
    snn = onnx2snn.convert(ann, T=time_steps, calibration=calibration, **options)
    (expected,) = open_runner(ann)({"x": unseen})
    found = onnx2snn.load(snn).run({"x": unseen})["y"]
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    compared = snn.report["held_out"]
    return float(error), "" if compared is None else compared["kept"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--T", type=int, nargs="+", default=(32, 128))
    parser.add_argument("--samples", type=int, nargs="+", default=(32, 128, 512))
    options = parser.parse_args()
    head = "activation", "function", "T", "samples", "no data", "all data", "held out"
    listed = Table(*head, "kept")
    for name, label in itertools.product(ACTIVATIONS, FUNCTIONS):
        ann = trained(ACTIVATIONS[name], FUNCTIONS[label])
        for steps in options.T:
            without, _ = measure(ann, steps, 0)
            for samples in options.samples:
                always, _ = measure(ann, steps, samples, hold_out=False)
                checked, kept = measure(ann, steps, samples)
                errors = [f"{error:.4f}" for error in (without, always, checked)]
                listed.add_row(name, label, str(steps), str(samples), *errors, kept)
    Console(width=100).print(listed)


if __name__ == "__main__":
    main()
