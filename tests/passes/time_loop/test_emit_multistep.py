"""Time in the batch computes what the Loop over time computes, bit for bit on dyadic numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given, settings

import onnx2snn
from onnx2snn import OptionError
from onnx2snn.passes import (
    AttachFunctions,
    CarryRunningMeans,
    EmitMultistep,
    EmitTimeLoop,
    ReplaceActivations,
)
from onnx2snn.schedules import STEP_LOOP, time_loops
from onnx2snn.testing import run_ort, run_reference
from tests.capabilities import reference_scans_read_outside
from tests.models import (
    CLASSIFIER,
    CLASSIFIER_WEIGHTS,
    CLASSIFIER_X,
    dyadic,
    model,
    normal,
    single_step_graph,
)
from tests.random_graphs import Network, networks
from tests.test_dyadic import BLOCKS, weights
from tests.test_random_graphs import X, drawn

T = 8


def both(
    ann: ir.Model, time_steps: int = T, theta: float = 0.25, neuron: str = "gated"
) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Return the spiking network of ``ann`` with a Loop, and with time in the batch."""
    step = ir.to_proto(single_step_graph(ann, theta, neuron))
    return (
        written(step, EmitTimeLoop(time_steps)),
        written(step, EmitMultistep(time_steps)),
    )


def written(step: onnx.ModelProto, emit: ir.passes.InPlacePass) -> onnx.ModelProto:
    own = onnx.ModelProto.FromString(step.SerializeToString())
    snn = ir.from_proto(own)
    emit(snn)
    AttachFunctions()(snn)
    return ir.to_proto(snn)


def results(proto: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return what every runtime gives, by the runtime's name."""
    found = {
        "onnxruntime, not optimized": run_ort(proto, feeds),
        "onnxruntime": onnx2snn.load(proto, threads=1).run(feeds),
        "ours in NumPy": onnx2snn.load(proto, "numpy").run(feeds),
    }
    if reference_scans_read_outside():
        found["onnx.reference"] = run_reference(proto, feeds)
    return found


def assert_same(
    loop: onnx.ModelProto, multistep: onnx.ModelProto, feeds: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Assert that all runtimes give the bits of the Loop, and return them."""
    expected = run_ort(loop, feeds)
    onnx.checker.check_model(multistep, full_check=True)
    for runtime, found in results(multistep, feeds).items():
        assert list(found) == list(expected), runtime
        for name, data in expected.items():
            assert found[name].dtype == data.dtype
            np.testing.assert_array_equal(found[name], data, f"{name}, {runtime}")
    return expected


def ops(proto: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in proto.graph.node]


def loops_of(proto: onnx.ModelProto) -> list[str]:
    """Return the operators that run on one step at a time."""
    loops = [node for node in proto.graph.node if node.name.startswith(STEP_LOOP)]
    return [node.op_type for loop in loops for node in loop.attribute[0].g.node]


@pytest.mark.parametrize("neuron", ["gated", "if", "augmented", "hard-reset"])
@pytest.mark.parametrize("block", BLOCKS)
def test_each_block(block: str, neuron: str) -> None:
    text = BLOCKS[block].format(i="a", o="h", n=0)
    ann = model(
        "(float[N,2,7,6] x) => (float[N,3] y) { c = Conv (x, first, b0)  a = Relu (c)  "
        f"{text}  b = Relu (h)  r = ReduceSum (b, axes)  f = Flatten (r)  y = MatMul (f, u) }}",
        axes=np.array([2, 3]),
        **weights(3, 1),
    )
    loop, multistep = both(ann, theta=0.5, neuron=neuron)
    y = assert_same(loop, multistep, {"x": dyadic(2, 2, 2, 7, 6, unit=16)})["y"]
    assert len(np.unique(y)) > 3, "the network is silent"
    assert not loops_of(multistep)


@settings(drawn, max_examples=20)
@given(networks(exact=True))
def test_random_networks(network: Network) -> None:
    step = network.with_scales()
    for pass_ in (ReplaceActivations(), CarryRunningMeans()):
        pass_(step)
    proto = ir.to_proto(step)
    expected = run_ort(written(proto, EmitTimeLoop(T)), {"x": X})
    multistep = written(proto, EmitMultistep(T))
    found = run_ort(multistep, {"x": X})
    for name, data in expected.items():
        np.testing.assert_array_equal(found[name], data, f"{name} of {network.ops}")


CASES = {
    "a transposed batch": (
        (
            "(float[3,4] x) => (float[4,2] y) { c = MatMul (x, w)  a = Relu (c)  "
            "t = Transpose (a)  g = MatMul (t, v)  y = Relu (g) }"
        ),
        {"w": dyadic(2, 4, 4), "v": dyadic(3, 3, 2)},
        dyadic(4, 3, 4, unit=16),
    ),
    "samples put together": (
        (
            "(float[N,4] x) => (float[M,4] y) { c = MatMul (x, w)  a = Relu (c)  "
            "t = Concat <axis = 0> (a, c, a)  g = MatMul (t, w)  y = Relu (g) }"
        ),
        {"w": dyadic(2, 4, 4)},
        dyadic(4, 3, 4, unit=16),
    ),
    "a mean over samples": (
        (
            "(float[N,4] x) => (float[N,4] y) { c = MatMul (x, w)  a = Relu (c)  "
            "m = ReduceSum (a, first)  s = Sub (a, m)  g = MatMul (s, w)  y = Relu (g) }"
        ),
        {"w": dyadic(2, 4, 4), "first": np.array([0])},
        dyadic(4, 3, 4, unit=16),
    ),
    "a static input beside": (
        (
            "(float[N,4] x, float[N,4] k) => (float[N,4] y) { a = Relu (x)  "
            "s = Add (a, k)  g = Concat <axis = 1> (s, k, a)  h = MatMul (g, w)  y = Relu (h) }"
        ),
        {"w": dyadic(2, 12, 4)},
        dyadic(4, 3, 4, unit=16),
    ),
    "sizes from shapes": (
        (
            "(float[N,6,4] x) => (float[N,2] y) { a = Relu (x)  s = Shape <end = 1> (a)  "
            "z = Concat <axis = 0> (s, four, rest)  r = Reshape (a, z)  g = MatMul (r, w)  "
            "b = Relu (g)  m = ReduceMax <axes = [1], keepdims = 0> (b)  y = Relu (m) }"
        ),
        {"w": dyadic(2, 6, 2), "four": np.array([4]), "rest": np.array([-1])},
        dyadic(4, 3, 6, 4, unit=16),
    ),
    "an axis called T": (
        (
            "(float[N,T,4] x) => (float[N,T,3] y) { a = Relu (x)  g = MatMul (a, w)  "
            "b = Relu (g)  m = ReduceMax <axes = [1]> (b)  s = Add (b, m)  y = MatMul (s, v) }"
        ),
        {"w": dyadic(2, 4, 4), "v": dyadic(3, 4, 3)},
        dyadic(4, 2, 5, 4, unit=16),
    ),
    "windows": (
        (
            "(float[N,6,4] x) => (float[N,24] y) { a = Relu (x)  r = Reshape (a, windows)  "
            "g = MatMul (r, w)  b = Relu (g)  y = Reshape (b, back) }"
        ),
        {
            "w": dyadic(2, 4, 4),
            "windows": np.array([-1, 3, 4]),
            "back": np.array([-1, 24]),
        },
        dyadic(4, 3, 6, 4, unit=16),
    ),
    "a sequence": (
        (
            "(float[N,4] x) => (float[N,4] y) { a = Relu (x)  s = SequenceConstruct (a, x)  "
            "b = MatMul (a, w)  n = Relu (b)  t = SequenceInsert (s, n)  q = SequenceAt (t, two)  "
            "p = SequenceAt (t, zero)  k = Add (q, p)  y = Relu (k) }"
        ),
        {"w": dyadic(2, 4, 4), "two": np.array(2), "zero": np.array(0)},
        dyadic(4, 3, 4, unit=16),
    ),
    "neurons at the output": (
        (
            "(float[N,4] x) => (float[N,4] y, float[N,4] z, float[N,4] still) "
            "{ y = Relu (x)  z = Relu (y)  still = Neg (x) }"
        ),
        {},
        dyadic(4, 6, 4, unit=16),
    ),
    "a node of its own for each step": (
        (
            "(float[N,4] x) => (float[N,4] y) { a = Relu (x)  l = ReduceMax <keepdims = 0> (a)  "
            "d = Less (l, one)  h = If (d) <then_branch = t () => (float[N,4] p) "
            "{ p = MatMul (a, w) }, else_branch = e () => (float[N,4] q) { q = Neg (a) }>  "
            "y = MatMul (h, w) }"
        ),
        {"w": dyadic(2, 4, 4), "one": np.float32(1)},
        dyadic(4, 6, 4, unit=16),
    ),
    "one sample without a batch": (
        (
            "(float[4] x) => (float[2] y) { a = Relu (x)  g = MatMul (a, w)  b = Relu (g)  "
            "y = MatMul (b, v) }"
        ),
        {"w": dyadic(2, 4, 3), "v": dyadic(3, 3, 2)},
        dyadic(4, 4, unit=16),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_networks_of_other_shapes(name: str) -> None:
    text, constants, x = CASES[name]
    loop, multistep = both(model(text, **constants), theta=0.25)
    feeds = {"x": x}
    if " k)" in text.partition("=>")[0]:
        feeds["k"] = dyadic(9, 3, 4, unit=16)
    names = {value.name for value in multistep.graph.input}
    assert names == {*feeds, "T"}
    expected = run_ort(loop, feeds)
    for runtime in ("ort", "numpy"):
        found = onnx2snn.load(multistep, runtime).run(feeds)
        for output, data in expected.items():
            np.testing.assert_array_equal(found[output], data, f"{output} in {runtime}")


def test_recurrence_over_the_first_axis_runs_step_by_step() -> None:
    ann = model(
        "(float[N,5,4] x) => (float[N,3] y) { a = Relu (x)  t = Transpose <perm = [1, 0, 2]> (a)  "
        "s, h, c = LSTM <hidden_size = 3> (t, w, r)  q = Squeeze (h, first)  g = MatMul (q, v)  "
        "y = Relu (g) }",
        w=dyadic(2, 1, 12, 4),
        r=dyadic(3, 1, 12, 3),
        v=dyadic(4, 3, 3),
        first=np.array([0]),
    )
    loop, multistep = both(ann)
    assert "LSTM" in loops_of(multistep)
    feeds = {"x": dyadic(5, 2, 5, 4, unit=16)}
    np.testing.assert_array_equal(
        run_ort(multistep, feeds)["y"], run_ort(loop, feeds)["y"]
    )


def test_weights_run_once_and_no_reshape_undoes_another() -> None:
    text = (
        "(float[N,2,6,5] x) => (float[N,3,2,1] y) { c = Conv (x, w)  a = Relu (c)  "
        "g = Conv (a, u)  b = Relu (g)  y = Conv (b, v) }"
    )
    _, multistep = both(
        model(
            text,
            w=dyadic(2, 4, 2, 3, 3),
            u=dyadic(3, 3, 4, 2, 2),
            v=dyadic(4, 3, 3, 2, 2),
        )
    )
    found = ops(multistep)
    assert found.count("Conv") == 3
    assert found.count("GatedDoubleThresholdIFMultiStep") == 2
    assert not time_loops(ir.from_proto(multistep).graph)
    # T as a list, rows of the first spikes, steps of the second current; the last runs once
    assert found.count("Reshape") == 3


def test_prologue_and_epilogue_run_once() -> None:
    _, multistep = both(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))
    values = {v.name: v for v in multistep.graph.value_info}
    first, second = [n for n in multistep.graph.node if n.op_type == "Conv"]
    assert first.input[0] == "x"
    sizes = values[second.output[0]].type.tensor_type.shape.dim
    assert [size.dim_value for size in sizes] == [0, 3, 3, 2]
    names = [node.name for node in multistep.graph.node]
    assert sum(name.startswith("onnx2snn.last_step.") for name in names) == 2
    assert ops(multistep).count("Softmax") == ops(multistep).count("Gemm") == 1


@pytest.mark.parametrize("runtime", ["ort", "numpy"])
@pytest.mark.parametrize("time_steps", [1, 3, 21])
def test_any_number_of_steps_and_samples(runtime: str, time_steps: int) -> None:
    loop, multistep = both(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))
    expected = onnx2snn.load(loop, runtime)
    found = onnx2snn.load(multistep, runtime)
    assert found.T == T
    for samples in (1, 3):
        feeds = {"x": CLASSIFIER_X[:samples]}
        np.testing.assert_array_equal(
            found.run(feeds, time_steps)["y"], expected.run(feeds, time_steps)["y"]
        )


@pytest.mark.parametrize("runtime", ["ort", "numpy"])
def test_outputs_at_several_numbers_of_steps_come_from_one_run(runtime: str) -> None:
    text, constants, x = CASES["neurons at the output"]
    for ann, feeds in (
        (model(CLASSIFIER, **CLASSIFIER_WEIGHTS), {"x": CLASSIFIER_X}),
        (model(text, **constants), {"x": x}),
    ):
        _, multistep = both(ann)
        network = onnx2snn.load(multistep, runtime, threads=1)
        for t, outputs in network.run_at(feeds, [1, 2, T]).items():
            for name, data in network.run(feeds, t).items():
                np.testing.assert_allclose(outputs[name], data, rtol=1e-6)
        assert network._parts is not None


@pytest.mark.parametrize("stated", ["float x", "float[N,M] x", "float[] x"])
def test_shapes_that_are_not_known(stated: str) -> None:
    text = (
        f"({stated.replace('float x', 'float[A,B] x')}) => (y) {{ c = MatMul (x, w)  "
    )
    ann = model(
        text + "a = Relu (c)  g = MatMul (a, w)  y = Relu (g) }", w=dyadic(2, 4, 4)
    )
    if stated == "float x":
        for value in [*ann.graph.inputs, *(v for n in ann.graph for v in n.outputs)]:
            value.shape = None
    loop, multistep = both(ann)
    feeds = {"x": dyadic(3, 5, 4, unit=16)}
    np.testing.assert_array_equal(
        onnx2snn.load(multistep, "numpy").run(feeds)["y"],
        onnx2snn.load(loop, "numpy").run(feeds)["y"],
    )


def test_every_step() -> None:
    step = single_step_graph(model(CLASSIFIER, **CLASSIFIER_WEIGHTS), 0.25)
    spikes = next(n for n in step.graph if n.op_type == "GatedDoubleThresholdIF")
    step.graph.outputs.append(spikes.outputs[0])
    name = str(spikes.outputs[0].name)
    proto = ir.to_proto(step)
    every = {"every_step": (name, "y")}
    loop = written(proto, EmitTimeLoop(T, **every))
    multistep = written(proto, EmitMultistep(T, **every))
    found = run_ort(multistep, {"x": CLASSIFIER_X})
    for output, data in run_ort(loop, {"x": CLASSIFIER_X}).items():
        np.testing.assert_array_equal(found[output], data)
    assert found[name].shape == (T, 3, 4, 4, 3)
    assert found["y"].shape == (T, 3, 5)


@pytest.mark.parametrize("batch", ["N", "3"])
def test_events_are_in_the_form_of_steps_already(batch: str) -> None:
    ann = model(CLASSIFIER.replace("float[N", f"float[{batch}"), **CLASSIFIER_WEIGHTS)
    step = single_step_graph(ann, 0.25)
    proto = ir.to_proto(step)
    loop = written(proto, EmitTimeLoop(T, events=("x",)))
    multistep = written(proto, EmitMultistep(T, events=("x",)))
    feeds = {"x": dyadic(5, 5, *CLASSIFIER_X.shape, unit=16)}
    np.testing.assert_array_equal(
        run_ort(multistep, feeds)["y"], run_ort(loop, feeds)["y"]
    )
    assert [value.name for value in multistep.graph.input] == ["x"]


def test_a_model_without_states_is_left_alone() -> None:
    ann = model("(float[N,4] x) => (float[N,4] y) { y = Neg (x) }")
    assert not EmitMultistep()(ann).modified
    _, multistep = both(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))
    again = ir.from_proto(multistep)
    assert not EmitMultistep()(again).modified
    assert not EmitTimeLoop()(again).modified


@pytest.mark.parametrize("time_steps", [0, -1])
def test_less_than_one_step(time_steps: int) -> None:
    with pytest.raises(OptionError, match=rf"at least 1, not {time_steps}"):
        EmitMultistep(time_steps)


# --- whole conversions

NET = (
    "(float[N,2,7,5] x) => (float[N,5] y) { c = Conv (x, w, b)  a = Relu (c)  "
    "g = Conv (a, u, d)  r = Relu (g)  m = MaxPool <kernel_shape = [2, 2]> (r)  "
    "q = GlobalAveragePool (m)  s = Sigmoid (q)  f = Flatten (s)  h = Gemm (f, k, e)  "
    "l = LeakyRelu <alpha = 0.25> (h)  y = MatMul (l, z) }"
)
NET_WEIGHTS = {
    "w": normal(2, 4, 2, 3, 3) / 4,
    "b": normal(3, 4) / 8,
    "u": normal(4, 3, 4, 2, 2) / 3,
    "d": normal(5, 3) / 8,
    "k": normal(6, 3, 6),
    "e": normal(7, 6),
    "z": normal(8, 6, 5),
}
IMAGES = (np.random.default_rng(1).random((40, 2, 7, 5)) ** 2).astype(np.float32)
EVENTS = (np.random.default_rng(0).random((40, T, 2, 7, 5)) < 0.3).astype(np.float32)


def converted(layout: str, data: Any = IMAGES, **options: Any) -> onnx2snn.Conversion:
    ann = ir.to_proto(model(NET, **NET_WEIGHTS))
    feeds = None if data is None else {"x": data}
    return onnx2snn.convert(ann, T, feeds, layout=layout, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"neuron": "augmented"},
        {"neuron": "if", "corrections": ("step-bias",)},
        {"spike": "all"},
        {"input_coding": "rate"},
        {"input_coding": "events", "data": EVENTS},
        {"method": "termapping"},
    ],
    ids=str,
)
def test_a_conversion_gives_the_same_network_in_either_layout(
    options: dict[str, Any],
) -> None:
    loop, multistep = converted("loop", **options), converted("multistep", **options)
    expected, found = onnx2snn.load(loop.model), onnx2snn.load(multistep.model)
    x = IMAGES[:6]
    if options.get("input_coding") == "events":
        x = np.ascontiguousarray(EVENTS[:6].swapaxes(0, 1))
        assert found.events == ("x",)
    # real weights: a product of T times as many rows may be added up in another order
    for t in (2, T):
        np.testing.assert_allclose(
            found.run({"x": x}, t)["y"], expected.run({"x": x}, t)["y"], atol=1e-5
        )
    assert multistep.report["layout"] == "multistep"
    assert loop.report["layout"] == "loop"
    same = {"layers", "levels", "latency_steps", "energy"}
    for field in same:
        assert multistep.report[field] == loop.report[field]  # type: ignore[literal-required]


def test_the_file_says_its_layout() -> None:
    assert converted("multistep").network.model.metadata_props["onnx2snn.layout"] == (
        "multistep"
    )
    assert "onnx2snn.layout" not in converted("loop").network.model.metadata_props


def test_a_large_batch_of_float_weights_gives_the_same_bits_in_onnxruntime() -> None:
    """With no product of a single row, onnxruntime adds up in the same order in both."""
    loop, multistep = converted("loop"), converted("multistep")
    expected, found = onnx2snn.load(loop.model), onnx2snn.load(multistep.model)
    np.testing.assert_array_equal(
        found.run({"x": IMAGES})["y"], expected.run({"x": IMAGES})["y"]
    )


def test_networks_in_the_branches_of_an_if() -> None:
    text = (
        "(float[N,4] x, bool c) => (float[N,4] z) { z = If (c) <then_branch = t () => "
        "(float[N,4] p) { h = MatMul (x, w)  a = Relu (h)  p = MatMul (a, v) }, "
        "else_branch = e () => (float[N,4] q) { g = MatMul (x, v2)  b = Relu (g)  "
        "q = MatMul (b, w2) }> }"
    )
    ann = model(
        text,
        w=dyadic(2, 4, 6),
        v=dyadic(3, 6, 4),
        v2=dyadic(4, 4, 3),
        w2=dyadic(5, 3, 4),
    )
    options = {"threshold": "max", "per_channel": False, "corrections": ()}
    x = dyadic(1, 5, 4, unit=16)
    data = [{"x": x, "c": np.array(value)} for value in (True, False)]
    loop, multistep = (
        onnx2snn.convert(ann, T, data, layout=layout, **options).model
        for layout in ("loop", "multistep")
    )
    onnx.checker.check_model(multistep, full_check=True)
    assert [value.name for value in multistep.graph.input] == ["x", "c", "T"]
    for feeds in data:
        expected = onnx2snn.load(loop).run_at(feeds, [3, T])
        for runtime in ("ort", "numpy"):
            found = onnx2snn.load(multistep, runtime).run_at(feeds, [3, T])
            for t, outputs in expected.items():
                np.testing.assert_allclose(found[t]["z"], outputs["z"], atol=1e-6)


def test_layer_by_layer_there_is_no_such_layout() -> None:
    with pytest.raises(OptionError, match="layout 'multistep' is of no use with"):
        onnx2snn.Options(layout="multistep", schedule="layerwise")
    with pytest.raises(OptionError, match="layout must be one of loop, multistep"):
        onnx2snn.Options(layout="unrolled")


def test_the_ann_is_not_to_be_a_network_with_time_in_the_batch() -> None:
    network = onnx2snn.load(converted("multistep").model)
    with pytest.raises(onnx2snn.CalibrationError, match="is a spiking network"):
        onnx2snn.evaluate(
            network, {"x": IMAGES, "y": np.zeros(40, int)}, ann=network.model
        )


def test_metadata_of_neurons_stays() -> None:
    neurons = [
        node
        for node in converted("multistep").network.model.graph
        if node.op_type == "GatedDoubleThresholdIFMultiStep"
    ]
    found = [node.metadata_props["onnx2snn.activation"] for node in neurons]
    assert set(found) == {"Relu", "Sigmoid"}
