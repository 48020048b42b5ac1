"""Convert every network there is and compare the result with the ANN, output by output.

    python -m benchmarks.zoo --data DIR

takes each network in ``zoo/`` and ``nets/`` of the data folder, converts it anew for each T with
the default options and calibration data, and prints the cosine similarity and the relative error of
its worst output. Each conversion is a process of its own, with a time limit. What is measured is
kept in ``benchmarks/zoo.json`` at once, and ``docs/results/zoo.md`` is written from that:
``--only`` and ``--T`` measure a part anew and leave the rest as it is.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from benchmarks.process import printed_by
from benchmarks.zoo_networks import networks, subject_of
from benchmarks.zoo_page import Row, Step, keep, kept, summary, worst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TIME_STEPS = (8, 32, 128)


def run(data: Path, file: str, time_steps: int, limit: float) -> dict[str, Any]:
    """Return what ``benchmarks/zoo_measure.py`` prints, or ``failed`` alone, and why.

    Args:
        data: The data folder.
        file: The network, below it.
        time_steps: T.
        limit: Seconds until the process is ended.
    """
    arguments = (str(data), file, str(time_steps))
    return printed_by("benchmarks.zoo_measure", *arguments, limit=limit)


def row_of(file: str, time_steps: int, found: dict[str, Any]) -> Row:
    """Return what was found as a row with one T, or with a refusal."""
    subject = subject_of(file)
    row = Row(file, subject.describe(), trained=subject.trained)
    if "refused" in found:
        return dataclasses.replace(row, refused=found["refused"])
    return dataclasses.replace(
        row, macs=found.pop("macs", {}), steps={time_steps: Step(**found)}
    )


def measure_all(options: argparse.Namespace, console: Console) -> Iterator[Row]:
    """Yield a row for each network and T, and one for a network that is refused."""
    files = chosen(options.data, options.only)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True
    ) as progress:
        bar = progress.add_task("", total=len(files) * len(options.T))
        for file in files:
            for done, t in enumerate(options.T):
                progress.update(bar, description=f"{Path(file).stem} T={t}")
                row = row_of(
                    file, t, run(options.data.resolve(), file, t, options.limit)
                )
                yield row
                progress.advance(bar, len(options.T) - done if row.refused else 1)
                if row.refused:
                    break


def chosen(data: Path, only: Sequence[str]) -> list[str]:
    """Return the networks in the folder whose path contains one of ``only``, all if none is given.

    Raises:
        SystemExit: There is none.
    """
    parts = only or [""]

    def is_chosen(file: str) -> bool:
        return any(part in file for part in parts)

    files = list(filter(is_chosen, networks(data)))
    if not files:
        message = (
            f"no network in {data}/zoo or {data}/nets is called like {', '.join(only)}"
        )
        raise SystemExit(message)
    return files


def line(row: Row) -> str:
    """Return in a line what a row with one T says."""
    name = Path(row.file).stem
    if row.refused:
        return f"{name}: refused: {row.refused}"
    ((t, step),) = row.steps.items()
    return f"{name} T={t}: {step.failed or _result(row, step)}"


def _result(row: Row, step: Step) -> str:
    name, cosine, error = worst(step)
    return (
        f"cosine {cosine:.4f}, relative error {error:.3f} (output {name!r}), "
        f"{row.not_by_spikes:.1f} % of the MACs not by spikes, "
        f"converted in {step.seconds:.0f} s and {step.megabytes} MB"
    )


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of networks and images"
    )
    parser.add_argument(
        "--only", nargs="+", default=[], help="networks whose path contains this"
    )
    parser.add_argument(
        "--T", type=int, nargs="+", default=TIME_STEPS, help="numbers of time steps"
    )
    parser.add_argument(
        "--limit", type=float, default=1800, help="seconds for one network and T"
    )
    options = parser.parse_args()
    console = Console(stderr=True)
    for row in measure_all(options, console):
        print(line(row), flush=True)
        keep(row)
    print(summary(kept()))


if __name__ == "__main__":
    main()
