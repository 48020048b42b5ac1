from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.exporting.firing import Firing

ONE = np.ones(1, np.float32)


def step(firing: Firing, *potentials: float) -> tuple[list[float], list[float]]:
    spikes, after = firing.step(np.array(potentials, np.float32), ONE)
    return spikes.tolist(), after.tolist()


def test_one_spike_subtracts_the_threshold_once() -> None:
    assert step(Firing(), 0.5, 1, 2.5, -3) == ([0, 1, 1, 0], [0.5, 0, 1.5, -3])


def test_a_hard_reset_forgets_what_lies_above_the_threshold() -> None:
    assert step(Firing(is_hard=True), 1.5, 0.5) == ([1, 0], [0, 0.5])


def test_a_strict_neuron_does_not_fire_at_its_threshold() -> None:
    assert step(Firing(is_strict=True), 1, 1.5) == ([0, 1], [1, 0.5])


def test_several_spikes_leave_less_than_a_threshold() -> None:
    assert step(Firing(sends_several=True), 2.5, -0.5) == ([2, 0], [0.5, -0.5])


def test_a_floor_keeps_the_potential_from_falling() -> None:
    assert step(Firing(has_floor=True), -3, -0.5) == ([0, 0], [-1, -0.5])


@pytest.mark.parametrize(
    "firing, words",
    [
        (Firing(), "fires at the threshold, reset by subtraction"),
        (Firing(is_hard=True, is_strict=True), "above the threshold, reset to 0"),
        (Firing(sends_several=True, has_floor=True), "at least minus the threshold"),
    ],
)
def test_a_neuron_says_what_it_does(firing: Firing, words: str) -> None:
    assert words in firing.describe()
