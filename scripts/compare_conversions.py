"""Compare the conversions of two revisions, on this machine, bit for bit.

python scripts/compare_conversions.py main             # with the working tree
python scripts/compare_conversions.py v0.1.0 main      # with each other
python scripts/compare_conversions.py main --case digits-auto --case normal-gru

The cases are those of the working tree, tests/golden/cases.py. For each, it prints
whether the graph, its numbers, the analysis, the report and what the network computes
are identical, and where they are not, in what they differ. Exits with 1 if any differs.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.lib.npyio import NpzFile

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "tests" / "golden" / "record.py"
WORKING_TREE = "the working tree"
TEXTS = ("graph", "analysis", "report")
NUMBERS = ("numbers", "outputs")
PARTS = ("graph", "numbers", "analysis", "report", "outputs")
DIFF_LINES = 40


def main() -> int:
    """Convert with both revisions, print what differs, and return the exit code."""
    arguments = parsed_arguments()
    revisions = arguments.first, arguments.second
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        names = write_cases(folder / "cases", arguments.case)
        records = []
        for number, revision in enumerate(revisions):
            tree = checked_out(revision, folder / f"tree-{number}")
            source = stack.enter_context(tree)
            records.append(write_records(source, folder / "cases", f"records-{number}"))
        differing = [name for name in names if differs(name, records, revisions)]
    print(f"{len(names) - len(differing)} of {len(names)} conversions are identical")
    return 1 if differing else 0


def parsed_arguments() -> argparse.Namespace:
    """Return what the command line says."""
    summary = __doc__.splitlines()[0] if __doc__ else None
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("first", help="revision to compare with")
    parser.add_argument(
        "second",
        nargs="?",
        default=WORKING_TREE,
        help="revision that is compared (default: the working tree)",
    )
    parser.add_argument(
        "--case",
        action="append",
        default=[],
        help="name of a case; may be given more than once (default: all)",
    )
    return parser.parse_args()


def write_cases(folder: Path, chosen: Sequence[str]) -> list[str]:
    """Write the chosen cases, all if none is, to a folder, and return their names."""
    folder.mkdir()
    run_python(ROOT, "-m", "tests.golden.cases", str(folder))
    path = folder / "cases.json"
    cases = json.loads(path.read_text())
    names = [case["name"] for case in cases]
    unknown = [name for name in chosen if name not in names]
    if unknown:
        sys.exit(f"no case {', '.join(unknown)}; there are {', '.join(names)}")
    kept = [case for case in cases if not chosen or case["name"] in chosen]
    path.write_text(json.dumps(kept))
    return [case["name"] for case in kept]


@contextlib.contextmanager
def checked_out(revision: str, folder: Path) -> Iterator[Path]:
    """Yield a folder with the files of a revision; it is removed behind."""
    if revision == WORKING_TREE:
        yield ROOT
        return
    run_git("worktree", "add", "--quiet", "--detach", str(folder), revision)
    try:
        yield folder
    finally:
        run_git("worktree", "remove", "--force", str(folder))


def write_records(source: Path, cases: Path, name: str) -> Path:
    """Convert with the package in ``source``, and return where the records are."""
    folder = cases.parent / name
    folder.mkdir()
    run_python(source, str(RECORD), str(cases), str(folder))
    return folder


def run_python(package: Path, *arguments: str) -> None:
    """Run Python with the package in a folder, and exit if it fails."""
    environment = os.environ | {"PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", *arguments]
    done = subprocess.run(  # noqa: S603 (our own modules)
        command,
        cwd=package,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")


def run_git(*arguments: str) -> None:
    """Run git in the repository."""
    command = ["git", "-C", str(ROOT), *arguments]
    subprocess.run(command, check=True)  # noqa: S603 (git, by its name)


# What differs


def differs(name: str, records: Sequence[Path], revisions: Sequence[str]) -> bool:
    """Print in what the records of a case differ, and return whether they do."""
    differences: dict[str, list[str]] = {part: [] for part in PARTS}
    first, second = (json.loads((at / f"{name}.json").read_text()) for at in records)
    for part in TEXTS:
        if first[part] != second[part]:
            differences[part] = text_difference(first[part], second[part], revisions)
    for part in NUMBERS:
        one, other = (np.load(at / f"{name}.{part}.npz") for at in records)
        differences[part] = list(number_differences(one, other))
    states = [f"{part} {stated(found)}" for part, found in differences.items()]
    print(f"{name:34} {', '.join(states)}")
    for line in itertools.chain.from_iterable(differences.values()):
        print(f"    {line}")
    return any(differences.values())


def stated(found: list[str]) -> str:
    """Return the word for a part with these differences."""
    return "DIFFERS" if found else "same"


def text_difference(one: str, other: str, revisions: Sequence[str]) -> list[str]:
    """Return the first lines of the unified diff."""
    lines = list(
        difflib.unified_diff(
            one.splitlines(),
            other.splitlines(),
            fromfile=revisions[0],
            tofile=revisions[1],
            n=1,
            lineterm="",
        )
    )
    left_out = len(lines) - DIFF_LINES
    more = [f"... {left_out} more lines"] if left_out > 0 else []
    return lines[:DIFF_LINES] + more


def number_differences(one: NpzFile, other: NpzFile) -> Iterator[str]:
    """Yield a line for each array that the archives do not share bit for bit."""
    for name in dict.fromkeys([*one.files, *other.files]):
        if name not in one.files or name not in other.files:
            yield f"{name}: in one of them only"
        elif not is_identical(one[name], other[name]):
            yield f"{name}: {size_of_difference(one[name], other[name])}"


def is_identical(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays have the same type, shape and bits."""
    same_kind = (one.dtype, one.shape) == (other.dtype, other.shape)
    return same_kind and one.tobytes() == other.tobytes()


def size_of_difference(one: np.ndarray, other: np.ndarray) -> str:
    """Return the largest difference, relative to the largest magnitude of ``one``."""
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return f"{one.dtype} {one.shape} against {other.dtype} {other.shape}"
    if one.dtype.kind not in "fiu":
        return "other bits"
    first, second = one.astype(np.float64), other.astype(np.float64)
    largest = np.abs(first).max() or 1.0
    relative = np.abs(first - second).max() / largest
    return f"largest relative difference {relative:.3g}"


if __name__ == "__main__":
    sys.exit(main())
