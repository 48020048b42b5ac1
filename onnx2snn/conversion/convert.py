"""Converting a trained ANN into a spiking network."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

from onnx2snn.analysis.branches import Part, find_branches
from onnx2snn.analysis.operators.foreign import advice_for, foreign_refusals, is_fused
from onnx2snn.analysis.sharing import sharing
from onnx2snn.arguments import checked_count, checked_keywords
from onnx2snn.conversion.branch_checks import check_early_exit, check_step
from onnx2snn.conversion.branches import feed_branches
from onnx2snn.conversion.calibration_data import CalibrationData
from onnx2snn.conversion.file_form import FORM_PASSES
from onnx2snn.conversion.held_out import Trial
from onnx2snn.conversion.measuring import measure_activity
from onnx2snn.conversion.options import Options
from onnx2snn.conversion.preparation import prepare
from onnx2snn.conversion.resuming import conversion_key
from onnx2snn.conversion.schedule_choice import choose_schedule
from onnx2snn.conversion.sizes import Sample, count_macs_of_sample
from onnx2snn.conversion.spiking import Request, make_spiking
from onnx2snn.data.dataset import check_source, input_specs
from onnx2snn.errors import UnsupportedError
from onnx2snn.graph import display_name, is_float, operator_name
from onnx2snn.importing.blame import blaming
from onnx2snn.metadata.input_coding import EVENTS, RATE, check_direct
from onnx2snn.methods.schedules import SCHEDULES
from onnx2snn.passes import ExitEarly, apply
from onnx2snn.progress import shown_in_notebook
from onnx2snn.reporting.analysis import analyze_network
from onnx2snn.reporting.report import report
from onnx2snn.reporting.report_file import write_report
from onnx2snn.reporting.report_page import render_in_frame, render_page
from onnx2snn.runtime import Emitted
from onnx2snn.schedules import DEFAULT_T, checked_time_steps
from onnx2snn.storage.journal import journal

if TYPE_CHECKING:
    import os

    import onnx_ir as ir

    from onnx2snn.conversion.preparation import Prepared
    from onnx2snn.data.dataset import Dataset
    from onnx2snn.importing.source import AnyModel
    from onnx2snn.passes.pipeline import Passes
    from onnx2snn.reporting.report import HeldOut, Report

__all__ = ["Conversion", "convert"]

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Conversion(Emitted):
    """A converted network; whatever takes a network takes it.

    Attributes:
        ir_model: The spiking network, as an ``onnx_ir.Model``.
        report: What became of the ANN, as plain data that ``json.dumps`` takes.
    """

    report: Report

    def __repr__(self) -> str:
        """Return it in a line: a graph would fill the screen."""
        found = self.report
        return (
            f"Conversion({found['source']!r}, T={found['T']}, {len(found['layers'])} layers of "
            f"neurons, {found['method']!r})"
        )

    def measure_activity(self, data: object, samples: int = 32) -> None:
        """Count spikes and operations on data, for ``activity`` of the report and its page.

        Networks whose neurons are in no Loop over time, and those of events, are not measured.

        Args:
            data: Inputs, as for calibration.
            samples: Samples to run, >= 1, and up to 7 more: they run in eights.

        Raises:
            CalibrationError: The data does not fit the network.
            OptionError: ``samples`` is less than 1.
        """
        checked_count("samples", samples, least=1)
        found = measure_activity(self.ir_model, self.report, data, samples)
        self.report["activity"] = found

    def _repr_html_(self) -> str:
        """Return it as a notebook shows it: the head of the page of the report."""
        return render_in_frame(self.report)

    def save_report(self, path: str | os.PathLike[str]) -> None:
        """Write the report to ``path``, as JSON or, under a name in ``.html``, as a page.

        Raises:
            OptionError: The name ends in neither ``.json`` nor ``.html``.
            OutputError: The file cannot be written.
        """
        write_report(path, self.report, lambda: render_page(self.report))


@checked_keywords(
    *(field.name for field in dataclasses.fields(Options)), time_steps="T"
)
@shown_in_notebook()
def convert(
    model: AnyModel,
    T: int = DEFAULT_T,  # noqa: N803 (the usual name)
    calibration: object = None,
    **options: Any,  # noqa: ANN401
) -> Conversion:
    """Convert a trained ANN into a spiking network that computes the same in T time steps.

    Args:
        model: A path, bytes, ``onnx.ModelProto``, ``onnx_ir.Model``, ``gs.Graph`` or
            ``torch.onnx.ONNXProgram``; it is not changed.
        T: Number of time steps the network is made for, >= 1; it runs at any other as well.
        calibration: Typical inputs, without labels: an ``.npz`` or script, arrays, an iterable
            of feeds, or a calibration data reader; see ``onnx2snn.data.dataset``. Without
            any, thresholds come from BatchNormalization or, at a loss, from random inputs. An
            input that is events has samples [N, T, ...], with T steps.
        options: Fields of ``Options``.

    Raises:
        InvalidModelError: The model cannot be read.
        UnsupportedError: Nothing in it can be made spiking, or it has foreign operators.
        CalibrationError: The calibration data does not fit the model.
        RuntimeShapeError: The model does not run on inputs of the shapes that it declares.
        OptionError: There is no such option, or T or an option is out of range.
    """
    T = checked_time_steps(T)  # noqa: N806
    choice = choose_schedule(Options(**options), T)
    chosen = choice.options
    check_source(calibration)
    with sharing():
        given = CalibrationData(calibration, T)
        prepared = prepare(model, chosen, given)
        _check_that_neurons_have_places(prepared, chosen)
        data = given.read(input_specs(prepared.whole.ann), prepared.inputs_of(EVENTS))
        _warn_of_missing_data(prepared, chosen, data)
        request = Request(chosen, T, data, prepared.imported.sha256)
        with journal(lambda: conversion_key(prepared.whole.ann, request)):
            conversion = _converted(prepared, request, given)
    conversion.report["schedule_reason"] = choice.reason
    return conversion


def _converted(
    prepared: Prepared, given: Request, calibration: CalibrationData
) -> Conversion:
    """Return the conversion of a network that is simplified; its model becomes the emitted one."""
    imported = prepared.imported
    with blaming(imported.original, imported.name):
        return _converted_whole(prepared, given, calibration)


def _converted_whole(
    prepared: Prepared, given: Request, calibration: CalibrationData
) -> Conversion:
    imported, options = prepared.imported, given.options
    check_early_exit(prepared, options, given.data)
    check_step(prepared, options)
    whole, branches = feed_branches(prepared.whole, given.data)
    if not whole.has_neurons(options.spike):
        message = (
            f"{imported.name} has neurons only in branches that the data never takes"
        )
        raise UnsupportedError(message)
    schedule = options.chosen_method().schedule
    if not SCHEDULES[schedule].takes_streams:
        check_direct(whole.ann.graph, schedule)
    # Before neurons take the place of the nodes that it is about.
    sample = Sample.of(prepared.shapes, given.data, prepared.inputs_of(EVENTS))
    counts = count_macs_of_sample(whole, sample)
    found = analyze_network(whole, counts, options.spike)
    macs = sum(filter(None, counts.values()))
    trial = Trial.of(whole, given, calibration.specs, macs)
    request = given if trial is None else trial.request
    passes = request.pipeline()
    fused = list(filter(is_fused, whole.ann.graph))
    look = None if trial is None else trial.convert_uncorrected
    codings = make_spiking(whole, passes, request, branches, before_correction=look)
    if fused:
        others = f" and {len(fused) - 1} more" if len(fused) > 1 else ""
        advice = advice_for(fused[0].domain)
        _LOGGER.warning(_FUSED, display_name(fused[0]), others, advice)
    snn, held_out = _finished(whole.ann, passes.finishing, trial)
    described = report(snn, codings, imported, found, given.data)
    described["held_out"] = held_out
    form = [each for each in passes.finishing if isinstance(each, FORM_PASSES)]
    snn = apply(snn, form)
    return Conversion(snn, described, files=imported.files)


def _finished(
    snn: ir.Model, finishing: Passes, trial: Trial | None
) -> tuple[ir.Model, HeldOut | None]:
    """Return the network that is kept, and what was compared to choose it.

    Only that one may exit early: outputs before the last step say less of how good it is. The form
    that its file is to have, if it is another one, comes last of all.
    """
    later = (ExitEarly, *FORM_PASSES)
    first = [each for each in finishing if not isinstance(each, later)]
    last = [each for each in finishing if isinstance(each, ExitEarly)]
    held_out = None
    snn = apply(snn, first)
    if trial is not None:
        snn, held_out = trial.choose(snn)
    return apply(snn, last), held_out


_FUSED = "operators of onnxruntime stay as they are: %r%s; what they fuse may spike otherwise: %s"


def _warn_of_missing_data(
    prepared: Prepared, options: Options, data: Dataset | None
) -> None:
    """Say what is worse without calibration data, if there is none."""
    if data is not None:
        return
    if options.asks_for_data():
        corrections = options.chosen_method().corrections
        _LOGGER.warning(_NOTHING_CORRECTED, ", ".join(corrections))
    inputs = prepared.whole.ann.graph.inputs
    real = {value.name for value in inputs if is_float(value)}
    rate = [name for name in prepared.inputs_of(RATE) if name in real]
    if rate:
        _LOGGER.warning(_UNKNOWN_MAGNITUDE, ", ".join(map(repr, rate)))


_UNKNOWN_MAGNITUDE = (
    "no calibration data: rate coding takes %s to lie between -1 and 1, and cuts off what does "
    "not; pass --calibration data.npz with some hundred typical inputs"
)


def _check_that_neurons_have_places(prepared: Prepared, options: Options) -> None:
    if prepared.whole.has_neurons(options.spike):
        return
    name = prepared.imported.name
    if options.until or options.nodes_to_exclude:
        message = (
            f"{name} has no activation left that a spiking neuron can replace: until and "
            "nodes_to_exclude leave all as they are; nothing to convert"
        )
        raise UnsupportedError(message)
    graph = prepared.whole.ann.graph
    found = sorted({operator_name(node) for node in graph})
    message = (
        f"{name} has no activation that a spiking neuron can replace "
        f"(it has {', '.join(found) or 'no nodes'}); nothing to convert"
    )
    if _has_neurons_in_front_of_weights(prepared.whole):
        raise UnsupportedError(message + _NEEDS_NO_ACTIVATION)
    raise UnsupportedError(message, foreign_refusals(graph))


def _has_neurons_in_front_of_weights(network: Part) -> bool:
    """Whether there is something to convert once weights suffice."""
    return network.has_neurons("all") or bool(find_branches(network.ann, "all"))


_NEEDS_NO_ACTIVATION = (
    ", unless neurons stand in front of all weights: --spike all, in Python spike='all'"
)

_NOTHING_CORRECTED = (
    "without calibration data nothing is corrected: %s left out; give some, with "
    "--calibration"
)
