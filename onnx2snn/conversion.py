"""Converting a trained ANN into a spiking network."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from onnx2snn.activations import activations
from onnx2snn.analysis import analyze_graph
from onnx2snn.branches import branches
from onnx2snn.calibration.data import dataset, input_specs
from onnx2snn.calibration.threshold_rules import RULES
from onnx2snn.errors import OptionError, UnsupportedError
from onnx2snn.files import write_whole
from onnx2snn.importing import canonicalize, import_model
from onnx2snn.passes import (
    PASSES,
    SIMPLIFICATION,
    AttachFunctions,
    Calibrate,
    CarryRunningMeans,
    CorrectLayers,
    EmitTimeLoop,
    ReplaceActivations,
    WriteMetadata,
    apply,
)
from onnx2snn.passes.replace_activations import NEURONS
from onnx2snn.report import report
from onnx2snn.streams import SPIKE
from onnx2snn.time_loop import checked_time_steps

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    import onnx

    from onnx2snn.analysis import Analysis
    from onnx2snn.calibration.data import Dataset
    from onnx2snn.importing.source import AnyModel
    from onnx2snn.report import Report

_NEEDED = (
    "calibrate",
    "replace-activations",
    "carry-running-means",
    "emit-time-loop",
    "write-metadata",
)

__all__ = ["Conversion", "Options", "calibrating", "convert", "spiking"]


def _option(text: str, *, default: Any, choices: Iterable[str] = ()) -> Any:  # noqa: ANN401
    """Return a dataclass field with what the command line says about it."""
    return dataclasses.field(default=default, metadata={"help": text, "choices": tuple(choices)})


@dataclasses.dataclass(frozen=True)
class Options:
    """How a conversion is done; the defaults are what measures best.

    Attributes:
        neuron: ``gated``: a negative spike takes back an early one; ``if``: plain spikes.
        threshold: Rule for the thresholds: ``mse``, ``percentile`` or ``max``.
        per_channel: Whether each channel has a threshold of its own.
        v_init: Initial potential as a fraction of the threshold, 0 to 1.
        headroom: Whether the thresholds of a layer grow where it could not keep up with the
            spikes it gets. Needs calibration data.
        correct_bias: Whether each layer's bias is corrected on the spikes it gets. Needs
            calibration data.
        spike: Where neurons stand: at the ``activations``, or in front of ``all`` weights but
            the first.
        seed: Seed of what is random when there is no calibration data.
        check: Whether the imported model is run against the original.
        skip_passes: Names of passes to leave out.
    """

    neuron: str = _option("spiking neuron", default="gated", choices=NEURONS)
    threshold: str = _option("rule for the thresholds", default="mse", choices=RULES)
    per_channel: bool = _option("a threshold for each channel", default=True)
    v_init: float = _option("initial potential as a fraction of the threshold", default=0.5)
    headroom: bool = _option("raise thresholds where bursts of spikes ask for it", default=True)
    correct_bias: bool = _option("correct biases on real spikes", default=True)
    spike: str = _option("where neurons stand", default="activations", choices=SPIKE)
    seed: int = _option("seed of what is random without calibration data", default=0)
    check: bool = _option("run the imported model against the original", default=True)
    skip_passes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the names of the passes to skip."""
        unknown = [name for name in self.skip_passes if name not in PASSES]
        if unknown:
            message = f"no pass {', '.join(unknown)}; there are {', '.join(PASSES)}"
            raise OptionError(message)
        needed = [name for name in self.skip_passes if name in _NEEDED]
        if needed:
            message = f"pass {', '.join(needed)} cannot be skipped: there would be no network"
            raise OptionError(message)
        if self.threshold not in RULES:
            message = f"threshold must be one of {', '.join(RULES)}, not {self.threshold!r}"
            raise OptionError(message)
        # The pass checks its options: have it done before anything takes time.
        ReplaceActivations(self.neuron, self.v_init, self.spike)
        if self.seed < 0:
            message = f"seed must be at least 0, not {self.seed}"
            raise OptionError(message)

    def skipped(self) -> frozenset[type[ir.passes.PassBase]]:
        """Return the classes of the passes to leave out."""
        return frozenset(PASSES[name] for name in self.skip_passes)

    def corrections(self, data: Dataset | None) -> tuple[str, ...]:
        """Return the corrections of layers to be done, given the calibration data there is."""
        if data is None or CorrectLayers in self.skipped():
            return ()
        wanted = {"headroom": self.headroom, "bias": self.correct_bias}
        return tuple(name for name, chosen in wanted.items() if chosen)

    def describe(self, data: Dataset | None) -> str:
        """Return the method in words, for the metadata of the file."""
        scope = "per channel" if self.per_channel else "per tensor"
        correction = "".join(f", {name} correction" for name in self.corrections(data))
        neurons = " or ".join(dict.fromkeys(NEURONS[self.neuron]))
        return f"{neurons}, {self.threshold} {scope}, v_init {self.v_init}{correction}"


@dataclasses.dataclass(frozen=True, eq=False)
class Conversion:
    """A converted network.

    Attributes:
        model: The spiking network.
        report: What became of the ANN, as plain data that ``json.dumps`` takes.
    """

    model: onnx.ModelProto
    report: Report

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to ``path``, whole or not at all.

        Raises:
            OutputError: The file cannot be written.
        """
        write_whole(path, lambda file: file.write(self.model.SerializeToString()))


def convert(
    model: AnyModel,
    T: int = 8,  # noqa: N803 (the usual name)
    calibration: object = None,
    **options: Any,  # noqa: ANN401
) -> Conversion:
    """Convert a trained ANN into a spiking network that computes the same in T time steps.

    Args:
        model: A path, bytes, ``onnx.ModelProto``, ``onnx_ir.Model`` or ``gs.Graph``; it is not
            changed.
        T: Number of time steps the network is made for, >= 1; it runs at any other as well.
        calibration: Typical inputs, without labels: an ``.npz`` or script, arrays, an iterable
            of feeds, or a calibration data reader; see ``onnx2snn.calibration.data``. Without
            any, thresholds come from BatchNormalization or, at a loss, from random inputs.
        options: Fields of ``Options``.

    Raises:
        InvalidModelError: The model cannot be read.
        UnsupportedError: Nothing in it can be made spiking, or it has foreign operators.
        CalibrationError: The calibration data does not fit the model.
        OptionError: T or an option is out of range.
    """
    chosen = Options(**options)
    T = checked_time_steps(T)  # noqa: N806
    imported = import_model(model, check=chosen.check, skip=chosen.skipped())
    ir.external_data.load_to_model(imported.model)
    data = None if calibration is None else dataset(calibration, input_specs(imported.model))
    snn, analysis = _network(imported.model, imported.name, chosen, T, data)
    digest = "" if data is None else data.sha256()
    metadata = WriteMetadata(
        T, chosen.describe(data), source_sha256=imported.sha256, calibration_sha256=digest
    )
    apply(snn, [AttachFunctions(), metadata])
    return Conversion(ir.to_proto(snn), report(snn, imported, analysis, data))


def _network(
    model: ir.Model, name: str, options: Options, time_steps: int, data: Dataset | None
) -> tuple[ir.Model, Analysis]:
    """Return the emitted network of an imported model, and the analysis of the model."""
    ann = apply(model, _without(options, SIMPLIFICATION))
    inside = branches(ann)
    if not inside:
        _check_activations(ann, name)
    apply(ann, [calibrating(options, time_steps, data)])
    snn = apply(ann.clone(), spiking(options, time_steps, data, ann))
    for branch in inside:
        part = canonicalize(branch.model(ann))
        feeds = branch.data(ann, part, data)
        branch.replace(snn, _network(part, branch.label, options, time_steps, feeds)[0])
    return snn, analyze_graph(ann.graph, options.spike)


def calibrating(options: Options, time_steps: int, data: Dataset | None) -> Calibrate:
    """Return the pass that finds the scale of every activation."""
    return Calibrate(
        time_steps,
        options.threshold,
        options.per_channel,
        seed=options.seed,
        spike=options.spike,
        data=data,
    )


def spiking(
    options: Options, time_steps: int, data: Dataset | None, ann: ir.Model
) -> list[ir.passes.PassBase]:
    """Return the passes that make an ANN with scales an emitted spiking network."""
    wanted = options.corrections(data)
    corrections = [CorrectLayers(time_steps, wanted, ann=ann, data=data)] if wanted else []
    return _without(
        options,
        [
            ReplaceActivations(options.neuron, options.v_init, options.spike),
            CarryRunningMeans(),
            *corrections,
            EmitTimeLoop(time_steps),
        ],
    )


def _without(options: Options, passes: Iterable[ir.passes.PassBase]) -> list[ir.passes.PassBase]:
    return [pass_ for pass_ in passes if type(pass_) not in options.skipped()]


def _check_activations(ann: ir.Model, name: str) -> None:
    if not activations(ann.graph):
        found = sorted({node.op_type for node in ann.graph})
        message = (
            f"{name} has no activation that a spiking neuron can replace "
            f"(it has {', '.join(found) or 'no nodes'}); nothing to convert"
        )
        raise UnsupportedError(message)
