"""The inputs that a model takes, and whether an array fits them."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.data.axes import axes_advice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx2snn.graph import AxisSize

    Arrays = dict[str, np.ndarray]
    """Arrays by the name of the input that takes them."""

    Feeds = Mapping[str, np.ndarray]
    """The same, to be read only."""

    Shape = tuple[int, ...]

    OpenShape = tuple[int | None, ...]
    """One int per axis, None where the axis is symbolic."""

    Specs = Sequence["InputSpec"]

__all__ = [
    "InputSpec",
    "bytes_of",
    "cast_to_input",
    "dtype_advice",
    "dtype_problem",
    "input_names",
    "input_specs",
    "is_real",
    "is_text",
    "shape_problem",
]


@dataclasses.dataclass(frozen=True)
class InputSpec:
    """One input of a model.

    Attributes:
        name: Name of the graph input.
        dtype: Element type the input takes.
        shape: Sizes of its axes; None if the rank is unknown.
        symbols: The name of each axis, None where it has none; empty if none has.
        takes_nan: Whether NaN stands for a missing value, since the model asks for it.
    """

    name: str
    dtype: np.dtype
    shape: OpenShape | None
    symbols: tuple[str | None, ...] = ()
    takes_nan: bool = False

    @property
    def rows(self) -> int | None:
        """Size of the first axis if the model fixes it: the batch size baked into it."""
        if self.shape:
            return self.shape[0]
        return None

    def __str__(self) -> str:
        """Return name, type and shape, symbolic axes as N, ?, as in ``'x' float32 [N, 3, ?]``."""
        return f"{self.name!r} {_type_text(self.dtype)} {_shape_text(self.shape)}"


def input_names(specs: Specs) -> list[str]:
    """Return the names of inputs, in their order."""
    return [spec.name for spec in specs]


def input_specs(model: ir.Model) -> tuple[InputSpec, ...]:
    """Return the inputs a caller must feed: graph inputs without a default value."""
    defaults = model.graph.initializers
    fed = [value for value in model.graph.inputs if value.name not in defaults]
    return tuple(map(_input_spec, fed))


def _input_spec(value: ir.Value) -> InputSpec:
    return InputSpec(
        name=value.name or "",
        dtype=_dtype_of(value),
        shape=_shape_of(value),
        symbols=_symbols_of(value),
        takes_nan=_is_asked_for_nan(value),
    )


def _is_asked_for_nan(value: ir.Value) -> bool:
    """Whether a node that treats NaN as a missing value depends on ``value``."""
    seen: set[ir.Node] = set()
    waiting = list(value.consumers())
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        if _asks_for_nan(node):
            return True
        seen.add(node)
        for output in node.outputs:
            waiting.extend(output.consumers())
    return False


def _asks_for_nan(node: ir.Node) -> bool:
    """Whether ``node`` treats NaN unlike numbers: IsNaN, or the Imputer of ai.onnx.ml."""
    if node.op_type == "Imputer":
        missing = node.attributes.get_float("replaced_value_float", 0.0)
        return math.isnan(missing)
    return node.op_type == "IsNaN"


def _dtype_of(value: ir.Value) -> np.dtype:
    if value.dtype in (None, ir.DataType.UNDEFINED):
        return np.dtype(object)
    return np.dtype(value.dtype.numpy())


def _shape_of(value: ir.Value) -> OpenShape | None:
    if value.shape is None:
        return None
    return tuple(map(_known_size, value.shape))


def _known_size(size: AxisSize) -> int | None:
    if isinstance(size, int):
        return size
    return None


def _symbols_of(value: ir.Value) -> tuple[str | None, ...]:
    return tuple(map(_symbol, value.shape or ()))


def _symbol(size: AxisSize) -> str | None:
    if isinstance(size, int):
        return None
    return size.value


def _type_text(dtype: np.dtype) -> str:
    return "string" if dtype.hasobject else str(dtype)


def _shape_text(shape: OpenShape | None) -> str:
    if shape is None:
        return "of unknown rank"
    sizes = ["?" if size is None else str(size) for size in shape]
    if shape and shape[0] is None:
        sizes[0] = "N"
    return f"[{', '.join(sizes)}]"


def shape_problem(shape: Shape, spec: InputSpec) -> str | None:
    """Say why an array of ``shape`` does not fit ``spec``, in neither of the two forms.

    The forms: batches concatenated along axis 0, or feeds stacked along one more leading axis.
    """
    if spec.shape is None:
        return _problem_of_any_rank(shape)
    if shape == spec.shape == ():
        return None
    expected = _shape_text(spec.shape)
    sizes = _sizes_behind_axis_0(spec.shape, len(shape))
    if sizes is None:
        return (
            f"has shape {list(shape)} of rank {len(shape)}, expected {expected} "
            f"(batches concatenated) or one more leading axis (feeds stacked)"
            f"{axes_advice(shape, spec.shape)}"
        )
    if not _sizes_fit(shape[1:], sizes):
        advice = axes_advice(shape, spec.shape)
        return f"has shape {list(shape)}, expected {expected}{advice}"
    if 0 in shape:
        return "is empty"
    return None


def _problem_of_any_rank(shape: Shape) -> str | None:
    if shape == ():
        return "is a scalar, but the first axis must count the samples"
    if 0 in shape:
        return "is empty"
    return None


def _sizes_behind_axis_0(shape: OpenShape, rank: int) -> OpenShape | None:
    """Return the sizes of a stored array behind axis 0, None if no form has its rank."""
    if rank == len(shape):
        return shape[1:]
    if rank == len(shape) + 1:
        return shape
    return None


def _sizes_fit(shape: Shape, expected: OpenShape) -> bool:
    pairs = zip(shape, expected, strict=True)
    return all(want in (None, have) for have, want in pairs)


def dtype_problem(dtype: np.dtype, spec: InputSpec) -> str | None:
    """Say why values of ``dtype`` cannot be fed to ``spec``; None if they can, after a cast."""
    if dtype == spec.dtype or _is_castable(dtype, spec.dtype):
        return None
    expected = _type_text(spec.dtype)
    if is_text(dtype):
        return f"holds strings, expected {expected}"
    return f"has dtype {dtype}, expected {expected}{dtype_advice(dtype, spec)}"


def dtype_advice(dtype: np.dtype, spec: InputSpec) -> str:
    """Say how values of ``dtype`` become values for ``spec``; empty if nobody can know."""
    if dtype.kind in "iu" and is_real(spec.dtype):
        return (
            ": preprocess the values as for the model (scale, mean), then pass them as "
            f"{spec.dtype}"
        )
    return ""


def _is_castable(dtype: np.dtype, target: np.dtype) -> bool:
    if target.hasobject:
        return is_text(dtype)
    if dtype.kind == "b":
        return target.kind in "biu" or is_real(target)
    if is_real(target):
        return is_real(dtype)
    return dtype.kind in "iu" and target.kind in "iu"


def is_real(dtype: np.dtype) -> bool:
    """Whether values of ``dtype`` are real numbers."""
    # ml_dtypes' bfloat16 and float8 types are of kind "V".
    return dtype.kind == "f" or dtype.name.startswith(("bfloat", "float"))


def is_text(dtype: np.dtype) -> bool:
    """Whether values of ``dtype`` are strings."""
    return dtype.kind == "U"


def bytes_of(values: np.ndarray) -> bytes | memoryview:
    """Return the content of an array, to be digested; strings count, not how they are stored."""
    if is_text(values.dtype):
        return "\0".join(values.reshape(-1).tolist()).encode() + b"\0"
    return values.reshape(-1).view(np.uint8).data


def cast_to_input(
    values: np.ndarray, spec: InputSpec
) -> tuple[np.ndarray, dict[str, int]]:
    """Return ``values`` in the type of ``spec``, and how many of them are unusable, by reason.

    The reasons are ``NaN``, unless it stands for a missing value, ``Inf`` and, for integers too
    large, ``out of range``. Strings stay as they are.
    """
    if is_text(values.dtype):
        return values, {}
    with np.errstate(over="ignore", invalid="ignore"):
        result = np.ascontiguousarray(values, dtype=spec.dtype)
    result = result.reshape(values.shape)
    holds_all = np.can_cast(values.dtype, spec.dtype, "safe")
    if is_real(spec.dtype):
        unusable = _not_finite(result)
        if spec.takes_nan:
            unusable.pop("NaN", None)
    elif holds_all or values.dtype == spec.dtype:
        unusable = {}
    else:
        is_other_sign = (result < 0) != (values < 0)
        is_lost = (result != values) | is_other_sign
        unusable = {f"out of range for {spec.dtype}": is_lost}
    counts = {}
    for reason, where in unusable.items():
        if where.any():
            counts[reason] = int(np.count_nonzero(where))
    return result, counts


def _not_finite(values: np.ndarray) -> Arrays:
    """Return where ``values`` are NaN, and where infinite; empty if they are all finite."""
    is_finite = np.isfinite(values)
    if is_finite.all():
        return {}
    is_nan = np.isnan(values)
    return {"NaN": is_nan, "Inf": ~is_finite & ~is_nan}
