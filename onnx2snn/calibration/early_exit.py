"""The margin from which on the answer of a sample is safe, found without labels."""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["ExitRule", "choose_rule", "exit_steps", "margins_of"]

DISAGREEMENT = 0.005
"""Part of the calibration samples, at most, whose answer may be another one than after T steps."""


@dataclasses.dataclass(frozen=True)
class ExitRule:
    """The margin that lets a sample stop, and what it did on calibration samples.

    Attributes:
        margin: The least margin of the scores, summed over the steps, that is safe.
        disagreement: Part of the samples whose answer was another one than after all steps.
        mean_steps: Mean number of steps they took.
        samples: Their number.
    """

    margin: float
    disagreement: float
    mean_steps: float
    samples: int


def margins_of(scores: np.ndarray) -> np.ndarray:
    """Return by how much the largest sum of scores over the steps is above the next, [T, samples].

    The mean over t steps is off by what a few spikes stand for, divided by t: the more steps there
    were, the smaller a margin of means is safe, and that of sums stays.

    Args:
        scores: Scores after each step, means over the steps so far, [T, samples, classes].
    """
    largest = np.partition(scores, -2, axis=-1)
    margins = largest[..., -1] - largest[..., -2]
    steps = np.arange(1, len(scores) + 1, dtype=scores.dtype)
    summed: np.ndarray = margins * steps[:, np.newaxis]
    return summed


def exit_steps(margins: np.ndarray, margin: float) -> np.ndarray:
    """Return the number of steps that each sample takes, [samples], from 1 to T.

    It stops after the first step in which its margin is at least ``margin``, or after the last.

    Args:
        margins: Margins of the summed scores after each step, [T, samples].
        margin: The least margin that is safe.
    """
    is_safe = margins >= margin
    is_safe[-1] = True
    steps: np.ndarray = is_safe.argmax(axis=0) + 1
    return steps


def choose_rule(scores: np.ndarray, disagreement: float = DISAGREEMENT) -> ExitRule:
    """Return the rule of the smallest margin from which on few enough answers change.

    Few enough do with any larger margin as well. With the margin 0 all samples stop after the
    first step.

    Args:
        scores: Scores after each step, [T, samples, classes].
        disagreement: Part of the samples whose answer may be another one than after T steps.
    """
    margins = margins_of(scores)
    answers = scores.argmax(axis=-1)
    is_changed = answers != answers[-1]
    most_changed = int(disagreement * scores.shape[1])
    margin = _smallest_margin(margins, is_changed, most_changed)
    steps = exit_steps(margins, margin)
    at_exit = is_changed[steps - 1, np.arange(len(steps))]
    return ExitRule(
        margin=margin,
        disagreement=float(at_exit.mean()),
        mean_steps=float(steps.mean()),
        samples=scores.shape[1],
    )


def _smallest_margin(
    margins: np.ndarray, is_changed: np.ndarray, most_changed: int
) -> float:
    """Return the smallest margin from which on at most so many answers change.

    With a margin m a sample stops after step t if its largest margin so far is below m before that
    step, and no more after it. So each changed answer counts for an interval of m.
    """
    so_far = np.maximum.accumulate(margins, axis=0)
    before = np.concatenate([np.full_like(so_far[:1], -np.inf), so_far[:-1]])
    stops = is_changed & (so_far > before)
    ends = np.sort(so_far[stops])[::-1]
    starts = np.sort(before[stops])[::-1]
    for number, end in enumerate(ends, start=1):
        over = np.count_nonzero(starts >= end)  # intervals that lie above it
        if number - over > most_changed:
            return float(np.nextafter(end, np.inf))
    return 0.0
