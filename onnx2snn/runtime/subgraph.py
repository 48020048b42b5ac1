"""Run the part of a network that lies between values which are known already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.graph import boundary
from onnx2snn.methods.layouts import LOOP
from onnx2snn.ops.attach import attach_functions
from onnx2snn.runtime.ort import open_fastest
from onnx2snn.schedules import emit_steps

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np

    from onnx2snn.data.input_specs import Feeds


__all__ = ["Subgraph"]


class Subgraph:
    """The subgraph that computes ``outputs`` from values that are known.

    Args:
        model: An ANN, or a spiking single-step graph.
        outputs: The values to compute.
        known: Values that need not be computed again.
        time_steps: None to run the subgraph once as it is. Else it runs for that many steps:
            the known values are streams, [T, N, ...], and so are the outputs that vary.

    Attributes:
        inputs: Names of the values it reads: graph inputs, and known values.
        operators: Types of the operators in it.
    """

    def __init__(
        self,
        model: ir.Model,
        outputs: Sequence[ir.Value],
        known: Collection[ir.Value],
        time_steps: int | None = None,
    ) -> None:
        """Cut the subgraph out and load it into onnxruntime."""
        ends = boundary(outputs, known)
        read_known = [value for value in ends if value in known]
        self.inputs = _names(ends)
        self._types = {
            str(value.name): value.dtype.numpy() for value in read_known if value.dtype
        }
        graph = ir.convenience.extract(model.graph, ends, outputs)
        self.operators = frozenset(node.op_type for node in graph)
        if time_steps is not None:
            emit_steps(graph, LOOP, time_steps, _names(read_known), _names(outputs))
        part = ir.Model(graph, ir_version=model.ir_version)
        attach_functions(part)
        self._run = open_fastest(part)

    def run(self, feeds: Feeds) -> list[np.ndarray]:
        """Return the outputs for ``feeds``, one array for each of ``inputs``.

        Spikes may come as int8.
        """
        arrays = {}
        for name in self.inputs:
            data = feeds[name]
            dtype = self._types.get(name, data.dtype)
            arrays[name] = data.astype(dtype, copy=False)
        return self._run(arrays)


def _names(values: Sequence[ir.Value]) -> tuple[str, ...]:
    return tuple(str(value.name) for value in values)
