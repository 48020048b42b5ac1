"""Multiply-accumulates are counted by sizes that are known, given or observed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.parser
import pytest

import onnx2snn
from onnx2snn import cli
from onnx2snn.reporting.report_page import render_page
from tests.models import normal

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = {
    "k": normal(1, 2, 3, 3, 3),
    "m": normal(2, 4, 2, 3, 3),
    "w": normal(3, 4, 5),
}
DETECTOR = (
    "(float[N,3,H,W] image) => (float[N,5] y) { c = Conv (image, k) r = Relu (c) "
    "d = Conv (r, m) s = Relu (d) p = GlobalAveragePool (s) f = Flatten (p) y = MatMul (f, w) }"
)
"""A convolution has no size of its own: those of the image are open."""


def counted(height: int, width: int) -> tuple[int, int, int]:
    """Return the multiply-accumulates of the three layers of ``DETECTOR``."""
    first = 2 * (height - 2) * (width - 2) * 3 * 9
    second = 4 * (height - 4) * (width - 4) * 2 * 9
    return first, second, 4 * 5


def network(text: str, **weights: np.ndarray) -> onnx.ModelProto:
    parsed = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 17]> g {text}'
    )
    for name, values in weights.items():
        parsed.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    return parsed


def detector() -> onnx.ModelProto:
    return network(DETECTOR, **WEIGHTS)


def test_open_sizes_are_not_known_and_operations_count_instead() -> None:
    analysis = onnx2snn.analyze(detector())
    assert analysis["macs"]["total"] is None
    assert analysis["macs"]["readout"] == 4 * 5  # behind the pooling nothing is open
    assert analysis["spike_driven_percent"] is None
    assert analysis["spike_driven_percent_with_all"] is None
    assert analysis["operations"]["spikes"] == 1
    assert [node["macs"] for node in analysis["nodes"]][::2] == [None, None, 0, 20]


@pytest.mark.parametrize(
    "given",
    [{"image": (1, 3, 12, 10)}, {"image": [1, 3, 12, 10]}, ["image:1,3,12,10"]],
)
def test_sizes_that_are_given_count(given: Any) -> None:
    macs = onnx2snn.analyze(detector(), input_shapes=given)["macs"]
    assert (macs["static"], macs["spikes"], macs["readout"]) == counted(12, 10)


def test_sizes_of_the_calibration_data_count_unless_others_are_given() -> None:
    images = normal(4, 6, 3, 9, 8)
    report = onnx2snn.convert(detector(), T=2, calibration=images).report
    assert report["analysis"]["macs"]["total"] == sum(counted(9, 8))
    report = onnx2snn.convert(
        detector(), T=2, calibration=images, input_shapes={"image": (1, 3, 20, 20)}
    ).report
    assert report["analysis"]["macs"]["total"] == sum(counted(20, 20))


def test_a_conversion_of_unknown_work_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx.save(detector(), tmp_path / "d.onnx")
    path, out = str(tmp_path / "d.onnx"), str(tmp_path / "snn.onnx")
    assert cli.main(["convert", path, "-o", out, "--T", "2"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1 of 3 operations with weights driven by spikes" in said
    assert (
        "unknown: not all sizes are known: --input-shape or data may tell them" in said
    )
    assert cli.main(["analyze", path]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "3 operations with weights: 1 driven by spikes" in said
    shape = ["--input-shape", "image:1,3,12,10"]
    assert cli.main(["analyze", path, *shape, "--json"]) == 0
    macs = json.loads(capsys.readouterr().out)["macs"]
    assert macs["total"] == sum(counted(12, 10))
    assert cli.main(["convert", path, "-o", out, "--T", "2", *shape, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["analysis"]["macs"] == macs


def test_the_report_of_unknown_work_is_a_page() -> None:
    report = onnx2snn.convert(detector(), T=2).report
    assert report["energy"]["ann_nj"] is None
    page = render_page(report)
    assert "multiply-accumulates unknown" in page
    assert re.search(r"\bnan\b", page) is None


@pytest.mark.parametrize(
    "given, expected",
    [
        ({"picture": (1, 3, 8, 8)}, "no input 'picture'"),
        ({"image": (1, 3, 8)}, r"\[1, 3, 8\] does not fit input 'image'"),
        ({"image": (1, 4, 8, 8)}, r"\[1, 4, 8, 8\] does not fit input 'image'"),
        (["image"], "'image' has no shape"),
        (["image:1,3,a,8"], "'image:1,3,a,8' has no shape"),
        ({"image": (1, 3, 0, 8)}, "'image' has no shape"),
    ],
)
def test_shapes_that_cannot_be_are_refused(given: Any, expected: str) -> None:
    with pytest.raises(onnx2snn.OptionError, match=f"input_shapes: .*{expected}"):
        onnx2snn.analyze(detector(), input_shapes=given)


def test_axes_of_the_name_of_the_first_are_samples_too() -> None:
    text = (
        "(float[N,4] x, float[2,N,4] state) => (float[2,N,5] y) { s = Add (x, state) "
        "h = MatMul (s, v) a = Relu (h) y = MatMul (a, w) }"
    )
    analysis = onnx2snn.analyze(network(text, w=WEIGHTS["w"], v=normal(5, 4, 4)))
    assert analysis["macs"]["total"] == 2 * 4 * 4 + 2 * 4 * 5


def test_a_shape_that_is_computed_is_observed() -> None:
    """A Keras export flattens by a shape that it computes: the last MatMul counted 10."""
    text = (
        "(float[N,4,4,8] x) => (float[N,10] y) { c = Conv (x, k) a = Relu (c) s = Shape (a) "
        "f = Slice (s, zero, one) r = Sub (f, f) q = Sub (r, one) t = Concat <axis = 0> (f, q) "
        "z = Reshape (a, t) n = NonZero (z) m = Gather (n, zero) o = Size (m) "
        "p = Cast <to = 1> (o) u = Mul (z, p) y = MatMul (u, v) }"
    )
    weights = {"k": normal(6, 8, 4, 1, 1), "v": normal(7, 256, 10)}
    numbers = {"zero": np.array([0]), "one": np.array([1])}
    model = network(text, **weights, **numbers)
    analysis = onnx2snn.analyze(model)
    assert analysis["nodes"][-1]["macs"] == 256 * 10


def test_the_turns_of_a_loop_are_observed() -> None:
    text = (
        "(float[N,4] x) => (float[N,5] y) { h = MatMul (x, v) a = Relu (h) s = Shape (v) "
        "n = Gather <axis = 0> (s, index) t = Add (n, n) "
        "l = Loop (t, go, a) <body = b (int64 i, bool c, float[N,4] p) "
        "=> (bool d, float[N,4] q) { d = Identity (c) q = MatMul (p, v) }> y = MatMul (l, w) }"
    )
    constants = {"index": np.array(0), "go": np.array(1, np.bool_)}
    model = network(text, w=WEIGHTS["w"], v=normal(8, 4, 4), **constants)
    by_op = {node["op"]: node["macs"] for node in onnx2snn.analyze(model)["nodes"]}
    assert by_op["Loop"] == 8 * 4 * 4


TWO_LAYERS = (
    "(float[{N},3,8,8] image{more}) => (float[{N},4,4,4] y) "
    "{{ c = Conv (image, k) r = Relu (c) y = Conv (r, m) }}"
)


@pytest.mark.parametrize("batch", ["N", "1", "4"])
def test_the_samples_of_a_batch_that_is_fixed_share_its_work(batch: str) -> None:
    text = TWO_LAYERS.format(N=batch, more="")
    analysis = onnx2snn.analyze(network(text, k=WEIGHTS["k"], m=WEIGHTS["m"]))
    first, second, _ = counted(8, 8)
    assert (analysis["macs"]["static"], analysis["macs"]["readout"]) == (first, second)


def test_first_axes_of_several_sizes_are_no_batch() -> None:
    text = TWO_LAYERS.format(N="4", more=", float[2] scale")
    text = text.replace(
        "r = Relu (c)", "e = ReduceMean (scale) f = Mul (c, e) r = Relu (f)"
    )
    analysis = onnx2snn.analyze(network(text, k=WEIGHTS["k"], m=WEIGHTS["m"]))
    assert analysis["macs"]["static"] == 4 * counted(8, 8)[0]
