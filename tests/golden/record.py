"""The record of a conversion: all that its file and its report hold.

It uses nothing of the package but its public names, so that it works on any revision.
As a script, ``record.py CASES RECORDS`` converts what ``tests.golden.cases`` wrote to
the folder CASES, and writes the records to the folder RECORDS.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx.numpy_helper
from google.protobuf import text_format

import onnx2snn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from google.protobuf.message import Message

    Feeds = Mapping[str, np.ndarray]

ANALYSIS_OPTIONS = {"spike", "input_coding", "until", "nodes_to_exclude"}
"""Options that make a difference to ``onnx2snn.analyze``."""
DATA_FIELDS = ("raw_data", "float_data", "double_data", "int32_data", "uint64_data")
"""Where a tensor of real numbers may have them."""
DIGEST_SUFFIXES = ("_sha256", "onnx2snn.versions")
"""Endings of metadata keys and report keys whose values are digests or versions."""
CALIBRATED = {
    "magnitude",
    "v_threshold_max",
    "v_threshold_min",
    "v_threshold_quartiles",
}
"""Keys of the report whose values are numbers that calibration found."""


@dataclasses.dataclass(frozen=True)
class Record:
    """What a conversion gave.

    Attributes:
        graph: The file in text form, without real numbers, documentation, versions and digests: a
            line for each node, value and constant.
        numbers: The real numbers of its constants, by name, in the order of the file.
        analysis: What ``analyze`` says of the ANN.
        report: The report of the conversion, without digests.
        outputs: What the network computes in each runtime.
    """

    graph: str
    numbers: dict[str, np.ndarray]
    analysis: Any
    report: Any
    outputs: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each part; only ``numbers`` depends on the machine."""
        numbers = b"".join(array.tobytes() for array in self.numbers.values())
        parts = {
            "graph": self.graph.encode(),
            "numbers": numbers,
            "analysis": as_text(self.analysis).encode(),
            "report": as_text(without(CALIBRATED, self.report)).encode(),
        }
        return {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()}


def record(
    model: Any,
    time_steps: int,
    calibration: object,
    options: Mapping[str, Any],
    batches: Sequence[Feeds] = (),
) -> Record:
    """Convert ``model``, run the network on ``batches``, and return the record."""
    conversion = onnx2snn.convert(model, time_steps, calibration, **options)
    graph, numbers = taken_apart(conversion.model)
    return Record(
        graph=graph,
        numbers=numbers,
        analysis=analyzed(model, options),
        report=without_digests(conversion),
        outputs=computed(conversion.model, batches) if batches else {},
    )


def analyzed(model: Any, options: Mapping[str, Any]) -> Any:
    """Return what ``analyze`` says, given those of ``options`` that matter to it."""
    chosen = {key: options[key] for key in ANALYSIS_OPTIONS if key in options}
    return onnx2snn.analyze(model, **chosen)


def without_digests(conversion: onnx2snn.Conversion) -> Any:
    keys = {key for key in conversion.report if key.endswith(DIGEST_SUFFIXES)}
    return without(keys, conversion.report)


def without(keys: set[str], data: Any) -> Any:
    """Return plain data with null for the values of ``keys``, at any depth."""
    if isinstance(data, list):
        return [without(keys, item) for item in data]
    if isinstance(data, dict):
        kept = {key: without(keys, value) for key, value in data.items()}
        return kept | dict.fromkeys(keys & kept.keys())
    return data


def as_text(data: Any) -> str:
    return json.dumps(data, sort_keys=True, indent=1)


# The text form


def taken_apart(model: onnx.ModelProto) -> tuple[str, dict[str, np.ndarray]]:
    """Return a model in text form, and the real numbers that the text leaves out."""
    rest = copy.deepcopy(model)
    rest.producer_version = ""
    for entry in rest.metadata_props:
        if entry.key.endswith(DIGEST_SUFFIXES):
            entry.value = ""
    for function in rest.functions:
        function.doc_string = ""  # words, which may get better
    numbers: dict[str, np.ndarray] = {}
    for tensor in tensors(rest):
        if is_real(tensor):
            numbers[f"{len(numbers)} {tensor.name}"] = take_numbers(tensor)
    return "\n".join(lines("model", rest)) + "\n", numbers


def is_real(tensor: onnx.TensorProto) -> bool:
    kind = str(onnx.TensorProto.DataType.Name(tensor.data_type))
    return kind.startswith(("FLOAT", "DOUBLE", "BFLOAT"))


def take_numbers(tensor: onnx.TensorProto) -> np.ndarray:
    """Return the numbers of ``tensor``, and leave its name, type and shape."""
    array = np.asarray(onnx.numpy_helper.to_array(tensor))
    for field in DATA_FIELDS:
        tensor.ClearField(field)
    return array


def tensors(message: Message) -> Iterator[onnx.TensorProto]:
    """Yield the tensors in a message, at any depth, in order."""
    if isinstance(message, onnx.TensorProto):
        yield message
        return
    for _, item in items(message):
        if hasattr(item, "ListFields"):
            yield from tensors(item)


def items(message: Message) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a message, each item of a repeated one for itself."""
    for field, value in message.ListFields():
        is_repeated = hasattr(value, "append")
        for item in value if is_repeated else [value]:
            yield field.name, item


def lines(name: str, message: Message) -> Iterator[str]:
    """Yield the text form: a line for what holds no graph, else one for each part."""
    if not holds_graph(message):
        yield f"{name}: {text_format.MessageToString(message, as_one_line=True)}"
        return
    yield f"{name}:"
    for field, item in items(message):
        if hasattr(item, "ListFields"):
            yield from (f"  {line}" for line in lines(field, item))
        else:
            yield f"  {field}: {item!r}"


def holds_graph(message: Message) -> bool:
    if isinstance(message, (onnx.ModelProto, onnx.GraphProto, onnx.FunctionProto)):
        return True
    if isinstance(message, onnx.NodeProto):
        return any(map(holds_graph, message.attribute))
    if isinstance(message, onnx.AttributeProto):
        return message.HasField("g") or bool(message.graphs)
    return False


# Records in a folder


def main() -> None:
    """Write the record of each case to a folder."""
    source, target = map(Path, sys.argv[1:])
    for case in json.loads((source / "cases.json").read_text()):
        found = recorded(source, case)
        write(found, target, case["name"])


def recorded(folder: Path, case: Mapping[str, Any]) -> Record:
    """Return the record of a case; if it fails, the error stands for the graph."""
    model = folder / f"{case['name']}.onnx"
    batches = read_batches(folder / f"{case['name']}.npz")
    calibration = batches if case["calibrated"] else None
    try:
        return record(model, case["T"], calibration, case["options"], batches)
    except Exception as error:  # noqa: BLE001 (another revision may fail in any way)
        return Record(f"{type(error).__name__}: {error}\n", {}, None, None)


def computed(snn: onnx.ModelProto, batches: Sequence[Feeds]) -> dict[str, np.ndarray]:
    """Return the outputs in each runtime; events have their axis for time in front."""
    found = {}
    for runtime in ("ort", "numpy"):
        network = onnx2snn.load(snn, runtime)
        for number, batch in enumerate(batches):
            feeds = {
                name: data.swapaxes(0, 1) if name in network.events else data
                for name, data in batch.items()
            }
            for name, data in network.run(feeds).items():
                found[f"{runtime} {number} {name}"] = np.asarray(data)
    return found


def read_batches(path: Path) -> list[dict[str, np.ndarray]]:
    """Return the batches of an archive, with keys of a number and an input's name."""
    batches: dict[str, dict[str, np.ndarray]] = {}
    with np.load(path) as archive:
        for key in archive.files:
            number, name = key.split(" ", 1)
            batches.setdefault(number, {})[name] = archive[key]
    return list(batches.values())


def write(found: Record, folder: Path, name: str) -> None:
    texts = {
        "graph": found.graph,
        "analysis": as_text(found.analysis),
        "report": as_text(found.report),
    }
    (folder / f"{name}.json").write_text(json.dumps(texts))
    np.savez(folder / f"{name}.numbers.npz", **found.numbers)
    np.savez(folder / f"{name}.outputs.npz", **found.outputs)


if __name__ == "__main__":
    main()
