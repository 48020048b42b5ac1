"""A hostile model, and ways to write one down."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper, parser

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Hostile", "from_proto", "from_text", "model_of", "network", "parsed"]

NAME = "m.onnx"
HEAD = '<ir_version: 8, opset_import: ["": 17]>'


@dataclasses.dataclass(frozen=True)
class Hostile:
    """A model that nobody should trust.

    Attributes:
        name: Its name, unique among those of its kind.
        write: Writes it into a folder, with what lies beside it.
        file: The file's name there.
    """

    name: str
    write: Callable[[Path], object]
    file: str = NAME


def from_proto(name: str, make: Callable[[], onnx.ModelProto | bytes]) -> Hostile:
    """Return a model of one file; it is made when it is written."""

    def write(folder: Path) -> None:
        made = make()
        data = made if isinstance(made, bytes) else made.SerializeToString()
        folder.joinpath(NAME).write_bytes(data)

    return Hostile(name, write)


def parsed(body: str, head: str = HEAD) -> onnx.ModelProto:
    """Return the model with this graph, in ONNX's text format."""
    return parser.parse_model(f"{head} {body}")


def from_text(name: str, body: str, head: str = HEAD) -> Hostile:
    """Return a model written in ONNX's text format."""
    return from_proto(name, lambda: parsed(body, head))


def model_of(*nodes: onnx.NodeProto, **fields: object) -> onnx.ModelProto:
    """Return a model from ``x`` [2, 3] to ``y`` of any shape with these nodes.

    Args:
        nodes: The nodes.
        fields: Further arguments of ``make_graph``, or ``inputs``, ``outputs`` and ``opset``.
    """
    float32 = onnx.TensorProto.FLOAT
    x = helper.make_tensor_value_info("x", float32, [2, 3])
    y = helper.make_tensor_value_info("y", float32, None)
    inputs = fields.pop("inputs", [x])
    outputs = fields.pop("outputs", [y])
    opset = fields.pop("opset", 17)
    graph = helper.make_graph(list(nodes), "g", inputs, outputs, **fields)
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def network() -> onnx.ModelProto:
    """Return a small network that converts: two Gemm layers and a Relu, 6 to 5 to 4."""
    generator = np.random.default_rng(0)
    first = generator.normal(size=(6, 5)).astype(np.float32)
    second = generator.normal(size=(5, 4)).astype(np.float32)
    bias = generator.normal(size=5).astype(np.float32)
    model = parsed("""g (float[N,6] x) => (float[N,4] y) {
        h = Gemm(x, W, b)
        r = Relu(h)
        y = MatMul(r, V)
    }""")
    arrays = {"W": first, "b": bias, "V": second}
    model.graph.initializer.extend(
        numpy_helper.from_array(data, name) for name, data in arrays.items()
    )
    return model
