"""A method that another package could add: an entry among the published ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

import onnx2snn
from onnx2snn import cli
from onnx2snn.methods.method import Method
from onnx2snn.methods.published import METHODS
from tests.models import model, normal

if TYPE_CHECKING:
    import pytest

X = normal(1, 64, 3)
W, U = normal(2, 3, 5), normal(3, 5, 2)
OWN = Method("half-max", neuron="if", threshold="max", corrections=("bias",))


def test_it_is_listed_and_converts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(METHODS, OWN.name, OWN)
    assert cli.main(["methods", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["methods"][-1]["name"] == "half-max"
    ann = model(
        "(float[N,3] x) => (y) { h = MatMul (x, w)  a = Relu (h)  y = MatMul (a, u) }",
        w=W,
        u=U,
    )
    conversion = onnx2snn.convert(ann, 16, X, method="half-max")
    assert conversion.report["method"].startswith("half-max: IntegrateAndFire or")
    y = onnx2snn.load(conversion.model).run({"x": X})["y"]
    assert np.abs(y - np.maximum(X @ W, 0) @ U).mean() < 0.2
