"""Convert every network there is and compare the result with the ANN, output by output.

    python -m benchmarks.zoo --data DIR

takes each network in ``zoo/`` and ``nets/`` of the data folder, converts it anew for each T with
the default options and calibration data, and prints the cosine similarity and the relative error of
its worst output. Each conversion is a process of its own, with a time limit; ``--jobs`` of them run
at a time. What is measured is kept in ``benchmarks/zoo.json`` at once, and ``docs/results/zoo.md``
is written from that. Cells that this version of the code measured are not measured again: a run
that was ended goes on where it was. ``--only`` and ``--T`` name a part; what ``--only`` names is
measured anew.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import math
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

from benchmarks.pages import code_digest
from benchmarks.process import printed_by
from benchmarks.zoo_networks import networks, subject_of
from benchmarks.zoo_page import REVISION, Row, Step, keep, kept, summary, worst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Cell = tuple[str, int]

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
    return printed_by("benchmarks.zoo_measure", *arguments, limit=limit, threads=1)


def row_of(file: str, time_steps: int, found: dict[str, Any]) -> Row:
    """Return what was found as a row with one T, or with a refusal."""
    subject = subject_of(file)
    row = Row(file, subject.describe(), trained=subject.trained)
    if "refused" in found:
        return dataclasses.replace(row, refused=found["refused"])
    macs = found.pop("macs", {})
    percent_with_all = found.pop("percent_with_all", None)
    step = Step(**found, revision=REVISION, code=code_digest())
    return dataclasses.replace(
        row, macs=macs, percent_with_all=percent_with_all, steps={time_steps: step}
    )


def missing(options: argparse.Namespace) -> list[Cell]:
    """Return the networks and T that are to be measured: all that ``--only`` names.

    Cells that are empty or marked as old come first, and among them the quick ones.
    """
    files = chosen(options.data, options.only)
    wanted = [(file, t) for file in files for t in options.T]
    if options.only:
        return wanted
    rows = {row.file: row for row in kept()}
    cells = [(file, t) for file, t in wanted if not _is_done(rows.get(file), t)]
    return sorted(cells, key=lambda cell: _urgency(rows.get(cell[0]), cell[1]))


def _urgency(row: Row | None, time_steps: int) -> tuple[bool, float]:
    """Return a key that puts a cell without a current result first, then a quick one."""
    step = row.steps.get(time_steps) if row else None
    if step is None:
        return (False, math.inf)
    is_current = step.failed is None and not step.outdated
    return (is_current, step.seconds)


def _is_done(row: Row | None, time_steps: int) -> bool:
    """Whether the code that there is now measured a cell, for the same inputs."""
    if row is None or time_steps not in row.steps:
        return False
    is_same = row.inputs == subject_of(row.file).describe()
    return is_same and row.steps[time_steps].done


def measure_all(
    cells: Sequence[Cell], options: argparse.Namespace, console: Console
) -> Iterator[Row]:
    """Yield a row for each of ``cells`` as soon as it is measured."""
    folder = options.data.resolve()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
    with Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True
    ) as progress:
        bar = progress.add_task("cells", total=len(cells))
        started = {
            pool.submit(run, folder, *cell, options.limit): cell for cell in cells
        }
        try:
            for done in concurrent.futures.as_completed(started):
                yield row_of(*started[done], done.result())
                progress.advance(bar)
        finally:
            pool.shutdown(cancel_futures=True)


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
        f"{row.percent('spikes') or 0:.1f} % of the MACs by spikes, "
        f"{row.percent_with_all or 0:.1f} % with --spike all, "
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
    parser.add_argument(
        "--jobs", type=int, default=2, help="conversions at a time (default 2)"
    )
    options = parser.parse_args()
    console = Console(stderr=True)
    cells = missing(options)
    console.print(f"{len(cells)} cells are to be measured")
    for row in measure_all(cells, options, console):
        print(line(row), flush=True)
        keep(row)
    print(summary(kept()))


if __name__ == "__main__":
    main()
