"""Neurons over their inputs and over time, as the operators of the package compute."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

from drawing.style import BLUE, GRAY, INK, SETTINGS, VERMILION, new_figure
from onnx2snn.ops import ALL_OPS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Run", "draw_neurons", "draw_staircase", "mean_output", "run_neuron"]

THRESHOLD = 1.0
V_INIT = THRESHOLD / 2
"""The initial potential, which makes the stairs round to the nearest."""

STAIRS = (2, 4, 8)
CURRENTS = (0.75, 0.75, 0.75, 0.75, -0.5, -0.5, -0.5, -0.5)
TIME = range(1, len(CURRENTS) + 1)
ROWS = ("current", "potential", "spikes")
DASHES = (0, (4, 2))
NEURONS = {
    "IntegrateAndFire": "plain: IF",
    "GatedDoubleThresholdIF": "gated: signed IF",
}


@dataclasses.dataclass(frozen=True)
class Run:
    """The time steps of a neuron.

    Attributes:
        spikes: 1, 0 or -1 in each step, shape [T, ...].
        potentials: What is left after each step, in units of the activation.
    """

    spikes: np.ndarray
    potentials: np.ndarray


def run_neuron(name: str, currents: np.ndarray) -> Run:
    """Run the operator ``name`` on ``currents``, shape [T, ...], threshold 1."""
    op = ALL_OPS[name]
    state = {key: np.zeros_like(currents[0]) for key in op.state}
    state["v"] += V_INIT
    constants = {"v_threshold": THRESHOLD, "v_threshold_negative": 0.0}
    spikes, potentials = [], []
    for current in currents:
        known = {"current": current, **state, **constants}
        results = op.step(*(np.asarray(known[key]) for key in op.inputs))
        named = dict(zip(op.outputs, results, strict=True))
        state = {key: named[after] for key, after in op.state.items()}
        spikes.append(named["spike"])
        potentials.append(named["v_next"])
    return Run(np.stack(spikes), np.stack(potentials))


def mean_output(name: str, currents: np.ndarray, steps: int) -> np.ndarray:
    """Return what a neuron sends a step, on average, if ``currents`` never change."""
    run = run_neuron(name, np.broadcast_to(currents, (steps, *currents.shape)))
    return THRESHOLD * run.spikes.mean(axis=0)


def draw_staircase() -> Figure:
    """Draw the mean output of a neuron over its current, for several T."""
    figure = new_figure(2.5)
    with mpl.rc_context(SETTINGS):
        panels = figure.subplots(1, len(STAIRS), sharey=True)
        for axes, steps in zip(panels, STAIRS, strict=True):
            _draw_stairs(axes, steps)
        panels[0].set_ylabel("mean output")
        panels[0].legend(loc="upper left", handlelength=1.5, borderaxespad=0)
    return figure


def _draw_stairs(axes: Axes, steps: int) -> None:
    currents = np.linspace(-0.4, 1.4, 1801)
    relu = np.maximum(currents, 0)
    sent = mean_output("GatedDoubleThresholdIF", currents, steps)
    axes.plot(currents, relu, color=INK, linestyle=DASHES, label="ReLU")
    axes.plot(currents, sent, color=BLUE.line, linewidth=2, label="neuron")
    axes.set_title(f"T = {steps}")
    axes.set_xticks([0, THRESHOLD], ["0", "θ"])
    axes.set_yticks([0, THRESHOLD], ["0", "θ"])
    axes.set_xlabel("current")


def draw_neurons() -> Figure:
    """Draw a plain and a gated neuron while their current turns negative."""
    figure = new_figure(4.6)
    with mpl.rc_context(SETTINGS):
        grid = figure.subplots(3, len(NEURONS), sharex=True, sharey="row")
        for column, (name, title) in enumerate(NEURONS.items()):
            current, potential, spikes = grid[:, column]
            run = run_neuron(name, np.asarray(CURRENTS))
            current.set_title(title, weight="bold")
            current.bar(TIME, CURRENTS, width=0.7, color=GRAY.line)
            _draw_potentials(potential, run.potentials)
            _draw_spikes(spikes, run.spikes)
        for axes in grid.flat:
            axes.axhline(0, color=GRAY.line, linewidth=0.8)
        for axes, label in zip(grid[:, 0], ROWS, strict=True):
            axes.set_ylabel(label)
        figure.align_ylabels(grid[:, 0])
    return figure


def _draw_potentials(axes: Axes, potentials: np.ndarray) -> None:
    axes.plot(TIME, potentials, color=BLUE.line, marker="o", markersize=4)
    axes.axhline(THRESHOLD, color=INK, linestyle=DASHES, linewidth=1)
    axes.text(TIME[-1], THRESHOLD + 0.08, "threshold", ha="right", va="bottom")


def _draw_spikes(axes: Axes, spikes: np.ndarray) -> None:
    colors = [BLUE.line if spike > 0 else VERMILION.line for spike in spikes]
    axes.bar(TIME, spikes, width=0.25, color=colors)
    axes.set_ylim(-1.3, 2.3)
    axes.set_yticks([-1, 0, 1])
    axes.set_xticks(TIME)
    axes.set_xlabel("time step")
    wanted = max(0, sum(CURRENTS) / THRESHOLD)
    text = f"sum {spikes.sum():.0f}, of a ReLU {wanted:.0f}"
    axes.text(0.5, 2.2, text, va="top")
