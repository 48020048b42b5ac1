from __future__ import annotations

import logging

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx_ir.passes import PreconditionError

from onnx2snn.analysis.activations import activations
from onnx2snn.data.dataset import dataset, input_specs
from onnx2snn.metadata.scale import QUANTIZER_RANGE, SCALE, QuantizerRange, Scale
from onnx2snn.passes import Calibrate, FoldBatchNorm, InferShapes, MoveMaxPool, run
from onnx2snn.testing import check_pass, run_ort
from tests.models import model, normal, positive

X = normal(1, 50, 3, 6, 5)
WEIGHTS = {
    "w": normal(2, 4, 3, 3, 2),
    "b": normal(3, 4),
    "u": normal(4, 5, 4, 2, 2),
    "v": normal(9, 2, 5, 1, 1),
    "scale": positive(5, 4),
    "bias": normal(6, 4),
    "mean": normal(7, 4),
    "var": positive(8, 4),
    "low": np.zeros((), np.float32),
    "high": np.array(0.75, np.float32),
}
NORM = "BatchNormalization (c, scale, bias, mean, var)"


def network(text: str, outputs: str = "y") -> ir.Model:
    return model(
        f"(float[N,3,6,5] x) => ({outputs}) {{ c = Conv (x, w, b)  {text} }}", **WEIGHTS
    )


def calibrated(ann: ir.Model, **options: object) -> list[Scale]:
    """Return the scales that the pass notes on the activations of ``ann``, in order."""
    data = dataset({"x": X}, input_specs(ann))
    Calibrate(**({"data": data} | options))(ann)
    scales = [SCALE.read(value) for value in activations(ann.graph)]
    assert None not in scales
    return [scale for scale in scales if scale is not None]


def largest(ann: ir.Model, *values: str) -> list[np.ndarray]:
    for node in ann.graph:
        ann.graph.outputs.extend(v for v in node.outputs if v.name in values)
    found = run_ort(ann, {"x": X})
    return [found[name].max(axis=(0, 2, 3)) for name in values]


@pytest.mark.parametrize("batch_size", [7, 64])
def test_the_largest_value_of_each_channel(batch_size: int) -> None:
    text = "a = Relu (c)  g = Conv (a, u)  r = Relu (g)  y = Conv (r, v)"
    first, second = calibrated(network(text), rule="max", batch_size=batch_size)
    expected = largest(network(text), "a", "r")
    np.testing.assert_allclose(first.values, expected[0], rtol=1e-5)
    np.testing.assert_allclose(second.values, expected[1], rtol=1e-5)
    assert (first.axis, first.origin, first.dead) == (1, "calibration", ())


def test_the_largest_value_of_all() -> None:
    (scale,) = calibrated(network("y = Relu (c)"), rule="max", per_channel=False)
    assert scale.axis is None
    (expected,) = largest(network("y = Relu (c)"), "c")
    np.testing.assert_allclose(scale.values, [expected.max()], rtol=1e-5)


def test_the_rules_differ() -> None:
    values = {
        rule: calibrated(network("y = Relu (c)"), time_steps=4, rule=rule)[0].values
        for rule in ("max", "percentile", "mse")
    }
    assert (values["mse"] < values["percentile"]).all()
    assert (values["percentile"] <= values["max"]).all()
    assert (values["percentile"] < values["max"]).any()


def test_more_steps_allow_larger_thresholds() -> None:
    few, many = (
        calibrated(network("y = Relu (c)"), time_steps=t)[0].values for t in (2, 64)
    )
    assert (few < many).all()


def test_the_bound_of_a_clip() -> None:
    (scale,) = calibrated(network("y = Clip (c, low, high)"), rule="max")
    np.testing.assert_array_equal(scale.values, np.float32([0.75] * 4))
    (scale,) = calibrated(network("h = Mul (c, low)  y = Clip (h, low, high)"))
    np.testing.assert_array_equal(scale.values, np.float32([0.75] * 4))


def test_batch_normalization_in_place_of_data(caplog: pytest.LogCaptureFixture) -> None:
    text = f"n = {NORM}  a = Relu (n)  y = Neg (a)"
    (scale,) = calibrated(network(text), data=None, rule="max")
    assert (scale.origin, scale.axis) == ("batch-norm", 1)
    low = WEIGHTS["bias"] + 3 * WEIGHTS["scale"]
    high = WEIGHTS["bias"] + 6 * WEIGHTS["scale"]
    assert (low < scale.values).all()
    assert (scale.values < high).all()
    assert not caplog.records


def test_statistics_survive_folding_and_pooling() -> None:
    text = f"n = {NORM}  a = Relu (n)  y = MaxPool <kernel_shape = [2, 2]> (a)"
    plain, folded = network(text), network(text)
    for ann in (plain, folded):
        MoveMaxPool()(ann)
    FoldBatchNorm()(folded)
    found = [calibrated(ann, data=None, seed=3)[0] for ann in (plain, folded)]
    assert [scale.origin for scale in found] == ["batch-norm"] * 2
    np.testing.assert_allclose(found[0].values, found[1].values)


def test_random_inputs_last(caplog: pytest.LogCaptureFixture) -> None:
    text = f"n = {NORM}  a = Relu (n)  g = Conv (x, w)  r = Relu (g)  y = Sub (a, r)"
    first, second = calibrated(network(text), data=None)
    assert (first.origin, second.origin) == ("batch-norm", "synthetic")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "1 of 2 activations come from random inputs" in record.message
    assert "--calibration" in record.message


def test_the_seed() -> None:
    values = [
        calibrated(network("y = Relu (c)"), data=None, seed=s)[0].values
        for s in (1, 1, 2)
    ]
    np.testing.assert_array_equal(values[0], values[1])
    assert (values[0] != values[2]).all()


def test_dead_channels_are_noted_and_a_dead_layer_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = "m = Mul (c, k)  y = Relu (m)"
    signs = np.array([1, 0, 1, 0], np.float32).reshape(4, 1, 1)
    ann = model(
        f"(float[N,3,6,5] x) => (y) {{ c = Conv (x, w, b)  {text} }}",
        k=signs,
        **WEIGHTS,
    )
    (scale,) = calibrated(ann)
    assert scale.dead == (1, 3)
    assert (scale.values > 0).all()
    assert not caplog.records
    calibrated(network("m = Mul (c, low)  y = Relu (m)"))
    assert "Relu 'y' never fires on the calibration data" in caplog.text


def test_dead_layers_are_told_in_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """A network whose values vanish behind some layer gave a warning for each of the rest."""
    calibrated(
        network("m = Mul (c, low)  a = Relu (m)  e = Mul (a, low)  y = Relu (e)")
    )
    (record,) = caplog.records
    text = record.getMessage()
    assert "Relu 'a', as 1 more of the activations, never fires on the calib" in text


def test_only_annotations_are_written_and_once() -> None:
    ann = network("a = Relu (c)  y = Clip (a, low, high)")
    data = dataset({"x": X}, input_specs(ann))
    after = check_pass(Calibrate(data=data), ann, {"x": X}, rtol=0)
    assert [node.op_type for node in after.graph] == [
        node.op_type for node in ann.graph
    ]


def test_a_scale_that_is_there_stays() -> None:
    ann = network("a = Relu (c)  y = Clip (a, low, high)")
    scale = Scale(np.array([0.125], np.float32), None, "graph")
    SCALE.write(ann.graph.node(1).outputs[0], scale)
    first, second = calibrated(ann)
    assert (first.origin, second.origin) == ("graph", "calibration")
    assert first.values.tolist() == [0.125]


def test_nothing_to_calibrate(caplog: pytest.LogCaptureFixture) -> None:
    ann = network("y = Neg (c)")
    assert not Calibrate()(ann).modified
    assert not caplog.records


def test_an_unknown_rule() -> None:
    with pytest.raises(ValueError, match=r"rule must be one of .*mse.*, not 'median'"):
        Calibrate(rule="median")


def test_the_largest_magnitude_of_an_activation_that_can_be_negative() -> None:
    ann = network("a = LeakyRelu <alpha = 0.9> (c)  y = Conv (a, u)")
    (scale,) = calibrated(ann, rule="max")
    ann.graph.outputs.extend(
        v for node in ann.graph for v in node.outputs if v.name == "a"
    )
    found = run_ort(ann, {"x": X})["a"]
    np.testing.assert_allclose(
        scale.values, np.abs(found).max(axis=(0, 2, 3)), rtol=1e-5
    )
    assert (scale.values > found.max(axis=(0, 2, 3)) + 0.01).any()


def test_the_bound_of_a_clip_that_can_be_negative_is_none() -> None:
    (scale,) = calibrated(network("y = Clip (c, , high)"), rule="max")
    ann = network("y = Neg (c)")
    np.testing.assert_allclose(scale.values, largest(ann, "y")[0], rtol=1e-5)
    assert (scale.values > 0.75).all()


def test_values_in_front_of_weights_on_request() -> None:
    ann = network("s = Softmax <axis = 1> (c)  a = Relu (s)  g = Conv (s, u)  h = Conv (a, u)  "
                  "y = Add (g, h)")  # fmt: skip
    assert [value.name for value in noted(ann, spike="activations")] == ["a"]
    assert [value.name for value in noted(ann, spike="all")] == ["s", "a"]


def noted(ann: ir.Model, spike: str) -> list[ir.Value]:
    """Return the values on which the pass notes a scale."""
    copy = ann.clone()
    Calibrate(spike=spike, data=dataset({"x": X}, input_specs(copy)))(copy)
    return [v for node in copy.graph for v in node.outputs if SCALE.read(v) is not None]


def test_a_model_without_types_is_refused_by_name() -> None:
    text = (
        '<ir_version: 8, opset_import: ["" : 17]> g (float[N,3] x) => (float[N,3] y) '
    )
    proto = onnx.parser.parse_model(
        text + "{ h = Neg (x)  hidden = Relu (h)  y = Neg (hidden) }"
    )
    with pytest.raises(
        PreconditionError, match="no type on hidden; run the pass 'infer-shapes'"
    ):
        run(proto, [Calibrate(4)])
    typed = run(ir.from_proto(proto), [InferShapes(), Calibrate(4)])
    assert SCALE.read(activations(typed.graph)[0]) is not None


def quantized(values: np.ndarray, axis: int | None, levels: int) -> ir.Model:
    """Return a network whose activation has the range of a quantizer noted on it."""
    ann = network("a = Relu (c)  y = Conv (a, u)")
    (value,) = activations(ann.graph)
    QUANTIZER_RANGE.write(value, QuantizerRange(values, axis, levels))
    return ann


@pytest.mark.parametrize(
    "options, levels, part",
    [
        ({"time_steps": 8, "rule": "max"}, 255, 1.0),
        ({"time_steps": 8, "rule": "percentile"}, 255, 1.0),
        ({"time_steps": 255}, 255, 1.0),
        ({"time_steps": 15}, 15, 1.0),
        ({"time_steps": 64}, 15, 1.0),
        ({"time_steps": 8}, 255, 2.5512 / 4.2147),
        (
            {"time_steps": 8},
            65535,
            2.5512 / 4.2147,
        ),  # the range of the data, as with 255
        ({"time_steps": 4}, 15, 2.1353 / 2.8987),
    ],
)
def test_without_data_a_quantizer_says_where_the_threshold_is(
    options: dict[str, object],
    levels: int,
    part: float,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The parts are of the best thresholds of a rectified normal value of variance 1."""
    (scale,) = calibrated(
        quantized(np.float32([3]), None, levels), data=None, **options
    )
    assert (scale.origin, scale.axis, scale.dead) == ("quantizer", None, ())
    np.testing.assert_allclose(scale.values, [3 * part], rtol=1e-4)
    assert not caplog.records


def test_a_quantizer_with_a_range_for_each_channel() -> None:
    ranges = np.float32([1, 2, 3, 4])
    (scale,) = calibrated(quantized(ranges, 1, 15), data=None, time_steps=15)
    assert scale.axis == 1
    np.testing.assert_array_equal(scale.values, ranges)


@pytest.mark.parametrize(
    "axis, bound", [(1, [0.1, 0.2, 0.3, 9]), (None, [0.3] * 4), (3, [9] * 4)]
)
def test_with_data_a_quantizer_bounds_the_threshold(
    axis: int | None, bound: list[float]
) -> None:
    ranges = np.float32([0.3] if axis is None else [0.1, 0.2, 0.3, 9])
    (scale,) = calibrated(quantized(ranges, axis, 255), rule="max")
    (free,) = calibrated(network("a = Relu (c)  y = Conv (a, u)"), rule="max")
    assert scale.origin == "calibration"
    np.testing.assert_allclose(scale.values, np.minimum(free.values, bound), rtol=1e-5)
