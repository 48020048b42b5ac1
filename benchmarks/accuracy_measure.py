"""Convert one network with one method for one T, and score it.

    python -m benchmarks.accuracy_measure DIR resnet20 auto 8 --images 1017

prints one JSON object. ``benchmarks/accuracy.py`` runs it as a process of its own.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx2snn
from benchmarks.accuracy_rows import MEASURED, fastest_layout
from benchmarks.efficientnet import SUFFIX, export_efficientnet
from benchmarks.networks import NETWORKS, load_images
from benchmarks.peers import measure_peer
from benchmarks.spikes import spikes_per_neuron

if TYPE_CHECKING:
    from benchmarks.networks import Images, Network
    from onnx2snn.methods.method import Method

__all__ = ["COUNTED", "measure"]

COUNTED = 64
"""Most test images on which spikes are counted: the mean over neurons needs no more."""


def measure(
    network: Network, folder: Path, row: str, time_steps: int, limit: int | None = None
) -> dict[str, Any]:
    """Return what one conversion gives, as plain data.

    The keys are ``top1`` and ``ann``, accuracies in percent; ``spikes``, of a neuron for one image
    in all steps; ``latency_steps``; ``weight_passes``; ``seconds``, of the conversion;
    ``calibration`` and ``images``, counts; and ``origins``, where the thresholds come from.

    Args:
        network: The network to convert.
        folder: The data folder.
        row: One of ``MEASURED``.
        time_steps: T.
        limit: Most test images that are scored; None for all that the network names.

    Raises:
        Onnx2SnnError: The method cannot convert the network.
    """
    images = load_images(network, folder, limit)
    method = MEASURED[row]
    if method is None:
        found = measure_peer(folder / network.weights, row, time_steps, images)
        found |= {"latency_steps": time_steps, "weight_passes": time_steps}
        found["origins"] = ("calibration",)
    else:
        found = _measure(
            network, _model(folder / network.file), method, time_steps, images
        )
    calibration = 0 if images.calibration is None else len(images.calibration)
    return found | {"calibration": calibration, "images": len(images.test)}


def _measure(
    network: Network,
    model: str | bytes,
    method: Method,
    time_steps: int,
    images: Images,
) -> dict[str, Any]:
    start = time.perf_counter()
    # Step by step, so that there are spikes to count: in closed form there are only their sums.
    is_layerwise = method.schedule == "layerwise"
    conversion = onnx2snn.convert(
        model,
        T=time_steps,
        calibration=images.calibration,
        method=method,
        spike=network.spike,
        layout=fastest_layout(method),
        collapse=not is_layerwise,
    )
    seconds = time.perf_counter() - start
    data = {"x": images.test, "y": images.labels}
    snn, report = conversion.model, conversion.report
    score = onnx2snn.evaluate(snn, data, ann=model, T=time_steps, threads=1)
    return {
        "top1": score.top1[time_steps],
        "ann": score.ann_top1,
        "spikes": spikes_per_neuron(snn, {"x": images.test[:COUNTED]}, threads=1),
        "latency_steps": report["latency_steps"],
        "weight_passes": report["weight_passes"],
        "seconds": seconds,
        "origins": sorted({layer["threshold_origin"] for layer in report["layers"]}),
    }


def _model(path: Path) -> str | bytes:
    if path.suffix == SUFFIX:
        return export_efficientnet(path.stem)
    if path.suffix != ".pth":
        return str(path)
    from benchmarks.resnet20 import export_with_batch_norm  # noqa: PLC0415 (needs torch)

    return export_with_batch_norm(path)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of networks and images")
    parser.add_argument("network", choices=[network.name for network in NETWORKS])
    parser.add_argument("method", choices=MEASURED)
    parser.add_argument("T", type=int, help="number of time steps")
    parser.add_argument("--images", type=int, help="score so many test images at most")
    options = parser.parse_args()
    (network,) = (each for each in NETWORKS if each.name == options.network)
    print(
        json.dumps(
            measure(network, options.data, options.method, options.T, options.images)
        )
    )


if __name__ == "__main__":
    main()
