"""What a network is converted for: choices that other simulators and chips can take."""

from __future__ import annotations

import dataclasses

from onnx2snn.arguments import checked_choice
from onnx2snn.errors import OptionError
from onnx2snn.methods.method import Method
from onnx2snn.methods.published import METHODS

__all__ = ["TARGETS", "Target", "method_of_target"]


@dataclasses.dataclass(frozen=True)
class Target:
    """Where a network is to run.

    Attributes:
        name: By which it is chosen.
        meaning: What it is for, in a phrase.
        method: The method whose networks run there as they were made.
    """

    name: str
    meaning: str
    method: Method


def _method(name: str, summary: str, neuron: str) -> Method:
    """Return a method with one threshold a layer, and no potential to start with."""
    return Method(
        name,
        summary,
        "this project",
        neuron=neuron,
        per_channel=False,
        v_init=0.0,
        corrections=("weights", "threshold-scaling"),
    )


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target(
            "speck",
            "sinabs, and through it Speck",
            _method("speck", "plain spikes, one threshold a layer", "if"),
        ),
        Target(
            "nir",
            "readers of NIR that subtract the threshold on a spike: norse, generic",
            _method("nir", "plain spikes, one threshold a layer", "if"),
        ),
        Target(
            "nir-hard-reset",
            "readers of NIR that set the potential to 0: spikingjelly, snntorch",
            _method(
                "nir-hard-reset", "a spike resets the potential to 0", "hard-reset"
            ),
        ),
    )
}
"""Name to target."""


def method_of_target(target: str, method: str | Method) -> Method:
    """Return the method of a target.

    Args:
        target: Its name.
        method: The method that is given as well: the default, which is none.

    Raises:
        OptionError: There is no such target, or another method is given.
    """
    checked_choice("target", target, TARGETS)
    if method not in {"auto", METHODS["auto"]}:
        message = (
            "method and target both choose how neurons fire: leave out one of them; parts of a "
            "method can be given beside a target"
        )
        raise OptionError(message)
    return TARGETS[target].method
