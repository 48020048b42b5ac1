"""Measurements of ``benchmarks/accuracy.py``, one line of ``accuracy.json`` for each conversion."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import onnx2snn
from benchmarks.accuracy_rows import MEASURED, described
from benchmarks.networks import NETWORKS
from benchmarks.pages import machine
from onnx2snn.storage.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.networks import Network

__all__ = ["Key", "Measurement", "kept", "store"]

ROWS = Path(__file__).with_name("accuracy.json")

Key: TypeAlias = tuple[str, str, int]
"""Network, method and T."""


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One network converted with one method for one T.

    Attributes:
        network: Name of the network.
        method: Name of the method, one of ``MEASURED``.
        time_steps: T.
        described: The method in words.
        failed: Why nothing was measured; None if something was.
        top1: Top-1 accuracy after T steps, in percent.
        ann: That of the ANN.
        spikes: Spikes of a neuron for one image in all T steps; None if they were not counted.
        latency_steps: Number of steps until the answer is there.
        weight_passes: How often the weights multiply for it.
        seconds: Duration of the conversion, calibration included.
        calibration: Number of calibration images.
        images: Number of test images.
        origins: Where the thresholds come from.
        machine: Machine and versions.
        seed: Seed of what is random when there is no calibration data.
    """

    network: str
    method: str
    time_steps: int
    described: str
    failed: str | None = None
    top1: float = 0.0
    ann: float = 0.0
    spikes: float | None = None
    latency_steps: int = 0
    weight_passes: int = 0
    seconds: float = 0.0
    calibration: int = 0
    images: int = 0
    origins: tuple[str, ...] = ()
    machine: str = dataclasses.field(default_factory=machine)
    seed: int = dataclasses.field(default_factory=lambda: onnx2snn.Options().seed)

    @classmethod
    def of(
        cls, network: Network, method: str, time_steps: int, found: dict[str, Any]
    ) -> Self:
        """Return what ``benchmarks/accuracy_measure.py`` found, or why it found nothing."""
        rounded = {
            name: round(found[name], digits)
            for name, digits in (("seconds", 1), ("spikes", 4))
            if name in found
        }
        fields = found | rounded | {"origins": tuple(found.get("origins", ()))}
        return cls(
            network.name,
            method,
            time_steps,
            described(method, network, time_steps),
            **fields,
        )

    @property
    def key(self) -> Key:
        """Network, method and T: there is one measurement of each."""
        return self.network, self.method, self.time_steps

    @property
    def outdated(self) -> bool:
        """Whether the method has changed since."""
        (network,) = (each for each in NETWORKS if each.name == self.network)
        return self.described != described(self.method, network, self.time_steps)


def kept() -> dict[Key, Measurement]:
    """Return what is in ``accuracy.json``, but for networks and methods that are no more."""
    if not ROWS.exists():
        return {}
    lines = json.loads(ROWS.read_text(encoding="utf-8"))
    found = [
        Measurement(**line | {"origins": tuple(line["origins"])}) for line in lines
    ]
    names = {network.name for network in NETWORKS}
    return {m.key: m for m in found if m.network in names and m.method in MEASURED}


def store(measurements: Iterable[Measurement]) -> None:
    """Write ``accuracy.json``, in the order of networks, methods and T."""
    networks, methods = [network.name for network in NETWORKS], list(MEASURED)
    ordered = sorted(
        measurements,
        key=lambda m: (
            networks.index(m.network),
            methods.index(m.method),
            m.time_steps,
        ),
    )
    lines = ",\n".join(json.dumps(dataclasses.asdict(each)) for each in ordered)
    write_whole(ROWS, lambda file: file.write(f"[\n{lines}\n]\n".encode()))
