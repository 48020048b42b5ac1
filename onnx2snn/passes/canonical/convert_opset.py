"""Bring an older model to the opset in which the other passes think."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnx.shape_inference
import onnx.version_converter
import onnx_ir as ir

from onnx2snn.errors import brief
from onnx2snn.graph import (
    NodeBuilder,
    array,
    constant,
    display_name,
    is_constant,
    is_op,
    replace_node,
    take_over,
)
from onnx2snn.graph.skeleton import skeleton
from onnx2snn.graph.sources import add_sources
from onnx2snn.storage.map_types import model_of, proto_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ConvertOpset"]

_RESIZES_LIKE_UPSAMPLE = 10
_FLATTENS = 12
_SPATIAL = 8
_IR_VERSION = 8
_FAILURES = (
    RuntimeError,
    onnx.shape_inference.InferenceError,
    onnx.version_converter.ConvertError,
)


class _Resize(NamedTuple):
    """A node that resizes as Upsample does.

    Attributes:
        name: Its name.
        only_shrinks: Whether all its scales make smaller.
    """

    name: str | None
    only_shrinks: bool


@dataclass(frozen=True)
class ConvertOpset(ir.passes.InPlacePass):
    """Convert a model of an opset from 7 to ``target`` - 1 to ``target``; newer ones stay.

        before:  opset 9:   y = Clip<min = 0.0, max = 6.0>(x)
        after:   opset 17:  y = Clip(x, 0.0, 6.0)

    The work is done by ``onnx.version_converter``, which does not see the large initializers,
    so that memory stays flat. Exact. What it gets wrong is put right here: Hardmax (before
    opset 13 it flattens: now between Flatten and Reshape); Upsample, and Resize of opset 10
    (they map coordinates asymmetrically and round down, onnxruntime up where all scales
    shrink); BatchNormalization with ``spatial = 0`` becomes Sub, Div, Mul and Add. The graph's
    interface, the names of values, documentation and metadata stay. Main graph and subgraphs.

    Attributes:
        target: Opset of the result, from 13 on.

    Raises:
        onnx_ir.passes.PreconditionError: The model has functions (the converter would drop
            them: run ``InlineFunctions`` first), or says no version of the default domain.
        ValueError: ``onnx.version_converter`` cannot convert a node; its message is kept. Or there
            is a Scan of opset 8, which has another axis than later ones.
    """

    target: int = 17

    def requires(self, model: ir.Model) -> None:
        """Refuse what the converter would lose."""
        if model.functions:
            functions = model.functions.values()
            names = ", ".join(sorted(function.name for function in functions))
            message = f"ConvertOpset would drop the functions {names}: run InlineFunctions first"
            raise ir.passes.PreconditionError(message)
        if "" not in model.opset_imports:
            message = "ConvertOpset needs a model that imports a version of the default domain"
            raise ir.passes.PreconditionError(message)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Convert, with the repairs before and after."""
        source = model.opset_imports[""]
        if source >= self.target:
            return ir.passes.PassResult(model, modified=False)
        _refuse_batches_of_scans(model)
        _flatten_all_hardmax(model)
        _spell_out_unshared_normalizations(model)
        marked = _mark_resizes(model)
        _replace_graph(model, _run_converter(model, self.target))
        _fix_resizes(model, marked)
        return ir.passes.PassResult(model, modified=True)


def _refuse_batches_of_scans(model: ir.Model) -> None:
    """Refuse Scan of opset 8, which scans each sample of a batch by itself."""
    if model.opset_imports[""] > _SPATIAL:
        return
    for node in model.graph.all_nodes():
        if is_op(node, "Scan"):
            message = (
                f"Scan {display_name(node)!r} of opset 8 scans each sample by itself, as no later "
                "one does; export the model with opset 9 or newer"
            )
            raise ValueError(message)


def _flatten_all_hardmax(model: ir.Model) -> None:
    if model.opset_imports[""] > _FLATTENS:
        return
    for node in tuple(model.graph.all_nodes()):
        if is_op(node, "Hardmax"):
            _flatten_hardmax(node)


def _flatten_hardmax(node: ir.Node) -> None:
    """Say in nodes that a Hardmax takes the axes from ``axis`` on, 1 by default, as one."""
    name = node.outputs[0].name
    x = node.inputs[0]
    axis = node.attributes.get_int("axis", 1)
    builder = NodeBuilder.before(node)
    shape = builder.add("Shape", [x], f"{name}.shape")
    begins_at = {"axis": axis}
    flat = builder.add("Flatten", [x], f"{name}.flat", begins_at)
    along_rows = {"axis": 1}
    hard = builder.add("Hardmax", [flat], f"{name}.hard", along_rows)
    reshaped = ir.node("Reshape", [hard, shape])
    replace_node(node, reshaped)


def _spell_out_unshared_normalizations(model: ir.Model) -> None:
    if model.opset_imports[""] > _SPATIAL:
        return
    for node in tuple(model.graph.all_nodes()):
        if not is_op(node, "BatchNormalization"):
            continue
        is_shared = node.attributes.pop("spatial", None)
        if is_shared is not None and is_shared.as_int() == 0:
            _spell_out_normalization(node)


def _spell_out_normalization(norm: ir.Node) -> None:
    """Write a normalization whose parameters have the shape of a sample as four nodes.

    Raises:
        ValueError: A parameter is not constant.
    """
    x, *parameters = norm.inputs
    if not all(map(is_constant, parameters)):
        message = (
            f"BatchNormalization {display_name(norm)!r} has spatial = 0 and "
            "computed parameters"
        )
        raise ValueError(message)
    scale, bias, mean, variance = parameters
    builder = NodeBuilder.before(norm)
    name = norm.outputs[0].name
    squares = array(variance)
    epsilon = norm.attributes.get_float("epsilon", 1e-5)
    roots = (squares + epsilon) ** 0.5
    deviation = roots.astype(squares.dtype)
    divisor = constant(builder.graph, f"{name}.deviation", deviation)
    centered = builder.add("Sub", [x, mean], f"{name}.sub")
    normal = builder.add("Div", [centered, divisor], f"{name}.div")
    scaled = builder.add("Mul", [normal, scale], f"{name}.mul")
    norm.resize_outputs(1)
    shifted = ir.node("Add", [scaled, bias])
    replace_node(norm, shifted)


def _mark_resizes(model: ir.Model) -> dict[str | None, _Resize]:
    """Put an Identity behind each node that resizes as Upsample does; return what is marked.

    The converter gives such a node another name, and its output too. The Identity is not
    touched: its output, which has the name of the old one, is the key.
    """
    if model.opset_imports[""] > _RESIZES_LIKE_UPSAMPLE:
        return {}
    found: dict[str | None, _Resize] = {}
    for node in tuple(model.graph.all_nodes()):
        if is_op(node, "Upsample", "Resize"):
            mark = _mark(node)
            found[mark.name] = _Resize(node.name, _only_shrinks(node))
    return found


def _mark(node: ir.Node) -> ir.Value:
    """Put an Identity behind ``node``; its output takes the name and the readers."""
    output = node.outputs[0]
    identity = ir.node("Identity", [output])
    mark = identity.outputs[0]
    _find_graph(node).insert_after(node, identity)
    take_over(output, mark)
    identity.replace_input_with(0, output)
    return mark


def _fix_resizes(model: ir.Model, marked: Mapping[str | None, _Resize]) -> None:
    """Let the Resize nodes that the converter gives map coordinates as before."""
    for identity in tuple(model.graph.all_nodes()):
        mark = identity.outputs[0]
        if not is_op(identity, "Identity") or mark.name not in marked:
            continue
        resize = _find_maker(identity)
        resize.name, only_shrinks = marked[mark.name]
        _map_asymmetrically(resize, "ceil" if only_shrinks else "floor")
        take_over(mark, resize.outputs[0])
        _find_graph(identity).remove(identity, safe=True)


def _find_maker(identity: ir.Node) -> ir.Node:
    """Return the node whose output an Identity hands on."""
    x = identity.inputs[0]
    maker = None if x is None else x.producer()
    assert maker is not None
    return maker


def _find_graph(node: ir.Node) -> ir.Graph:
    """Return the graph that a node of a model is in."""
    assert isinstance(node.graph, ir.Graph)
    return node.graph


def _only_shrinks(node: ir.Node) -> bool:
    """Whether the scales of an Upsample, or of a Resize of opset 10, only make smaller."""
    if "scales" in node.attributes:
        scales = np.array(node.attributes["scales"].as_floats())
    elif len(node.inputs) > 1 and is_constant(node.inputs[1]):
        scales = array(node.inputs[1])
    else:
        return False
    if scales.size == 0 or scales.max() > 1:
        return False
    return bool(scales.min() < 1)


def _map_asymmetrically(node: ir.Node, rounding: str) -> None:
    strings = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": rounding}
    for name, value in strings.items():
        node.attributes[name] = ir.AttrString(name, value)


def _run_converter(model: ir.Model, target: int) -> ir.Model:
    """Return the model as the converter gives it, large initializers being inputs."""
    small = skeleton(model)
    small.ir_version = max(small.ir_version or 0, _IR_VERSION)
    try:
        old = proto_of(small)
        proto = onnx.version_converter.convert_version(old, target)
    except _FAILURES as error:
        reason = brief(error)
        message = f"onnx.version_converter cannot convert this model to opset {target}: {reason}"
        raise ValueError(message) from error
    return model_of(proto)


def _restore_sources(old: ir.Graph, new: ir.Graph) -> None:
    """Let nodes of ``new`` stand for what those of ``old`` with outputs of their names do."""
    makers = {value.name: node for node in old.all_nodes() for value in node.outputs}
    for node in new.all_nodes():
        names = [value.name for value in node.outputs if value.name in makers]
        add_sources(node, [makers[name] for name in names])


def _replace_graph(model: ir.Model, converted: ir.Model) -> None:
    """Give ``model`` the converted graph, with the initializers that were held back."""
    old = model.graph
    new = converted.graph
    declared = [value.name for value in old.inputs]
    for value in tuple(new.inputs):
        held_back = old.initializers.get(value.name or "")
        if held_back is None:
            continue
        value.const_value = held_back.const_value
        new.register_initializer(value)
        if value.name not in declared:
            new.inputs.remove(value)
    new.name = old.name
    new.doc_string = old.doc_string
    new.metadata_props.update(old.metadata_props)
    _restore_sources(old, new)
    model.graph = new
    model.ir_version = max(model.ir_version or 0, _IR_VERSION)
