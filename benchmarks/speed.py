"""Time spiking networks in every form, beside their ANN.

    python -m benchmarks.speed --data DIR

takes trained networks of the data folder, and networks of known shapes with seeded weights. It
prints the CPU time of each form as a multiple of one pass of the float32 ANN in onnxruntime. All
forms of a network are run in turns, in one process, so that what else the machine does meets all
of them alike; the median over the turns is shown, with the range of half of them. ``--write``
writes ``docs/results/performance.md`` from what was measured, which is kept in
``benchmarks/speed.json``; ``--only`` names a part of the networks, and leaves what is kept of
others. ``--T`` and ``--threads`` take several numbers; of those other than 8 steps on one thread,
only the forms in which users run a network are timed. With the extra ``peers``, other simulators
run ResNet-20 with the same weights.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx.version_converter
from rich.console import Console
from rich.table import Table

import onnx2snn
from benchmarks.speed_networks import SUBJECTS
from benchmarks.speed_page import ROWS, write_page
from onnx2snn.native import find_library
from onnx2snn.runtime.sessions import open_session, run_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.speed_networks import Subject
    from onnx2snn.runtime import Emitted

TIME_STEPS = 8
OPSET = 17
"""Version for the quantizer: it writes what needs 13, whatever the network has."""

SEED = 0
SAMPLES_TO_CALIBRATE = 4
"""How much a network computes does not depend on its thresholds: a few samples will do."""

ANN = "ANN, float32"


@dataclasses.dataclass(frozen=True)
class Form:
    """One form of a network.

    Attributes:
        name: Name of it in the tables.
        model: The model.
        native: Whether it runs with the native library.
    """

    name: str
    model: onnx.ModelProto
    native: bool = False


@dataclasses.dataclass(frozen=True)
class Setting:
    """How long a network computes, and on how many threads.

    Attributes:
        time_steps: T.
        threads: Threads in an operator.
    """

    time_steps: int = TIME_STEPS
    threads: int = 1


def forms_of(
    ann: onnx.ModelProto, feeds: dict[str, np.ndarray], setting: Setting
) -> list[Form]:
    """Return the ANN, and the spiking network in its forms: in all of them by default."""
    some = {name: data[:SAMPLES_TO_CALIBRATE] for name, data in feeds.items()}
    steps = setting.time_steps
    conversion = onnx2snn.convert(ann, T=steps, calibration=some, corrections=())
    over_time = onnx2snn.change_layout(conversion, "multistep")
    if setting != Setting():
        used = [Form(ANN, ann), Form("Loop", conversion.model)]
        return [*used, *_compiled(over_time)]
    forms = [
        Form(ANN, ann),
        Form("ANN, int8 (QDQ)", quantized(ann, some)),
        Form("Loop", conversion.model),
        Form("time in the batch", over_time.model),
    ]
    if find_library() is not None:
        forms.append(Form("Loop, native neurons", conversion.model, native=True))
    return [*forms, *_compiled(over_time)]


def _compiled(over_time: Emitted) -> list[Form]:
    """Return what the native library runs, if it is there."""
    if find_library() is None:
        return []
    models = {
        name: onnx2snn.compile_network(over_time, name).model
        for name in ("int8", "float")
    }
    return [
        Form(f"compiled, {name} weights", model, native=True)
        for name, model in models.items()
    ]


def quantized(ann: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Return the ANN as onnxruntime's own quantizer makes it int8."""
    from onnxruntime.quantization import quantize_static  # noqa: PLC0415 (slow)
    from onnxruntime.quantization.calibrate import CalibrationDataReader  # noqa: PLC0415

    class Reader(CalibrationDataReader):
        """Hands the feeds out once."""

        def __init__(self) -> None:
            self._feeds = iter([feeds])

        def get_next(self) -> dict[str, np.ndarray] | None:
            """Return the next feeds, None when there are no more."""
            return next(self._feeds, None)

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "ann.onnx"), Path(folder, "int8.onnx")
        onnx.save(onnx.version_converter.convert_version(ann, OPSET), source)
        quantize_static(source, target, Reader(), per_channel=True)
        return onnx.load(target)


def measure(
    subject: Subject, folder: Path, setting: Setting, turns: int
) -> list[dict[str, Any]]:
    """Return what each form of a network takes, for each number of samples.

    Args:
        subject: The network.
        folder: The data folder.
        setting: Steps and threads.
        turns: How often each form is timed.
    """
    ann = subject.make(folder)
    (name, *_) = [value.name for value in ann.graph.input]
    rng = np.random.default_rng(SEED)
    most = max(*subject.batches, SAMPLES_TO_CALIBRATE)
    samples = rng.standard_normal((most, *subject.shape)).astype(np.float32)
    threads = setting.threads
    forms = forms_of(ann, {name: samples}, setting)
    runs = {form.name: runner(form, threads) for form in forms}
    has_peers = subject.weights is not None and setting == Setting()
    if has_peers and importlib.util.find_spec("torch") is not None:
        from benchmarks.speed_peers import peer_runners  # noqa: PLC0415 (needs an extra)

        weights = folder / "nets" / str(subject.weights)
        runs |= peer_runners(weights, TIME_STEPS, threads)
    rows = []
    for batch in subject.batches:
        times = timed(runs, {name: samples[:batch]}, turns)
        rows += [
            {
                "network": subject.name,
                "batch": batch,
                "T": setting.time_steps,
                "threads": threads,
                **row,
            }
            for row in ratios(times)
        ]
    return rows


def runner(form: Form, threads: int) -> Callable[[dict[str, np.ndarray]], object]:
    """Return what runs a form, and gives its outputs."""
    session = open_session(
        form.model, threads=threads, native=form.native, multiplies_bytes=True
    )
    return lambda feeds: run_session(session, feeds)


def timed(
    runs: dict[str, Callable[[dict[str, np.ndarray]], object]],
    feeds: dict[str, np.ndarray],
    turns: int,
) -> dict[str, list[tuple[float, float]]]:
    """Return CPU and wall time of each form in each turn, in seconds; the first turn warms up."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name, run in runs.items():
            cpu, wall = time.process_time(), time.perf_counter()
            run(feeds)
            spent = time.process_time() - cpu, time.perf_counter() - wall
            if turn > 0:
                times[name].append(spent)
    return times


def ratios(times: dict[str, list[tuple[float, float]]]) -> list[dict[str, Any]]:
    """Return the medians, and what they are of one pass of the ANN in the same turn."""
    ann = [cpu for cpu, _ in times[ANN]]
    rows = []
    for name, spent in times.items():
        passes = [cpu / one for (cpu, _), one in zip(spent, ann, strict=True)]
        low, middle, high = statistics.quantiles(passes, n=4)
        rows.append(
            {
                "form": name,
                "milliseconds": 1000 * statistics.median(cpu for cpu, _ in spent),
                "wall": 1000 * statistics.median(wall for _, wall in spent),
                "passes": middle,
                "low": low,
                "high": high,
            }
        )
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """Print what was measured."""
    listed = Table(
        "network", "batch", "T", "threads", "form", "CPU ms", "passes of the ANN"
    )
    for row in rows:
        passes = f"{row['passes']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        setting = [str(row.get(name, "")) for name in ("batch", "T", "threads")]
        cells = row["network"], *setting, row["form"]
        listed.add_row(*cells, f"{row['milliseconds']:.2f}", passes)
    Console().print(listed)


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of networks and images"
    )
    parser.add_argument(
        "--only", nargs="+", default=[], help="networks whose name contains this"
    )
    parser.add_argument(
        "--T", type=int, nargs="+", default=[TIME_STEPS], help="time steps"
    )
    parser.add_argument(
        "--threads", type=int, nargs="+", default=[1], help="threads in an operator"
    )
    parser.add_argument("--turns", type=int, default=15, help="how often each is timed")
    parser.add_argument("--json", action="store_true", help="print JSON instead")
    parser.add_argument("--write", action="store_true", help="write the page")
    options = parser.parse_args()
    chosen = [
        subject
        for subject in SUBJECTS
        if not options.only or any(part in subject.name for part in options.only)
    ]
    settings = [
        Setting(time_steps, threads)
        for threads in options.threads
        for time_steps in options.T
    ]
    rows = []
    for subject in chosen:
        for setting in settings:
            rows += measure(subject, options.data, setting, options.turns)
    if options.json:
        print(json.dumps(rows))
    else:
        show(rows)
    if options.write:
        all_rows = with_known(rows)
        ROWS.write_text(json.dumps(all_rows, indent=1) + "\n")
        write_page(all_rows)


def with_known(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what was measured, with what is known of the others, in the order of networks."""
    measured = {_key_of(row) for row in rows}
    known = json.loads(ROWS.read_text()) if ROWS.exists() else []
    others = [row for row in known if _key_of(row) not in measured]
    order = [subject.name for subject in SUBJECTS]
    return sorted([*rows, *others], key=lambda row: order.index(row["network"]))


def _key_of(row: dict[str, Any]) -> tuple[str, int, int]:
    """Return what was measured together: the network, its steps and threads."""
    return row["network"], row["T"], row["threads"]


if __name__ == "__main__":
    main()
