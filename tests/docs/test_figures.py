"""The figures show what the package computes."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import pytest

import onnx2snn
from drawing import FIGURES, graphs, neurons, rooms, schedules
from drawing.style import write_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PACKAGE = Path(onnx2snn.__file__).parent
STEPS = 4
IMAGES = np.random.default_rng(0).random((32, 1, 8, 8)).astype(np.float32)


def network(layers: int) -> ir.Model:
    """Return as many Conv with Relu, and a Gemm."""
    rng = np.random.default_rng(1)
    shapes = {f"w{layer}": (2, 2 if layer else 1, 3, 3) for layer in range(layers)}
    weights = {
        name: ir.tensor(0.3 * rng.standard_normal(shape).astype(np.float32), name=name)
        for name, shape in {**shapes, "head": (128, 10)}.items()
    }
    names = ["image", *(f"a{layer}" for layer in range(layers))]
    body = [
        f"c{layer} = Conv <pads=[1,1,1,1]> ({before}, w{layer}) {after} = Relu (c{layer})"
        for layer, (before, after) in enumerate(itertools.pairwise(names))
    ]
    return ir.from_onnx_text(
        f"""<ir_version: 8, opset_import: ["": 17]>
        net (float[N,1,8,8] image) => (float[N,10] logits) {{
            {" ".join(body)}
            flat = Flatten ({names[-1]})
            logits = Gemm (flat, head)
        }}""",
        initializers=weights.values(),
    )


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def numbers(figure: Figure) -> list[int]:
    return [int(text) for text in texts(figure.axes[0]) if text.isdigit()]


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_is_drawn_the_same_twice(name: str, tmp_path: Path) -> None:
    for file in ("first.svg", "second.svg"):
        write_svg(FIGURES[name](), tmp_path / file)
    first = (tmp_path / "first.svg").read_text(encoding="utf-8")
    assert first == (tmp_path / "second.svg").read_text(encoding="utf-8")
    assert "<text" in first


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_cut_off(name: str) -> None:
    figure = FIGURES[name]()
    figure.draw_without_rendering()
    tight = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert tight.x0 >= 0
    assert tight.y0 >= 0
    assert tight.x1 <= width
    assert tight.y1 <= height


def test_graphs_show_the_parts_of_an_emitted_graph() -> None:
    model = onnx2snn.convert(network(layers=2), T=STEPS, calibration=IMAGES).model
    nodes = list(model.graph.node)
    (place,) = (i for i, node in enumerate(nodes) if node.op_type == "Loop")
    body = next(a.g for a in nodes[place].attribute if a.name == "body")
    drawn = {*graphs.PROLOGUE, *graphs.LOOP, *graphs.EPILOGUE}

    def shown(part: list) -> tuple[str, ...]:
        return tuple(node.op_type for node in part if node.op_type in drawn)

    assert shown(nodes[:place]) == graphs.PROLOGUE
    assert shown(body.node) == graphs.LOOP
    assert shown(nodes[place + 1 :]) == graphs.EPILOGUE
    names = texts(FIGURES["graphs"]().axes[0])
    assert {"prologue", "Loop", "epilogue"} <= set(names)


@pytest.mark.parametrize("name", neurons.NEURONS)
@pytest.mark.parametrize("steps", neurons.STAIRS)
def test_stairs_round_a_relu_to_the_nearest(name: str, steps: int) -> None:
    currents = np.arange(-4, 24) / 16
    nearest = np.floor(steps * np.clip(currents, 0, 1) + 0.5) / steps
    assert np.array_equal(neurons.mean_output(name, currents, steps), nearest)


def test_the_staircase_has_a_panel_for_each_number_of_steps() -> None:
    panels = FIGURES["staircase"]().axes
    assert [axes.get_title() for axes in panels] == ["T = 2", "T = 4", "T = 8"]
    for axes, steps in zip(panels, neurons.STAIRS, strict=True):
        relu, sent = (line.get_ydata() for line in axes.lines)
        assert len(np.unique(sent)) == steps + 1
        assert np.abs(relu - sent)[relu <= 1].max() <= 0.5 / steps + 1e-9


def test_only_the_gated_neuron_ends_at_the_relu() -> None:
    currents = np.asarray(neurons.CURRENTS)
    plain = neurons.run_neuron("IntegrateAndFire", currents)
    gated = neurons.run_neuron("GatedDoubleThresholdIF", currents)
    assert plain.spikes.tolist() == [1, 1, 0, 1, 0, 0, 0, 0]
    assert gated.spikes.tolist() == [1, 1, 0, 1, 0, -1, 0, -1]
    assert plain.potentials[-1] == -1.5
    assert gated.potentials[-1] == 0.5
    panels = FIGURES["neurons"]().axes
    assert "sum 3, of a ReLU 1" in texts(panels[4])
    assert "sum 1, of a ReLU 1" in texts(panels[5])


@pytest.mark.parametrize("schedule", schedules.SCHEDULES)
def test_the_latency_is_that_of_the_report(schedule: str) -> None:
    ann = network(schedules.LAYERS)
    report = onnx2snn.convert(
        ann, T=STEPS, calibration=IMAGES, schedule=schedule
    ).report
    drawn = schedules.latency(schedule, schedules.LAYERS, STEPS)
    assert report["latency_steps"] == drawn
    figure = FIGURES["schedules"]()
    assert f"answer after {drawn} steps" in texts(figure.axes[0])
    assert sorted(numbers(figure)) == sorted([1, 2, 3, 4] * 4 + [*range(5, 13)])


def test_the_pipeline_names_each_room_once() -> None:
    drawn = texts(FIGURES["pipeline"]().axes[0])
    for room in (*rooms.STAGES, *rooms.BESIDE):
        assert drawn.count(room) == 1
        assert (PACKAGE / room / "__init__.py").exists()
    passes = {room.removeprefix("passes/") for room in rooms.STAGES if "/" in room}
    assert passes == {path.parent.name for path in PACKAGE.glob("passes/*/__init__.py")}


@pytest.mark.parametrize(
    "stage, room", [*rooms.ASKED.items(), ("passes/spiking", "analysis")]
)
def test_a_stage_asks_the_room_beside_it(stage: str, room: str) -> None:
    code = [path.read_text(encoding="utf-8") for path in (PACKAGE / stage).glob("*.py")]
    assert any(f"from onnx2snn.{room}" in text for text in code)
