"""A network in NIR beside the one it was made from: agreement, error, accuracy."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

__all__ = [
    "Scores",
    "scores",
]


class Scores(TypedDict):
    """What was measured on the samples.

    Attributes:
        agreement: Percent of samples with the same largest output as the emitted network in our
            own runtime; None if there is one output only.
        relative_error: Norm of the difference from its outputs, over their norm.
        agreement_ann: As ``agreement``, with the ANN; None without one.
        top1: Percent of samples whose largest output is the label; None without labels.
    """

    agreement: float | None
    relative_error: float
    agreement_ann: float | None
    top1: float | None


def scores(
    found: np.ndarray,
    own: np.ndarray,
    ann: np.ndarray | None,
    labels: np.ndarray | None,
) -> Scores:
    """Return what was measured.

    Args:
        found: Outputs, [N, ...].
        own: Those of the emitted network in our own runtime.
        ann: Those of the ANN; None for none.
        labels: Class numbers; None for none.
    """
    norm = float(np.linalg.norm(own))
    error = float(np.linalg.norm(found - own))
    measured = Scores(
        agreement=None,
        relative_error=error / norm if norm else error,
        agreement_ann=None,
        top1=None,
    )
    if found.ndim != 2 or found.shape[1] < 2:
        return measured
    largest = found.argmax(axis=1)
    measured["agreement"] = _percent(largest == own.argmax(axis=1))
    if ann is not None and ann.shape == found.shape:
        measured["agreement_ann"] = _percent(largest == ann.argmax(axis=1))
    if labels is not None and labels.shape == largest.shape:
        measured["top1"] = _percent(largest == labels)
    return measured


def _percent(hits: np.ndarray) -> float:
    return round(100 * float(np.mean(hits)), 2)
