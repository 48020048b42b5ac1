"""The values of a network that is being compiled, in every form that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.compilation.forms import Axes, Packed, Real, Totals, back_to_emitted
from onnx2snn.graph import NodeBuilder, constant, reads, rewire

if TYPE_CHECKING:
    from onnx2snn.compilation.forms import Form

__all__ = ["CompiledValues"]

_FLOAT = {"to": int(ir.DataType.FLOAT)}


class CompiledValues:
    """Forms by the values that they stand for, and the nodes that make one of another.

    Args:
        graph: The graph.

    Attributes:
        builder: Puts nodes in front of the node that is being compiled.
    """

    def __init__(self, graph: ir.Graph) -> None:
        """Begin without any form."""
        self.graph = graph
        self.builder = NodeBuilder(graph)
        self._forms: dict[ir.Value, Form] = {}
        self._plain: dict[ir.Value, ir.Value] = {}
        self._turned: dict[tuple[ir.Value, bool], ir.Value] = {}

    def put(self, value: ir.Value, form: Form) -> None:
        """Say that ``form`` holds all steps of ``value``."""
        self._forms[value] = form

    def form_of(self, value: ir.Value | None) -> Form | None:
        """Return the form of a value; None if it is only what it was."""
        return None if value is None else self._forms.get(value)

    def packed(self, value: ir.Value | None) -> Packed | None:
        """Return the spikes of a value, if that is what it is."""
        form = self.form_of(value)
        return form if isinstance(form, Packed) else None

    def in_order(self, form: Packed, *, channels_last: bool) -> Packed:
        """Return spikes in another order of axes; as they are, if their scale forbids that."""
        axes = Axes(form.axes.rank, channels_last)
        if axes.of_step() == form.axes.of_step() or form.scale.ndim > 0:
            return form
        key = form.value, channels_last
        if key not in self._turned:
            emitted = back_to_emitted(form.axes.of_all_steps())
            order = [emitted[axis] for axis in axes.of_all_steps()]
            name = f"{form.value.name}.turned"
            turned = self.builder.add("Transpose", [form.value], name, {"perm": order})
            turned.type = form.value.type
            self._turned[key] = turned
        return Packed(self._turned[key], form.scale, axes)

    def floats(self, form: Packed) -> ir.Value:
        """Return spikes in units, as floats, in their own order of axes."""
        name = f"{form.value.name}.float"
        as_floats = self.builder.add("Cast", [form.value], name, _FLOAT)
        as_floats.type = ir.TensorType(ir.DataType.FLOAT)
        if form.scale.ndim == 0 and form.scale == 1:
            return as_floats
        scale = self.constant(f"{form.value.name}.unit", form.scale)
        return self._add_floats("Mul", [as_floats, scale], f"{form.value.name}.units")

    def sum_of(self, form: Real, most_spikes: int = 0) -> Real:
        """Return a sum in which at most so many terms are spikes still."""
        total = form.value
        while len(form.spikes) > most_spikes:
            *others, last = form.spikes
            terms = [total, self.floats(last)]
            total = self._add_floats("Add", terms, f"{form.value.name}.sum")
            form = Real(total, form.axes, tuple(others))
        return form

    def real(self, form: Packed | Real) -> Real:
        """Return a form as a sum."""
        if isinstance(form, Real):
            return form
        return Real(self.floats(form), form.axes)

    def terms(self, value: ir.Value | None) -> Packed | Real | None:
        """Return the form of a value that is spikes or a sum; None of any other."""
        form = self.form_of(value)
        return None if isinstance(form, Totals) else form

    def plain(self, value: ir.Value) -> ir.Value:
        """Return a value as the emitted network has it, made from its form if it has one."""
        form = self._forms.get(value)
        if form is None:
            return value
        if value not in self._plain:
            if isinstance(form, Totals):
                self._plain[value] = self._as_before(value)
            else:
                made = self.sum_of(self.real(form))
                self._plain[value] = self._as_emitted(value, made)
        return self._plain[value]

    def _as_before(self, value: ir.Value) -> ir.Value:
        """Let the node that made a value make it still, from plain inputs."""
        maker = value.producer()
        assert maker is not None  # a sum over time
        for source in reads(maker):
            rewire(maker, source, self.plain(source))
        return value

    def _as_emitted(self, value: ir.Value, made: Real) -> ir.Value:
        steps = made.value
        if made.axes.is_moved:
            order = back_to_emitted(made.axes.of_all_steps())
            name = f"{value.name}.emitted"
            steps = self.builder.add("Transpose", [steps], name, {"perm": order})
            steps.type = value.type
        if value.shape is not None and value.shape.rank() == made.axes.rank:
            steps = self._as_rows(value, steps)
        steps.type = value.type
        steps.shape = value.shape
        return steps

    def _as_rows(self, value: ir.Value, steps: ir.Value) -> ir.Value:
        """Return all steps without an axis of their own: [T * N, ...]."""
        assert value.shape is not None  # its rank was asked for
        sizes = list(value.shape)[1:]
        if all(isinstance(size, int) for size in sizes):
            shape = self.constant("rows_of_steps", np.array([-1, *sizes], np.int64))
        else:
            free = self.constant("rows_of_steps", np.array([-1], np.int64))
            rest = self.builder.add("Shape", [steps], "sizes_of_step", {"start": 2})
            shape = self.builder.add("Concat", [free, rest], "rows_shape", {"axis": 0})
        return self.builder.add("Reshape", [steps, shape], f"{value.name}.rows")

    def arranged(self, value: ir.Value, axes: Axes, *, has_time: bool) -> ir.Value:
        """Return any value of the network, of one step or of all, with its axes as in memory."""
        if not axes.is_moved:
            return value
        order = axes.of_all_steps() if has_time else axes.of_step()
        name = f"{value.name}.arranged"
        turned = self.builder.add("Transpose", [value], name, {"perm": order})
        turned.type = value.type
        return turned

    def constant(self, name: str, data: np.ndarray) -> ir.Value:
        """Return a new initializer."""
        return constant(self.graph, name, data)

    def _add_floats(self, op: str, inputs: list[ir.Value], name: str) -> ir.Value:
        made = self.builder.add(op, inputs, name)
        made.type = ir.TensorType(ir.DataType.FLOAT)
        return made
