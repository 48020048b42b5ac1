"""Steps and passes over the weights that an answer takes, in every schedule and layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference.op_run import OpRun

import onnx2snn
from onnx2snn.metadata.step_count import LATENCY, WEIGHT_PASSES
from onnx2snn.runtime import numpy_runtime
from onnx2snn.schedules import weight_passes_of
from tests.models import dyadic, model

ANN = model(
    """(float[N,6] x) => (float[N,4] y) {
        c1 = MatMul (x, w1)  a1 = Relu (c1)
        c2 = MatMul (a1, w2)  a2 = Relu (c2)
        c3 = MatMul (a2, w2)  q3 = Add (c3, a1)  a3 = Relu (q3)
        y = MatMul (a3, w3) }""",
    w1=dyadic(1, 6, 6),
    w2=dyadic(2, 6, 6),
    w3=dyadic(3, 6, 4),
)
X = {"x": dyadic(4, 5, 6, unit=16)}

FORMS = [
    ({}, "T", "T"),
    ({"layout": "multistep"}, "T", "T"),
    ({"input_coding": "rate"}, "T", "T"),
    ({"input_coding": "events"}, "T", "T"),
    ({"input_coding": "events", "layout": "multistep"}, "T", "T"),
    ({"weights": "int8"}, "T", "T"),
    ({"schedule": "staggered"}, "T + 2", "T + 2"),
    ({"schedule": "staggered", "delays": "joins"}, "T + 1", "T + 1"),
    ({"schedule": "staggered", "delays": "none"}, "T", "T"),
    ({"schedule": "staggered", "layout": "multistep"}, "T + 2", "T"),
    ({"schedule": "layerwise"}, "3 T", "1"),
    # it runs on a step of silence as well, to know what biases add
    ({"schedule": "layerwise", "collapse": False}, "3 T", "T + 1"),
]


def data_for(options: dict[str, Any]) -> dict[str, np.ndarray]:
    if options.get("input_coding") == "events":
        return {"x": np.repeat(X["x"][:, None], 4, axis=1)}
    return X


@pytest.mark.parametrize("options, latency, passes", FORMS)
def test_both_are_in_the_file_the_report_and_the_scores(
    options: dict[str, Any], latency: str, passes: str
) -> None:
    data = data_for(options)
    conversion = onnx2snn.convert(ANN, 4, data, **options)
    props = {entry.key: entry.value for entry in conversion.model.metadata_props}
    assert props["onnx2snn.latency"] == latency
    assert props["onnx2snn.weight_passes"] == passes
    at_4 = (LATENCY.decode(latency).at(4), WEIGHT_PASSES.decode(passes).at(4))
    report = conversion.report
    assert (report["latency_steps"], report["weight_passes"]) == at_4
    network = onnx2snn.load(conversion)
    assert (network.latency_steps(), network.weight_passes()) == at_4
    assert network.weight_passes(3) == WEIGHT_PASSES.decode(passes).at(3)
    score = onnx2snn.evaluate(conversion, data, ann=ANN)
    assert (score.latency_steps, score.weight_passes) == ({4: at_4[0]}, {4: at_4[1]})


@pytest.mark.parametrize("options, latency, passes", FORMS)
def test_the_passes_are_those_that_a_runtime_makes(
    options: dict[str, Any],
    latency: str,
    passes: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows of all MatMuls are counted; the samples are 5."""
    del latency
    conversion = onnx2snn.convert(ANN, 4, data_for(options), **options)
    rows: dict[str, int] = {}

    class MatMul(OpRun):
        """The operator, which counts its rows."""

        op_domain = ""

        def _run(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray]:
            name = self.onnx_node.output[0]
            rows[name] = rows.get(name, 0) + len(a)
            return (a @ b,)

    monkeypatch.setattr(numpy_runtime, "KERNELS", [*numpy_runtime.KERNELS, MatMul])
    feeds = {"x": np.repeat(X["x"][None], 4, axis=0)}
    is_event = options.get("input_coding") == "events"
    onnx2snn.load(conversion, "numpy").run(feeds if is_event else X, 4)
    assert max(rows.values()) == 5 * WEIGHT_PASSES.decode(passes).at(4)


def test_another_layout_has_its_own() -> None:
    loop = onnx2snn.convert(ANN, 4, X)
    moved = onnx2snn.change_layout(loop, "multistep")
    assert onnx2snn.load(moved).weight_passes(8) == 8
    assert weight_passes_of(moved.ir_model) == WEIGHT_PASSES.read(loop.ir_model)


def test_weights_outside_of_the_steps_multiply_once() -> None:
    ann = model(
        "(float[N,6] x) => (float[N,6] y) { c = MatMul (x, w)  a = Relu (c)  y = MatMul (a, w) }",
        w=dyadic(1, 6, 6),
    )
    for layout in ("loop", "multistep"):
        snn = onnx2snn.convert(ann, 4, X, layout=layout)
        assert snn.report["weight_passes"] == 1


def test_a_file_that_does_not_say_is_scored_without() -> None:
    conversion = onnx2snn.convert(ANN, 4, X)
    older = onnx.ModelProto()
    older.CopyFrom(conversion.model)
    kept = [p for p in older.metadata_props if p.key != "onnx2snn.weight_passes"]
    del older.metadata_props[:]
    older.metadata_props.extend(kept)
    score = onnx2snn.evaluate(older, X, ann=ANN)
    assert (score.weight_passes, score.latency_steps) == ({}, {4: 4})
