"""Compare an imported model with the original, number by number."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.errors import InvalidModelError
from onnx2snn.importing.session import SessionError, fetch, open_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import onnx
    import onnx_ir as ir
    import onnxruntime as ort

__all__ = ["TOLERANCE", "self_check"]

_LOGGER = logging.getLogger(__name__)

TOLERANCE = 1e-4
"""Largest error of a float output, as a part of the output's largest absolute value.

Import only reorders a few roundings (a folded Div, a MatMul as Gemm): on 42 public networks
the largest error was 1e-6. A wrong operator is off by a part in ten or more.
"""

_HALF_TOLERANCE = 2e-2
_SIZES = ((2, 1), (1, 1), (1, 32), (1, 16), (2, 64), (1, 224))
_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
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


def self_check(original: Path | onnx.ModelProto | ir.Model, imported: ir.Model, name: str) -> bool:
    """Run both models in onnxruntime on the same inputs; whether they could be compared.

    Inputs are seeded: unit normal for floats, 0 to 3 for integers. Symbolic dimensions get a
    batch of 2, the others 1, then other sizes until the original runs. An original that runs on
    none of them is logged as a warning.

    Args:
        original: The model as it came.
        imported: What import made of it.
        name: How messages call it.

    Raises:
        InvalidModelError: onnxruntime cannot run the imported model though it runs the original,
            or an output is something else: a float off by more than ``TOLERANCE`` of the largest
            (2e-2 in float16), an integer off by more than a rare rounding.
    """
    try:
        session = open_session(original)
    except SessionError as error:
        _LOGGER.warning("%s is not compared: onnxruntime cannot open it: %s", name, error)
        return False
    problem = "an input of a type that cannot be made up"
    for feeds in _feeds(session):
        try:
            expected = fetch(session, feeds)
        except SessionError as error:
            problem = str(error)
            continue
        _compare(expected, _run_imported(imported, feeds, name), name)
        return True
    _LOGGER.warning("%s is not compared: the original does not run on made-up inputs: %s",
                    name, problem)  # fmt: skip
    return False


def _run_imported(imported: ir.Model, feeds: dict[str, np.ndarray], name: str) -> dict[str, object]:
    try:
        return fetch(open_session(imported), feeds)
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
    if dtype.kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    return generator.integers(0, 2 if dtype.kind == "b" else 4, shape).astype(dtype)


def _size(size: int | str | None, unnamed: int, batch: int) -> int:
    if isinstance(size, int) and size > 0:
        return size
    return batch if isinstance(size, str) and _BATCH.match(size) else unnamed


def _compare(expected: dict[str, object], actual: dict[str, object], name: str) -> None:
    problems = []
    for output, value in expected.items():
        if output not in actual:
            problems.append(f"output {output!r} is lost")
        elif isinstance(value, np.ndarray):
            problem = _difference(value, actual[output])
            problems += [f"output {output!r} {problem}"] if problem else []
    if problems:
        message = (
            f"{name} computes something else once imported; please report it: {'; '.join(problems)}"
        )
        raise InvalidModelError(message)


def _difference(expected: np.ndarray, actual: object) -> str | None:
    if not isinstance(actual, np.ndarray) or actual.dtype != expected.dtype:
        return f"has another type than {expected.dtype}"
    if actual.shape != expected.shape:
        return f"has shape {actual.shape}, not {expected.shape}"
    if expected.dtype.kind != "f":
        return None if _is_equal_but_for_rounding(expected, actual) else "differs"
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], actual[~finite], equal_nan=True):
        return "differs where the original is infinite or not a number"
    largest = np.abs(expected[finite].astype(np.float64)).max(initial=0)
    error = np.abs(expected[finite].astype(np.float64) - actual[finite]).max(initial=0)
    tolerance = _HALF_TOLERANCE if expected.dtype == np.float16 else TOLERANCE
    is_small = error <= tolerance * largest
    return None if is_small else f"differs by {error:.3g}, its largest value is {largest:.3g}"


def _is_equal_but_for_rounding(expected: np.ndarray, actual: np.ndarray) -> bool:
    """Whether integers are equal, but for one in a hundred that may be off by 1."""
    if expected.dtype.kind not in "iu":
        return np.array_equal(expected, actual)
    error = np.abs(expected.astype(np.float64) - actual)
    return bool(error.max(initial=0) <= 1 and np.count_nonzero(error) <= error.size / 100)
