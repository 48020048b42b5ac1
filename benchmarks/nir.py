"""Networks exported as NIR, and run by the simulators that read it.

    python -m benchmarks.nir --data DIR [--images N] [--network NAME] [--reader NAME]

converts a CNN for MNIST and ResNet-20 for CIFAR-10 with each preset of ``--for`` at T = 32, exports
them for all readers, runs those that are installed, and writes docs/results/nir.md. ``DIR`` holds
``mnist.npz``, ``cifar10.npz``, ``nets/cifar10_resnet20.onnx`` and ``zoo/cntk_mnist_op7.onnx``.
Rows that were measured are kept in benchmarks/nir.json; ``--page`` only writes the page.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import onnx2snn
from benchmarks.nir_readers import MODULES, is_installed, run_reader
from benchmarks.pages import machine, table
from onnx2snn.exporting.nir_file import read_layers
from onnx2snn.exporting.readers import READERS
from onnx2snn.methods.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = 32
STORE = Path(__file__).with_name("nir.json")
PAGE = Path(__file__).parents[1] / "docs" / "results" / "nir.md"


@dataclasses.dataclass(frozen=True)
class Case:
    """A network with its images.

    Attributes:
        file: The network, in the data folder.
        images: The file of the images, likewise.
        prepare: Makes input of images as they are stored.
        calibration: Number of calibration images.
    """

    file: str
    images: str
    prepare: Callable[[np.ndarray], np.ndarray]
    calibration: int


def _mnist(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32)[:, None]


def _cifar(images: np.ndarray) -> np.ndarray:
    mean = np.array([0.485, 0.456, 0.406], np.float32)
    deviation = np.array([0.229, 0.224, 0.225], np.float32)
    scaled = images.astype(np.float32) / 255
    return ((scaled - mean) / deviation).transpose(0, 3, 1, 2)


CASES: Mapping[str, Case] = {
    "MNIST CNN": Case("zoo/cntk_mnist_op7.onnx", "mnist.npz", _mnist, 512),
    "ResNet-20": Case("nets/cifar10_resnet20.onnx", "cifar10.npz", _cifar, 256),
}


def main() -> None:
    """Measure what is asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--network", choices=CASES, action="append")
    parser.add_argument("--reader", choices=READERS, action="append")
    parser.add_argument(
        "--keep", type=Path, help="folder that keeps converted networks"
    )
    parser.add_argument("--page", action="store_true", help="only write the page")
    options = parser.parse_args()
    rows = json.loads(STORE.read_text()) if STORE.exists() else {}
    if not options.page:
        for name in options.network or CASES:
            _measure_network(name, options, rows)
    write_page(rows)


def _measure_network(
    name: str, options: argparse.Namespace, rows: dict[str, Any]
) -> None:
    """Measure a network with all readers, and store a row as soon as it is there."""
    case = CASES[name]
    wanted = options.reader or list(READERS)
    for preset in TARGETS:
        readers = [row for row in READERS.values() if row.preset == preset]
        chosen = [row.name for row in readers if row.name in wanted]
        if not chosen:
            continue
        network = _converted(case, preset, options)
        for reader in chosen:
            row = _measure_reader(case, network, reader, options)
            rows[f"{name}, {reader}"] = {"network": name, "preset": preset, **row}
            STORE.write_text(json.dumps(rows, indent=1) + "\n")
            print(name, reader, row)


def _converted(
    case: Case, preset: str, options: argparse.Namespace
) -> onnx2snn.Conversion | Path:
    """Return a converted network, one that was kept if there is."""
    kept = None
    if options.keep is not None:
        method = TARGETS[preset].method.neuron
        kept = options.keep / f"{Path(case.file).stem}-{method}.onnx"
        if kept.exists():
            return kept
    images = np.load(options.data / case.images)["x_train"][: case.calibration]
    ann = options.data / case.file
    conversion = onnx2snn.convert(
        ann, T=T, target=preset, calibration=case.prepare(images)
    )
    if kept is not None:
        conversion.save(kept)
    return conversion


def _measure_reader(
    case: Case,
    network: onnx2snn.Conversion | Path,
    reader: str,
    options: argparse.Namespace,
) -> dict[str, Any]:
    stored = np.load(options.data / case.images)
    images = case.prepare(stored["x_test"][: options.images])
    labels = stored["y_test"][: options.images]
    snn = onnx2snn.load(network)
    (spec,) = snn.inputs
    data = {spec.name: images, "y": labels}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.nir")
        report = onnx2snn.export_nir(
            network,
            path,
            reader=reader,
            data=data,
            ann=options.data / case.file,
            samples=options.images,
        ).report
        row = {
            "images": report["samples"],
            "ann": report["ann"]["top1"],
            "own": report["network"]["top1"],
            "predicted": report["reader"]["top1"],
            "predicted_agreement": report["reader"]["agreement"],
            "real": None,
            "real_agreement": None,
            "layers": len(read_layers(path).layers),
            "bytes": path.stat().st_size,
        }
        if reader in MODULES and is_installed(reader):
            real = run_reader(reader, path, images, T).argmax(axis=1)
            output = report["output_name"]
            rows = spec.rows or 20
            own = [
                snn.run({spec.name: images[start : start + rows]}, T)[output]
                for start in range(0, len(images), rows)
            ]
            answers = np.concatenate(own).argmax(axis=1)
            row["real"] = _percent(real == labels)
            row["real_agreement"] = _percent(real == answers)
    return row


def _percent(hits: np.ndarray) -> float:
    return round(100 * float(np.mean(hits)), 2)


HEADINGS = (
    "network",
    "reader",
    "`--for`",
    "images",
    "ANN",
    "own runtime",
    "predicted",
    "measured",
    "agrees, predicted",
    "agrees, measured",
)

TEXT = """# NIR in other simulators

Networks converted with `--for` at T = {T}, exported with `onnx2snn export-nir`, and run by the
simulators themselves, through their own importers. *Predicted* is what the command prints: our
model of the reader's neuron. All numbers are percent of the test images: of right answers,
and in the last two columns of the answer that the network gives in our own runtime.

{table}

{findings}

Written by `python -m benchmarks.nir --data DIR`, on {machine}.
"""

FINDINGS = """- **sinabs** sends several spikes in a step, and its potential does not fall below
  minus the threshold; the emitted network does neither. The deeper it is, the more often the two
  decide differently, while sinabs is about as often right: on the first 100 test images
  `export-nir` predicts for ResNet-20 the same answer for 92.0 %, 95.0 % of them right, where the
  network in our own runtime has 92.0 % right.
- **norse** is given its `CubaLIF`, which subtracts the threshold where `reset_method` says so: the
  neuron of the emitted network.
- **SpikingJelly and snnTorch** read no neuron that subtracts: what lies above the threshold is lost
  with each spike. Networks converted with `--for nir-hard-reset` have that neuron already, so both
  give what the emitted network gives; but the deeper it is, the more it loses. ResNet-20 with that
  neuron (`convert --neuron hard-reset --no-per-channel --v-init 0`, 512 calibration images) has
  81.5 % right of 200 test images in our own runtime, where the ANN has 91.0 %.

ResNet-20 has rows for the readers that were run so far; the command adds the others."""


def write_page(rows: Mapping[str, Any]) -> None:
    """Write the page."""
    if not rows:
        return
    lines = [
        (
            row["network"],
            key.split(", ")[1],
            f"`{row['preset']}`",
            str(row["images"]),
            *[
                "-" if row[name] is None else f"{row[name]:.1f}"
                for name in (
                    "ann",
                    "own",
                    "predicted",
                    "real",
                    "predicted_agreement",
                    "real_agreement",
                )
            ],
        )
        for key, row in rows.items()
    ]
    text = TEXT.format(
        T=T,
        table=table(HEADINGS, lines),
        findings=FINDINGS,
        machine=machine(),
    )
    PAGE.write_text(text)
    print("wrote", PAGE)


if __name__ == "__main__":
    main()
