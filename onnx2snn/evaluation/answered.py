"""An ANN that answers each batch once, however many networks are compared with it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from onnx2snn.data.dataset import dataset
from onnx2snn.evaluation.ann import Ann
from onnx2snn.evaluation.rows import rows_at_a_time
from onnx2snn.importing import read

if TYPE_CHECKING:
    import numpy as np

    from onnx2snn.data.input_specs import Arrays, Feeds
    from onnx2snn.importing.source import AnyModel

__all__ = ["AnsweredAnn", "Answers", "answer_all"]

Answers = dict[str, "Arrays"]
"""Digest of a batch to the outputs for it."""


class AnsweredAnn(Ann):
    """An ANN in onnxruntime, with the answers that it gave already.

    Args:
        ann: The ANN.
        answers: They; further ones are added.
    """

    def __init__(self, ann: AnyModel, answers: Answers) -> None:
        super().__init__(read(ann))
        self._answers = answers

    def run(
        self,
        feeds: Feeds,
        T: int | None = None,  # noqa: N803 (the usual name)
    ) -> dict[str, np.ndarray]:
        """Return the outputs, computed only where these feeds are new."""
        key = _digest_of(feeds)
        if key not in self._answers:
            self._answers[key] = super().run(feeds, T)
        return dict(self._answers[key])


def answer_all(ann: AnyModel, data: object, labels: object) -> Answers:
    """Return the answers of an ANN to all data, in the batches in which networks are scored.

    Args:
        ann: The ANN.
        data: Inputs, and labels, as ``evaluate`` takes them.
        labels: Name of the labels in ``data``; anything else for those apart, or none.
    """
    answers: Answers = {}
    answered = AnsweredAnn(ann, answers)
    key = labels if isinstance(labels, str) else None
    found = dataset(data, answered.inputs, key)
    for batch in found.batches(rows_at_a_time(found, answered)):
        answered.run(batch.feeds)
    return answers


def _digest_of(feeds: Feeds) -> str:
    whole = hashlib.sha256()
    for name in sorted(feeds):
        array = feeds[name]
        whole.update(f"{name} {array.dtype} {array.shape} ".encode())
        whole.update(array.tobytes())
    return whole.hexdigest()
