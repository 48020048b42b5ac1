"""The one list of passes that a conversion runs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.analysis.exclusion import ExcludedNames
from onnx2snn.analysis.source_nodes import SourceRecord
from onnx2snn.arguments import checked_keywords
from onnx2snn.conversion.file_form import form_passes
from onnx2snn.conversion.options import Options
from onnx2snn.conversion.pass_request import PassRequest
from onnx2snn.conversion.schedule_choice import choose_schedule
from onnx2snn.correction.reference import Reference
from onnx2snn.data.batches import Dataset
from onnx2snn.errors import OptionError
from onnx2snn.metadata.input_coding import EVENTS, RATE
from onnx2snn.methods.layouts import LOOP, MULTISTEP, STEP
from onnx2snn.methods.schedules import STAGGERED
from onnx2snn.methods.weight_types import INT8
from onnx2snn.passes import (
    SIMPLIFICATION,
    AttachFunctions,
    Calibrate,
    CancelTransposes,
    CanonicalizeActivations,
    CarryRunningMeans,
    ChooseInputCoding,
    ComputeInFloat32,
    ConvertOpset,
    CorrectLayers,
    DescribeNeurons,
    EmitLayerwise,
    EmitMultistep,
    EmitStaggered,
    EmitTimeLoop,
    EncodeInputs,
    ExcludeNodes,
    ExitEarly,
    FoldConstants,
    FoldThresholds,
    ForgetShapes,
    InferShapes,
    InlineFunctions,
    KeepReference,
    LowerBatchwiseRecurrence,
    LowerFusedOperators,
    LowerIntegerOperators,
    LowerMatMulAdd,
    LowerSequences,
    MoveMaxPool,
    ObserveForeignTypes,
    PlaceDelays,
    QuantizeWeights,
    RecordSourceNodes,
    RemoveInitializersFromInputs,
    RemoveNoOps,
    RemoveUnusedNodes,
    ReplaceActivations,
    ReplaceMaxPool,
    SkipExpands,
    WriteMetadata,
    find_pass,
)
from onnx2snn.passes.pipeline import Pipeline
from onnx2snn.schedules import DEFAULT_T, checked_time_steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onnx2snn.passes.pipeline import Passes


__all__ = ["pipeline"]

MOST_LEVELS = 255
"""Levels of spikes that carry more than one, beyond which a threshold hardly depends on them."""


@checked_keywords(time_steps="T")
def pipeline(
    options: Options | None = None,
    T: int = DEFAULT_T,  # noqa: N803 (the usual name)
    data: Dataset | None = None,
    *,
    record: SourceRecord | None = None,
    source_sha256: str = "",
) -> Pipeline:
    """Return the passes that a conversion runs, to look at, edit and run.

    ``onnx2snn.passes.run(model, pipeline(options, T))`` gives the network of ``convert`` but
    for what is more than a list: checks of what options name, the comparison of the imported
    model with the original, the samples that are held out (``hold_out=False`` holds none out),
    and the networks in the branches of an If.

    Args:
        options: How the conversion is done; None for the defaults.
        T: Number of time steps the network is made for, >= 1.
        data: Calibration data, None for none; see ``onnx2snn.data.dataset``.
        record: Where the nodes of the file are kept; None for a new place.
        source_sha256: SHA-256 of the ANN's file, for the metadata; empty if unknown.

    Raises:
        OptionError: T or an option is out of range, or names a pass there is not.
        TypeError: ``data`` is no ``Dataset``, or ``options`` are no ``Options``.
    """
    _check_data(data)
    time_steps = checked_time_steps(T)
    chosen = choose_schedule(_checked_options(options), time_steps).options
    record = SourceRecord() if record is None else record
    reference = Reference()
    whole = Pipeline(
        canonical=_canonical(record),
        simplification=_simplification(chosen, record),
        spiking=_spiking(chosen, time_steps, data, reference),
        correction=_correction(chosen, time_steps, data, reference),
        time_loop=_time_loop(chosen, time_steps),
        finishing=_finishing(chosen, time_steps, data, source_sha256),
    )
    return _with_others(_without(whole, chosen.skip_passes), chosen.passes)


def _checked_options(options: object) -> Options:
    """Return options, the defaults if there are none."""
    if options is None:
        return Options()
    if isinstance(options, Options):
        return options
    message = (
        f"options are no Options, but {type(options).__name__}; onnx2snn.Options(...) makes them "
        "of keywords"
    )
    raise TypeError(message)


def _check_data(data: object) -> None:
    if data is not None and not isinstance(data, Dataset):
        message = (
            f"data is no Dataset, but {type(data).__name__}; "
            "onnx2snn.data.dataset.dataset makes one of arrays, feeds or a file"
        )
        raise TypeError(message)


def _without(whole: Pipeline, names: Iterable[str]) -> Pipeline:
    """Return a pipeline without the passes called ``names``, as far as they run.

    Of ``infer-shapes`` the last run goes: folding needs the others.
    """
    running = whole.names()
    unwanted = [name for name in names if name in running]
    if "infer-shapes" in unwanted:
        unwanted.remove("infer-shapes")
        whole = dataclasses.replace(whole, canonical=whole.canonical[:-1])
    return whole.without(unwanted)


def _canonical(record: SourceRecord) -> Passes:
    return (
        RecordSourceNodes(record),
        InlineFunctions(),
        RemoveInitializersFromInputs(),
        ForgetShapes(),
        LowerFusedOperators(),
        ConvertOpset(),
        InferShapes(),
        ObserveForeignTypes(),
        FoldConstants(),
        ComputeInFloat32(),
        LowerSequences(),
        LowerIntegerOperators(),
        InferShapes(),
        FoldConstants(),
        RemoveNoOps(),
        SkipExpands(),
        CancelTransposes(),
        CanonicalizeActivations(),
        LowerBatchwiseRecurrence(),
        RemoveNoOps(),
        LowerMatMulAdd(),
        RemoveUnusedNodes(),
        InferShapes(),
    )


def _simplification(options: Options, record: SourceRecord) -> Passes:
    excluded = ExcludedNames(options.until, options.nodes_to_exclude)
    simplification = SIMPLIFICATION
    if options.target is not None:  # neurons come first, then the means of their spikes
        simplification = tuple(
            each for each in SIMPLIFICATION if not isinstance(each, MoveMaxPool)
        )
    return (
        _input_coding(options),
        *simplification,
        ExcludeNodes(names=excluded, record=record, spike=options.spike),
    )


def _spiking(
    options: Options, time_steps: int, data: Dataset | None, reference: Reference
) -> Passes:
    method = options.chosen_method()
    calibrate = Calibrate(
        max(time_steps, min(method.levels(time_steps), MOST_LEVELS)),
        method.threshold,
        method.per_channel,
        seed=options.seed,
        spike=options.spike,
        data=data,
    )
    replace = ReplaceActivations(
        method.neuron, method.v_init, options.spike, method.max_spikes, method.leak
    )
    keep = KeepReference(reference)
    neurons: Passes = (calibrate, keep, replace)
    if options.target is not None:
        neurons = (calibrate, keep, ReplaceMaxPool(), replace)
    if method.schedule == "layerwise":
        return _input_coding(options, data), *neurons
    if method.schedule == STAGGERED:
        means = CarryRunningMeans(leak=method.leak)
        delays = PlaceDelays(
            method.delays, options.latency, time_steps, reference, data
        )
        return _input_coding(options, data), *neurons, means, delays
    streams = (EncodeInputs(options.seed), CarryRunningMeans())
    return _input_coding(options, data), *neurons, *streams


def _correction(
    options: Options, time_steps: int, data: Dataset | None, reference: Reference
) -> Passes:
    in_the_end: Passes = ()
    if options.weights == INT8:
        in_the_end = (QuantizeWeights(),)
    if options.fold_thresholds:
        in_the_end = (*in_the_end, FoldThresholds())
    wanted = options.chosen_method().corrections
    if not wanted:
        return in_the_end
    is_layerwise = options.chosen_method().schedule == "layerwise"
    correct = CorrectLayers(
        time_steps, wanted, layerwise=is_layerwise, ann=reference, data=data
    )
    return correct, *in_the_end


def _time_loop(options: Options, time_steps: int) -> Passes:
    if options.chosen_method().schedule == "layerwise":
        return (EmitLayerwise(time_steps, options.collapse),)
    if options.layout == MULTISTEP:
        return (EmitMultistep(time_steps),)
    if options.chosen_method().schedule == STAGGERED:
        return (EmitStaggered(time_steps),)
    return (EmitTimeLoop(time_steps),)


def _finishing(
    options: Options, time_steps: int, data: Dataset | None, source_sha256: str
) -> Passes:
    metadata = WriteMetadata(
        time_steps,
        options.describe(data),
        options.chosen_method().schedule,
        source_sha256=source_sha256,
        calibration_sha256="" if data is None else data.sha256(),
        layout=LOOP if options.layout == STEP else options.layout,
    )
    early_exit = (ExitEarly(data),) if options.early_exit else ()
    always = (AttachFunctions(), metadata, DescribeNeurons())
    return (*always, *early_exit, *form_passes(options))


def _input_coding(options: Options, data: Dataset | None = None) -> ChooseInputCoding:
    codings = options.codings()
    if isinstance(codings, str):
        return ChooseInputCoding(others=codings, data=data)
    rate = tuple(name for name, kind in codings.items() if kind == RATE)
    events = tuple(name for name, kind in codings.items() if kind == EVENTS)
    return ChooseInputCoding(rate, events, data=data)


def _with_others(given: Pipeline, wanted: Iterable[str]) -> Pipeline:
    """Return a pipeline with the further passes that options name."""
    for text in wanted:
        request = PassRequest.parse(text)
        class_ = find_pass(request.name)
        if not issubclass(class_, ir.passes.InPlacePass):
            message = (
                f"passes: {request.name!r} gives another model; "
                "only an onnx_ir.passes.InPlacePass can run in a conversion"
            )
            raise OptionError(message)
        given = given.insert(class_(), before=request.before, after=request.after)
    return given
