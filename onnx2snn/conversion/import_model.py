"""Import: read, bring to the canonical form, check against the original."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.conversion.pipeline import pipeline
from onnx2snn.errors import InvalidModelError, UnsupportedError
from onnx2snn.importing.blame import blaming
from onnx2snn.importing.imported import Imported
from onnx2snn.importing.self_check import self_check
from onnx2snn.importing.source import read
from onnx2snn.metadata.facts import INLINED
from onnx2snn.ops import DOMAIN
from onnx2snn.passes import apply
from onnx2snn.passes.canonical.compute_in_float32 import ComputeInFloat32, mentions
from onnx2snn.passes.canonical.forget_shapes import ForgetShapes
from onnx2snn.passes.canonical.infer_shapes import InferShapes
from onnx2snn.passes.canonical.inline_functions import InlineFunctions
from onnx2snn.passes.canonical.lower_integer_operators import (
    LowerIntegerOperators,
    has_integer_operators,
)
from onnx2snn.passes.canonical.lower_sequences import LowerSequences
from onnx2snn.storage.large_models import read_small_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import onnx

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.importing.source import AnyModel, Source

__all__ = ["check_that_it_is_an_ann", "import_model", "runnable"]

_COARSE = (ir.DataType.FLOAT16, ir.DataType.BFLOAT16)


_LOWERING = (ComputeInFloat32, LowerSequences, LowerIntegerOperators)
"""Passes behind which a model computes in float32, whatever it computed in before."""


def import_model(
    model: AnyModel,
    passes: Iterable[ir.passes.PassBase] | None = None,
    *,
    check: bool = True,
    typical: Callable[[], Iterable[Feeds]] = tuple,
) -> Imported:
    """Bring any ONNX model to the form in which the conversion passes think.

    An initializer that is also a graph input (all are in files of before 2019) counts as a
    constant: it can no longer be fed.

    Args:
        model: A path, a serialized model, an ``onnx.ModelProto``, an ``ir.Model`` or an
            ``onnx_graphsurgeon.Graph``; never changed. Or what ``read`` made of it: then its
            model becomes the imported one.
        passes: What to run: the canonical stage of a pipeline; None for that of the default.
        check: Whether to run the result and the original in onnxruntime on the same inputs.
        typical: Gives inputs for that, called where the original runs on no synthetic ones.

    Raises:
        InvalidModelError: It is no valid model, cannot be converted to opset 17, or computes
            something else once imported.
        UnsupportedError: It has operators that neither ONNX nor onnxruntime defines, or it is
            spiking.
        TypeError: It is nothing of the kind.
    """
    source = read(model)
    passes = tuple(pipeline().canonical if passes is None else passes)
    check_that_it_is_an_ann(source)
    with blaming(source.original, source.name):
        original = runnable(source)
        read_small_tensors(source.model)
        is_coarse = _run_canonical(source, passes)
        if check:
            self_check(
                original, source.model, source.name, coarse=is_coarse, typical=typical
            )
    return Imported(source.model, source.sha256, source.name, original, source.files)


def check_that_it_is_an_ann(source: Source) -> None:
    """Raise UnsupportedError if a model has neurons already; its functions are not inlined."""
    nodes = source.model.graph.all_nodes()
    if INLINED.is_on(source.model):
        message = (
            f"{source.name} is a spiking network already, with its operators inlined"
        )
        raise UnsupportedError(message)
    if any(node.domain == DOMAIN for node in nodes):
        message = f"{source.name} is a spiking network already: it has neurons of domain {DOMAIN}"
        raise UnsupportedError(message)


def _run_canonical(source: Source, passes: Iterable[ir.passes.PassBase]) -> bool:
    """Run ``passes`` on the model of ``source``; whether it computed in coarse numbers before."""
    try:
        return _run_and_watch(source.model, passes)
    except (ir.passes.PreconditionError, ValueError) as error:
        message = f"{source.name} cannot be imported: {error}"
        raise InvalidModelError(message) from error


def _run_and_watch(model: ir.Model, passes: Iterable[ir.passes.PassBase]) -> bool:
    """Run ``passes``; return whether the model computed in coarse numbers before.

    That is seen when constants are folded, just before the numbers are lowered to float32.
    """
    is_coarse = None
    for pass_ in passes:
        if is_coarse is None and isinstance(pass_, _LOWERING):
            is_coarse = _computes_coarsely(model)
        apply(model, [pass_])
    return _computes_coarsely(model) if is_coarse is None else is_coarse


def _computes_coarsely(model: ir.Model) -> bool:
    return has_integer_operators(model) or mentions(model.graph, *_COARSE)


def runnable(source: Source) -> Path | onnx.ModelProto | ir.Model:
    """Return the model as it came; in float32 if it has bfloat16, which onnxruntime cannot run."""
    model = source.model
    graphs = (model.graph, *(function.graph for function in model.functions.values()))
    if not any(mentions(graph, ir.DataType.BFLOAT16) for graph in graphs):
        return source.original
    passes = (InlineFunctions(), ForgetShapes(), InferShapes(), ComputeInFloat32())
    return apply(model.clone(), passes)
