"""The picture of a sweep: score over T, a line for each method."""

from __future__ import annotations

import importlib
import io
from typing import TYPE_CHECKING, Any

from onnx2snn.errors import OptionError
from onnx2snn.storage.whole_files import check_writable, write_whole

if TYPE_CHECKING:
    import os

    from onnx2snn.sweeping.sweep import Sweep

__all__ = ["check_plot", "write_plot"]

_MOST_LINES = 6
"""Lines in one panel: more cannot be told apart."""

_FORMATS = (".svg", ".png", ".pdf")

_PANEL = (5.2, 3.4)
"""Width and height of a panel, in inches: readable on a telephone."""

_STYLE = {
    "font.size": 10.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "onnx2snn",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def check_plot(path: str | os.PathLike[str]) -> None:
    """Refuse, before long work, what no picture can be written to.

    Raises:
        OptionError: The name has another ending, or matplotlib is not installed.
        OutputError: The file cannot be written.
    """
    check_writable(path)
    if not str(path).endswith(_FORMATS):
        endings = ", ".join(_FORMATS)
        message = f"plot: {str(path)!r} must end in one of {endings}"
        raise OptionError(message)
    _matplotlib("matplotlib")


def write_plot(sweep: Sweep, path: str | os.PathLike[str]) -> None:
    """Draw a sweep, six methods a panel at most.

    Raises:
        OptionError: The name has another ending, or matplotlib is not installed.
        OutputError: The file cannot be written.
    """
    check_plot(path)
    with _matplotlib("matplotlib").rc_context(_STYLE):
        figure = _draw(sweep)
        drawn = io.BytesIO()
        ending = str(path).rpartition(".")[2]
        metadata = {"Date": None} if ending == "svg" else None
        figure.savefig(drawn, format=ending, metadata=metadata)
    write_whole(path, lambda file: file.write(drawn.getvalue()))


def _draw(sweep: Sweep) -> Any:  # noqa: ANN401 (a figure of matplotlib, which need not be there)
    methods = sweep.methods
    groups = [
        methods[start : start + _MOST_LINES]
        for start in range(0, len(methods), _MOST_LINES)
    ]
    width, height = _PANEL
    figure = _matplotlib("matplotlib.figure").Figure(
        figsize=(width, height * len(groups)), layout="constrained"
    )
    for number, group in enumerate(groups, 1):
        axes = figure.add_subplot(len(groups), 1, number)
        _draw_panel(axes, sweep, group)
    return figure


def _draw_panel(axes: Any, sweep: Sweep, methods: list[str]) -> None:  # noqa: ANN401
    for method in methods:
        cells = [cell for cell in sweep.of_method(method) if cell.score is not None]
        steps = [cell.T for cell in cells]
        axes.plot(steps, [cell.score for cell in cells], marker="o", label=method)
    if sweep.ann_score is not None:
        axes.axhline(sweep.ann_score, color="0.4", linestyle="--", label="ANN")
    axes.set_xscale("log", base=2)
    marks = sorted({cell.T for cell in sweep.cells})
    axes.set_xticks(marks, [str(mark) for mark in marks])
    axes.set_xlabel("T, time steps")
    axes.set_ylabel(sweep.score_name)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9)


def _matplotlib(module: str) -> Any:  # noqa: ANN401 (a module that need not be there)
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = "pictures need matplotlib: pip install 'onnx2snn[plot]'"
        raise OptionError(message) from error
