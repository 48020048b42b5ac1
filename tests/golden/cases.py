"""The table of conversions that must stay the same.

``python -m tests.golden.cases FOLDER`` writes their networks and inputs to FOLDER.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from tests.golden import networks
from tests.golden.networks import CONVOLUTIONS, SEQUENCES, convolutions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.golden.networks import Network


@dataclasses.dataclass(frozen=True)
class Case:
    """A conversion.

    Attributes:
        network: What makes the ANN and its inputs.
        options: Of ``onnx2snn.convert``.
        time_steps: T.
        calibrated: Whether the inputs are given as calibration data.
        is_exact: Whether its numbers are the same on any machine: weights and data are
            dyadic, and thresholds are values of the network or of the data.
    """

    network: Callable[[], Network]
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    time_steps: int = 4
    calibrated: bool = True
    is_exact: bool = False


METHODS = (
    "auto",
    "opi",
    "termapping",
    "augmapping",
    "spikeconverter",
    "staggered",
    "max-norm",
    "percentile",
    "channel-norm",
    "spike-norm",
    "rmp",
    "mse",
    "ltb",
    "snn-calibration",
    "snn-calibration-advanced",
    "ftbc",
    "burst",
    "h-mt",
    "fast-snn",
)
LAYERWISE = {"schedule": "layerwise"}
LARGEST = {"threshold": "max", "corrections": ()}
"""Thresholds that no arithmetic rounds."""


def of_digits(**options: Any) -> Case:
    return Case(networks.digits, options)


def of(make: Callable[..., Network], *given: Any, **options: Any) -> Case:
    return Case(functools.partial(make, *given), options)


def exact(make: Callable[..., Network], *given: Any, **options: Any) -> Case:
    return Case(functools.partial(make, *given), LARGEST | options, is_exact=True)


def without_data(case: Case) -> Case:
    return dataclasses.replace(case, calibrated=False)


def dashed(name: str) -> str:
    return name.replace(" ", "-")


DIGITS = {f"digits-{method}": of_digits(method=method) for method in METHODS} | {
    "digits-layerwise": of_digits(**LAYERWISE),
    "digits-layerwise-step-by-step": of_digits(**LAYERWISE, collapse=False),
    "digits-layerwise-augmented": of_digits(
        **LAYERWISE,
        neuron="augmented",
        max_spikes=3,
    ),
    "digits-staggered-joins": of_digits(schedule="staggered", delays="joins"),
    "digits-staggered-multistep": of_digits(
        schedule="staggered", layout="multistep", corrections=["bias"]
    ),
    "digits-layerwise-all": of_digits(**LAYERWISE, spike="all"),
    "digits-inverse-leaky-1.5": of_digits(method="spikeconverter", leak=1.5),
    "digits-keep-weights": of_digits(keep_weights=True),
    "digits-all": of_digits(spike="all"),
    "digits-until": of_digits(until=["/relu_2/Relu"]),
    "digits-exclude": of_digits(nodes_to_exclude=["/relu_1/Relu"]),
    "digits-no-data": without_data(of_digits()),
    "digits-no-data-if": without_data(of_digits(neuron="if", v_init=0.25)),
    "digits-potential": of_digits(neuron="if", corrections=["potential"]),
    # An older name of threshold-scaling, which older revisions know too.
    "digits-step-bias": of_digits(corrections=["headroom", "step-bias"]),
    "digits-skip-passes": of_digits(skip_passes=["move-max-pool", "fold-batch-norm"]),
    "digits-rate": of_digits(input_coding="rate"),
}
EXACT = {f"exact-{dashed(name)}": exact(convolutions, name) for name in CONVOLUTIONS}
EXACT |= {f"exact-drawn-{seed}": exact(networks.drawn, seed) for seed in range(6)}
EXACT |= {
    "exact-staggered": exact(convolutions, "residual", schedule="staggered"),
    "exact-layerwise": exact(convolutions, "residual", **LAYERWISE),
    "exact-inverse-leaky": exact(
        convolutions,
        "relu",
        **LAYERWISE,
        neuron="inverse-leaky",
    ),
    "exact-if": exact(convolutions, "max pool", neuron="if"),
    "exact-hard-reset": exact(convolutions, "relu", neuron="hard-reset"),
    "exact-augmented": exact(convolutions, "residual", neuron="augmented"),
    "exact-all": exact(convolutions, "residual", spike="all"),
    "exact-rate": exact(networks.coded, "relu", input_coding="rate", seed=3),
    "exact-events": exact(networks.coded, "max pool", 4, input_coding="events"),
    "exact-several-outputs": exact(networks.several_outputs),
    "exact-branches": exact(networks.two_branches),
    "exact-until": exact(networks.small, "gemm chain", until=["r1"]),
}
NORMAL = {f"normal-{dashed(name)}": of(networks.sequence, name) for name in SEQUENCES}
NORMAL |= {
    "normal-quantized": of(networks.small, "quantized"),
    "normal-quantized-no-data": without_data(of(networks.small, "quantized")),
    "normal-fake-quantizer": of(networks.small, "fake quantizer"),
    "normal-batch-norm": of(networks.batch_norm),
    "normal-batch-norm-no-data": without_data(of(networks.batch_norm)),
    "normal-lstm-all": of(networks.sequence, "lstm", spike="all"),
    "normal-attention-layerwise": of(networks.sequence, "attention", **LAYERWISE),
    "normal-events": of(networks.coded, "residual", 4, input_coding="events"),
}
CASES: dict[str, Case] = DIGITS | EXACT | NORMAL


def main() -> None:
    """Write the networks, their inputs, and ``cases.json`` to a folder."""
    folder = Path(sys.argv[1])
    for name, case in CASES.items():
        network = case.network()
        onnx.save(network.model, folder / f"{name}.onnx")
        arrays = {
            f"{number} {key}": data
            for number, batch in enumerate(network.batches)
            for key, data in batch.items()
        }
        np.savez(folder / f"{name}.npz", **arrays)
    listed = [plain(name, case) for name, case in CASES.items()]
    (folder / "cases.json").write_text(json.dumps(listed))


def plain(name: str, case: Case) -> dict[str, Any]:
    return {
        "name": name,
        "T": case.time_steps,
        "calibrated": case.calibrated,
        "options": dict(case.options),
    }


if __name__ == "__main__":
    main()
