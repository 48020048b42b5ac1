"""The report as a page."""

from __future__ import annotations

import html.parser
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn.reporting.report_page import render_page
from tests.models import model
from tests.schema import problems

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
VOID = {"meta", "br", "input", "wbr"}


class Page(html.parser.HTMLParser):
    """What a browser would make of a page: its elements and text; mistakes raise."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"style", "script"}.isdisjoint(self._open):
            self.text += data
            if {"td", "th"}.intersection(self._open):
                self.rows[-1][-1] += data

    def count(self, tag: str, **attributes: str) -> int:
        names = {name.rstrip("_"): value for name, value in attributes.items()}
        return sum(
            t == tag and names.items() <= found.items() for t, found in self.elements
        )


@pytest.fixture(scope="module")
def conversion() -> onnx2snn.Conversion:
    return onnx2snn.convert(
        DIGITS / "digits.onnx", calibration=DIGITS / "calibration.npz", T=4
    )


@pytest.fixture
def report(conversion: onnx2snn.Conversion) -> Any:
    return json.loads(json.dumps(conversion.report))


def test_every_node_and_every_layer_is_on_the_page(report: Any) -> None:
    shown = Page(render_page(report))
    nodes = report["analysis"]["nodes"]
    rows = [row for row in shown.rows if len(row) == 3][1:]
    assert [row[0] for row in rows] == [node["node"] + node["op"] for node in nodes]
    assert [node["reason"] in row[1] for row, node in zip(rows, nodes, strict=True)]
    assert sum("data-kind" in found for _, found in shown.elements) == len(nodes)
    thresholds = [row for row in shown.rows if len(row) == 6][1:]
    assert [row[0] for row in thresholds] == [each["name"] for each in report["layers"]]
    assert shown.count("svg", role="img") == 2  # graph and thresholds


def test_layers_link_to_their_nodes(report: Any) -> None:
    shown = Page(render_page(report))
    ids = {found.get("id") for _, found in shown.elements}
    links = [found["href"] for tag, found in shown.elements if tag == "a"]
    assert len(links) == 1 + len(report["layers"])
    assert ids.issuperset(str(link).removeprefix("#") for link in links)


def test_without_the_library_charts_are_left_out(
    report: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    shown = Page(render_page(report))
    assert "pip install 'onnx2snn[plot]'" in shown.text
    assert shown.count("svg") == 0
    assert len([row for row in shown.rows if len(row) == 6]) > 1


def test_the_shares_of_the_arithmetic_fill_the_bar(report: Any) -> None:
    shown = Page(render_page(report))
    styles = [str(found["style"]) for tag, found in shown.elements if tag == "i"]
    shares = [float(style.removeprefix("width:").split("%")[0]) for style in styles]
    macs = report["analysis"]["macs"]
    assert len(shares) == sum(macs[name] > 0 for name in macs if name != "total")
    assert sum(shares) == pytest.approx(100, abs=0.01)
    assert f"{macs['total']:,} multiply-accumulates" in shown.text


def test_the_page_needs_nothing_else(report: Any) -> None:
    text = render_page(report)
    assert "http" not in text
    assert "$" not in text
    shown = Page(text)
    assert {"img", "link", "iframe"}.isdisjoint(tag for tag, _ in shown.elements)
    links = [found["href"] for _, found in shown.elements if "href" in found]
    assert all(str(link).startswith("#") for link in links)
    assert not [found for _, found in shown.elements if "src" in found]


def test_names_are_text_and_no_markup(report: Any) -> None:
    name = "<script>alert('&')</script>$T"
    report["source"] = report["layers"][0]["name"] = report["analysis"]["nodes"][0][
        "node"
    ] = name
    report["analysis"]["nodes"][1]["place"] = name
    shown = Page(render_page(report))
    assert shown.count("script") == 1
    assert (
        shown.text.count(name) == 7
    )  # title, heading, node, function, graph, layer, file


def test_halves_of_letters_in_names_are_replaced(report: Any) -> None:
    report["analysis"]["nodes"][0]["node"] = "half \udc80"
    assert "half ?" in Page(render_page(report)).text


def test_measured_work_stands_beside_the_upper_bound(
    conversion: onnx2snn.Conversion,
) -> None:
    images = np.load(DIGITS / "calibration.npz")["image"]
    conversion.measure_activity(images, samples=24)
    report = conversion.report
    found, energy = report["activity"], report["energy"]
    assert found is not None
    assert found["samples"] == 24
    recorded = conversion.network.run(images[:24], record="spikes").layers.values()
    counts = [np.abs(each.spikes).sum() for each in recorded if each.spikes is not None]
    assert found["spikes"] == pytest.approx(sum(counts) / 24)
    assert found["snn_nj"] is not None
    assert energy["snn_most_nj"] is not None
    assert 0 < found["snn_nj"] < energy["snn_most_nj"]
    assert problems(report, "report-1.json") == []
    shown = Page(render_page(report))
    assert "as measured on 24 samples" in shown.text
    assert f"{found['additions']:,.0f}" in shown.text


def test_additions_are_those_of_weights_on_inputs_that_are_not_zero() -> None:
    ann = model(
        "(float[N,3] x) => (float[N,2] y) { h = MatMul (x, w) a = Relu (h)"
        " k = MatMul (a, u) b = Relu (k) y = MatMul (b, v) }",
        w=np.eye(3, 4, dtype=np.float32),
        u=np.ones((4, 5), np.float32),
        v=np.ones((5, 2), np.float32),
    )
    feeds = np.array([[1, 0, 0], [1, 1, 0]], np.float32)
    found = onnx2snn.convert(ann, 4, feeds, method="rmp")
    found.measure_activity(feeds)
    activity = found.report["activity"]
    assert activity is not None
    recorded = found.network.run(feeds, record="spikes").layers
    first = next(iter(recorded.values())).spikes
    assert first is not None
    assert activity["additions"] == pytest.approx(5 * np.abs(first).sum() / 2)


@pytest.mark.parametrize("schedule", ["layerwise", "multistep"])
def test_what_cannot_be_measured_is_not(schedule: str) -> None:
    images = np.load(DIGITS / "calibration.npz")["image"][:64]
    options = (
        {"layout": schedule} if schedule == "multistep" else {"schedule": schedule}
    )
    found = onnx2snn.convert(DIGITS / "digits.onnx", 4, images, **options)
    found.measure_activity(images)
    assert found.report["activity"] is None


def curve_of(errors: dict[int, float]) -> Any:
    points = [
        {"latency_steps": latency, "relative_error": error}
        for latency, error in errors.items()
    ]
    return {"samples": 64, "points": points}


def test_error_against_latency(report: Any) -> None:
    assert "Error against latency" not in Page(render_page(report)).text
    report |= {"latency_curve": curve_of({4: 0.4, 6: 0.2, 8: 0.1}), "latency_steps": 6}
    shown = Page(render_page(report))
    assert "64 calibration samples" in shown.text
    rows = [row for row in shown.rows if len(row) == 2]
    assert ["6", "0.2"] in rows
    assert shown.count("svg", role="img") == 3


def test_a_network_without_arithmetic_or_data(report: Any) -> None:
    report["analysis"]["macs"] = dict.fromkeys(report["analysis"]["macs"], 0)
    report["analysis"]["nodes"][0]["macs"] = None
    report["energy"]["break_even_rate"] = None
    report["activity"] = None
    report |= {"layers": [], "calibration_sha256": None, "source_sha256": ""}
    shown = Page(render_page(report))
    assert "SHA-256 of the calibration datanone" in shown.text
    assert shown.count("i") == 0


def test_reports_are_written_by_their_names(
    conversion: onnx2snn.Conversion, tmp_path: Path
) -> None:
    conversion.save_report(tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == conversion.report
    conversion.save_report(tmp_path / "r.HTML")
    assert (tmp_path / "r.HTML").read_text() == render_page(conversion.report)
    with pytest.raises(
        onnx2snn.OptionError, match=r"report: .*r\.pdf' must end in \.json or \.ht"
    ):
        conversion.save_report(tmp_path / "r.pdf")
    with pytest.raises(onnx2snn.OutputError, match="there is no folder"):
        conversion.save_report(tmp_path / "no" / "r.json")
