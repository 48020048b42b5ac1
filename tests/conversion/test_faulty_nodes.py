"""Faults of single nodes, reported by the names of the file before anything runs."""

from __future__ import annotations

import re

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from tests.models import HEADER, model, normal

LEAKY = (
    "(float[N,3,H,5] x) => (float[N,3,H,5] y) { c = Conv (x, w)  [act] a = PRelu (c, s)  "
    "y = Conv (a, w) }"
)


def leaky(*slope: int) -> onnx.ModelProto:
    slopes = np.abs(normal(1, *slope)) / 4
    return ir.to_proto(model(LEAKY, w=normal(2, 3, 3, 1, 1), s=slopes))


@pytest.mark.parametrize("shape", [(4,), (2, 1, 1), (3,), (1, 3, 1, 1, 1)])
def test_a_slope_that_does_not_fit_names_the_node_of_the_file(
    shape: tuple[int, ...],
) -> None:
    wanted = f"PRelu 'act' cannot run: its slope 's' has shape {ir.Shape(shape)}, which"
    for run in (onnx2snn.convert, onnx2snn.analyze):
        with pytest.raises(onnx2snn.InvalidModelError, match=re.escape(wanted)):
            run(leaky(*shape))


@pytest.mark.parametrize("shape", [(1,), (3, 1, 1), (5,), (1, 1, 1, 5), ()])
def test_slopes_that_fit(shape: tuple[int, ...]) -> None:
    assert onnx2snn.analyze(leaky(*shape))["counts"]["refused"] == 0


@pytest.mark.parametrize("op", ["LeakyRelu", "Elu"])
@pytest.mark.parametrize("alpha", [np.nan, np.inf, -np.inf])
def test_a_slope_that_is_no_number_names_node_and_attribute(
    op: str, alpha: float
) -> None:
    text = (
        "(float[N,3] x) => (float[N,3] y) { c = MatMul (x, w)  "
        f"[act] a = {op} (c)  y = MatMul (a, w) }}"
    )
    network = ir.to_proto(model(text, w=normal(2, 3, 3)))
    network.graph.node[1].attribute.append(onnx.helper.make_attribute("alpha", alpha))
    wanted = f"{op} 'act' cannot be converted: its attribute 'alpha' is {alpha}"
    with pytest.raises(onnx2snn.InvalidModelError, match=wanted):
        onnx2snn.convert(network)


def normalized(attributes: str, outputs: str, opset: int = 17) -> onnx.ModelProto:
    return ir.to_proto(
        model(
            "(float[N,3] x) => (float[N,3] y) { h = MatMul (x, w)  "
            f"[norm] {outputs} = BatchNormalization {attributes} (h, s, b, b, s)  "
            "a = Relu (n)  y = MatMul (a, w) }",
            HEADER.replace("17", str(opset)),
            w=normal(2, 3, 3),
            s=np.float32([1, 2, 3]),
            b=np.float32([0, 1, 0]),
        )
    )


TRAINS = "BatchNormalization 'norm' is in training mode"


def test_a_normalization_in_training_mode_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    onnx2snn.analyze(normalized("<training_mode = 1>", "n, mean, var"))
    assert TRAINS in caplog.text


def test_before_opset_14_its_outputs_say_so(caplog: pytest.LogCaptureFixture) -> None:
    """No newer operator takes its place; the warning says what to do."""
    ann = normalized("", "n, mean, var, saved_mean, saved_var", opset=9)
    with pytest.raises(onnx2snn.InvalidModelError, match="BatchNormalization outputs"):
        onnx2snn.analyze(ann)
    assert TRAINS in caplog.text


@pytest.mark.parametrize(
    "ann",
    [normalized("", "n"), normalized("<training_mode = 0>", "n")],
    ids=["default", "attribute"],
)
def test_one_for_inference_is_not(
    ann: onnx.ModelProto, caplog: pytest.LogCaptureFixture
) -> None:
    onnx2snn.analyze(ann)
    assert "training mode" not in caplog.text
