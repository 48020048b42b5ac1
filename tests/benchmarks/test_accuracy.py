from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import io
import itertools
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import onnx
import onnx.parser
import pytest
from rich.console import Console

import onnx2snn
from benchmarks import accuracy, accuracy_page, accuracy_store
from benchmarks.accuracy_measure import measure
from benchmarks.accuracy_rows import MEASURED, PUBLISHED, described, measured_on
from benchmarks.accuracy_schedules import drawn_curves, schedule_table
from benchmarks.accuracy_store import Measurement
from benchmarks.curves import COLORS, Curve, Point, picture
from benchmarks.networks import NETWORKS, Network, count_images, load_images
from benchmarks.peers import RECIPES, check_installed
from onnx2snn.methods.published import METHODS

BY_NAME = {network.name: network for network in NETWORKS}
RESNET, MNIST, NO_DATA = (
    BY_NAME[name] for name in ("resnet20", "mnist-conv-maxpool", "resnet20-no-data")
)
SMALL = """
<ir_version: 8, opset_import: ["" : 17]>
net (float[N,1,2,2] x) => (float[N,3] y)
<float[4,5] a = {1.0, -1.0, 0.5, 0.25, 0.5, 1.0, -1.0, 0.125, 0.75, -0.5,
                 0.25, 1.0, -0.5, 1.0, -1.0, -0.25, 0.5, 1.0, -1.0, 0.5},
 float[5,3] b = {1.0, -0.5, 0.25, 1.0, -1.0, -1.0, 0.5, 0.75, -0.25, 0.5, 1.0, 0.25, -1, 1, 0.5}> {
    f = Flatten (x)
    h = MatMul (f, a)
    r = Relu (h)
    y = MatMul (r, b)
}
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with a network in the place of one for MNIST, and images for it."""
    folder = tmp_path / "data"
    (folder / "zoo").mkdir(parents=True)
    onnx.save(onnx.parser.parse_model(SMALL), folder / MNIST.file)
    rng = np.random.default_rng(0)
    pixels = {
        name: rng.integers(0, 256, (n, 2, 2), np.uint8)
        for name, n in (("x_train", 600), ("x_test", 90))
    }
    np.savez(folder / "mnist.npz", **pixels, y_test=rng.integers(0, 3, 90))
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let rows and pages go to a project of the test's own."""
    project = tmp_path / "project"
    (project / "docs" / "results").mkdir(parents=True)
    readme = (
        f"before\n{accuracy_page.MARKS[0]}\nold\n{accuracy_page.MARKS[1]}\nbehind\n"
    )
    (project / "README.md").write_text(readme, encoding="utf-8")
    monkeypatch.setattr(accuracy_store, "ROWS", project / "accuracy.json")
    write = accuracy_page.write
    monkeypatch.setattr(
        accuracy_page, "write", lambda measured: write(measured, project)
    )
    return project


def made_up(
    network: Network = RESNET, method: str = "auto", t: int = 4, **fields: Any
) -> Measurement:
    facts = {
        "described": described(method, network),
        "top1": 86.04,
        "ann": 91.64,
        "spikes": 1.0764,
        "latency_steps": t,
        "weight_passes": t,
        "images": 90,
        "origins": ("calibration",),
        "machine": "a machine",
    }
    return Measurement(network.name, method, t, **facts | fields)


def options(data: Path = Path(), **given: Any) -> argparse.Namespace:
    facts = {"data": data, "network": [], "method": [], "T": [4], "images": None}
    return argparse.Namespace(
        **facts | {"again": False, "write": True, "limit": 60} | given
    )


def quiet() -> Console:
    return Console(file=io.StringIO())


def run(monkeypatch: pytest.MonkeyPatch, data: Path, *arguments: str) -> None:
    chosen = (
        "--network",
        MNIST.name,
        "--method",
        "auto",
        "spikeconverter",
        "--T",
        "2",
        "4",
    )
    command = ["accuracy", "--data", str(data), *chosen, *arguments]
    monkeypatch.setattr("sys.argv", command)
    accuracy.main()


def test_a_measurement_is_what_the_two_files_give(data: Path) -> None:
    found = measure(MNIST, data, "opi-corrected", 4)
    images = load_images(MNIST, data)
    method = dataclasses.replace(
        METHODS["opi"],
        name="opi-corrected",
        threshold="mse",
        per_channel=True,
        corrections=("weights", "threshold-scaling", "step-bias"),
    )
    path = data / MNIST.file
    conversion = onnx2snn.convert(
        path, T=4, calibration=images.calibration, method=method
    )
    snn = onnx2snn.load(conversion.model).run({"x": images.test})["y"]
    weights = onnx.load(path).graph.initializer
    a, b = (onnx.numpy_helper.to_array(tensor) for tensor in weights)
    ann = np.maximum(images.test.reshape(-1, 4) @ a, 0) @ b
    for scores, key in ((snn, "top1"), (ann, "ann")):
        right = 100 * np.mean(scores.argmax(axis=1) == images.labels)
        assert found[key] == pytest.approx(right, abs=0.006)
    assert (found["calibration"], found["images"], found["latency_steps"]) == (
        600,
        90,
        4,
    )
    assert found["origins"] == ["calibration"]
    assert described("opi-corrected", MNIST) == conversion.report["method"]


def test_figures_are_measured_kept_and_not_measured_again(
    data: Path,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(monkeypatch, data, "--write")
    said = capsys.readouterr()
    assert "4 of 4 figures" in said.err
    assert f"{MNIST.name} spikeconverter T=4: " in said.out
    assert "on 90 images" in said.out
    kept = accuracy_store.kept()
    assert [(method, t) for _, method, t in kept] == [
        *itertools.product(("auto", "spikeconverter"), (2, 4))
    ]
    assert all(m.failed is None and not m.outdated for m in kept.values())
    page = (project / "docs" / "results" / "accuracy.md").read_text(encoding="utf-8")
    first = kept[MNIST.name, "auto", 2].top1
    assert (
        f"| `auto` | one a step, signed: it may take one back | T | {first:.2f} ("
        in page
    )
    assert ET.parse(  # noqa: S314
        project / "docs" / "results" / "pictures" / f"accuracy-{MNIST.name}.svg"
    )
    run(monkeypatch, data, "--write")
    assert "0 of 4 figures" in capsys.readouterr().err


def test_without_write_nothing_is_kept(
    data: Path,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(monkeypatch, data, "--images", "20")
    assert "on 20 images" in capsys.readouterr().out
    assert not (project / "accuracy.json").exists()
    assert not (project / "docs" / "results" / "accuracy.md").exists()


def test_a_process_that_takes_too_long_is_kept_as_that(
    data: Path, project: Path
) -> None:
    (found,) = accuracy.measure_all(
        [(MNIST, "opi", 4)], options(data, limit=0.01), Console(quiet=True)
    )
    assert accuracy.line(found) == "mnist-conv-maxpool opi T=4: timed out after 0 s"
    accuracy.keep(found)
    page = (project / "docs" / "results" / "accuracy.md").read_text(encoding="utf-8")
    assert "- mnist-conv-maxpool, opi, T=4: timed out after 0 s" in page
    assert "| `opi` | one a step |  | timed out |" in page


@pytest.mark.parametrize(
    "kept, given, measured",
    [
        ({}, {}, False),
        ({"images": 89}, {}, True),
        ({"images": 89}, {"images": 89}, False),
        ({"failed": "timed out after 9 s", "images": 0}, {}, True),
        ({"described": "another rule"}, {}, True),
        ({"failed": "why", "described": "another rule"}, {}, True),
        ({}, {"again": True}, True),
        ({}, {"write": False}, True),
    ],
)
def test_what_is_missing_is_measured(
    data: Path,
    project: Path,
    kept: dict[str, Any],
    given: dict[str, Any],
    *,
    measured: bool,
) -> None:
    assert project
    accuracy_store.store([made_up(MNIST, **kept)])
    job = (MNIST, "auto", 4)
    assert accuracy.missing([job], options(data, **given)) == (
        [job] if measured else []
    )
    other = (MNIST, "auto", 8)
    assert accuracy.missing([other], options(data, **given)) == [other]


def test_all_methods_run_where_they_are_compared_and_the_default_everywhere() -> None:
    assert set(METHODS) | {"opi-corrected", "augmapping-k2"} <= set(measured_on(MNIST))
    assert set(RECIPES) <= set(measured_on(RESNET))
    assert not set(RECIPES) & set(measured_on(MNIST))
    assert measured_on(NO_DATA) == ["auto"]
    assert measured_on(BY_NAME["vit"]) == ["auto", "staggered"]


def test_rows_of_a_peer_that_is_not_installed_are_left_out_or_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: name == "torch" or None
    )
    console = quiet()
    found = accuracy.jobs(options(network=["resnet20"]), console)
    assert [method for _, method, _ in found] == [
        m for m in MEASURED if m not in RECIPES
    ]
    assert "peers" in console.file.getvalue()  # type: ignore[attr-defined]
    name = "SpikingJelly 2.0, max"
    with pytest.raises(SystemExit, match=rf"{name}.*\[peers\]"):
        accuracy.jobs(options(method=[name]), quiet())
    with pytest.raises(SystemExit, match=name):
        check_installed()


def test_a_network_that_needs_torch_is_left_out_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    console = quiet()
    found = accuracy.jobs(options(method=["auto"]), console)
    assert {network.name for network, _, _ in found} == set(BY_NAME) - {
        "resnet20-batch-norm",
        "efficientnet-lite0",
    }
    assert "resnet20-batch-norm is left out" in console.file.getvalue()  # type: ignore[attr-defined]


def test_methods_that_are_named_run_on_any_network_that_they_can_run_on() -> None:
    given = options(network=["resnet20-no-data"], method=["ltb"], T=[8, 2])
    assert accuracy.jobs(given, quiet()) == [(NO_DATA, "ltb", 2), (NO_DATA, "ltb", 8)]


def test_modules_alone_compute_what_the_network_does(tmp_path: Path) -> None:
    import torch  # noqa: PLC0415 (slow)

    from benchmarks.peers import with_modules_only  # noqa: PLC0415 (likewise)
    from benchmarks.resnet20 import ResNet20, load_resnet20  # noqa: PLC0415 (likewise)

    torch.manual_seed(0)
    torch.save(ResNet20().state_dict(), tmp_path / "weights.pth")
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        ours = load_resnet20(tmp_path / "weights.pth")(images)
        theirs = with_modules_only(tmp_path / "weights.pth")(images)
    torch.testing.assert_close(theirs, ours)


def test_rows_replace_each_other_by_network_method_and_steps(project: Path) -> None:
    for t, top1 in ((8, 50.0), (4, 25.0), (8, 75.0)):
        accuracy.keep(made_up(t=t, top1=top1))
    accuracy.keep(made_up(method="opi", t=8, top1=12.5, spikes=2.0))
    assert {key: m.top1 for key, m in accuracy_store.kept().items()} == {
        ("resnet20", "auto", 4): 25.0,
        ("resnet20", "auto", 8): 75.0,
        ("resnet20", "opi", 8): 12.5,
    }
    page = (project / "docs" / "results" / "accuracy.md").read_text(encoding="utf-8")
    assert "| T | 25.00 (1.08) | 75.00 (1.08) |" in page
    assert "| `opi` | one a step | T |  | 12.50 (2.00) |" in page
    assert (
        page.index("| `opi` |")
        < page.index("| *opi, Bu et al.")
        < page.index("| *QCFS")
    )


def test_rows_of_networks_and_methods_that_are_no_more_are_dropped(
    project: Path,
) -> None:
    assert project
    old = dataclasses.replace(made_up(), method="forgotten")
    gone = dataclasses.replace(made_up(), network="alexnet")
    text = ",".join(
        accuracy_store.json.dumps(dataclasses.asdict(m)) for m in (old, gone)
    )
    accuracy_store.ROWS.write_text(f"[{text}]", encoding="utf-8")
    assert accuracy_store.kept() == {}


def test_latency_counts_the_layers_that_wait_for_each_other() -> None:
    page = accuracy_page.page([made_up(method="spikeconverter", latency_steps=76)])
    assert (
        "| `spikeconverter` | one a step, that at step t worth 2^(T-t) | 19 T |" in page
    )


def test_figures_of_another_definition_are_marked() -> None:
    now, then = made_up(), made_up(t=8, described="as it was")
    assert (now.outdated, then.outdated) == (False, True)
    assert "†" not in accuracy_page.page([now])
    page = accuracy_page.page([now, then])
    assert "| 86.04 | 86.04 † |" in page
    assert "† measured before" in page


def test_the_readme_keeps_what_is_around_its_table() -> None:
    readme = (
        f"before\n{accuracy_page.MARKS[0]}\nold\n{accuracy_page.MARKS[1]}\nbehind\n"
    )
    once = accuracy_page.with_summary(readme, [made_up()])
    assert once.startswith("before\n")
    assert once.endswith("\nbehind\n")
    assert "\nold\n" not in once
    assert f"| {RESNET.title} | 91.64 | 86.04 |" in once
    assert accuracy_page.with_summary(once, [made_up()]) == once


def test_published_figures_stand_beside_rows_that_there_are() -> None:
    for each in PUBLISHED:
        assert not each.beside or each.beside in BY_NAME
        assert not each.row or each.row in MEASURED
        assert bool(each.beside) or not each.row


def test_the_pages_are_those_of_the_rows() -> None:
    measured = [*accuracy_store.kept().values()]
    docs = accuracy_page.PROJECT / "docs" / "results"
    assert (docs / "accuracy.md").read_text(encoding="utf-8") == accuracy_page.page(
        measured
    )
    drawn = accuracy_page.pictures(measured)
    found = {
        path.stem: path.read_text(encoding="utf-8")
        for path in docs.glob("pictures/*.svg")
    }
    assert found == {f"accuracy-{name}": svg for name, svg in drawn.items()}
    readme = (accuracy_page.PROJECT / "README.md").read_text(encoding="utf-8")
    assert readme == accuracy_page.with_summary(readme, measured)


def test_as_many_images_are_counted_as_are_loaded(data: Path) -> None:
    for limit, count in ((None, 90), (20, 20), (200, 90)):
        assert count_images(MNIST, data, limit) == count
        assert len(load_images(MNIST, data, limit).test) == count
    assert count_images(BY_NAME["mobilenet-v2"], data, 20) == 20
    assert count_images(BY_NAME["mobilenet-v2"], data) == 300


def test_schedules_are_compared_by_what_an_answer_takes() -> None:
    waits = made_up(
        method="staggered", t=4, latency_steps=22, weight_passes=4, top1=91.25
    )
    lockstep = made_up(t=4)
    text = schedule_table([lockstep, waits])
    assert "| `auto` | 4 | 4 | 4 | 1.08 | 86.04 |" in text
    assert "| `staggered` | 4 | 22 | 4 | 1.08 | 91.25 |" in text
    failed = dataclasses.replace(waits, failed="why")
    assert schedule_table([lockstep, failed]) == ""
    # its latency is no multiple of T, so it is not among the columns of T
    page = accuracy_page.page([lockstep, waits])
    assert "| `staggered` | one a step" not in page.split("## Methods")[0]


def test_curves_have_what_was_measured_twice() -> None:
    rows = [made_up(t=t, top1=80.0 + t) for t in (1, 2)]
    rows += [
        made_up(method="staggered", t=4),
        dataclasses.replace(made_up(method="staggered", t=8), failed="why"),
    ]
    (curve,) = drawn_curves(rows, "auto")
    assert curve == Curve("auto", [Point(1, 1, 81.0), Point(2, 2, 82.0)], bold=True)


def test_a_picture_has_accuracy_over_latency_and_over_passes() -> None:
    lines = [
        Curve("a & b", [Point(1, 1, 40.0), Point(4, 1, 60.0), Point(16, 2, 100.0)]),
        Curve("c", [Point(4, 4, 80.0)], bold=True),
    ]
    root = ET.fromstring(picture("title", 80.0, lines))  # noqa: S314 (our own)
    space = "{http://www.w3.org/2000/svg}"
    found = [
        [tuple(map(float, at.split(","))) for at in line.attrib["points"].split()]
        for line in root.iter(f"{space}polyline")
    ]
    # 30 % are at the bottom, 50 below the ANN; each doubling is as wide
    assert [x for x, _ in found[0]] == [58, 256, 454]
    assert [x for x, _ in found[2]] == [58, 58, 256]
    heights = [y for _, y in found[0]]
    assert heights[0] - heights[1] == pytest.approx(20 / 70 * 230, abs=0.1)
    assert heights[1] - heights[2] == pytest.approx(40 / 70 * 230, abs=0.1)
    assert [y for _, y in found[2]] == [y + 294 for y in heights]
    texts = [text.text for text in root.iter(f"{space}text")]
    assert texts[:3] == ["title", "a & b", "c"]
    assert {"ANN 80.00", "1", "4", "16", "30", "100"} <= set(texts)


def test_what_is_far_below_the_ann_is_not_drawn() -> None:
    curve = Curve("a", [Point(1, 1, 10.0), Point(2, 2, 60.0)])
    root = ET.fromstring(picture("title", 90.0, [curve]))  # noqa: S314 (our own)
    for line in root.iter("{http://www.w3.org/2000/svg}polyline"):
        assert len(line.attrib["points"].split()) == 1


def test_all_lines_of_a_picture_can_be_told_apart() -> None:
    rows = [made_up(method=name, t=t) for name in MEASURED for t in (1, 2)]
    assert len(drawn_curves(rows, "auto")) == len(COLORS)
