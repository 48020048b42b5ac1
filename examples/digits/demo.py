"""Convert the digits network, run it, and print its accuracy for T = 1 to 8 beside the ANN's.

This is what ``make demo`` runs. The network and its images come with the repository;
``train.py`` made them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

import onnx2snn

HERE = Path(__file__).parent
TIME_STEPS = range(1, 9)


def main() -> None:
    """Convert, save, evaluate, print."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=HERE / "digits_snn.onnx",
        help="the converted network",
    )
    snn = parser.parse_args().output
    ann = HERE / "digits.onnx"
    conversion = onnx2snn.convert(
        ann, T=max(TIME_STEPS), calibration=HERE / "calibration.npz"
    )
    conversion.save(snn)
    score = onnx2snn.evaluate(snn, data=HERE / "test.npz", ann=ann, T=TIME_STEPS)
    console = Console()
    console.print(_table(score.ann_top1, score.top1, score.samples))
    console.print(f"The spiking network is in {snn}")


def _table(ann_top1: float, top1: dict[int, float], samples: int) -> Table:
    table = Table(
        title=f"Handwritten digits, {samples} held-out images, top-1 accuracy"
    )
    table.add_column("time steps", justify="right")
    table.add_column("spiking network", justify="right")
    table.add_column("difference", justify="right")
    for steps, percent in top1.items():
        table.add_row(str(steps), f"{percent:.1f} %", f"{percent - ann_top1:+.1f}")
    table.add_section()
    table.add_row("ANN", f"{ann_top1:.1f} %", "")
    return table


if __name__ == "__main__":
    main()
