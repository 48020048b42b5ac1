"""Compare an imported model with the original, number by number."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.errors import InvalidModelError
from onnx2snn.runtime.sessions import SessionError, open_session, run_by_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import onnx
    import onnxruntime as ort
    from numpy.typing import DTypeLike

__all__ = ["TOLERANCE", "self_check"]

_LOGGER = logging.getLogger(__name__)

TOLERANCE = 1e-4
"""Largest error of a float output, as a part of the output's largest absolute value.

Import only reorders a few roundings (a folded Div, a MatMul as Gemm): on 42 public networks
the largest error was 1e-6. A wrong operator is off by a part in ten or more.
"""

COARSE_TOLERANCE = 5e-2
"""The same where the original rounds to few bits inside.

A sum that lies between two integers may be rounded to the other one: a network quantized to 8
bits in 20 layers was off by 1e-2 at the output. bfloat16 has 8 bits.
"""

_HALF_TOLERANCE = 2e-2

_QUANTIZED = (
    ir.DataType.INT8,
    ir.DataType.UINT8,
    ir.DataType.INT16,
    ir.DataType.UINT16,
)
"""Types of integers that stand for real numbers, in a quantized network."""

_COARSE_HINT = (
    " (it rounds to few bits inside, and on some processors onnxruntime's integer operators "
    "saturate: check=False, or --no-check, leaves the comparison out)"
)
_SIZES = ((2, 1), (1, 1), (1, 32), (1, 16), (2, 64), (1, 224))
_TYPES: dict[str, DTypeLike] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(bfloat16)": ir.DataType.BFLOAT16.numpy(),
    "tensor(bool)": np.bool_,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(int16)": np.int16,
    "tensor(uint16)": np.uint16,
    "tensor(int32)": np.int32,
    "tensor(uint32)": np.uint32,
    "tensor(int64)": np.int64,
    "tensor(uint64)": np.uint64,
}
_BATCH = re.compile(r"^(n|b|.*batch.*)$", re.IGNORECASE)


def self_check(
    original: Path | onnx.ModelProto | ir.Model,
    imported: ir.Model,
    name: str,
    *,
    coarse: bool = False,
) -> bool:
    """Run both models in onnxruntime on the same inputs; whether they could be compared.

    Inputs are seeded: unit normal for floats, 0 to 3 for integers, all there are of 8 bits.
    Symbolic dimensions get a batch of 2, the others 1, then other sizes until the original runs.
    An original that runs on none of them, or gives something else in each run, is logged as a
    warning.

    Args:
        original: The model as it came.
        imported: What import made of it.
        name: How messages call it.
        coarse: Whether the original rounds inside to few bits: it is quantized, or computes in
            half precision.

    Raises:
        InvalidModelError: onnxruntime cannot run the imported model though it runs the original,
            or an output is something else: a float off by more than ``TOLERANCE`` of the largest
            (2e-2 in float16), an integer off by more than a rare rounding. If ``coarse``, both
            may be off by ``COARSE_TOLERANCE``, and indices and truth values, which one rounding
            changes, are not compared.
    """
    try:
        session = _open(original)
    except SessionError as error:
        _LOGGER.warning(
            "%s is not compared: onnxruntime cannot open it: %s", name, error
        )
        return False
    problem = "an input of a type that cannot be made up"
    for feeds in _feeds(session):
        try:
            expected = run_by_name(session, feeds)
        except SessionError as error:
            problem = str(error)
            continue
        problems = _problems(
            expected, _run_imported(imported, feeds, name), coarse=coarse
        )
        if not problems:
            return True
        if _problems(expected, run_by_name(session, feeds), coarse=coarse):
            _LOGGER.warning(
                "%s is not compared: it gives something else in each run", name
            )
            return False
        hint = _COARSE_HINT if coarse else ""
        message = (
            f"{name} computes something else once imported; please report it: "
            f"{'; '.join(problems)}{hint}"
        )
        raise InvalidModelError(message)
    _LOGGER.warning("%s is not compared: the original does not run on made-up inputs: %s",
                    name, problem)  # fmt: skip
    return False


def _open(model: Path | onnx.ModelProto | ir.Model) -> ort.InferenceSession:
    """Open a model as it stands; its weights are not copied, it runs once or twice."""
    return open_session(model, optimized=False, threads=1, prepacked=False)


def _run_imported(
    imported: ir.Model, feeds: dict[str, np.ndarray], name: str
) -> dict[str, object]:
    try:
        return run_by_name(_open(imported), feeds)
    except SessionError as error:
        message = f"{name} runs in onnxruntime, but not once imported; please report it: {error}"
        raise InvalidModelError(message) from error


def _feeds(session: ort.InferenceSession) -> Iterator[dict[str, np.ndarray]]:
    inputs = session.get_inputs()
    if not all(spec.type in _TYPES for spec in inputs):
        return
    is_fixed = all(isinstance(size, int) for spec in inputs for size in spec.shape)
    for batch, other in _SIZES[:1] if is_fixed else _SIZES:
        generator = np.random.default_rng(0)
        yield {spec.name: _random(spec, batch, other, generator) for spec in inputs}


def _random(
    spec: ort.NodeArg, batch: int, other: int, generator: np.random.Generator
) -> np.ndarray:
    shape = [_size(size, batch if axis == 0 else other, batch)
             for axis, size in enumerate(spec.shape)]  # fmt: skip
    dtype = np.dtype(_TYPES[spec.type])
    if ir.DataType.from_numpy(dtype).is_floating_point():
        return np.asarray(generator.standard_normal(shape)).astype(dtype)
    if dtype.itemsize == 1 and dtype.kind != "b":  # an image, or quantized: no index
        return generator.integers(0, 256, shape).astype(np.uint8).view(dtype)
    return generator.integers(0, 2 if dtype.kind == "b" else 4, shape).astype(dtype)


def _size(size: int | str | None, unnamed: int, batch: int) -> int:
    if isinstance(size, int) and size > 0:
        return size
    return batch if isinstance(size, str) and _BATCH.match(size) else unnamed


def _problems(
    expected: dict[str, object], actual: dict[str, object], *, coarse: bool
) -> list[str]:
    """Return how ``actual`` differs from ``expected``, by output."""
    problems = []
    for output, value in expected.items():
        if output not in actual:
            problems.append(f"output {output!r} is lost")
        elif isinstance(value, np.ndarray):
            problem = _difference(value, actual[output], coarse=coarse)
            problems += [f"output {output!r} {problem}"] if problem else []
    return problems


def _difference(expected: np.ndarray, actual: object, *, coarse: bool) -> str | None:
    if not isinstance(actual, np.ndarray) or actual.dtype != expected.dtype:
        return f"has another type than {expected.dtype}"
    if actual.shape != expected.shape:
        return f"has shape {actual.shape}, not {expected.shape}"
    dtype = ir.DataType.from_numpy(expected.dtype)
    if not dtype.is_floating_point() and not coarse:
        return None if _is_equal_but_for_rounding(expected, actual) else "differs"
    if not dtype.is_floating_point() and dtype not in _QUANTIZED:
        return None
    half = _HALF_TOLERANCE if dtype is ir.DataType.FLOAT16 else TOLERANCE
    return _difference_of_reals(expected, actual, COARSE_TOLERANCE if coarse else half)


def _difference_of_reals(
    expected: np.ndarray, actual: np.ndarray, tolerance: float
) -> str | None:
    wanted, found = expected.astype(np.float64), actual.astype(np.float64)
    finite = np.isfinite(wanted)
    if not np.array_equal(wanted[~finite], found[~finite], equal_nan=True):
        return "differs where the original is infinite or not a number"
    largest = np.abs(wanted[finite]).max(initial=0)
    error = np.abs(wanted[finite] - found[finite]).max(initial=0)
    is_small = error <= tolerance * largest
    return (
        None
        if is_small
        else f"differs by {error:.3g}, its largest value is {largest:.3g}"
    )


def _is_equal_but_for_rounding(expected: np.ndarray, actual: np.ndarray) -> bool:
    """Whether integers are equal, but for one in a hundred that may be off by 1."""
    if expected.dtype.kind not in "iu":
        return np.array_equal(expected, actual)
    error = np.abs(expected.astype(np.float64) - actual)
    return bool(
        error.max(initial=0) <= 1 and np.count_nonzero(error) <= error.size / 100
    )
