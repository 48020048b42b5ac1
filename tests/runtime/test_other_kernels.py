"""Operators that onnx's evaluator lacks or gets wrong, against onnxruntime."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.runtime.numpy_runtime import open_runner
from onnx2snn.testing import run_ort
from tests.models import dyadic, model, normal, positive


def compare(
    text: str, opset: int = 17, outputs: str = "y", **arrays: np.ndarray
) -> np.ndarray:
    """Check that both runtimes give the same ``y`` for ``x``, and return it."""
    x = arrays.pop("x")
    kind = {"f": "float", "i": f"int{8 * x.itemsize}", "u": f"uint{8 * x.itemsize}"}[
        x.dtype.kind
    ]
    ann = model(
        f"({kind}[{','.join(map(str, x.shape))}] x) => ({outputs}) {{ {text} }}",
        f'<ir_version: 9, opset_import: ["" : {opset}]>',
        **arrays,
    )
    expected = run_ort(ann, {"x": x})["y"]
    found = open_runner(ir.to_proto(ann))({"x": x})[0]
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    return found


@pytest.mark.parametrize("size", [1, 3, 5])  # onnxruntime runs odd sizes only
@pytest.mark.parametrize("channels", [2, 5])
def test_lrn(size: int, channels: int) -> None:
    text = f"y = LRN <size = {size}, alpha = 0.5, beta = 0.6, bias = 1.5> (x)"
    compare(text, x=normal(1, 2, channels, 4, 3))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32])
@pytest.mark.parametrize("opset", [13, 17, 19, 21])
def test_dequantize_linear(dtype: type, opset: int) -> None:
    x = np.random.default_rng(1).integers(0, 100, (2, 4, 3)).astype(dtype)
    one, four = np.array(3, dtype), np.array([1, 2, 3, 4], dtype)
    zeros = ("", "") if dtype is np.int32 else (", z", ", z4")
    scales = {
        "s": np.float32(0.25).reshape(()),
        "s4": positive(2, 4),
        "z": one,
        "z4": four,
    }
    compare(f"y = DequantizeLinear (x, s{zeros[0]})", opset, x=x, **scales)
    compare(f"y = DequantizeLinear <axis = 1> (x, s4{zeros[1]})", opset, x=x, **scales)
    compare(f"y = DequantizeLinear <axis = -2> (x, s4{zeros[1]})", opset, x=x, **scales)


def test_dequantize_linear_in_blocks() -> None:
    x = np.random.default_rng(1).integers(-100, 100, (2, 5, 3)).astype(np.int8)
    text = "y = DequantizeLinear <axis = 1, block_size = 2> (x, s)"
    compare(text, 21, x=x, s=positive(2, 2, 3, 3))


@pytest.mark.parametrize("p", [1, 2, 3])
def test_global_lp_pool(p: int) -> None:
    compare(f"y = GlobalLpPool <p = {p}> (x)", x=normal(1, 2, 3, 5, 4))


def test_max_roi_pool() -> None:
    rois = np.float32(
        [[0, 0, 0, 3, 3], [1, 1, 0, 4, 2], [1, 2, 2, 2, 2], [0, 3, 4, 9, 9]]
    )
    for scale in (1.0, 0.5):
        text = (
            f"y = MaxRoiPool <pooled_shape = [3, 2], spatial_scale = {scale}> (x, rois)"
        )
        compare(text, x=normal(1, 2, 3, 6, 5), rois=rois)


BOXES = np.float32(
    [
        [0, 0, 1, 1],
        [0, 0.1, 1, 1.1],
        [1, 0.9, 0, -0.1],
        [0, 2, 1, 3],
        [0, 2.1, 1, 3.1],
        [0, 5, 0, 6],
    ]
)


@pytest.mark.parametrize(
    "rest", ["", ", most", ", most, iou", ", most, iou, least", ", most, , least"]
)
@pytest.mark.parametrize("centered", [0, 1])
def test_non_max_suppression(rest: str, centered: int) -> None:
    scores = np.float32(
        [[[0.9, 0.75, 0.6, 0.95, 0.5, 0.3], [0.1, 0.75, 0.75, 0.1, 0.2, 0.9]]]
    )
    found = compare(
        f"y = NonMaxSuppression <center_point_box = {centered}> (x, scores{rest})",
        x=BOXES[None],
        scores=scores,
        most=np.array([3], np.int64),
        iou=np.array([0.5], np.float32),
        least=np.array([0.4], np.float32),
    )
    assert found.shape[1] == 3
    assert len(found) == 0 or rest


def test_scalars_may_be_given_to_non_max_suppression() -> None:
    compare("y = NonMaxSuppression (x, scores, most)", x=BOXES[None], most=np.array(2, np.int64),
            scores=positive(3, 1, 2, 6))  # fmt: skip


BODY = (
    "body = b (float[4] s, float[{f}] f{more}) => (float[4] t, float[4] u) "
    "{{ t = Add (s, f)  u = Sub (t, k) }}"
)


@pytest.mark.parametrize("axis", [0, 1, -2])
@pytest.mark.parametrize("backwards", [0, 1])
@pytest.mark.parametrize("out", [0, 1, -1])
@pytest.mark.parametrize("turned", [0, 1])
def test_scan(axis: int, backwards: int, out: int, turned: int) -> None:
    x = dyadic(1, 3, 4) if axis in (0, -2) else dyadic(1, 4, 3)
    body = BODY.format(f=4, more="")
    text = (
        f"f, y = Scan (start, x) <num_scan_inputs = 1, {body}, scan_input_axes = [{axis}], "
        f"scan_input_directions = [{backwards}], scan_output_axes = [{out}], "
        f"scan_output_directions = [{turned}]>"
    )
    found = compare(text, x=x, start=dyadic(2, 4), k=dyadic(3, 4))
    assert found.shape == ((3, 4) if out == 0 else (4, 3))


def test_optional_values() -> None:
    compare("o = Optional (x)  h = OptionalHasElement (o)  e = OptionalGetElement (o)  "
            "f = Cast <to = 1> (h)  y = Add (e, f)", x=normal(1, 3))  # fmt: skip


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
@pytest.mark.parametrize(
    "pads", [[0, 0, 1, -1, 0, 0, -2, 2], [0, 0, -1, 0, 0, 0, 0, -2]]
)
def test_pad_may_take_away(mode: str, pads: list[int]) -> None:
    x, sizes = normal(1, 2, 3, 5, 6), np.array(pads)
    compare(f'y = Pad <mode = "{mode}"> (x, p)', x=x, p=sizes)


def test_pad_along_some_axes() -> None:
    x, numbers = (
        normal(1, 2, 3, 5),
        {"p": np.array([1, -1, 0, 2]), "a": np.array([-1, 1])},
    )
    compare("y = Pad (x, p, f, a)", 18, x=x, f=np.float32(1.5).reshape(()), **numbers)


@pytest.mark.parametrize("align", [0, 1])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize(
    "mode, opset",
    [("bilinear", 16), ("bicubic", 16), ("nearest", 17), ("linear", 20), ("cubic", 20)],
)
def test_grid_sample(mode: str, opset: int, padding: str, align: int) -> None:
    grid = 1.2 * normal(2, 2, 3, 7, 2)  # some points lie far outside
    text = (
        f'y = GridSample <mode = "{mode}", padding_mode = "{padding}", '
        f"align_corners = {align}> (x, g)"
    )
    compare(text, opset, x=normal(1, 2, 3, 5, 4), g=grid)


@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_grid_sample_in_space(mode: str) -> None:
    grid = normal(2, 2, 3, 4, 5, 3)
    compare(
        f'y = GridSample <mode = "{mode}"> (x, g)',
        20,
        x=normal(1, 2, 3, 4, 5, 6),
        g=grid,
    )
