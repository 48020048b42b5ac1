"""Compare the outputs of converted networks with the ANN's, on images that neither was made with.

    python -m benchmarks.output_error --data DIR --network resnet20 --method augmapping --T 1 4

converts with each of some disjoint sets of training images, and prints for each the squared error
of the outputs on other training images, as a part of the squared outputs of the ANN, and how many
answers agree. Needs no labels and leaves the test images alone. The error varies little from set
to set where accuracies vary by a point, so it is what choices between methods are made by.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

import onnx2snn
from benchmarks.accuracy_rows import MEASURED, fastest_layout
from benchmarks.networks import NETWORKS
from benchmarks.zoo_measure import figures
from onnx2snn.evaluation.difference import Difference
from onnx2snn.evaluation.outputs import outputs_on
from onnx2snn.methods.delays import DELAYS

if TYPE_CHECKING:
    import onnx

    from benchmarks.networks import Network

__all__ = ["Distance", "ann_outputs", "difference", "training_images"]


@dataclasses.dataclass(frozen=True)
class Distance:
    """Distance of a converted network from its ANN.

    Attributes:
        error: Squared error of the outputs, as a part of the squared outputs of the ANN.
        agreement: Percentage of images with the same answer.
    """

    error: float
    agreement: float


def training_images(
    network: Network, folder: Path, sets: int, size: int, unseen: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return preprocessed training images: sets to calibrate with, from the first on, and others.

    Args:
        network: Whose images.
        folder: The data folder.
        sets: Number of sets.
        size: Images in a set.
        unseen: Number of others, the last ones.

    Raises:
        ValueError: There are not that many training images.
    """
    with np.load(folder / network.images) as arrays:
        images = arrays["x_train"] if "x_train" in arrays else np.empty(0)
    if len(images) < sets * size + unseen:
        message = f"{network.images} has {len(images)} training images: too few"
        raise ValueError(message)
    chosen = [images[start : start + size] for start in range(0, sets * size, size)]
    return [network.preprocess(each) for each in chosen], network.preprocess(
        images[-unseen:]
    )


def ann_outputs(ann: Path, images: np.ndarray) -> np.ndarray:
    """Return what a classifier with one input and one output says of ``images``, [N, classes]."""
    session = onnxruntime.InferenceSession(ann)
    (outputs,) = session.run(None, {session.get_inputs()[0].name: images})
    return outputs


def difference(
    snn: onnx.ModelProto, images: np.ndarray, wanted: np.ndarray
) -> Distance:
    """Return how far a converted network is from its ANN.

    Args:
        snn: An emitted network.
        images: Images to compare on.
        wanted: Outputs of the ANN on them, [N, classes].
    """
    (found,) = outputs_on(onnx2snn.load(snn), images).values()
    assert isinstance(found, np.ndarray)
    compared = Difference()
    compared.add(wanted, found)
    _, error = figures(compared)
    same = found.argmax(axis=1) == wanted.argmax(axis=1)
    return Distance(error=error**2, agreement=100 * float(same.mean()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of networks and images"
    )
    possible = [network.name for network in NETWORKS if network.file.endswith(".onnx")]
    parser.add_argument("--network", choices=possible, default="resnet20")
    ours = [name for name, method in MEASURED.items() if method is not None]
    parser.add_argument("--method", choices=ours, default="auto")
    parser.add_argument(
        "--corrections", help="in the place of the method's own, with commas"
    )
    parser.add_argument("--leak", type=float, help="likewise")
    parser.add_argument("--delays", choices=DELAYS, help="likewise")
    parser.add_argument("--v-init", type=float, help="likewise")
    parser.add_argument(
        "--T", type=int, nargs="+", default=[4], help="numbers of time steps"
    )
    parser.add_argument(
        "--sets", type=int, default=2, help="sets of calibration images"
    )
    parser.add_argument("--size", type=int, default=512, help="images in a set")
    parser.add_argument("--images", type=int, default=1500, help="images to compare on")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = _options()
    (network,) = (each for each in NETWORKS if each.name == options.network)
    sets, images = training_images(
        network, options.data, options.sets, options.size, options.images
    )
    ann, method = options.data / network.file, MEASURED[options.method]
    assert method is not None  # ours
    wanted = ann_outputs(ann, images)
    for time_steps in options.T:
        for number, calibration in enumerate(sets, start=1):
            conversion = onnx2snn.convert(
                ann,
                time_steps,
                calibration,
                method=method,
                corrections=options.corrections,
                leak=options.leak,
                delays=options.delays,
                v_init=options.v_init,
                layout=fastest_layout(method),
            )
            found = difference(conversion.model, images, wanted)
            print(
                f"{options.network} {conversion.report['method']}, T={time_steps}, set {number}: "
                f"error {found.error:.4f}, {found.agreement:.2f} % agree",
                flush=True,
            )


if __name__ == "__main__":
    main()
