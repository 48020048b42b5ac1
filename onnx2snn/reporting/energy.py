"""Energy of the arithmetic of a network, before and after conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

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
    drive nothing, or if what is not driven by spikes takes more already.
    """

    ac_pj: float
    mac_pj: float
    ann_nj: float
    snn_most_nj: float
    break_even_rate: float | None


def estimate_energy(
    macs: Mapping[str, int],
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
    ann = macs["total"] * MAC_PJ
    once = macs["static"] + macs["readout"]
    fixed = (once + analog_runs * macs["analog"]) * MAC_PJ
    driven = time_steps * macs["spikes"] * AC_PJ  # one spike an input and step
    can_break_even = driven > 0 and ann >= fixed
    return {
        "ac_pj": AC_PJ,
        "mac_pj": MAC_PJ,
        "ann_nj": ann / 1000,
        "snn_most_nj": (fixed + spikes_a_step * driven) / 1000,
        "break_even_rate": (ann - fixed) / driven if can_break_even else None,
    }
