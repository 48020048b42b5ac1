"""The energy of the arithmetic as a table: the ANN, and the network at most and as measured."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from onnx2snn.reporting.page_parts import Cell, Heading, draw_number, draw_table

if TYPE_CHECKING:
    from onnx2snn.reporting.activity import Activity
    from onnx2snn.reporting.energy import Energy

__all__ = ["draw_energy"]

_HEADINGS = (
    Heading("energy of the arithmetic of a sample"),
    Heading("\N{MICRO SIGN}J", is_number=True),
)


def draw_energy(energy: Energy, activity: Activity | None, time_steps: int) -> str:
    """Return the table and the constants behind it.

    Args:
        energy: What is known without data.
        activity: What was measured; None if nothing was.
        time_steps: T.
    """
    bits = energy["bits"]
    rows = [
        ("the ANN, float32", energy["ann_nj"]),
        (f"the ANN, weights of 8 bits, activations of {bits}", energy["quantized_nj"]),
        (
            f"this network at T = {time_steps}, if every spike were sent",
            energy["snn_most_nj"],
        ),
    ]
    if activity is not None:
        number = f"{activity['samples']:,} samples"
        rows += [
            (f"this network, as measured on {number}", activity["snn_nj"]),
            ("the same with weights of 8 bits", activity["snn_int_nj"]),
        ]
    cells = [[Cell(escape(name)), _in_microjoules(value)] for name, value in rows]
    table = draw_table(_HEADINGS, cells, sorts=False, name="few")
    words = [
        _describe_activity(activity),
        _describe_break_even(energy),
        _constants(energy),
    ]
    return f'{table}<p class="quiet">{escape(" ".join(filter(None, words)))}</p>'


def _in_microjoules(nanojoules: float | None) -> Cell:
    return draw_number(None if nanojoules is None else nanojoules / 1000, ",.3f")


def _describe_activity(activity: Activity | None) -> str:
    if activity is None or activity["additions"] is None:
        return ""
    return (
        f"Measured: {activity['additions']:,.0f} additions a sample, one for each weight and "
        "input of it that is not 0."
    )


def _describe_break_even(energy: Energy) -> str:
    rate = energy["break_even_rate"]
    if rate is None:
        return ""
    return (
        f"ANN and network are equal at {rate:.3g} spikes a step for each input of the weights, in "
        "float32."
    )


def _constants(energy: Energy) -> str:
    return (
        f"Constants, at 45 nm: {energy['ac_pj']} pJ an addition and {energy['mac_pj']} pJ a "
        f"multiplication with addition in float32; {energy['int_ac_pj']} pJ an addition of 32-bit "
        f"integers, {energy['int_mac_pj']:.3g} pJ a weight of 8 bits times {energy['bits']} bits, "
        "added. Memory and the neurons themselves are left out."
    )
