"""A sample's axes as one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.exporting.layers import Flattening
from onnx2snn.exporting.realizing import merged
from onnx2snn.exporting.views import StreamValue, View

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.exporting.rules.work import Work

__all__ = ["flattened"]


def flattened(work: Work, node: ir.Node, value: StreamValue) -> StreamValue:
    """Return a value with all axes of a sample as one, in the order of the ONNX graph."""
    size = math.prod(value.shape)
    views = []
    for view in merged(value.views):
        source = work.layers.shapes[view.layer]
        name = view.layer
        if len(source) > 1:
            whole = (math.prod(source),)
            name = work.add(node, Flattening(), (view.layer,), whole)
        places, factors = view.flat(value.shape, source)
        flat = View(
            name,
            places.transpose(value.order).reshape(-1),
            factors.transpose(value.order).reshape(-1),
            offsets=(),
            steps=(),
        )
        views.append(flat)
    spread = np.broadcast_to(
        value.constant.reshape(-1, *[1] * (len(value.shape) - 1)), value.shape
    )
    constant = spread.transpose(value.order).reshape(-1)
    return StreamValue(
        (size,),
        tuple(views),
        constant,
        (0,),
        value.is_static,
    )
