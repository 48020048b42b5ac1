"""The passes that turn an ANN into a spiking network, and how to run them.

A pass is an ``onnx_ir.passes.PassBase``, and its folder its stage of a conversion, of which
``onnx2snn.pipeline`` gives the list. The entry point group ``onnx2snn.passes`` adds others.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from onnx2snn.analysis.sharing import forget, sharing
from onnx2snn.arguments import did_you_mean
from onnx2snn.errors import OptionError
from onnx2snn.graph import forget_names
from onnx2snn.importing.source import read, written_like
from onnx2snn.passes.canonical.cancel_transposes import CancelTransposes
from onnx2snn.passes.canonical.canonicalize_activations import CanonicalizeActivations
from onnx2snn.passes.canonical.compute_in_float32 import ComputeInFloat32
from onnx2snn.passes.canonical.convert_opset import ConvertOpset
from onnx2snn.passes.canonical.fold_constants import FoldConstants
from onnx2snn.passes.canonical.forget_shapes import ForgetShapes
from onnx2snn.passes.canonical.infer_shapes import InferShapes
from onnx2snn.passes.canonical.inline_functions import InlineFunctions
from onnx2snn.passes.canonical.lower_batchwise_recurrence import (
    LowerBatchwiseRecurrence,
)
from onnx2snn.passes.canonical.lower_fused_operators import LowerFusedOperators
from onnx2snn.passes.canonical.lower_integer_operators import LowerIntegerOperators
from onnx2snn.passes.canonical.lower_matmul_add import LowerMatMulAdd
from onnx2snn.passes.canonical.lower_sequences import LowerSequences
from onnx2snn.passes.canonical.observe_foreign_types import ObserveForeignTypes
from onnx2snn.passes.canonical.record_source_nodes import RecordSourceNodes
from onnx2snn.passes.canonical.remove_initializers_from_inputs import (
    RemoveInitializersFromInputs,
)
from onnx2snn.passes.canonical.remove_no_ops import RemoveNoOps
from onnx2snn.passes.canonical.remove_unused_nodes import RemoveUnusedNodes
from onnx2snn.passes.canonical.skip_expands import SkipExpands
from onnx2snn.passes.correction.correct_layers import CorrectLayers
from onnx2snn.passes.correction.fold_thresholds import FoldThresholds
from onnx2snn.passes.correction.quantize_weights import QuantizeWeights
from onnx2snn.passes.finishing.attach_functions import AttachFunctions
from onnx2snn.passes.finishing.describe_neurons import DescribeNeurons
from onnx2snn.passes.finishing.emit_step import EmitStep
from onnx2snn.passes.finishing.exit_early import ExitEarly
from onnx2snn.passes.finishing.inline_operators import InlineOperators
from onnx2snn.passes.finishing.set_time_steps_input import SetTimeStepsInput
from onnx2snn.passes.finishing.write_metadata import WriteMetadata
from onnx2snn.passes.installed import LOADED_NAMES, installed_passes, load_pass
from onnx2snn.passes.simplification.choose_input_coding import ChooseInputCoding
from onnx2snn.passes.simplification.exclude_nodes import ExcludeNodes
from onnx2snn.passes.simplification.fold_affine_forward import FoldAffineForward
from onnx2snn.passes.simplification.fold_batch_norm import FoldBatchNorm
from onnx2snn.passes.simplification.move_max_pool import MoveMaxPool
from onnx2snn.passes.simplification.remove_fake_quantizers import RemoveFakeQuantizers
from onnx2snn.passes.simplification.remove_quantization import RemoveQuantization
from onnx2snn.passes.simplification.split_leaky_relu import SplitLeakyRelu
from onnx2snn.passes.spiking.calibrate import Calibrate
from onnx2snn.passes.spiking.carry_running_means import CarryRunningMeans
from onnx2snn.passes.spiking.encode_inputs import EncodeInputs
from onnx2snn.passes.spiking.keep_reference import KeepReference
from onnx2snn.passes.spiking.place_delays import PlaceDelays
from onnx2snn.passes.spiking.replace_activations import ReplaceActivations
from onnx2snn.passes.spiking.replace_max_pool import ReplaceMaxPool
from onnx2snn.passes.time_loop.emit_layerwise import EmitLayerwise
from onnx2snn.passes.time_loop.emit_multistep import EmitMultistep
from onnx2snn.passes.time_loop.emit_staggered import EmitStaggered
from onnx2snn.passes.time_loop.emit_time_loop import EmitTimeLoop
from onnx2snn.storage.map_types import proto_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onnx2snn.importing.source import AnyModel

__all__ = [
    "PASSES",
    "SIMPLIFICATION",
    "STAGES",
    "AttachFunctions",
    "Calibrate",
    "CancelTransposes",
    "CanonicalizeActivations",
    "CarryRunningMeans",
    "ChooseInputCoding",
    "ComputeInFloat32",
    "ConvertOpset",
    "CorrectLayers",
    "DescribeNeurons",
    "EmitLayerwise",
    "EmitMultistep",
    "EmitStaggered",
    "EmitStep",
    "EmitTimeLoop",
    "EncodeInputs",
    "ExcludeNodes",
    "ExitEarly",
    "FoldAffineForward",
    "FoldBatchNorm",
    "FoldConstants",
    "FoldThresholds",
    "ForgetShapes",
    "InferShapes",
    "InlineFunctions",
    "InlineOperators",
    "KeepReference",
    "LowerBatchwiseRecurrence",
    "LowerFusedOperators",
    "LowerIntegerOperators",
    "LowerMatMulAdd",
    "LowerSequences",
    "MoveMaxPool",
    "ObserveForeignTypes",
    "PlaceDelays",
    "QuantizeWeights",
    "RecordSourceNodes",
    "RemoveFakeQuantizers",
    "RemoveInitializersFromInputs",
    "RemoveNoOps",
    "RemoveQuantization",
    "RemoveUnusedNodes",
    "ReplaceActivations",
    "ReplaceMaxPool",
    "SetTimeStepsInput",
    "SkipExpands",
    "SplitLeakyRelu",
    "WriteMetadata",
    "apply",
    "available",
    "find_pass",
    "name_of",
    "run",
]

_LOGGER = logging.getLogger(__name__)

STAGES = (
    "canonical",
    "simplification",
    "spiking",
    "correction",
    "time_loop",
    "finishing",
)
"""The stages of a conversion, in order; each is a folder of passes."""

PASSES: dict[str, type[ir.passes.PassBase]] = {
    # canonical
    "record-source-nodes": RecordSourceNodes,
    "inline-functions": InlineFunctions,
    "remove-initializers-from-inputs": RemoveInitializersFromInputs,
    "forget-shapes": ForgetShapes,
    "lower-fused-operators": LowerFusedOperators,
    "convert-opset": ConvertOpset,
    "infer-shapes": InferShapes,
    "observe-foreign-types": ObserveForeignTypes,
    "fold-constants": FoldConstants,
    "compute-in-float32": ComputeInFloat32,
    "lower-sequences": LowerSequences,
    "lower-integer-operators": LowerIntegerOperators,
    "remove-no-ops": RemoveNoOps,
    "skip-expands": SkipExpands,
    "cancel-transposes": CancelTransposes,
    "canonicalize-activations": CanonicalizeActivations,
    "lower-batchwise-recurrence": LowerBatchwiseRecurrence,
    "lower-mat-mul-add": LowerMatMulAdd,
    "remove-unused-nodes": RemoveUnusedNodes,
    # simplification
    "choose-input-coding": ChooseInputCoding,
    "remove-quantization": RemoveQuantization,
    "remove-fake-quantizers": RemoveFakeQuantizers,
    "fold-batch-norm": FoldBatchNorm,
    "fold-affine-forward": FoldAffineForward,
    "move-max-pool": MoveMaxPool,
    "split-leaky-relu": SplitLeakyRelu,
    "exclude-nodes": ExcludeNodes,
    # spiking
    "calibrate": Calibrate,
    "keep-reference": KeepReference,
    "replace-max-pool": ReplaceMaxPool,
    "replace-activations": ReplaceActivations,
    "encode-inputs": EncodeInputs,
    "carry-running-means": CarryRunningMeans,
    "place-delays": PlaceDelays,
    # correction
    "correct-layers": CorrectLayers,
    "quantize-weights": QuantizeWeights,
    "fold-thresholds": FoldThresholds,
    # time_loop
    "emit-time-loop": EmitTimeLoop,
    "emit-layerwise": EmitLayerwise,
    "emit-staggered": EmitStaggered,
    "emit-multistep": EmitMultistep,
    # finishing
    "attach-functions": AttachFunctions,
    "write-metadata": WriteMetadata,
    "describe-neurons": DescribeNeurons,
    "exit-early": ExitEarly,
    "emit-step": EmitStep,
    "set-time-steps-input": SetTimeStepsInput,
    "inline-operators": InlineOperators,
}
"""Name to class, in the order in which a conversion first runs them."""

SIMPLIFICATION: tuple[ir.passes.InPlacePass, ...] = (
    RemoveQuantization(),
    RemoveFakeQuantizers(),
    CanonicalizeActivations(),
    FoldBatchNorm(),
    FoldAffineForward(),
    MoveMaxPool(),
    SplitLeakyRelu(),
)
"""What brings an imported network to the nodes that matter: activations, and linear layers."""

_RENAMED = {"LeaveAnalog": ExcludeNodes, "RemoveStaircases": RemoveFakeQuantizers}
"""Older names of classes, which keep working."""


def __getattr__(name: str) -> object:
    """Return the class of a pass by an older name."""
    if name in _RENAMED:
        return _RENAMED[name]
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


_NAMES = {class_: name for name, class_ in PASSES.items()}


def available() -> dict[str, type[ir.passes.PassBase]]:
    """Return the passes of this package and of all that are installed beside it, by name.

    Raises:
        OptionError: One that is installed cannot be imported.
    """
    return PASSES | {entry.name: load_pass(entry) for entry in installed_passes()}


def find_pass(name: str) -> type[ir.passes.PassBase]:
    """Return the pass called ``name``, of this package or of another that is installed.

    Raises:
        OptionError: There is none, or it cannot be imported.
    """
    if name in PASSES:
        return PASSES[name]
    entries = {entry.name: entry for entry in installed_passes()}
    if name not in entries:
        known = [*PASSES, *entries]
        hint = did_you_mean(name, known) or f"; there are {', '.join(known)}"
        message = f"passes: no pass {name!r} is installed{hint}"
        raise OptionError(message)
    return load_pass(entries[name])


def name_of(pass_: ir.passes.PassBase) -> str:
    """Return the name of a pass in lists: that of its class if it is not registered."""
    class_ = type(pass_)
    return _NAMES.get(class_) or LOADED_NAMES.get(class_) or class_.__name__


def run(model: AnyModel, passes: Iterable[ir.passes.PassBase]) -> Any:  # noqa: ANN401
    """Run ``passes`` on a copy of ``model``, in their order.

    Args:
        model: In any form that ``convert`` takes; it is not changed.
        passes: What to run, for instance what ``onnx2snn.pipeline`` gives.

    Returns:
        The result, in the form of ``model``: an ``ir.Model`` or a ``gs.Graph``, and an
        ``onnx.ModelProto`` for all others.

    Raises:
        InvalidModelError: The model cannot be read.
        PreconditionError: A pass needs what an earlier one should have done.
    """
    with sharing():
        result = apply(read(model).model, passes)
    is_ir = isinstance(model, ir.Model)
    return result if is_ir else written_like(model, proto_of(result))


def apply(model: ir.Model, passes: Iterable[ir.passes.PassBase]) -> ir.Model:
    """Run ``passes`` on ``model`` itself; what a pass raises comes through as it is.

    What is known of the streams is forgotten when a pass changes the model, unless its class
    says with ``keeps_streams = True`` that they do not depend on what it changes.
    """
    for pass_ in passes:
        _LOGGER.debug("pass %s", name_of(pass_))
        forget_names(model.graph)  # a pass may name values as it likes
        result = pass_(model)
        if result.modified and not getattr(pass_, "keeps_streams", False):
            forget(model.graph)
        model = result.model
    return model
