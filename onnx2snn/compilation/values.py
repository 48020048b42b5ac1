"""The values of a network that is being compiled, in every form that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.compilation.forms import Axes, Packed, Real, Totals, back_to_emitted
from onnx2snn.graph import NodeBuilder, constant, known_sizes, rank_of, reads, rewire

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from onnx2snn.compilation.forms import Form
    from onnx2snn.graph import ValueMap

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
        self._plain: ValueMap = {}
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
        is_in_order = axes.of_step() == form.axes.of_step()
        has_scale_by_entry = form.scale.ndim > 0
        if is_in_order or has_scale_by_entry:
            return form
        spikes = form.value
        key = spikes, channels_last
        if key not in self._turned:
            emitted = back_to_emitted(form.axes.of_all_steps())
            order = [emitted[axis] for axis in axes.of_all_steps()]
            name = f"{spikes.name}.turned"
            self._turned[key] = self.transpose(spikes, order, name)
        turned = self._turned[key]
        return Packed(turned, form.scale, axes)

    def transpose(self, value: ir.Value, order: Sequence[int], name: str) -> ir.Value:
        """Return a value with its axes in another order."""
        attributes = {"perm": order}
        turned = self.builder.add("Transpose", [value], name, attributes)
        turned.type = value.type
        return turned

    def floats(self, form: Packed) -> ir.Value:
        """Return spikes in units, as floats, in their own order of axes."""
        spikes = form.value
        units = form.scale
        name = spikes.name
        as_floats = self.builder.add("Cast", [spikes], f"{name}.float", _FLOAT)
        as_floats.type = ir.TensorType(ir.DataType.FLOAT)
        is_one_unit = units.ndim == 0 and units == 1
        if is_one_unit:
            return as_floats
        scale = self.constant(f"{name}.unit", units)
        factors = [as_floats, scale]
        return self.add_floats("Mul", factors, f"{name}.units")

    def sum_of(self, form: Real, most_spikes: int = 0) -> Real:
        """Return a sum in which at most so many terms are spikes still."""
        while len(form.spikes) > most_spikes:
            *others, last = form.spikes
            terms = [form.value, self.floats(last)]
            name = f"{form.value.name}.sum"
            total = self.add_floats("Add", terms, name)
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
            self._plain[value] = self._make_plain(value, form)
        return self._plain[value]

    def _make_plain(self, value: ir.Value, form: Form) -> ir.Value:
        if isinstance(form, Totals):
            return self._as_before(value)
        terms = self.real(form)
        made = self.sum_of(terms)
        return self._as_emitted(value, made)

    def _as_before(self, value: ir.Value) -> ir.Value:
        """Let the node that made a value make it still, from plain inputs."""
        maker = value.producer()
        assert maker is not None  # a sum over time
        for source in reads(maker):
            plain = self.plain(source)
            rewire(maker, source, plain)
        return value

    def _as_emitted(self, value: ir.Value, made: Real) -> ir.Value:
        steps = made.value
        axes = made.axes
        if axes.is_moved:
            order = back_to_emitted(axes.of_all_steps())
            steps = self.transpose(steps, order, f"{value.name}.emitted")
        are_rows = rank_of(value) == axes.rank
        if are_rows:
            steps = self._as_rows(value, steps)
        steps.type = value.type
        steps.shape = value.shape
        return steps

    def _as_rows(self, value: ir.Value, steps: ir.Value) -> ir.Value:
        """Return all steps without an axis of their own: [T * N, ...]."""
        assert value.shape is not None  # its rank was asked for
        builder = self.builder
        sizes = value.shape[1:]
        known = known_sizes(sizes)
        shape = self.sizes("rows_of_steps", [-1, *(known or [])])
        if known is None:
            behind_batch = {"start": 2}
            rest = builder.add("Shape", [steps], "sizes_of_step", behind_batch)
            parts = [shape, rest]
            along_list = {"axis": 0}
            shape = builder.add("Concat", parts, "rows_shape", along_list)
        name = f"{value.name}.rows"
        return builder.add("Reshape", [steps, shape], name)

    def arranged(self, value: ir.Value, axes: Axes, *, has_time: bool) -> ir.Value:
        """Return any value of the network, of one step or of all, with its axes as in memory."""
        if not axes.is_moved:
            return value
        order = axes.of_all_steps() if has_time else axes.of_step()
        return self.transpose(value, order, f"{value.name}.arranged")

    def constant(self, name: str, data: np.ndarray) -> ir.Value:
        """Return a new initializer."""
        return constant(self.graph, name, data)

    def sizes(self, name: str, numbers: npt.ArrayLike) -> ir.Value:
        """Return a new initializer that holds sizes of axes, or their numbers."""
        data = np.array(numbers, np.int64)
        return self.constant(name, data)

    def add_floats(self, op: str, inputs: Sequence[ir.Value], name: str) -> ir.Value:
        """Put a node that gives floats in its place; return its output."""
        made = self.builder.add(op, inputs, name)
        made.type = ir.TensorType(ir.DataType.FLOAT)
        return made
