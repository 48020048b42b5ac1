"""Thresholds in weights: the same spikes, sent as ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import onnx2snn
from onnx2snn.analysis.streams import find_streams
from onnx2snn.errors import OptionError
from onnx2snn.graph import array
from onnx2snn.metadata.facts import UNIT
from onnx2snn.metadata.scale import SCALE, Scale
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import (
    AttachFunctions,
    CarryRunningMeans,
    EmitMultistep,
    EmitTimeLoop,
    FoldThresholds,
    ReplaceActivations,
)
from onnx2snn.schedules.loops import named_inputs
from onnx2snn.testing import run_ort
from tests.models import CLASSIFIER, CLASSIFIER_WEIGHTS, dyadic, model, with_scales
from tests.random_graphs import networks, threshold

if TYPE_CHECKING:
    from tests.random_graphs import Network

TIME_STEPS = 6
IMAGE = "(float[N,3,8,8] x) => (float[N,M,H,W] y)"
FIRST = "c = Conv <pads = [1,1,1,1]> (x, a, p)  r = Relu (c)"
END = "y = Conv (s, l)"
WEIGHTS = {
    "a": dyadic(1, 4, 3, 3, 3),
    "p": dyadic(2, 4),
    "b": dyadic(3, 4, 4, 1, 1),
    "q": dyadic(4, 4),
    "l": dyadic(5, 2, 4, 1, 1),
    "k": np.float32([1, 0.5, 0.75, 1.5]).reshape(1, 4, 1, 1),
}
TEXTS = {
    "Conv": f"d = Conv (r, b, q)  s = Relu (d)  {END}",
    "ConvTranspose": f"d = ConvTranspose (r, b, q)  s = Relu (d)  {END}",
    "behind MaxPool": "g = MaxPool <kernel_shape = [2,2], strides = [2,2]> (r) "
    f"d = Conv (g, b, q)  s = Relu (d)  {END}",
    "a skip path": f"d = Conv (r, b, q)  e = Add (d, r)  s = Relu (e)  {END}",
    "a difference": f"d = Conv (r, b, q)  e = Sub (r, d)  s = Relu (e)  {END}",
    "two skip paths": "d = Conv (r, b, q)  e = Add (d, r)  t = Relu (e)  f = Conv (t, b)  "
    f"g = Add (f, t)  h = Add (g, r)  s = Relu (h)  {END}",
    "a sum that others read": "d = Conv (r, b, q)  s = Relu (d)  n = Neg (d)  "
    "m = Relu (n)  i = Add (s, m)  y = Conv (i, l)",
    "a constant that is added": f"d = Conv (r, b)  e = Add (d, k)  s = Relu (e)  {END}",
    "no weights in between": f"d = Neg (r)  e = Add (d, k)  s = Relu (e)  {END}",
    "pooled means": "d = AveragePool <kernel_shape = [2,2]> (r)  e = Conv (d, b)  "
    f"s = Relu (e)  {END}",
    "a signed neuron": f"d = Conv (r, b, q)  s = Tanh (d)  {END}",
    "the weights of a signed neuron": f"t = Tanh (r)  d = Conv (t, b)  s = Relu (d)  {END}",
}
THRESHOLDS = {
    "one for all": Scale(np.float32([0.5]), None, "graph"),
    "one a channel": Scale(np.float32([0.5, 0.25, 1, 2]), 1, "graph"),
}
EMITTERS = {"loop": EmitTimeLoop, "multistep": EmitMultistep}


def step_graph(text: str, scale: Scale, neuron: str) -> ir.Model:
    ann = with_scales(model(f"{IMAGE} {{ {FIRST}  {text} }}", **WEIGHTS), scale)
    ReplaceActivations(neuron)(ann)
    CarryRunningMeans()(ann)
    return ann


def emit(step: ir.Model, layout: str = "loop") -> onnx.ModelProto:
    EMITTERS[layout](TIME_STEPS)(step)
    AttachFunctions()(step)
    return ir.to_proto(step)


def neurons_of(graph: ir.Graph) -> list[ir.Node]:
    return [node for node in graph.all_nodes() if is_neuron(node)]


@pytest.mark.parametrize("layout", EMITTERS)
@pytest.mark.parametrize("neuron", ["gated", "if", "augmented"])
@pytest.mark.parametrize("scale", THRESHOLDS.values(), ids=THRESHOLDS)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_thresholds_are_1_and_the_outputs_what_they_were(
    text: str, scale: Scale, neuron: str, layout: str
) -> None:
    """Thresholds that are powers of 2 leave dyadic weights exact."""
    expected = emit(step_graph(text, scale, neuron), layout)
    step = step_graph(text, scale, neuron)
    assert FoldThresholds()(step).modified
    neurons = neurons_of(step.graph)
    for node in neurons:
        assert (array(named_inputs(node)["v_threshold"]) == 1).all()
        spikes_at_once = 4 if neuron == "augmented" else 1
        units = np.ravel(UNIT.read_required(node))
        np.testing.assert_array_equal(units, scale.values / spikes_at_once)
    assert not FoldThresholds()(step).modified
    found = emit(step, layout)
    onnx.checker.check_model(found, full_check=True)
    x = {"x": dyadic(7, 2, 3, 8, 8, unit=16)}
    y = run_ort(expected, x)["y"]
    assert y.any()
    np.testing.assert_array_equal(run_ort(found, x)["y"], y)
    np.testing.assert_array_equal(onnx2snn.load(found, "numpy").run(x)["y"], y)


def test_products_go_where_weights_read_spikes() -> None:
    step = step_graph(TEXTS["a skip path"], THRESHOLDS["one a channel"], "gated")
    FoldThresholds()(step)
    (weighted,) = [node for node in step.graph if node.outputs[0].name == "d"]
    (skip,) = [node for node in step.graph if node.outputs[0].name == "e"]
    first, second = neurons_of(step.graph)
    assert weighted.inputs[0] is first.outputs[0]
    assert [value.producer().op_type for value in skip.inputs] == ["Conv", "Mul"]
    assert second.inputs[0] is skip.outputs[0]


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(networks(exact=True), st.sampled_from(["gated", "if", "augmented"]))
def test_random_networks_stay_what_they_were(network: Network, neuron: str) -> None:
    forms = []
    for folds in (False, True):
        ann = network.ann.clone()
        for value in find_streams(ann.graph).fired:
            size = threshold(network.sizes[value.name])
            theta = 2 ** np.round(np.log2(size))
            SCALE.write(value, Scale(np.float32([theta]), None, "graph"))
        ReplaceActivations(neuron)(ann)
        CarryRunningMeans()(ann)
        if folds:
            FoldThresholds()(ann)
        forms.append(emit(ann))
    x = {"x": dyadic(9, 2, 4, 6, 5, unit=16, limit=16)}
    expected = run_ort(forms[0], x)
    for name, array_ in run_ort(forms[1], x).items():
        np.testing.assert_array_equal(array_, expected[name], str(network.ops))


def test_the_functions_are_those_for_thresholds_of_1() -> None:
    ann = with_scales(model(CLASSIFIER, **CLASSIFIER_WEIGHTS), 0.5)
    ReplaceActivations()(ann)
    CarryRunningMeans()(ann)
    FoldThresholds()(ann)
    (function,) = [f for f in emit(ann).functions if f.name == "GatedDoubleThresholdIF"]
    assert "Mul" not in [node.op_type for node in function.node]
    assert "`v_threshold` = 1" in function.doc_string


def test_a_conversion_says_what_a_spike_stands_for() -> None:
    x = {"x": dyadic(1, 6, 2, 6, 5, unit=16)}
    ann = model(CLASSIFIER, **CLASSIFIER_WEIGHTS)
    plain, folded = (
        onnx2snn.convert(ann, 4, x, corrections=(), fold_thresholds=folds)
        for folds in (False, True)
    )
    assert folded.report == plain.report
    for node in neurons_of(folded.ir_model.graph):
        assert UNIT.is_on(node)
    assert not any(map(UNIT.is_on, neurons_of(plain.ir_model.graph)))
    over_time = onnx2snn.change_layout(folded, "multistep")
    expected = folded.network.run(x)
    for name, found in over_time.network.run(x).items():
        np.testing.assert_allclose(found, expected[name], rtol=1e-6)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"method": "spikeconverter"}, "fold_thresholds is of use with the schedule"),
        ({"weights": "int8"}, "fold_thresholds is of use with the weights float"),
    ],
)
def test_where_it_is_of_no_use(options: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        onnx2snn.Options(fold_thresholds=True, **options)


def test_it_cannot_be_tuned() -> None:
    tune = pytest.importorskip("onnx2snn.torch").tune
    x = {"x": dyadic(1, 6, 2, 6, 5, unit=16)}
    ann = model(CLASSIFIER, **CLASSIFIER_WEIGHTS)
    snn = onnx2snn.convert(ann, 4, x, corrections=(), fold_thresholds=True)
    with pytest.raises(onnx2snn.UnsupportedError, match="'a' and others are folded"):
        tune(snn, ann, x)
