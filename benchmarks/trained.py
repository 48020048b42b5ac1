"""Score networks that were trained for spikes: neurons, schedules, spikes and energy.

    python -m benchmarks.trained --data DIR --networks TRAINED --write

takes each ``TRAINED/SET_NAME.onnx`` that the scripts in ``examples/train/`` wrote, SET being
``cifar10``, ``mnist`` or ``fashion_mnist``, converts it for each row and T, and prints accuracy,
spikes and energy. Thresholds come from the file where the network was trained with some, else from
calibration images. With ``--write`` they are kept in ``benchmarks/trained.json``, beside what is
known of the same files, and ``docs/results/trained.md`` is written from that.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx2snn
from benchmarks.networks import IMAGENET_STATISTICS, Images, Network, gray, load_images
from benchmarks.pages import grouped, machine, table
from benchmarks.spikes import spikes_per_neuron
from onnx2snn.methods.published import Method
from onnx2snn.reporting.energy import AC_PJ

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

TIME_STEPS = (2, 4, 8, 16)
CALIBRATED, COUNTED = 512, 64
"""Images that calibrate, and on which spikes are counted."""

ROWS = Path(__file__).with_name("trained.json")
PAGE = Path(__file__).parents[1] / "docs" / "results" / "trained.md"

PREPROCESS = {
    "cifar10": IMAGENET_STATISTICS,
    "mnist": gray(0.1307, 0.3081),
    "fashion_mnist": gray(0.2860, 0.3530),
}
"""Data set to what the training scripts do to its images."""

_ALL = ("weights", "threshold-scaling", "bias")
METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method("plain", neuron="if"),
        Method("plain, corrected", neuron="if", corrections=_ALL),
        Method("plain, layerwise", neuron="if", schedule="layerwise"),
        Method("gated"),
        Method("gated, no data"),
        Method("gated, corrected", corrections=_ALL),
        Method("gated, layerwise", schedule="layerwise"),
    )
}
"""Name of a row to how the network is converted."""

NO_DATA = frozenset({"gated, no data"})
"""Rows whose thresholds come from the file alone."""


@dataclasses.dataclass(frozen=True)
class Score:
    """The result of one conversion.

    Attributes:
        network: Name of the file, without its ending.
        sha256: Of the file.
        row: Key of ``METHODS``.
        time_steps: T.
        ann: Accuracy of the trained network, in percent.
        top1: Accuracy of the spiking one.
        spikes: Spikes of a neuron for one image in all steps.
        energy: Energy of the arithmetic as a part of the trained network's, in percent.
        images: Number of test images.
        origins: Where thresholds come from, if data is given.
        machine: Machine and versions.
    """

    network: str
    sha256: str
    row: str
    time_steps: int
    ann: float
    top1: float
    spikes: float
    energy: float
    images: int
    origins: str
    machine: str = dataclasses.field(default_factory=machine)


def data_set(path: Path) -> str:
    """Return the data set that a file's name begins with.

    Raises:
        SystemExit: It begins with none.
    """
    found = [name for name in PREPROCESS if path.stem.startswith(f"{name}_")]
    if not found:
        message = (
            f"{path.name}: its name must begin with one of {', '.join(PREPROCESS)}"
        )
        raise SystemExit(message)
    return found[0]


def measure(path: Path, row: str, time_steps: int, images: Images) -> Score:
    """Return what one conversion gives.

    Args:
        path: The trained network.
        row: Key of ``METHODS``.
        time_steps: T.
        images: Its data.
    """
    data = None if row in NO_DATA else images.calibration
    conversion = onnx2snn.convert(
        path, T=time_steps, calibration=data, method=METHODS[row]
    )
    found = onnx2snn.evaluate(
        conversion.model,
        {"x": images.test, "y": images.labels},
        ann=path,
        T=time_steps,
        threads=1,
    )
    assert found.ann_top1 is not None
    report = conversion.report
    spikes = spikes_per_neuron(
        conversion.model, {"x": images.test[:COUNTED]}, threads=1
    )
    return Score(
        network=path.stem,
        sha256=report["source_sha256"],
        row=row,
        time_steps=time_steps,
        ann=found.ann_top1,
        top1=found.top1[time_steps],
        spikes=spikes,
        energy=_energy(report, spikes),
        images=len(images.test),
        origins=", ".join(
            sorted({layer["threshold_origin"] for layer in report["layers"]})
        ),
    )


def _energy(report: Mapping[str, Any], spikes: float) -> float:
    """Return the energy of the arithmetic in percent of the ANN's.

    Every input of a weight that spikes drive is taken to get as many spikes as a neuron sends on
    average; each is one addition.
    """
    driven = report["analysis"]["macs"]["spikes"] * AC_PJ / 1000
    fixed = (
        report["energy"]["snn_most_nj"]
        - report["T"] * report["levels_per_spike"] * driven
    )
    return float(100 * (fixed + spikes * driven) / report["energy"]["ann_nj"])


def kept() -> list[Score]:
    """Return the scores in ``trained.json``."""
    if not ROWS.exists():
        return []
    return [Score(**fields) for fields in json.loads(ROWS.read_text(encoding="utf-8"))]


def keep(scores: Sequence[Score]) -> None:
    """Add ``scores`` to what is kept, but to none of another file of the name; write the page."""
    files = {score.network: score.sha256 for score in scores}
    same = [
        each for each in kept() if files.get(each.network, each.sha256) == each.sha256
    ]
    merged = {
        (each.network, each.row, each.time_steps): each for each in (*same, *scores)
    }
    names = list(METHODS)
    ordered = sorted(
        merged.values(),
        key=lambda each: (each.network, names.index(each.row), each.time_steps),
    )
    lines = ",\n".join(json.dumps(dataclasses.asdict(each)) for each in ordered)
    ROWS.write_text(f"[\n{lines}\n]\n", encoding="utf-8", newline="\n")
    PAGE.write_text(page(ordered), encoding="utf-8", newline="\n")


def page(scores: Sequence[Score]) -> str:
    """Return ``docs/results/trained.md``."""
    by_network: dict[str, list[Score]] = {}
    for score in scores:
        by_network.setdefault(score.network, []).append(score)
    sections = "\n\n".join(itertools.starmap(_section, by_network.items()))
    machines = dict.fromkeys((score.machine, score.network) for score in scores)
    return f"""<!-- Written by benchmarks/trained.py from benchmarks/trained.json. -->

# Networks trained for spikes

Measured by

```console
$ python -m benchmarks.trained --data DIR --networks TRAINED --write
```

on what the scripts in `examples/train/` wrote to `TRAINED`; [Training runs](training-runs.md) has
their commands, seeds and times. Top-1 accuracy in percent, of networks converted for that T. In
brackets stand the spikes of a neuron for one image in all steps, and the energy of the arithmetic
in percent of the trained network's: {AC_PJ} pJ for a spike at a weight, without memory.

The neuron is `plain` (`--neuron if`) or `gated`; it fires in `lockstep` with the others, or where
the row says so layer by layer. Thresholds that the file has not come from {CALIBRATED} training
images without labels, but where the row says `no data`; `corrected` uses them for more:
{", ".join(_ALL)}.

{sections}

## Machine

{chr(10).join(grouped(machines))}
"""


def _section(name: str, scores: Sequence[Score]) -> str:
    steps = sorted({score.time_steps for score in scores})
    rows = dict.fromkeys(score.row for score in scores)
    cells = {(score.row, score.time_steps): score for score in scores}
    origins = {score.row: score.origins for score in scores}
    lines = []
    for row in rows:
        scored = [_cell(cells.get((row, t))) for t in steps]
        lines.append([row, origins[row], *scored])
    shown = table(["row", "thresholds from", *(f"T={t}" for t in steps)], lines)
    first = scores[0]
    return f"## {name}\n\n{first.ann:.2f} % as trained, on {first.images} test images.\n\n{shown}"


def _cell(score: Score | None) -> str:
    return (
        ""
        if score is None
        else f"{score.top1:.2f} ({score.spikes:.2f}, {score.energy:.0f} %)"
    )


def measure_all(
    paths: Iterable[Path], rows: Sequence[str], steps: Sequence[int], data: Path
) -> Iterator[list[Score]]:
    """Yield the scores of each network."""
    for path in paths:
        name = data_set(path)
        network = Network(
            path.stem, path.stem, "", f"{name}.npz", PREPROCESS[name], range(CALIBRATED)
        )
        images = load_images(network, data)
        scores = []
        for row in rows:
            for t in steps:
                scores.append(measure(path, row, t, images))
                print(
                    f"{path.stem} {row} T={t}: {_cell(scores[-1])} (trained {scores[-1].ann:.2f})"
                )
        yield scores


def main() -> None:
    """Measure, print, and keep if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of images")
    parser.add_argument(
        "--networks", type=Path, nargs="+", required=True, help="files or folders"
    )
    parser.add_argument("--row", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--T", type=int, nargs="+", default=TIME_STEPS)
    parser.add_argument(
        "--write", action="store_true", help="keep figures and write the page"
    )
    options = parser.parse_args()
    found = [
        path
        for given in options.networks
        for path in (sorted(given.glob("*.onnx")) if given.is_dir() else [given])
    ]
    for scores in measure_all(found, options.row, sorted(options.T), options.data):
        if options.write:
            keep(scores)


if __name__ == "__main__":
    main()
