"""Calibration data as a user gives it, read when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.data.dataset import dataset
from onnx2snn.data.events import sample_first
from onnx2snn.data.outliers import without_outliers
from onnx2snn.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from onnx2snn.data.dataset import Dataset
    from onnx2snn.data.input_specs import Feeds, Specs

__all__ = ["NO_DATA", "CalibrationData"]

_EVENT_DATA = "data for the events %s is [N, T, ...]: samples first, then T = %d steps"


class CalibrationData:
    """Calibration data that is read once, whoever asks for it first: an iterable may end.

    Attributes:
        specs: The inputs that it holds, once it is read.
    """

    def __init__(self, source: object, time_steps: int) -> None:
        """Keep the data in any form, None for none, and the steps in its events."""
        self._source = source
        self._time_steps = time_steps
        self._read: Dataset | None = None
        self.specs: Specs = ()

    def read(self, specs: Specs, events: Sequence[str]) -> Dataset | None:
        """Return the data, None if there is none.

        Args:
            specs: The inputs of the ANN.
            events: Names of those inputs that are events.

        Raises:
            CalibrationError: The data does not fit.
        """
        if self._read is None and self._source is not None:
            self._read = self._checked(specs, events)
        return self._read

    def of_the_ann(
        self, specs: Specs, events: Sequence[str], rows: int = 1
    ) -> Iterator[Feeds]:
        """Yield samples, ``rows`` at a time, as the ANN takes them: of events the first step."""
        data = self.read(specs, events)
        for batch in () if data is None else data.batches(rows):
            first = {name: batch.feeds[name][:, 0] for name in events}
            yield {**batch.feeds, **first}

    def _checked(self, specs: Specs, events: Sequence[str]) -> Dataset:
        try:
            self.specs = sample_first(specs, events, self._time_steps)
            read = dataset(self._source, self.specs, with_labels=False)
            return without_outliers(read)
        except CalibrationError as error:
            if not events:
                raise
            names = ", ".join(map(repr, events))
            hint = _EVENT_DATA % (names, self._time_steps)
            message = f"{error}\n  {hint}"
            raise CalibrationError(message) from error


NO_DATA = CalibrationData(None, 1)
"""Where no calibration data is given."""
