"""The choice of a runtime for a network, with its threads or its device."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

from onnx2snn.arguments import checked_choice, checked_count
from onnx2snn.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx2snn.runtime.feeds import Run
    from onnx2snn.runtime.network import Runtime

__all__ = ["RUNTIMES", "Execution"]

RUNTIMES = ("auto", "ort", "native", "numpy", "torch")
"""Names of the runtimes."""


@dataclasses.dataclass(frozen=True)
class Execution:
    """How a network is run.

    Attributes:
        runtime: One of ``RUNTIMES``.
        threads: Threads within an operator in onnxruntime; 0 for one a core.
        device: A device of PyTorch's, as ``cuda:0``, for the runtime ``torch``; None for a GPU
            if there is one.

    Raises:
        OptionError: There is no such runtime, or it has no devices.
    """

    runtime: str = "auto"
    threads: int = 0
    device: str | None = None

    def __post_init__(self) -> None:
        """Check all that can be checked without a network."""
        checked_choice("runtime", self.runtime, RUNTIMES)
        checked_count("threads", self.threads)
        if self.device is not None and self.runtime != "torch":
            message = (
                f"device is of use with the runtime torch only, not {self.runtime!r}; leave it "
                "out, or choose that"
            )
            raise OptionError(message)

    def choose_runtime(self) -> Runtime:
        """Return what makes a model a function from feeds to outputs.

        Raises:
            OptionError: PyTorch is asked for, and not installed.
        """
        if self.runtime == "torch":
            return functools.partial(_torch_runtime(), device=self.device)
        if self.runtime == "numpy":
            from onnx2snn.runtime import numpy_runtime  # noqa: PLC0415 (only if asked for)

            return numpy_runtime.open_runner
        from onnx2snn.runtime import ort  # noqa: PLC0415 (only if asked for)

        if self.runtime == "auto":
            return functools.partial(ort.open_fastest, threads=self.threads)
        return functools.partial(
            ort.open_runner,
            threads=self.threads,
            native=self.runtime == "native",
        )


def _torch_runtime() -> Callable[..., Run]:
    try:
        from onnx2snn.runtime.torch_runtime import runner  # noqa: PLC0415 (an extra)
    except ImportError as error:
        message = (
            f"the runtime torch needs PyTorch, which is not there ({error}): "
            "pip install 'onnx2snn[torch]'"
        )
        raise OptionError(message) from error
    return runner.open_runner
