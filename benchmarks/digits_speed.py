"""Time a conversion and its result, beside the ANN.

    python -m benchmarks.digits_speed

takes the network that ships in ``examples/digits``; ``--model`` and ``--calibration`` take another.
Times are the least of several runs, with one thread.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import onnx.helper
from rich.console import Console
from rich.table import Table

import onnx2snn
from onnx2snn.data.dataset import dataset
from onnx2snn.runtime.ort import open_runner

if TYPE_CHECKING:
    from collections.abc import Callable

DIGITS = Path(__file__).parents[1] / "examples" / "digits"
TIME_STEPS = (1, 2, 4, 8, 16, 32)


def measure(
    model: Path, calibration: Path, batch_size: int, repeats: int
) -> dict[str, float]:
    """Return the measurements: label, with its unit, to number.

    Args:
        model: The ANN.
        calibration: Its calibration data, which is also what it runs on.
        batch_size: Samples in one run.
        repeats: Times that each run is timed.
    """
    convert = functools.partial(onnx2snn.convert, model, T=8, calibration=calibration)
    conversion = convert()
    plain = functools.partial(convert, corrections=())
    found = {
        "conversion, T = 8, with calibration (s)": _least(convert, 3) / 1000,
        "conversion without corrections (s)": _least(plain, 3) / 1000,
    }
    with tempfile.TemporaryDirectory() as folder:
        snn = Path(folder, "snn.onnx")
        conversion.save(snn)
        found["size of the ANN (kB)"] = model.stat().st_size / 1000
        found["size of the spiking network (kB)"] = snn.stat().st_size / 1000
    found["states (kB a sample)"] = _state_bytes(conversion.model) / 1000
    network = onnx2snn.load(conversion.model, threads=1)
    feeds = next(dataset(calibration, network.inputs).batches(batch_size)).feeds
    ann = open_runner(onnx.load(model), threads=1)
    unit = f"(ms for {batch_size} samples)"
    found[f"ANN {unit}"] = _least(functools.partial(ann, feeds), repeats)
    for t in TIME_STEPS:
        run = functools.partial(network.run, feeds, t)
        found[f"spiking network, T = {t} {unit}"] = _least(run, repeats)
    reference = onnx2snn.load(conversion.model, "numpy")
    run = functools.partial(reference.run, feeds, TIME_STEPS[-1])
    found[f"the same in NumPy, T = {TIME_STEPS[-1]} {unit}"] = _least(run, 3)
    return found


def _state_bytes(model: onnx.ModelProto) -> int:
    """Return the size of all states of one sample, as far as their shapes are declared."""
    (loop,) = [node for node in model.graph.node if node.op_type == "Loop"]
    (body,) = [given.g for given in loop.attribute if given.name == "body"]
    return sum(_bytes_of(value.type.tensor_type) for value in body.input[2:])


def _bytes_of(type_: onnx.TypeProto.Tensor) -> int:
    """Return the size of a tensor of one sample; 0 if its shape is not declared."""
    if not type_.HasField("shape"):
        return 0
    width = onnx.helper.tensor_dtype_to_np_dtype(type_.elem_type).itemsize
    return width * math.prod(dim.dim_value or 1 for dim in type_.shape.dim)


def _least(run: Callable[[], object], repeats: int) -> float:
    """Return the duration of the fastest of several runs, in milliseconds."""
    durations = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run()
        durations.append(1000 * (time.perf_counter() - start))
    return min(durations[1:])  # the first run makes onnxruntime plan its memory


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=DIGITS / "digits.onnx")
    parser.add_argument("--calibration", type=Path, default=DIGITS / "calibration.npz")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead"
    )
    options = parser.parse_args()
    found = measure(
        options.model, options.calibration, options.batch_size, options.repeats
    )
    if options.json:
        print(json.dumps(found))
        return
    table = Table("what", "measured")
    for name, number in found.items():
        table.add_row(name, f"{number:.3g}")
    Console().print(table)


if __name__ == "__main__":
    main()
