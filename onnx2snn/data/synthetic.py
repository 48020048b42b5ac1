"""Synthetic inputs, for when there is no data: better than nothing, worse than any real image."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.budget import check_memory
from onnx2snn.errors import CalibrationError, RuntimeShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from onnx2snn.data.input_specs import Arrays, InputSpec, Specs

    Ranges = Mapping[str, tuple[int, int]]
    """The smallest number and the first that is too large, by the name of an input."""

__all__ = ["cut_feed", "image_noise", "running_feeds", "synthetic_feeds"]

_BATCH = 32  # samples in a feed where the batch size is free
_CUT = 4  # samples of a part are a multiple of this
_NUMBERS = 2**18  # numbers of an input in a part, if these are no fewer samples
_PIXELS = 224  # height and width where they are free
_LENGTHS = (16, 64, 256, 1024)  # any other axis where it is free: the first that runs
_COLORS = 3  # channels where they are free
_IMAGE_CHANNELS = (1, 3, 4)
_IMAGE_RANK = 4
_COPIES = 4  # of an image in float64 while it is made
_BYTES = (np.uint8, np.int8)
_ENOUGH = 2**23  # numbers in all feeds, if these are no fewer than _BATCH samples
_SLOPE = 1.5  # amplitude falls as frequency to the power of -1.5
_CORRELATION = 0.9  # between any two color channels, about that of natural images


def synthetic_feeds(
    specs: Specs,
    samples: int,
    seed: int = 0,
    length: int = 16,
    ranges: Ranges | None = None,
) -> Iterator[Arrays]:
    """Yield feeds of random values, the same ones for the same arguments.

    An input of rank 4 whose axis 1 (else its axis 3) has 1, 3 or 4 entries, or is free, is an
    image: noise with a natural spectrum, see `image_noise`. Other floating-point inputs are
    standard normal. Bytes are the same, 64 a unit around the middle of their range. Other
    integers are 0 or 1, which serves as a mask and as an index into anything. An input whose
    numbers have a known range is drawn from all of it.

    A batch size the model fixes is kept; where it is free, feeds have up to 32 samples, along
    axis 0 and along every axis of the same name. Other free axes get 224 entries in an image's
    height and width, 3 in its channels, ``length`` elsewhere.

    Args:
        specs: The model's inputs.
        samples: How many samples to make in all, at least.
        seed: Seed of the random generator.
        length: Entries of a free axis of a value that is no image.
        ranges: Ranges of inputs that are indices.

    Raises:
        CalibrationError: The rank of an input is unknown, or it takes no numbers.
        LimitError: An input takes more memory than may be taken.
    """
    _check_specs(specs)
    generator = np.random.default_rng(seed)
    batch_names = _batch_names(specs)
    fixed = None if batch_names else _fixed_batch_size(specs)
    while samples > 0:
        rows = fixed or min(samples, _BATCH)
        sizes = _FreeSizes(rows, batch_names, length)
        yield _make_feed(specs, sizes, generator, ranges or {})
        samples -= rows


def _make_feed(
    specs: Specs, sizes: _FreeSizes, generator: np.random.Generator, ranges: Ranges
) -> Arrays:
    """Return values for each input, from its range where that is known."""
    feed = {}
    for spec in specs:
        if spec.name in ranges:
            shape = sizes.shape_for(spec)
            indices = generator.integers(*ranges[spec.name], shape)
            feed[spec.name] = indices.astype(spec.dtype)
        else:
            feed[spec.name] = _make_values(spec, sizes, generator)
    return feed


def _check_specs(specs: Specs) -> None:
    """Refuse inputs for which no values can be made."""
    unknown = [
        f"no synthetic values for input {spec}; pass calibration data"
        for spec in specs
        if spec.shape is None or 0 in spec.shape or spec.dtype.kind in "OUS"
    ]
    if unknown:
        raise CalibrationError("\n  ".join(unknown))


def _batch_names(specs: Specs) -> set[str]:
    """Return the names of free axes that count the samples."""
    first = [spec.symbols[0] for spec in specs if spec.symbols]
    return {symbol for symbol in first if symbol is not None}


def _fixed_batch_size(specs: Specs) -> int | None:
    """Return the batch size that the model has baked in, None if it has none."""
    return next((spec.rows for spec in specs if spec.rows), None)


@dataclasses.dataclass(frozen=True)
class _FreeSizes:
    """Sizes of axes that the model leaves open.

    Attributes:
        rows: Samples in a feed.
        batch_names: Names of the axes that count samples, beside axis 0.
        length: Size of any other axis.
    """

    rows: int
    batch_names: Collection[str]
    length: int

    def shape_for(self, spec: InputSpec) -> list[int]:
        """Return the shape of the values for ``spec``, if these are no image."""
        shape = spec.shape or ()
        symbols = spec.symbols or (None,) * len(shape)
        sizes = []
        for axis, size in enumerate(shape):
            is_batch = axis == 0 or symbols[axis] in self.batch_names
            free = self.rows if is_batch else self.length
            sizes.append(free if size is None else size)
        return sizes


def _make_values(
    spec: InputSpec, sizes: _FreeSizes, generator: np.random.Generator
) -> np.ndarray:
    shape = sizes.shape_for(spec)
    check_memory(_COPIES * 8.0 * math.prod(shape), f"input {spec.name!r} {list(shape)}")
    is_bytes = spec.dtype in _BYTES
    if spec.dtype.kind in "biu" and not is_bytes:
        bits = generator.integers(0, 2, shape)
        return bits.astype(spec.dtype)
    channel = _channel_axis(spec)
    if channel is None:
        noise = np.asarray(generator.standard_normal(shape))
    else:
        noise = _make_images(spec, sizes.rows, channel, generator)
    if is_bytes:
        noise = _in_bytes(noise, np.iinfo(spec.dtype))
    return noise.astype(spec.dtype)


def _in_bytes(noise: np.ndarray, limits: np.iinfo) -> np.ndarray:
    """Return ``noise`` at 64 a unit around the middle of the range, rounded."""
    middle = (limits.min + limits.max + 1) / 2
    rounded = np.round(middle + 64 * noise)
    return np.clip(rounded, limits.min, limits.max)


def _channel_axis(spec: InputSpec) -> int | None:
    """Return the axis of an image's colors; None for what does not look like an image."""
    if spec.shape is None or len(spec.shape) != _IMAGE_RANK:
        return None
    for axis in (1, 3):
        if spec.shape[axis] in _IMAGE_CHANNELS:
            return axis
    if spec.shape[1] is None:
        return 1
    return None


def _make_images(
    spec: InputSpec, rows: int, channel: int, generator: np.random.Generator
) -> np.ndarray:
    """Return images, their colors along axis ``channel``."""
    shape = spec.shape or ()
    height_axis, width_axis = (2, 3) if channel == 1 else (1, 2)
    images = spec.rows or rows
    channels = shape[channel] or _COLORS
    height = shape[height_axis] or _PIXELS
    width = shape[width_axis] or _PIXELS
    noise = image_noise((images, channels, height, width), generator)
    if channel == 1:
        return noise
    return noise.transpose(0, 2, 3, 1)


def running_feeds(
    specs: Specs,
    samples: int,
    seed: int,
    run: Callable[[Arrays], object],
    ranges: Ranges | None = None,
) -> list[Arrays]:
    """Return synthetic feeds that the model runs on: its free axes may want to be longer.

    Args:
        specs: The model's inputs.
        samples: How many samples to make in all; fewer of large inputs, whose many positions
            tell as much: 64 of images of 224 x 224 pixels.
        seed: Seed of the random generator.
        run: Runs a feed; raises a RuntimeShapeError if it does not fit.
        ranges: Ranges of inputs that are indices; they are tried first.

    Raises:
        CalibrationError: The model runs on none of them.
    """
    choices = [ranges, None] if ranges else [None]
    for length, indices in itertools.product(_LENGTHS, choices):
        feeds = synthetic_feeds(specs, samples, seed, length, indices)
        first = next(feeds)
        try:
            run(first)
        except RuntimeShapeError as error:
            problem = str(error)
        else:
            further = _count_further_feeds(first)
            return [first, *itertools.islice(feeds, further)]
    message = (
        f"the model runs on no synthetic inputs; pass calibration data ({problem})"
    )
    raise CalibrationError(message)


def _count_further_feeds(first: Arrays) -> int:
    """Return how many feeds like the first one do, beside it."""
    numbers = max(data.size for data in first.values())
    rows = max((len(data) for data in first.values() if data.ndim), default=1)
    by_numbers = math.ceil(_ENOUGH / max(1, numbers))
    by_samples = math.ceil(_BATCH / max(1, rows))
    return max(by_numbers, by_samples) - 1


def cut_feed(feed: Arrays, specs: Specs) -> Iterator[Arrays]:
    """Yield a synthetic feed in parts, where the model leaves the batch size free.

    Large inputs make many large activations, which are all in memory at a time. Parts have a
    multiple of 4 samples: every fourth of a part is every fourth of the feed.

    Args:
        feed: Values for each input.
        specs: The model's inputs.
    """
    is_free = all(spec.shape and spec.rows is None for spec in specs)
    if not is_free:
        yield feed
        return
    rows = max(len(data) for data in feed.values())
    sizes = [data[:1].size for data in feed.values()]
    in_memory = _NUMBERS // max(1, *sizes)
    step = max(in_memory // _CUT, 1) * _CUT
    for start in range(0, rows, step):
        part = slice(start, start + step)
        yield {name: data[part] for name, data in feed.items()}


def image_noise(
    shape: tuple[int, int, int, int], generator: np.random.Generator
) -> np.ndarray:
    """Return noise that looks to a convolution somewhat like photographs.

    The amplitude of a spatial frequency f falls as ``f**-1.5`` (the power as ``f**-3``), the
    mean counting as the lowest frequency; any two channels correlate by 0.9. Each image, all
    channels together, has zero mean and unit variance.

    Args:
        shape: Images, channels, height, width.
        generator: Where randomness comes from.
    """
    images, _, height, width = shape
    vertical = np.fft.fftfreq(height)[:, None]
    horizontal = np.fft.rfftfreq(width)
    frequency = np.hypot(vertical, horizontal)
    frequency[0, 0] = 1 / max(height, width)
    one_channel = (images, 1, height, width)
    shared = generator.standard_normal(one_channel)
    own = generator.standard_normal(shape)
    of_shared = math.sqrt(_CORRELATION)
    of_own = math.sqrt(1 - _CORRELATION)
    white = of_shared * shared + of_own * own
    spectrum = np.fft.rfft2(white) * frequency**-_SLOPE
    noise = np.fft.irfft2(spectrum, s=(height, width))
    image = (1, 2, 3)
    noise -= noise.mean(axis=image, keepdims=True)
    deviation = noise.std(axis=image, keepdims=True)
    deviation[deviation == 0] = 1
    return np.asarray(noise / deviation)
