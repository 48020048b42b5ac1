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

from onnx2snn.compilation import load
from onnx2snn.conversion.spiking import Request, make_spiking
from onnx2snn.data.events import time_first, time_means
from onnx2snn.data.subsets import MOST_HELD_OUT, hold_out
from onnx2snn.errors import CalibrationError, OptionError
from onnx2snn.passes import apply
from onnx2snn.runtime.ort import open_runner
from onnx2snn.storage.isolation import isolate_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.branches import Part
    from onnx2snn.data.batches import Dataset
    from onnx2snn.data.input_specs import Feeds, Specs
    from onnx2snn.reporting.report import HeldOut
    from onnx2snn.runtime.network import Network

__all__ = ["Trial"]

_LOGGER = logging.getLogger(__name__)

AS_ASKED = "corrected"
"""Name of the form that the options ask for."""

_UNCORRECTED = "uncorrected"
_WITHOUT_DATA = "without data"

_FORMS = (AS_ASKED, _UNCORRECTED, _WITHOUT_DATA)
"""All forms; the first of equally good ones is kept."""

_WORDS = {_UNCORRECTED: "without corrections", _WITHOUT_DATA: "without the data"}

_ROWS = 16
"""Samples that are run at a time."""

_FEWEST = 8
"""Samples that are compared however long it takes."""

_MOST_MACS = 1e11
"""Multiply-accumulates over all steps and samples that are worth it beyond those few: seconds."""

_LEFT = (
    "on %d held-out samples the network is %s off its ANN, and %s %s: that form is kept; more "
    "calibration data would help"
)


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
    others: dict[str, ir.Model] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, whole: Part, given: Request, specs: Specs, macs: int) -> Trial | None:
        """Return the trial of a conversion; None where there is nothing to decide.

        Args:
            whole: The network, simplified; it stays as it is.
            given: The conversion.
            specs: The inputs of the data.
            macs: Multiply-accumulates of a sample in the ANN.
        """
        if given.data is None or whole.inside or not given.options.may_be_undone():
            return None
        most = _samples_to_compare(macs * given.time_steps)
        parts = hold_out(given.data, specs, most)
        if parts is None:
            return None
        kept, held_out = parts
        request = dataclasses.replace(given, data=kept)
        trial = cls(request, held_out, _copy_of(whole.ann))
        trial._convert_without_data(whole)
        return trial

    def _convert_without_data(self, whole: Part) -> None:
        alone = dataclasses.replace(self._uncorrected(), data=None)
        copy = dataclasses.replace(whole, ann=_copy_of(whole.ann))
        with _silence(), contextlib.suppress(CalibrationError, OptionError):
            passes = alone.pipeline()
            make_spiking(copy, passes, alone, {})
            self.others[_WITHOUT_DATA] = apply(copy.ann, passes.finishing)

    def convert_uncorrected(self, spiking: ir.Model) -> None:
        """Make the form without corrections of the network that is about to be corrected.

        Args:
            spiking: The network with neurons and thresholds; it stays as it is.
        """
        if not self.request.options.possible_corrections(self.request.data):
            return
        copy = _copy_of(spiking)
        with _silence(), contextlib.suppress(OptionError):
            passes = self._uncorrected().pipeline()
            apply(copy, (*passes.correction, *passes.time_loop))
            self.others[_UNCORRECTED] = apply(copy, passes.finishing)

    def _uncorrected(self) -> Request:
        """Return the conversion without corrections; a pass may stand beside them by name."""
        options = self.request.options.without_form()
        plain = dataclasses.replace(options, corrections=("none",))
        return dataclasses.replace(self.request, options=plain)

    def choose(self, corrected: ir.Model) -> tuple[ir.Model, HeldOut]:
        """Return the form to keep, and what was compared.

        Args:
            corrected: The form that was asked for.
        """
        made = {AS_ASKED: corrected, **self.others}
        forms = {name: made[name] for name in _FORMS if name in made}
        errors = self._errors_of(forms)
        kept = min(errors, key=errors.__getitem__)
        samples = self.held_out.samples
        if kept != AS_ASKED:
            found = _told_apart(errors[AS_ASKED], errors[kept])
            _LOGGER.warning(_LEFT, samples, *found, _WORDS[kept])
        return forms[kept], {"samples": samples, "errors": errors, "kept": kept}

    def _errors_of(self, forms: Mapping[str, ir.Model]) -> dict[str, float]:
        """Return how far each form is from the ANN on the samples, by its name."""
        run_ann = open_runner(self.ann)
        compared = {name: _Compared(load(form)) for name, form in forms.items()}
        events = compared[AS_ASKED].network.events
        for batch in self.held_out.batches(_ROWS):
            feeds = time_first(batch.feeds, events)
            expected = run_ann(time_means(feeds, events))
            for one in compared.values():
                one.add(feeds, expected, batch.valid)
        return {name: one.error for name, one in compared.items()}


def _told_apart(*numbers: float) -> list[str]:
    """Return different numbers with three digits, or as many as show that they differ."""
    for digits in range(3, 17):
        words = [f"{number:.{digits}g}" for number in numbers]
        if len(set(words)) == len(words):
            break
    return words


class _Compared:
    """A form of a network, and how far it is from the ANN on each sample.

    Args:
        network: The form.
    """

    def __init__(self, network: Network) -> None:
        """Start without samples."""
        self.network = network
        self._distances: list[np.ndarray] = []

    def add(self, feeds: Feeds, expected: Sequence[object], samples: int) -> None:
        """Run the form on ``feeds`` of so many samples, for which the ANN gives ``expected``."""
        outputs = tuple(self.network.run(feeds).values())
        self._distances.append(_distances(outputs, expected, samples))

    @property
    def error(self) -> float:
        """The mean over the samples of their distance: of squares, a few would be most."""
        return float(np.concatenate(self._distances).mean())


def _distances(
    outputs: Sequence[object], expected: Sequence[object], samples: int
) -> np.ndarray:
    """Return how far each sample is from the ANN's, relative to its usual size, [samples] or [1].

    It is the norm of the differences of all outputs of real numbers, each relative to the root
    mean square of the ANN's norm. Outputs without an axis of samples count as one.
    """
    squares: np.ndarray = np.zeros(1)
    for found, wanted in zip(outputs, expected, strict=True):
        a, b = np.asarray(wanted), np.asarray(found)
        is_comparable = a.dtype.kind == "f" and a.shape == b.shape and a.size > 0
        if not is_comparable:
            continue
        a, b = _rows_of(a, samples), _rows_of(b, samples)
        usual = np.square(a).sum(axis=1).mean() or 1.0
        of_output = np.square(a - b).sum(axis=1) / usual
        if squares.size > 1 and of_output.size == 1:
            of_output = np.full_like(squares, of_output[0])
        squares = squares + of_output
    distances: np.ndarray = np.sqrt(squares)
    return distances


def _rows_of(output: np.ndarray, samples: int) -> np.ndarray:
    """Return a row for each sample; one for all where axis 0 does not count samples."""
    counts_samples = output.ndim > 0 and len(output) >= samples
    rows = output[:samples] if counts_samples else output[None]
    flat: np.ndarray = rows.reshape(len(rows), -1)
    return flat.astype(np.float64)


def _samples_to_compare(macs: int) -> int:
    """Return how many samples to hold out at most, each of so many multiply-accumulates."""
    worth = int(_MOST_MACS / max(macs, 1))
    return min(max(worth, _FEWEST), MOST_HELD_OUT)


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
