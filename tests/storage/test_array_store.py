from __future__ import annotations

from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np
import pytest

from onnx2snn.storage import array_store
from onnx2snn.storage.array_store import ArrayStore

if TYPE_CHECKING:
    from pathlib import Path

LARGE = np.ones(2**14)


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all arrays go to disk."""
    monkeypatch.setattr(array_store, "_MOST_HELD", 0)


def folder(tape: ArrayStore) -> Path:
    return tape._folder.path


@pytest.mark.parametrize("held", [0, 2**20])
def test_arrays_come_back_as_they_were(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_store, "_MOST_HELD", held)
    arrays = [
        np.arange(6.0).reshape(2, 3),
        np.zeros((0, 3), np.int8),
        np.array(5, np.int64),
        np.arange(24, dtype=np.int16).reshape(2, 3, 4).swapaxes(0, 2),
        np.arange(3).astype(ml_dtypes.bfloat16),
    ]
    with ArrayStore() as tape:
        for data in arrays:
            tape.append("a/b:0", data)
        for batch, data in enumerate(arrays):
            found = tape.read("a/b:0", batch)
            np.testing.assert_array_equal(found, data)
            assert (found.dtype, found.shape) == (data.dtype, data.shape)


def test_sequences_are_apart() -> None:
    with ArrayStore() as tape:
        tape.append("x", np.ones(2))
        tape.append("y", np.zeros(3))
        tape.append("x", np.full(4, 2.0))
        assert [tape.read("x", 1).size, tape.read("y", 0).size] == [4, 3]


@pytest.mark.usefixtures("no_memory")
def test_what_is_read_on_while_more_is_written() -> None:
    with ArrayStore() as store:
        store.append("x", LARGE)
        first = store.read("x", 0)
        store.append("x", 2 * LARGE)
        second = store.read("x", 1)
        store.drop("x")
        np.testing.assert_array_equal(first, LARGE)
        np.testing.assert_array_equal(second, 2 * LARGE)


def test_arrays_are_held_as_they_were_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(array_store, "_MOST_HELD", 100)
    with ArrayStore() as tape:
        for start in range(4):
            data = np.full(5, float(start))  # 40 bytes: two of them fit
            tape.append("x", data)
            data += 1
        assert len(list(folder(tape).iterdir())) == 1
        for batch in range(4):
            found = tape.read("x", batch)
            np.testing.assert_array_equal(found, np.full(5, float(batch)))
            assert not found.flags.writeable
        tape.drop("x")
        tape.append("y", np.ones(10))
        assert not list(folder(tape).iterdir())


@pytest.mark.usefixtures("no_memory")
def test_a_sequence_is_one_file_and_dropping_frees_the_disk() -> None:
    with ArrayStore() as tape:
        for name in ("x", "x", "y"):
            tape.append(name, LARGE)
        assert len(list(folder(tape).iterdir())) == 2
        tape.drop("x")
        tape.drop("unknown")
        assert len(list(folder(tape).iterdir())) == 1
        with pytest.raises(KeyError, match="x"):
            tape.read("x", 0)
        assert tape.read("y", 0) is not None
        with pytest.raises(KeyError, match="x"):
            tape.read("x", 0)


def test_nothing_stays_behind() -> None:
    with ArrayStore() as tape:
        tape.append("x", LARGE)
        where = folder(tape)
    assert not where.exists()


@pytest.mark.parametrize("held", [0, 2**20])
def test_text_comes_back_as_python_s_strings(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_store, "_MOST_HELD", held)
    words = np.array([["a", "bcd"], ["", "déf"]], object)
    with ArrayStore() as store:
        store.append("words", words)
        found = store.read("words", 0)
    assert found.dtype == object
    assert found.tolist() == words.tolist()
