"""Weights, and results of the ANN, that are NaN or infinite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import pytest

import onnx2snn
from tests.models import model, normal

if TYPE_CHECKING:
    import onnx

X = np.abs(normal(1, 6, 3, 5, 5))
CONV = (
    "(float[N,3,5,5] x) => (float[N,4,5,5] y) { %s  [conv] h = Conv (x, f)  a = Relu (h)  "
    "y = Conv (a, v) }"
)
WEIGHTS = {"v": normal(2, 4, 4, 1, 1)}


def convolution(before: str, **weights: np.ndarray) -> onnx.ModelProto:
    return ir.to_proto(model(CONV % before, **WEIGHTS, **weights))


def error_of(ann: onnx.ModelProto, *arguments: Any) -> str:
    with pytest.raises(onnx2snn.InvalidModelError) as caught:
        onnx2snn.convert(ann, *arguments)
    with pytest.raises(onnx2snn.InvalidModelError) as of_analysis:
        onnx2snn.analyze(ann)
    assert str(caught.value) == str(of_analysis.value)
    return str(caught.value)


def test_a_scale_that_is_infinite_names_the_node_and_what_its_weights_come_from() -> (
    None
):
    integers = np.arange(1, 13, dtype=np.int8).reshape(4, 3, 1, 1)
    scale = np.float32([0.5, np.inf, 1, np.inf])
    ann = convolution(
        "[dequantize] f = DequantizeLinear <axis = 0> (q, s)", q=integers, s=scale
    )
    for data in ((), (4, X)):
        assert error_of(ann, *data) == (
            "g has weights that make NaN or infinity:\n"
            "  Conv 'conv': 2 of 4 channels of 'f', which DequantizeLinear 'dequantize' makes "
            "of 'q', 's'"
        )


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_an_initializer(number: float) -> None:
    f = normal(3, 4, 3, 1, 1)
    f[2, 1] = number
    message = error_of(convolution("", f=f))
    assert message.endswith("\n  Conv 'conv': 1 of 4 channels of initializer 'f'")


def test_many_weights_are_counted() -> None:
    layers = "".join(f"g{n} = MatMul (g{n - 1}, w)  " for n in range(1, 9))
    ann = model(
        f"(float[N,3] g0) => (float[N,3] y) {{ {layers} a = Relu (g8)  y = MatMul (a, w) }}",
        w=np.full((3, 3), np.inf, np.float32),
    )
    *_, last, more = error_of(ir.to_proto(ann)).splitlines()
    assert last == "  MatMul 'g5': 3 of 3 channels of initializer 'w'"
    assert more == "  and 4 more"


@pytest.mark.parametrize(
    "parameter, number",
    [("var", -0.5), ("var", np.nan), ("mean", np.inf), ("s", np.nan), ("var", -0.125)],
)
def test_a_normalization(parameter: str, number: float) -> None:
    parameters = {name: np.ones(4, np.float32) for name in ("s", "b", "mean", "var")}
    parameters[parameter][1] = number
    ann = model(
        "(float[N,3,5,5] x) => (float[N,4,5,5] y) { h = Conv (x, f)  [norm] "
        "n = BatchNormalization <epsilon = 0.125> (h, s, b, mean, var)  a = Relu (n)  "
        "y = Conv (a, v) }",
        f=normal(3, 4, 3, 1, 1),
        **WEIGHTS,
        **parameters,
    )
    wanted = f"BatchNormalization 'norm': 1 of 4 channels of initializer '{parameter}'"
    assert error_of(ir.to_proto(ann)).endswith(f"\n  {wanted}")


def test_a_small_negative_variance_has_a_root() -> None:
    """Rounding leaves such ones in files; epsilon makes up for them."""
    ann = model(
        "(float[N,3,5,5] x) => (float[N,4,5,5] y) { h = Conv (x, f)  "
        "n = BatchNormalization (h, s, s, s, var)  a = Relu (n)  y = Conv (a, v) }",
        f=normal(3, 4, 3, 1, 1),
        s=np.ones(4, np.float32),
        var=np.float32([1, -1e-8, 0, 2]),
        **WEIGHTS,
    )
    assert onnx2snn.analyze(ir.to_proto(ann))["counts"]["spiking"] == 1


def test_an_initializer_that_a_node_reads_twice_is_named_once() -> None:
    ann = model(
        "(float[N,3,5,5] x) => (float[N,4,5,5] y) { h = Conv (x, f)  "
        "n = BatchNormalization (h, s, s, s, s)  a = Relu (n)  y = Conv (a, v) }",
        f=normal(3, 4, 3, 1, 1),
        s=np.float32([1, np.nan, 1, 1]),
        **WEIGHTS,
    )
    with pytest.raises(onnx2snn.InvalidModelError) as error:
        onnx2snn.analyze(ir.to_proto(ann))
    assert str(error.value).count("'s'") == 1


def test_a_bias_may_mask() -> None:
    ann = ir.to_proto(
        model(
            "(float[N,4] x) => (float[N,4] y) { h = MatMul (x, w)  a = Relu (h)  "
            "z = Gemm (a, w, b)  y = Softmax (z) }",
            w=normal(2, 4, 4),
            b=np.float32([0, 0, -np.inf, 0]),
        )
    )
    assert onnx2snn.analyze(ann)["counts"]["spiking"] == 1


LOGARITHM = (
    "(float[N,4] x) => (float[N,4] y) { h = MatMul (x, w)  [log] l = Log (h)  m = Neg (l)  "
    "a = Relu (m)  y = MatMul (a, w) }"
)


def test_the_first_node_whose_result_is_not_a_number_is_named() -> None:
    ann = ir.to_proto(model(LOGARITHM, w=normal(2, 4, 4)))
    with pytest.raises(onnx2snn.CalibrationError) as caught:
        onnx2snn.convert(ann, 4, normal(3, 30, 4))
    assert str(caught.value) == (
        "activation 'a' has NaN or infinite values in 4 of 4 channels; the first node of the "
        "ANN with such a result is Log 'log'"
    )


def test_a_mask_before_it_is_not_named() -> None:
    ann = ir.to_proto(
        model(
            "(float[N,4] x) => (float[N,4] y) { c = Add (x, b)  e = Exp (c)  [bad] d = Log (x)  "
            "s = Add (e, d)  h = MatMul (s, w)  a = Relu (h)  y = MatMul (a, w) }",
            w=np.abs(normal(2, 4, 4)),
            b=np.float32([0, 0, -np.inf, 0]),
        )
    )
    with pytest.raises(onnx2snn.CalibrationError, match="such a result is Log 'bad'"):
        onnx2snn.convert(ann, 4, normal(3, 30, 4))


def test_what_is_infinite_is_named_where_nothing_is_nan() -> None:
    ann = ir.to_proto(
        model(
            "(float[N,4] x) => (float[N,4] y) { [exp] e = Exp (x)  a = Relu (e)  "
            "y = MatMul (a, w) }",
            w=normal(2, 4, 4),
        )
    )
    with pytest.raises(onnx2snn.CalibrationError, match="such a result is Exp 'exp'"):
        onnx2snn.convert(ann, 4, 1000 * np.abs(normal(3, 30, 4)))
