"""Files that a run reads beside an ANN, changed: spiking networks, and arrays."""

from __future__ import annotations

import copy
import functools
import io
import json
import random
import re
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import numpy_helper

import onnx2snn
from benchmarks.fault_case import DATA, MODEL, RESULTS, SNN, results_of, write_network
from benchmarks.hostile_case import network
from benchmarks.reliability_case import Case
from onnx2snn.storage.protos import all_graphs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.reliability_case import Cases

    Change = Callable[[onnx.ModelProto], object]

__all__ = ["CLASSES"]

_RUN = ("run", SNN, "--data", DATA, "-o", RESULTS, "--quiet", "--runtime", "numpy")
_RUN_ANN = ("run", MODEL, "--data", DATA, "-o", RESULTS, "--quiet")

_FORMS = {
    "loop": {"schedule": "lockstep"},
    "multistep": {"schedule": "lockstep", "layout": "multistep"},
    "folded": {"schedule": "lockstep", "fold_thresholds": True},
    "staggered": {"method": "staggered"},
    "layerwise": {"schedule": "layerwise"},
    "layer by layer": {"schedule": "layerwise", "collapse": False},
}

_TEXTS = {
    "format": ("2", "999", "", "1.0"),
    "T": ("0", "-1", "x", "10000000000", "9" * 5000),
    "schedule": ("", "x"),
    "layout": ("x",),
    "weights": ("int4",),
    "input_coding": ("{", "[]", "null", "[[1]]", '{"no": "events"}', '{"x": 3}'),
    "versions": ("3", '{"onnx": 1}'),
    "early_exit": ("[]", "{}", '{"scores": 1, "steps": 2}'),
    "latency": ("", "x", "9" * 5000),
    "weight_passes": ("-1",),
    "latency_curve": ("nope",),
    "states": ("{}", '{"reset": 1, "states": {}}', '{"reset": "x"}'),
    "source_sha256": ("../secret",),
}
"""Metadata that no conversion writes, by key."""


@functools.cache
def _spiking(form: str) -> onnx.ModelProto:
    data = np.random.default_rng(1).normal(size=(40, 6)).astype(np.float32)
    return onnx2snn.convert(network(), 4, data, **_FORMS[form]).model


def _case(name: str, form: str, change: Change, *, must_be_refused: bool) -> Case:
    def run(folder: Path) -> str | None:
        write_network(folder)
        changed = copy.deepcopy(_spiking(form))
        change(changed)
        folder.joinpath(SNN).write_bytes(changed.SerializeToString())
        return results_of(_RUN, folder, must_be_refused=must_be_refused)

    return Case(f"{form}: {name}", run)


def spiking_metadata() -> Iterator[Case]:
    """Metadata that no conversion writes."""
    for form in _FORMS:
        for key, texts in _TEXTS.items():
            for text in texts:
                change = functools.partial(_set_text, key, text)
                name = f"{key} {text[:20]!r}"
                yield _case(name, form, change, must_be_refused=True)


def _set_text(key: str, text: str, snn: onnx.ModelProto) -> None:
    kept = [each for each in snn.metadata_props if each.key != f"onnx2snn.{key}"]
    del snn.metadata_props[:]
    snn.metadata_props.extend(kept)
    snn.metadata_props.add(key=f"onnx2snn.{key}", value=text)


def spiking_numbers() -> Iterator[Case]:
    """Thresholds and numbers of steps that cannot be."""
    for form in _FORMS:
        for number in (np.nan, 0.0, -1.0, np.inf, 1e-45):
            change = functools.partial(_set_number, _THRESHOLD, number)
            yield _case(f"threshold {number}", form, change, must_be_refused=True)
        for steps in (0, -1, 10**12, 2**62):
            change = functools.partial(_set_number, _STEPS, steps)
            yield _case(f"T {steps}", form, change, must_be_refused=True)


_THRESHOLD = re.compile(r".*\.v_threshold(\.raised)?")
_STEPS = re.compile("T")


def _set_number(name: re.Pattern[str], number: float, snn: onnx.ModelProto) -> None:
    for graph in all_graphs(snn):
        for tensor in graph.initializer:
            if name.fullmatch(tensor.name):
                data = numpy_helper.to_array(tensor).copy()
                data.flat[0] = number
                tensor.CopyFrom(numpy_helper.from_array(data, tensor.name))


_FIELDS = ("input", "output", "attribute", "op_type", "domain")


def spiking_graphs() -> Iterator[Case]:
    """Nodes, functions and parts of the graph that are taken away."""
    for form in _FORMS:
        snn = _spiking(form)
        for field in ("opset_import", "functions"):
            change = functools.partial(_clear, field)
            yield _case(f"no {field}", form, change, must_be_refused=False)
        for field in ("input", "output", "node", "initializer", "value_info"):
            change = functools.partial(_clear_graph, field)
            yield _case(f"no {field} of the graph", form, change, must_be_refused=False)
        for number in range(len(snn.graph.node)):
            for field in _FIELDS:
                change = functools.partial(_clear_node, number, field)
                name = f"no {field} of node {number}"
                yield _case(name, form, change, must_be_refused=False)
        for number in range(len(snn.functions)):
            change = functools.partial(_change_function, number)
            name = f"another function {number}"
            yield _case(name, form, change, must_be_refused=True)


def _clear(field: str, snn: onnx.ModelProto) -> None:
    snn.ClearField(field)


def _clear_graph(field: str, snn: onnx.ModelProto) -> None:
    snn.graph.ClearField(field)


def _clear_node(number: int, field: str, snn: onnx.ModelProto) -> None:
    snn.graph.node[number].ClearField(field)


def _change_function(number: int, snn: onnx.ModelProto) -> None:
    snn.functions[number].node[-1].op_type = "Neg"


def spiking_bits() -> Iterator[Case]:
    """Flipped bits."""
    places = random.Random(2)  # noqa: S311 (places, no secrets)
    for form in _FORMS:
        size = _spiking(form).ByteSize()
        for number in range(40):
            flipped = [places.randrange(8 * size) for _ in range(1 + number % 3)]
            yield Case(
                f"{form}: flip {number}", functools.partial(_flipped, form, flipped)
            )


def _flipped(form: str, bits: list[int], folder: Path) -> str | None:
    write_network(folder)
    data = bytearray(_spiking(form).SerializeToString())
    for bit in bits:
        data[bit // 8] ^= 1 << bit % 8
    folder.joinpath(SNN).write_bytes(data)
    return results_of(_RUN, folder)


def arrays() -> Iterator[Case]:
    """Data files whose headers lie, whose bits are flipped, or that take all memory."""
    for header in _HEADERS:
        yield Case(f"header {header[:40]}", functools.partial(_headed, header))
    places = random.Random(3)  # noqa: S311
    for number in range(150):
        yield Case(
            f"flip {number}", functools.partial(_damaged, places.random(), is_cut=False)
        )
    for number in range(50):
        yield Case(
            f"cut {number}", functools.partial(_damaged, number / 50, is_cut=True)
        )
    for name, order in (("y", "C"), ("y", "F"), ("x", "F")):
        large = functools.partial(_large, name, order)
        yield Case(f"3 GB of {name} in order {order}", large)


_SHAPES = (
    "(-40, 6)",
    "(1000000000000, 6)",
    "(1180591620717411303424, 6)",
    "(40.0, 6)",
    "'x'",
    "(True, 6)",
    "((40,), 6)",
    "(",
    "()",
    "(0, 6)",
)
_HEADERS = (
    *(
        f"{{'descr': '<f4', 'fortran_order': {order}, 'shape': {shape}}}"
        for shape in _SHAPES
        for order in (True, False)
    ),
    "(" * 200,
    "",
    "lambda: 0",
    "{'descr': '|O', 'fortran_order': False, 'shape': (40, 6)}",
    "{'descr': '|S2147483647', 'fortran_order': False, 'shape': (40, 6)}",
    "{'descr': [('a', 'none')], 'fortran_order': False, 'shape': (40, 6)}",
    "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (10, 6)}",
    json.dumps({"descr": "<f4"}),
)


def _headed(header: str, folder: Path) -> str | None:
    write_network(folder)
    text = header.encode()
    head = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    with zipfile.ZipFile(folder / DATA, "w") as archive:
        archive.writestr("x.npy", head + bytes(960))
    return results_of(_RUN_ANN, folder)


def _damaged(place: float, folder: Path, *, is_cut: bool) -> str | None:
    write_network(folder)
    data = bytearray(folder.joinpath(DATA).read_bytes())
    index = int(place * len(data))
    if is_cut:
        del data[index:]
    else:
        data[index] ^= 1 << index % 8
    folder.joinpath(DATA).write_bytes(data)
    return results_of(_RUN_ANN, folder)


def _large(name: str, order: str, folder: Path) -> str | None:
    """Write a member of 3 GB of zeros, which takes 3 MB."""
    write_network(folder)
    rows = 3 * 2**30 // 24
    header = {"descr": "<f4", "fortran_order": order == "F", "shape": (rows, 6)}
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, header)
    with zipfile.ZipFile(
        folder / DATA, "w", zipfile.ZIP_DEFLATED, compresslevel=1
    ) as archive:
        if name == "y":
            data = np.zeros((40, 6), np.float32)
            with archive.open("x.npy", "w") as member:
                np.lib.format.write_array(member, data)
        with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            member.write(head.getvalue())
            for _ in range(rows * 24 // 2**24):
                member.write(bytes(2**24))
    return results_of((*_RUN_ANN, "--max-memory", "500MB"), folder)


CLASSES: dict[str, Cases] = {
    "spiking networks: metadata": spiking_metadata,
    "spiking networks: numbers": spiking_numbers,
    "spiking networks: graphs": spiking_graphs,
    "spiking networks: flipped bits": spiking_bits,
    "arrays": arrays,
}
"""Row of the page to its cases."""
