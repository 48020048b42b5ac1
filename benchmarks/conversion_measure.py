"""Convert one network of seeded weights, and tell what it took.

    python -m benchmarks.conversion_measure 64 --images 64 --T 8

prints one JSON object. ``benchmarks/conversion.py`` runs it as a process of its own, whose peak of
memory is that of one conversion.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from typing import Any

import numpy as np

import onnx2snn
from benchmarks.speed_networks import SEED, bottleneck_network
from onnx2snn.data.synthetic import image_noise

__all__ = ["measure"]


def measure(width: int, images: int, time_steps: int) -> dict[str, Any]:
    """Return what a conversion with the default options takes, as plain data.

    The keys are ``megabytes_of_weights``; ``seconds``, on the clock; ``cpu_seconds``, of all
    threads; ``peak_megabytes``, of the process; and ``seed``, of weights and images.

    Args:
        width: Channels of the first layer of the network.
        images: Number of calibration images, 224 x 224, of noise with a natural spectrum.
        time_steps: T.
    """
    ann = bottleneck_network(width)
    rng = np.random.default_rng(SEED)
    noise = image_noise((images, 3, 224, 224), rng)
    calibration = noise.astype(np.float32)
    cpu, wall = time.process_time(), time.perf_counter()
    onnx2snn.convert(ann, T=time_steps, calibration=calibration)
    spent = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "width": width,
        "megabytes_of_weights": round(ann.ByteSize() / 1e6, 1),
        "images": images,
        "T": time_steps,
        "cpu_seconds": round(spent[0], 1),
        "seconds": round(spent[1], 1),
        "peak_megabytes": round(peak / 1024),
        "seed": SEED,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("width", type=int, help="channels of the first layer")
    parser.add_argument("--images", type=int, default=64, help="calibration images")
    parser.add_argument("--T", type=int, default=8, help="number of time steps")
    options = parser.parse_args()
    print(json.dumps(measure(options.width, options.images, options.T)))


if __name__ == "__main__":
    main()
