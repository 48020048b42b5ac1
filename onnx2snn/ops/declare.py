"""One operator, declared once: schema, function, kernel and documentation page from one value."""

from __future__ import annotations

import abc
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

__all__ = [
    "DOMAIN",
    "OPSET",
    "DeclaredOp",
    "StepOp",
    "body_in_words",
    "markdown_table",
]

DOMAIN = "ai.onnx2snn"
OPSET = 1

_FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)", "tensor(bfloat16)")
_TYPE_NOTE = "One floating-point type."
_INTEGER_NOTE = "States that are integers."


class DeclaredOp(abc.ABC):
    """An operator of the domain ``ai.onnx2snn``: its signature, and all that follows from that.

    Attributes:
        name: Operator type, in CamelCase.
        doc: What it does; the first line is a summary.
        inputs: Name to meaning, in order.
        outputs: Name to meaning, in order.
        integers: Inputs and outputs that are int64; all others have one floating-point type.
    """

    name: str
    doc: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    integers: frozenset[str]

    @abc.abstractmethod
    def compute(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the outputs in order, computed in NumPy."""

    @abc.abstractmethod
    def function(self, opset: int = 17) -> onnx.FunctionProto:
        """Return the body as a model-local function.

        Args:
            opset: Version of the default domain in which the body is read, at least 15: that of
                the model which will hold the function.
        """

    @abc.abstractmethod
    def infer(self, context: InferenceContext) -> None:
        """Give every output its type and shape, from those of the inputs."""

    def parsed(self, body: str, opset: int) -> onnx.FunctionProto:
        """Return the function of this signature with a body in the ONNX text language."""
        function = onnx.parser.parse_function(
            f'<domain: "{DOMAIN}", opset_import: ["" : {opset}]>\n'
            f"{self.name} ({', '.join(self.inputs)}) => ({', '.join(self.outputs)})\n"
            f"{{{body}\n}}"
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
        schema.set_type_and_shape_inference_function(self.infer)
        return schema

    def _type(self, name: str) -> str:
        if name in self.integers:
            return "I"
        return "T"

    def reference(self) -> type[OpRun]:
        """Return ``compute`` as an operator of onnx's ``ReferenceEvaluator(new_ops=[...])``."""
        compute = self.compute

        def _run(_self: OpRun, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
            return compute(*inputs)

        members: dict[str, Any] = {
            "__doc__": self.doc,
            "op_domain": DOMAIN,
            "op_schema": self.schema(),
            "_run": _run,
        }
        return type(self.name, (OpRun,), members)


@dataclasses.dataclass(frozen=True, eq=False)
class StepOp(DeclaredOp):
    """One time step of a stateful operator of the domain ``ai.onnx2snn``.

    The body is the meaning. Every other form is derived from this value, and every kernel must
    equal the body bit for bit. The operator holds no state: a state comes in as an input and its
    next value goes out as an output; time lives only in the ``Loop`` around the operator, or in
    its form over all steps, which ``multistep.py`` derives.

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
        unit_body: A shorter body for ``unit_thresholds``, with the same bits; empty for none.
        unit_thresholds: Name of each input that is such a constant then, to the number.
    """

    name: str
    doc: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    state: Mapping[str, str]
    body: str
    step: Callable[..., tuple[np.ndarray, ...]]
    integers: frozenset[str] = frozenset()
    unit_body: str = ""
    unit_thresholds: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a state that names no input or no output."""
        unknown = [name for name in self.state if name not in self.inputs]
        unknown += [name for name in self.state.values() if name not in self.outputs]
        if unknown:
            message = (
                f"{self.name}: state names no input or output: {', '.join(unknown)}"
            )
            raise ValueError(message)

    def with_unit_thresholds(self) -> StepOp:
        """Return the same operator with the body for ``unit_thresholds`` alone."""
        numbers = [
            f"`{name}` = {value:g}" for name, value in self.unit_thresholds.items()
        ]
        doc = f"{self.doc}\n\nThis body is for {' and '.join(numbers)} alone."
        return dataclasses.replace(self, body=self.unit_body, doc=doc)

    @property
    def stream(self) -> str:
        """Name of the input that is the stream."""
        return next(iter(self.inputs))

    @property
    def result(self) -> str:
        """Name of the first output."""
        return next(iter(self.outputs))

    def compute(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the outputs of one step in order, computed in NumPy."""
        return self.step(*inputs)

    def function(self, opset: int = 17) -> onnx.FunctionProto:
        """Return the body as a model-local function.

        Args:
            opset: Version of the default domain in which the body is read, at least 15: that of
                the model which will hold the function.
        """
        return self.parsed(self.body, opset)

    def infer(self, context: InferenceContext) -> None:
        """Give every output the shape of the first input, and its type or int64."""
        stream = context.get_input_type(0)
        for index, name in enumerate(self.outputs):
            result = onnx.TypeProto()
            result.CopyFrom(stream)
            if name in self.integers:
                result.tensor_type.elem_type = onnx.TensorProto.INT64
            context.set_output_type(index, result)

    def markdown(self) -> str:
        """Return the section of ``docs/reference/ops.md`` about this operator."""
        next_values = {
            name: f"next value: `{after}`" for name, after in self.state.items()
        }
        parts = [
            f"## {self.name}",
            self.doc,
            markdown_table("input", self.inputs),
            markdown_table("output", self.outputs),
            markdown_table("state", next_values),
            body_in_words(self.body),
        ]
        return "\n\n".join(parts) + "\n"


def body_in_words(body: str) -> str:
    """Return nodes in the ONNX text language as a block of a page."""
    return f"```text\n{textwrap.dedent(body).strip()}\n```"


def markdown_table(heading: str, rows: Mapping[str, str]) -> str:
    """Return a table of names and their meanings."""
    lines = [f"| {heading} | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in rows.items()]
    return "\n".join(lines)
