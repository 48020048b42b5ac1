from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.data.dataset import InputSpec, dataset
from onnx2snn.data.synthetic import (
    cut_feed,
    image_noise,
    running_feeds,
    synthetic_feeds,
)
from onnx2snn.errors import CalibrationError, RuntimeShapeError


def spec(*shape: int | None, dtype: str = "float32", name: str = "x") -> InputSpec:
    return InputSpec(name, np.dtype(dtype), shape)


def test_the_amplitude_falls_with_the_power_of_one_and_a_half() -> None:
    noise = image_noise((200, 3, 64, 64), np.random.default_rng(0))
    power = (np.abs(np.fft.rfft2(noise)) ** 2).mean(axis=(0, 1))
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(64))
    band = (frequency > 2 / 64) & (frequency < 0.5)
    slope = np.polyfit(np.log(frequency[band]), np.log(np.sqrt(power[band])), 1)[0]
    assert slope == pytest.approx(-1.5, abs=0.05)


def test_channels_correlate() -> None:
    noise = image_noise((400, 3, 32, 32), np.random.default_rng(1))
    correlation = np.corrcoef(noise.transpose(1, 0, 2, 3).reshape(3, -1))
    np.testing.assert_allclose(correlation[np.triu_indices(3, 1)], 0.9, atol=0.04)


def test_each_image_is_standardized() -> None:
    noise = image_noise((5, 3, 17, 24), np.random.default_rng(2))
    np.testing.assert_allclose(noise.mean(axis=(1, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(noise.std(axis=(1, 2, 3)), 1, rtol=1e-12)


def test_a_single_pixel_is_zero_rather_than_nan() -> None:
    assert image_noise((1, 1, 1, 1), np.random.default_rng(3)).tolist() == [[[[0]]]]


@pytest.mark.parametrize(
    "shape, expected",
    [
        ((None, 3, 8, 12), (2, 3, 8, 12)),
        ((None, 8, 12, 3), (2, 8, 12, 3)),
        ((None, 3, None, None), (2, 3, 224, 224)),
        ((None, None, None, 4), (2, 224, 224, 4)),
        ((None, None, 8, 12), (2, 3, 8, 12)),
        ((5, 1, 8, 12), (5, 1, 8, 12)),
        ((None, 64, 8, 12), (2, 64, 8, 12)),
        ((None, None, 40), (2, 16, 40)),
        ((None,), (2,)),
        ((), ()),
    ],
)
def test_free_axes_get_their_defaults(
    shape: tuple[int | None, ...], expected: tuple[int, ...]
) -> None:
    [feed] = synthetic_feeds([spec(*shape)], samples=2)
    assert feed["x"].shape == expected
    assert feed["x"].dtype == np.float32


@pytest.mark.parametrize("shape", [(None, 3, 16, 16), (None, 16, 16, 3)])
def test_neighboring_pixels_are_alike(shape: tuple[int | None, ...]) -> None:
    [feed] = synthetic_feeds([spec(*shape)], samples=20)
    image = feed["x"] if shape[1] == 3 else feed["x"].transpose(0, 3, 1, 2)
    assert np.abs(np.diff(image, axis=3)).mean() < 0.75 * np.abs(image).mean()


def test_what_is_no_image_is_standard_normal() -> None:
    [feed] = synthetic_feeds([spec(30, 64, 20, 20)], samples=30)
    assert abs(feed["x"].mean()) < 0.01
    assert feed["x"].std() == pytest.approx(1, abs=0.01)
    assert abs(np.mean(feed["x"][..., 1:] * feed["x"][..., :-1])) < 0.01


@pytest.mark.parametrize("dtype", ["int64", "int32", "bool", "uint16"])
def test_integers_are_zero_or_one(dtype: str) -> None:
    [feed] = synthetic_feeds([spec(None, 50, dtype=dtype)], samples=4)
    assert feed["x"].dtype == dtype
    assert set(feed["x"].ravel().tolist()) == {0, 1}


@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_an_index_is_drawn_from_all_of_its_range(dtype: str) -> None:
    ranges = {"x": (-3, 47)}
    [feed] = synthetic_feeds([spec(None, 500, dtype=dtype)], 32, ranges=ranges)
    assert feed["x"].dtype == dtype
    assert set(feed["x"].ravel().tolist()) == set(range(-3, 47))


def test_indices_that_do_not_run_give_way_to_zero_and_one() -> None:
    def run(feeds: dict[str, np.ndarray]) -> None:
        if feeds["x"].max() > 1:
            raise RuntimeShapeError(problem)

    problem = "index out of range"
    specs = [spec(None, 5, dtype="int64")]
    feeds = running_feeds(specs, 3, 0, run, {"x": (0, 50)})
    assert set(feeds[0]["x"].ravel().tolist()) == {0, 1}


@pytest.mark.parametrize("dtype, middle", [("uint8", 128), ("int8", 0)])
@pytest.mark.parametrize(
    "shape", [(None, 32, 32, 3), (None, 3000)], ids=["image", "vector"]
)
def test_bytes_fill_the_range(
    dtype: str, middle: int, shape: tuple[int | None, ...]
) -> None:
    [feed] = synthetic_feeds([spec(*shape, dtype=dtype)], samples=8)
    assert feed["x"].dtype == dtype
    assert feed["x"].mean() == pytest.approx(middle, abs=2)
    assert feed["x"].std() == pytest.approx(64, abs=3)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_floats_of_other_widths(dtype: str) -> None:
    [feed] = synthetic_feeds([spec(None, 3, 8, 8, dtype=dtype)], samples=1)
    assert feed["x"].dtype == dtype


@pytest.mark.parametrize(
    "rows, sizes", [(None, [32, 32, 6]), (8, [8] * 9), (64, [64, 64]), (1, [1] * 70)]
)
def test_batches(rows: int | None, sizes: list[int]) -> None:
    feeds = list(synthetic_feeds([spec(rows, 7)], samples=70))
    assert [len(feed["x"]) for feed in feeds] == sizes


def test_several_inputs_share_the_batch() -> None:
    specs = [spec(None, 3, name="a"), spec(4, 5, name="b"), spec(name="c")]
    feeds = list(synthetic_feeds(specs, samples=8))
    assert [{name: array.shape for name, array in feed.items()} for feed in feeds] == [
        {"a": (4, 3), "b": (4, 5), "c": ()}
    ] * 2


def test_the_seed_decides() -> None:
    def draw(seed: int) -> np.ndarray:
        return next(synthetic_feeds([spec(None, 3, 8, 8)], samples=2, seed=seed))["x"]

    np.testing.assert_array_equal(draw(1), draw(1))
    assert (draw(1) != draw(2)).all()


def test_they_make_a_dataset() -> None:
    specs = [spec(None, 3, 8, 8)]
    assert dataset(synthetic_feeds(specs, samples=40), specs).samples == 40


def test_inputs_that_cannot_be_made_up_are_refused_together() -> None:
    specs = [
        InputSpec("a", np.dtype("float32"), None),
        InputSpec("text", np.dtype(object), (None,)),
        spec(None, 3),
    ]
    with pytest.raises(CalibrationError) as caught:
        next(synthetic_feeds(specs, samples=1))
    assert str(caught.value).splitlines() == [
        "no synthetic values for input 'a' float32 of unknown rank; pass calibration data",
        "  no synthetic values for input 'text' string [N]; pass calibration data",
    ]


def test_axes_of_the_same_name_are_as_long_as_the_batch() -> None:
    specs = [
        InputSpec("x", np.dtype("float32"), (None, None), ("batch", "length")),
        InputSpec("state", np.dtype("float32"), (2, None, 8), (None, "batch", None)),
    ]
    feeds = next(synthetic_feeds(specs, 5, length=7))
    assert {name: array.shape for name, array in feeds.items()} == {
        "x": (5, 7),
        "state": (2, 5, 8),
    }


def test_free_axes_grow_until_the_model_runs() -> None:
    lengths = []

    def run(feeds: dict[str, np.ndarray]) -> None:
        lengths.append(feeds["x"].shape[1])
        if lengths[-1] < 100:
            message = "too short"
            raise RuntimeShapeError(message)

    feeds = running_feeds([spec(None, None)], 3, 0, run)
    assert lengths == [16, 64, 256]
    assert feeds[0]["x"].shape == (3, 256)


@pytest.mark.parametrize(
    "shape, samples",
    [((None, 3, 224, 224), 64), ((1, 3, 256, 256), 43), ((None, 3, 8, 8), 256)],
)
def test_of_large_inputs_there_are_fewer(
    shape: tuple[int | None, ...], samples: int
) -> None:
    feeds = running_feeds([spec(*shape)], 256, 0, lambda _: None)
    assert sum(len(feed["x"]) for feed in feeds) == samples


def test_a_model_that_runs_on_no_made_up_inputs() -> None:
    def run(_: object) -> None:
        message = "wants another shape"
        raise RuntimeShapeError(message)

    with pytest.raises(
        CalibrationError, match=r"pass calibration data .*wants another shape"
    ):
        running_feeds([spec(None, None)], 3, 0, run)


@pytest.mark.parametrize(
    "shape, sizes",
    [
        ((None, 3, 224, 224), [4] * 8),
        ((None, 3, 64, 64), [20, 12]),
        ((None, 5), [32]),
        ((8, 3, 224, 224), [8]),
    ],
    ids=["large", "medium", "small", "fixed batch"],
)
def test_large_samples_come_in_small_parts(
    shape: tuple[int | None, ...], sizes: list[int]
) -> None:
    specs = [InputSpec("x", np.dtype("f4"), shape)]
    feed = next(synthetic_feeds(specs, 32))
    parts = [part["x"] for part in cut_feed(feed, specs)]
    assert [len(part) for part in parts] == sizes
    np.testing.assert_array_equal(np.concatenate(parts), feed["x"])
