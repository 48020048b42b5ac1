"""The options of commands whose work can be spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

__all__ = ["add_workers", "chosen_workers"]


def add_workers(command: argparse.ArgumentParser, work: str) -> None:
    """Add who does the work.

    Args:
        command: The command.
        work: The work, in a phrase.
    """
    command.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help=f"processes that {work} at once (default 1)",
    )
    command.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="workers of a Dask or Ray cluster instead: tcp://HOST:PORT, ray://HOST:PORT, or ray "
        "for the Ray that runs here",
    )


def chosen_workers(options: argparse.Namespace) -> int | str:
    """Return the number of processes, or the address of a cluster if there is one."""
    cluster: str | None = options.cluster
    workers: int = options.workers
    return workers if cluster is None else cluster
