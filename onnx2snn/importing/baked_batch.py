"""Networks whose inputs leave the batch free, but whose nodes do not."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.graph import is_op
from onnx2snn.importing.random_feeds import make_feeds, sizes_of
from onnx2snn.runtime.sessions import SessionError, open_session, run_trial

if TYPE_CHECKING:
    from collections.abc import Collection

    import onnxruntime as ort

    from onnx2snn.importing.source import Source

__all__ = ["fix_baked_batch"]

_LOGGER = logging.getLogger(__name__)

_OTHER_SIZES = (1, 32)
"""Sizes of free axes that count no samples, in the order they are tried."""

_FREE = (3, 5, 7)
"""Numbers of samples that a network runs on if its batch is free."""


def fix_baked_batch(source: Source) -> None:
    """Let the inputs of a model say how many samples its nodes take, if that is one number.

        before:  float[N,8] x;  float[1,8] y = Reshape(x, [1, 8])
        after:   float[1,8] x;  float[1,8] y = Reshape(x, [1, 8])

    An exporter bakes the size of its example in, or a batch was made free by hand. It is found
    by running the model as it came: not on any number of samples, but on one that a constant
    shape in it begins with. A model without such a shape is not run.
    """
    inputs = _free_inputs(source.model.graph)
    sizes = _sizes_in_shapes(source.model.graph)
    if not inputs or not sizes:
        return
    try:
        session = open_session(source.original, optimized=False, threads=1)
    except SessionError:
        return
    batch = _find_batch(session, sizes)
    if batch is None:
        return
    for value in inputs:
        assert value.shape is not None
        value.shape = ir.Shape([batch, *value.shape[1:]])
    message = (
        "%s runs on batches of %d only, as a constant shape in it says; "
        "so will the spiking network"
    )
    _LOGGER.warning(message, source.name, batch)


def _free_inputs(graph: ir.Graph) -> list[ir.Value]:
    """Return the inputs of a graph, if their first axes are all free; else none."""
    inputs = [value for value in graph.inputs if value.name not in graph.initializers]
    first = [value.shape[0] if value.shape else 0 for value in inputs]
    is_free = all(isinstance(size, ir.SymbolicDim) for size in first)
    return inputs if is_free else []


def _sizes_in_shapes(graph: ir.Graph) -> list[int]:
    """Return the numbers, above 0, that the constant shapes of Reshape nodes begin with."""
    found = set()
    for node in graph:
        shape = node.inputs[1] if is_op(node, "Reshape") else None
        tensor = None if shape is None else ir.convenience.get_const_tensor(shape)
        if tensor is not None and tensor.size:
            found.add(int(tensor.numpy()[0]))
    return sorted(size for size in found if size > 0)


def _find_batch(session: ort.InferenceSession, sizes: Collection[int]) -> int | None:
    """Return the first of ``sizes`` that a model runs on; None if it runs on any, or on none."""
    free = next(size for size in _FREE if size not in sizes)
    if _runs_on(session, free):
        return None
    candidates = (size for size in sizes if _runs_on(session, size))
    return next(candidates, None)


def _runs_on(session: ort.InferenceSession, samples: int) -> bool:
    """Whether a model runs on so many samples, with some size of its other free axes."""
    for other in _OTHER_SIZES:
        feeds = make_feeds(session.get_inputs(), sizes_of(samples, other))
        if feeds is None:
            return False
        try:
            run_trial(session, feeds)
        except SessionError:
            continue
        return True
    return False
