"""LSTM, GRU and RNN in NumPy against onnxruntime, attribute by attribute."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.runtime.numpy_runtime import open_runner
from onnx2snn.testing import run_ort
from tests.models import model, normal

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
OUTPUTS = {"RNN": "y, h", "GRU": "y, h", "LSTM": "y, h, c"}
HIDDEN, INPUT, BATCH, LENGTH = 3, 4, 2, 5
EACH = pytest.mark.parametrize("op", GATES)


def compare(op: str, rest: str = "", attributes: str = "", **extra: np.ndarray) -> None:
    """Check that both runtimes give the same outputs, as far as rounding goes."""
    directions = 2 if "bidirectional" in attributes else 1
    rows = GATES[op] * HIDDEN
    weights = {
        "w": normal(1, directions, rows, INPUT),
        "r": normal(2, directions, rows, HIDDEN),
        "b": normal(3, directions, 2 * rows),
        "lens": np.array([2, 5], np.int32),
        "h0": normal(4, directions, BATCH, HIDDEN),
        "c0": normal(5, directions, BATCH, HIDDEN),
        "p": normal(6, directions, 3 * HIDDEN),
    }
    ann = model(
        f"(float[{LENGTH},{BATCH},{INPUT}] x) => ({OUTPUTS[op]}) {{ {OUTPUTS[op]} = {op} "
        f"<hidden_size = {HIDDEN}{attributes}> (x, w, r{rest}) }}",
        **(weights | extra),
    )
    feeds = {"x": normal(7, LENGTH, BATCH, INPUT)}
    expected = run_ort(ann, feeds)
    found = open_runner(ir.to_proto(ann))(feeds)
    for (name, array), other in zip(expected.items(), found, strict=True):
        assert other.dtype == array.dtype
        np.testing.assert_allclose(other, array, rtol=1e-5, atol=1e-5, err_msg=name)


@EACH
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("rest", ["", ", b", ", b, lens", ", b, lens, h0", ", , , h0"])
def test_directions_and_inputs(op: str, direction: str, rest: str) -> None:
    compare(op, rest, f', direction = "{direction}"')


@pytest.mark.parametrize(
    "rest", [", b, lens, h0, c0", ", , , , c0", ", b, , h0, c0, p"]
)
def test_cells_and_peepholes_of_an_lstm(rest: str) -> None:
    compare("LSTM", rest)
    compare("LSTM", rest, ', direction = "bidirectional"')


@EACH
def test_clipping(op: str) -> None:
    compare(op, ", b", ", clip = 0.5")


def test_coupled_gates() -> None:
    compare("LSTM", ", b", ", input_forget = 1")
    compare("GRU", ", b", ", linear_before_reset = 1")


FUNCTIONS = ["Affine", "Elu", "HardSigmoid", "LeakyRelu", "Relu", "ScaledTanh", "Sigmoid",
             "Softplus", "Softsign", "Tanh", "ThresholdedRelu"]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS)
def test_activation_functions(function: str) -> None:
    parameters = ", activation_alpha = [0.25], activation_beta = [0.5]"
    compare("RNN", ", b", f', activations = ["{function}"]{parameters}')


def test_parameters_go_to_the_functions_that_have_some() -> None:
    names = '"HardSigmoid", "Tanh", "LeakyRelu", "Sigmoid", "Elu", "Softsign"'
    compare("LSTM", ", b", f', direction = "bidirectional", activations = [{names}], '
            "activation_alpha = [0.3, 0.2, 0.5], activation_beta = [0.4]")  # fmt: skip


@pytest.mark.parametrize(
    "op, names", [("RNN", ["y"]), ("LSTM", ["y", "h"]), ("GRU", ["y"])]
)
def test_outputs_that_are_left_out(op: str, names: list[str]) -> None:
    rows = GATES[op] * HIDDEN
    weights: dict[str, Any] = {
        "w": normal(1, 1, rows, INPUT),
        "r": normal(2, 1, rows, HIDDEN),
    }
    text = f"{', '.join(names)} = {op} <hidden_size = {HIDDEN}> (x, w, r)"
    ann = model(f"(float[5,2,4] x) => ({', '.join(names)}) {{ {text} }}", **weights)
    found = open_runner(ir.to_proto(ann))({"x": normal(7, 5, 2, 4)})
    assert [array.ndim for array in found] == [4, 3][: len(names)]
