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

from onnx2snn.errors import InvalidModelError
from onnx2snn.ops import declared_ops
from onnx2snn.runtime.kernels import KERNELS
from onnx2snn.storage.large_models import in_one_piece
from onnx2snn.storage.protos import all_nodes

if TYPE_CHECKING:
    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.runtime.feeds import Run
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
    """Return a function from feeds to outputs, in order, that runs ``model`` in NumPy.

    Raises:
        InvalidModelError: There is no kernel in NumPy for an operator, or not for its inputs;
            the latter is seen when the returned function is called.
    """
    if isinstance(model, Path):
        model = onnx.load(model)
    if isinstance(model, ir.Model):
        model = in_one_piece(model)
    proto = model
    try:
        loaded = evaluator(proto)
    except NotImplementedError as error:
        raise _refuse(proto, error) from error

    def run(feeds: Feeds) -> list[np.ndarray]:
        try:
            with np.errstate(
                all="ignore"
            ):  # 0 / 0 in an early step is no cause for alarm
                return list(loaded.run(None, dict(feeds)))
        except NotImplementedError as error:
            raise _refuse(proto, error) from error

    return run


def _refuse(model: onnx.ModelProto, error: NotImplementedError) -> InvalidModelError:
    """Return the error for an operator without a kernel; onnx's message has its type."""
    text = str(error)
    nodes = [node for node in all_nodes(model) if repr(node.op_type) in text]
    named = f"{text.splitlines()[0]}"
    if nodes:
        node = nodes[0]
        domain = f"{node.domain}." if node.domain else ""
        name = node.name or next(filter(None, node.output), node.op_type)
        named = f"there is no kernel for {domain}{node.op_type} {name!r}"
    message = f"cannot be run in NumPy: {named}; choose the runtime 'ort'"
    return InvalidModelError(message)
