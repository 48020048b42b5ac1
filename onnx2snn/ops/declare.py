"""One operator, declared once: schema, function, kernel and documentation page from one value."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import TYPE_CHECKING, Any

import onnx
import onnx.defs
import onnx.parser
from onnx.reference.op_run import OpRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from onnx.shape_inference import InferenceContext

__all__ = ["DOMAIN", "OPSET", "StepOp"]

DOMAIN = "ai.onnx2snn"
OPSET = 1

_FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)", "tensor(bfloat16)")
_TYPE_NOTE = "One floating-point type."
_INTEGER_NOTE = "States that are integers."


@dataclasses.dataclass(frozen=True, eq=False)
class StepOp:
    """One time step of a stateful operator of the domain ``ai.onnx2snn``.

    The body is the meaning. Every other form is derived from this value, and every kernel must
    equal the body bit for bit. The operator holds no state: a state comes in as an input and its
    next value goes out as an output; time lives only in the ``Loop`` around the operator.

    Attributes:
        name: Operator type, in CamelCase.
        doc: What one step does, with its formulas; the first line is a summary.
        inputs: Name to meaning, in order. The first input is the stream: it has the full shape,
            and every other input broadcasts to it, so a state may start as a scalar.
        outputs: Name to meaning, in order. Every output has the shape of the first input.
        state: Name of each state input to the name of the output that is its next value.
        body: The step in the ONNX text language, one node a line.
        step: The same step in NumPy: the inputs in order to a tuple of the outputs in order.
        integers: Inputs and outputs that are int64; all others have one floating-point type.
    """

    name: str
    doc: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    state: Mapping[str, str]
    body: str
    step: Callable[..., tuple[np.ndarray, ...]]
    integers: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse a state that names no input or no output."""
        unknown = [name for name in self.state if name not in self.inputs]
        unknown += [name for name in self.state.values() if name not in self.outputs]
        if unknown:
            message = (
                f"{self.name}: state names no input or output: {', '.join(unknown)}"
            )
            raise ValueError(message)

    def function(self, opset: int = 17) -> onnx.FunctionProto:
        """Return the body as a model-local function.

        Args:
            opset: Version of the default domain in which the body is read, at least 15: that of
                the model which will hold the function.
        """
        function = onnx.parser.parse_function(
            f'<domain: "{DOMAIN}", opset_import: ["" : {opset}]>\n'
            f"{self.name} ({', '.join(self.inputs)}) => ({', '.join(self.outputs)})\n"
            f"{{{self.body}\n}}"
        )
        function.doc_string = self.doc
        return function

    def schema(self) -> onnx.defs.OpSchema:
        """Return the schema, with type and shape inference, for the checker and for readers."""
        formal = onnx.defs.OpSchema.FormalParameter
        schema = onnx.defs.OpSchema(
            self.name,
            DOMAIN,
            OPSET,
            self.doc,
            inputs=[
                formal(name, self._type(name), text)
                for name, text in self.inputs.items()
            ],
            outputs=[
                formal(name, self._type(name), text)
                for name, text in self.outputs.items()
            ],
            type_constraints=[
                ("T", list(_FLOATS), _TYPE_NOTE),
                *([("I", ["tensor(int64)"], _INTEGER_NOTE)] if self.integers else []),
            ],
        )
        schema.set_type_and_shape_inference_function(self._infer)
        return schema

    def _type(self, name: str) -> str:
        if name in self.integers:
            return "I"
        return "T"

    def _infer(self, context: InferenceContext) -> None:
        """Give every output the shape of the first input, and its type or int64."""
        stream = context.get_input_type(0)
        for index, name in enumerate(self.outputs):
            result = onnx.TypeProto()
            result.CopyFrom(stream)
            if name in self.integers:
                result.tensor_type.elem_type = onnx.TensorProto.INT64
            context.set_output_type(index, result)

    def reference(self) -> type[OpRun]:
        """Return ``step`` as an operator for onnx's ``ReferenceEvaluator(new_ops=[...])``."""
        step = self.step

        def _run(_self: OpRun, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
            return step(*inputs)

        members: dict[str, Any] = {
            "__doc__": self.doc,
            "op_domain": DOMAIN,
            "op_schema": self.schema(),
            "_run": _run,
        }
        return type(self.name, (OpRun,), members)

    def markdown(self) -> str:
        """Return the section of ``docs/reference/ops.md`` about this operator."""
        parts = [
            f"## {self.name}",
            self.doc,
            _table("input", self.inputs),
            _table("output", self.outputs),
            _table(
                "state",
                {name: f"next value: `{self.state[name]}`" for name in self.state},
            ),
            f"```text\n{textwrap.dedent(self.body).strip()}\n```",
        ]
        return "\n\n".join(parts) + "\n"


def _table(heading: str, rows: Mapping[str, str]) -> str:
    lines = [f"| {heading} | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in rows.items()]
    return "\n".join(lines)
