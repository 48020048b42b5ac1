from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.runtime.subgraph import Subgraph
from onnx2snn.testing import run_ort
from tests.models import dyadic, model, single_step_graph

WEIGHTS = {"w": dyadic(1, 4, 4), "b": dyadic(2, 4), "u": dyadic(3, 4, 5)}
X = dyadic(4, 3, 4, unit=16)
T = 5
TEXT = (
    "(float[N,4] x, float[N,4] k) => (float[N,5] y) { a = Gemm (x, w, b)  r = Relu (a)  "
    "s = Add (r, k)  m = Relu (s)  h = Gemm (m, w, b)  y = MatMul (h, u) }"
)


def values(network: ir.Model) -> dict[str | None, ir.Value]:
    return {value.name: value for node in network.graph for value in node.outputs}


def outputs_of(ann: ir.Model, *names: str, **feeds: np.ndarray) -> list[np.ndarray]:
    copy = ann.clone()
    copy.graph.outputs[:] = [values(copy)[name] for name in names]
    found = run_ort(copy, feeds)
    return [found[name] for name in names]


def test_from_the_inputs() -> None:
    ann = model(TEXT, **WEIGHTS)
    segment = Subgraph(ann, [values(ann)["r"]], ())
    assert segment.inputs == ("x",)
    np.testing.assert_array_equal(
        segment.run({"x": X})[0], outputs_of(ann, "r", x=X, k=X)[0]
    )


def test_from_known_values_to_several_outputs() -> None:
    ann = model(TEXT, **WEIGHTS)
    named = values(ann)
    segment = Subgraph(ann, [named["y"], named["s"]], {named["r"]})
    assert set(segment.inputs) == {"r", "k"}
    r, y, s = outputs_of(ann, "r", "y", "s", x=X, k=-X)
    found = segment.run({"r": r, "k": -X, "x": X})
    np.testing.assert_array_equal(found[0], y)
    np.testing.assert_array_equal(found[1], s)


def test_the_network_stays_as_it_is() -> None:
    ann = model(TEXT, **WEIGHTS)
    before = ir.to_proto(ann).SerializeToString(deterministic=True)
    Subgraph(ann, [values(ann)["y"]], {values(ann)["r"]}, 3)
    assert ir.to_proto(ann).SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("dtype", [np.float32, np.int8])
def test_streams_go_through_step_by_step(dtype: type) -> None:
    ann = model(TEXT, **WEIGHTS)
    named = values(ann)
    spikes = np.random.default_rng(1).integers(-1, 2, (T, 3, 4)).astype(dtype)
    (found,) = Subgraph(ann, [named["h"]], {named["m"]}, T).run({"m": spikes})
    expected = [
        Subgraph(ann, [named["h"]], {named["m"]}).run({"m": s})[0] for s in spikes
    ]
    np.testing.assert_array_equal(found, np.stack(expected))


def test_a_stream_and_a_static_value() -> None:
    ann = model(TEXT, **WEIGHTS)
    named = values(ann)
    stream = dyadic(5, T, 3, 4, unit=16)
    (found,) = Subgraph(ann, [named["s"]], {named["r"]}, T).run({"r": stream, "k": X})
    np.testing.assert_array_equal(found, stream + X)


def test_a_static_value_stays_one() -> None:
    ann = model(TEXT, **WEIGHTS)
    named = values(ann)
    (found,) = Subgraph(ann, [named["a"]], {named["m"]}, T).run({"x": X})
    assert found.shape == (3, 4)


def test_states_between_the_streams() -> None:
    ann = model(
        "(float[N,4] x) => (y) { r = Relu (x)  s = Exp (r)  h = Neg (s)  y = Relu (h) }"
    )
    snn = single_step_graph(ann)
    neurons = [node for node in snn.graph if node.op_type == "GatedDoubleThresholdIF"]
    current, known = neurons[1].inputs[0], neurons[0].outputs[0]
    assert current is not None
    spikes = np.random.default_rng(1).integers(0, 2, (T, 3, 4)).astype(np.int8)
    segment = Subgraph(snn, [current], {known}, T)
    (found,) = segment.run({str(known.name): spikes, "x": X})
    steps = np.arange(1, T + 1).reshape(-1, 1, 1)
    means = found.cumsum(axis=0) / steps
    np.testing.assert_allclose(
        means, -np.exp(spikes.cumsum(axis=0) / steps / 2), rtol=1e-5
    )


def test_a_known_value_that_is_wanted_comes_in_memory_of_its_own() -> None:
    ann = model("(float[N,4] x) => (float[N,4] y) { y = Neg (x) }")
    x, y = *ann.graph.inputs, *ann.graph.outputs
    feed = dyadic(1, 3, 4)
    found = Subgraph(ann, [x, y], ()).run({"x": feed})
    assert not np.shares_memory(found[0], feed)
    np.testing.assert_array_equal(found[0], feed)
