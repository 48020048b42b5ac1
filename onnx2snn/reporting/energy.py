"""Energy of the arithmetic of a network, before and after conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from onnx2snn.analysis.drivers import NOT_SPIKES, Driver

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AC_PJ", "MAC_PJ", "Energy", "estimate_energy"]

AC_PJ = 0.9
"""Energy of a float32 addition at 45 nm, in pJ. Source: Horowitz, ISSCC 2014."""

MAC_PJ = 4.6
"""Energy of a float32 multiplication and addition there: 3.7 + 0.9 pJ."""


class Energy(TypedDict):
    """Energy of the arithmetic of one sample, in nJ; memory and neurons are left out.

    ``snn_most_nj`` is an upper bound: every input of every spike-driven weight is a spike in
    every step, or as many as can be at once. ``break_even_rate`` is the mean number of spikes a
    step of such an input at which the spiking network takes as much as the ANN; None if spikes
    drive nothing, or if what is not driven by spikes takes more already. All are None where the
    multiply-accumulates are not known.
    """

    ac_pj: float
    mac_pj: float
    ann_nj: float | None
    snn_most_nj: float | None
    break_even_rate: float | None


_UNKNOWN: Energy = {
    "ac_pj": AC_PJ,
    "mac_pj": MAC_PJ,
    "ann_nj": None,
    "snn_most_nj": None,
    "break_even_rate": None,
}
"""Where it is not known how many there are."""


def estimate_energy(
    macs: Mapping[str, int | None],
    time_steps: int,
    *,
    spikes_a_step: int = 1,
    analog_runs: int,
) -> Energy:
    """Return what the multiply-accumulates of a network cost.

    Args:
        macs: Their number for one sample by what drives them, as in ``Analysis``.
        time_steps: T.
        spikes_a_step: Most spikes that a neuron sends at once.
        analog_runs: How often what is not driven by spikes, and lies between neurons, is computed.
    """
    known = {driver: count for driver, count in macs.items() if count is not None}
    if len(known) < len(macs):
        return _UNKNOWN
    ann = known["total"] * MAC_PJ
    once = known[Driver.STATIC] + known[Driver.READOUT]
    in_every_step = sum(known[driver] for driver in NOT_SPIKES)
    fixed = (once + analog_runs * in_every_step) * MAC_PJ
    driven = time_steps * known[Driver.SPIKES] * AC_PJ  # one spike an input and step
    can_break_even = driven > 0 and ann >= fixed
    return {
        "ac_pj": AC_PJ,
        "mac_pj": MAC_PJ,
        "ann_nj": ann / 1000,
        "snn_most_nj": (fixed + spikes_a_step * driven) / 1000,
        "break_even_rate": (ann - fixed) / driven if can_break_even else None,
    }
