"""The one list of passes that a conversion runs."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

from onnx2snn.analysis.exclusion import ExcludedNames
from onnx2snn.analysis.source_nodes import SourceRecord
from onnx2snn.conversion.options import Options
from onnx2snn.correction.reference import Reference
from onnx2snn.errors import OptionError
from onnx2snn.metadata.input_coding import EVENTS, RATE
from onnx2snn.passes import (
    STAGES,
    AttachFunctions,
    Calibrate,
    CanonicalizeActivations,
    CarryRunningMeans,
    ChooseInputCoding,
    ComputeInFloat32,
    ConvertOpset,
    CorrectLayers,
    EmitLayerwise,
    EmitTimeLoop,
    EncodeInputs,
    ExcludeNodes,
    FoldBatchNorm,
    FoldConstants,
    InferShapes,
    InlineFunctions,
    KeepReference,
    LowerBatchwiseRecurrence,
    LowerIntegerOperators,
    LowerMatMulAdd,
    LowerSequences,
    MoveMaxPool,
    RecordSourceNodes,
    RemoveFakeQuantizers,
    RemoveInitializersFromInputs,
    RemoveNoOps,
    RemoveQuantization,
    RemoveUnusedNodes,
    ReplaceActivations,
    SplitLeakyRelu,
    WriteMetadata,
    available,
    name_of,
)
from onnx2snn.schedules import checked_time_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import onnx_ir as ir

    from onnx2snn.data.dataset import Dataset
    from onnx2snn.methods import Method

__all__ = ["Pipeline", "pipeline"]

MOST_LEVELS = 255
"""Levels of spikes that carry more than one, beyond which a threshold hardly depends on them."""


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """The passes of a conversion in the order in which they run, stage by stage.

    It is iterated over as one list. To edit it, make another one with ``insert`` and
    ``without``.

    Attributes:
        canonical: From any model to one spelling of each thing.
        simplification: Down to activations and linear layers.
        spiking: Thresholds written, neurons in: the single-step graph.
        correction: Layer by layer, on the spikes that really arrive.
        time_loop: The Loop over time.
        finishing: A file that runs anywhere and says where it comes from.
    """

    canonical: tuple[ir.passes.PassBase, ...]
    simplification: tuple[ir.passes.PassBase, ...]
    spiking: tuple[ir.passes.PassBase, ...]
    correction: tuple[ir.passes.PassBase, ...]
    time_loop: tuple[ir.passes.PassBase, ...]
    finishing: tuple[ir.passes.PassBase, ...]

    def __iter__(self) -> Iterator[ir.passes.PassBase]:
        """Yield all passes, from the first to the last."""
        return itertools.chain.from_iterable(self.stage(name) for name in STAGES)

    def stage(self, name: str) -> tuple[ir.passes.PassBase, ...]:
        """Return the passes of the stage ``name``, one of ``STAGES``."""
        found: tuple[ir.passes.PassBase, ...] = getattr(self, name)
        return found

    def names(self) -> list[str]:
        """Return the name of each pass; some passes run twice."""
        return [name_of(pass_) for pass_ in self]

    def without(self, names: Iterable[str]) -> Pipeline:
        """Return the pipeline without the passes called ``names``."""
        unwanted = set(names)

        def drop(passes: list[ir.passes.PassBase]) -> list[ir.passes.PassBase]:
            return [pass_ for pass_ in passes if name_of(pass_) not in unwanted]

        return self._edited(drop)

    def insert(
        self,
        new: ir.passes.PassBase,
        *,
        before: str | None = None,
        after: str | None = None,
    ) -> Pipeline:
        """Return the pipeline with a further pass; it joins the stage of its neighbor.

        Args:
            new: The pass.
            before: Name of the pass that comes next; if it runs twice, its first run.
            after: Name of the pass that comes just before; if it runs twice, its last run.
                With neither of the two, the pass runs when the ANN is simplified, before
                thresholds are chosen.

        Raises:
            OptionError: No such pass runs.
        """
        neighbor = before or after
        if neighbor is None:
            return dataclasses.replace(self, simplification=(*self.simplification, new))
        if neighbor not in self.names():
            message = f"no pass {neighbor!r} runs; these do: {', '.join(self.names())}"
            raise OptionError(message)
        stages = STAGES if before else tuple(reversed(STAGES))
        return self._inserted(new, neighbor, stages, is_before=before is not None)

    def _inserted(
        self,
        new: ir.passes.PassBase,
        neighbor: str,
        stages: Iterable[str],
        *,
        is_before: bool,
    ) -> Pipeline:
        for stage in stages:
            passes = list(self.stage(stage))
            places = [at for at, one in enumerate(passes) if name_of(one) == neighbor]
            if places:
                place = places[0] if is_before else places[-1] + 1
                passes.insert(place, new)
                return dataclasses.replace(self, **{stage: tuple(passes)})
        return self

    def _edited(
        self, edit: Callable[[list[ir.passes.PassBase]], list[ir.passes.PassBase]]
    ) -> Pipeline:
        return Pipeline(*(tuple(edit(list(self.stage(name)))) for name in STAGES))


def pipeline(
    options: Options | None = None,
    T: int = 8,  # noqa: N803 (the usual name)
    data: Dataset | None = None,
    *,
    record: SourceRecord | None = None,
    source_sha256: str = "",
) -> Pipeline:
    """Return the passes that a conversion runs, to look at, edit and run.

    ``onnx2snn.passes.run(model, pipeline(options, T))`` gives the network that ``convert``
    gives, but for what is more than a list: the comparison of the imported model with the
    original, and the networks in the branches of an If.

    Args:
        options: How the conversion is done; None for the defaults.
        T: Number of time steps the network is made for, >= 1.
        data: Calibration data, None for none; see ``onnx2snn.data.dataset``.
        record: Where the nodes of the file are kept; None for a new place.
        source_sha256: SHA-256 of the ANN's file, for the metadata; empty if unknown.

    Raises:
        OptionError: T or an option is out of range, or names a pass there is not.
    """
    chosen = Options() if options is None else options
    time_steps = checked_time_steps(T)
    method = chosen.chosen_method()
    record = SourceRecord() if record is None else record
    reference = Reference()
    whole = Pipeline(
        canonical=_canonical(record),
        simplification=_simplification(chosen, record),
        spiking=_spiking(chosen, time_steps, data, reference),
        correction=_correction(chosen, time_steps, data, reference),
        time_loop=_time_loop(method, time_steps, collapse=chosen.collapse),
        finishing=_finishing(chosen, time_steps, data, source_sha256),
    )
    return _with_others(whole.without(chosen.skip_passes), chosen.passes)


def _canonical(record: SourceRecord) -> tuple[ir.passes.PassBase, ...]:
    return (
        RecordSourceNodes(record),
        InlineFunctions(),
        RemoveInitializersFromInputs(),
        ConvertOpset(),
        InferShapes(),
        FoldConstants(),
        ComputeInFloat32(),
        LowerSequences(),
        LowerIntegerOperators(),
        InferShapes(),
        FoldConstants(),
        RemoveNoOps(),
        CanonicalizeActivations(),
        LowerBatchwiseRecurrence(),
        RemoveNoOps(),
        LowerMatMulAdd(),
        RemoveUnusedNodes(),
        InferShapes(),
    )


def _simplification(
    options: Options, record: SourceRecord
) -> tuple[ir.passes.PassBase, ...]:
    excluded = ExcludedNames(options.until, options.nodes_to_exclude)
    return (
        _input_coding(options),
        RemoveQuantization(),
        RemoveFakeQuantizers(),
        CanonicalizeActivations(),
        FoldBatchNorm(),
        MoveMaxPool(),
        SplitLeakyRelu(),
        ExcludeNodes(names=excluded, record=record, spike=options.spike),
    )


def _spiking(
    options: Options, time_steps: int, data: Dataset | None, reference: Reference
) -> tuple[ir.passes.PassBase, ...]:
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
    neurons = (calibrate, KeepReference(reference), replace)
    if method.schedule == "layerwise":
        return _input_coding(options, data), *neurons
    streams = (EncodeInputs(options.seed), CarryRunningMeans())
    return _input_coding(options, data), *neurons, *streams


def _correction(
    options: Options, time_steps: int, data: Dataset | None, reference: Reference
) -> tuple[ir.passes.PassBase, ...]:
    wanted = options.possible_corrections(data)
    if not wanted:
        return ()
    is_layerwise = options.chosen_method().schedule == "layerwise"
    return (
        CorrectLayers(
            time_steps, wanted, layerwise=is_layerwise, ann=reference, data=data
        ),
    )


def _time_loop(
    method: Method, time_steps: int, *, collapse: bool
) -> tuple[ir.passes.PassBase, ...]:
    if method.schedule == "layerwise":
        return (EmitLayerwise(time_steps, collapse),)
    return (EmitTimeLoop(time_steps),)


def _finishing(
    options: Options, time_steps: int, data: Dataset | None, source_sha256: str
) -> tuple[ir.passes.PassBase, ...]:
    metadata = WriteMetadata(
        time_steps,
        options.describe(data),
        options.chosen_method().schedule,
        source_sha256=source_sha256,
        calibration_sha256="" if data is None else data.sha256(),
    )
    return (AttachFunctions(), metadata)


def _input_coding(options: Options, data: Dataset | None = None) -> ChooseInputCoding:
    codings = options.codings()
    if isinstance(codings, str):
        return ChooseInputCoding(others=codings, data=data)
    rate = tuple(name for name, kind in codings.items() if kind == RATE)
    events = tuple(name for name, kind in codings.items() if kind == EVENTS)
    return ChooseInputCoding(rate, events, data=data)


def _with_others(given: Pipeline, wanted: Iterable[str]) -> Pipeline:
    """Return a pipeline with passes of other packages, each ``NAME[:before=|:after=NAME]``."""
    found = available()
    for text in wanted:
        name, _, place = text.partition(":")
        side, _, neighbor = place.partition("=")
        if name not in found:
            message = (
                f"passes: no pass {name!r} is installed; there are {', '.join(found)}"
            )
            raise OptionError(message)
        if place and (side not in {"before", "after"} or not neighbor):
            message = (
                f"passes: {text!r} is not NAME, NAME:before=NAME or NAME:after=NAME"
            )
            raise OptionError(message)
        given = given.insert(found[name](), **({side: neighbor} if place else {}))
    return given
