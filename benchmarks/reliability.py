"""Hostile input and faults, class by class: what was tried, and what failed.

    python -m benchmarks.reliability [--only WORDS] [--list]

runs every case of every class, each in a process with limits of memory and time, prints what
failed, and writes the counts to ``benchmarks/reliability.json`` and
``docs/results/reliability.md``. With ``--only`` the other rows stay as they were measured.
Linux only.

A class is a row: a module in ``MODULES`` has a table ``CLASSES``, from the name of the row to a
function that gives its cases (``benchmarks/reliability_case.py``). A case passes if the command
ends in time with a right file, or with one clear message and exit status 1; a traceback, a crash,
a file beside the output, and memory beyond the limit are failures.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.pages import machine, table

if TYPE_CHECKING:
    from benchmarks.reliability_case import Cases

ROOT = Path(__file__).parents[1]
STORE = ROOT / "benchmarks" / "reliability.json"
PAGE = ROOT / "docs" / "results" / "reliability.md"

MODULES = (
    "benchmarks.reliability_models",
    "benchmarks.differential",
    "benchmarks.reliability_files",
    "benchmarks.reliability_faults",
)
"""Modules of cases, in the order of their rows."""

_INTRODUCTION = """\
# Reliability

Files that are broken or made to do harm, and faults around the program. Written by
`python -m benchmarks.reliability`; each case runs in a process of its own with 6 GB of memory and
90 s. It fails if there is a traceback, a crash, no end, memory beyond the limit, a file beside the
output or half of one, an output that onnxruntime does not open, or a message that shows inner
errors.
"""


def all_classes() -> dict[str, Cases]:
    """Return the classes of all modules by their names, in the order of their rows."""
    found: dict[str, Cases] = {}
    for name in MODULES:
        found |= importlib.import_module(name).CLASSES
    return found


def measure(name: str, cases: Cases) -> dict[str, object]:
    """Run the cases of a class; return its row, and print what failed."""
    began = time.monotonic()
    failures = {}
    count = 0
    for case in cases():
        with tempfile.TemporaryDirectory(prefix="reliability-") as folder:
            problem = case.run(Path(folder))
        count += 1
        if problem is not None:
            failures[case.name] = problem
            print(f"FAILED {name}: {case.name}: {problem}", flush=True)
    seconds = time.monotonic() - began
    print(
        f"{name}: {count} cases, {len(failures)} failures, {seconds:.0f} s", flush=True
    )
    return {"cases": count, "failures": sorted(failures), "machine": machine()}


def write_page(rows: dict[str, dict[str, object]]) -> None:
    """Write the page from the rows of all classes."""
    lines = []
    total = 0
    failed = 0
    for name, row in rows.items():
        failures = list(row["failures"])  # type: ignore[call-overload]
        total += int(row["cases"])  # type: ignore[call-overload]
        failed += len(failures)
        shown = ", ".join(failures[:5]) + (" ..." if len(failures) > 5 else "")
        lines.append((name, str(row["cases"]), str(len(failures)), shown))
    lines.append(("**all**", f"**{total}**", f"**{failed}**", ""))
    text = table(("class", "cases", "failures", "what failed"), lines)
    machines = "\n".join(
        sorted({f"Machine: {row['machine']}." for row in rows.values()})
    )
    missing = ", ".join(name for name in all_classes() if name not in rows)
    left = f"\nNot counted here yet: {missing}.\n" if missing else ""
    PAGE.write_text(f"{_INTRODUCTION}\n{text}\n{left}\n{machines}\n")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="WORDS", help="classes with these words")
    parser.add_argument("--list", action="store_true", help="list the classes, and end")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    known = all_classes()
    if arguments.list:
        print("\n".join(known))
        return
    rows = json.loads(STORE.read_text()) if STORE.exists() else {}
    for name, cases in known.items():
        if arguments.only is None or arguments.only in name:
            rows[name] = measure(name, cases)
            rows = {each: rows[each] for each in known if each in rows}
            STORE.write_text(json.dumps(rows, indent=1) + "\n")
            write_page(rows)


if __name__ == "__main__":
    main()
