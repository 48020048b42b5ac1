"""The check that calibration data helps, on samples of it that take no part in anything else.

A network is converted in three forms: as asked for, without corrections, and without the data
at all. What is best on the held-out samples is kept: where two are alike, it does not matter which.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.conversion.spiking import Request, make_spiking
from onnx2snn.data.events import time_first, time_means
from onnx2snn.data.subsets import hold_out
from onnx2snn.errors import CalibrationError
from onnx2snn.passes import apply
from onnx2snn.runtime import load
from onnx2snn.runtime.ort import open_runner
from onnx2snn.storage.isolation import isolate_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.branches import Part
    from onnx2snn.data.dataset import Dataset
    from onnx2snn.data.input_specs import Specs
    from onnx2snn.reporting.report import HeldOut

__all__ = ["Trial"]

_LOGGER = logging.getLogger(__name__)

AS_ASKED = "corrected"
"""Name of the form that the options ask for."""

_ROWS = 16
"""Samples that are run at a time."""

_LEFT = (
    "on %d held-out samples the network is %.3g off its ANN, and %.3g %s: that form is kept; more "
    "calibration data would help"
)

_WORDS = {"uncorrected": "without corrections", "without data": "without the data"}


@dataclasses.dataclass(eq=False)
class Trial:
    """Other forms of a network that is being converted, and samples to compare them on.

    Attributes:
        request: The conversion, with the data that is not held out.
        held_out: The samples.
        ann: The network before it became spiking.
        others: The other forms, spiking, by name: those that can be made. Not every network runs
            on synthetic inputs.
    """

    request: Request
    held_out: Dataset
    ann: ir.Model
    others: Mapping[str, ir.Model]

    @classmethod
    def of(
        cls, whole: Part, given: Request, specs: Specs, source_sha256: str
    ) -> Trial | None:
        """Return the trial of a conversion; None where there is nothing to decide.

        Args:
            whole: The network, simplified; it stays as it is.
            given: The conversion.
            specs: The inputs of the data.
            source_sha256: Digest of the file of the ANN.
        """
        if given.data is None or whole.inside or not given.options.may_be_undone():
            return None
        parts = hold_out(given.data, specs)
        if parts is None:
            return None
        kept, held_out = parts
        request = dataclasses.replace(given, data=kept)
        plain = dataclasses.replace(given.options, corrections=("none",))
        others = {
            "uncorrected": dataclasses.replace(request, options=plain),
            "without data": Request(plain, given.time_steps, None),
        }
        made = {}
        for name, other in others.items():
            with _silence(), contextlib.suppress(CalibrationError):
                made[name] = _converted(whole, other, source_sha256)
        return cls(request, held_out, _copy_of(whole.ann), made)

    def choose(self, corrected: ir.Model) -> tuple[ir.Model, HeldOut]:
        """Return the form to keep, and what was compared.

        Args:
            corrected: The form that was asked for.
        """
        forms = {AS_ASKED: corrected, **self.others}
        errors = {
            name: float(np.sqrt(each.mean()))
            for name, each in self._errors_of(forms).items()
        }
        kept = min(errors, key=errors.__getitem__)
        samples = self.held_out.samples
        if kept != AS_ASKED:
            found = errors[AS_ASKED], errors[kept], _WORDS[kept]
            _LOGGER.warning(_LEFT, samples, *found)
        return forms[kept], {"samples": samples, "errors": errors, "kept": kept}

    def _errors_of(self, forms: Mapping[str, ir.Model]) -> dict[str, np.ndarray]:
        """Return how far each form is from the ANN on each sample, squared, by name."""
        run_ann = open_runner(self.ann)
        networks = {name: load(form) for name, form in forms.items()}
        found: dict[str, list[np.ndarray]] = {name: [] for name in forms}
        for batch in self.held_out.batches(_ROWS):
            events = next(iter(networks.values())).events
            feeds = time_first(batch.feeds, events)
            expected = run_ann(time_means(feeds, events))
            for name, network in networks.items():
                outputs = list(network.run(feeds).values())
                found[name].append(_squared_errors(outputs, expected, batch.valid))
        return {name: np.concatenate(errors) for name, errors in found.items()}


def _converted(whole: Part, given: Request, source_sha256: str) -> ir.Model:
    """Return another form of a network, which stays as it is."""
    copy = dataclasses.replace(whole, ann=_copy_of(whole.ann))
    passes = given.pipeline(source_sha256)
    make_spiking(copy, passes, given, {})
    return apply(copy.ann, passes.finishing)


def _copy_of(model: ir.Model) -> ir.Model:
    copy = model.clone()
    isolate_values(copy)
    return copy


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep warnings back that the conversion itself gives, or that are about what was not asked."""
    logger = logging.getLogger("onnx2snn")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # those below it have no level of their own
    try:
        yield
    finally:
        logger.setLevel(level)


def _squared_errors(
    outputs: Sequence[object], expected: Sequence[object], samples: int
) -> np.ndarray:
    """Return the squared error of all outputs by the square of the ANN's, [samples] or [1]."""
    total: np.ndarray = np.zeros(1)
    for found, wanted in zip(outputs, expected, strict=True):
        a, b = np.asarray(wanted), np.asarray(found)
        is_comparable = a.dtype.kind == "f" and a.shape == b.shape and a.size > 0
        if not is_comparable:
            continue
        a, b = _rows_of(a, samples), _rows_of(b, samples)
        rows = len(a)
        scale = np.mean(a * a) or 1.0
        error = ((a - b) ** 2).mean(axis=1) / scale
        total = total + (error if total.size in (1, rows) else error.mean())
    return total


def _rows_of(output: np.ndarray, samples: int) -> np.ndarray:
    """Return a row for each sample; one for all where axis 0 does not count samples."""
    counts_samples = output.ndim > 0 and len(output) >= samples
    rows = output[:samples] if counts_samples else output[None]
    return rows.reshape(len(rows), -1).astype(np.float64)
