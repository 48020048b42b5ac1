"""Positions that stand for whole images."""

from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.correction.grid import Grid

EACH_SIZE = pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 30, 56])
EACH_NUMBER_OF_POSITIONS = pytest.mark.parametrize("positions", [1, 3, 8])


def along(size: int, positions: int, batch: int = 0) -> np.ndarray:
    (places,) = Grid(positions, batch).positions_along([size])
    return np.arange(size)[places]


@EACH_SIZE
@EACH_NUMBER_OF_POSITIONS
@pytest.mark.parametrize("batch", [0, 1, 2, 100])
def test_places_are_evenly_spaced_and_not_more_than_asked_for(
    size: int, positions: int, batch: int
) -> None:
    places = along(size, positions, batch)
    assert 1 <= len(places) <= positions
    assert set(np.diff(places)) <= {-(-size // positions)}


@pytest.mark.parametrize("size, first", [(8, 0), (16, 1), (24, 1), (30, 2), (56, 3)])
def test_the_first_batch_is_seen_at_the_middle_of_each_cell(
    size: int, first: int
) -> None:
    assert along(size, 8)[0] == first


def test_many_batches_show_every_place_of_an_image_about_equally_often() -> None:
    seen = np.zeros((56, 30), int)
    for batch in range(700):
        seen[Grid(8, batch).positions_along(seen.shape)] += 1
    expected = 700 / (7 * 4)
    assert seen.min() > 0.7 * expected
    assert seen.max() < 1.3 * expected


def test_of_nothing_nothing_is_taken() -> None:
    assert len(along(0, 8)) == 0
