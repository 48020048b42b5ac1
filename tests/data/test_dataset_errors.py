"""Data that does not fit the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from onnx2snn.data.dataset import InputSpec, dataset
from onnx2snn.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FLOAT32 = np.dtype("float32")
IMAGE = (InputSpec("image", FLOAT32, (None, 3, 4, 5)),)
PAIR = (
    InputSpec("left", FLOAT32, (None, 3)),
    InputSpec("right", np.dtype("int32"), (None, 2)),
)
PREPROCESS = "preprocess the values as for the model (scale, mean), then pass them as"
EITHER_FORM = "(batches concatenated) or one more leading axis (feeds stacked)"
X = np.random.default_rng(0).normal(size=(6, 3, 4, 5)).astype(np.float32)


def lines(source: object, specs: Sequence[InputSpec] = IMAGE) -> list[str]:
    with pytest.raises(CalibrationError) as caught:
        dataset(source, specs)
    return str(caught.value).split("\n  ")


def problem(source: object, specs: Sequence[InputSpec] = IMAGE) -> str:
    head, only = lines(source, specs)
    assert head.endswith("cannot be fed to the model:")
    return only


def with_bad_values() -> np.ndarray:
    bad = X.copy()
    bad[0, 0, 0, :3] = np.nan
    bad[5, 1, 1, 1] = -np.inf
    return bad


def test_a_wrong_name_lists_the_expected_ones() -> None:
    assert lines({"img": X, "left": X[:, :, 0, 0]}, PAIR) == [
        "the data cannot be fed to the model:",
        "array 'img' is no input of the model; its inputs: 'left', 'right'",
        "no array for input 'right' int32 [N, 2]",
    ]


def test_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "calib.npz"
    np.savez(path, img=X)
    assert lines(path) == [
        f"{str(path)!r} cannot be fed to the model:",
        "array 'img' is no input of the model; its inputs: 'image'; did you mean 'image'?",
        "no array for input 'image' float32 [N, 3, 4, 5]",
    ]


def test_all_problems_are_told_at_once() -> None:
    source = {
        "left": np.ones((4, 5), np.uint8),
        "right": np.ones((4, 2)),
        "more": np.ones(2),
    }
    assert lines(source, PAIR)[1:] == [
        "array 'more' is no input of the model; its inputs: 'left', 'right'",
        "array 'left' has shape [4, 5], expected [N, 3]",
        f"array 'left' has dtype uint8, expected float32: {PREPROCESS} float32",
        "array 'right' has dtype float64, expected int32",
    ]


@pytest.mark.parametrize(
    "shape, message",
    [
        (
            (6, 4, 5, 3),
            (
                "has shape [6, 4, 5, 3], expected [N, 3, 4, 5]: the axes look transposed; "
                "give data.transpose(0, 3, 1, 2)"
            ),
        ),
        ((2, 6, 3, 4, 6), "has shape [2, 6, 3, 4, 6], expected [N, 3, 4, 5]"),
        (
            (4, 5),
            "has shape [4, 5] of rank 2, expected [N, 3, 4, 5] " + EITHER_FORM,
        ),
        (
            (),
            "has shape [] of rank 0, expected [N, 3, 4, 5] " + EITHER_FORM,
        ),
        ((0, 3, 4, 5), "is empty"),
        ((0, 2, 3, 4, 5), "is empty"),
        ((2, 0, 3, 4, 5), "is empty"),
    ],
)
def test_shapes(shape: tuple[int, ...], message: str) -> None:
    assert problem(np.zeros(shape, np.float32)) == f"array 'image' {message}"


def test_a_stacked_feed_must_have_the_baked_batch_size() -> None:
    baked = (InputSpec("image", FLOAT32, (4, 2)),)
    expected = "array 'image' has shape [5, 3, 2], expected [4, 2]"
    assert problem(np.zeros((5, 3, 2)), baked) == expected


@pytest.mark.parametrize(
    "array, message", [(np.float32(1), "is a scalar"), (np.zeros((0, 3)), "is empty")]
)
def test_shapes_for_an_unknown_rank(array: np.ndarray, message: str) -> None:
    specs = (InputSpec("image", FLOAT32, None),)
    assert problem({"image": array}, specs).startswith(f"array 'image' {message}")


@pytest.mark.parametrize(
    "stored, wanted",
    [
        ("float32", "int64"),
        ("float32", "bool"),
        ("int64", "bool"),
        ("complex64", "float32"),
    ],
)
def test_dtypes(stored: str, wanted: str) -> None:
    specs = (InputSpec("image", np.dtype(wanted), (None, 2)),)
    message = problem(np.zeros((3, 2), stored), specs)
    assert message == f"array 'image' has dtype {np.dtype(stored)}, expected {wanted}"


@pytest.mark.parametrize(
    "stored, wanted, message",
    [
        ("<U3", "float32", "holds strings, expected float32"),
        ("float32", "object", "has dtype float32, expected string"),
        ("S3", "object", "has dtype |S3, expected string"),
    ],
)
def test_strings_and_numbers(stored: str, wanted: str, message: str) -> None:
    specs = (InputSpec("image", np.dtype(wanted), (None, 2)),)
    assert problem(np.zeros((3, 2), stored), specs) == f"array 'image' {message}"


@pytest.mark.parametrize("wanted", ["float32", "float16"])
@pytest.mark.parametrize("stored", ["uint8", "int64"])
def test_raw_integers_for_a_float_input(stored: str, wanted: str) -> None:
    specs = (InputSpec("image", np.dtype(wanted), (None, 2)),)
    expected = (
        f"array 'image' has dtype {stored}, expected {wanted}: {PREPROCESS} {wanted}"
    )
    assert problem(np.zeros((3, 2), stored), specs) == expected


@pytest.mark.parametrize(
    "wrap", [lambda x: x, lambda x: [x[:2], x[2:]]], ids=["array", "feeds"]
)
def test_nan_and_inf_are_counted(wrap: Any) -> None:
    assert (
        problem(wrap(with_bad_values()))
        == "array 'image' has 3 NaN and 1 Inf values, first in sample 0"
    )


def test_a_single_bad_value_of_each_input() -> None:
    left, right = np.ones((3, 3)), np.ones((3, 2), np.int64)
    left[1, 1] = np.inf
    right[0] = 2**40
    assert lines({"left": left, "right": right}, PAIR)[1:] == [
        "array 'left' has 1 Inf value, first in sample 1",
        "array 'right' has 2 out of range for int32 values, first in sample 0",
    ]


def test_values_that_overflow_in_the_inputs_type() -> None:
    specs = (InputSpec("image", np.dtype("float16"), (None, 2)),)
    assert (
        problem(np.full((3, 2), 1e6), specs)
        == "array 'image' has 6 Inf values, first in sample 0"
    )
    specs = (InputSpec("image", np.dtype("uint64"), (None, 2)),)
    expected = "array 'image' has 6 out of range for uint64 values, first in sample 0"
    assert problem(np.full((3, 2), -1), specs) == expected


def test_bad_values_and_labels_are_told_together() -> None:
    assert lines({"x": with_bad_values(), "y": np.arange(5)})[1:] == [
        "array 'image' has 3 NaN and 1 Inf values, first in sample 0",
        "5 labels for 6 samples",
    ]


def differing_counts() -> Iterator[
    tuple[dict[str, np.ndarray], Sequence[InputSpec], str]
]:
    left, right = np.ones((6, 3)), np.ones((5, 2), np.int32)
    yield {"left": left, "right": right}, PAIR, "6 rows of 'left', 5 rows of 'right'"
    stacked = np.ones((4, 2, 2), np.int32)
    yield {"left": left, "right": stacked}, PAIR, "6 rows of 'left', 4 feeds of 'right'"
    baked = (InputSpec("left", FLOAT32, (4, 3)), InputSpec("right", FLOAT32, (4, 2)))
    both = {"left": left, "right": np.ones((5, 2))}
    yield both, baked, "6 rows of 'left', 5 rows of 'right'"
    stacked = np.ones((3, 4, 2))
    yield (
        {"left": left, "right": stacked},
        baked,
        "6 rows of 'left', 3 feeds of 'right'",
    )


@pytest.mark.parametrize("feed, specs, counts", list(differing_counts()))
def test_counts_that_differ(
    feed: dict[str, np.ndarray], specs: Sequence[InputSpec], counts: str
) -> None:
    expected = (
        f"the inputs do not hold the same number of samples: {counts}; where axis 0 of"
    )
    assert problem(feed, specs).startswith(expected)


@pytest.mark.parametrize("labels", [np.arange(5), np.arange(0), np.eye(6)[:4]])
def test_labels_of_another_number(tmp_path: Path, labels: np.ndarray) -> None:
    np.savez(tmp_path / "data.npz", image=X, y=labels)
    expected = f"{len(labels)} labels for 6 samples"
    assert problem({"x": X, "y": labels}) == expected
    assert problem(tmp_path / "data.npz") == expected
    assert lines([(X, labels)]) == [
        "the data, feed 0, cannot be fed to the model:",
        expected,
    ]


@pytest.mark.parametrize("label", [np.nan, np.inf])
def test_labels_that_are_not_finite(label: float) -> None:
    message = problem({"x": X, "y": np.full(6, label)})
    assert message == "labels have values that are NaN or infinite"


def test_labels_that_are_neither_numbers_nor_text() -> None:
    message = problem({"x": X, "y": np.full(6, 1j)})
    assert message == "labels are complex128 [6], expected numbers or text"


def test_labels_of_feeds_that_differ_in_shape() -> None:
    feeds = [(X[:2], np.ones((2, 3))), (X[2:], np.ones((4, 2)))]
    assert problem(feeds) == "the labels of a sample differ in shape: [2], [3]"


def test_a_bad_value_is_found_far_behind_and_in_stacked_feeds() -> None:
    many = np.concatenate([X] * 12)  # read in blocks of 32 rows
    many[70, 0, 0, 0] = np.nan
    assert problem(many).endswith("has 1 NaN value, first in sample 70")
    assert problem([X, many]).endswith("has 1 NaN value, first in sample 76")
    stacked = many.reshape(12, 6, *X.shape[1:])
    assert problem(stacked).endswith("first in sample 66")


def test_labels_on_some_feeds_only() -> None:
    expected = "2 of 3 feeds have no labels, first feed 0"
    assert problem([X[:2], (X[2:4], np.arange(2)), X[4:]]) == expected


def test_no_feeds() -> None:
    assert problem([]) == "it is empty"
    assert problem({}) == "no array for input 'image' float32 [N, 3, 4, 5]"


def test_the_feed_at_fault_is_named() -> None:
    assert lines([X, X[..., :2], X]) == [
        "the data, feed 1, cannot be fed to the model:",
        "array 'image' has shape [6, 3, 4, 2], expected [N, 3, 4, 5]",
    ]


@pytest.mark.parametrize(
    "item, specs, message",
    [
        (
            (X, X, X),
            IMAGE,
            "got 3 values; give a dict, an array or a pair (array, labels)",
        ),
        (X, PAIR, "the model has 2 inputs; give a dict with 'left', 'right'"),
        ("text", PAIR, "the model has 2 inputs; give a dict with 'left', 'right'"),
        (
            object(),
            IMAGE,
            "a value of type object cannot be read as an array of numbers",
        ),
        (
            {"image": [[1], [1, 2]]},
            IMAGE,
            "a value of type list cannot be read as an array: setting an",
        ),
    ],
)
def test_items_of_no_accepted_form(
    item: object, specs: Sequence[InputSpec], message: str
) -> None:
    [line] = lines([item], specs)
    assert line.startswith(f"the data, feed 0, cannot be fed to the model: {message}")
