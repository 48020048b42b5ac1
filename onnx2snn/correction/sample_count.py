"""The number of calibration samples that the weights of a network ask for."""

from __future__ import annotations

import dataclasses
import logging
import math
from typing import TYPE_CHECKING

from onnx2snn.graph import display_name

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["SampleCount"]

_LOGGER = logging.getLogger(__name__)

_MOST = 1024
"""Samples that do for any layer: the ridge holds back what they do not tell."""

_NEARLY = 0.75
"""Part of that number from which on weights are corrected about as well."""

_TOO_FEW = (
    "%d calibration samples to fit weights to are few: the weights of %d of %d layers have more "
    "unknowns than there are positions to fit them to, and are corrected less than they could be; "
    "about %d would do (%s %r has %d unknowns for each output, and %s a sample)"
)


@dataclasses.dataclass(frozen=True)
class _Fit:
    """Weights that were fitted.

    Attributes:
        node: Their node.
        unknowns: Weights that make one output.
        positions: Positions of a sample at which they were fitted.
    """

    node: ir.Node
    unknowns: int
    positions: float

    @property
    def samples(self) -> int:
        """Return how many samples have as many positions as there are unknowns."""
        return min(_MOST, math.ceil(self.unknowns / self.positions))


@dataclasses.dataclass
class SampleCount:
    """The number of calibration samples, and what is fitted to them.

    Attributes:
        samples: How many there are.
    """

    samples: int
    _fits: list[_Fit] = dataclasses.field(default_factory=list)

    def add(self, node: ir.Node, inputs: int, positions: int) -> None:
        """Count weights that were fitted.

        Args:
            node: Their node.
            inputs: Weights that make one output.
            positions: Positions, in all samples, that they were fitted to.
        """
        if positions > 0:
            # Samples that fill up a batch of a fixed size are copies: no whole position more.
            whole = positions // self.samples
            fit = _Fit(node, inputs, whole or positions / self.samples)
            self._fits.append(fit)

    def warn(self) -> None:
        """Say how many samples would do, if there are fewer."""
        enough = self.samples / _NEARLY
        short = [fit for fit in self._fits if fit.samples > enough]
        if not short:
            return
        largest = max(short, key=lambda fit: fit.samples)
        positions = f"{largest.positions:.3g} position"
        if largest.positions != 1:
            positions += "s"
        _LOGGER.warning(
            _TOO_FEW,
            self.samples,
            len(short),
            len(self._fits),
            largest.samples,
            largest.node.op_type,
            display_name(largest.node),
            largest.unknowns,
            positions,
        )
