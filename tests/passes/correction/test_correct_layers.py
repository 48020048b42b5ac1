from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn.correction import corrections
from onnx2snn.correction.biases import add_bias
from onnx2snn.correction.reference import Reference
from onnx2snn.data.dataset import dataset, input_specs
from onnx2snn.graph import array
from onnx2snn.metadata.scale import Scale
from onnx2snn.methods.corrections import CORRECTIONS
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import (
    AttachFunctions,
    CarryRunningMeans,
    CorrectLayers,
    EmitTimeLoop,
    ReplaceActivations,
)
from onnx2snn.testing import run_ort
from tests.models import model, normal, with_scales

T = 4
X = normal(1, 40, 3, 6, 5)
THETA = np.float32([6, 1, 3, 4])
WEIGHTS = {
    "w": normal(2, 4, 3, 3, 2) / 4,
    "b": normal(3, 4),
    "u": normal(4, 4, 4, 2, 2) / 2,
}
CONVS = (
    "c = Conv (x, w, b)  a = Relu (c)  g = Conv (a, u)  r = Relu (g)  y = Conv (r, u)"
)
BIAS = np.float32([1, -2, 3, 0.5]).reshape(1, 4, 1, 1)


def networks(
    text: str = CONVS,
    x: str = "float[N,3,6,5] x",
    scale: Scale | None = None,
    **weights: np.ndarray,
) -> tuple[ir.Model, ir.Model]:
    """Return an ANN and its single-step graph."""
    ann = model(f"({x}) => (y) {{ {text} }}", **(WEIGHTS | weights))
    with_scales(ann, scale or Scale(THETA, 1, "graph"))
    snn = ann.clone()
    ReplaceActivations()(snn)
    CarryRunningMeans()(snn)
    return ann, snn


def corrected(
    ann: ir.Model,
    snn: ir.Model,
    x: np.ndarray = X,
    correction: str = "bias",
    batch_size: int = 64,
) -> None:
    data = dataset({"x": x}, input_specs(ann))
    assert CorrectLayers(T, (correction,), batch_size, ann=ann, data=data)(snn).modified


def means(network: ir.Model, *names: str, axes: tuple[int, ...] = (0, 2, 3), x: np.ndarray = X
          ) -> list[np.ndarray]:  # fmt: skip
    """Return the means of values of a network, emitted if it is not yet, per channel."""
    copy = ir.from_proto(
        onnx.load_from_string(ir.to_proto(network).SerializeToString())
    )
    values = {value.name: value for node in copy.graph for value in node.outputs}
    copy.graph.outputs[:] = [values[name] for name in names]
    spiking = any(map(is_neuron, copy.graph))
    EmitTimeLoop(T, every_step=names)(copy)
    AttachFunctions()(copy)
    found = run_ort(copy, {"x": x})
    arrays = [found[name].mean(axis=0) if spiking else found[name] for name in names]
    return [array.mean(axis=axes) for array in arrays]


def neurons(snn: ir.Model) -> list[ir.Node]:
    return [node for node in snn.graph if is_neuron(node)]


def ops(snn: ir.Model) -> list[str]:
    return [node.op_type for node in snn.graph]


def errors(ann: ir.Model, snn: ir.Model) -> np.ndarray:
    """Return what the mean output of each channel lacks of the ANN's, [layer, C]."""
    rates = np.stack(means(snn, "a.spike", "r.spike")) * THETA
    return np.stack(means(ann, "a", "r")) - rates


def test_the_mean_outputs_come_close_to_the_activations() -> None:
    ann, snn = networks()
    before = errors(ann, snn)
    corrected(ann, snn)
    after = errors(ann, snn)
    assert np.abs(after).max() < np.abs(before).max() / 4
    assert (np.abs(after).mean(axis=1) < np.abs(before).mean(axis=1) / 4).all()


def test_more_rounds_come_closer(monkeypatch: pytest.MonkeyPatch) -> None:
    left = []
    for rounds in (1, 4):
        monkeypatch.setattr(corrections, "_ROUNDS", rounds)
        ann, snn = networks()
        corrected(ann, snn)
        left.append(np.abs(errors(ann, snn)).mean())
    assert left[1] < left[0]


def test_one_round_is_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corrections, "_ROUNDS", 1)
    ann, snn = networks("c = Conv (x, w, b)  a = Relu (c)  y = Neg (a)")
    (rate,), (wanted,) = means(snn, "a.spike"), means(ann, "a")
    corrected(ann, snn)
    changed = array(snn.graph.initializers["b"]) - WEIGHTS["b"]
    np.testing.assert_allclose(changed, wanted - THETA * rate, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch_size", [7, 40])
def test_the_batch_size_does_not_matter(batch_size: int) -> None:
    (ann, snn), (_, other) = networks(), networks()
    corrected(ann, snn)
    corrected(ann, other, batch_size=batch_size)
    np.testing.assert_allclose(
        array(snn.graph.initializers["b"]),
        array(other.graph.initializers["b"]),
        rtol=1e-5,
    )


def test_only_the_spiking_network_changes() -> None:
    ann, snn = networks()
    before = ir.to_proto(ann).SerializeToString(deterministic=True)
    corrected(ann, snn)
    assert ir.to_proto(ann).SerializeToString(deterministic=True) == before


def test_features_of_a_sequence() -> None:
    x = normal(5, 30, 6, 4)
    scale = Scale(np.float32([3, 4, 5]), 2, "graph")
    text = "h = MatMul (x, k)  a = Relu (h)  y = Neg (a)"
    ann, snn = networks(text, "float[N,6,4] x", scale, k=normal(6, 4, 3))
    options = {"axes": (0, 1), "x": x}
    (wanted,) = means(ann, "a", **options)
    before = wanted - scale.values * means(snn, "a.spike", **options)[0]
    corrected(ann, snn, x)
    after = wanted - scale.values * means(snn, "a.spike", **options)[0]
    assert np.abs(after).max() < np.abs(before).max() / 4


def test_one_bias_for_the_whole_tensor() -> None:
    ann, snn = networks(scale=Scale(np.float32([1]), None, "graph"))
    corrected(ann, snn)
    difference = array(snn.graph.initializers["b"]) - WEIGHTS["b"]
    np.testing.assert_allclose(difference, difference[0], rtol=1e-3)
    assert difference[0] != 0


@pytest.mark.parametrize(
    "text",
    [
        "c = Conv (x, w, b)  y = Relu (c)",
        "c = Conv (x, w, b)  d = Conv (x, w)  e = Add (d, c)  y = Relu (e)",
        "c = Conv (x, w, b)  d = Conv (x, w)  e = Add (c, d)  f = Add (e, d)  y = Relu (f)",
        "c = ConvTranspose (x, v, b)  y = Relu (c)",
    ],
)
def test_the_bias_goes_into_a_convolution(text: str) -> None:
    _, snn = networks(text, v=normal(8, 3, 4, 2, 2))
    before = ops(snn)
    (rate,) = means(snn, "y.spike")
    add_bias(snn.graph, neurons(snn)[0], BIAS)
    assert ops(snn) == before
    np.testing.assert_array_equal(
        array(snn.graph.initializers["b"]), WEIGHTS["b"] + BIAS.reshape(-1)
    )
    assert ((means(snn, "y.spike")[0] - rate) * BIAS.reshape(-1) > -1e-6).all()


@pytest.mark.parametrize("shape", [(4,), (1, 4)])
@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_the_bias_goes_into_a_gemm(beta: float, shape: tuple[int, ...]) -> None:
    text = f"c = Gemm <beta = {beta}> (x, k, d)  y = Relu (c)"
    _, snn = networks(text, "float[N,3] x", k=normal(1, 3, 4), d=normal(2, *shape))
    before = ops(snn)
    add_bias(snn.graph, neurons(snn)[0], BIAS.reshape(1, 4))
    assert ops(snn) == before
    expected = normal(2, *shape) + BIAS.reshape(shape) / beta
    np.testing.assert_allclose(array(snn.graph.initializers["d"]), expected)


@pytest.mark.parametrize(
    "text, outputs",
    [
        ("c = Conv (x, w, b)  e = Conv (x, w, b)  f = Sub (c, e)  y = Relu (f)", ""),
        ("c = Conv (x, w, b)  f = Neg (c)  y = Relu (f)", ""),
        ("c = Conv (x, w, b)  y = Relu (c)  z = Neg (c)", ", z"),
        ("c = Conv (x, w, b)  f = Add (c, c)  y = Relu (f)", ""),
        ("i = Conv (x, w)  y = Relu (i)", ", i"),
        ("n = Concat <axis = 1> (x, q)  y = Relu (n)", ""),
    ],
    ids=["shared bias", "not added", "read", "added twice", "an output", "no weights"],
)  # fmt: skip
def test_elsewhere_it_is_an_add(text: str, outputs: str) -> None:
    ann = model(
        f"(float[2,3,6,5] x) => (y{outputs}) {{ {text} }}",
        q=normal(8, 2, 1, 6, 5),
        **WEIGHTS,
    )
    with_scales(ann, Scale(THETA, 1, "graph"))
    ReplaceActivations()(ann)
    biases = array(ann.graph.initializers["b"])
    neuron = neurons(ann)[0]
    current = neuron.inputs[0]
    add_bias(ann.graph, neuron, BIAS)
    added = neuron.inputs[0]
    assert added is not None
    assert added.producer() is not None
    assert added.producer().inputs[0] is current
    np.testing.assert_array_equal(array(added.producer().inputs[1]), BIAS)
    assert added.shape == current.shape
    assert all(output is not added for output in ann.graph.outputs)
    np.testing.assert_array_equal(array(ann.graph.initializers["b"]), biases)


def test_a_bias_of_another_axis_is_left_alone() -> None:
    """The channels of one term of the sum lie where the other term has its columns."""
    text = "k = Gemm (v, m, d)  c = Conv (x, w)  f = Add (k, c)  y = Relu (f)"
    ann = model(f"(float[2,3,6,5] x, float[4,3] v) => (float[2,4,4,4] y) {{ {text} }}",
                m=normal(1, 3, 4), d=normal(2, 4), **WEIGHTS)  # fmt: skip
    with_scales(ann, Scale(THETA, 1, "graph"))
    ReplaceActivations()(ann)
    add_bias(ann.graph, neurons(ann)[0], BIAS)
    np.testing.assert_array_equal(array(ann.graph.initializers["d"]), normal(2, 4))


def test_a_convolution_without_a_bias_gets_one() -> None:
    _, snn = networks("c = Conv (x, w)  y = Relu (c)")
    before = ops(snn)
    add_bias(snn.graph, neurons(snn)[0], BIAS)
    assert ops(snn) == before
    convolution = next(node for node in snn.graph if node.op_type == "Conv")
    np.testing.assert_array_equal(array(convolution.inputs[2]), BIAS.reshape(-1))


def test_no_bias_no_change() -> None:
    _, snn = networks()
    before = ir.to_proto(snn).SerializeToString(deterministic=True)
    add_bias(snn.graph, neurons(snn)[0], np.zeros_like(BIAS))
    assert ir.to_proto(snn).SerializeToString(deterministic=True) == before


def test_without_data_nothing_happens() -> None:
    ann, snn = networks()
    assert not CorrectLayers(T)(snn).modified
    assert not CorrectLayers(T, ann=ann)(snn).modified
    assert not CorrectLayers(T, data=dataset({"x": X}, input_specs(ann)))(snn).modified


def test_layers_that_are_right_already() -> None:
    ann, snn = networks("i = Neg (x)  a = Relu (i)  y = Neg (a)",
                        scale=Scale(np.float32([1]), 1, "graph"), x="float[N,1] x")  # fmt: skip
    x = np.float32([[-0.25], [-0.5], [-1], [0.5]])
    assert not CorrectLayers(T, ann=ann, data=dataset({"x": x}, input_specs(ann)))(
        snn
    ).modified


def test_more_features_along_the_last_axis_than_positions_are_looked_at() -> None:
    matrix = {"m": normal(5, 6, 12) / 2, "n": normal(6, 12, 9) / 3}
    text = (
        "c = MatMul (x, m)  a = Relu (c)  g = MatMul (a, n)  r = Relu (g)  y = Neg (r)"
    )
    ann = model(f"(float[N,5,6] x) => (float[N,5,9] y) {{ {text} }}", **matrix)
    x = normal(7, 40, 5, 6)
    conversion = onnx2snn.convert(ann, T=32, calibration={"x": x}, hold_out=False)
    assert "threshold-scaling correction" in conversion.report["method"]
    got = onnx2snn.load(conversion.model).run({"x": x})["y"]
    expected = run_ort(ann, {"x": x})["y"]
    assert np.sqrt(np.mean((got - expected) ** 2)) < 0.1 * np.std(expected)


RESIDUAL = (
    "h = MatMul (x, m)  a = Relu (h)  p = MatMul (a, n)  q = MatMul (p, o)  r = Relu (q)  "
    "s = MatMul (r, o)  t = Add (p, s)  k = MatMul (t, o)  y = Relu (k)"
)


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_values_that_feed_weights_and_a_sum_behind_other_neurons(
    correction: str,
) -> None:
    """Neurons stand in front of the weights of p alone: the sum in the ANN still reads p."""
    matrices = {"m": normal(2, 6, 5), "n": normal(3, 5, 4), "o": normal(4, 4, 4)}
    ann = model(f"(float[N,6] x) => (y) {{ {RESIDUAL} }}", **matrices)
    x = normal(1, 200, 6)
    found = onnx2snn.convert(ann, 64, {"x": x}, spike="all", corrections=correction)
    got = onnx2snn.load(found.model).run({"x": x})["y"]
    expected = run_ort(ann, {"x": x})["y"]
    assert np.sqrt(np.mean((got - expected) ** 2)) < 0.25 * np.std(expected)


@pytest.mark.parametrize("schedule", ["lockstep", "layerwise"])
def test_weights_whose_output_is_one_of_the_network_are_repaired(schedule: str) -> None:
    text = "h = MatMul (x, m)  a = Relu (h)  g = MatMul (a, n)  r = Relu (g)  y = MatMul (r, o)"
    matrices = {"m": normal(2, 6, 5), "n": normal(3, 5, 4), "o": normal(4, 4, 3)}
    ann = model(f"(float[N,6] x) => (g, y) {{ {text} }}", **matrices)
    x = normal(1, 400, 6)
    wanted = run_ort(ann, {"x": x})["g"]

    def errors(*chosen: str) -> np.ndarray:
        found = onnx2snn.convert(
            ann, 4, {"x": x}, schedule=schedule, corrections=chosen
        )
        return onnx2snn.load(found.model).run({"x": x})["g"] - wanted

    plain, repaired = errors("none"), errors("weights")
    assert np.square(repaired).mean() < np.square(plain).mean()
    assert np.abs(repaired.mean(axis=0)).max() < 1e-4 < np.abs(plain.mean(axis=0)).max()


def test_a_bias_of_neurons_is_none_of_an_output_that_drives_them() -> None:
    ann = model("(float[N,6] x) => (h, y) { h = MatMul (x, m)  a = Relu (h)  y = MatMul (a, n) }",
                m=normal(2, 6, 5), n=normal(3, 5, 4))  # fmt: skip
    x = normal(1, 200, 6)
    found = onnx2snn.convert(ann, 4, {"x": x}, corrections=("bias",))
    assert "bias correction" in found.report["method"]
    got = onnx2snn.load(found.model).run({"x": x})["h"]
    np.testing.assert_allclose(got, run_ort(ann, {"x": x})["h"], atol=1e-5)


def test_samples_along_the_last_axis_are_told_apart() -> None:
    m, n, o = normal(2, 5, 6), normal(3, 4, 5), normal(4, 3, 4)
    ann = model("(float[N,6] x) => (y) { t = Transpose (x)  h = MatMul (m, t)  a = Relu (h)  "
                "g = MatMul (n, a)  r = Relu (g)  z = MatMul (o, r)  y = Transpose (z) }",
                m=m, n=n, o=o)  # fmt: skip
    x = normal(1, 201, 6)
    plain = onnx2snn.convert(ann, 32, {"x": x}, corrections="none")
    fitted = onnx2snn.convert(ann, 32, {"x": x}, corrections="weights")
    outputs = [onnx2snn.load(each).run({"x": x})["y"].T for each in (plain, fitted)]

    def quantized(current: np.ndarray, layer: int) -> np.ndarray:
        """Return what a Relu becomes if it may take 32 values up to its threshold."""
        step = plain.report["layers"][layer]["v_threshold_max"] / 32
        return step * np.clip(np.floor(current / step + 0.5), 0, 32)

    # Channels are not told apart here, so a layer has one threshold. Neurons settle on what a
    # quantizer gives, but for rounding.
    assert [layer["thresholds"] for layer in plain.report["layers"]] == [1, 1]
    np.testing.assert_allclose(
        outputs[0],
        o @ quantized(n @ quantized(m @ x.T, 0), 1),
        atol=1e-4 * np.abs(outputs[0]).max(),
    )
    # Weights fitted to samples of other positions would lose the outputs altogether.
    expected = run_ort(ann, {"x": x})["y"].T
    errors = [np.square(found - expected).mean() for found in outputs]
    assert errors[1] < errors[0]


@pytest.mark.parametrize("schedule", ["lockstep", "layerwise"])
def test_a_constant_that_is_an_output_stays_what_it_is(schedule: str) -> None:
    ann = model("(float[N,6] x) => (n, y) { h = MatMul (x, m)  a = Relu (h)  g = MatMul (a, n)  "
                "r = Relu (g)  y = MatMul (r, o) }",
                m=normal(2, 6, 5), n=normal(3, 5, 4), o=normal(4, 4, 3))  # fmt: skip
    x = normal(1, 200, 6)
    found = onnx2snn.convert(ann, 4, {"x": x}, schedule=schedule)
    np.testing.assert_array_equal(
        onnx2snn.load(found.model).run({"x": x})["n"], normal(3, 5, 4)
    )


def test_weights_that_random_spikes_drive_too_are_kept() -> None:
    """One draw of the spikes is not what they come to: nothing is fitted to it."""
    text = (
        "h = MatMul (x, m)  a = Relu (h)  k = Concat <axis = 1> (a, x)  g = MatMul (k, n)  "
        "r = Relu (g)  y = MatMul (r, o)"
    )
    matrices = {"m": normal(2, 6, 5), "n": normal(3, 11, 4), "o": normal(4, 4, 3)}
    ann = model(f"(float[N,6] x) => (y) {{ {text} }}", **matrices)
    x = np.abs(normal(1, 200, 6)).clip(0, 1)
    found = onnx2snn.convert(
        ann, 8, {"x": x}, corrections="weights", input_coding="rate"
    )
    loops = [node for node in found.ir_model.graph if node.op_type == "Loop"]
    kept = [value.const_value.numpy() for loop in loops
            for value in loop.attributes["body"].as_graph().initializers.values()]  # fmt: skip
    assert any(np.array_equal(each, normal(3, 11, 4)) for each in kept)
    assert not any(np.array_equal(each, normal(4, 4, 3)) for each in kept)


def thresholds(snn: ir.Model, name: str) -> np.ndarray:
    (neuron,) = [
        n
        for n in neurons(snn)
        if n.metadata_props["onnx2snn.activation_output"] == name
    ]
    return array(neuron.inputs[3]).ravel()


BURSTS = (
    "(float[N,1] x) => (y) { c = MatMul (x, one)  a = Relu (c)  g = MatMul (a, burst)"
    "  r = Relu (g)  y = MatMul (r, back) }"
)


def bursts(activation: float) -> tuple[ir.Model, ir.Model]:
    """Return a network whose second layer gets two thresholds of charge with each spike."""
    ann = model(
        BURSTS,
        one=np.float32([[1]]),
        burst=np.float32([[2, 0.25]]),
        back=np.float32([[1], [1]]),
    )
    with_scales(ann, Scale(np.float32([activation]), None, "graph"))
    snn = ann.clone()
    ReplaceActivations()(snn)
    CarryRunningMeans()(snn)
    return ann, snn


def test_a_channel_that_falls_behind_gets_a_larger_threshold() -> None:
    ann, snn = bursts(1.0)  # the activations are up to 2 and 0.25
    before = thresholds(snn, "r")
    corrected(
        ann, snn, np.linspace(0, 1, 40, dtype=np.float32)[:, None], "threshold-scaling"
    )
    np.testing.assert_array_equal(before, [1])
    assert thresholds(snn, "r") == 2, "as much as a spike before it brings"


def test_a_layer_that_keeps_up_stays_as_it_is() -> None:
    ann, snn = bursts(2.0)
    data = dataset(
        {"x": np.linspace(0, 1, 40, dtype=np.float32)[:, None]}, input_specs(ann)
    )
    changed = CorrectLayers(64, ("threshold-scaling",), ann=ann, data=data)(
        snn
    ).modified
    assert not changed
    assert thresholds(snn, "r").tolist() == [2]


def test_an_unknown_correction() -> None:
    with pytest.raises(
        onnx2snn.OptionError, match=r"corrections are weights, .*, not luck"
    ):
        CorrectLayers(corrections=("luck",))


def test_correcting_needs_the_ann_that_another_pass_was_to_keep() -> None:
    ann, snn = networks()
    data = dataset({"x": X}, input_specs(ann))
    missing = CorrectLayers(T, ann=Reference(), data=data)
    with pytest.raises(ir.passes.PreconditionError, match="'keep-reference'"):
        missing(snn)
