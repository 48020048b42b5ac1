from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from onnx2snn.storage.array_store import ArrayStore


def folder(tape: ArrayStore) -> Path:
    return Path(tape._folder.name)


def test_arrays_come_back_as_they_were() -> None:
    arrays = [
        np.arange(6.0).reshape(2, 3),
        np.zeros((0, 3), np.int8),
        np.array(5, np.int64),
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


def test_what_is_read_is_mapped_not_loaded() -> None:
    with ArrayStore() as tape:
        tape.append("x", np.ones(2))
        assert isinstance(tape.read("x", 0), np.memmap)


def test_dropping_frees_the_disk() -> None:
    with ArrayStore() as tape:
        for name in ("x", "x", "y"):
            tape.append(name, np.ones(2))
        assert len(list(folder(tape).iterdir())) == 3
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
        tape.append("x", np.ones(2))
        where = folder(tape)
    assert not where.exists()


def test_text_comes_back_as_python_s_strings() -> None:
    words = np.array([["a", "bcd"], ["", "déf"]], object)
    with ArrayStore() as store:
        store.append("words", words)
        found = store.read("words", 0)
    assert found.dtype == object
    assert found.tolist() == words.tolist()
