"""Networks with one fault each, and without: the diagnosis names it first, or is silent."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx.numpy_helper import from_array, to_array

import onnx2snn
from onnx2snn import cli
from tests.models import model, normal
from tests.schema import problems

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir as ir

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
ANN = str(DIGITS / "digits.onnx")
TEST = dict(np.load(DIGITS / "test.npz"))
CALIBRATION = np.load(DIGITS / "calibration.npz")["image"]
T = 8


@functools.cache
def converted(time_steps: int = T) -> onnx2snn.Conversion:
    return onnx2snn.convert(ANN, time_steps, CALIBRATION)


def causes(found: onnx2snn.Diagnosis) -> list[str]:
    return [finding.cause for finding in found.findings]


def changed(
    snn: onnx.ModelProto, name: str, change: Callable[[np.ndarray], np.ndarray]
) -> onnx.ModelProto:
    """Return a network with another constant, inside and outside its Loop."""
    copy = onnx.ModelProto()
    copy.CopyFrom(snn)
    graphs = [copy.graph]
    graphs += [n.attribute[0].g for n in copy.graph.node if n.op_type == "Loop"]
    hits = 0
    for graph in graphs:
        for constant in graph.initializer:
            if constant.name.removesuffix(".body") == name:
                data = change(to_array(constant)).astype(np.float32)
                constant.CopyFrom(from_array(data, constant.name))
                hits += 1
    assert hits
    return copy


@pytest.mark.parametrize("time_steps", [8, 16])
def test_nothing_is_found_in_healthy_networks(time_steps: int) -> None:
    found = onnx2snn.diagnose(converted(time_steps), ANN, TEST)
    assert causes(found) == []
    assert found.samples == 128
    assert [layer.name for layer in found.layers] == [
        "/relu/Relu", "/relu_1/Relu", "/relu_2/Relu", "/relu_3/Relu",
    ]  # fmt: skip
    assert all(layer.misfit < 1.1 for layer in found.layers)


def test_labels_that_do_not_come_with_the_data() -> None:
    images, labels = TEST["image"], TEST["y"]
    apart = onnx2snn.diagnose(converted(), ANN, images, labels=labels)
    together = onnx2snn.diagnose(converted(), ANN, TEST)
    assert apart.scores.top1 == together.scores.top1
    with pytest.raises(onnx2snn.CalibrationError, match="5 labels for 500 samples"):
        onnx2snn.diagnose(converted(), ANN, images, labels=labels[:5])


def test_images_in_another_range() -> None:
    found = onnx2snn.diagnose(converted(), ANN, TEST | {"image": TEST["image"] * 255})
    first = found.findings[0]
    assert first.cause == "preprocessing"
    assert "divided by 255" in first.text


def colored() -> tuple[ir.Model, dict[str, Any]]:
    """Return a classifier of the color of images, and images with their colors as labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 256)
    images = rng.uniform(0, 0.3, (256, 3, 6, 6)).astype(np.float32)
    images[np.arange(256), labels] += rng.uniform(0.3, 1, (256, 1, 1)).astype("f4")
    pick = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
    ann = model(
        "(float[N,3,6,6] x) => (float[N,3] y) { h = Conv (x, pick)  a = Relu (h)"
        " p = GlobalAveragePool (a)  f = Flatten (p)  y = MatMul (f, w) }",
        pick=pick,
        w=np.eye(3, dtype=np.float32),
    )
    return ann, {"x": images, "y": labels}


def test_channels_in_another_order() -> None:
    ann, data = colored()
    snn = onnx2snn.convert(ann, T, data["x"][:128])
    assert causes(onnx2snn.diagnose(snn, ann, data)) == []
    swapped = data | {"x": data["x"][:, ::-1]}
    assert causes(onnx2snn.diagnose(snn, ann, swapped))[0] == "channel-order"


def test_a_threshold_ten_times_too_high() -> None:
    name = "/relu_2/Relu_output_0.v_threshold"
    snn = changed(converted().model, name, lambda theta: 10 * theta)
    first = onnx2snn.diagnose(snn, ANN, TEST).findings[0]
    assert first.cause == "threshold"
    assert first.layers == ("/relu_2/Relu",)


def test_a_dead_layer() -> None:
    name = "/relu_2/Relu_output_0.v_threshold"
    snn = changed(converted().model, name, lambda theta: 1e6 * theta)
    first = onnx2snn.diagnose(snn, ANN, TEST).findings[0]
    assert first.cause == "dead-layer"
    assert "/relu_2/Relu" in first.layers


def test_calibration_data_of_noise_and_what_other_data_would_give() -> None:
    noise = normal(1, *CALIBRATION.shape)
    snn = onnx2snn.convert(ANN, T, noise)
    found = onnx2snn.diagnose(snn, ANN, TEST, try_options=True)
    assert causes(found)[0] == "calibration-data"
    (trial,) = [each for each in found.tried if each.cause == "calibration-data"]
    assert trial.error < found.error
    assert trial.top1 is not None
    assert problems(found.as_dict(), "diagnosis-1.json") == []


def test_a_network_of_another_ann() -> None:
    def network(pool: str) -> ir.Model:
        return model(
            "(float[N,2,8,8] x) => (float[N,3] y) { h = Conv (x, w)  a = Relu (h)"
            f" p = {pool} <kernel_shape = [2, 2], strides = [2, 2]> (a)"
            "  f = Flatten (p)  y = MatMul (f, v) }",
            w=normal(1, 4, 2, 3, 3),
            v=normal(2, 36, 3),
        )

    data = normal(3, 64, 2, 8, 8)
    snn = onnx2snn.convert(network("AveragePool"), T, data)
    first = onnx2snn.diagnose(snn, network("MaxPool"), data).findings[0]
    assert first.cause == "another-ann"
    assert "1 MaxPool in the ANN and 0 in the network" in first.text


def test_nodes_that_stay_analog_in_front_of_much_work() -> None:
    ann = model(
        "(float[N,6] x) => (float[N,2] y) { h = MatMul (x, a)  s = Relu (h)"
        " n = LayerNormalization <axis = -1> (s, one)  g = MatMul (n, b)  t = Relu (g)"
        "  y = MatMul (t, c) }",
        a=normal(1, 6, 16),
        one=np.ones(16, np.float32),
        b=normal(2, 16, 16) / 4,
        c=normal(3, 16, 2) / 4,
    )
    data = normal(4, 128, 6)
    found = onnx2snn.diagnose(onnx2snn.convert(ann, 16, data), ann, data)
    last = found.findings[-1]
    assert last.cause == "analog-nodes"
    assert "LayerNormalization 'n'" in last.text
    assert last.options == {"spike": "all"}


def test_too_few_steps() -> None:
    ann = model(
        "(float[N,6] x) => (float[N,2] y) { h = MatMul (x, a)  s = Relu (h)"
        " g = MatMul (s, b)  t = Relu (g)  y = MatMul (t, c) }",
        a=normal(1, 6, 32) / 2,
        b=normal(2, 32, 32) / 4,
        c=normal(3, 32, 2) / 4,
    )
    data = normal(4, 256, 6)
    found = onnx2snn.diagnose(
        onnx2snn.convert(ann, 2, data), ann, data, try_options=True
    )
    assert causes(found) == ["time-steps"]
    (trial,) = found.tried
    assert trial.options == {"T": 4}
    assert trial.error < found.error


@pytest.mark.parametrize(
    "options",
    [{"layout": "multistep"}, {"schedule": "staggered"}, {"schedule": "layerwise"}],
)
def test_networks_without_steps_to_look_at_are_refused(options: dict[str, str]) -> None:
    snn = onnx2snn.convert(ANN, 4, CALIBRATION[:64], corrections=(), **options)
    with pytest.raises(onnx2snn.UnsupportedError, match="only networks in lockstep"):
        onnx2snn.diagnose(snn, ANN, TEST)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    snn = str(tmp_path / "snn.onnx")
    onnx.save(
        changed(
            converted().model,
            "/relu_1/Relu_output_0.v_threshold",
            lambda theta: 10 * theta,
        ),
        snn,
    )
    words = ["diagnose", snn, "--ann", ANN, "--data", str(DIGITS / "test.npz")]
    assert cli.main([*words, "--samples", "64"]) == 0
    printed = capsys.readouterr().out
    assert "1. threshold: the threshold of '/relu_1/Relu' does not fit" in printed
    assert "64 samples" in printed
    assert "clipping" in printed
