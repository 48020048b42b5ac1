"""The form of an operator over all time steps at once, derived from its single step."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper

from onnx2snn.ops.declare import DOMAIN, DeclaredOp, markdown_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx.shape_inference import InferenceContext

    from onnx2snn.ops.declare import StepOp

__all__ = ["SUFFIX", "MultiStepOp"]

SUFFIX = "MultiStep"
"""End of the name of an operator over all steps; that of its single step stands before."""

_STEP_SHAPE = "step_shape"
"""Name, in the function, of the shape of one step."""


@dataclasses.dataclass(frozen=True, eq=False)
class MultiStepOp(DeclaredOp):
    """All time steps of a stateful operator: the loop over ``step_op``, in one node.

    The first input, the stream, has an axis for time in front: [T, N, ...]. All other inputs
    are those of the single step: states before the first step, which broadcast to [N, ...], and
    what is constant over time. The outputs are the first output of every step, [T, N, ...], and
    each state after the last step, [N, ...].

    Attributes:
        step_op: The operator whose steps these are; everything follows from it.
    """

    step_op: StepOp

    @property
    def name(self) -> str:  # type: ignore[override]  # read only
        """Operator type, in CamelCase."""
        return f"{self.step_op.name}{SUFFIX}"

    @property
    def doc(self) -> str:  # type: ignore[override]  # read only
        """Its computation, in words."""
        step = self.step_op
        return (
            f"All time steps of {step.name}, one after another.\n\n"
            f"Step t is {step.name} on slice t of `{step.stream}`, with the states that step "
            f"t - 1 left; the other inputs are the same in every step."
        )

    @property
    def inputs(self) -> Mapping[str, str]:  # type: ignore[override]  # read only
        """Name to meaning, in order."""
        step = self.step_op
        meanings = dict(step.inputs)
        meanings[step.stream] = f"`{step.stream}` of every step, [T, N, ...], T >= 1."
        for name in step.state:
            meanings[name] = f"`{name}` before the first step; broadcasts to [N, ...]."
        return meanings

    @property
    def outputs(self) -> Mapping[str, str]:  # type: ignore[override]  # read only
        """Name to meaning, in order."""
        step = self.step_op
        meanings = {step.result: f"`{step.result}` of every step, [T, N, ...]."}
        for name in step.state:
            meanings[_last(name)] = f"`{name}` after the last step, [N, ...]."
        return meanings

    @property
    def integers(self) -> frozenset[str]:  # type: ignore[override]  # read only
        """Inputs and outputs that are int64."""
        step = self.step_op
        after = [_last(name) for name in step.state if name in step.integers]
        return step.integers.union(after)

    def compute(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the outputs in order, computed in NumPy step by step."""
        step = self.step_op
        stream, *others = inputs
        known = dict(zip(list(step.inputs)[1:], others, strict=True))
        each = []
        for current in stream:
            results = step.step(np.asarray(current), *known.values())
            by_name = dict(zip(step.outputs, results, strict=True))
            for name, after in step.state.items():
                known[name] = by_name[after]
            each.append(results[0])
        states = (known[name] for name in step.state)
        return (np.stack(each), *states)

    def function(self, opset: int = 17) -> onnx.FunctionProto:
        """Return the body as a model-local function: a Scan around the step's nodes.

        Args:
            opset: Version of the default domain in which the body is read, at least 15: that of
                the model which will hold the function.
        """
        step = self.step_op
        shape = helper.make_node("Shape", [step.stream], [_STEP_SHAPE], start=1)
        expands = [
            helper.make_node("Expand", [name, _STEP_SHAPE], [_first(name)])
            for name in step.state
        ]
        firsts = [_first(name) for name in step.state]
        lasts = [_last(name) for name in step.state]
        scan = helper.make_node(
            "Scan",
            [*firsts, step.stream],
            [*lasts, step.result],
            num_scan_inputs=1,
            body=self._scan_body(opset),
        )
        return helper.make_function(
            DOMAIN,
            self.name,
            list(self.inputs),
            list(self.outputs),
            [shape, *expands, scan],
            [helper.make_opsetid("", opset)],
            doc_string=self.doc,
        )

    def _scan_body(self, opset: int) -> onnx.GraphProto:
        """Return the step as the body of a Scan, under names of its own."""
        step = self.step_op
        outer = [step.stream, *step.state, step.result]
        inner = {name: _now(name) for name in outer}
        nodes = [_renamed(node, inner) for node in step.function(opset).node]
        each = f"{step.result}_each"
        nodes.append(helper.make_node("Identity", [inner[step.result]], [each]))
        inputs = [*step.state, step.stream]
        after = [inner.get(name, name) for name in step.state.values()]
        return helper.make_graph(
            nodes,
            f"{step.name}.step",
            [onnx.ValueInfoProto(name=inner[name]) for name in inputs],
            [onnx.ValueInfoProto(name=name) for name in [*after, each]],
        )

    def infer(self, context: InferenceContext) -> None:
        """Give the stream the shape of the first input, and each state that without time."""
        stream = context.get_input_type(0)
        for index, name in enumerate(self.outputs):
            result = onnx.TypeProto()
            result.CopyFrom(stream)
            is_state = index > 0
            if is_state and result.tensor_type.HasField("shape"):
                del result.tensor_type.shape.dim[:1]
            if name in self.integers:
                result.tensor_type.elem_type = onnx.TensorProto.INT64
            context.set_output_type(index, result)

    def markdown(self) -> str:
        """Return the section of ``docs/reference/ops.md`` about this operator."""
        parts = [
            f"## {self.name}",
            self.doc,
            markdown_table("input", self.inputs),
            markdown_table("output", self.outputs),
            f"```text\n{self._body_in_words()}\n```",
        ]
        return "\n\n".join(parts) + "\n"

    def _body_in_words(self) -> str:
        """Return the body, with the name of the step in the place of its nodes."""
        step = self.step_op
        lines = [f"{_STEP_SHAPE} = Shape <start = 1> ({step.stream})"]
        lines += [
            f"{_first(name)} = Expand ({name}, {_STEP_SHAPE})" for name in step.state
        ]
        firsts = ", ".join(map(_first, step.state))
        lasts = ", ".join(map(_last, step.state))
        body = f"num_scan_inputs = 1, body = {step.name}"
        lines.append(
            f"{lasts}, {step.result} = Scan <{body}> ({firsts}, {step.stream})"
        )
        return "\n".join(lines)


def _first(state: str) -> str:
    return f"{state}_first"


def _last(state: str) -> str:
    return f"{state}_last"


def _now(name: str) -> str:
    return f"{name}_now"


def _renamed(node: onnx.NodeProto, names: Mapping[str, str]) -> onnx.NodeProto:
    """Return a copy of ``node`` that reads and makes values under other names."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = [names.get(name, name) for name in node.input]
    copy.output[:] = [names.get(name, name) for name in node.output]
    return copy
