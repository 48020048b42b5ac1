"""How data is cut into batches, and what its values are cast to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.data.dataset import Batch, Dataset, InputSpec, dataset, input_specs

if TYPE_CHECKING:
    from collections.abc import Callable
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


def test_free_batches_are_as_large_as_asked_and_the_last_is_smaller() -> None:
    assert sizes(dataset(X, IMAGE)) == [(3, 3), (3, 3), (3, 3), (1, 1)]


def test_a_baked_batch_size_is_kept_and_the_last_batch_padded() -> None:
    data = dataset(X, BAKED)
    assert sizes(data) == [(4, 4), (4, 4), (4, 2)]
    last = list(data.batches(3))[-1].feeds["image"]
    np.testing.assert_array_equal(last, X[[8, 9, 9, 9]])


def test_separate_feeds_are_cut_but_not_joined() -> None:
    data = dataset([X[:4], X[4:5], X[5:]], IMAGE)
    assert sizes(data) == [(3, 3), (1, 1), (1, 1), (3, 3), (2, 2)]


def test_stacked_feeds_are_left_whole(tmp_path: Path) -> None:
    stacked = X.reshape(5, 2, 3, 4, 5)
    np.savez(tmp_path / "data.npz", image=stacked, y=Y.reshape(5, 2))
    data = dataset(tmp_path / "data.npz", IMAGE)
    assert sizes(data, 1) == [(2, 2)] * 5
    assert labels_of(data, 1) == Y.tolist()
    assert (
        data.sha256() == dataset(X, IMAGE).sha256() == dataset(stacked, IMAGE).sha256()
    )
    assert sizes(dataset(X[:8].reshape(2, 4, 3, 4, 5), BAKED), 1) == [(4, 4)] * 2


def test_scalars_are_stacked_and_the_rest_is_split_evenly() -> None:
    ids = np.arange(36).reshape(6, 6)
    data = dataset({"ids": ids.astype(np.int32), "scale": [0.5, 2.0]}, TOKENS)
    batches = list(data.batches(1))
    assert data.samples == 6
    assert [(batch.feeds["ids"].shape, batch.valid) for batch in batches] == [
        ((3, 6), 3)
    ] * 2
    assert [float(batch.feeds["scale"]) for batch in batches] == [0.5, 2]
    assert batches[0].feeds["ids"].dtype == np.int64
    assert batches[0].feeds["scale"].shape == ()


def test_a_single_scalar_serves_every_batch() -> None:
    data = dataset({"ids": np.ones((3, 6), np.int64), "scale": np.float32(2)}, TOKENS)
    assert [float(batch.feeds["scale"]) for batch in data.batches(1)] == [2, 2, 2]


def test_feeds_whose_first_axes_differ() -> None:
    specs = (
        InputSpec("sound", FLOAT32, (1, 576)),
        InputSpec("state", FLOAT32, (2, 1, 8)),
        InputSpec("rate", np.dtype("int64"), ()),
    )
    feed = {
        "sound": np.ones((1, 576)),
        "state": np.ones((2, 1, 8)),
        "rate": np.int64(16000),
    }
    shapes = {"sound": (1, 576), "state": (2, 1, 8), "rate": ()}
    stacked = {name: np.stack([array] * 5) for name, array in feed.items()}
    concatenated = {
        "sound": np.ones((5, 576)),
        "state": np.ones((10, 1, 8)),
        "rate": np.full(5, 16000),
    }
    for source in ([feed] * 5, stacked, concatenated):
        data = dataset(source, specs)
        assert data.samples == 5
        found = [
            {k: v.shape for k, v in batch.feeds.items()} for batch in data.batches(64)
        ]
        assert found == [shapes] * 5


def test_only_scalars() -> None:
    specs = (InputSpec("a", FLOAT32, ()),)
    assert [float(b.feeds["a"]) for b in dataset(np.float32(3), specs).batches(2)] == [
        3
    ]
    assert [float(b.feeds["a"]) for b in dataset(np.arange(2.0), specs).batches(2)] == [
        0,
        1,
    ]


def test_an_input_of_unknown_rank_is_concatenated() -> None:
    specs = (InputSpec("image", FLOAT32, None),)
    assert sizes(dataset(X, specs)) == [(3, 3), (3, 3), (3, 3), (1, 1)]


def test_an_input_called_y_is_no_label() -> None:
    specs = (InputSpec("y", FLOAT32, (None, 2)),)
    data = dataset({"y": np.ones((3, 2))}, specs)
    assert (data.samples, data.labels) == (3, None)


@pytest.mark.parametrize(
    "stored, wanted",
    [
        ("float64", "float32"),
        ("float16", "float32"),
        ("float32", "float16"),
        ("float32", "bfloat16"),
        ("bfloat16", "float32"),
        ("int32", "int64"),
        ("int64", "int32"),
        ("uint8", "int64"),
        ("bool", "float32"),
        ("bool", "int64"),
        ("bool", "bool"),
        ("uint8", "uint8"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x]], ids=["array", "feed"])
def test_casts(stored: str, wanted: str, wrap: Callable[[np.ndarray], object]) -> None:
    source, target = (
        np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
        for name in (stored, wanted)
    )
    specs = (InputSpec("image", target, (None, 2)),)
    values = np.array([[1, 0], [0, 1], [1, 1]]).astype(source)
    [batch] = dataset(wrap(values), specs).batches(3)
    assert batch.feeds["image"].dtype == target
    np.testing.assert_array_equal(batch.feeds["image"], values.astype(target))


def test_two_iterations_at_once_do_not_disturb_each_other() -> None:
    data = dataset((X[start : start + 4] for start in (0, 4, 8)), IMAGE)
    for one, other in zip(data.batches(4), data.batches(4), strict=True):
        np.testing.assert_array_equal(one.feeds["image"], other.feeds["image"])


@pytest.mark.parametrize("batch_size", [0, -3])
def test_a_batch_has_at_least_one_sample(batch_size: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, not {batch_size}"):
        next(dataset(X, IMAGE).batches(batch_size))


def test_input_specs_are_the_inputs_without_a_default() -> None:
    model = ir.from_onnx_text(
        """<ir_version: 8, opset_import: ["": 17]>
        agraph (float[N, 3, 8] x, int64 steps, float16[2, M] h, float[8] w) => (float[N, 3, 8] y)
        <float[8] w = {1, 2, 3, 4, 5, 6, 7, 8}> { y = Mul(x, w) }"""
    )
    model.graph.inputs.append(
        ir.Value(name="free", type=ir.TensorType(ir.DataType.BFLOAT16))
    )
    model.graph.inputs.append(ir.Value(name="nothing"))
    assert input_specs(model) == (
        InputSpec("x", FLOAT32, (None, 3, 8), ("N", None, None)),
        InputSpec("steps", np.dtype("int64"), ()),
        InputSpec("h", np.dtype("float16"), (2, None), (None, "M")),
        InputSpec("free", np.dtype(ml_dtypes.bfloat16), None),
        InputSpec("nothing", np.dtype(object), None),
    )


def test_a_spec_reads_well() -> None:
    assert str(IMAGE[0]) == "'image' float32 [N, 3, 4, 5]"
    assert str(TOKENS[0]) == "'ids' int64 [N, ?]"
    assert str(TOKENS[1]) == "'scale' float32 []"


def test_a_batch_has_no_labels_by_default() -> None:
    assert Batch({"image": X}, 10).labels is None
