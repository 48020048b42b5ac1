"""Score real networks before and after conversion, for many methods and numbers of time steps.

    python -m benchmarks.accuracy --data DIR --write

converts each network of ``benchmarks/networks.py`` anew for each method and T, each conversion in a
process of its own with a time limit, runs it for that T on test images, and prints top-1 accuracy
in percent and the number of spikes. With ``--write`` each figure is kept in
``benchmarks/accuracy.json`` as soon as it is there, and ``docs/results/accuracy.md``, its pictures
and the table of the README are written from that. What is kept is not measured again, unless it
failed, the method is another one by now, more images are asked for, or ``--again`` is given: a run
that was ended goes on where it was.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from benchmarks import accuracy_page
from benchmarks.accuracy_rows import MEASURED, measured_on
from benchmarks.accuracy_store import Measurement, kept, store
from benchmarks.efficientnet import SUFFIX, is_installed
from benchmarks.networks import NETWORKS, count_images
from benchmarks.peers import RECIPES, check_installed
from benchmarks.process import printed_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.networks import Network

    Job = tuple[Network, str, int]

TIME_STEPS = (1, 2, 4, 8, 16, 32, 64)


def jobs(options: argparse.Namespace, console: Console) -> list[Job]:
    """Return what is asked for: networks, methods and T.

    Raises:
        SystemExit: A row was named that needs SpikingJelly, and that is not installed.
    """
    wanted = [
        (network, method, t)
        for network in _networks(options.network, console)
        for method in _methods(network, options.method)
        for t in sorted(options.T)
    ]
    if any(method in RECIPES for method in options.method):
        check_installed()
    if importlib.util.find_spec("spikingjelly") is not None:
        return wanted
    left = [job for job in wanted if job[1] not in RECIPES]
    if len(left) < len(wanted):
        console.print("rows of SpikingJelly are left out: they need the extra 'peers'")
    return left


def _networks(names: Sequence[str], console: Console) -> Iterator[Network]:
    has_torch = importlib.util.find_spec("torch") is not None
    for network in NETWORKS:
        if names and network.name not in names:
            continue
        if network.file.endswith(".pth") and not has_torch:
            console.print(f"{network.name} is left out: it needs torch")
            continue
        if network.file.endswith(SUFFIX) and not is_installed(network.name):
            console.print(f"{network.name} is left out: it needs a package of its own")
            continue
        yield network


def _methods(network: Network, names: Sequence[str]) -> list[str]:
    possible = [name for name in MEASURED if network.weights or name not in RECIPES]
    return [name for name in possible if name in (names or measured_on(network))]


def missing(wanted: Sequence[Job], options: argparse.Namespace) -> list[Job]:
    """Return those of ``wanted`` that are not kept as they are now, all with ``--again``."""
    if options.again or not options.write:
        return list(wanted)
    found = kept()
    counts = {
        network.name: count_images(network, options.data, options.images)
        for network, _, _ in wanted
    }
    return [
        (network, method, t)
        for network, method, t in wanted
        if not _is_done(found.get((network.name, method, t)), counts[network.name])
    ]


def _is_done(measurement: Measurement | None, images: int) -> bool:
    if measurement is None or measurement.outdated or measurement.failed is not None:
        return False
    return measurement.images >= images


def measure_all(
    wanted: Sequence[Job], options: argparse.Namespace, console: Console
) -> Iterator[Measurement]:
    """Yield what is measured of each of ``wanted``."""
    limited = [] if options.images is None else ["--images", str(options.images)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True
    ) as progress:
        bar = progress.add_task("", total=len(wanted))
        for network, method, t in wanted:
            progress.update(bar, description=f"{network.name} {method} T={t}")
            arguments = (
                str(options.data.resolve()),
                network.name,
                method,
                str(t),
                *limited,
            )
            found = printed_by(
                "benchmarks.accuracy_measure", *arguments, limit=options.limit
            )
            yield Measurement.of(network, method, t, found)
            progress.advance(bar)


def line(m: Measurement) -> str:
    """Return in a line what was measured."""
    name = f"{m.network} {m.method} T={m.time_steps}"
    if m.failed is not None:
        return f"{name}: {m.failed}"
    return (
        f"{name}: {m.top1:.2f} (ANN {m.ann:.2f}) on {m.images} images, {m.spikes:.2f} spikes per "
        f"neuron, answer after {m.latency_steps} steps and {m.weight_passes} passes, converted in "
        f"{m.seconds:.0f} s"
    )


def keep(measurement: Measurement) -> None:
    """Put it among what is kept, in the place of an earlier one, and write the pages."""
    store([*(kept() | {measurement.key: measurement}).values()])
    accuracy_page.write([*kept().values()])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of networks and images"
    )
    for option, choices in (
        ("network", [network.name for network in NETWORKS]),
        ("method", MEASURED),
    ):
        parser.add_argument(
            f"--{option}",
            nargs="+",
            default=[],
            choices=choices,
            metavar="NAME",
            help=f"these alone, of: {'; '.join(choices)}".replace("%", "%%"),
        )
    parser.add_argument(
        "--T", type=int, nargs="+", default=TIME_STEPS, help="numbers of time steps"
    )
    parser.add_argument("--images", type=int, help="score so many test images at most")
    parser.add_argument(
        "--limit", type=float, default=3600, help="seconds for one conversion"
    )
    parser.add_argument(
        "--again", action="store_true", help="measure what is kept, too"
    )
    parser.add_argument(
        "--write", action="store_true", help="keep figures and write the pages"
    )
    return parser.parse_args()


def main() -> None:
    """Measure, print, and keep if asked."""
    options = _options()
    console = Console(stderr=True)
    wanted = jobs(options, console)
    todo = missing(wanted, options)
    console.print(f"{len(todo)} of {len(wanted)} figures are to be measured")
    for measurement in measure_all(todo, options, console):
        print(line(measurement), flush=True)
        if options.write:
            keep(measurement)
    if options.write:
        accuracy_page.write([*kept().values()])


if __name__ == "__main__":
    main()
