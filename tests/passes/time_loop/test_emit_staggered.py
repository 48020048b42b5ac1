"""Layers in steps of their own compute what their equations say, in every layout."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given, settings

import onnx2snn
from onnx2snn import OptionError
from onnx2snn.graph import array
from onnx2snn.metadata.facts import DELAY
from onnx2snn.metadata.input_coding import Coding, write_coding
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import (
    AttachFunctions,
    CarryRunningMeans,
    EmitMultistep,
    EmitStaggered,
    PlaceDelays,
    ReplaceActivations,
)
from onnx2snn.schedules import delays_until, time_loops, time_steps_of
from onnx2snn.testing import run_ort, run_reference
from tests.models import dyadic, model, with_scales
from tests.random_graphs import Network, networks
from tests.test_dyadic import BLOCKS, weights
from tests.test_random_graphs import X, drawn

T = 4
THETA = 0.5

RESIDUAL = """
    (float[N,5] x) => (float[N,3] y) {
        c1 = MatMul (x, w1)  p1 = Add (c1, b1)  a1 = Relu (p1)
        c2 = MatMul (a1, w2)  p2 = Add (c2, b2)  a2 = Relu (p2)
        c3 = MatMul (a2, w3)  p3 = Add (c3, b3)  q3 = Add (p3, a1)  a3 = Relu (q3)
        c4 = MatMul (a3, w4)  p4 = Add (c4, b4)  q4 = Add (p4, a1)  a4 = Relu (q4)
        y = MatMul (a4, w5)
    }"""
SIZES = {
    "w1": (5, 4),
    "w2": (4, 6),
    "w3": (6, 4),
    "w4": (4, 4),
    "w5": (4, 3),
    "b1": (4,),
    "b2": (6,),
    "b3": (4,),
    "b4": (4,),
}
WEIGHTS = {name: dyadic(seed, *SIZES[name]) for seed, name in enumerate(SIZES)}
INPUT = dyadic(20, 40, 5, unit=16)


def single_step(ann: ir.Model, leak: float = 2.0, delays: str = "all") -> ir.Model:
    """Return ``ann`` with neurons that wait, before time is laid out."""
    snn = with_scales(ann.clone(), THETA)
    ReplaceActivations(neuron="weighted", leak=leak)(snn)
    CarryRunningMeans(leak=leak)(snn)
    PlaceDelays(delays)(snn)
    return snn


def written(step: ir.Model, emit: ir.passes.InPlacePass) -> onnx.ModelProto:
    snn = step.clone()
    emit(snn)
    AttachFunctions()(snn)
    return ir.to_proto(snn)


def both(
    ann: ir.Model, time_steps: int = T, leak: float = 2.0, delays: str = "all"
) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Return the staggered network with a Loop, and with time in the batch."""
    return (
        written(single_step(ann, leak, delays), EmitStaggered(time_steps)),
        written(single_step(ann, leak, delays), EmitMultistep(time_steps)),
    )


def fire(current: np.ndarray, delay: int, leak: float = 2.0) -> np.ndarray:
    """Return what a layer sends in each of its steps, from the equations.

    Args:
        current: Its input, [T, ...], or [...] if it is the same in every step.
        delay: Steps that it waits.
        leak: Worth of a spike in spikes a step later.
    """
    steps = np.broadcast_to(current, (T, *current.shape[-2:]))
    v, written_so_far = np.zeros(steps.shape[1:]), np.zeros(steps.shape[1:])
    if current.ndim == 2:  # all of it is known: as if it had come before the first step
        v = current * (leak ** -np.arange(T)).sum() / leak
        steps = np.zeros_like(steps)
    threshold = THETA * leak**delay
    sent = []
    for j in range(T + delay):
        m = leak * v + (steps[j] if j < T else 0)
        if j >= delay:
            up = m >= threshold / 2
            down = (m < -threshold / 2) & (leak * written_so_far >= 1)
            s = up.astype(float) - down
            written_so_far = leak * written_so_far + s
            m = m - threshold * s
            sent.append(THETA * s)
        v = m
    return np.stack(sent)


def mean(sent: np.ndarray, leak: float = 2.0) -> np.ndarray:
    worth = leak ** np.arange(T - 1, -1, -1.0)
    return np.tensordot(worth / worth.sum(), sent, 1)


def expected(waits: tuple[int, int, int], leak: float = 2.0) -> np.ndarray:
    """Return what RESIDUAL says of INPUT where its layers behind the first wait so long."""
    w = {name: data.astype(float) for name, data in WEIGHTS.items()}
    a1 = fire(INPUT @ w["w1"] + w["b1"], 0, leak)
    a2 = fire(a1 @ w["w2"] + w["b2"], waits[0], leak)
    a3 = fire(a2 @ w["w3"] + w["b3"] + a1, waits[1], leak)
    a4 = fire(a3 @ w["w4"] + w["b4"] + a1, waits[2], leak)
    return mean(a4, leak) @ w["w5"]


CHOICES = {"all": (1, 1, 1), "joins": (0, 1, 1), "none": (0, 0, 0)}


@pytest.mark.parametrize("delays", CHOICES)
@pytest.mark.parametrize("leak", [2.0, 1.5])
def test_the_equations(delays: str, leak: float) -> None:
    wanted = expected(CHOICES[delays], leak)
    ann = model(RESIDUAL, **WEIGHTS)
    found = []
    for proto in both(ann, leak=leak, delays=delays):
        onnx.checker.check_model(proto, full_check=True)
        for runtime in ("ort", "numpy"):
            network = onnx2snn.load(proto, runtime)
            found.append(network.run({"x": INPUT})["y"])
    for each in found:
        # the mean is a quotient; a single other spike would change it by 1/30 of a weight
        np.testing.assert_allclose(each, wanted, atol=1e-5)
        np.testing.assert_array_equal(each, found[0])


def waiting(*delays: int) -> ir.Model:
    """Return RESIDUAL with the delays of its layers set one by one."""
    snn = single_step(model(RESIDUAL, **WEIGHTS), delays="none")
    for neuron, delay in zip(filter(is_neuron, snn.graph), (0, *delays), strict=True):
        DELAY.write(neuron, delay)
    return snn


@pytest.mark.parametrize("waits", [(2, 0, 1), (0, 3, 0), (1, 1, 4), (5, 6, 7)])
def test_layers_may_wait_for_any_number_of_steps(waits: tuple[int, int, int]) -> None:
    wanted = expected(waits)
    for emit in (EmitStaggered(T), EmitMultistep(T)):
        proto = written(waiting(*waits), emit)
        network = onnx2snn.load(proto, "ort")
        np.testing.assert_allclose(network.run({"x": INPUT})["y"], wanted, atol=1e-5)


def test_who_waits_for_all_steps_fires_layer_by_layer() -> None:
    step = waiting(T, T, T)
    found = onnx2snn.load(written(step, EmitStaggered(T)), "ort")
    layerwise = with_scales(model(RESIDUAL, **WEIGHTS), THETA)
    ReplaceActivations(neuron="inverse-leaky")(layerwise)
    proto = written(layerwise, onnx2snn.passes.EmitLayerwise(T))
    np.testing.assert_allclose(
        found.run({"x": INPUT})["y"],
        onnx2snn.load(proto, "ort").run({"x": INPUT})["y"],
        atol=1e-5,
    )


def test_the_answer_is_final_in_the_last_step_and_not_before() -> None:
    ann = model(RESIDUAL, **WEIGHTS)
    step = single_step(ann)
    latency = T + delays_until(step.graph)
    assert latency == T + 3
    proto = written(step, EmitStaggered(T, every_step=("y",)))
    answers = run_ort(proto, {"x": INPUT})["y"]
    assert len(answers) == latency
    assert np.any(answers[-1] != answers[-2])
    final = run_ort(both(ann)[0], {"x": INPUT})["y"]
    np.testing.assert_array_equal(answers[-1], final)
    longer = ir.from_proto(proto)
    (loop,) = time_loops(longer.graph)
    delays = loop.inputs[0].producer().inputs[1]
    delays.const_value = ir.tensor(array(delays) + 150)
    late = run_ort(ir.to_proto(longer), {"x": INPUT})["y"]
    for answer in late[latency:]:
        np.testing.assert_array_equal(answer, final)


@pytest.mark.parametrize("time_steps", [1, 2, 7])
def test_t_may_be_given_at_run_time(time_steps: int) -> None:
    ann = model(RESIDUAL, **WEIGHTS)
    loop, batch = (onnx2snn.load(proto, "ort") for proto in both(ann))
    own = onnx2snn.load(both(ann, time_steps)[0], "ort")
    wanted = own.run({"x": INPUT})["y"]
    for network in (loop, batch):
        found = network.run({"x": INPUT}, time_steps)["y"]
        np.testing.assert_array_equal(found, wanted)
        at_several = network.run_at({"x": INPUT}, [time_steps, T])
        np.testing.assert_array_equal(at_several[time_steps]["y"], wanted)


@pytest.mark.parametrize("block", BLOCKS)
def test_each_block(block: str) -> None:
    text = BLOCKS[block].format(i="a", o="h", n=0)
    ann = model(
        "(float[N,2,7,6] x) => (float[N,3] y) { c = Conv (x, first, b0)  a = Relu (c)  "
        f"{text}  b = Relu (h)  g = Conv (b, k0, b0)  d = Relu (g)  r = ReduceSum (d, axes)  "
        "f = Flatten (r)  y = MatMul (f, u) }",
        axes=np.array([2, 3]),
        **weights(3, 1),
    )
    x = {"x": dyadic(2, 2, 2, 7, 6, unit=16)}
    loop, batch = both(ann)
    found = run_ort(loop, x)["y"]
    assert len(np.unique(found)) > 3, "the network is silent"
    np.testing.assert_array_equal(run_ort(batch, x)["y"], found)
    in_numpy = onnx2snn.load(loop, "numpy").run(x)["y"]
    # the mean is a quotient by 15, and rounded; a single other spike would change it by 1/1000
    np.testing.assert_allclose(in_numpy, found, rtol=0, atol=1e-5)


@settings(drawn, max_examples=20)
@given(networks(exact=True))
def test_random_networks(network: Network) -> None:
    snn = network.with_scales()
    ReplaceActivations(neuron="weighted")(snn)
    CarryRunningMeans(leak=2.0)(snn)
    PlaceDelays()(snn)
    file = written(snn, EmitStaggered(T))
    loop = run_ort(file, {"x": X})
    batch = run_ort(written(snn, EmitMultistep(T)), {"x": X})
    moved = run_ort(onnx2snn.change_layout(file, "multistep").model, {"x": X})
    for name, wanted in loop.items():
        np.testing.assert_array_equal(batch[name], wanted, f"{name} of {network.ops}")
        np.testing.assert_array_equal(moved[name], wanted, f"{name} of {network.ops}")


def test_the_reference_evaluator_agrees() -> None:
    loop, _ = both(model(RESIDUAL, **WEIGHTS))
    found = run_reference(loop, {"x": INPUT})["y"]
    np.testing.assert_array_equal(found, run_ort(loop, {"x": INPUT})["y"])


@pytest.mark.parametrize("dtype", ["double", "float16"])
def test_other_types_than_float32(dtype: str) -> None:
    types = {"double": np.float64, "float16": np.float16}[dtype]
    ann = model(
        RESIDUAL.replace("float[", f"{dtype}["),
        **{name: data.astype(types) for name, data in WEIGHTS.items()},
    )
    x = {"x": INPUT.astype(types)}
    loop, batch = both(ann)
    found = run_ort(loop, x)["y"]
    assert found.dtype == types
    np.testing.assert_array_equal(run_ort(batch, x)["y"], found)
    # sums of float16 are exact as well, but not the mean
    np.testing.assert_allclose(found, expected((1, 1, 1)), atol=5e-3)


def test_delays_and_the_input_t_are_found_again() -> None:
    loop, batch = (ir.from_proto(proto) for proto in both(model(RESIDUAL, **WEIGHTS)))
    for snn in (loop, batch):
        assert time_steps_of(snn.graph).name == "T"
    (node,) = time_loops(loop.graph)
    assert DELAY.read(node) == 3


@pytest.mark.parametrize("kind", ["events", "rate"])
def test_streams_of_events_are_refused(kind: str) -> None:
    snn = single_step(model(RESIDUAL, **WEIGHTS))
    write_coding(snn.graph.inputs[0], Coding(kind))
    with pytest.raises(OptionError, match=r"schedule staggered .* 'x' is a stream"):
        EmitStaggered(T)(snn)


def test_a_model_without_neurons_is_left_alone() -> None:
    ann = model("(float[N,5] x) => (y) { y = Neg (x) }")
    assert not EmitStaggered(T)(ann).modified


def test_less_than_one_step() -> None:
    with pytest.raises(OptionError, match="T must be a whole number of at least 1"):
        EmitStaggered(0)


def test_an_integer_that_comes_early_waits_as_it_is() -> None:
    ann = model(
        """(float[N,4,6,4] x) => (y) {
            c = Conv (x, w, b)  h = Relu (c)  g = Conv (h, w, b)  r = Relu (g)
            m, at = MaxPool <kernel_shape=[2,2], strides=[2,2]> (h)
            u = MaxUnpool <kernel_shape=[2,2], strides=[2,2]> (m, at)
            p = Add (u, r)  q = Relu (p)  y = Conv (q, w, b)
        }""",
        w=dyadic(1, 4, 4, 1, 1),
        b=dyadic(2, 4),
    )
    x = {"x": dyadic(3, 2, 4, 6, 4, unit=16)}
    loop, batch = both(ann)
    np.testing.assert_array_equal(run_ort(loop, x)["y"], run_ort(batch, x)["y"])
