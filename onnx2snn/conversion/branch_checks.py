"""Checks, before long work, of what networks in the branches of an If cannot have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.errors import OptionError
from onnx2snn.graph import display_name
from onnx2snn.methods.layouts import STEP

if TYPE_CHECKING:
    from onnx2snn.conversion.options import Options
    from onnx2snn.conversion.preparation import Prepared
    from onnx2snn.data.dataset import Dataset

__all__ = ["check_early_exit", "check_step"]


def check_early_exit(
    prepared: Prepared, options: Options, data: Dataset | None
) -> None:
    """Refuse, before long work, an early exit without data, or with networks in branches."""
    if not options.early_exit:
        return
    if data is None:
        message = (
            "early_exit needs calibration data, to choose a margin by; give some, with "
        )
        raise OptionError(message + "--calibration")
    _check_no_branches(prepared, "early_exit")


def check_step(prepared: Prepared, options: Options) -> None:
    """Refuse, before long work, a file of one step of a network with networks in branches."""
    if options.layout == STEP:
        _check_no_branches(prepared, "layout step")


def _check_no_branches(prepared: Prepared, what: str) -> None:
    for branch, _ in prepared.whole.inside:
        message = (
            f"{what} does not fit If {display_name(branch.node)!r}, whose branches have time "
            f"steps of their own; leave {what} out"
        )
        raise OptionError(message)
