from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from onnx2snn.conversion.import_model import import_model
from onnx2snn.conversion.pipeline import pipeline
from onnx2snn.metadata.scale import QUANTIZER_RANGE
from onnx2snn.passes import apply
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
    import onnx_ir as ir

KINDS = {
    "qcfs": (QCFS, {"levels": 4}),
    "quantized": (QuantReLU, {"bits": 3}),
    "symmetric": (StReLU, {}),
    "limited": (ThresholdReLU, {}),
}


def network(kind: str, *, per_channel: bool = False) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(5)
    images = torch.randn(8, 2, 6, 6)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3),
        nn.ReLU(),
        nn.Conv2d(3, 4, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 5),
    )
    activation, options = KINDS[kind]
    replace_activations(model, activation, **options)
    return fit_thresholds(model, images, per_channel=per_channel), images


@functools.cache
def exported(
    kind: str, *, per_channel: bool, dynamo: bool
) -> tuple[nn.Module, torch.Tensor, onnx.ModelProto]:
    """Return a network, images, and what the exporter makes of it."""
    model, images = network(kind, per_channel=per_channel)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.onnx"
        export(model, images[:2], path, dynamo=dynamo)
        return model, images, onnx.load(path)


def simplified(model: onnx.ModelProto) -> ir.Model:
    return apply(import_model(model).model, pipeline().simplification)


def ranges(ann: ir.Model) -> list[tuple[list[float], int | None, int, float | None]]:
    found = (
        QUANTIZER_RANGE.read(value) for node in ann.graph for value in node.outputs
    )
    return [
        (f.values.tolist(), f.axis, f.levels, f.v_init) for f in found if f is not None
    ]


def optimized(proto: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """Return what onnxruntime makes of a model: constants folded, nodes fused."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    )
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return onnx.load(path)


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_computes_what_the_module_does(
    kind: str, *, per_channel: bool, dynamo: bool
) -> None:
    model, images, proto = exported(kind, per_channel=per_channel, dynamo=dynamo)
    assert model.training
    with torch.no_grad():
        expected = model(images).numpy()
    actual = run_ort(
        proto, {"input": images.numpy()}
    )  # another batch size than the example's
    np.testing.assert_allclose(actual["output"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("is_optimized", [False, True])
def test_thresholds_come_out_of_the_file_bit_by_bit(
    tmp_path: Path, *, per_channel: bool, dynamo: bool, is_optimized: bool
) -> None:
    model, _, proto = exported("qcfs", per_channel=per_channel, dynamo=dynamo)
    if is_optimized:
        proto = optimized(proto, tmp_path / "optimized.onnx")
    expected = [module.theta.detach() for module in model if isinstance(module, QCFS)]
    axis = 1 if per_channel else None
    assert ranges(simplified(proto)) == [
        (theta.flatten().tolist(), axis, 4, 0.5) for theta in expected
    ]


@pytest.mark.parametrize("per_channel", [False, True])
def test_both_exporters_give_the_same_thresholds_of_fake_quantization(
    *, per_channel: bool
) -> None:
    found = []
    for dynamo in (False, True):
        model, _, proto = exported("quantized", per_channel=per_channel, dynamo=dynamo)
        found.append(ranges(simplified(proto)))
    assert found[0] == found[1]
    assert [entry[2:] for entry in found[0]] == [(7, 0.5)] * 2
    thetas = [
        module.theta.detach() for module in model if isinstance(module, QuantReLU)
    ]
    for entry, theta in zip(found[0], thetas, strict=True):
        # 7 steps of theta / 7, each rounded to float32
        np.testing.assert_allclose(entry[0], theta.flatten().numpy(), rtol=2e-7)


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("kind", ["symmetric", "limited"])
def test_a_clipped_activation_is_one_clip(
    kind: str, *, per_channel: bool, dynamo: bool
) -> None:
    proto = exported(kind, per_channel=per_channel, dynamo=dynamo)[2]
    operators = [node.op_type for node in simplified(proto).graph]
    activations = [
        name for name in operators if name not in {"Conv", "Gemm", "Flatten", "Reshape"}
    ]
    # the scales of channels are in the weights in front, and in those behind
    assert activations == ["Clip"] * 2
