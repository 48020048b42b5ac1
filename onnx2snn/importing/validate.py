"""Refuse, with one clear message, what cannot be imported."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir

from onnx2snn.errors import InvalidModelError
from onnx2snn.importing.domains import calls, check_domains
from onnx2snn.runtime.sessions import SessionError, open_session
from onnx2snn.storage.large_models import openable, problem

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["validate"]

_LOGGER = logging.getLogger(__name__)
_OLDEST_IR_VERSION = 3
_OLDEST_OPSET = 7


def validate(
    model: ir.Model, name: str, original: Path | onnx.ModelProto | ir.Model
) -> None:
    """Check versions, external data, domains and structure; put the nodes in order.

    What ``onnx.checker`` finds is an error only if onnxruntime cannot open the model either;
    else it is logged as a warning: the checker also minds what changes no result.

    Args:
        model: The model, changed in two ways: the default domain is spelled "", and nodes stand
            in topological order.
        name: How messages call it.
        original: The model as it came, for onnxruntime and the checker.

    Raises:
        InvalidModelError: The model cannot be read.
        UnsupportedError: It has operators of a domain that is not ONNX's own.
    """
    _spell_default_domain(model)
    _check_versions(model, name)
    if not len(model.graph):
        message = f"{name} has an empty graph: there is nothing to convert"
        raise InvalidModelError(message)
    if not model.graph.outputs:
        message = (
            f"{name} has no output: declare the values to compute as graph outputs"
        )
        raise InvalidModelError(message)
    _check_external_data(
        model, name, has_folder=not isinstance(original, onnx.ModelProto)
    )
    check_domains(calls(model), name)
    _check_structure(model, name, original)


def _spell_default_domain(model: ir.Model) -> None:
    functions = model.functions.values()
    for imports in (
        model.opset_imports,
        *(function.opset_imports for function in functions),
    ):
        if "ai.onnx" in imports:
            imports.setdefault("", imports.pop("ai.onnx"))


def _check_versions(model: ir.Model, name: str) -> None:
    if (model.ir_version or 0) < _OLDEST_IR_VERSION:
        message = (
            f"{name} has IR version {model.ir_version}, from before operators had versions (2017); "
            f"export it again, IR version {_OLDEST_IR_VERSION} or newer is needed"
        )
        raise InvalidModelError(message)
    if (model.ir_version or 0) > onnx.IR_VERSION:
        message = (
            f"{name} has IR version {model.ir_version}, onnx {onnx.__version__} knows up to "
            f"{onnx.IR_VERSION}: upgrade onnx"
        )
        raise InvalidModelError(message)
    opset = model.opset_imports.get("")
    newest = onnx.defs.onnx_opset_version()
    if opset is None:
        if any(node.domain in ("", "ai.onnx") for node in model.graph.all_nodes()):
            message = f"{name} does not say which opset of the default domain it uses"
            raise InvalidModelError(message)
        imports = [function.opset_imports for function in model.functions.values()]
        model.opset_imports[""] = next(
            (each[""] for each in imports if "" in each), newest
        )
    elif opset < _OLDEST_OPSET:
        message = (
            f"{name} has opset {opset}, {_OLDEST_OPSET} or newer is needed: export it again with a "
            f"newer exporter, or try onnx.version_converter.convert_version(model, {_OLDEST_OPSET})"
        )
        raise InvalidModelError(message)
    elif opset > newest:
        message = (
            f"{name} has opset {opset}, onnx {onnx.__version__} knows up to {newest}: "
            "upgrade onnx"
        )
        raise InvalidModelError(message)


def _check_external_data(model: ir.Model, name: str, *, has_folder: bool) -> None:
    tensors = [
        value.const_value
        for graph in model.graphs()
        for value in graph.initializers.values()
        if isinstance(value.const_value, ir.ExternalTensor)
    ]
    if tensors and not has_folder:
        files = ", ".join(sorted({str(tensor.location) for tensor in tensors}))
        message = (
            f"{name} keeps weights in other files ({files}): give its path instead"
        )
        raise InvalidModelError(message)
    problems = sorted({found for tensor in tensors if (found := problem(tensor))})
    if problems:
        message = f"{name} keeps weights in other files, but {'; '.join(problems)}"
        raise InvalidModelError(message)


def _check_structure(
    model: ir.Model, name: str, original: Path | onnx.ModelProto | ir.Model
) -> None:
    try:
        model.graph.sort()
    except ValueError as error:
        message = f"{name} has nodes that depend on each other in a circle: {error}"
        raise InvalidModelError(message) from error
    try:
        with openable(original) as given:
            onnx.checker.check_model(given)
    except (onnx.checker.ValidationError, ValueError) as error:
        complaint = str(error).strip().splitlines()[0]
        try:
            open_session(original, optimized=False, threads=1, prepacked=False)
        except SessionError as refusal:
            message = f"{name} is not a valid ONNX model: {complaint}"
            raise InvalidModelError(message) from refusal
        _LOGGER.warning(
            "onnx.checker minds: %s; onnxruntime runs %s anyway", complaint, name
        )
