"""Train a small VGG or ResNet-18 on MNIST or Fashion-MNIST with an activation of choice.

Writes NAME.pth, NAME.onnx and, one line an epoch, NAME.log to the output folder. An interrupted
training goes on where it stopped, from NAME.checkpoint::

    python examples/train/from_scratch.py --data DATA --set fashion_mnist --activation strelu
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from images import Batches, load
from log import reporter
from networks import resnet18, vgg
from torch import nn

from onnx2snn.torch import (
    QCFS,
    QuantReLU,
    StReLU,
    ThresholdReLU,
    export,
    fine_tune,
    fit_thresholds,
    replace_activations,
)

NETWORKS = {"vgg": vgg, "resnet18": resnet18}
ACTIVATIONS = {
    "relu": (nn.ReLU, {}),
    "leaky": (nn.LeakyReLU, {"negative_slope": 0.1}),
    "threshold": (ThresholdReLU, {}),
    "strelu": (StReLU, {}),
    "qcfs": (QCFS, {"levels": 4}),
    "quant": (QuantReLU, {"bits": 4}),
}


def main() -> None:
    """Train, score, write."""
    arguments = _arguments()
    torch.set_num_threads(
        1
    )  # the order of sums, and so the result, depends on their number
    torch.manual_seed(arguments.seed)
    images = load(arguments.data, arguments.set, arguments.images)
    model = NETWORKS[arguments.network](arguments.width)
    model(images.train[:2])  # the sizes of what is lazy
    activation, options = ACTIVATIONS[arguments.activation]
    replace_activations(model, activation, **options)
    if arguments.activation in {
        "qcfs",
        "quant",
    }:  # others start at 1: that of a normalized current
        fit_thresholds(model, images.train[:256])
    arguments.output.mkdir(parents=True, exist_ok=True)
    name = f"{arguments.set}_{arguments.network}_{arguments.activation}"
    log = arguments.output / f"{name}.log"
    title = f"{name} seed {arguments.seed}"
    shift, mirror = (2, True) if arguments.set == "fashion_mnist" else (2, False)
    fine_tune(
        model,
        Batches(images.train, images.train_labels, shift=shift, mirror=mirror),
        epochs=arguments.epochs,
        learning_rate=arguments.rate,
        seed=arguments.seed,
        checkpoint=arguments.output / f"{name}.checkpoint",
        after_epoch=reporter(title, model, images, log),
    )
    torch.save(model.state_dict(), arguments.output / f"{name}.pth")
    export(model, images.test[:2], arguments.output / f"{name}.onnx", dynamo=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with SET.npz")
    parser.add_argument(
        "--set", choices=("mnist", "fashion_mnist"), default="fashion_mnist"
    )
    parser.add_argument("--network", choices=NETWORKS, default="vgg")
    parser.add_argument(
        "--width", type=int, default=16, help="channels of the first stage"
    )
    parser.add_argument("--activation", choices=ACTIVATIONS, default="strelu")
    parser.add_argument(
        "--output", type=Path, default=Path("trained"), help="where to write"
    )
    parser.add_argument("--images", type=int, help="training images; default: all")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=0.05, help="learning rate")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
