"""Writing a spiking network as a NIR file, which is read back and run before it appears."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from onnx2snn.arguments import (
    checked_choice,
    checked_count,
    checked_keywords,
    checked_value,
)
from onnx2snn.errors import InvalidModelError
from onnx2snn.exporting.export_report import ExportReport, describe_export
from onnx2snn.exporting.nir_file import (
    find_difference,
    import_nir,
    read_layers,
    write_layers,
)
from onnx2snn.exporting.passes.choose_pools import POOLS
from onnx2snn.exporting.preparing import prepare
from onnx2snn.exporting.readers import READERS
from onnx2snn.exporting.samples import read_samples
from onnx2snn.exporting.sources import Source
from onnx2snn.exporting.trial import Trial
from onnx2snn.runtime import Emitted
from onnx2snn.schedules import checked_time_steps
from onnx2snn.storage.whole_files import check_writable, write_whole

if TYPE_CHECKING:
    import os

    from onnx2snn.exporting.layers import LayerGraph
    from onnx2snn.exporting.readers import Reader
    from onnx2snn.importing.source import AnyModel
    from onnx2snn.runtime import AnyNetwork

__all__ = [
    "NirExport",
    "export_nir",
]

_MOST_ERROR = 0.05
"""Relative error of layers with our own neuron beyond which they are another network.

Spikes flip where sums are added up in another order: up to 0.02 was seen.
"""


@dataclasses.dataclass(frozen=True, eq=False)
class NirExport:
    """A NIR file that was written.

    Attributes:
        path: The file.
        encoder: The ONNX file that makes the input of the NIR file of that of the network; None
            if it is the same.
        report: What was written and measured, as plain data that ``json.dumps`` takes; it is in
            the file ``path`` with ``.json`` at its end.
    """

    path: Path
    encoder: Path | None
    report: ExportReport


@checked_keywords(time_steps="T")
def export_nir(  # noqa: PLR0913 (each is an option of its own)
    network: AnyNetwork,
    path: str | os.PathLike[str],
    *,
    reader: str = "generic",
    data: object = None,
    ann: AnyModel | None = None,
    T: int | None = None,  # noqa: N803 (the usual name)
    until: str | None = None,
    pool: str | None = None,
    samples: int = 200,
    least_agreement: float = 0.0,
) -> NirExport:
    """Write a spiking network as a NIR file, once it was read back and run as the reader does.

    Args:
        network: The network, in any form that ``load`` takes.
        path: The file.
        reader: ``sinabs``, ``norse``, ``spikingjelly``, ``snntorch`` or ``generic``.
        data: Inputs to measure on, and perhaps labels ``y``; None for synthetic inputs.
        ann: The network it was made from, to compare with as well.
        T: Number of steps that the reader will run for; None for that of the network.
        until: Output to export, or node behind which nothing is exported; None for all.
        pool: ``sum`` or ``avg``; None for what the reader has.
        samples: Most samples that are run.
        least_agreement: Percent of samples on which the reader must decide as the network does.

    Raises:
        UnsupportedError: NIR does not have parts of the network; all of them are named.
        InvalidModelError: The network cannot be read, or a check of the file failed.
        CalibrationError: The data does not fit the network.
        OptionError: An option is out of range, or the package nir is missing.
        OutputError: The file cannot be written.
    """
    request = _Request(reader, T, until, pool, samples, least_agreement)
    check_writable(path)
    return request.export(network, Path(path), data, ann)


@dataclasses.dataclass(frozen=True)
class _Request:
    """What is to be exported; the options of ``export_nir``."""

    reader: str
    time_steps: int | None
    until: str | None
    pool: str | None
    samples: int
    least_agreement: float

    def __post_init__(self) -> None:
        """Check, before long work, what can be checked without the network."""
        checked_choice("reader", self.reader, READERS)
        if self.pool is not None:
            checked_choice("pool", self.pool, POOLS)
        checked_count("samples", self.samples, least=1)
        checked_value("least_agreement", self.least_agreement, float)
        if self.time_steps is not None:
            checked_time_steps(self.time_steps)
        import_nir()

    def export(
        self, network: AnyNetwork, target: Path, data: object, ann: AnyModel | None
    ) -> NirExport:
        """Write the file, and what was measured beside it."""
        row = READERS[self.reader]
        source = Source(network, self.until)
        time_steps = self.time_steps or source.T
        form = self.pool or row.pool
        prepared = prepare(source.lowered.layers, time_steps, row, form)
        given = read_samples(source, data, ann, self.samples)
        trial = Trial(source, given, time_steps)
        _check_layers(trial, prepared.exact, source.name)
        with tempfile.TemporaryDirectory(prefix="onnx2snn-") as folder:
            file = Path(folder, "net.nir")
            found = _written(prepared.layers, file, row)
            measured = trial.measure(prepared, found, row)
            report = describe_export(source, prepared, row, measured)
            _check_agreement(report, self.least_agreement)
            content = file.read_bytes()
        encoder = _write_encoder(source, target)
        text = json.dumps(report, indent=1) + "\n"
        write_whole(target, lambda opened: opened.write(content))
        write_whole(f"{target}.json", lambda opened: opened.write(text.encode()))
        return NirExport(target, encoder, report)


def _check_layers(trial: Trial, layers: LayerGraph, name: str) -> None:
    """Check that the layers, with our own neuron, are the network.

    Raises:
        InvalidModelError: They compute something else.
    """
    error = trial.error_of_layers(layers)
    if error > _MOST_ERROR:
        message = (
            f"the layers of {name} compute something else than it does (relative error "
            f"{error:.2g}), so nothing is written; this is a fault of onnx2snn: please report it"
        )
        raise InvalidModelError(message)


def _written(layers: LayerGraph, file: Path, reader: Reader) -> LayerGraph:
    """Write layers, and return those that are read back.

    Raises:
        InvalidModelError: nir does not read them, or they are others.
    """
    write_layers(layers, file, reader)
    found = read_layers(file)
    difference = find_difference(layers, found)
    if difference is not None:
        message = f"nir reads something else than was written: {difference}"
        raise InvalidModelError(message)
    return found


def _check_agreement(report: ExportReport, least: float) -> None:
    """Refuse a file with which the reader decides too differently.

    Raises:
        InvalidModelError: It does.
    """
    agreement = report["reader"]["agreement"]
    if agreement is not None and agreement < least:
        message = (
            f"{report['name']} would agree with the network on {agreement:g} % of the samples, "
            f"fewer than the {least:g} % of least_agreement: nothing is written; "
            f"{report['advice'] or 'convert for more steps'}"
        )
        raise InvalidModelError(message)


def _write_encoder(source: Source, target: Path) -> Path | None:
    """Write what makes the input of the layers of that of the network, if that is anything."""
    if not source.is_encoded:
        return None
    path = target.with_name(f"{target.stem}.encoder.onnx")
    Emitted(source.encoder_model()).save(path)
    return path
