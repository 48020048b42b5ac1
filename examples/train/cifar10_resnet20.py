"""Fine-tune the public CIFAR-10 ResNet-20 with an activation that spikes can follow.

Writes NAME.pth, NAME.onnx and, one line an epoch, NAME.log to the output folder. An interrupted
training goes on where it stopped, from NAME.checkpoint::

    python examples/train/cifar10_resnet20.py --data DATA --activation qcfs --levels 4
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import torch
from images import Batches, load
from log import reporter
from networks import CifarResNet20

from onnx2snn.torch import (
    QCFS,
    StReLU,
    export,
    fine_tune,
    fit_thresholds,
    replace_activations,
)


def main() -> None:
    """Train, score, write."""
    arguments = _arguments()
    torch.set_num_threads(
        1
    )  # the order of sums, and so the result, depends on their number
    images = load(arguments.data, "cifar10", arguments.images)
    model = CifarResNet20()
    weights = arguments.weights or arguments.data / "nets" / "cifar10_resnet20.pth"
    model.load_state_dict(torch.load(weights, weights_only=True))
    teacher = copy.deepcopy(model).eval()
    if arguments.activation == "qcfs":
        replace_activations(model, QCFS, levels=arguments.levels)
    else:
        replace_activations(model, StReLU)
    fit_thresholds(model, images.train[:256], per_channel=arguments.per_channel)
    name = (
        arguments.name or f"cifar10_resnet20_{arguments.activation}{arguments.levels}"
    )
    arguments.output.mkdir(parents=True, exist_ok=True)
    log = arguments.output / f"{name}.log"
    fine_tune(
        model,
        Batches(images.train, images.train_labels, shift=4, mirror=True),
        epochs=arguments.epochs,
        learning_rate=arguments.rate,
        threshold_rate=arguments.threshold_rate,
        weight_decay=arguments.decay,
        teacher=teacher,
        seed=arguments.seed,
        checkpoint=arguments.output / f"{name}.checkpoint",
        after_epoch=reporter(str(vars(arguments)), model, images, log),
    )
    torch.save(model.state_dict(), arguments.output / f"{name}.pth")
    export(model, images.test[:2], arguments.output / f"{name}.onnx", dynamo=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with cifar10.npz"
    )
    parser.add_argument(
        "--weights", type=Path, help="state dict; default: DATA/nets/..."
    )
    parser.add_argument(
        "--output", type=Path, default=Path("trained"), help="where to write"
    )
    parser.add_argument(
        "--name", help="name of the files; default: from the activation"
    )
    parser.add_argument("--activation", choices=("qcfs", "strelu"), default="qcfs")
    parser.add_argument("--levels", type=int, default=4, help="steps of QCFS")
    parser.add_argument(
        "--per-channel", action="store_true", help="a threshold a channel"
    )
    parser.add_argument("--images", type=int, help="training images; default: all")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rate", type=float, default=0.008, help="learning rate")
    parser.add_argument("--threshold-rate", type=float, default=0.003)
    parser.add_argument("--decay", type=float, default=1e-4, help="weight decay")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
