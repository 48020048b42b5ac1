"""Time the portable forms of spiking networks, in stock onnxruntime, beside their ANN.

    python -m benchmarks.portable_speed --data DIR

runs the files that need no library of ours: the Loop, the Loop with folded thresholds, time in the
batch, and layers in closed form, in turns within one process. It prints the CPU time of each as a
multiple of one pass of the float32 ANN on the same samples. ``--T`` takes several numbers of steps;
``--write`` writes the part of ``docs/results/performance.md`` that is about them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import onnx2snn
from benchmarks.pages import machine, replace_part, table
from benchmarks.speed import (
    ANN,
    SAMPLES_TO_CALIBRATE,
    SEED,
    Form,
    ratios,
    runner,
    show,
    timed,
)
from benchmarks.speed_networks import SUBJECTS
from benchmarks.speed_page import PAGE

if TYPE_CHECKING:
    import onnx

    from benchmarks.speed_networks import Subject

START = "<!-- portable speed: written by benchmarks/portable_speed.py -->"
END = "<!-- end of portable speed -->"
NETWORKS = ("ResNet-20", "MobileNetV2")


def forms_of(
    ann: onnx.ModelProto, feeds: dict[str, np.ndarray], time_steps: int
) -> list[Form]:
    """Return the ANN, and the spiking networks that stock onnxruntime runs."""
    options: dict[str, dict[str, Any]] = {
        "Loop": {},
        "Loop, folded thresholds": {"fold_thresholds": True},
        "time in the batch, folded thresholds": {
            "fold_thresholds": True,
            "layout": "multistep",
        },
        "layer by layer, in closed form": {"method": "spikeconverter"},
    }
    forms = [Form(ANN, ann)]
    for name, chosen in options.items():
        found = onnx2snn.convert(
            ann, T=time_steps, calibration=feeds, corrections=(), **chosen
        )
        forms.append(Form(name, found.model))
    return forms


def measure(
    subject: Subject, options: argparse.Namespace, time_steps: int
) -> list[dict[str, Any]]:
    """Return what each form of a network takes for so many steps, for each batch."""
    ann = subject.make(options.data)
    name = ann.graph.input[0].name
    rng = np.random.default_rng(SEED)
    most = max(*subject.batches, SAMPLES_TO_CALIBRATE)
    samples = rng.standard_normal((most, *subject.shape)).astype(np.float32)
    some = {name: samples[:SAMPLES_TO_CALIBRATE]}
    forms = forms_of(ann, some, time_steps)
    runs = {form.name: runner(form, options.threads) for form in forms}
    rows = []
    for batch in subject.batches:
        times = timed(runs, {name: samples[:batch]}, options.turns)
        network = f"{subject.name}, T = {time_steps}"
        rows += [{"network": network, "batch": batch, **row} for row in ratios(times)]
    return rows


def write_part(rows: list[dict[str, Any]], threads: int) -> None:
    """Write the table into its part of the page on performance."""
    columns = list(dict.fromkeys((row["network"], row["batch"]) for row in rows))
    forms = list(dict.fromkeys(row["form"] for row in rows))
    cells = {(row["form"], row["network"], row["batch"]): row for row in rows}
    head = ["form", *(f"{network}, batch {batch}" for network, batch in columns)]
    lines = [
        [form, *(_cell(cells[form, *column]) for column in columns)] for form in forms
    ]
    introduction = f"""\
CPU time in passes of the float32 ANN, median and range of half of all turns, threads: {threads}.
Measured by

```console
$ python -m benchmarks.portable_speed --data DIR --only ResNet-20 --turns 4 --write
```

Machine: {machine()}; it was shared, and busy.

"""
    replace_part(PAGE, START, END, introduction + table(head, lines))


def _cell(row: dict[str, Any]) -> str:
    return f"{row['passes']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of networks")
    parser.add_argument(
        "--only", nargs="+", default=NETWORKS, help="networks whose name contains this"
    )
    parser.add_argument("--T", type=int, nargs="+", default=[8], help="time steps")
    parser.add_argument("--threads", type=int, default=1, help="threads in an operator")
    parser.add_argument("--turns", type=int, default=7, help="how often each is timed")
    parser.add_argument("--write", action="store_true", help="write the page")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for subject in SUBJECTS:
        if not any(part in subject.name for part in options.only):
            continue
        for time_steps in options.T:
            rows += measure(subject, options, time_steps)
    show(rows)
    if options.write:
        write_part(rows, options.threads)


if __name__ == "__main__":
    main()
