"""One more output of a Loop over time that is built already: a value after every step."""

from __future__ import annotations

import onnx_ir as ir

__all__ = ["scan_out"]


def scan_out(loop: ir.Node, value: ir.Value, name: str, like: ir.Value) -> ir.Value:
    """Let a Loop give ``value`` after every step; return that output, as yet without a name.

    Args:
        loop: The Loop.
        value: A value that its body knows.
        name: Name of what the output is of, for the node in the body.
        like: A value of the type that the output has.
    """
    body = loop.attributes["body"].as_graph()
    copy = ir.node("Identity", [value], name=f"{name}.each")
    (scanned,) = copy.outputs
    scanned.name = copy.name
    scanned.type = like.type
    body.append(copy)
    body.outputs.append(scanned)
    loop.resize_outputs(len(loop.outputs) + 1)
    result = loop.outputs[-1]
    result.type = like.type
    return result
