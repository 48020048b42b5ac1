"""Measuring in a process of its own: memory is given back, and a failure ends nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["printed_by"]


def printed_by(
    module: str, *arguments: str, limit: float, threads: int | None = None
) -> dict[str, Any]:
    """Return the JSON object that a module prints, or ``failed`` alone, and why.

    Args:
        module: Module that ``python -m`` runs.
        arguments: Its arguments.
        limit: Seconds until the process is ended.
        threads: Number of threads of matrix products in NumPy; None for its default.
    """
    environment = dict(os.environ)
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    try:
        done = subprocess.run(  # noqa: S603 (our own module)
            [sys.executable, "-m", module, *arguments],
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
            env=environment,
            cwd=Path(__file__).parents[1],
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"timed out after {limit:.0f} s"}
    if done.returncode == 0:
        return dict(json.loads(done.stdout))
    print(done.stderr, file=sys.stderr)
    last = (done.stderr.strip().splitlines() or [""])[-1]
    return {"failed": last or f"ended by signal {-done.returncode}"}
