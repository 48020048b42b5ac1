"""Import: read, bring to the canonical form, check against the original."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes import common

from onnx2snn.errors import InvalidModelError, UnsupportedError
from onnx2snn.graph.integer_operators import QUANTIZERS
from onnx2snn.importing.domains import calls, check_domains
from onnx2snn.importing.imported import Imported
from onnx2snn.importing.self_check import self_check
from onnx2snn.importing.source import Source, read
from onnx2snn.ops import DOMAIN
from onnx2snn.passes.canonical.canonicalize_activations import CanonicalizeActivations
from onnx2snn.passes.canonical.compute_in_float32 import ComputeInFloat32, mentions
from onnx2snn.passes.canonical.convert_opset import ConvertOpset
from onnx2snn.passes.canonical.fold_constants import FoldConstants
from onnx2snn.passes.canonical.infer_shapes import InferShapes
from onnx2snn.passes.canonical.inline_functions import InlineFunctions
from onnx2snn.passes.canonical.lower_batchwise_recurrence import (
    LowerBatchwiseRecurrence,
)
from onnx2snn.passes.canonical.lower_integer_operators import (
    LowerIntegerOperators,
    has_integer_operators,
)
from onnx2snn.passes.canonical.lower_matmul_add import LowerMatMulAdd
from onnx2snn.passes.canonical.lower_sequences import LowerSequences
from onnx2snn.passes.canonical.remove_initializers_from_inputs import (
    RemoveInitializersFromInputs,
)
from onnx2snn.passes.canonical.remove_no_ops import RemoveNoOps
from onnx2snn.storage.large_models import read_small_tensors

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    import onnx

    from onnx2snn.importing.source import AnyModel

__all__ = [
    "CANONICALIZATION",
    "LOWERING",
    "PREPARATION",
    "canonicalize",
    "import_model",
    "runnable",
]

PREPARATION: tuple[ir.passes.InPlacePass, ...] = (
    InlineFunctions(),
    RemoveInitializersFromInputs(),
    ConvertOpset(),
)
"""What makes any valid model one of opset 17 without functions; constants are folded next."""

LOWERING: tuple[ir.passes.InPlacePass, ...] = (
    ComputeInFloat32(),
    LowerSequences(),
    LowerIntegerOperators(),
)
"""What leaves tensors of float32; for a model whose constants are folded. They are once more."""

CANONICALIZATION: tuple[ir.passes.InPlacePass, ...] = (
    RemoveNoOps(),
    CanonicalizeActivations(),
    LowerBatchwiseRecurrence(),
    RemoveNoOps(),
    LowerMatMulAdd(),
    common.RemoveUnusedNodesPass(),
    InferShapes(),
)
"""What leaves one spelling of each thing; for a model whose constants are folded."""

_COARSE = (ir.DataType.FLOAT16, ir.DataType.BFLOAT16)


def import_model(
    model: AnyModel | Source,
    *,
    check: bool = True,
    skip: Collection[type[ir.passes.PassBase]] = (),
) -> Imported:
    """Bring any ONNX model to the form in which the conversion passes think.

    An initializer that is also a graph input (all are in files of before 2019) counts as a
    constant: it can no longer be fed.

    Args:
        model: A path, a serialized model, an ``onnx.ModelProto``, an ``ir.Model`` or an
            ``onnx_graphsurgeon.Graph``; never changed. Or what ``read`` made of it: then its
            model becomes the imported one.
        check: Whether to run the result and the original in onnxruntime on the same inputs.
        skip: Passes to leave out; what comes behind may then fail or find less.

    Raises:
        InvalidModelError: It is no valid model, cannot be converted to opset 17, or computes
            something else once imported.
        UnsupportedError: It has operators of a domain that is not ONNX's own, or it is spiking.
        TypeError: It is nothing of the kind.
    """
    source = model if isinstance(model, Source) else read(model)
    if any(node.domain == DOMAIN for node in source.model.graph.all_nodes()):
        message = f"{source.name} is a spiking network already: it has neurons of domain {DOMAIN}"
        raise UnsupportedError(message)
    original = runnable(source)
    read_small_tensors(source.model)
    try:
        _run(PREPARATION, source.model, skip)
        _fold(source.model, skip)
        coarse = has_integer_operators(source.model) or mentions(
            source.model.graph, *_COARSE
        )
        if _run(LOWERING, source.model, skip):
            _fold(source.model, skip)
    except (ir.passes.PreconditionError, ValueError) as error:
        message = f"{source.name} cannot be imported: {error}"
        raise InvalidModelError(message) from error
    _forget_unused_domains(source.model)
    if LowerIntegerOperators not in skip:
        check_domains(calls(source.model), source.name, QUANTIZERS)
    _run(CANONICALIZATION, source.model, skip)
    if check:
        self_check(original, source.model, source.name, coarse=coarse)
    return Imported(source.model, source.sha256, source.name, original)


def runnable(source: Source) -> Path | onnx.ModelProto | ir.Model:
    """Return the model as it came; in float32 if it has bfloat16, which onnxruntime cannot run."""
    model = source.model
    graphs = (model.graph, *(function.graph for function in model.functions.values()))
    if not any(mentions(graph, ir.DataType.BFLOAT16) for graph in graphs):
        return source.original
    single = model.clone()
    _run((InlineFunctions(), InferShapes(), ComputeInFloat32()), single, ())
    return single


def canonicalize(model: ir.Model) -> ir.Model:
    """Bring a part of an imported model, a model itself, to the canonical form; return it."""
    _fold(model, ())
    _run(CANONICALIZATION, model, ())
    return model


def _run(
    passes: Iterable[ir.passes.PassBase],
    model: ir.Model,
    skip: Collection[type[ir.passes.PassBase]],
) -> bool:
    results = [pass_(model) for pass_ in passes if type(pass_) not in skip]
    return any(result.modified for result in results)


def _fold(model: ir.Model, skip: Collection[type[ir.passes.PassBase]]) -> None:
    """Fold constants; the shapes they are computed from are inferred in any case."""
    InferShapes()(model)
    _run((FoldConstants(),), model, skip)


def _forget_unused_domains(model: ir.Model) -> None:
    used = {"", *(node.domain for node in model.graph.all_nodes())}
    for domain in tuple(model.opset_imports):
        if domain not in used:
            del model.opset_imports[domain]
