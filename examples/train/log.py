"""Messages of a training script about each epoch, on the terminal and in a file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from images import top1

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from images import Images

    from onnx2snn.torch import Epoch

__all__ = ["reporter"]


def reporter(
    title: str, model: torch.nn.Module, images: Images, path: Path
) -> Callable[[Epoch], None]:
    """Return what prints an epoch and its score on the test images, and adds that to ``path``.

    Args:
        title: Start of the line.
        model: The network in training.
        images: Its data.
        path: A text file; it is made if there is none.
    """
    start = time.perf_counter()

    def report(epoch: Epoch) -> None:
        line = (
            f"{title} epoch {epoch.number}: loss {epoch.loss:.4f}, train {epoch.top1:.2f} %, "
            f"test {top1(model, images.test, images.test_labels):.2f} %, {epoch.seconds:.0f} s, "
            f"{time.perf_counter() - start:.0f} s in all"
        )
        print(line, flush=True)
        with path.open("a") as file:
            file.write(f"{line}\n")

    return report
