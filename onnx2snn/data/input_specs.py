"""What a model takes as input, and whether an array fits it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = [
    "InputSpec",
    "cast",
    "dtype_problem",
    "input_specs",
    "is_real",
    "shape_problem",
]


@dataclasses.dataclass(frozen=True)
class InputSpec:
    """One input of a model.

    Attributes:
        name: Name of the graph input.
        dtype: Element type the input takes.
        shape: One int per axis, None where the axis is symbolic; None if the rank is unknown.
        symbols: The name of each axis, None where it has none; empty if none has.
    """

    name: str
    dtype: np.dtype
    shape: tuple[int | None, ...] | None
    symbols: tuple[str | None, ...] = ()

    @property
    def rows(self) -> int | None:
        """Size of the first axis if the model fixes it: the batch size baked into it."""
        return self.shape[0] if self.shape else None

    def __str__(self) -> str:
        """Return name, type and shape, symbolic axes as N, ?, as in ``'x' float32 [N, 3, ?]``."""
        return f"{self.name!r} {self.dtype} {_shape_text(self.shape)}"


def input_specs(model: ir.Model) -> tuple[InputSpec, ...]:
    """Return the inputs a caller must feed: graph inputs without a default value."""
    return tuple(
        InputSpec(value.name or "", _dtype(value), _shape(value), _symbols(value))
        for value in model.graph.inputs
        if value.name not in model.graph.initializers
    )


def _dtype(value: ir.Value) -> np.dtype:
    return np.dtype(object) if value.dtype is None else np.dtype(value.dtype.numpy())


def _shape(value: ir.Value) -> tuple[int | None, ...] | None:
    if value.shape is None:
        return None
    return tuple(size if isinstance(size, int) else None for size in value.shape)


def _symbols(value: ir.Value) -> tuple[str | None, ...]:
    return tuple(
        None if isinstance(size, int) else size.value for size in value.shape or ()
    )


def _shape_text(shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return "of unknown rank"
    sizes = [str(size) if size is not None else "?" for size in shape]
    if shape and shape[0] is None:
        sizes[0] = "N"
    return f"[{', '.join(sizes)}]"


def shape_problem(shape: tuple[int, ...], spec: InputSpec) -> str | None:
    """Say why an array of ``shape`` does not fit ``spec``, in neither of the two forms.

    The forms: batches concatenated along axis 0, or feeds stacked along one more leading axis.
    """
    if spec.shape is None or shape == ():
        return None if spec.shape == () else _rank_problem(shape, spec)
    if len(shape) == len(spec.shape):
        fits = _sizes_fit(shape[1:], spec.shape[1:])
    elif len(shape) == len(spec.shape) + 1:
        fits = _sizes_fit(shape[1:], spec.shape)
    else:
        return _rank_problem(shape, spec)
    if not fits:
        return f"has shape {list(shape)}, expected {_shape_text(spec.shape)}"
    return "is empty" if 0 in shape else None


def _sizes_fit(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return all(want in (None, have) for have, want in zip(shape, expected, strict=True))


def _rank_problem(shape: tuple[int, ...], spec: InputSpec) -> str | None:
    if spec.shape is None:
        if shape == ():
            return "is a scalar, but the first axis must count the samples"
        return "is empty" if 0 in shape else None
    return (
        f"has shape {list(shape)} of rank {len(shape)}, expected {_shape_text(spec.shape)} "
        f"(batches concatenated) or one more leading axis (feeds stacked)"
    )


def dtype_problem(dtype: np.dtype, spec: InputSpec) -> str | None:
    """Say why values of ``dtype`` cannot be fed to ``spec``; None if they can, after a cast."""
    if dtype == spec.dtype or _is_castable(dtype, spec.dtype):
        return None
    if dtype.kind in "iu" and is_real(spec.dtype):
        return (
            f"has dtype {dtype}, expected {spec.dtype}: preprocess the values as for the model "
            f"(scale, mean), then pass them as {spec.dtype}"
        )
    return f"has dtype {dtype}, expected {spec.dtype}"


def _is_castable(dtype: np.dtype, target: np.dtype) -> bool:
    if dtype.kind == "b":
        return target.kind in "biu" or is_real(target)
    if is_real(target):
        return is_real(dtype)
    return dtype.kind in "iu" and target.kind in "iu"


def is_real(dtype: np.dtype) -> bool:
    """Whether values of ``dtype`` are real numbers."""
    # ml_dtypes' bfloat16 and float8 types are of kind "V".
    return dtype.kind == "f" or dtype.name.startswith(("bfloat", "float"))


def cast(values: np.ndarray, spec: InputSpec) -> tuple[np.ndarray, dict[str, int]]:
    """Return ``values`` in the type of ``spec``, and how many of them are unusable, by reason.

    The reasons are ``NaN``, ``Inf`` and, for integers too large, ``out of range``.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        result = np.ascontiguousarray(values, dtype=spec.dtype).reshape(values.shape)
    if is_real(spec.dtype):
        if np.isfinite(result).all():
            return result, {}
        nan = int(np.count_nonzero(np.isnan(result)))
        bad = {"NaN": nan, "Inf": int(np.count_nonzero(~np.isfinite(result))) - nan}
    elif values.dtype == spec.dtype or np.can_cast(values.dtype, spec.dtype, "safe"):
        return result, {}
    else:
        lost = (result != values) | ((result < 0) != (values < 0))
        bad = {f"out of range for {spec.dtype}": int(np.count_nonzero(lost))}
    return result, {reason: count for reason, count in bad.items() if count}
