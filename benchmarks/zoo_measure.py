"""Convert one network for one T and compare what it computes with its ANN.

    python -m benchmarks.zoo_measure DIR zoo/NAME.onnx 32

prints one JSON object. ``benchmarks/zoo.py`` runs it as a process of its own, so that memory is
given back, time is limited and a failure ends nothing else.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

import onnx2snn
from benchmarks.zoo_feeds import feeds
from benchmarks.zoo_networks import CALIBRATION, MEASUREMENT, subject_of
from onnx2snn.data.input_specs import input_specs
from onnx2snn.errors import Onnx2SnnError
from onnx2snn.evaluation.difference import Difference
from onnx2snn.importing import read
from onnx2snn.methods.published import METHODS
from onnx2snn.runtime.ort import open_runner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["figures", "measure"]

_DEFAULT = METHODS[onnx2snn.Options().method]

CALIBRATED, COMPARED = 256, 64
"""Most samples that calibrate, and most that are compared."""


def figures(found: Difference) -> list[float]:
    """Return cosine similarity and relative error, where a table needs a number.

    Two outputs of zeros only are the same: 1 and 0. Where one of them is zero, the figures are 0
    and 1; where entries cannot be compared, not a number.
    """
    if found.not_compared:
        return [math.nan, math.nan]
    cosine, error = found.cosine, found.relative_error
    if error is None:
        error = 1.0
    if cosine is None:
        cosine = 0.0 if error else 1.0
    return [cosine, error]


def measure(folder: Path, file: str, time_steps: int) -> dict[str, object]:
    """Return what one conversion gives, as plain data.

    The keys are ``outputs``: name to cosine and relative error; ``macs``, as in the analysis,
    and ``percent_with_all``: of the multiply-accumulates, driven by spikes with neurons in front
    of all weights; ``calibration`` and ``samples``, counts; ``seconds``, ``megabytes``: of the
    conversion, the latter the peak of the process; ``method``, as asked for, and
    ``form``, as kept. Or ``refused`` alone, the error.

    Args:
        folder: The data folder.
        file: The network, below it.
        time_steps: T.
    """
    subject, path = subject_of(file), folder / file
    try:
        source = read(path)
        specs = input_specs(source.model)
        calibration = feeds(
            subject, specs, folder, CALIBRATION, CALIBRATED, time_steps=time_steps
        )
        start = time.perf_counter()
        conversion = onnx2snn.convert(
            str(path), T=time_steps, calibration=calibration.feeds
        )
    except Onnx2SnnError as error:
        return {"refused": f"{type(error).__name__}: {error}"}
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    samples = feeds(
        subject, specs, folder, MEASUREMENT, COMPARED, time_steps=time_steps
    )
    found = _compare(source.model, conversion, samples.feeds)
    analysis = conversion.report["analysis"]
    return {
        "outputs": {name: figures(each) for name, each in found.items()},
        "macs": analysis["macs"],
        "percent_with_all": analysis["spike_driven_percent_with_all"],
        "calibration": calibration.samples,
        "samples": samples.samples,
        "seconds": round(seconds, 1),
        "megabytes": round(peak / 1024),
        "method": _DEFAULT.describe(_DEFAULT.corrections),
        "form": _form_of(conversion),
    }


def _form_of(conversion: onnx2snn.Conversion) -> str:
    held_out = conversion.report["held_out"]
    return "corrected" if held_out is None else held_out["kept"]


def _compare(
    ann: ir.Model,
    conversion: onnx2snn.Conversion,
    samples: Iterable[Mapping[str, np.ndarray]],
) -> dict[str, Difference]:
    network = onnx2snn.load(conversion.model)
    reference = open_runner(ir.to_proto(ann))
    found = {name: Difference() for name in network.outputs}
    for feed in samples:
        outputs = network.run(feed)
        for name, expected in zip(network.outputs, reference(feed), strict=True):
            found[name].add(np.asarray(expected), np.asarray(outputs[name]))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of networks and images")
    parser.add_argument("file", help="the network, below the folder")
    parser.add_argument("time_steps", type=int, help="T")
    options = parser.parse_args()
    print(json.dumps(measure(options.data, options.file, options.time_steps)))


if __name__ == "__main__":
    main()
