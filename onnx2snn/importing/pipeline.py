"""Import: read, bring to the canonical form, check against the original."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes import common

from onnx2snn.errors import InvalidModelError, UnsupportedError
from onnx2snn.importing.self_check import self_check
from onnx2snn.importing.source import Source, read
from onnx2snn.ops import DOMAIN
from onnx2snn.passes.canonicalize_activations import CanonicalizeActivations
from onnx2snn.passes.compute_in_float32 import ComputeInFloat32
from onnx2snn.passes.convert_opset import ConvertOpset
from onnx2snn.passes.fold_constants import FoldConstants
from onnx2snn.passes.infer_shapes import InferShapes
from onnx2snn.passes.inline_functions import InlineFunctions
from onnx2snn.passes.lower_batchwise_recurrence import LowerBatchwiseRecurrence
from onnx2snn.passes.lower_matmul_add import LowerMatMulAdd
from onnx2snn.passes.lower_sequences import LowerSequences
from onnx2snn.passes.remove_initializers_from_inputs import RemoveInitializersFromInputs
from onnx2snn.passes.remove_no_ops import RemoveNoOps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    import onnx

    from onnx2snn.importing.source import AnyModel

__all__ = ["CANONICALIZATION", "PREPARATION", "Imported", "canonicalize", "import_model"]

PREPARATION: tuple[ir.passes.InPlacePass, ...] = (
    InlineFunctions(),
    RemoveInitializersFromInputs(),
    ConvertOpset(),
)
"""What makes any valid model one of opset 17 without functions; constants are folded next."""

CANONICALIZATION: tuple[ir.passes.InPlacePass, ...] = (
    ComputeInFloat32(),
    RemoveNoOps(),
    CanonicalizeActivations(),
    LowerSequences(),
    LowerBatchwiseRecurrence(),
    RemoveNoOps(),
    LowerMatMulAdd(),
    common.RemoveUnusedNodesPass(),
    InferShapes(),
)
"""What leaves one spelling of each thing; for a model whose constants are folded."""

_MOST_ROUNDS = 8


@dataclasses.dataclass(frozen=True)
class Imported:
    """A model in canonical form.

    Attributes:
        model: Opset 17 or newer, no functions, constants folded, shapes inferred.
        sha256: Of the source file's bytes, or of the serialized model if there was no file.
        name: File name, or name of the graph.
        original: The model as it came, for comparisons: what onnxruntime can open.
    """

    model: ir.Model
    sha256: str
    name: str
    original: Path | onnx.ModelProto | ir.Model


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
    try:
        _run(PREPARATION, source.model, skip)
        if FoldConstants not in skip:
            _fold(source.model)
    except (ir.passes.PreconditionError, ValueError) as error:
        message = f"{source.name} cannot be imported: {error}"
        raise InvalidModelError(message) from error
    _run(CANONICALIZATION, source.model, skip)
    if check:
        self_check(source.original, source.model, source.name)
    return Imported(source.model, source.sha256, source.name, source.original)


def canonicalize(model: ir.Model) -> ir.Model:
    """Bring a part of an imported model, a model itself, to the canonical form; return it."""
    _fold(model)
    _run(CANONICALIZATION, model, ())
    return model


def _run(
    passes: Iterable[ir.passes.PassBase],
    model: ir.Model,
    skip: Collection[type[ir.passes.PassBase]],
) -> None:
    for pass_ in passes:
        if type(pass_) not in skip:
            pass_(model)


def _fold(model: ir.Model) -> None:
    """Fold until nothing is left: a folded shape makes further shapes known."""
    for _ in range(_MOST_ROUNDS):
        InferShapes()(model)
        if not FoldConstants()(model).modified:
            return
