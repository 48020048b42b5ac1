"""Thresholds of few samples: how much room they leave for values that nobody has seen.

    python -m benchmarks.unseen_values

trains the networks of ``benchmarks/regressors.py`` and finds thresholds of least squared error for
their activations on a few of the training samples, with each of several rules for the values that
are still to come. It prints what T steps then lose of the activations on 1,024 other training
samples, as a part of them; labels are not used. Needs PyTorch; seed 0.
"""

from __future__ import annotations

import argparse
import functools
import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch
from onnx import helper
from rich.console import Console
from rich.table import Table

from benchmarks.regressors import ACTIVATIONS, FUNCTIONS, INPUTS, SEED, trained
from onnx2snn.calibration.histogram import Histogram
from onnx2snn.calibration.quantization_error import QuantizationError
from onnx2snn.calibration.thresholds import mse_threshold
from onnx2snn.calibration.unseen_values import UnseenValue
from onnx2snn.runtime.ort import open_runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import onnx

HELD_OUT = 1024
_LAYERS = ("Gelu", "LeakyRelu", "Relu")


class _Nothing(UnseenValue):
    """No value that was not seen."""

    def errors(self, thetas: np.ndarray) -> np.ndarray:
        """Return zeros."""
        return np.zeros_like(thetas)


class _Lomax(UnseenValue):
    """One whose excess has the tail of whoever knows only the mean of so many values.

    With the mean excess b and n values in the tail: P (excess > d) = (1 + d / (n b))^-n.
    """

    _VALUES_IN_TAIL = 4

    def errors(self, thetas: np.ndarray) -> np.ndarray:
        """Return the squared error, from the second moment of the distribution's tail."""
        n = self._VALUES_IN_TAIL
        beta = np.maximum(self._beta, np.finfo(np.float32).tiny)
        difference = thetas - self._largest
        room, lacking = np.maximum(difference, 0), np.maximum(-difference, 0)
        scale = n * beta
        beyond = 2 * scale**2 / ((n - 1) * (n - 2)) * (1 + room / scale) ** (2 - n)
        return np.asarray(lacking**2 + 2 * lacking * beta + beyond)


def _threshold(
    seen: np.ndarray, time_steps: int, unseen: type[UnseenValue], margin: float = 1
) -> np.ndarray:
    """Return the thresholds of [channels, values] with a rule for values to come."""
    histogram = Histogram(len(seen))
    histogram.update(seen)
    rule = functools.cached_property(lambda error: unseen(error._histogram))  # noqa: SLF001
    rule.__set_name__(QuantizationError, "_unseen")
    own = QuantizationError.__dict__["_unseen"]
    QuantizationError._unseen = rule  # type: ignore[method-assign]  # noqa: SLF001
    try:
        return margin * mse_threshold(histogram, time_steps).values
    finally:
        QuantizationError._unseen = own  # type: ignore[method-assign]  # noqa: SLF001


RULES: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "nothing": lambda seen, t: _threshold(seen, t, _Nothing),
    "margin 1.25": lambda seen, t: _threshold(seen, t, _Nothing, 1.25),
    "margin 1.5": lambda seen, t: _threshold(seen, t, _Nothing, 1.5),
    "exponential": lambda seen, t: _threshold(seen, t, UnseenValue),
    "Lomax": lambda seen, t: _threshold(seen, t, _Lomax),
}
"""Name of a rule to the thresholds it gives for values seen, [channels, values], and T."""


def _loss(values: np.ndarray, thetas: np.ndarray, time_steps: int) -> float:
    """Return what T steps lose of values [channels, N], as a part of them."""
    unit = thetas[:, None] / time_steps
    levels = np.clip(np.floor(values / unit + 0.5), 0, time_steps)
    lost = np.linalg.norm(levels * unit - values)
    return float(lost / np.linalg.norm(values))


def _activations(ann: onnx.ModelProto, x: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the positive part of each activation, [channels, N]."""
    for node in ann.graph.node:
        if node.op_type in _LAYERS:
            output = helper.make_empty_tensor_value_info(node.output[0])
            ann.graph.output.append(output)
    for found in open_runner(ann)({"x": x})[1:]:
        yield np.maximum(found, 0).T


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--T", type=int, nargs="+", default=(32, 128))
    parser.add_argument("--samples", type=int, nargs="+", default=(32, 128, 512))
    options = parser.parse_args()
    torch.manual_seed(SEED)
    x = torch.randn(2048, INPUTS).numpy()
    losses: dict[tuple[int, int, str], list[float]] = {}
    for activation, function in itertools.product(ACTIVATIONS, FUNCTIONS):
        ann = trained(ACTIVATIONS[activation], FUNCTIONS[function])
        for layer in _activations(ann, x):
            other = layer[:, -HELD_OUT:]
            for t, samples, rule in itertools.product(
                options.T, options.samples, RULES
            ):
                thetas = RULES[rule](layer[:, :samples], t)
                losses.setdefault((t, samples, rule), []).append(
                    _loss(other, thetas, t)
                )
    table = Table("T", "samples", *RULES)
    for t, samples in itertools.product(options.T, options.samples):
        means = [np.mean(losses[t, samples, rule]) for rule in RULES]
        table.add_row(str(t), str(samples), *(f"{mean:.4f}" for mean in means))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
