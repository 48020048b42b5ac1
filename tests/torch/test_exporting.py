from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from onnx2snn.importing import import_model
from onnx2snn.passes import SIMPLIFICATION, apply
from onnx2snn.scale import QuantizerRange
from onnx2snn.testing import run_ort
from onnx2snn.torch import (
    QCFS,
    QuantReLU,
    StReLU,
    ThresholdReLU,
    export,
    fit_thresholds,
    replace_activations,
)

if TYPE_CHECKING:
    from pathlib import Path

    import onnx_ir as ir

KINDS = {
    "qcfs": (QCFS, {"levels": 4}),
    "quantised": (QuantReLU, {"bits": 3}),
    "symmetric": (StReLU, {}),
    "limited": (ThresholdReLU, {}),
}


def network(kind: str, *, per_channel: bool = False) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(5)
    images = torch.randn(8, 2, 6, 6)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 5)
    )
    activation, options = KINDS[kind]
    replace_activations(model, activation, **options)
    return fit_thresholds(model, images, per_channel=per_channel), images


def simplified(model: onnx.ModelProto | Path) -> ir.Model:
    return apply(import_model(model).model, SIMPLIFICATION)


def ranges(ann: ir.Model) -> list[tuple[list[float], int | None, int, float | None]]:
    found = (QuantizerRange.read(value) for node in ann.graph for value in node.outputs)
    return [(f.values.tolist(), f.axis, f.levels, f.v_init) for f in found if f is not None]


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_computes_what_the_module_does(
    kind: str, tmp_path: Path, *, per_channel: bool, dynamo: bool
) -> None:
    model, images = network(kind, per_channel=per_channel)
    export(model, images[:2], tmp_path / "m.onnx", dynamo=dynamo)
    assert model.training
    proto = onnx.load(tmp_path / "m.onnx")
    with torch.no_grad():
        expected = model(images).numpy()
    actual = run_ort(proto, {"input": images.numpy()})  # another batch size than the example's
    np.testing.assert_allclose(actual["output"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("optimized", [False, True])
def test_thresholds_come_out_of_the_file_bit_by_bit(
    tmp_path: Path, *, per_channel: bool, dynamo: bool, optimized: bool
) -> None:
    model, images = network("qcfs", per_channel=per_channel)
    path = tmp_path / "m.onnx"
    export(model, images[:2], path, dynamo=dynamo)
    if optimized:
        path = optimized_by_onnxruntime(path)
    expected = [module.theta.detach() for module in model if isinstance(module, QCFS)]
    axis = 1 if per_channel else None
    assert ranges(simplified(path)) == [
        (theta.flatten().tolist(), axis, 4, 0.5) for theta in expected
    ]


def optimized_by_onnxruntime(path: Path) -> Path:
    import onnxruntime as ort  # noqa: PLC0415 - this one way of simplifying a file alone

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path.with_name("optimized.onnx"))
    ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return path.with_name("optimized.onnx")


@pytest.mark.parametrize("per_channel", [False, True])
def test_both_exporters_give_the_same_thresholds_of_fake_quantisation(
    tmp_path: Path, *, per_channel: bool
) -> None:
    model, images = network("quantised", per_channel=per_channel)
    found = []
    for dynamo in (False, True):
        export(model, images[:2], tmp_path / "m.onnx", dynamo=dynamo)
        found.append(ranges(simplified(tmp_path / "m.onnx")))
    assert found[0] == found[1]
    assert [entry[2:] for entry in found[0]] == [(7, 0.5)] * 2
    thetas = [module.theta.detach() for module in model if isinstance(module, QuantReLU)]
    for entry, theta in zip(found[0], thetas, strict=True):
        # 7 steps of theta / 7, each rounded to float32
        np.testing.assert_allclose(entry[0], theta.flatten().numpy(), rtol=2e-7)


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("kind", ["symmetric", "limited"])
def test_a_clipped_activation_is_one_clip(
    kind: str, tmp_path: Path, *, per_channel: bool, dynamo: bool
) -> None:
    model, images = network(kind, per_channel=per_channel)
    export(model, images[:2], tmp_path / "m.onnx", dynamo=dynamo)
    operators = [node.op_type for node in simplified(tmp_path / "m.onnx").graph]
    activations = [name for name in operators if name not in {"Conv", "Gemm", "Flatten", "Reshape"}]
    # the scales of channels are in the weights in front, and stay behind
    assert activations == (["Clip", "Mul"] * 2 if per_channel else ["Clip"] * 2)
