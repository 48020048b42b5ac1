from __future__ import annotations

import pytest

from onnx2snn.reporting.log_scale import LogScale


def test_positions_are_logarithmic() -> None:
    scale = LogScale(-1, 1)
    assert [scale.position(value) for value in (0.1, 1, 10)] == [0, 50, 100]


@pytest.mark.parametrize(
    "scale, ticks",
    [
        (LogScale(-1, 1), [0.1, 0.2, 0.5, 1, 2, 5, 10]),
        (LogScale(0, 3), [1, 3, 10, 30, 100, 300, 1000]),
        (LogScale(0, 7), [10**power for power in range(8)]),
        (LogScale(0, 8), [1, 100, 10**4, 10**6, 10**8]),
    ],
)
def test_ticks_are_round_and_few(scale: LogScale, ticks: list[float]) -> None:
    assert scale.ticks() == pytest.approx(ticks)


def test_a_short_scale_has_two_ticks() -> None:
    assert LogScale(0.1, 0.2).ticks() == pytest.approx([10**0.11, 10**0.19])


def test_a_margin_is_around_the_numbers() -> None:
    assert LogScale.around(1, 100) == LogScale(-0.1, 2.1)
    assert LogScale.around(1, 1) == LogScale(-0.05, 0.05)
