"""Energy of the arithmetic of a network, before and after conversion."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypedDict

from onnx2snn.analysis.drivers import NOT_SPIKES, Driver

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AC_PJ",
    "INT_AC_PJ",
    "MAC_PJ",
    "Energy",
    "Work",
    "energy_of_work",
    "estimate_energy",
    "int_mac_pj",
]

AC_PJ = 0.9
"""Energy of a float32 addition at 45 nm, in pJ. Source: Horowitz, ISSCC 2014."""

MAC_PJ = 4.6
"""Energy of a float32 multiplication and addition there: 3.7 + 0.9 pJ."""

INT_AC_PJ = 0.1
"""Energy of an addition of 32-bit integers there."""

_INT8_MULTIPLICATION_PJ = 0.2
"""Energy of a multiplication of 8-bit integers there."""

_BYTE = 8
"""Bits of quantized weights, and of quantized inputs of the network."""


def int_mac_pj(bits: int) -> float:
    """Return the energy of a weight of 8 bits times an activation, added to 32 bits, in pJ.

    That of a multiplication is in proportion to the bits of the activation.

    Args:
        bits: Of the activation.
    """
    return _INT8_MULTIPLICATION_PJ * bits / _BYTE + INT_AC_PJ


class Work(TypedDict):
    """Operations of a sample: ``additions`` for spikes, and ``multiplied`` for all other values."""

    additions: float
    multiplied: float


def energy_of_work(work: Work) -> tuple[float, float]:
    """Return the energy of some work in nJ: in float32, and with weights and inputs of 8 bits."""
    additions, multiplied = work["additions"], work["multiplied"]
    in_float = additions * AC_PJ + multiplied * MAC_PJ
    in_int = additions * INT_AC_PJ + multiplied * int_mac_pj(_BYTE)
    return in_float / 1000, in_int / 1000


class Energy(TypedDict):
    """Energy of the arithmetic of one sample, in nJ; memory and neurons are left out.

    ``snn_most_nj`` is an upper bound: every input of every spike-driven weight is a spike in
    every step, or as many as can be at once. ``break_even_rate`` is the mean number of spikes a
    step of such an input at which the spiking network takes as much as the ANN; None if spikes
    drive nothing, or if what is not driven by spikes takes more already. ``quantized_nj`` is that
    of the ANN with weights of 8 bits and activations of ``bits``, which tell as many values apart
    as T spikes do; ``multiplied`` are the multiply-accumulates of the network that spikes do not
    drive. All are None where the multiply-accumulates are not known.
    """

    ac_pj: float
    mac_pj: float
    int_ac_pj: float
    int_mac_pj: float
    bits: int
    ann_nj: float | None
    quantized_nj: float | None
    multiplied: int | None
    snn_most_nj: float | None
    break_even_rate: float | None


def estimate_energy(
    macs: Mapping[str, int | None],
    time_steps: int,
    *,
    levels: int,
    spikes_a_step: int = 1,
    analog_runs: int,
) -> Energy:
    """Return what the multiply-accumulates of a network cost.

    Args:
        macs: Their number for one sample by what drives them, as in ``Analysis``.
        time_steps: T.
        levels: Number of equal steps into which T spikes divide values.
        spikes_a_step: Most spikes that a neuron sends at once.
        analog_runs: How often what is not driven by spikes, and lies between neurons, is computed.
    """
    bits = max(math.ceil(math.log2(levels + 1)), 1)
    found = _unknown_energy(bits)
    known = {driver: count for driver, count in macs.items() if count is not None}
    if len(known) < len(macs):
        return found
    ann = known["total"] * MAC_PJ
    once = known[Driver.STATIC] + known[Driver.READOUT]
    in_every_step = sum(known[driver] for driver in NOT_SPIKES)
    multiplied = once + analog_runs * in_every_step
    fixed = multiplied * MAC_PJ
    driven = time_steps * known[Driver.SPIKES] * AC_PJ  # one spike an input and step
    found["ann_nj"] = ann / 1000
    found["quantized_nj"] = known["total"] * found["int_mac_pj"] / 1000
    found["multiplied"] = multiplied
    found["snn_most_nj"] = (fixed + spikes_a_step * driven) / 1000
    if driven > 0 and ann >= fixed:
        found["break_even_rate"] = (ann - fixed) / driven
    return found


def _unknown_energy(bits: int) -> Energy:
    """Return the constants, and no energy."""
    return {
        "ac_pj": AC_PJ,
        "mac_pj": MAC_PJ,
        "int_ac_pj": INT_AC_PJ,
        "int_mac_pj": int_mac_pj(bits),
        "bits": bits,
        "ann_nj": None,
        "quantized_nj": None,
        "multiplied": None,
        "snn_most_nj": None,
        "break_even_rate": None,
    }
