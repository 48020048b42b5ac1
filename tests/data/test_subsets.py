"""Samples that are set aside from a data set."""

from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.data.dataset import Dataset, InputSpec, dataset
from onnx2snn.data.subsets import MOST_HELD_OUT, hold_out

SPECS = (InputSpec("x", np.dtype(np.float32), (None, 2)),)


def numbered(count: int) -> Dataset:
    """Return samples that hold their own number."""
    numbers = np.arange(count, dtype=np.float32)
    return dataset({"x": np.stack([numbers, -numbers], axis=1)}, SPECS)


def numbers_in(data: Dataset) -> list[int]:
    return [
        int(row[0])
        for batch in data.batches(7)
        for row in batch.feeds["x"][: batch.valid]
    ]


@pytest.mark.parametrize("count", [10, 64, 100, 160, 161, 1000])
def test_every_sample_is_in_one_of_the_two_parts(count: int) -> None:
    parts = hold_out(numbered(count), SPECS)
    assert parts is not None
    kept, held_out = map(numbers_in, parts)
    assert sorted([*kept, *held_out]) == list(range(count))
    assert kept == sorted(kept)
    assert 2 <= len(held_out) <= min(MOST_HELD_OUT, count // 5)


def test_held_out_samples_are_spread_over_the_data() -> None:
    parts = hold_out(numbered(1000), SPECS)
    assert parts is not None
    gaps = np.diff(numbers_in(parts[1]))
    assert (gaps == gaps[0]).all()


def test_the_larger_part_has_the_digest_of_the_whole() -> None:
    whole = numbered(50)
    parts = hold_out(whole, SPECS)
    assert parts is not None
    assert parts[0].sha256() == whole.sha256()
    assert parts[1].sha256() != whole.sha256()


def test_of_few_samples_none_is_set_aside() -> None:
    assert hold_out(numbered(9), SPECS) is None


def test_samples_that_come_one_at_a_time_are_set_aside_as_well() -> None:
    alone = (InputSpec("x", np.dtype(np.float32), (1, 2)),)
    numbers = np.arange(20, dtype=np.float32)
    data = dataset({"x": np.stack([numbers, -numbers], axis=1)}, alone)
    parts = hold_out(data, alone)
    assert parts is not None
    assert numbers_in(parts[1]) == [4, 9, 14, 19]
    assert sorted(numbers_in(parts[0]) + numbers_in(parts[1])) == list(range(20))


def test_parts_are_cut_alike_however_the_data_was() -> None:
    numbers = np.arange(100, dtype=np.float32)
    x = np.stack([numbers, -numbers], axis=1)
    cuts = []
    for rows in (1, 7, 100):
        feeds = [{"x": x[start : start + rows]} for start in range(0, 100, rows)]
        parts = hold_out(dataset(feeds, SPECS), SPECS)
        assert parts is not None
        cuts.append([[batch.valid for batch in part.batches(64)] for part in parts])
    assert cuts == [[[64, 16], [20]]] * 3


def test_samples_of_other_shapes_are_not_joined() -> None:
    specs = (InputSpec("x", np.dtype(np.float32), (None, None)),)
    feeds = [{"x": np.zeros((1, 2 + count // 10), np.float32)} for count in range(20)]
    parts = hold_out(dataset(feeds, specs), specs)
    assert parts is not None
    shapes = [batch.feeds["x"].shape for batch in parts[0].batches(64)]
    assert shapes == [(8, 2), (8, 3)]


def test_of_batches_of_a_fixed_size_none_is_set_aside() -> None:
    fixed = (InputSpec("x", np.dtype(np.float32), (4, 2)),)
    data = dataset({"x": np.zeros((40, 2), np.float32)}, fixed)
    assert hold_out(data, fixed) is None
