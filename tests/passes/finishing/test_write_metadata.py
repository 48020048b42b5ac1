from __future__ import annotations

import importlib.metadata
import json
from typing import TYPE_CHECKING

import onnx2snn
from onnx2snn.passes import ChooseInputCoding, EmitTimeLoop, ExcludeNodes, WriteMetadata
from tests.models import model, single_step_graph

if TYPE_CHECKING:
    import pytest

VERSIONS = "onnx2snn.versions"


def test_the_file_says_what_it_is_and_what_made_it() -> None:
    snn = single_step_graph(model("(float[N,3] x) => (float[N,3] y) { y = Relu (x) }"))
    snn.metadata_props["author"] = "somebody"
    assert WriteMetadata(
        4, "a method", source_sha256="12ab", calibration_sha256="34cd"
    )(snn).modified
    props = dict(snn.metadata_props)
    versions = json.loads(props.pop(VERSIONS))
    assert versions["onnx2snn"] == onnx2snn.__version__
    assert set(versions) == {"onnx2snn", "onnx", "onnx-ir", "onnxruntime", "numpy"}
    assert props == {
        "author": "somebody",
        "onnx2snn.format": "1",
        "onnx2snn.T": "4",
        "onnx2snn.method": "a method",
        "onnx2snn.schedule": "lockstep",
        "onnx2snn.source_sha256": "12ab",
        "onnx2snn.calibration_sha256": "34cd",
        "onnx2snn.input_coding": json.dumps({"x": "direct"}),
        "onnx2snn.latency": "T",
        "onnx2snn.weight_passes": "0",
    }


def test_annotations_of_other_passes_are_erased() -> None:
    ann = model(
        "(float[N,3] x) => (float[N,3] y) { h = Neg (x)  a = Relu (h)  y = Relu (a) }"
    )
    ExcludeNodes(("a",))(ann)
    ChooseInputCoding(events=("x",))(ann)
    snn = single_step_graph(ann)
    EmitTimeLoop(4)(snn)
    WriteMetadata(4, input_coding='{"x": "events"}')(snn)
    assert snn.metadata_props["onnx2snn.input_coding"] == '{"x": "events"}'
    values = [value for node in snn.graph.all_nodes() for value in node.outputs]
    assert not any(value.metadata_props for value in (*values, *snn.graph.inputs))


def test_a_package_that_is_not_installed_under_its_name_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed = importlib.metadata.version

    def version(name: str) -> str:
        if name in {"onnx2snn", "onnxruntime"}:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    snn = single_step_graph(model("(float[N,3] x) => (float[N,3] y) { y = Relu (x) }"))
    WriteMetadata(4)(snn)
    versions = json.loads(snn.metadata_props[VERSIONS])
    assert set(versions) == {"onnx2snn", "onnx", "onnx-ir", "numpy"}
    assert versions["onnx2snn"] == onnx2snn.__version__
    assert versions["numpy"] == installed("numpy")
