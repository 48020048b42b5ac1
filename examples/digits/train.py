"""Train the demo network and write the three files that ``demo.py`` reads.

The data are the UCI optical digits that scikit-learn carries (1,797 images of 8 x 8 pixels,
gray levels 0 to 16). 500 of them, drawn per class with a fixed seed, are held out: they are
neither trained on nor used to choose anything, and become ``test.npz``. The first 256 of the
others, in shuffled order, become ``calibration.npz``.

The network is exported with its BatchNormalization nodes in evaluation mode and unfolded,
as many real files have them, so that converting it exercises the folding passes as well.

Run it from anywhere, with the ``test`` extra installed; one CPU core needs under two minutes::

    python examples/digits/train.py
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

HERE = Path(__file__).parent
SEED = 2022
HELD_OUT = 500
CALIBRATION = 256
BATCH = 64


class SpikeWeights(nn.Module):
    """A small residual CNN for 8 x 8 images: four Conv-BN, two MaxPool, one Add, one Linear."""

    def __init__(self, channels: int = 32, classes: int = 10) -> None:
        """Create the network; ``channels`` is the width of the first half."""
        super().__init__()
        self.stem = _conv_bn(1, channels)
        self.left = _conv_bn(channels, channels)
        self.right = _conv_bn(channels, channels)
        self.wide = _conv_bn(channels, 2 * channels)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(2 * channels * 2 * 2, classes)

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits, shape [N, 10], of ``image``, shape [N, 1, 8, 8], range 0 to 1."""
        x = self.pool(self.relu(self.stem(image)))
        x = self.relu(x + self.right(self.relu(self.left(x))))
        x = self.pool(self.relu(self.wide(x)))
        logits: Tensor = self.head(torch.flatten(x, 1))
        return logits


def _conv_bn(channels: int, filters: int) -> nn.Sequential:
    conv = nn.Conv2d(channels, filters, kernel_size=3, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(filters))


def split() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return training images, held-out images, training labels and held-out labels."""
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[:, None]
    labels = digits.target.astype(np.int64)
    parts = train_test_split(
        images, labels, test_size=HELD_OUT, stratify=labels, random_state=SEED
    )
    x_train, x_test, y_train, y_test = (torch.from_numpy(part) for part in parts)
    return x_train, x_test, y_train, y_test


def train(model: nn.Module, images: Tensor, labels: Tensor, *, epochs: int) -> None:
    """Fit ``model`` with AdamW, a one-cycle rate and shifts by at most one pixel."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    steps = -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=5e-3, total_steps=epochs * steps
    )
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            logits = model(_shifted(images[rows]))
            nn.functional.cross_entropy(
                logits, labels[rows], label_smoothing=0.05
            ).backward()
            optimizer.step()
            schedule.step()
    model.eval()


def _shifted(images: Tensor) -> Tensor:
    """Return a batch moved as a whole by -1, 0 or 1 pixels each way, zeros moving in."""
    down, right = torch.randint(0, 3, (2,)).tolist()
    padded = nn.functional.pad(images, (1, 1, 1, 1))
    return padded[:, :, down : down + images.shape[2], right : right + images.shape[3]]


@torch.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the percentage of ``images`` that ``model`` labels rightly."""
    return 100 * (model(images).argmax(1) == labels).double().mean().item()


def export(model: nn.Module, path: Path) -> None:
    """Write ``model`` as ONNX with batch size ``N`` and its BatchNormalization nodes kept."""
    with warnings.catch_warnings():
        # The classic exporter is deprecated, but it can be told to keep BatchNormalization.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model,
            (torch.zeros(2, 1, 8, 8),),
            str(path),
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
            opset_version=17,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            dynamo=False,
        )


def main() -> None:
    """Train, print the held-out accuracy, and write the files."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument(
        "--epochs", type=int, default=40, help="passes over the training images"
    )
    parser.add_argument(
        "--output", type=Path, default=HERE, help="folder the files go to"
    )
    options = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # the order of float sums, hence the file, depends on it
    torch.use_deterministic_algorithms(mode=True)
    x_train, x_test, y_train, y_test = split()
    model = SpikeWeights()
    train(model, x_train, y_train, epochs=options.epochs)
    print(
        f"training images {accuracy(model, x_train, y_train):.2f} % of {len(x_train)}"
    )
    print(f"held-out images {accuracy(model, x_test, y_test):.2f} % of {len(x_test)}")
    export(model, options.output / "digits.onnx")
    np.savez_compressed(
        options.output / "test.npz", image=x_test.numpy(), y=y_test.numpy()
    )
    np.savez_compressed(
        options.output / "calibration.npz", image=x_train[:CALIBRATION].numpy()
    )


if __name__ == "__main__":
    main()
