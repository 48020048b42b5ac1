"""Every form of data that is accepted."""

from __future__ import annotations

import dataclasses
import tracemalloc
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from onnx2snn.data.dataset import Dataset, InputSpec, dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FLOAT32 = np.dtype("float32")
IMAGE = (InputSpec("image", FLOAT32, (None, 3, 4, 5)),)
BAKED = (InputSpec("image", FLOAT32, (4, 3, 4, 5)),)
TOKENS = (
    InputSpec("ids", np.dtype("int64"), (None, None)),
    InputSpec("scale", FLOAT32, ()),
)
X = np.random.default_rng(0).normal(size=(10, 3, 4, 5)).astype(np.float32)
Y = np.arange(10) % 7


def joined(data: Dataset, batch_size: int = 3) -> np.ndarray:
    return np.concatenate(
        [batch.feeds["image"][: batch.valid] for batch in data.batches(batch_size)]
    )


def sizes(data: Dataset, batch_size: int = 3) -> list[tuple[int, int]]:
    return [
        (len(batch.feeds["image"]), batch.valid) for batch in data.batches(batch_size)
    ]


def labels_of(data: Dataset, batch_size: int = 3) -> list[int]:
    return [
        int(label)
        for batch in data.batches(batch_size)
        if batch.labels is not None
        for label in batch.labels
    ]


class Reader:
    """A CalibrationDataReader that is read once."""

    def __init__(self, feeds: list[Any]) -> None:
        self.feeds = iter(feeds)

    def get_next(self) -> Any:
        return next(self.feeds, None)


class RewindingReader(Reader):
    """A CalibrationDataReader that was read to its end, and can be rewound."""

    def __init__(self, feeds: list[Any]) -> None:
        super().__init__([])
        self.all_feeds = feeds

    def rewind(self) -> None:
        self.feeds = iter(self.all_feeds)


class Tensor:
    """What torch's tensors that require a gradient are like."""

    def __init__(self, array: np.ndarray, *, detached: bool = False) -> None:
        self.array = array
        self.detached = detached

    def detach(self) -> Tensor:
        return Tensor(self.array, detached=True)

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> np.ndarray:
        if not self.detached:
            raise RuntimeError
        return self.array


class Loader:
    """What a DataLoader is like: every time it is iterated, it starts again."""

    def __iter__(self) -> Iterator[list[Tensor]]:
        for start in range(0, 10, 4):
            yield [Tensor(X[start : start + 4]), Tensor(Y[start : start + 4])]


SCRIPT = """
import numpy as np
from neighbor import X

def batches():
    for start in range(0, 10, 4):
        yield {"image": X[start : start + 4], "y": np.arange(10)[start : start + 4] % 7}

def arrays():
    yield X

def whole():
    return {"image": X}
"""


def npz(tmp_path: Path, name: str = "data.npz", **arrays: np.ndarray) -> Path:
    np.savez(tmp_path / name, **arrays)
    return tmp_path / name


@pytest.fixture
def script(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", X)
    neighbor = f"import numpy\nX = numpy.load({str(tmp_path / 'x.npy')!r})\n"
    (tmp_path / "neighbor.py").write_text(neighbor)
    (tmp_path / "calib.py").write_text(SCRIPT)
    return tmp_path / "calib.py"


def with_labels(tmp_path: Path) -> dict[str, object]:
    pairs = [(X[:4], Y[:4]), (X[4:], Y[4:])]
    dicts = [{"image": X[:4], "y": Y[:4]}, {"image": X[4:], "y": Y[4:].tolist()}]
    return {
        "npz": npz(tmp_path, image=X, y=Y),
        "npz as text": str(npz(tmp_path, image=X, y=Y)),
        "npz x": npz(tmp_path, "x.npz", x=X, labels=Y),
        "npz Fortran": npz(tmp_path, "f.npz", x=np.asfortranarray(X), y=Y),
        "dict": {"image": X, "y": Y},
        "dict x": {"x": Tensor(X), "y": Tensor(Y)},
        "dict of lists": {"x": X.tolist(), "y": Y.astype(float).tolist()},
        "list of dicts": dicts,
        "list of pairs": pairs,
        "generator": (pair for pair in pairs),
        "singles": [(X[i : i + 1], Y[i]) for i in range(10)],
        "loader": Loader(),
        "reader": Reader(dicts),
    }


WITH_LABELS = (
    "npz",
    "npz as text",
    "npz x",
    "npz Fortran",
    "dict",
    "dict x",
    "dict of lists",
    "list of dicts",
    "list of pairs",
    "generator",
    "singles",
    "loader",
    "reader",
)


@pytest.mark.parametrize("specs", [IMAGE, BAKED], ids=["free", "baked"])
@pytest.mark.parametrize("form", WITH_LABELS)
def test_every_form_with_labels(
    tmp_path: Path, form: str, specs: tuple[InputSpec, ...]
) -> None:
    data = dataset(with_labels(tmp_path)[form], specs)
    for batch_size in (3, 1, 100, 3):
        np.testing.assert_array_equal(joined(data, batch_size), X)
        assert labels_of(data, batch_size) == Y.tolist()
    assert data.samples == 10
    assert data.labels is not None
    assert data.labels.tolist() == Y.tolist()
    assert data.sha256() == dataset(X, specs).sha256()


def test_labels_keep_their_type_and_shape() -> None:
    maps = np.arange(10 * 2 * 3).reshape(10, 2, 3)
    for labels in (maps, Y / 3, np.array(["cat", "dog"] * 5), Y[:, None] > 2):
        found = dataset({"image": X, "y": labels}, IMAGE).labels
        assert found is not None
        assert found.dtype == labels.dtype
        np.testing.assert_array_equal(found, labels)


def test_text_as_python_objects_is_text() -> None:
    found = dataset({"image": X, "y": np.array(["a"] * 10, object)}, IMAGE).labels
    assert found is not None
    assert found.tolist() == ["a"] * 10


def test_stacked_feeds_may_have_stacked_labels() -> None:
    data = {"image": X.reshape(5, 2, *X.shape[1:]), "y": Y.reshape(5, 2)}
    found = dataset(data, IMAGE).labels
    assert found is not None
    assert found.tolist() == Y.tolist()


def test_labels_beside_an_input_called_y(tmp_path: Path) -> None:
    specs = (dataclasses.replace(IMAGE[0], name="y"),)
    for data in (
        {"y": X, "labels": Y},
        npz(tmp_path, y=X, labels=Y),
        [{"y": X, "labels": Y}],
    ):
        found = dataset(data, specs)
        assert found.labels is not None
        assert found.labels.tolist() == Y.tolist()
        np.testing.assert_array_equal(next(found.batches(10)).feeds["y"], X)


def test_labels_under_a_name_of_ones_own(tmp_path: Path) -> None:
    arrays = {"image": X, "species": Y, "y": 0 * Y}
    for data in (arrays, npz(tmp_path, **arrays), [arrays]):
        found = dataset(data, IMAGE, label_key="species").labels
        assert found is not None
        assert found.tolist() == Y.tolist()


def without_labels() -> dict[str, object]:
    return {
        "array": X,
        "tensor-like": [Tensor(X)],
        "list of arrays": [X[:4], X[4:]],
        "rewound reader": RewindingReader([{"image": X[:4]}, {"image": X[4:]}]),
        "reader of arrays": Reader([X]),
        "float64": X.astype(np.float64),
        "big-endian": X.astype(">f4"),
        "strided": np.asfortranarray(X),
    }


@pytest.mark.parametrize("form", without_labels())
def test_every_form_without_labels(form: str) -> None:
    data = dataset(without_labels()[form], IMAGE)
    for _ in range(2):
        np.testing.assert_array_equal(joined(data), X)
    assert data.labels is None
    assert labels_of(data) == []
    assert all(batch.feeds["image"].dtype == np.float32 for batch in data.batches(3))
    assert data.sha256() == dataset(X, IMAGE).sha256()


@pytest.mark.parametrize(
    "function, has_labels",
    [("", True), (":batches", True), (":arrays", False), (":whole", False)],
)
def test_scripts(script: Path, function: str, *, has_labels: bool) -> None:
    data = dataset(f"{script}{function}", IMAGE)
    np.testing.assert_array_equal(joined(data), X)
    assert (data.labels is not None) == has_labels


def test_a_dataset_stays_what_it_is() -> None:
    data = dataset(X, IMAGE)
    assert dataset(data, IMAGE) is data


def test_the_digest_tells_data_apart() -> None:
    changed = X.copy()
    changed[9, 2, 3, 4] += 1e-6
    digests = {
        dataset(source, specs).sha256()
        for source, specs in [
            (X, IMAGE),
            (changed, IMAGE),
            (X[::-1], IMAGE),
            (X[:9], IMAGE),
            (X, (InputSpec("other", FLOAT32, None),)),
            (X, (InputSpec("image", np.dtype("float64"), None),)),
        ]
    }
    assert len(digests) == 6


def test_labels_do_not_change_the_digest() -> None:
    assert (
        dataset({"x": X, "y": Y}, IMAGE).sha256() == dataset({"x": X}, IMAGE).sha256()
    )


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_is_never_loaded_whole(
    tmp_path: Path, save: Callable[..., None]
) -> None:
    images = np.zeros((4000, 3, 32, 32), np.float32)
    save(tmp_path / "big.npz", image=images)
    size = images.nbytes
    del images
    tracemalloc.start()
    data = dataset(
        tmp_path / "big.npz", (InputSpec("image", FLOAT32, (None, 3, 32, 32)),)
    )
    assert sum(batch.valid for batch in data.batches(64)) == 4000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 10


def test_an_npz_whose_header_has_the_second_version(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "data.npz", "w") as archive,
        archive.open("x.npy", "w") as file,
    ):
        np.lib.format.write_array(file, X, version=(2, 0))
    np.testing.assert_array_equal(joined(dataset(tmp_path / "data.npz", IMAGE)), X)


def test_feeds_beyond_the_memory_limit_go_to_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("onnx2snn.data.sources._IN_MEMORY", 1000)
    data = dataset(Loader(), IMAGE)
    np.testing.assert_array_equal(joined(data), X)


def test_a_data_loader_script_of_polygraphy_works_as_it_is(tmp_path: Path) -> None:
    script = tmp_path / "data_loader.py"
    script.write_text(
        "import numpy as np\n\n\n"
        "def load_data():\n"
        "    for level in range(10):\n"
        "        yield {'image': np.full((1, 3, 4, 5), level, dtype=np.float32)}\n"
    )
    for source in (script, f"{script}:load_data"):
        levels = joined(dataset(str(source), IMAGE))[:, 0, 0, 0]
        np.testing.assert_array_equal(levels, np.arange(10))
