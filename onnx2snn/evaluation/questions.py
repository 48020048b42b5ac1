"""A question to a network: its output, how to read answers from it, the right ones."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.arguments import checked_choice, did_you_mean
from onnx2snn.errors import OptionError
from onnx2snn.evaluation.values import is_exact

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from onnx2snn.evaluation.result import Task

__all__ = ["TASKS", "Candidate", "Question", "Request"]

TASKS = ("auto", "classification", "regression", "none")
"""Names of tasks that may be asked for."""


@dataclasses.dataclass(frozen=True)
class Request:
    """The user's wishes.

    Attributes:
        task: One of ``TASKS``.
        output: Name of the output to score; None to choose.
    """

    task: str = "auto"
    output: str | None = None

    def check_task(self) -> None:
        """Refuse a task that there is not.

        Raises:
            OptionError: It is none of ``TASKS``.
        """
        checked_choice("task", self.task, TASKS)

    def check_output(self, outputs: Sequence[str]) -> None:
        """Refuse an output that there is not.

        Raises:
            OptionError: It is none of ``outputs``.
        """
        if self.output is not None and self.output not in outputs:
            names = ", ".join(map(repr, outputs))
            hint = did_you_mean(self.output, outputs)
            message = (
                f"there is no output {self.output!r}; the network has {names}{hint}"
            )
            raise OptionError(message)


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """An output, which may answer a question if it has a row for each sample.

    Attributes:
        name: Its name.
        values: Those of the first batch, [N, ...], without axes of length 1 behind the first.
        operator: The operator that makes them.
        has_rows: Whether there is a row for each sample.
    """

    name: str
    values: np.ndarray
    operator: str
    has_rows: bool = True

    def __str__(self) -> str:
        """Return its name, type and shape; N stands for the samples."""
        type_of_values = f"{self.name!r} {self.values.dtype}"
        if not self.has_rows:
            sizes = list(self.values.shape)
            return f"{type_of_values} {sizes} (no row that is of one sample alone)"
        row = ", ".join(["N", *map(str, self.shape)])
        return f"{type_of_values} [{row}]"

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of what belongs to one sample."""
        return self.values.shape[1:]

    @property
    def is_exact(self) -> bool:
        """Whether it holds whole numbers, truth values or text."""
        return is_exact(self.values)


@dataclasses.dataclass(frozen=True, eq=False)
class Question:
    """A task, and the right answers to it.

    Attributes:
        task: The task.
        targets: The right answers, a row for each sample, NaN for what is left out; None if they
            are not known.
        fits_exactly: Whether the output has just as many classes as the labels, or holds no
            probabilities where they are other numbers; where there are none, whether it shows by
            its type or operator that it answers.
    """

    task: Task
    targets: np.ndarray | None = None
    fits_exactly: bool = True
