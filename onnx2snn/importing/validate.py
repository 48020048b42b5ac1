"""Refuse, with one clear message, what cannot be imported."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import onnx

from onnx2snn.budget import check_memory
from onnx2snn.errors import InvalidModelError, brief
from onnx2snn.graph.function_sizes import count_inlined_nodes
from onnx2snn.importing.domains import check_domains
from onnx2snn.runtime.sessions import SessionError, open_session
from onnx2snn.storage.large_models import (
    external_data_problem,
    external_tensors,
    openable,
)

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.storage.large_models import OpenableModel

__all__ = ["validate"]

_LOGGER = logging.getLogger(__name__)
_OLDEST_IR_VERSION = 3
_OLDEST_OPSET = 7
_NODE = 2**14
"""Bytes of memory of a node, by and large, with its values and what is known of them."""


def validate(model: ir.Model, name: str, original: OpenableModel) -> None:
    """Check versions, external data, domains and structure; put the nodes in order.

    A complaint of ``onnx.checker`` is an error only if onnxruntime cannot open the model either;
    else it is logged as a warning: the checker also minds what changes no result.

    Args:
        model: The model, changed in two ways: the default domain is spelled "", and nodes stand
            in topological order.
        name: Name of the model in messages.
        original: The model as it came, for onnxruntime and the checker.

    Raises:
        InvalidModelError: The model cannot be read.
        LimitError: Its functions, inlined, are more nodes than there is memory for.
        UnsupportedError: It has operators that neither ONNX nor onnxruntime defines.
    """
    _spell_default_domain(model)
    _check_ir_version(model, name)
    _check_opset(model, name)
    nodes = count_inlined_nodes(model)
    check_memory(
        _NODE * nodes, f"the graph of {name}, {nodes} nodes with functions inlined,"
    )
    if not len(model.graph):
        message = f"{name} has an empty graph: there is nothing to convert"
        raise InvalidModelError(message)
    if not model.graph.outputs:
        message = (
            f"{name} has no output: declare the values to compute as graph outputs"
        )
        raise InvalidModelError(message)
    _check_defaults(model, name)
    has_folder = not isinstance(original, onnx.ModelProto)
    _check_external_data(model, name, has_folder=has_folder)
    _check_structure(model, name, original)


def _spell_default_domain(model: ir.Model) -> None:
    imports_of_functions = [each.opset_imports for each in model.functions.values()]
    for imports in (model.opset_imports, *imports_of_functions):
        if "ai.onnx" in imports:
            imports.setdefault("", imports.pop("ai.onnx"))


def _check_ir_version(model: ir.Model, name: str) -> None:
    version = model.ir_version or 0
    if version < _OLDEST_IR_VERSION:
        message = (
            f"{name} has IR version {model.ir_version}, from before operators had versions (2017); "
            f"export it again, IR version {_OLDEST_IR_VERSION} or newer is needed"
        )
        raise InvalidModelError(message)
    if version > onnx.IR_VERSION:
        message = (
            f"{name} has IR version {model.ir_version}, onnx {onnx.__version__} knows up to "
            f"{onnx.IR_VERSION}: upgrade onnx"
        )
        raise InvalidModelError(message)


def _check_opset(model: ir.Model, name: str) -> None:
    """Check the opset of the default domain; declare one if no node needs it."""
    newest = onnx.defs.onnx_opset_version()
    opset = model.opset_imports.get("")
    if opset is None:
        _check_default_domain_unused(model, name)
        model.opset_imports[""] = _opset_of_functions(model) or newest
        return
    if opset < _OLDEST_OPSET:
        message = (
            f"{name} has opset {opset}, {_OLDEST_OPSET} or newer is needed: export it again with a "
            f"newer exporter, or try onnx.version_converter.convert_version(model, {_OLDEST_OPSET})"
        )
        raise InvalidModelError(message)
    if opset > newest:
        message = (
            f"{name} has opset {opset}, onnx {onnx.__version__} knows up to {newest}: "
            "upgrade onnx"
        )
        raise InvalidModelError(message)


def _check_default_domain_unused(model: ir.Model, name: str) -> None:
    domains = {node.domain for node in model.graph.all_nodes()}
    if not domains.isdisjoint({"", "ai.onnx"}):
        message = f"{name} does not say which opset of the default domain it uses"
        raise InvalidModelError(message)


def _opset_of_functions(model: ir.Model) -> int | None:
    """Return the opset of the default domain in the first function that has one."""
    for function in model.functions.values():
        opset = function.opset_imports.get("")
        if opset is not None:
            return opset
    return None


def _check_defaults(model: ir.Model, name: str) -> None:
    """Check that inputs with an initializer declare what that is."""
    problems = []
    for value in model.graph.inputs:
        tensor = value.const_value
        if tensor is not None and not _declares(value, tensor):
            problems.append(
                f"input {value.name!r} is declared {value.dtype} {value.shape}, and its "
                f"initializer is {tensor.dtype} {tensor.shape}"
            )
    if problems:
        message = f"{name} is not a valid ONNX model: {'; '.join(problems)}"
        raise InvalidModelError(message)


def _declares(value: ir.Value, tensor: ir.TensorProtocol) -> bool:
    """Whether the type and the shape that an input declares may be those of ``tensor``."""
    if value.dtype not in (None, tensor.dtype):
        return False
    if value.shape is None:
        return True
    if value.shape.rank() != len(tensor.shape):
        return False
    pairs = zip(value.shape, tensor.shape, strict=True)
    return all(size == other for size, other in pairs if isinstance(size, int))


def _check_external_data(model: ir.Model, name: str, *, has_folder: bool) -> None:
    tensors = list(external_tensors(model))
    if tensors and not has_folder:
        files = sorted({str(tensor.location) for tensor in tensors})
        message = (
            f"{name} keeps weights in other files ({', '.join(files)}): "
            "give its path instead"
        )
        raise InvalidModelError(message)
    problems = {external_data_problem(tensor) for tensor in tensors}
    found = sorted(filter(None, problems))
    if found:
        message = f"{name} keeps weights in other files, but {'; '.join(found)}"
        raise InvalidModelError(message)


def _check_structure(model: ir.Model, name: str, original: OpenableModel) -> None:
    """Sort the nodes, and let the checker look, then onnxruntime if the checker minds."""
    try:
        model.graph.sort()
    except ValueError as error:
        message = f"{name} has nodes that depend on each other in a circle: {error}"
        raise InvalidModelError(message) from error
    check_domains(model, name, original)
    try:
        with openable(original) as given:
            onnx.checker.check_model(given)
    except (onnx.checker.ValidationError, ValueError) as error:
        _check_opens(original, name, brief(error))


def _check_opens(original: OpenableModel, name: str, complaint: str) -> None:
    """Refuse a model of which onnx.checker complains, unless onnxruntime opens it."""
    try:
        open_session(original, optimized=False, threads=1)
    except SessionError as refusal:
        message = (
            f"{name} is not a valid ONNX model: {refusal} (onnx.checker: {complaint})"
        )
        raise InvalidModelError(message) from refusal
    _LOGGER.warning(
        "onnx.checker minds: %s; onnxruntime runs %s anyway", complaint, name
    )
