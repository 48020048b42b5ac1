"""What was exported, what the reader has to feed, and what its neuron does to the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from onnx2snn.exporting.layers import (
    Convolution,
    Entry,
    Exit,
    Neuron,
    Pool,
    Product,
)

if TYPE_CHECKING:
    from onnx2snn.exporting.comparing import Scores
    from onnx2snn.exporting.layers import LayerGraph
    from onnx2snn.exporting.preparing import Prepared
    from onnx2snn.exporting.readers import Reader
    from onnx2snn.exporting.sources import Source
    from onnx2snn.exporting.trial import Measured

__all__ = [
    "ExportReport",
    "describe_export",
]


class ExportReport(TypedDict):
    """The report of an export, as plain data.

    Attributes:
        name: Name of the reader.
        neuron: What its neuron does.
        primitive: NIR's primitive for it.
        load: How it loads the file.
        T: Number of steps it is to run for.
        input_name: Value of the ANN that it is to be fed.
        input_shape: Shape of a sample of that.
        encoding: What to feed, in words.
        output_name: Value of the ANN that comes out, as a mean over the steps.
        output_shape: Shape of a sample of that.
        layers: Kind of layer to number.
        changes: Pass to the number of layers that it changed.
        samples: Number of samples that were run.
        is_synthetic: Whether these were made up.
        ann: Scores of the ANN; None without one.
        network: Scores of the network in our own runtime.
        spread: Scores with our own neuron once initial potentials are spread; None where they
            are 0.
        reader: Scores with the reader's neuron: what it is going to give.
        advice: What to do where the reader decides otherwise than the network; empty if nothing.
    """

    name: str
    neuron: str
    primitive: str
    load: str
    T: int
    input_name: str
    input_shape: list[int]
    encoding: str
    output_name: str
    output_shape: list[int]
    layers: dict[str, int]
    changes: dict[str, int]
    samples: int
    is_synthetic: bool
    ann: Scores | None
    network: Scores
    spread: Scores | None
    reader: Scores
    advice: str


def describe_export(
    source: Source, prepared: Prepared, reader: Reader, measured: Measured
) -> ExportReport:
    """Return the report of an export."""
    layers = prepared.layers
    (entry,) = layers.named(Entry)
    (end,) = layers.named(Exit)
    return ExportReport(
        name=reader.name,
        neuron=reader.firing.describe(),
        primitive=reader.primitive,
        load=reader.load,
        T=measured.T,
        input_name=str(source.lowered.entry.name),
        input_shape=list(layers.shapes[entry]),
        encoding=_describe_encoding(source, measured.T),
        output_name=str(source.lowered.output.name),
        output_shape=list(layers.shapes[end]),
        layers=_count_kinds(layers),
        changes=dict(prepared.changes),
        samples=measured.samples,
        is_synthetic=measured.is_synthetic,
        ann=measured.ann,
        network=measured.own,
        spread=measured.spread,
        reader=measured.reader,
        advice=_advice(prepared, reader, measured.reader),
    )


def _describe_encoding(source: Source, time_steps: int) -> str:
    """Say what the reader is to be fed."""
    what = f"the input {str(source.lowered.entry.name)!r} of the ANN, prepared as for the ANN"
    if source.is_encoded:
        what = (
            f"{str(source.lowered.entry.name)!r}, which the encoder makes of the input"
        )
    return (
        f"{what}: the same real numbers in each of {time_steps} steps; the answer is the mean of "
        "the outputs over the steps"
    )


_KINDS = {
    "convolutions": Convolution,
    "products": Product,
    "pools": Pool,
    "neurons": Neuron,
}


def _count_kinds(layers: LayerGraph) -> dict[str, int]:
    return {name: len(layers.named(kind)) for name, kind in _KINDS.items()}


_WORTH_ADVICE = 95.0
"""Percent of agreement below which a report says what to do."""


def _advice(prepared: Prepared, reader: Reader, found: Scores) -> str:
    """Say what to do where the reader decides otherwise than the network."""
    agreement = found["agreement"]
    if agreement is None or agreement >= _WORTH_ADVICE:
        return ""
    neurons = [prepared.layers.layers[name] for name in prepared.layers.named(Neuron)]
    is_hard = any(isinstance(each, Neuron) and each.hard for each in neurons)
    if is_hard != reader.firing.is_hard or reader.firing.sends_several:
        return f"convert again with --for {reader.preset}: its neurons are those of {reader.name}"
    if prepared.is_spread:
        return f"convert again with --for {reader.preset}: its neurons start at 0"
    return "convert again for more steps"
