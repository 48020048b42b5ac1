"""The one check of every spiking network that is loaded, whoever wrote or changed its file."""

from __future__ import annotations

import contextlib
import itertools
import re
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.errors import InvalidModelError, Onnx2SnnError, message_of
from onnx2snn.metadata.facts import COMPILED, LAYOUT
from onnx2snn.ops import DOMAIN, OPSET, declared_ops
from onnx2snn.ops.matching import is_function_of
from onnx2snn.runtime.metadata_rules import metadata_problems
from onnx2snn.schedules import checked_time_steps, time_loops, time_steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_network", "explain_damage"]

_MOST_TOLD = 5
"""Problems that a message tells; what more there are is counted."""

_LEAST_THRESHOLD = float(np.finfo(np.float32).tiny)
"""A threshold below it is as good as 0: dividing by it overflows."""

_NUMBERS = {"v_threshold": False, "v_threshold_negative": True}
"""Inputs of neurons that are finite numbers, none below 0, and whether they may be 0."""

_THRESHOLD = re.compile(r"\.(?P<kind>v_threshold(_negative)?)(\.raised)?$")
"""Name of a constant that is such a number."""


@contextlib.contextmanager
def explain_damage(name: str) -> Iterator[None]:
    """Say of a network that nothing inside can handle that its file is damaged.

    Args:
        name: Name of the network in messages.

    Raises:
        InvalidModelError: An error of another kind than ours was raised.
    """
    try:
        yield
    except (Onnx2SnnError, ImportError, MemoryError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {message_of(error)}".removesuffix(": ")
        message = f"{name} is damaged, or was not emitted by onnx2snn ({reason})"
        raise InvalidModelError(message) from error


def check_network(model: ir.Model, name: str) -> None:
    """Refuse a spiking network that is not as a conversion emits them.

    Values and nodes may have other names than in the file that was emitted, initializers may be
    folded, functions inlined, and metadata dropped, as tools that optimize do it. A model without
    a loop over time passes: it is an ANN.

    Args:
        model: The network.
        name: Its name in messages.

    Raises:
        InvalidModelError: Its metadata, operators, functions, loops, thresholds or number of
            steps are none that a conversion writes; the message tells them.
    """
    with explain_damage(name):
        problems = _problems_of(model)
    if problems:
        told = problems[:_MOST_TOLD]
        if len(problems) > _MOST_TOLD:
            told.append(f"{len(problems) - _MOST_TOLD} more")
        first = f"{name} is not a spiking network as onnx2snn writes them:"
        raise InvalidModelError("\n  ".join([first, *told]))


def _problems_of(model: ir.Model) -> list[str]:
    """Return what is wrong with a network; nothing is with an ANN."""
    problems = list(_loop_problems(model))
    if not problems and not _is_spiking(model):
        return []
    checks = (
        _output_problems,
        metadata_problems,
        _version_problems,
        _operator_problems,
        _function_problems,
        _threshold_problems,
    )
    problems += itertools.chain.from_iterable(check(model) for check in checks)
    if not problems:
        problems += _time_step_problems(model)
    return problems


def _is_spiking(model: ir.Model) -> bool:
    """Whether a model is a network of ours: one that has time steps, or runs one."""
    if time_steps_of(model.graph) is not None or LAYOUT.is_on(model):
        return True
    return any(True for _ in _own_nodes(model))


def _loop_problems(model: ir.Model) -> Iterator[str]:
    """Yield Loops over time whose inputs, outputs and bodies do not belong together."""
    for loop in time_loops(model.graph):
        body = loop.attributes.get("body")
        if body is None or body.type != ir.AttributeType.GRAPH:
            yield f"Loop {loop.name!r} has no body"
        else:
            for problem in _body_problems(loop, body.as_graph()):
                yield f"Loop {loop.name!r} has {problem}"


def _body_problems(loop: ir.Node, body: ir.Graph) -> Iterator[str]:
    if not loop.inputs or loop.inputs[0] is None:
        yield "no number of steps"
    given, taken = len(loop.inputs), len(body.inputs)
    if given != taken or given < 2:
        yield f"{given} inputs, and its body {taken}"
    outputs, made = len(loop.outputs), len(body.outputs) - 1
    if outputs != made or made < given - 2:
        yield f"{outputs} outputs, and its body makes {made}"


def _time_step_problems(model: ir.Model) -> Iterator[str]:
    """Yield what is wrong with the number of steps that a network runs for if none is given."""
    value = time_steps_of(model.graph)
    if value is None or value.const_value is None:
        return
    data = value.const_value.numpy()
    if data.ndim or data.dtype != np.int64:
        yield f"{value.name!r}, the number of steps, is {data.dtype} {list(data.shape)}"
        return
    try:
        checked_time_steps(int(data))
    except Onnx2SnnError as error:
        yield str(error)


def _output_problems(model: ir.Model) -> Iterator[str]:
    if not model.graph.outputs:
        yield "it has no outputs"


def _version_problems(model: ir.Model) -> Iterator[str]:
    """Yield a version of our operators that this package does not know."""
    imports = [model.opset_imports]
    imports += [function.opset_imports for function in model.functions.values()]
    for versions in imports:
        version = versions.get(DOMAIN, OPSET)
        if version != OPSET:
            yield (
                f"it has operators of {DOMAIN} in version {version}, and this package those of "
                f"version {OPSET}: install another onnx2snn"
            )
            return
    if "" not in model.opset_imports:
        yield "it has no version of the operators of ONNX"


def _operator_problems(model: ir.Model) -> Iterator[str]:
    """Yield nodes of our domain that are none of its operators, or with other inputs."""
    if COMPILED.is_on(model):
        return  # of the native library, which checks its own
    known = declared_ops()
    for node in _own_nodes(model):
        op = known.get(node.op_type)
        described = f"{node.op_type} {node.name!r}"
        if op is None:
            yield f"{described} is no operator of {DOMAIN}"
            continue
        if len(node.inputs) != len(op.inputs) or None in node.inputs:
            yield f"{described} does not have the inputs {', '.join(op.inputs)}"
        if len(node.outputs) > len(op.outputs):
            yield f"{described} has outputs beyond {', '.join(op.outputs)}"


def _function_problems(model: ir.Model) -> Iterator[str]:
    """Yield functions of our domain that compute something else than their operators."""
    known = declared_ops()
    for (domain, name, _), function in model.functions.items():
        is_ours = domain == DOMAIN and name in known
        if is_ours and not is_function_of(ir.to_proto(function), known[name]):
            yield f"its function {name} is not the operator of that name"


def _threshold_problems(model: ir.Model) -> Iterator[str]:
    """Yield thresholds that are no numbers, not positive, or of a shape that cannot be."""
    known = declared_ops()
    for node in _own_nodes(model):
        op = known.get(node.op_type)
        if op is None or len(op.inputs) != len(node.inputs):
            continue
        for name, value in zip(op.inputs, node.inputs, strict=True):
            if name in _NUMBERS and value is not None:
                problem = _number_problem(value, may_be_zero=_NUMBERS[name])
                problem = problem or _shape_problem(value, node.inputs[0])
                if problem is not None:
                    yield f"{name} of {node.op_type} {node.name!r} {problem}"
    yield from _constant_problems(model)


def _constant_problems(model: ir.Model) -> Iterator[str]:
    """Yield constants that are called thresholds, which a spike is multiplied by, and are none."""
    for graph in model.graphs():
        for name, value in graph.initializers.items():
            called = _THRESHOLD.search(name)
            if called is not None:
                problem = _number_problem(value, may_be_zero=_NUMBERS[called["kind"]])
                if problem is not None:
                    yield f"{name!r} {problem}"


def _number_problem(value: ir.Value, *, may_be_zero: bool) -> str | None:
    """Say why a constant is no threshold; None if it is one, or no constant."""
    if value.const_value is None:
        return None
    data = value.const_value.numpy().astype(np.float64)
    if not data.size or not np.isfinite(data).all():
        return "is not finite"
    numbers = data[data != 0] if may_be_zero else data
    least = numbers.min(initial=np.inf)
    if least < _LEAST_THRESHOLD:
        return f"is not above 0: it has {least:.3g}"
    return None


def _shape_problem(value: ir.Value, stream: ir.Value | None) -> str | None:
    """Say why a constant does not broadcast to a stream; None if it may."""
    if value.const_value is None or stream is None or stream.shape is None:
        return None
    sizes = value.const_value.shape.numpy()
    wanted = [size if isinstance(size, int) else None for size in stream.shape]
    padded = [1] * (len(wanted) - len(sizes)) + list(sizes)
    fits = len(padded) == len(wanted) and all(
        size == 1 or other in (None, size)
        for size, other in zip(padded, wanted, strict=True)
    )
    if fits:
        return None
    return f"has the shape {list(sizes)}, and its stream {stream.shape}"


def _own_nodes(model: ir.Model) -> Iterator[ir.Node]:
    """Yield the nodes of our domain."""
    for node in model.graph.all_nodes():
        if node.domain == DOMAIN:
            yield node
