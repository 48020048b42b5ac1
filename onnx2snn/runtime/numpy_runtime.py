"""Run a converted model in NumPy: onnx's reference evaluator with the package's kernels.

This runtime needs no onnxruntime. It takes the loop over time steps, the operators and their
states from the model itself; only the kernels are the package's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator

from onnx2snn.ops import declared_ops
from onnx2snn.runtime.kernels import KERNELS
from onnx2snn.storage.large_models import in_one_piece

if TYPE_CHECKING:
    from onnx2snn.runtime.feeds import Feeds, Run
    from onnx2snn.storage.large_models import OpenableModel

__all__ = ["evaluator", "open_runner"]


def evaluator(model: onnx.ModelProto) -> ReferenceEvaluator:
    """Return an evaluator of ``model`` that uses the NumPy kernels, in ``Loop`` bodies too.

    The operators of ours run as their NumPy kernels, not as the functions the model
    carries; the two are equal bit for bit. Inside other model-local functions onnx's own kernels
    run, as it passes no operators on to those.
    """
    steps = [op.reference() for op in declared_ops().values()]
    return ReferenceEvaluator(model, new_ops=[*steps, *KERNELS])


def open_runner(model: OpenableModel) -> Run:
    """Return a function from feeds to outputs, in order, that runs ``model`` in NumPy."""
    if isinstance(model, Path):
        model = onnx.load(model)
    if isinstance(model, ir.Model):
        model = in_one_piece(model)
    loaded = evaluator(model)

    def run(feeds: Feeds) -> list[np.ndarray]:
        with np.errstate(all="ignore"):  # 0 / 0 in an early step is no cause for alarm
            return list(loaded.run(None, dict(feeds)))

    return run
