"""Operations and their energy as a table: of the ANN, of the network at most and as measured."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from onnx2snn.reporting.page_parts import Cell, Heading, draw_number, draw_table

if TYPE_CHECKING:
    from onnx2snn.reporting.activity import Activity
    from onnx2snn.reporting.energy import Energy
    from onnx2snn.reporting.operations import Macs

__all__ = ["draw_energy"]

_HEADINGS = (
    Heading("for a sample"),
    Heading("ACs", is_number=True),
    Heading("MACs", is_number=True),
    Heading("\N{MICRO SIGN}J", is_number=True),
)


def draw_energy(
    energy: Energy, activity: Activity | None, macs: Macs, time_steps: int
) -> str:
    """Return the operations and their energy as a table, and the constants behind it.

    Args:
        energy: What is known without data.
        activity: What was measured; None if nothing was.
        macs: Multiply-accumulates of the ANN, by what drives them in the network.
        time_steps: T.
    """
    bits, total, left = energy["bits"], macs["total"], energy["multiplied"]
    quantized = f"the ANN, weights of 8 bits, activations of {bits}"
    most = f"this network at T = {time_steps}, if every spike were sent"
    rows = [
        _row("the ANN, float32", 0, total, energy["ann_nj"]),
        _row(quantized, 0, total, energy["quantized_nj"]),
        _row(most, _most_additions(energy), left, energy["snn_most_nj"]),
    ]
    if activity is not None:
        measured = f"this network, as measured on {activity['samples']:,} samples"
        additions = activity["additions"]
        rows += [
            _row(measured, additions, left, activity["snn_nj"]),
            _row(
                "the same with weights of 8 bits",
                additions,
                left,
                activity["snn_int_nj"],
            ),
        ]
    table = draw_table(_HEADINGS, rows, sorts=False, name="few")
    words = [
        _describe_activity(activity),
        _describe_break_even(energy),
        _constants(energy),
    ]
    return f'{table}<p class="quiet">{escape(" ".join(filter(None, words)))}</p>'


def _row(
    name: str,
    additions: float | None,
    multiplied: float | None,
    nanojoules: float | None,
) -> list[Cell]:
    microjoules = None if nanojoules is None else nanojoules / 1000
    return [
        Cell(escape(name)),
        draw_number(additions, ",.0f"),
        draw_number(multiplied, ",.0f"),
        draw_number(microjoules, ",.3f"),
    ]


def _most_additions(energy: Energy) -> float | None:
    """Return the additions for all spikes that can be sent."""
    most, multiplied = energy["snn_most_nj"], energy["multiplied"]
    if most is None or multiplied is None:
        return None
    return (1000 * most - multiplied * energy["mac_pj"]) / energy["ac_pj"]


def _describe_activity(activity: Activity | None) -> str:
    if activity is None or activity["additions"] is None:
        return ""
    return (
        f"Measured: {activity['spikes']:,.0f} spikes a sample; an addition for each weight and "
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
        f"Constants, at 45 nm: {energy['ac_pj']} pJ an addition (AC) and {energy['mac_pj']} pJ a "
        f"multiplication with addition (MAC) in float32; {energy['int_ac_pj']} pJ an addition of "
        f"32-bit integers, {energy['int_mac_pj']:.3g} pJ a weight of 8 bits times "
        f"{energy['bits']} bits, added. Memory and the neurons themselves are left out."
    )
