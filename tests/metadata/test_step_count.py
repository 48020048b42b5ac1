"""Numbers of steps as functions of T, and as text."""

from __future__ import annotations

import pytest

from onnx2snn.metadata.step_count import StepCount


@pytest.mark.parametrize(
    "count, text, at_4",
    [
        (StepCount(1), "T", 4),
        (StepCount(1, 9), "T + 9", 13),
        (StepCount(19), "19 T", 76),
        (StepCount(2, 1), "2 T + 1", 9),
        (StepCount(0, 1), "1", 1),
        (StepCount(), "0", 0),
    ],
)
def test_as_text_and_back(count: StepCount, text: str, at_4: int) -> None:
    assert str(count) == text
    assert StepCount.parse(text) == count
    assert count.at(4) == at_4


@pytest.mark.parametrize("text", ["", "T +", "T + x", "T9", "+ 9", "-1", "2T"])
def test_what_is_no_number_of_steps(text: str) -> None:
    with pytest.raises(ValueError, match="is no number of steps"):
        StepCount.parse(text)
