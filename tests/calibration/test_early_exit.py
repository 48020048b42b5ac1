"""The margin from which on an answer is safe is the smallest one that the definition allows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx2snn.calibration.early_exit import choose_rule, exit_steps, margins_of


def scores_of(seed: int, time_steps: int, samples: int) -> np.ndarray:
    """Return running means of noisy scores, which settle."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(time_steps, samples, 3)) * 2
    steps = noise + rng.normal(size=(samples, 3))
    counts = np.arange(1, time_steps + 1)[:, None, None]
    means: np.ndarray = (steps.cumsum(axis=0) / counts).astype(np.float32)
    return means


def stop_one_by_one(scores: np.ndarray, margin: float) -> tuple[list[int], list[int]]:
    """Return the steps and the answers of all samples, from the definition."""
    steps, answers = [], []
    for of_sample in scores.transpose(1, 0, 2):
        for t, now in enumerate(of_sample, start=1):
            _, second, first = sorted(now)
            if (first - second) * np.float32(t) >= margin or t == len(of_sample):
                steps.append(t)
                answers.append(int(now.argmax()))
                break
    return steps, answers


def changed(scores: np.ndarray, margin: float) -> float:
    _, answers = stop_one_by_one(scores, margin)
    return float((np.array(answers) != scores[-1].argmax(axis=-1)).mean())


@given(
    st.integers(0, 10**6),
    st.integers(1, 6),
    st.integers(1, 12),
    st.sampled_from([0.0, 0.1, 0.3]),
)
def test_the_margin_is_the_smallest_from_which_on_few_answers_change(
    seed: int, time_steps: int, samples: int, disagreement: float
) -> None:
    scores = scores_of(seed, time_steps, samples)
    rule = choose_rule(scores, disagreement)
    steps, _ = stop_one_by_one(scores, rule.margin)
    assert rule.mean_steps == pytest.approx(np.mean(steps))
    assert rule.disagreement == changed(scores, rule.margin) <= disagreement
    margins = np.unique(margins_of(scores))
    larger = margins[margins > rule.margin]
    assert all(changed(scores, margin) <= disagreement for margin in larger)
    smaller = margins[margins < rule.margin]
    assert not smaller.size or changed(scores, smaller[-1]) > disagreement


@given(st.integers(0, 10**6), st.floats(0, 4, width=32))
def test_the_steps_are_those_of_the_definition(seed: int, margin: float) -> None:
    scores = scores_of(seed, 5, 9)
    steps = exit_steps(margins_of(scores), margin)
    assert steps.tolist() == stop_one_by_one(scores, margin)[0]


def test_answers_that_never_change_stop_at_once() -> None:
    scores = np.tile(np.array([[[0.5, 2.0]]], np.float32), (4, 3, 1))
    rule = choose_rule(scores)
    assert (rule.margin, rule.mean_steps, rule.disagreement) == (0.0, 1.0, 0.0)


def test_a_sample_that_never_stops_takes_all_steps() -> None:
    margins = np.zeros((3, 2), np.float32)
    assert exit_steps(margins, 0.5).tolist() == [3, 3]
