"""Operators that onnx's evaluator does not have in every opset, or does not get right."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

__all__ = ["LRN", "NonMaxSuppression", "Optional", "Pad"]


class LRN(OpRun):
    """Division by a power of the sum of squares over neighboring channels."""

    def _run(
        self,
        x: np.ndarray,
        *,
        size: int,
        alpha: float,
        beta: float,
        bias: float,
    ) -> tuple[np.ndarray]:
        channels = x.shape[1]
        before = (size - 1) // 2
        after = size - 1 - before
        widths = [(0, 0)] * x.ndim
        widths[1] = (before, after)
        squares = np.pad(x * x, widths)
        total = sum(squares[:, start : start + channels] for start in range(size))
        share = alpha / size
        factor = bias + share * total
        normalized = x / factor**beta
        return (normalized.astype(x.dtype),)


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
        padded_axes = slice(None) if axes is None else axes
        widths = np.zeros((x.ndim, 2), np.int64)
        pairs = np.reshape(pads, (2, -1))
        widths[padded_axes] = pairs.T
        removed = np.maximum(-widths, 0)
        cropped = _crop_ends(x, removed)
        options: dict[str, Any] = {"mode": mode}
        if mode == "constant":
            options["constant_values"] = 0 if fill is None else fill
        added = np.maximum(widths, 0)
        padded = np.pad(cropped, added, **options)
        return (padded.astype(x.dtype),)


def _crop_ends(x: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Return ``x`` without the first and last elements of each axis, [axes, 2] in number."""
    kept = []
    for size, (first, last) in zip(x.shape, widths, strict=True):
        end = size - last
        kept.append(slice(first, end))
    return x[tuple(kept)]


class NonMaxSuppression(OpRun):
    """Indices (batch, class, box) of the boxes that overlap no better one of their class."""

    def _run(
        self,
        boxes: np.ndarray,
        scores: np.ndarray,
        max_count: np.ndarray | None = None,
        max_overlap: np.ndarray | None = None,
        min_score: np.ndarray | None = None,
        **attributes: int,
    ) -> tuple[np.ndarray]:
        count = int(_only_element(max_count))
        overlap = float(_only_element(max_overlap))
        is_centered = attributes.get("center_point_box")
        find_corners = _corners_of_centered if is_centered else _corners_of_opposite
        chosen = []
        for batch, scores_of_classes in enumerate(scores):
            corners = find_corners(boxes[batch])
            for label, scores_of_boxes in enumerate(scores_of_classes):
                candidates = _ranked_boxes(scores_of_boxes, min_score)
                best = _select_boxes(corners, candidates, overlap, count)
                chosen += [(batch, label, index) for index in best]
        indices = np.array(chosen, np.int64)
        return (indices.reshape(-1, 3),)


def _only_element(given: np.ndarray | None) -> Any:  # noqa: ANN401 (a NumPy scalar)
    """Return the only element, 0 if there is none."""
    if given is None:
        return 0
    return np.ravel(given)[0]


def _corners_of_centered(boxes: np.ndarray) -> np.ndarray:
    """Return [boxes, 4], lower y, lower x, upper y, upper x, of x, y, width, height."""
    x, y, width, height = boxes.T
    sides = [
        y - height / 2,
        x - width / 2,
        y + height / 2,
        x + width / 2,
    ]
    return np.stack(sides, axis=1)


def _corners_of_opposite(boxes: np.ndarray) -> np.ndarray:
    """Return the same of two opposite corners, each y and x, in any order."""
    first = boxes[:, :2]
    second = boxes[:, 2:]
    lower = np.minimum(first, second)
    upper = np.maximum(first, second)
    return np.concatenate([lower, upper], axis=1)


def _ranked_boxes(scores: np.ndarray, min_score: np.ndarray | None) -> list[int]:
    """Return the boxes that score enough, best first; equals in their order."""
    order = np.argsort(-scores, kind="stable")
    if min_score is not None:
        lowest = _only_element(min_score)
        is_enough = scores[order] > lowest
        order = order[is_enough]
    return [int(index) for index in order]


def _select_boxes(
    corners: np.ndarray, candidates: list[int], max_overlap: float, count: int
) -> list[int]:
    """Return at most ``count`` candidates that overlap no earlier one too much."""
    kept: list[int] = []
    for index in candidates:
        if len(kept) >= count:
            break
        overlaps = [_overlap_of_boxes(corners[index], corners[other]) for other in kept]
        if all(overlap <= max_overlap for overlap in overlaps):
            kept.append(index)
    return kept


def _overlap_of_boxes(a: np.ndarray, b: np.ndarray) -> float:
    """Return intersection over union of two boxes, 0 if one has no area."""
    a_lower = a[:2]
    a_upper = a[2:]
    b_lower = b[:2]
    b_upper = b[2:]
    lower = np.maximum(a_lower, b_lower)
    upper = np.minimum(a_upper, b_upper)
    sides = np.maximum(upper - lower, 0)
    intersection = np.prod(sides)
    area_a = np.prod(a_upper - a_lower)
    area_b = np.prod(b_upper - b_lower)
    if min(area_a, area_b) <= 0:
        return 0.0
    union = area_a + area_b - intersection
    return float(intersection / union)
