"""The scores of networks that were trained for spikes, and their page."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx.parser
import pytest

from benchmarks import trained
from benchmarks.networks import gray
from benchmarks.pages import machine
from onnx2snn.reporting.energy import AC_PJ, MAC_PJ

if TYPE_CHECKING:
    from pathlib import Path

CLASSIFIER = """
<ir_version: 10, opset_import: ["": 17]>
classifier (float[N, 1, 2, 2] x) => (float[N, 2] y)
<float[4, 2] first = {1, 0, 0, 1, 1, 0, 0, 1}, float[2, 2] second = {1, 0, 0, 1}>
{
    flat = Flatten (x)
    a = MatMul (flat, first)
    b = Relu (a)
    c = MatMul (b, second)
    d = Relu (c)
    y = MatMul (d, second)
}
"""
SCORE = trained.Score(
    "mnist_net", "0a1b", "plain", 4, 99.0, 98.5, 0.75, 20.4, 10, "graph"
)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which rows and page are kept."""
    monkeypatch.setattr(trained, "ROWS", tmp_path / "trained.json")
    monkeypatch.setattr(trained, "PAGE", tmp_path / "trained.md")
    return tmp_path


def test_a_network_is_scored_on_its_own_images(written: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 2, 2), np.uint8)
    sums = gray(0.1307, 0.3081)(images)[:, 0].sum(
        axis=1
    )  # [N, 2]: what the network rectifies
    labels = np.maximum(sums, 0).argmax(axis=1)
    labels[:10] = 1 - labels[:10]
    np.savez(
        written / "mnist.npz",
        x_train=images,
        y_train=labels,
        x_test=images,
        y_test=labels,
    )
    path = written / "mnist_net.onnx"
    onnx.save(onnx.parser.parse_model(CLASSIFIER), path)
    ((found,),) = trained.measure_all([path], ["gated"], [64], written)
    assert (found.network, found.row, found.time_steps) == ("mnist_net", "gated", 64)
    assert found.ann == 75
    assert abs(found.top1 - 75) <= 5  # two images
    # 8 weights see the input once, 4 a spike for each that a neuron sends, 4 the answer once
    expected = (12 * MAC_PJ + 4 * found.spikes * AC_PJ) / (16 * MAC_PJ)
    assert found.energy == pytest.approx(100 * expected)


def test_a_name_without_a_data_set_is_refused(tmp_path: Path) -> None:
    assert trained.data_set(tmp_path / "fashion_mnist_vgg.onnx") == "fashion_mnist"
    with pytest.raises(SystemExit, match=r"net\.onnx.*cifar10"):
        trained.data_set(tmp_path / "net.onnx")


def test_scores_of_one_file_are_merged_and_those_of_another_are_dropped(
    written: Path,
) -> None:
    trained.keep([SCORE, dataclasses.replace(SCORE, network="mnist_other")])
    trained.keep([dataclasses.replace(SCORE, row="gated", time_steps=8, top1=97.25)])
    assert [(each.network, each.row, each.time_steps) for each in trained.kept()] == [
        ("mnist_net", "plain", 4),
        ("mnist_net", "gated", 8),
        ("mnist_other", "plain", 4),
    ]
    page = (written / "trained.md").read_text(encoding="utf-8")
    assert "| gated | graph |  | 97.25 (0.75, 20 %) |" in page
    assert f"- {machine()}: mnist_net, mnist_other" in page
    trained.keep([dataclasses.replace(SCORE, sha256="2c3d", row="gated")])
    assert [(each.network, each.row) for each in trained.kept()] == [
        ("mnist_net", "gated"),
        ("mnist_other", "plain"),
    ]


def test_the_page_is_that_of_the_rows() -> None:
    assert trained.PAGE.read_text(encoding="utf-8") == trained.page(trained.kept())
