"""Networks that are damaged on purpose, and healthy ones: what the diagnosis says of them.

    python -m benchmarks.diagnosis --data DIR

converts networks of the data folder with up to 1,024 images for calibration, damages them in one
way each, and prints the causes that ``onnx2snn diagnose`` names, the likeliest first. A healthy
network is to have none.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx.numpy_helper import from_array, to_array
from rich.console import Console
from rich.table import Table

import onnx2snn
from benchmarks.networks import NETWORKS, load_images

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.networks import Images, Network

SEED = 0
CALIBRATED, LOOKED_AT = 1024, 128
MEASURED = {"resnet20": 8, "mobilenet-v2": 32, "cifar-medium-tf": 32, "mnist-keras": 8}
"""Networks to T."""


@dataclasses.dataclass(frozen=True)
class Patient:
    """A network beside its ANN, and the data that it is looked at on.

    Attributes:
        ann: File of the ANN.
        time_steps: T.
        calibration: Images that calibrate.
        test: Images that it is looked at on.
        labels: Their classes.
        snn: The network; None to convert it.
    """

    ann: str | onnx.ModelProto
    time_steps: int
    calibration: np.ndarray
    test: np.ndarray
    labels: np.ndarray
    snn: onnx.ModelProto | None = None

    def converted(self) -> Patient:
        """Return it with a network."""
        snn = onnx2snn.convert(
            self.ann, self.time_steps, self.calibration, hold_out=False
        )
        return dataclasses.replace(self, snn=snn.model)

    def diagnose(self) -> onnx2snn.Diagnosis:
        """Return what is found."""
        assert self.snn is not None
        return onnx2snn.diagnose(
            self.snn, self.ann, self.test, labels=self.labels, samples=LOOKED_AT
        )


def _scale_threshold(snn: onnx.ModelProto, factor: float) -> onnx.ModelProto:
    """Return a network with another threshold in the middle one of its layers."""
    copy = onnx.ModelProto()
    copy.CopyFrom(snn)
    graphs = [copy.graph]
    graphs += [n.attribute[0].g for n in copy.graph.node if n.op_type == "Loop"]
    names = [
        constant.name.removesuffix(".body")
        for graph in graphs
        for constant in graph.initializer
        if constant.name.removesuffix(".body").endswith(".v_threshold")
    ]
    chosen = list(dict.fromkeys(names))[len(set(names)) // 2]
    for graph in graphs:
        for constant in graph.initializer:
            if constant.name.removesuffix(".body") == chosen:
                data = np.asarray(to_array(constant) * np.float32(factor))
                constant.CopyFrom(from_array(data, constant.name))
    return copy


def _threshold_too_high(patient: Patient) -> Patient:
    assert patient.snn is not None
    return dataclasses.replace(patient, snn=_scale_threshold(patient.snn, 10))


def _dead_layer(patient: Patient) -> Patient:
    assert patient.snn is not None
    return dataclasses.replace(patient, snn=_scale_threshold(patient.snn, 1e6))


def _images_not_normalized(patient: Patient) -> Patient:
    low, high = patient.test.min(), patient.test.max()
    raw = (patient.test - low) / (high - low) * np.float32(255)
    return dataclasses.replace(patient, test=raw)


def _channels_swapped(patient: Patient) -> Patient:
    axis = 1 if patient.test.shape[1] == 3 else -1
    return dataclasses.replace(patient, test=np.flip(patient.test, axis).copy())


def _calibrated_on_noise(patient: Patient) -> Patient:
    rng = np.random.default_rng(SEED)
    noise = rng.standard_normal(patient.calibration.shape).astype(np.float32)
    return dataclasses.replace(patient, calibration=noise).converted()


def _pool_replaced(patient: Patient) -> Patient:
    """Return it with a network of an ANN that has another pool."""
    assert isinstance(patient.ann, str)
    other = onnx.load(patient.ann)
    for node in other.graph.node:
        if node.op_type == "MaxPool":
            node.op_type = "AveragePool"
            del node.output[1:]
    changed = dataclasses.replace(patient, ann=other).converted()
    return dataclasses.replace(patient, snn=changed.snn)


FAULTS: dict[str, tuple[Callable[[Patient], Patient], str]] = {
    "images not normalized": (_images_not_normalized, "preprocessing"),
    "channels swapped": (_channels_swapped, "channel-order"),
    "threshold ten times too high": (_threshold_too_high, "threshold"),
    "a dead layer": (_dead_layer, "dead-layer"),
    "calibrated on noise": (_calibrated_on_noise, "calibration-data"),
    "MaxPool replaced": (_pool_replaced, "another-ann"),
}
"""Fault to what makes it, and its name in a diagnosis."""


def _possible_faults(patient: Patient) -> set[str]:
    """Return the faults that a network can have: with colors, and with a MaxPool."""
    assert isinstance(patient.ann, str)
    possible = set(FAULTS)
    if 3 not in (patient.test.shape[1], patient.test.shape[-1]):
        possible.remove("channels swapped")
    nodes = onnx.load(patient.ann).graph.node
    if all(node.op_type != "MaxPool" for node in nodes):
        possible.remove("MaxPool replaced")
    return possible


def _patient(network: Network, images: Images, folder: Path) -> Patient:
    assert images.calibration is not None
    return Patient(
        str(folder / network.file),
        MEASURED[network.name],
        images.calibration[:CALIBRATED],
        images.test,
        images.labels,
    )


def _row(name: str, fault: str, expected: str, patient: Patient) -> tuple[Any, ...]:
    found = patient.diagnose()
    causes = [finding.cause for finding in found.findings]
    is_right = (causes[0] if causes else "") == expected
    top1 = found.scores.top1[found.T]
    scores = f"{top1} ({found.scores.ann_top1})"
    return name, fault, ", ".join(causes), scores, "yes" if is_right else "no"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    parser.add_argument("--network", nargs="+", choices=MEASURED, default=[*MEASURED])
    options = parser.parse_args()
    table = Table("network", "fault", "causes", "accuracy (ANN)", "named first")
    for network in NETWORKS:
        if network.name not in options.network:
            continue
        images = load_images(network, options.data)
        healthy = _patient(network, images, options.data).converted()
        table.add_row(*_row(network.name, "", "", healthy))
        for fault, (damage, expected) in FAULTS.items():
            if fault in _possible_faults(healthy):
                table.add_row(*_row(network.name, fault, expected, damage(healthy)))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
