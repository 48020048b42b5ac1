from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn.errors import OptionError, UnsupportedError
from tests.exporting.networks import T, conv, converted, images, weights
from tests.exporting.networks import network as residual
from tests.models import model, normal

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("nir", reason="the extra nir is not installed")

HEAD = "(float[N,3,8,7] x) => (float[N,M] z) {"
FIRST = """
  a = Conv <pads = [1,1,1,1]> (x, A)
  p = Relu (a)
"""
GEMM = """
  f = Flatten (r)
  z = Gemm <transB = 1> (f, G, g)
}"""

NODES = {
    "maximum": (
        "b = Conv (p, B)  q = Relu (b)  r = MaxPool <kernel_shape = [2,2]> (q)",
        4 * 42,
        "--for nir",
    ),
    "resized": (
        'r = Resize <mode = "nearest"> (p, , scales)',
        4 * 224,
        "repeats or interpolates",
    ),
    "product": ("q = Conv (p, B)  r = Mul (p, q)", 4 * 56, "joins two values"),
    "transposed convolution": (
        "r = ConvTranspose (p, B)",
        4 * 56,
        "no transposed convolution",
    ),
    "border": (
        "r = AveragePool <kernel_shape = [3,3], pads = [1,1,1,1]> (p)",
        4 * 56,
        "count_include_pad",
    ),
    "axis": ("r = ReduceMean <axes = [1]> (p)", 56, "not of all positions"),
    "places": ("q = Add (p, D)  r = Relu (q)", 4 * 56, "one number a channel"),
    "rows": ("r = Concat <axis = 2> (p, p)", 4 * 112, "along another axis"),
    "padded by ones": (
        "r = Pad (p, amounts, one)",
        4 * 72,
        "something else than zeros",
    ),
    "backwards": ("r = Slice (p, last, first, two, back)", 4 * 49, "around"),
    "matrix": (
        "t = Transpose <perm = [0,2,3,1]> (p)  m = MatMul (t, W)  r = Relu (m)",
        4 * 56,
        "readers take features alone",
    ),
}
"""Name to nodes that NIR does not have, the features behind them, and words of the refusal."""

ARRAYS = {
    "A": conv(4, 4, 3, 3, 3),
    "A2": conv(5, 4, 4, 3, 3),
    "B": conv(6, 4, 4, 1, 1),
    "D": normal(7, 1, 4, 8, 7),
    "E": np.full((1, 4, 1, 1), 0.25, np.float32),
    "W": normal(8, 4, 4),
    "scales": np.array([1, 1, 2, 2], np.float32),
    "amounts": np.array([0, 0, 1, 0, 0, 0, 0, 1]),
    "one": np.array(1, np.float32),
    "last": np.array([7]),
    "first": np.array([0]),
    "two": np.array([2]),
    "back": np.array([-1]),
}


def export(network: Any, folder: Path, **options: Any) -> Path:
    path = folder / "net.nir"
    onnx2snn.export_nir(network, path, **options)
    return path


def refusal(network: Any, folder: Path, **options: Any) -> str:
    """Return the message of a refusal; nothing is written."""
    with pytest.raises(UnsupportedError) as error:
        export(network, folder, **options)
    assert not list(folder.iterdir())
    return str(error.value)


@pytest.mark.parametrize("name", NODES)
def test_a_node_that_nir_does_not_have_is_named(name: str, tmp_path: Path) -> None:
    nodes, features, words = NODES[name]
    readout = weights(features)
    used = {key: data for key, data in ARRAYS.items() if f"{key}" in FIRST + nodes}
    text = HEAD + FIRST + nodes + GEMM
    network = converted(
        text, {**readout, **used}, target=None, neuron="if", method="mse"
    )
    assert words in refusal(network, tmp_path)


def simple(**options: object) -> onnx2snn.Conversion:
    text = HEAD + FIRST + "q = Relu (a)\n r = Identity (p)" + GEMM
    arrays = weights(4 * 56, A=conv(4, 4, 3, 3, 3))
    return converted(text, arrays, **options)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"method": "auto", "target": None}, "negative spikes"),
        ({"neuron": "augmented", "target": None}, "several in a step"),
        ({"method": "spikeconverter", "target": None}, "--for nir"),
        ({"neuron": "if", "target": None, "layout": "multistep"}, "--for nir"),
        ({"neuron": "if", "target": None, "input_coding": "rate"}, "coding direct"),
    ],
)
def test_a_network_of_another_kind_is_refused(
    options: dict[str, object], words: str, tmp_path: Path
) -> None:
    assert words in refusal(simple(**options), tmp_path)


def test_a_constant_in_front_of_padding_is_refused(tmp_path: Path) -> None:
    nodes = "q = Add (p, E)  c = Conv <pads = [1,1,1,1]> (q, A2)  r = Relu (c)"
    arrays = {**weights(4 * 56), **{name: ARRAYS[name] for name in ("A", "A2", "E")}}
    network = converted(
        HEAD + FIRST + nodes + GEMM, arrays, skip_passes=["fold-affine-forward"]
    )
    assert "a constant is added to its input" in refusal(network, tmp_path)


def test_a_network_that_exits_early_is_refused(tmp_path: Path) -> None:
    head = HEAD.replace("N,M", "N,5")
    text = head + FIRST + "r = Identity (p)" + GEMM
    arrays = weights(4 * 56, A=conv(4, 4, 3, 3, 3))
    network = converted(text, arrays, neuron="if", target=None, early_exit=True)
    assert "--early-exit" in refusal(network, tmp_path)


def test_other_activations_are_refused(tmp_path: Path) -> None:
    text = HEAD + FIRST + "c = Conv (p, B)  t = Tanh (c)  r = Conv (t, B)" + GEMM
    arrays = weights(4 * 56, A=conv(4, 4, 3, 3, 3), B=ARRAYS["B"])
    message = refusal(converted(text, arrays), tmp_path)
    assert "Tanh 't" in message
    assert "neurons read what it gives" in message


def test_a_leaky_relu_is_two_layers_of_neurons(tmp_path: Path) -> None:
    text = HEAD + "a = Conv (x, A)  r = LeakyRelu (a)" + GEMM
    arrays = weights(4 * 56, A=conv(4, 4, 3, 1, 1))
    assert export(converted(text, arrays), tmp_path).exists()


SOFTMAX = (
    HEAD + FIRST + "f = Flatten (p)\n y = Gemm (f, G)\n z = Softmax (y)\n}",
    {"A": conv(4, 4, 3, 3, 3), "G": normal(1, 224, 5) / 8},
)


def test_a_softmax_is_refused_with_the_place_to_cut(tmp_path: Path) -> None:
    network = converted(*SOFTMAX)
    message = refusal(network, tmp_path)
    assert "Softmax" in message
    until = message.split("--until '")[1].split("'")[0]
    path = export(network, tmp_path, until=until)
    assert path.exists()


def test_several_outputs_are_to_be_chosen_from(tmp_path: Path) -> None:
    text = "(float[N,3,8,7] x) => (float[N,M] z, float[N,4,8,7] p) {" + FIRST
    arrays = weights(4 * 56, A=conv(4, 4, 3, 3, 3))
    network = converted(text + "r = Identity (p)" + GEMM, arrays)
    with pytest.raises(OptionError, match=r"'z', 'p': choose one with --until"):
        export(network, tmp_path)
    assert export(network, tmp_path, until="z").exists()
    with pytest.raises(OptionError, match="no output and no node 'q'"):
        export(network, tmp_path, until="q")


def test_a_value_within_the_steps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="'e' changes from step to step"):
        export(residual("residual"), tmp_path, until="e")


def test_several_inputs_are_refused(tmp_path: Path) -> None:
    text = (
        """(float[N,3,8,7] x, float[N,3,8,7] y) => (float[N,M] z) {
      a = Conv (x, A)  b = Conv (y, A)  c = Add (a, b)  r = Relu (c)"""
        + GEMM
    )
    arrays = weights(4 * 56, A=conv(4, 4, 3, 1, 1))
    network = onnx2snn.convert(
        model(text, **arrays),
        T=T,
        calibration={"x": images(), "y": images()},
        target="nir",
        corrections="none",
    )
    assert "'x', 'y'" in refusal(network, tmp_path)


def test_branches_that_sinabs_would_run_too_late_are_refused(tmp_path: Path) -> None:
    nodes = """
      b = Conv (p, B)  q = Relu (b)
      c = Conv (p, B)  s = Relu (c)
      d = Conv (q, B)  e = Conv (s, B)  k = Add (d, e)  r = Relu (k)"""
    arrays = weights(4 * 56, A=conv(4, 4, 3, 3, 3), B=conv(5, 4, 4, 1, 1))
    network = converted(HEAD + FIRST + nodes + GEMM, arrays)
    assert "choose another reader" in refusal(network, tmp_path, reader="sinabs")


def test_an_ann_is_refused(tmp_path: Path) -> None:
    proto = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 17]> g (float[N,3] x) => (float[N,3] z) '
        "{ z = Relu (x) }"
    )
    with pytest.raises(onnx2snn.InvalidModelError, match=r"convert it with"):
        export(proto, tmp_path)
