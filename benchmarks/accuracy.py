"""Score real networks before and after conversion, for several numbers of time steps.

    python -m benchmarks.accuracy --data DIR --T 1,2,4,8,16,32 --write

converts each network of ``benchmarks/networks.py`` anew for each T with the default method, runs it
for that T on test images, and prints top-1 accuracy in percent beside the ANN's. ``--write`` keeps
each row, as soon as it is measured, in ``benchmarks/accuracy.json`` and ``docs/accuracy.md``.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import onnx2snn
from benchmarks.accuracy_page import Row, cells, header, keep
from benchmarks.networks import NETWORKS, load_images

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.networks import Network


def measure(
    network: Network,
    folder: Path,
    steps: Sequence[int],
    limit: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Row:
    """Convert ``network`` for each of ``steps`` and score it.

    Args:
        network: What to measure.
        folder: The data folder.
        steps: Numbers of time steps, >= 1.
        limit: How many test images are scored at most; None for all that the row names.
        tell: Called with what is being done.
    """
    tell(f"{network.name}: load")
    model = _model(folder / network.file)
    images = load_images(network, folder, limit)
    data = {"x": images.test, "y": images.labels}
    ann = 0.0
    top1: dict[int, float] = {}
    seconds: dict[int, float] = {}
    origins: set[str] = set()
    for t in steps:
        tell(f"{network.name}: convert for T = {t}")
        start = time.perf_counter()
        conversion = onnx2snn.convert(model, T=t, calibration=images.calibration)
        seconds[t] = round(time.perf_counter() - start, 1)
        origins.update(layer["threshold_origin"] for layer in conversion.report["layers"])
        tell(f"{network.name}: score T = {t}")
        reference = None if top1 else model  # the ANN's score is the same for every T
        score = onnx2snn.evaluate(conversion.model, data, ann=reference, time_steps=[t])
        ann = ann if score.ann_top1 is None else score.ann_top1
        top1[t] = score.top1[t]
    calibrated = 0 if images.calibration is None else len(images.calibration)
    test = len(images.test)
    method = conversion.report["method"]
    return Row(network.name, calibrated, test, tuple(sorted(origins)), method, ann, top1, seconds)


def _model(path: Path) -> str | bytes:
    if path.suffix != ".pth":
        return str(path)
    from benchmarks.resnet20 import export_with_batch_norm  # noqa: PLC0415 (needs torch)

    return export_with_batch_norm(path)


def _chosen(names: Sequence[str], console: Console) -> list[Network]:
    networks = [network for network in NETWORKS if not names or network.name in names]
    if importlib.util.find_spec("torch") is not None:
        return networks
    left_out = [network for network in networks if network.file.endswith(".pth")]
    for network in left_out:
        console.print(f"{network.name} is left out: it needs torch")
    return [network for network in networks if network not in left_out]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of networks and images")
    parser.add_argument(
        "--network",
        action="append",
        default=[],
        choices=[network.name for network in NETWORKS],
        help="measure this one only; may be given several times",
    )
    parser.add_argument(
        "--T",
        type=lambda text: sorted({int(part) for part in text.split(",")}),
        default=[1, 2, 4, 8, 16, 32],
        help="numbers of time steps (default 1,2,4,8,16,32)",
    )
    parser.add_argument("--limit", type=int, help="score so many test images at most")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument("--write", action="store_true", help="write docs/accuracy.md")
    return parser.parse_args()


def _measure_all(options: argparse.Namespace, console: Console) -> list[Row]:
    rows: list[Row] = []
    columns = (TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("start")

        def tell(text: str) -> None:
            progress.update(bar, description=text)

        for network in _chosen(options.network, console):
            rows.append(measure(network, options.data, options.T, options.limit, tell))
            if options.write:
                keep(rows[-1:])
    return rows


def main() -> None:
    """Measure, keep if asked, and print."""
    options = _options()
    console = Console(stderr=True)
    handler = RichHandler(console=console, show_time=False, show_path=False)
    logging.basicConfig(format="%(message)s", handlers=[handler])
    rows = _measure_all(options, console)
    if options.json:
        print(json.dumps({"rows": [dataclasses.asdict(row) for row in rows]}))
        return
    table = Table(*header(options.T), title="top-1 accuracy in percent")
    for row in rows:
        table.add_row(*cells(row, options.T))
    Console().print(table)


if __name__ == "__main__":
    main()
