"""The question that a network is scored on, told from its outputs and the labels."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.errors import CalibrationError
from onnx2snn.evaluation.label_forms import (
    are_binary,
    are_numbers,
    are_two_numbers,
    are_whole,
    class_numbers,
    one_hot_axis,
    second_class,
    without_class,
)
from onnx2snn.evaluation.questions import Question
from onnx2snn.evaluation.result import Task
from onnx2snn.evaluation.values import squeezed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from onnx2snn.evaluation.questions import Candidate, Request

    _Rule: TypeAlias = Callable[[Candidate, np.ndarray], Question | None]

__all__ = ["choose_question"]

_PROBABILITIES = {"Sigmoid", "HardSigmoid", "Softmax"}
"""Operators whose values are probabilities: one half stands between two classes."""

_CLASS_SCORES = {"Softmax", "LogSoftmax"}
"""Operators that show, without any label, that the largest score is the answer."""

_ANSWERING = _PROBABILITIES | _CLASS_SCORES


def choose_question(
    request: Request, candidates: Sequence[Candidate], labels: np.ndarray | None
) -> Question:
    """Return the question that the network is scored on.

    Args:
        request: The user's wishes.
        candidates: The outputs.
        labels: A row for each sample; None if there are none.

    Raises:
        CalibrationError: The task that is asked for does not fit, or labels are no classes of an
            output of their shape.
    """
    if request.task == "none":
        return Question(Task("none", "as asked for"))
    if request.output is not None:
        candidates = [each for each in candidates if each.name == request.output]
    fitting = [each for each in candidates if each.has_rows]
    if labels is None:
        found = _ask_without_labels(request, fitting)
    else:
        found = _ask_with_labels(request, fitting, squeezed(labels))
    if found is not None:
        return found
    reason = _misfit(request, candidates, labels)
    if request.task != "auto":
        message = f"{request.task} cannot be scored: {reason}"
        raise CalibrationError(message)
    return Question(Task("none", reason))


def _misfit(
    request: Request, candidates: Sequence[Candidate], labels: np.ndarray | None
) -> str:
    """Say why there is no question."""
    if labels is not None:
        words = ", ".join(map(str, candidates))
        return f"labels {labels.dtype} {list(labels.shape)} fit no output: {words}"
    if request.task == "regression":
        return "there are no labels"
    return (
        "there are no labels, and no output is a Softmax of scores, or a Sigmoid of one column; "
        "--task classification compares answers"
    )


def _ask_with_labels(
    request: Request, candidates: Sequence[Candidate], labels: np.ndarray
) -> Question | None:
    """Return the question that labels ask; classes go before numbers."""
    found: list[Question] = []
    if request.task != "regression":
        found = _questions(_CLASSIFICATIONS, candidates, labels)
    if not found and request.task != "classification":
        found = _questions([_ask_for_numbers], candidates, labels)
    if not found and request.task != "regression":
        _check_range(candidates, labels)
    return _best_question(found)


def _questions(
    rules: Sequence[_Rule], candidates: Sequence[Candidate], labels: np.ndarray
) -> list[Question]:
    """Return the questions that outputs can answer, at most one for each."""
    found = []
    for candidate in candidates:
        asked = (rule(candidate, labels) for rule in rules)
        question = next(filter(None, asked), None)
        if question is not None:
            found.append(question)
    return found


def _best_question(found: Sequence[Question]) -> Question | None:
    """Return the first that fits exactly, or the first; it names the outputs of the others."""
    if not found:
        return None
    fitting = [question for question in found if question.fits_exactly]
    best = fitting[0] if fitting else found[0]
    others = [repr(each.task.output) for each in found if each is not best]
    if not others:
        return best
    reason = f"{best.task.reason}; --output can choose {' or '.join(others)}"
    task = dataclasses.replace(best.task, reason=reason)
    return dataclasses.replace(best, task=task)


def _ask_for_the_same(candidate: Candidate, labels: np.ndarray) -> Question | None:
    """Take an output that is the answer itself: a class number or the name of a class."""
    if not candidate.is_exact or candidate.shape != labels.shape[1:]:
        return None
    is_text = labels.dtype.kind == "U"
    if is_text != (candidate.values.dtype.kind == "U"):
        return None
    if not is_text and not are_whole(labels):
        return None
    answers = "names of classes" if is_text else "class numbers"
    reason = f"it holds {answers}, as the labels"
    task = Task("classification", reason, candidate.name)
    targets = labels if is_text else class_numbers(labels)
    return Question(task, targets)


def _ask_for_one_hot(candidate: Candidate, labels: np.ndarray) -> Question | None:
    """Take scores of classes, and labels that are 1 for the class and 0 for the others."""
    if candidate.is_exact or candidate.shape != labels.shape[1:]:
        return None
    axis = one_hot_axis(labels)
    if axis is None:
        return None
    reason = f"the largest of {labels.shape[axis]} scores, as the labels are one-hot"
    task = Task("classification", reason, candidate.name, class_axis=axis)
    return Question(task, labels.argmax(axis))


def _ask_for_a_side(candidate: Candidate, labels: np.ndarray) -> Question | None:
    """Take one score for two classes, perhaps for each pixel or each of several labels."""
    if candidate.is_exact or candidate.shape != labels.shape[1:]:
        return None
    is_probability = candidate.operator in _PROBABILITIES
    if not are_binary(labels) and not (is_probability and are_two_numbers(labels)):
        return None
    border, reason = _border(candidate)
    if not are_binary(labels):
        reason += f"; labels {labels.min():g} and {labels.max():g}"
    task = Task("classification", reason, candidate.name, border)
    return Question(task, second_class(labels))


def _border(candidate: Candidate) -> tuple[float, str]:
    """Return the value between two classes, and why."""
    if candidate.shape:
        sizes = " x ".join(map(str, candidate.shape))
        values = f"two classes for each of its {sizes} values"
    else:
        values = "one column for two classes"
    if candidate.operator in _PROBABILITIES:
        return 0.5, f"{values}, which a {candidate.operator} makes"
    return 0.0, f"{values}, and no Sigmoid makes it: logits"


def _ask_for_the_largest(candidate: Candidate, labels: np.ndarray) -> Question | None:
    """Take scores of classes along an axis, and labels that number them."""
    if candidate.is_exact or not are_numbers(labels):
        return None
    axes = _class_axes(candidate.shape, labels.shape[1:])
    if not axes or not are_whole(labels):
        return None
    sizes = candidate.values.shape
    fitting = [axis for axis in axes if _are_in_range(labels, sizes[axis])]
    if not fitting:
        return None
    axis = fitting[0]
    classes = sizes[axis]
    is_left_out = without_class(labels, classes)
    reason = f"the largest of {classes} scores, as the labels are class numbers"
    reason += _note_of_left_out(labels[is_left_out])
    numbers = class_numbers(labels)
    targets = np.where(is_left_out, np.nan, numbers)
    largest = labels[~is_left_out].max(initial=0)
    fits_exactly = bool(largest + 1 == classes)
    task = Task("classification", reason, candidate.name, class_axis=axis)
    return Question(task, targets, fits_exactly)


def _note_of_left_out(labels: np.ndarray) -> str:
    """Say which numbers are left out; nothing if none are."""
    numbers = ", ".join(f"{each:g}" for each in np.unique(labels))
    return f" ({numbers}: no class, left out)" if numbers else ""


def _class_axes(scores: tuple[int, ...], labels: tuple[int, ...]) -> list[int]:
    """Return by which axes scores have more than labels: the first of a sample, or the last."""
    axes = []
    if scores[1:] == labels and scores:
        axes.append(1)
    if scores[:-1] == labels and len(scores) > 1:
        axes.append(len(scores))
    return axes


def _are_in_range(labels: np.ndarray, classes: int) -> bool:
    is_class = (labels >= 0) & (labels < classes)
    return bool((is_class | without_class(labels, classes)).all())


def _check_range(candidates: Sequence[Candidate], labels: np.ndarray) -> None:
    """Refuse class numbers that fit the shape of an output, but not its number of classes."""
    if not are_numbers(labels) or not are_whole(labels):
        return
    for candidate in candidates:
        axes = _class_axes(candidate.shape, labels.shape[1:])
        if axes and not candidate.is_exact:
            message = (
                f"the labels are numbers from {labels.min():g} to {labels.max():g}, but output "
                f"{candidate.name!r} has {candidate.values.shape[axes[0]]} classes, from 0 on; "
                "number the labels as the network does"
            )
            raise CalibrationError(message)


_CLASSIFICATIONS: tuple[_Rule, ...] = (
    _ask_for_the_same,
    _ask_for_one_hot,
    _ask_for_a_side,
    _ask_for_the_largest,
)
"""Forms of classification, in the order in which they are tried on an output."""


def _ask_for_numbers(candidate: Candidate, labels: np.ndarray) -> Question | None:
    """Take targets of a regression: numbers in the shape of the output."""
    if candidate.shape != labels.shape[1:] or not are_numbers(labels):
        return None
    if not are_numbers(candidate.values):
        return None
    task = Task("regression", "the labels are numbers of its shape", candidate.name)
    is_likely = candidate.operator not in _ANSWERING
    return Question(task, labels.astype(np.float64), fits_exactly=is_likely)


def _ask_without_labels(
    request: Request, candidates: Sequence[Candidate]
) -> Question | None:
    """Return how to compare answers with the ANN's, if there are answers."""
    if request.task == "regression":
        return None
    is_asked_for = request.task == "classification"
    found = []
    for candidate in candidates:
        task = _task_of_scores(candidate, is_asked_for=is_asked_for)
        if task is not None:
            is_sure = candidate.is_exact or candidate.operator in _ANSWERING
            found.append(Question(task, fits_exactly=is_sure))
    return _best_question(found)


def _task_of_scores(candidate: Candidate, *, is_asked_for: bool) -> Task | None:
    """Return the classification that an output shows by its last operator, or if asked for."""
    name, operator = candidate.name, candidate.operator
    if candidate.is_exact:
        if not is_asked_for:
            return None
        return Task("classification", "it holds class numbers or names", name)
    if not candidate.shape:
        if operator not in _PROBABILITIES and not is_asked_for:
            return None
        border, reason = _border(candidate)
        return Task("classification", reason, name, border)
    is_softmax = operator in _CLASS_SCORES and len(candidate.shape) == 1
    if not is_softmax and not is_asked_for:
        return None
    why = f"a {operator} makes them" if is_softmax else "as asked for"
    reason = f"the largest of {candidate.shape[0]} scores, {why}"
    return Task("classification", reason, name, class_axis=1)
