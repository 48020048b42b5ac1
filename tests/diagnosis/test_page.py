"""The page of a diagnosis, as text and in a browser."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn import cli
from onnx2snn.diagnosis.histograms import HistogramSums
from onnx2snn.diagnosis.page import render_page
from onnx2snn.diagnosis.rasters import draw_raster
from tests.reporting.test_report_page import Page
from tests.schema import problems

if TYPE_CHECKING:
    from collections.abc import Callable

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
ANN = str(DIGITS / "digits.onnx")


@pytest.fixture(scope="module")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that noise calibrated."""
    noise = np.random.default_rng(0).standard_normal((64, 1, 8, 8)).astype("f4")
    path = tmp_path_factory.mktemp("network") / "snn.onnx"
    onnx2snn.convert(ANN, 8, noise, corrections=()).save(path)
    return path


@pytest.fixture(scope="module")
def found(network_file: Path) -> onnx2snn.Diagnosis:
    data = DIGITS / "test.npz"
    return onnx2snn.diagnose(network_file, ANN, data, samples=32)


@pytest.fixture(scope="module")
def page_file(
    found: onnx2snn.Diagnosis, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("page") / "diagnosis.html"
    found.save_report(path)
    return path


def test_the_page_has_all_that_was_seen(
    found: onnx2snn.Diagnosis, page_file: Path
) -> None:
    text = page_file.read_text()
    shown = Page(text)
    assert "http" not in text
    for finding in found.findings:
        assert finding.text in shown.text
        assert finding.advice in shown.text
    rows = {row[0]: row for row in shown.rows if len(row) == 15}
    for layer in found.layers:
        assert f"{100 * layer.error:.1f}" in rows[layer.name]
    at_each_t = [row[0] for row in shown.rows if len(row) == 7]
    assert at_each_t == ["T", "1", "2", "4", "8", "ANN"]
    nodes = found.analysis["nodes"]
    assert sum("data-kind" in each for _, each in shown.elements) == len(nodes)
    # score, layers, values and spikes of layers, graph
    count = len(found.layers)
    assert shown.count("svg", role="img") == 2 + count + min(count, 3) + 1
    for value in found.provenance.values():
        assert value in shown.text
    assert "0.9 pJ an addition (AC)" in shown.text


def test_costs_are_those_of_the_samples(
    found: onnx2snn.Diagnosis, network_file: Path
) -> None:
    images = np.load(DIGITS / "test.npz")["image"][:32]
    layers = onnx2snn.load(network_file).run(images, record="spikes").layers.values()
    spikes = sum(
        np.abs(each.spikes).sum() for each in layers if each.spikes is not None
    )
    activity = found.costs.activity
    assert activity["samples"] == 32
    assert activity["spikes"] == pytest.approx(spikes / 32)
    energy = found.costs.energy
    assert energy["bits"] == 4  # of 0 to 8 spikes
    assert problems(found.as_dict(), "diagnosis-1.json") == []


def test_names_are_text_and_no_markup(found: onnx2snn.Diagnosis) -> None:
    name = "<b>$T"
    layer = dataclasses.replace(found.layers[0], name=name)
    shown = Page(render_page(dataclasses.replace(found, layers=(layer,))))
    assert name in shown.text


def test_without_the_library_numbers_are_still_there(
    found: onnx2snn.Diagnosis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    shown = Page(render_page(found))
    assert "pip install 'onnx2snn[plot]'" in shown.text
    assert shown.count("svg") == 0
    assert len([row for row in shown.rows if len(row) == 15]) == 1 + len(found.layers)


def test_the_command_writes_the_page_and_the_data(
    network_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(DIGITS / "test.npz")
    words = ["diagnose", str(network_file), "--ann", ANN, "--data", data]
    words += ["--samples", "16"]
    output = tmp_path / "d.json"
    assert cli.main([*words, "-o", str(output)]) == 0
    assert "d.json" in capsys.readouterr().out
    plain = json.loads(output.read_text())
    assert plain["samples"] == 16
    assert problems(plain, "diagnosis-1.json") == []
    assert cli.main([*words, "-o", str(tmp_path / "d.pdf")]) == 1
    assert "must end in .json or .html" in capsys.readouterr().err


def test_a_histogram_has_the_shares_of_values_near_each_number_of_spikes() -> None:
    sums = HistogramSums(time_steps=4, levels=1)
    sums.add(np.array([0, 0.1, 0.3, 9.0]), np.array([0, 0, 0.25, 1.0]))
    found = sums.result()
    assert found.width == 0.25
    assert found.first == 0
    assert found.ann == (0.5, 0.25, 0, 0, 0, 0.25)
    assert found.snn == (0.5, 0.25, 0, 0, 0.25, 0)
    assert found.silent == (0.5, 0.5)
    sums.add(np.array([-9.0]), np.array([0.0]))
    assert sums.result().first == -5


def test_a_raster_has_neurons_from_the_most_active_on() -> None:
    activations = np.array([[0.0, 0.5], [1.0, 0.25]])
    spikes = np.array([[[0, 1], [1, 0]], [[0, -1], [1, 1]]])
    found = draw_raster(activations, spikes)
    assert found.neurons == (2, 1, 3, 0)
    assert found.activations == (1, 0.5, 0.25, 0)
    assert found.spikes == ((1, 1), (1, -1), (0, 1), (0, 0))


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_on_a_phone(
    open_page: Callable[..., Any], page_file: Path, width: int, *, dark: bool
) -> None:
    page = open_page(page_file, width=width, dark=dark)
    page.evaluate(
        "for (const each of document.querySelectorAll('details')) each.open = true"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for image in page.locator("[role=img]").all():
        assert image.get_attribute("aria-label")
        assert image.bounding_box()["width"] <= width


def test_layers_sort_and_findings_lead_to_them(
    open_page: Callable[..., Any], page_file: Path, found: onnx2snn.Diagnosis
) -> None:
    page = open_page(page_file)
    page.get_by_role("button", name="error %").first.press("Enter")
    shown = page.locator("tr[id^=layer-] th").all_inner_texts()
    worst_first = sorted(found.layers, key=lambda layer: -layer.error)
    assert shown == [layer.name for layer in worst_first]
    page.locator(".findings a").first.click()
    name = page.locator("tr:target th").inner_text()
    assert name in {layer for finding in found.findings for layer in finding.layers}
    region = page.get_by_role("region", name="errors of the layers")
    region.focus()
    assert region.evaluate("each => each === document.activeElement")
