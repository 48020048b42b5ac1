"""Lines between two limits, whose numbers are arrays, and their uniform rounding."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from onnx2snn.analysis.elementwise.arithmetic import arithmetic_of
from onnx2snn.analysis.elementwise.chain import Algebra, rules_of_operands
from onnx2snn.graph import array

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir as ir

__all__ = ["CLAMPED_LINES", "ROUNDINGS", "ClampedLine", "Rounding"]

_Array: TypeAlias = np.ndarray[Any, Any]

ROUNDINGS = {"Floor": 0.0, "Round": 0.5, "Ceil": 1.0}
"""Operator to where its steps are: it gives k or more from k minus this on."""


@dataclasses.dataclass(frozen=True, eq=False)
class Rounding:
    """The rounding of a clamped line.

    Attributes:
        line: What is rounded, a function of the root.
        ahead: How far below an integer the line is rounded up to it, 0 to 1.
    """

    line: ClampedLine
    ahead: float


@dataclasses.dataclass(frozen=True, eq=False)
class ClampedLine:
    """``clip(slope * u + offset, low, high)``, element by element.

    Attributes:
        slope: Factor of u, no element 0; all elements 0 for a constant.
        offset: What is added.
        low: Smallest result; of a constant the result.
        high: Largest result; of a constant the result.
        rounding: Gives u as a function of the root; None where u is the root.
    """

    slope: _Array
    offset: _Array
    low: _Array
    high: _Array
    rounding: Rounding | None = None

    @classmethod
    def identity(cls) -> ClampedLine:
        """Return the root as a function of itself."""
        return cls(
            slope=np.ones([]),
            offset=np.zeros([]),
            low=np.asarray(-np.inf),
            high=np.asarray(np.inf),
        )

    @classmethod
    def constant(cls, number: Any) -> ClampedLine:  # noqa: ANN401
        """Return the function that is ``number``, or an array, everywhere."""
        values = np.asarray(number, np.float64)
        return cls(
            slope=np.zeros([]),
            offset=values,
            low=values,
            high=values,
        )

    @property
    def is_constant(self) -> bool:
        """Whether it does not depend on the root."""
        return not self.slope.any()

    @property
    def is_bounded(self) -> bool:
        """Whether both limits are finite."""
        has_low = np.isfinite(self.low).all()
        has_high = np.isfinite(self.high).all()
        return bool(has_low and has_high)

    def __neg__(self) -> ClampedLine:
        """Return the function times -1."""
        return dataclasses.replace(
            self,
            slope=-self.slope,
            offset=-self.offset,
            low=-self.high,
            high=-self.low,
        )

    def __add__(self, other: ClampedLine) -> ClampedLine | None:
        """Return the sum, None if neither is constant."""
        if other.is_constant:
            return self._shift(other.low)
        if self.is_constant:
            return other._shift(self.low)
        return None

    def __mul__(self, other: ClampedLine) -> ClampedLine | None:
        """Return the product, None unless one is a constant all of one sign."""
        if other.is_constant:
            return self._scale(np.multiply, other.low)
        if self.is_constant:
            return other._scale(np.multiply, self.low)
        return None

    def __truediv__(self, other: ClampedLine) -> ClampedLine | None:
        """Return the quotient, None unless ``other`` is a constant all of one sign.

        It is no product with the reciprocal, which would be rounded once more.
        """
        if not other.is_constant:
            return None
        return self._scale(np.divide, other.low)

    def maximum(self, other: ClampedLine) -> ClampedLine | None:
        """Return the larger of the two functions, None if neither is constant."""
        if other.is_constant:
            return self._raise_to(other.low)
        if self.is_constant:
            return other._raise_to(self.low)
        return None

    def round_uniformly(self, ahead: float) -> ClampedLine | None:
        """Return the function rounded to integers, None if it has been before.

        Args:
            ahead: How far below an integer the function is rounded up to it.
        """
        if self.rounding is not None:
            return None
        return ClampedLine(
            slope=np.ones([]),
            offset=np.zeros([]),
            low=np.floor(self.low + ahead),
            high=np.floor(self.high + ahead),
            rounding=Rounding(self, ahead),
        )

    def _shift(self, shift: _Array) -> ClampedLine:
        return dataclasses.replace(
            self,
            offset=self.offset + shift,
            low=self.low + shift,
            high=self.high + shift,
        )

    def _scale(
        self, scale: Callable[..., _Array], factor: _Array
    ) -> ClampedLine | None:
        """Return the function times, or divided by, ``factor``."""
        has_one_sign = factor.all() and not np.ptp(np.sign(factor))
        if not has_one_sign:
            return None
        low = scale(self.low, factor)
        high = scale(self.high, factor)
        is_negative = factor.flat[0] < 0
        if is_negative:
            low, high = high, low
        return dataclasses.replace(
            self,
            slope=scale(self.slope, factor),
            offset=scale(self.offset, factor),
            low=low,
            high=high,
        )

    def _raise_to(self, limit: _Array) -> ClampedLine:
        return dataclasses.replace(
            self,
            low=np.maximum(self.low, limit),
            high=np.maximum(self.high, limit),
        )


def _read_constant(value: ir.Value, root: ir.Value) -> ClampedLine:
    del root
    return ClampedLine.constant(array(value))


_FUNCTIONS = arithmetic_of(ClampedLine.constant(0)) | {
    "Ceil": lambda line: line.round_uniformly(ROUNDINGS["Ceil"]),
    "Floor": lambda line: line.round_uniformly(ROUNDINGS["Floor"]),
    "Round": lambda line: line.round_uniformly(ROUNDINGS["Round"]),
}

CLAMPED_LINES = Algebra(
    identity=ClampedLine.identity(),
    number=ClampedLine.constant,
    constant=_read_constant,
    rules=rules_of_operands(_FUNCTIONS),
)
"""Lines between limits, rounded once at most; constants may be arrays."""
