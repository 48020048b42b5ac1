"""Operators that onnx's evaluator does not have in every opset, or does not get right."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

__all__ = ["LRN", "NonMaxSuppression", "Optional", "Pad"]


class LRN(OpRun):
    """Division by a power of the sum of squares over neighboring channels."""

    def _run(self, x: np.ndarray, **attributes: Any) -> tuple[np.ndarray]:  # noqa: ANN401
        size = attributes["size"]
        before = (size - 1) // 2
        squares = np.pad(
            x * x, [(0, 0), (before, size - 1 - before)] + [(0, 0)] * (x.ndim - 2)
        )
        channels = x.shape[1]
        total = sum(squares[:, start : start + channels] for start in range(size))
        factor = attributes["bias"] + attributes["alpha"] / size * total
        return ((x / factor ** attributes["beta"]).astype(x.dtype),)


class Optional(OpRun):
    """A value that may be missing: here the value itself."""

    def _run(self, x: object = None, **_: object) -> tuple[object]:
        return (x,)


class Pad(OpRun):
    """More at the ends of axes, or, where the number is negative, less."""

    def _run(
        self,
        x: np.ndarray,
        pads: np.ndarray,
        fill: np.ndarray | None = None,
        axes: np.ndarray | None = None,
        mode: str = "constant",
    ) -> tuple[np.ndarray]:
        ends = np.zeros((x.ndim, 2), np.int64)
        ends[slice(None) if axes is None else axes] = np.reshape(pads, (2, -1)).T
        less = np.maximum(-ends, 0)
        kept = x[
            tuple(
                slice(a, size - b) for size, (a, b) in zip(x.shape, less, strict=True)
            )
        ]
        options: dict[str, Any] = {"mode": mode}
        if mode == "constant":
            options["constant_values"] = 0 if fill is None else fill
        return (np.pad(kept, np.maximum(ends, 0), **options).astype(x.dtype),)


class NonMaxSuppression(OpRun):
    """Indices (batch, class, box) of the boxes that overlap no better one of their class."""

    def _run(
        self,
        boxes: np.ndarray,
        scores: np.ndarray,
        most: np.ndarray | None = None,
        overlap: np.ndarray | None = None,
        least: np.ndarray | None = None,
        **attributes: Any,  # noqa: ANN401
    ) -> tuple[np.ndarray]:
        count = 0 if most is None else int(np.ravel(most)[0])
        threshold = 0.0 if overlap is None else float(np.ravel(overlap)[0])
        chosen = [
            (batch, label, index)
            for batch in range(scores.shape[0])
            for corners in [
                _corners(boxes[batch], bool(attributes.get("center_point_box")))
            ]
            for label in range(scores.shape[1])
            for index in _best(
                corners, _candidates(scores[batch, label], least), threshold, count
            )
        ]
        return (np.array(chosen, np.int64).reshape(-1, 3),)


def _corners(boxes: np.ndarray, centered: bool) -> np.ndarray:  # noqa: FBT001
    """Return [boxes, 4]: lower y, lower x, upper y, upper x."""
    if centered:
        x, y, width, height = boxes.T
        sides = [y - height / 2, x - width / 2, y + height / 2, x + width / 2]
        return np.stack(sides, axis=1)
    lower = np.minimum(boxes[:, :2], boxes[:, 2:])
    return np.concatenate([lower, np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1)


def _candidates(scores: np.ndarray, least: np.ndarray | None) -> list[int]:
    """Return the boxes that score enough, best first, the first of equals before the others."""
    order = np.argsort(-scores, kind="stable")
    if least is not None:
        order = order[scores[order] > np.ravel(least)[0]]
    return [int(index) for index in order]


def _best(
    corners: np.ndarray, candidates: list[int], threshold: float, count: int
) -> list[int]:
    kept: list[int] = []
    for index in candidates:
        if len(kept) < count and all(
            _overlap(corners[index], corners[other]) <= threshold for other in kept
        ):
            kept.append(index)
    return kept


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Return intersection over union of two boxes, 0 if one has no area."""
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    areas = [np.prod(box[2:] - box[:2]) for box in (a, b)]
    both = np.prod(sides)
    return 0.0 if min(areas) <= 0 else float(both / (sum(areas) - both))
