"""The sizes of the values that neurons can tell apart."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.graph import array
from onnx2snn.schedules import spike_weights_of
from onnx2snn.schedules.loops import named_inputs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    import onnx_ir as ir

__all__ = ["Levels"]


@dataclasses.dataclass(frozen=True)
class Levels:
    """Sizes of the values that the spikes of a neuron can stand for.

    Attributes:
        spikes_a_step: Most spikes that a neuron sends in a step.
        per_spike: Number of sizes that a spike can have.
        after_all_steps: Number of equal steps up to the largest value it can send in T steps.
    """

    spikes_a_step: int
    per_spike: int
    after_all_steps: int

    @classmethod
    def of(cls, neurons: Sequence[ir.Node], time_steps: int) -> Self:
        """Return the most that any of ``neurons`` has, in T steps."""
        spikes_a_step = max(map(_spikes_at_once, neurons))
        all_weights = map(spike_weights_of, neurons)
        weights = max(all_weights, key=lambda found: found.leak)
        is_weighted = weights.leak != 1.0
        levels_of_counts = time_steps * spikes_a_step
        levels_of_weights = weights.levels(time_steps)
        return cls(
            spikes_a_step=spikes_a_step,
            per_spike=time_steps if is_weighted else spikes_a_step,
            after_all_steps=max(levels_of_counts, levels_of_weights),
        )


def _spikes_at_once(neuron: ir.Node) -> int:
    """Return the most spikes that ``neuron`` sends in a step."""
    inputs = named_inputs(neuron)
    if "max_spikes" not in inputs:
        return 1
    return int(array(inputs["max_spikes"]))
