"""One network from each of PyTorch's exporters becomes one spiking network."""

from __future__ import annotations

import io

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import onnx2snn

IMAGES = np.random.default_rng(11).standard_normal((64, 3, 9, 10)).astype(np.float32)
EXPORTS = ["classic", "preserve", "dynamo"]


class Residual(nn.Module):
    """Convolutions with BatchNorm, a residual branch, both poolings and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        )
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8))
        self.wide = nn.Sequential(
            nn.Conv2d(8, 12, 3, stride=2, groups=2), nn.BatchNorm2d(12)
        )
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()
        self.head = nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.relu(self.stem(x)))
        x = self.relu(self.body(x) + x)
        x = self.relu(self.wide(x))
        return self.head(torch.flatten(x.mean((2, 3)), 1))


@pytest.fixture(scope="module")
def network() -> Residual:
    torch.manual_seed(0)
    network = Residual().train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    with torch.no_grad():
        for _ in range(20):  # running statistics that are neither 0 nor 1
            network(torch.from_numpy(IMAGES))
    return network.eval()


@pytest.fixture(scope="module")
def exported(network: Residual) -> dict[str, onnx.ModelProto]:
    return {name: export(network, name) for name in EXPORTS}


def export(network: nn.Module, name: str) -> onnx.ModelProto:
    image = torch.from_numpy(IMAGES[:2])
    names = {"input_names": ["image"], "output_names": ["scores"]}
    if name == "dynamo":
        program = torch.onnx.export(
            network,
            (image,),
            dynamo=True,
            external_data=False,
            verbose=False,
            dynamic_shapes={"x": {0: torch.export.Dim("batch")}},
            **names,
        )
        assert program is not None
        return program.model_proto
    kept = (
        torch.onnx.TrainingMode.PRESERVE
        if name == "preserve"
        else torch.onnx.TrainingMode.EVAL
    )
    file = io.BytesIO()
    torch.onnx.export(
        network,
        (image,),
        file,
        dynamo=False,
        training=kept,
        do_constant_folding=name != "preserve",
        dynamic_axes={"image": {0: "batch"}, "scores": {0: "batch"}},
        **names,
    )
    return onnx.load_from_string(file.getvalue())


@pytest.fixture(scope="module")
def expected(network: Residual) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(network(torch.from_numpy(IMAGES)).numpy())


@pytest.fixture(scope="module")
def converted(exported: dict[str, onnx.ModelProto]) -> dict[str, onnx2snn.Conversion]:
    return {
        name: onnx2snn.convert(model, T=8, calibration=IMAGES, hold_out=False)
        for name, model in exported.items()
    }


def test_only_preserve_keeps_batch_normalization(
    exported: dict[str, onnx.ModelProto],
) -> None:
    counts = {
        name: sum(node.op_type == "BatchNormalization" for node in model.graph.node)
        for name, model in exported.items()
    }
    assert counts["classic"] == 0
    assert counts["preserve"] == 3


@pytest.mark.parametrize("name", EXPORTS)
def test_every_activation_becomes_neurons(
    name: str, converted: dict[str, onnx2snn.Conversion]
) -> None:
    report = converted[name].report
    assert [layer["thresholds"] for layer in report["layers"]] == [8, 8, 12]
    assert report["analysis"]["counts"]["analog"] == 0
    assert report["analysis"]["counts"]["max-like"] <= 1


@pytest.mark.parametrize("name", EXPORTS)
def test_the_spiking_network_tends_to_the_torch_network(
    name: str, converted: dict[str, onnx2snn.Conversion], expected: np.ndarray
) -> None:
    network = onnx2snn.load(converted[name].model)
    outputs = network.run_at({"image": IMAGES}, [1, 8, 64])
    errors = [np.abs(outputs[t]["scores"] - expected).mean() for t in (1, 8, 64)]
    assert errors[0] > errors[1] > errors[2]
    # At T = 64 quantization is 1/64 of a layer's range, what is left is the clipped part that
    # the thresholds for T = 8 accept; the scores have a spread of about 0.3.
    assert errors[2] < 0.1 * expected.std()


@pytest.mark.parametrize("name", EXPORTS[1:])
def test_all_exports_give_the_same_network(
    name: str, converted: dict[str, onnx2snn.Conversion]
) -> None:
    # The exporters fold BatchNorm in another order of roundings, so a threshold may differ in
    # its last bits, and a neuron that is just at it fires in the one network and not in the
    # other: a spike in 8 * 12 that a score is made of.
    classic, other = (
        onnx2snn.load(converted[each].model).run({"image": IMAGES})["scores"]
        for each in ("classic", name)
    )
    close = np.isclose(classic, other, rtol=1e-3, atol=1e-3).all(axis=1)
    assert close.mean() >= 0.9
    assert np.mean(classic.argmax(axis=1) == other.argmax(axis=1)) >= 0.95
    thresholds = [
        [layer["v_threshold_max"] for layer in converted[each].report["layers"]]
        for each in ("classic", name)
    ]
    np.testing.assert_allclose(*thresholds, rtol=1e-3)


def test_batch_norm_serves_where_there_is_no_data(
    exported: dict[str, onnx.ModelProto], expected: np.ndarray
) -> None:
    conversion = onnx2snn.convert(exported["preserve"], T=8)
    assert {layer["threshold_origin"] for layer in conversion.report["layers"]} == {
        "batch-norm"
    }
    scores = onnx2snn.load(conversion.model).run({"image": IMAGES}, T=64)["scores"]
    assert np.abs(scores - expected).mean() < 0.2 * expected.std()


@pytest.mark.parametrize("name", EXPORTS)
def test_the_batch_stays_free(
    name: str, converted: dict[str, onnx2snn.Conversion]
) -> None:
    network = onnx2snn.load(converted[name].model)
    for size in (1, 5):
        assert network.run({"image": IMAGES[:size]})["scores"].shape == (size, 5)


def test_torch_tensors_serve_as_data(exported: dict[str, onnx.ModelProto]) -> None:
    tensors = (torch.from_numpy(part) for part in np.split(IMAGES, 4))
    conversion = onnx2snn.convert(exported["classic"], T=8, calibration=tensors)
    arrays = onnx2snn.convert(exported["classic"], T=8, calibration=IMAGES)
    assert (
        conversion.report["calibration_sha256"] == arrays.report["calibration_sha256"]
    )


@pytest.mark.parametrize("name", EXPORTS)
def test_every_relu_of_the_file_is_found_by_name(
    name: str, exported: dict[str, onnx.ModelProto]
) -> None:
    """Names survive folded normalizations, a moved pooling, and what an exporter writes."""
    file = exported[name]
    relus = [
        node.name or node.output[0]
        for node in file.graph.node
        if node.op_type == "Relu"
    ]
    assert len(relus) == 3
    for relu in relus:
        nodes = onnx2snn.analyze(file, nodes_to_exclude=relu)["nodes"]
        spiking = [node["node"] for node in nodes if node["kind"] == "spiking"]
        assert spiking == [other for other in relus if other != relu]
    behind = onnx2snn.analyze(file, until=relus[0])
    assert [
        node["node"] for node in behind["nodes"] if node["kind"] == "spiking"
    ] == relus[:1]


@pytest.mark.parametrize("name", EXPORTS)
def test_every_node_of_the_file_is_in_the_report(
    name: str,
    exported: dict[str, onnx.ModelProto],
    converted: dict[str, onnx2snn.Conversion],
) -> None:
    nodes = converted[name].report["analysis"]["nodes"]
    file = exported[name].graph.node
    assert [node["op"] for node in nodes] == [node.op_type for node in file]
    assert [node["node"] for node in nodes] == [
        node.name or node.output[0] for node in file
    ]
    folded = {node["op"] for node in nodes if node["kind"] == "folded"}
    assert folded == ({"BatchNormalization"} if name == "preserve" else set())


class Steps(nn.Module):
    """Convolutions with a Heaviside function behind each, in other words every time."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels, 4, 3) for channels in (3, 4, 4, 4)
        )
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one, two, three, four = self.convolutions
        first = (one(x) > 0).float()
        second = torch.where(two(first) >= 0, 1.0, 0.0)
        third = (~(three(second) < 0)).to(x.dtype)
        fourth = 1 - (four(third) <= 0).float()
        result: torch.Tensor = self.head(fourth)
        return result


@pytest.mark.parametrize("name", ["classic", "dynamo"])
def test_every_heaviside_function_becomes_neurons(name: str) -> None:
    torch.manual_seed(0)
    ann = export(Steps().eval(), name)
    counts = onnx2snn.analyze(ann)["counts"]
    assert counts["spiking"] == 4
