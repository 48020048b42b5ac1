"""Data as users of other libraries have it: pairs, tables, tensors, sparse matrices, text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from onnx2snn.data.dataset import InputSpec, dataset
from onnx2snn.errors import CalibrationError

if TYPE_CHECKING:
    from pathlib import Path

FLOAT32 = np.dtype(np.float32)
X = np.random.default_rng(1).standard_normal((6, 4)).astype(np.float32)
Z = np.random.default_rng(2).standard_normal((6, 3)).astype(np.float32)
Y = np.array([0, 1, 2, 1, 0, 1])
ONE = (InputSpec("x", FLOAT32, (None, 4)),)
TWO = (*ONE, InputSpec("z", FLOAT32, (None, 3)))
TEXT = (InputSpec("word", np.dtype(object), (None, 2)),)


class Table:
    """An array of another library, known by this one method, as a table of pandas is."""

    def __init__(self, data: np.ndarray) -> None:
        self._data = data

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self._data


class Sparse:
    """A matrix of SciPy, which numpy.asarray makes one object of."""

    def toarray(self) -> np.ndarray:
        return X


def read(source: object, specs: tuple[InputSpec, ...] = ONE) -> tuple[Any, Any]:
    """Return all inputs by name, and the labels."""
    found = dataset(source, specs)
    (batch,) = found.batches(100)
    return batch.feeds, found.labels


@pytest.mark.parametrize(
    "source",
    [
        (X, Y),
        (X, Y.tolist()),
        (X.tolist(), Y.tolist()),
        (Table(X), Table(Y)),
        (Table(X.astype(float)), Table(Y)),
        (Sparse(), Y),
        ({"x": X}, Y),
        [(X, Y)],
        [[X, Y]],
        [({"x": X}, Y)],
        {"x": X, "y": Y},
    ],
)
def test_inputs_with_labels(source: object) -> None:
    feeds, labels = read(source)
    np.testing.assert_array_equal(feeds["x"], X)
    assert feeds["x"].dtype == np.float32
    assert labels.tolist() == Y.tolist()


@pytest.mark.parametrize(
    "source",
    [X, X.tolist(), Table(X), Sparse(), [Table(X)], [X.tolist()], (X, None), (X,)],
)
def test_inputs_without_labels(source: object) -> None:
    feeds, labels = read(source)
    np.testing.assert_array_equal(feeds["x"], X)
    assert labels is None


def test_a_pair_of_several_inputs_and_labels() -> None:
    for source in (({"x": X, "z": Z}, Y), [({"x": X, "z": Z}, Y)]):
        feeds, labels = read(source, TWO)
        np.testing.assert_array_equal(feeds["z"], Z)
        assert labels.tolist() == Y.tolist()
    with pytest.raises(
        CalibrationError, match="the model has 2 inputs; give a dict with"
    ):
        dataset((X, Y), TWO)


@pytest.mark.parametrize(
    "source",
    [
        [X[:3], X[3:]],
        ((X[:3], Y[:3]), (X[3:], Y[3:])),
        ({"x": X[:3]}, {"x": X[3:]}),
        ([X[:3], Y[:3]], [X[3:], Y[3:]]),
    ],
)
def test_two_feeds_are_no_pair(source: object) -> None:
    assert [len(b.feeds["x"]) for b in dataset(source, ONE).batches(100)] == [3, 3]


def test_two_columns_of_numbers_are_no_pairs() -> None:
    specs = (InputSpec("x", FLOAT32, (None, 2)),)
    feeds, labels = read(X[:, :2].tolist(), specs)
    np.testing.assert_array_equal(feeds["x"], X[:, :2])
    assert labels is None


def test_samples_one_by_one_are_told_of_a_loader() -> None:
    class Samples:
        """A data set of PyTorch: samples by their index."""

        def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
            return X[index], int(Y[index])

    with pytest.raises(
        TypeError, match=r"not Samples; samples one by one .* DataLoader"
    ):
        dataset(Samples(), ONE)


def test_labels_of_another_number_are_refused() -> None:
    with pytest.raises(CalibrationError, match="5 labels for 6 samples"):
        dataset((X, Y[:5]), ONE)


def test_tables_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    feeds, labels = read((table, pandas.Series(Y)))
    np.testing.assert_array_equal(feeds["x"], X)
    assert labels.tolist() == Y.tolist()
    mixed = table.assign(a="word")
    with pytest.raises(
        CalibrationError, match=r"of type DataFrame .* or strings: it holds float, str"
    ):
        dataset(mixed, ONE)


WORDS = np.array([["a", "bc"], ["déf", ""], ["a", "bc"]])


@pytest.mark.parametrize(
    "source",
    [
        WORDS,
        WORDS.astype(object),
        WORDS.tolist(),
        {"word": WORDS},
        [WORDS[:2], WORDS[2:]],
        (WORDS.astype(object), Y[:3]),
    ],
)
def test_text(source: object) -> None:
    found = dataset(source, TEXT)
    rows = [row for batch in found.batches(2) for row in batch.feeds["word"].tolist()]
    assert rows == WORDS.tolist()
    assert found.sha256() == dataset(WORDS, TEXT).sha256()
    assert found.sha256() != dataset(WORDS[:, ::-1], TEXT).sha256()


def test_an_npy_file(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", X)
    for path in (tmp_path / "data.npy", str(tmp_path / "data.npy")):
        feeds, labels = read(path)
        np.testing.assert_array_equal(feeds["x"], X)
        assert labels is None
