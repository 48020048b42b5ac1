"""Counting is one truth: the same in data, in sentences, on the page and for --strict."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.parser
import pytest
import torch
from torch import nn

import onnx2snn
from onnx2snn import cli
from onnx2snn.analysis.drivers import DRIVERS, Driver
from onnx2snn.reporting.report_page import render_page
from onnx2snn.reporting.summary import describe_shortfall, find_not_spiking
from tests.models import normal

if TYPE_CHECKING:
    from pathlib import Path

OPSETS = (13, 17, 18, 20, 22)
"""Those at which exporters change their spellings, and the ends."""


def network(body: str, opset: int = 17, **weights: np.ndarray) -> onnx.ModelProto:
    """Return a network from x [N, 8] to z, with matrices A [8, 16], B [16, 16], C [16, 4]."""
    drawn = {"A": (8, 16), "B": (16, 16), "C": (16, 4)}
    matrices = {
        name: normal(i, *shape) for i, (name, shape) in enumerate(drawn.items())
    }
    header = f'<ir_version: 8, opset_import: ["" : {opset}]>'
    parsed = onnx.parser.parse_model(
        f"{header} g (float[N,8] x) => (float[N,4] z) {{ {body} }}"
    )
    for name, values in (matrices | weights).items():
        parsed.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    return parsed


# Spellings

ERF_GELU = "d = Div (x, root) e = Erf (d) f = Add (e, one)"
TANH_GELU = "s = Mul (b, k) t = Add (x, s) u = Mul (t, r) v = Tanh (u) w = Add (v, one)"
CLIPPED = "d = Add (x, three) e = Clip (d, zero, six)"

SPELLINGS = {
    "SiLU": "s = Sigmoid (x) y = Mul (x, s)",
    "SiLU, the other way": "s = Sigmoid (x) y = Mul (s, x)",
    "SiLU, tf2onnx": "n = Neg (x) e = Exp (n) p = Add (e, one) y = Div (x, p)",
    "QuickGELU": "q = Mul (x, a) s = Sigmoid (q) y = Mul (x, s)",
    "QuickGELU, the other way": "q = Mul (a, x) s = Sigmoid (q) y = Mul (s, x)",
    "GELU, both": f"{ERF_GELU} g = Mul (x, f) y = Mul (g, half)",
    "GELU, transformers": f"{ERF_GELU} g = Mul (x, half) y = Mul (g, f)",
    "GELU, tf2onnx": f"{ERF_GELU} g = Mul (f, half) y = Mul (x, g)",
    "GELU by tanh, classic": f"a2 = Mul (x, x) b = Mul (a2, x) {TANH_GELU} "
    "g = Mul (x, w) y = Mul (g, half)",
    "GELU by tanh, dynamo": f"b = Pow (x, three) {TANH_GELU} g = Mul (x, half) "
    "y = Mul (g, w)",
    "Mish, classic": "s = Softplus (x) t = Tanh (s) y = Mul (x, t)",
    "Mish in full": "e = Exp (x) p = Add (e, one) s = Log (p) t = Tanh (s) y = Mul (x, t)",
    "Softplus": "y = Softplus (x)",
    "Softplus, dynamo": "s = Softplus (x) g = Greater (x, twenty) y = Where (g, x, s)",
    "Softplus in full": "e = Exp (x) p = Add (e, one) y = Log (p)",
    "Hardswish, classic": "h = HardSigmoid <alpha = 0.16666667, beta = 0.5> (x) "
    "y = Mul (x, h)",
    "Hardswish in full": f"{CLIPPED} g = Mul (x, e) y = Div (g, six)",
    "Hardswish, tf2onnx": f"{CLIPPED} g = Mul (e, sixth) y = Mul (x, g)",
    "LogSigmoid, both": "s = Sigmoid (x) y = Log (s)",
    "LogSigmoid by Softplus": "n = Neg (x) s = Softplus (n) y = Neg (s)",
    "Tanhshrink, both": "t = Tanh (x) y = Sub (x, t)",
    "Softshrink, dynamo": "m = Abs (x) g = Greater (m, half) s = Sign (x) h = Mul (s, half) "
    "d = Sub (x, h) e = Mul (x, zero) y = Where (g, d, e)",
    "squared Relu": "m = Relu (x) y = Mul (m, m)",
    "squared Relu by Pow": "m = Relu (x) y = Pow (m, two)",
    "Softplus, JAX": "m = Max (x, zero) b = Abs (x) n = Neg (b) e = Exp (n) p = Add (e, one) "
    "l = Log (p) y = Add (m, l)",
    "HardSigmoid": "y = HardSigmoid (x)",
    "HardSigmoid in full": f"{CLIPPED} y = Div (e, six)",
}  # fmt: skip
OPERATORS = {
    "Hardswish, dynamo": ("y = HardSwish (x)", 14),
    "Mish, dynamo": ("y = Mish (x)", 18),
    "GELU": ("y = Gelu (x)", 20),
    "GELU by tanh": ('y = Gelu <approximate = "tanh"> (x)', 20),
}
"""Operators that are one activation, with the opset that has them first."""

NUMBERS = {
    "root": 2**0.5, "one": 1, "half": 0.5, "k": 0.044715, "r": (2 / np.pi) ** 0.5, "a": 1.702,
    "three": 3, "zero": 0, "six": 6, "sixth": 1 / 6, "twenty": 20, "two": 2,
}  # fmt: skip

CASES = [(text, opset) for text in SPELLINGS.values() for opset in OPSETS]
CASES += [
    (text, opset)
    for text, first in OPERATORS.values()
    for opset in OPSETS
    if opset >= first
]


def spelled(text: str, layer: str, read: str) -> str:
    """Return a spelling of ``y = f(x)`` for the value ``read``, its own names behind ``layer``."""
    words = []
    for word in text.replace("(", "( ").replace(")", " )").replace(",", " ,").split():
        is_name = word.isalnum() and word.islower() and word not in NUMBERS
        words.append(f"{layer}_{word}" if is_name and word != "x" else word)
    return " ".join(read if word == "x" else word for word in words)


def with_activations(text: str, opset: int) -> onnx.ModelProto:
    numbers = {name: np.float32(number) for name, number in NUMBERS.items()}
    first = spelled(text.replace("alpha", "ALPHA").replace("beta", "BETA"), "p", "h")
    second = first.replace("p_", "q_").replace(" h ", " k0 ")
    body = (
        f"h = MatMul (x, A) {first} k0 = MatMul (p_y, B) {second} z = MatMul (q_y, C)"
    )
    body = body.replace("ALPHA", "alpha").replace("BETA", "beta")
    return network(body, opset, **{n: np.asarray(v) for n, v in numbers.items()})


@pytest.mark.parametrize("text, opset", CASES)
def test_a_function_counts_the_same_however_it_is_spelled(
    text: str, opset: int
) -> None:
    analysis = onnx2snn.analyze(with_activations(text, opset))
    assert analysis["macs"] == {
        "total": 448,
        "spikes": 256,
        "real": 0,
        "analog": 0,
        "static": 128,
        "readout": 64,
    }
    assert analysis["operations"] == {
        "spikes": 1,
        "real": 0,
        "analog": 0,
        "static": 1,
        "readout": 1,
    }
    assert not find_not_spiking(analysis)
    counts = analysis["counts"]
    assert (counts["spiking"], counts["analog"], counts["max-like"]) == (2, 0, 0)
    assert not describe_shortfall(analysis)


class Quick(nn.Module):
    """QuickGELU, as in CLIP."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(1.702 * x)


FUNCTIONS = [
    nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.Mish(), nn.Softplus(), nn.Hardswish(),
    nn.Hardsigmoid(), Quick(),
]  # fmt: skip


@pytest.mark.parametrize("dynamo, opset", [(False, 13), (False, 20), (True, 18)])
def test_both_exporters_of_torch_give_the_same_counts(
    opset: int, *, dynamo: bool
) -> None:
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Linear(4, 4), function) for function in FUNCTIONS]
    file = io.BytesIO()
    torch.onnx.export(
        nn.Sequential(*layers, nn.Linear(4, 4)).eval(),
        (torch.zeros(1, 4),),
        file,
        opset_version=opset,
        dynamo=dynamo,
        **({"verbose": False} if dynamo else {}),
    )
    analysis = onnx2snn.analyze(file.getvalue())
    assert analysis["operations"] == {
        "spikes": 7,
        "real": 0,
        "analog": 0,
        "static": 1,
        "readout": 1,
    }
    assert analysis["counts"]["spiking"] == 8
    assert not find_not_spiking(analysis)


def test_a_part_of_an_activation_names_it() -> None:
    nodes = onnx2snn.analyze(with_activations(SPELLINGS["SiLU"], 17))["nodes"]
    (part,) = [node for node in nodes if node["kind"] == "folded"]
    assert (part["op"], part["into"]) == ("Sigmoid", "q_y")
    assert part["reason"] == "part of the activation 'q_y'"


def test_a_factor_that_others_read_as_well_is_a_node_of_its_own() -> None:
    body = (
        "h = MatMul (x, A) a = Relu (h) k = MatMul (a, B) s = Softmax (k) "
        "m = Mul (k, s) b = Relu (m) z = MatMul (b, C)"
    )
    analysis = onnx2snn.analyze(network(body))
    assert [(n["op"], text) for n, text in find_not_spiking(analysis)] == [
        ("Softmax", "stays analog"),
        ("Mul", "stays analog"),
    ]


# What is not driven by spikes

NORMED = (
    "h = MatMul (x, A) a = Relu (h) n = LayerNormalization <axis = -1> (a, g, d) "
    "k = MatMul (n, B) b = Relu (k) z = MatMul (b, C)"
)
ATTENTION = (
    "h = MatMul (x, A) a = Relu (h) k = MatMul (a, B) t = Transpose (k) m = MatMul (k, t) "
    "n = MatMul (m, a) b = Relu (n) z = MatMul (b, C)"
)
LSTM = (
    "h = MatMul (x, A) a = Relu (h) u = Unsqueeze (a, first) "
    "l, s = LSTM <hidden_size = 16> (u, W, R) q = Squeeze (s, first) z = MatMul (q, C)"
)


def normed() -> onnx.ModelProto:
    ones = np.ones(16, np.float32)
    return network(NORMED, g=ones, d=ones)


def recurrent() -> onnx.ModelProto:
    weights = {"W": normal(5, 1, 64, 16), "R": normal(6, 1, 64, 16)}
    return network(LSTM, first=np.array([0]), **weights)


def test_linear_work_on_real_numbers_fails_strict_and_says_behind_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    analysis = onnx2snn.analyze(normed())
    assert (analysis["macs"]["real"], analysis["macs"]["spikes"]) == (256, 0)
    assert analysis["not_by_spikes"] == [
        {"op": "LayerNormalization", "driver": "real", "operations": 1, "macs": 256}
    ]
    assert describe_shortfall(analysis) == (
        "not driven by spikes: 57.1 % linear on real numbers, behind LayerNormalization (1); "
        "--spike all would drive 57.1 % by spikes, not 0.0 %"
    )
    onnx.save(normed(), tmp_path / "n.onnx")
    assert cli.main(["analyze", str(tmp_path / "n.onnx"), "--strict", "--quiet"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "MatMul 'k' is not driven by spikes" in said
    assert "no spikes come from LayerNormalization 'n'" in said
    assert "LayerNormalization 'n' stays analog" in said


def test_strict_passes_what_is_computed_once(tmp_path: Path) -> None:
    body = "h = MatMul (x, A) a = Relu (h) k = MatMul (a, B) s = Softmax (k) z = MatMul (s, C)"
    onnx.save(network(body), tmp_path / "once.onnx")
    path = str(tmp_path / "once.onnx")
    assert cli.main(["analyze", path, "--strict", "--quiet"]) == 0


def test_products_of_streams_and_recurrent_weights_are_analog() -> None:
    of_attention = onnx2snn.analyze(network(ATTENTION))
    assert of_attention["operations"]["analog"] == 2
    assert {found["op"] for found in of_attention["not_by_spikes"]} == {"MatMul"}
    of_lstm = onnx2snn.analyze(recurrent())
    assert of_lstm["operations"]["analog"] == 1
    assert of_lstm["macs"]["analog"] == 2 * 64 * 16
    (found,) = [node for node, _ in find_not_spiking(of_lstm)]
    assert found["op"] == "LSTM"  # a neuron stands behind it, and its weights multiply


@pytest.mark.parametrize("make", [normed, recurrent, lambda: network(ATTENTION)])
def test_the_share_with_all_is_that_of_the_option(make: Any) -> None:
    as_is = onnx2snn.analyze(make())
    with_all = onnx2snn.analyze(make(), spike="all")
    share = with_all["spike_driven_percent"]
    assert as_is["spike_driven_percent_with_all"] == share
    assert with_all["spike_driven_percent_with_all"] == share


def test_a_conversion_ends_with_why_spikes_drive_little(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx.save(normed(), tmp_path / "n.onnx")
    out = str(tmp_path / "snn.onnx")
    convert = ["convert", str(tmp_path / "n.onnx"), "-o", out, "--T", "4"]
    assert cli.main(convert) == 0
    said = " ".join(capsys.readouterr().out.split())
    sentence = describe_shortfall(onnx2snn.analyze(normed()))
    assert sentence
    assert "0.0 % of the multiply-accumulates driven by spikes" in said
    assert said.endswith(sentence)
    assert cli.main([*convert, "--spike", "all"]) == 0
    assert "not driven by spikes" not in capsys.readouterr().out


def test_the_page_counts_as_the_report_does() -> None:
    page = render_page(onnx2snn.convert(normed(), T=4).report)
    assert "<dt>operations on real numbers</dt><dd>1</dd>" in page
    assert "stay analog" not in page
    assert "behind LayerNormalization (1)" in page
    for driver in Driver:
        assert f"{driver}: " in page
        assert DRIVERS[driver] in page


GATED = (
    "h = MatMul (x, A) r = Relu (h) k = MatMul (h, B) l = MatMul (h, B) m = Mul (k, l) "
    "n = Mul (m, r) z = MatMul (n, C)"
)


def test_all_is_suggested_where_nothing_but_work_before_the_steps_is_left() -> None:
    """The gates of a network drove all weights before the first step, and nobody said so."""
    analysis = onnx2snn.analyze(network(GATED))
    assert analysis["macs"]["real"] == analysis["macs"]["analog"] == 0
    now, then = (
        analysis["spike_driven_percent"],
        analysis["spike_driven_percent_with_all"],
    )
    assert now == 0
    assert then is not None
    assert then > 10
    expected = f"--spike all would drive {then:.1f} % by spikes, not 0.0 %"
    assert describe_shortfall(analysis) == expected


JOINED = (
    "h = MatMul (x, A) a = Relu (h) b = BatchNormalization (a, one, zero, zero, one) "
    "c = MatMul (a, B) j = Concat <axis = 1> (b, c) k = MatMul (j, D) r = Relu (k) "
    "z = MatMul (r, C)"
)


def test_the_obstacle_is_what_cannot_go_into_weights() -> None:
    """The BatchNormalization was named, which would be folded if the MatMul were not there."""
    ann = network(
        JOINED,
        D=normal(7, 32, 16),
        one=np.full(16, 2, np.float32),
        zero=np.ones(16, np.float32),
    )
    (found,) = onnx2snn.analyze(ann)["not_by_spikes"]
    assert (found["op"], found["operations"]) == ("MatMul", 1)


def test_weights_with_their_activation_in_one_node_have_their_obstacle_named() -> None:
    """A QLinearConv with a Relu was "not driven by spikes: a neuron takes its place"."""
    layers = onnx.parser.parse_function(
        '<domain: "local", opset_import: ["" : 17]> Layer (a, w) => (b) '
        "{ m = MatMul (a, w) b = Relu (m) }"
    )
    ann = network(
        "h = MatMul (x, A) a = Relu (h) s = Softmax (a) l = local.Layer (s, B) "
        "z = MatMul (l, C)"
    )
    ann.functions.append(layers)
    ann.opset_import.append(onnx.helper.make_opsetid("local", 1))
    found = find_not_spiking(onnx2snn.analyze(ann))
    node, said = next(pair for pair in found if pair[0]["op"] != "Softmax")
    assert said == "is not driven by spikes"
    assert "no spikes come from Softmax" in node["reason"]


def test_what_no_option_changes_is_said() -> None:
    """A recurrent network ended with a reason, and nobody knew whether an option would help."""
    sentence = describe_shortfall(onnx2snn.analyze(recurrent()))
    assert sentence.endswith("analog: LSTM (1); no option would change that")


def test_a_small_gain_is_named_where_spikes_drive_little() -> None:
    """The bottleneck of an autoencoder: twice as much would spike, and nobody said so."""
    body = (
        "h = MatMul (x, A) a = Relu (h) c = MatMul (a, D) d = MatMul (c, E) "
        "r = Relu (d) z = MatMul (r, C)"
    )
    weights = {"D": normal(8, 16, 1), "E": normal(9, 1, 16)}
    analysis = onnx2snn.analyze(network(body, **weights))
    now, then = (
        analysis["spike_driven_percent"],
        analysis["spike_driven_percent_with_all"],
    )
    assert now is not None
    assert then is not None
    assert 0 < now < then < now + 10
    assert describe_shortfall(analysis).startswith("--spike all would drive")


def test_work_that_is_nearly_all_done_once_is_said() -> None:
    """A network of one hidden layer ended with 0.0 % and no word."""
    body = "h = MatMul (x, A) a = Relu (h) z = MatMul (a, C)"
    assert describe_shortfall(onnx2snn.analyze(network(body))) == (
        "computed once: 66.7 % before the first step and 33.3 % after the last step; spikes "
        "drive weights between neurons, and with --input-coding rate the first ones"
    )
