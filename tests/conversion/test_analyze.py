"""What ``analyze`` says of a whole network, and the report of a conversion."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn import cli
from onnx2snn.reporting.energy import estimate_energy
from tests.models import model, normal
from tests.schema import FOLDER, problems

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits" / "digits.onnx"
LINEAR = """
<ir_version: 8, opset_import: ["" : 17]>
net (float[N,2] x) => (float[N,2] y) <float[2,2] w = {1.0, -0.5, 0.25, 0.5}> { y = MatMul (x, w) }
"""
CHAIN = (
    "(float[N,4] x) => (float[N,4] y) { h = Gemm (x, w)  a = Sigmoid (h)  g = Gemm (a, w)  "
    "s = Softmax (g)  m = MatMul (s, w)  b = Relu (m)  y = Gemm (b, w) }"
)


@pytest.fixture(scope="module")
def digits() -> onnx2snn.Analysis:
    return onnx2snn.analyze(DIGITS)


@pytest.fixture(scope="module")
def report() -> onnx2snn.Report:
    return onnx2snn.convert(DIGITS, T=4).report


def chain() -> onnx.ModelProto:
    return ir.to_proto(model(CHAIN, w=normal(1, 4, 4)))


def test_there_is_an_entry_for_every_node_of_the_file(
    digits: onnx2snn.Analysis,
) -> None:
    file = onnx.load(DIGITS).graph.node
    assert [(n["node"], n["op"]) for n in digits["nodes"]] == [
        (n.name, n.op_type) for n in file
    ]
    norms = [node for node in digits["nodes"] if node["op"] == "BatchNormalization"]
    assert {node["kind"] for node in norms} == {"folded"}
    by_name = {node["node"]: node["op"] for node in digits["nodes"]}
    assert {by_name[str(node["into"])] for node in norms} == {"Conv"}


def test_the_network_is_described_as_it_will_be_converted(
    digits: onnx2snn.Analysis, report: onnx2snn.Report
) -> None:
    assert digits == report["analysis"]


def test_a_pooling_is_judged_where_it_will_stand(digits: onnx2snn.Analysis) -> None:
    pools = [node["kind"] for node in digits["nodes"] if node["op"] == "MaxPool"]
    assert pools[0] == "static"  # behind the Relu it would be max-like
    assert pools[1] == "max-like"  # what it pools now are currents


def test_nothing_is_counted_twice(digits: onnx2snn.Analysis) -> None:
    became = [name for node in digits["nodes"] for name in node["became"]]
    assert len(became) == len(set(became))
    assert sum(node["macs"] or 0 for node in digits["nodes"]) == digits["macs"]["total"]
    assert sum(digits["counts"].values()) == len(digits["nodes"])
    drivers = {name: count for name, count in digits["macs"].items() if name != "total"}
    assert sum(drivers.values()) == digits["macs"]["total"]


@pytest.mark.parametrize("strict, code", [(["--strict"], 1), ([], 0)])
def test_a_network_without_activations_is_named(
    strict: list[str], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "linear.onnx"
    path.write_bytes(onnx.parser.parse_model(LINEAR).SerializeToString())
    assert cli.main(["analyze", str(path), "--quiet", *strict]) == code
    assert "no activation that a spiking neuron can replace" in capsys.readouterr().err


# What is documented


OPTIONS: list[dict[str, Any]] = [
    {},
    {"spike": "all"},
    {"input_coding": "rate"},
    {"input_coding": "events"},
    {"nodes_to_exclude": "a"},
    {"until": "a"},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_the_analysis_has_the_documented_form(options: dict[str, Any]) -> None:
    for ann in (chain(), DIGITS, LINEAR):
        given = onnx.parser.parse_model(ann) if isinstance(ann, str) else ann
        chosen = options if ann is not DIGITS and ann is not LINEAR else {}
        assert not problems(onnx2snn.analyze(given, **chosen), "analysis-1.json")


@pytest.mark.parametrize("options", OPTIONS)
def test_the_report_has_the_documented_form(options: dict[str, Any]) -> None:
    x = np.abs(normal(2, 20, 4))
    if options.get("input_coding") == "events":
        x = np.repeat(x[:, None], 4, axis=1)
    for data in (None, x):
        report = onnx2snn.convert(chain(), T=4, calibration=data, **options).report
        assert not problems(report, "report-1.json")


def test_the_checker_finds_what_differs(digits: onnx2snn.Analysis) -> None:
    wrong: Any = json.loads(json.dumps(digits))
    wrong["version"] = 2
    wrong["nodes"][0]["macs"] = "many"
    wrong["nodes"][1]["kind"] = "magic"
    wrong["nodes"][2]["driver"] = 0
    del wrong["counts"]["folded"]
    wrong["more"] = 1
    assert [text.split(":")[0] for text in problems(wrong, "analysis-1.json")] == [
        "$.version",
        "$.nodes[0].macs",
        "$.nodes[1].kind",
        "$.nodes[2].driver",
        "$.counts",
        "$",
    ]


def test_the_example_in_the_documentation_is_true() -> None:
    page = (ROOT / "docs" / "reference" / "report.md").read_text()
    found = re.search(
        r"```text\n(?P<net>.*?)```.*?```json\n(?P<data>.*?)```", page, re.DOTALL
    )
    assert found is not None
    assert json.loads(found["data"]) == onnx2snn.analyze(
        onnx.parser.parse_model(found["net"])
    )


@pytest.mark.parametrize("name", ["analysis-1.json", "report-1.json"])
def test_every_field_is_in_the_documentation(name: str) -> None:
    page = (ROOT / "docs" / "reference" / "report.md").read_text()

    def fields(schema: Any) -> set[str]:
        below = [fields(part) for part in schema.values() if isinstance(part, dict)]
        return {*schema.get("properties", {}), *set().union(*below)}

    schema = json.loads((FOLDER / name).read_text())
    assert {name for name in fields(schema) if f"`{name}`" not in page} == set()


# Energy


def test_energy_by_hand() -> None:
    macs = {"total": 1000, "spikes": 700, "static": 200, "readout": 90}
    macs |= {"real": 8, "analog": 2}
    found = estimate_energy(macs, 4, levels=4, analog_runs=4)
    fixed = (200 + 90 + 4 * 10) * 4.6
    assert found["ann_nj"] == pytest.approx(4.6)
    assert found["bits"] == 3  # of 0 to 4 spikes
    assert found["quantized_nj"] == pytest.approx(0.2 * 3 / 8 + 0.1)
    assert found["snn_most_nj"] == pytest.approx((fixed + 4 * 700 * 0.9) / 1000)
    assert found["break_even_rate"] == pytest.approx((4600 - fixed) / (4 * 700 * 0.9))
    bursts = estimate_energy(macs, 4, levels=12, spikes_a_step=3, analog_runs=1)
    fixed = (200 + 90 + 10) * 4.6
    assert bursts["snn_most_nj"] == pytest.approx((fixed + 3 * 4 * 700 * 0.9) / 1000)
    assert bursts["break_even_rate"] == pytest.approx((4600 - fixed) / (4 * 700 * 0.9))


@pytest.mark.parametrize("spikes, analog", [(0, 0), (10, 990)])
def test_no_rate_at_which_spikes_are_worth_it(spikes: int, analog: int) -> None:
    macs = {
        "total": 1000,
        "spikes": spikes,
        "static": 1000 - spikes - analog,
        "readout": 0,
        "real": 0,
        "analog": analog,
    }
    assert estimate_energy(macs, 2, levels=2, analog_runs=2)["break_even_rate"] is None


def test_energy_of_unknown_work_is_not_known() -> None:
    names = ("total", "spikes", "static", "readout", "real", "analog")
    macs: dict[str, int | None] = {**dict.fromkeys(names, 5), "total": None}
    found = estimate_energy(macs | {"real": None}, 2, levels=2, analog_runs=2)
    assert found["ann_nj"] is None
    assert found["snn_most_nj"] is None
    assert found["break_even_rate"] is None
