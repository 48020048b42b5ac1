"""Spiking networks that somebody has changed: refused where they are none any more."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import onnx2snn
from onnx2snn.storage.protos import all_graphs
from tests.models import dyadic, emitted, model

if TYPE_CHECKING:
    from collections.abc import Callable

X = dyadic(1, 20, 3, unit=16)

FORMS: dict[str, dict[str, Any]] = {
    "loop": {"schedule": "lockstep"},
    "multistep": {"schedule": "lockstep", "layout": "multistep"},
    "folded": {"schedule": "lockstep", "fold_thresholds": True},
    "staggered": {"method": "staggered"},
    "layerwise": {"schedule": "layerwise"},
    "layer by layer": {"schedule": "layerwise", "collapse": False},
}


@functools.cache
def network(form: str = "loop") -> onnx.ModelProto:
    ann = model(
        "(float[N,3] x) => (float[N,2] y) { h = MatMul (x, w)  a = Relu (h)  c = MatMul (a, u)  "
        "d = Relu (c)  y = MatMul (d, v) }",
        w=dyadic(2, 3, 4),
        u=dyadic(4, 4, 4),
        v=dyadic(3, 4, 2),
    )
    return onnx2snn.convert(ann, 4, X, **FORMS[form]).model


def changed(
    change: Callable[[onnx.ModelProto], object], form: str = "loop"
) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(network(form))
    change(copy)
    return copy


def refused(snn: onnx.ModelProto, message: str) -> None:
    with pytest.raises(onnx2snn.InvalidModelError, match=message):
        onnx2snn.load(snn, "numpy")


def set_number(
    snn: onnx.ModelProto, suffix: str, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    found = 0
    for graph in all_graphs(snn):
        for tensor in graph.initializer:
            if tensor.name.endswith(suffix):
                data = change(numpy_helper.to_array(tensor).copy())
                tensor.CopyFrom(numpy_helper.from_array(data, tensor.name))
                found += 1
    assert found


@pytest.mark.parametrize("form", FORMS)
def test_what_is_emitted_passes(form: str) -> None:
    expected = onnx2snn.load(network(form), "numpy").run(X)["y"]
    np.testing.assert_allclose(expected, onnx2snn.load(network(form)).run(X)["y"])


METADATA = {
    "format": ["2", "999", "", "1.0"],
    "T": ["0", "-1", "x", "1000000000", "", "9" * 5000],
    "schedule": ["", "other"],
    "layout": ["other"],
    "weights": ["int4"],
    "input_coding": [
        "{",
        "[]",
        "null",
        "[[1]]",
        '{"nowhere": "events"}',
        '{"x": 3}',
        "[" * 5000,
    ],
    "versions": ["3", '{"onnx": 1}'],
    "early_exit": ["[]", "{}", '{"scores": 1, "steps": 2}'],
    "latency": ["", "x", "9" * 5000],
    "weight_passes": ["-1"],
    "latency_curve": ["nope"],
    "tuned": ["[]"],
    "source_sha256": ["../secret"],
}


@pytest.mark.parametrize("key", METADATA)
def test_metadata_that_no_conversion_writes(key: str) -> None:
    for text in METADATA[key]:

        def change(snn: onnx.ModelProto, text: str = text) -> None:
            others = [
                entry for entry in snn.metadata_props if entry.key != f"onnx2snn.{key}"
            ]
            del snn.metadata_props[:]
            snn.metadata_props.extend(others)
            snn.metadata_props.add(key=f"onnx2snn.{key}", value=text)

        refused(changed(change), rf"onnx2snn\.{key}")


def test_a_file_without_the_version_of_its_format() -> None:
    def change(snn: onnx.ModelProto) -> None:
        kept = [each for each in snn.metadata_props if each.key != "onnx2snn.format"]
        del snn.metadata_props[:]
        snn.metadata_props.extend(kept)

    refused(changed(change), r"lack onnx2snn\.format")


@pytest.mark.parametrize(
    "steps",
    [
        np.array(0),
        np.array(-1),
        np.array(10**12),
        np.array([4, 5]),
        np.array([], np.int64),
        np.array(4.0),
        np.array(4, np.int32),
    ],
    ids=str,
)
def test_steps_that_cannot_be(steps: np.ndarray) -> None:
    for form in ("loop", "multistep", "layerwise"):
        snn = changed(lambda snn: set_number(snn, "T", lambda _: steps), form)
        refused(snn, "T must be|number of steps|cannot be opened|is damaged")


@pytest.mark.parametrize("number", [np.nan, 0, -1, np.inf, 1e-45])
@pytest.mark.parametrize("form", FORMS)
def test_thresholds_that_cannot_be(form: str, number: float) -> None:
    def change(data: np.ndarray) -> np.ndarray:
        data.flat[0] = number
        return data

    suffix = ".v_threshold.raised" if form == "staggered" else ".v_threshold"
    snn = changed(lambda snn: set_number(snn, suffix, change), form)
    refused(snn, r"v_threshold.* is not (above 0|finite)")


def test_thresholds_of_another_shape() -> None:
    def change(data: np.ndarray) -> np.ndarray:
        return np.resize(data, (1, 7))

    snn = changed(lambda snn: set_number(snn, ".v_threshold", change))
    refused(snn, r"v_threshold of \w+ 'a' has the shape \[1, 7\]")


def _set_version(snn: onnx.ModelProto) -> None:
    for each in snn.opset_import:
        each.version = 2 if each.domain else each.version


CHANGES: dict[str, tuple[Callable[[onnx.ModelProto], object], str]] = {
    "operators of another version": (
        _set_version,
        r"ai\.onnx2snn in version 2, .* version 1",
    ),
    "an empty function": (
        lambda snn: snn.functions[0].ClearField("node"),
        "not a valid ONNX model|its function",
    ),
    "a function that computes something else": (
        lambda snn: setattr(snn.functions[0].node[0], "op_type", "Sub"),
        r"its function \w+ is not the operator",
    ),
    "no versions": (
        lambda snn: snn.ClearField("opset_import"),
        "no version of the operators",
    ),
    "no outputs": (lambda snn: snn.graph.ClearField("output"), "it has no outputs"),
    "a loop without inputs": (
        lambda snn: _loop(snn).ClearField("input"),
        r"Loop 'onnx2snn\.time_loop' has no number of steps",
    ),
    "a loop without a body": (
        lambda snn: _loop(snn).ClearField("attribute"),
        "has no body",
    ),
    "a loop with one input more": (
        lambda snn: _loop(snn).input.append("T"),
        r"has \d+ inputs, and its body \d+",
    ),
    "a loop with one output less": (
        lambda snn: _loop(snn).output.pop(),
        r"has \d+ outputs, and its body makes \d+",
    ),
    "a neuron with one input less": (
        lambda snn: _neuron(snn).input.pop(),
        "does not have the inputs current, v",
    ),
    "an operator that there is not": (
        lambda snn: setattr(_neuron(snn), "op_type", "Nonsense"),
        r"Nonsense '\w+' is no operator of ai\.onnx2snn",
    ),
}


def _loop(snn: onnx.ModelProto) -> onnx.NodeProto:
    return next(node for node in snn.graph.node if node.op_type == "Loop")


def _neuron(snn: onnx.ModelProto) -> onnx.NodeProto:
    body = _loop(snn).attribute[0].g
    return next(node for node in body.node if node.domain)


@pytest.mark.parametrize("case", CHANGES)
def test_a_network_that_somebody_has_changed(case: str) -> None:
    change, message = CHANGES[case]
    refused(changed(change), message)


def _rename(snn: onnx.ModelProto) -> None:
    for number, function in enumerate(snn.functions):
        for node in function.node:
            node.name = f"renamed_{number}"
            node.doc_string = "by a tool"
            for names in (node.input, node.output):
                kept = {*function.input, *function.output, ""}
                names[:] = [
                    name if name in kept else f"renamed_{name}" for name in names
                ]


@pytest.mark.parametrize(
    "change",
    [
        lambda snn: snn.ClearField("metadata_props"),
        lambda snn: snn.metadata_props.add(key="onnx2snn.later", value="unknown"),
        lambda snn: snn.graph.ClearField("value_info"),
        _rename,
    ],
    ids=["no metadata", "unknown metadata", "no shapes", "renamed in functions"],
)
def test_what_a_tool_may_change(change: Callable[[onnx.ModelProto], object]) -> None:
    found = onnx2snn.load(changed(change)).run(X)["y"]
    np.testing.assert_array_equal(found, onnx2snn.load(network()).run(X)["y"])


def test_bits_that_are_flipped() -> None:
    """Whatever comes of it, it is no other error than ours."""
    whole = emitted(model("(float[N,3] x) => (y) { y = Relu (x) }"), 4)
    rng = np.random.default_rng(0)
    for _ in range(150):
        data = bytearray(whole.SerializeToString())
        for place in rng.integers(len(data), size=3):
            data[place] ^= 1 << int(rng.integers(8))
        try:
            onnx2snn.load(bytes(data), "numpy").run(X)
        except onnx2snn.Onnx2SnnError:
            continue
