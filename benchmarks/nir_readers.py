"""NIR files run by the simulators that they are written for, through their own importers.

Needs the extra ``peers``. sinabs 3.1 asks for nir up to 1.0.4 and for samna, and its importer runs
without: ``pip install --no-deps sinabs``.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["MODULES", "is_installed", "run_reader"]

MODULES = {
    "sinabs": "sinabs",
    "norse": "norse",
    "spikingjelly": "spikingjelly",
    "snntorch": "snntorch",
}
"""Reader to the module that it is."""

BATCH = 20


def is_installed(reader: str) -> bool:
    """Whether a reader, and what its importer needs, can be imported."""
    names = (MODULES[reader], "nir", "nirtorch", "torch")
    return all(importlib.util.find_spec(name) is not None for name in names)


def run_reader(
    reader: str, path: Path, data: np.ndarray, time_steps: int
) -> np.ndarray:
    """Return the mean output over the steps, [N, ...].

    Args:
        reader: A key of ``MODULES``.
        path: A NIR file that was written for it.
        data: The input, [N, ...], the same in every step.
        time_steps: T, the number of steps.
    """
    import torch  # noqa: PLC0415 (with the extra only)

    torch.set_num_threads(1)
    with _quiet(), torch.no_grad():
        parts = [
            _RUNS[reader](
                path, torch.from_numpy(data[start : start + BATCH]), time_steps
            )
            for start in range(0, len(data), BATCH)
        ]
    return np.concatenate([part.detach().numpy() for part in parts])


@contextlib.contextmanager
def _quiet() -> Any:  # noqa: ANN401
    """Keep what importers print, and warnings about what they will change, from the output."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _read(path: Path) -> Any:  # noqa: ANN401 (a graph of nir)
    return importlib.import_module("nir").read(str(path))


def _run_sinabs(path: Path, batch: Any, time_steps: int) -> Any:  # noqa: ANN401 (tensors)
    sinabs_nir = importlib.import_module("sinabs.nir")
    network = sinabs_nir.from_nir(_read(path), num_timesteps=time_steps)
    rows = batch.repeat_interleave(time_steps, dim=0)
    outputs, _ = network(rows)
    return outputs.reshape(len(batch), time_steps, *outputs.shape[1:]).mean(dim=1)


def _run_norse(path: Path, batch: Any, time_steps: int) -> Any:  # noqa: ANN401 (tensors)
    importer = importlib.import_module("norse.torch.utils.import_nir")
    reset = importlib.import_module("norse.torch.functional.reset")
    network = importer.from_nir(_read(path), reset_method=reset.reset_subtract)
    return _step_by_step(network, batch, time_steps)


def _run_spikingjelly(path: Path, batch: Any, time_steps: int) -> Any:  # noqa: ANN401
    exchange = importlib.import_module("spikingjelly.activation_based.nir_exchange")
    network = exchange.import_from_nir(_read(path), dt=1.0)
    return _step_by_step(network, batch, time_steps)


def _run_snntorch(path: Path, batch: Any, time_steps: int) -> Any:  # noqa: ANN401 (tensors)
    importer = importlib.import_module("snntorch.import_nir")
    network = importer.import_from_nir(_read(path))
    return _step_by_step(network, batch, time_steps)


def _step_by_step(network: Any, batch: Any, time_steps: int) -> Any:  # noqa: ANN401 (tensors)
    """Return the mean of what a network gives, which takes its state and gives the next one."""
    outputs, state = network(batch)
    total = outputs.clone()
    for _ in range(time_steps - 1):
        outputs, state = network(batch, state)
        total += outputs
    return total / time_steps


_RUNS: dict[str, Callable[[Path, Any, int], Any]] = {
    "sinabs": _run_sinabs,
    "norse": _run_norse,
    "spikingjelly": _run_spikingjelly,
    "snntorch": _run_snntorch,
}
