"""Measure how dense the code is, and check it against limits.

    python scripts/density.py               a table, one row a folder
    python scripts/density.py --worst 10    and the worst places by each measure
    python scripts/density.py --check       exit with 1 if a limit is passed

Length alone is met as easily by putting more on each line. So tokens a line, complexity
and nesting are limited beside it.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import code_measures as measures
from code_measures import Place, Source, measure_folder
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

REASONS = "functions with a reason for complexity"
LIMITS = {
    measures.DENSITY: 7.8,  # of a folder as a whole: a file may have more
    measures.COMPLEXITY: 10,  # unless # complexity: <reason> is on the def or above it
    REASONS: 8,  # in a folder as a whole
    measures.FUNCTION_LINES: 40,
    measures.FILE_LINES: 300,
    measures.COMPREHENSION_LEVELS: 1,
}
# The table counts what is above these.
HIGH_COMPLEXITY = 8
MOST_COMPLEXITY = LIMITS[measures.COMPLEXITY]
MOST_COMPREHENSION_LEVELS = LIMITS[measures.COMPREHENSION_LEVELS]
MOST_CONDITIONAL_LEVELS = 1
MOST_CLAUSES = 3

HEADINGS = (
    "folder",
    "files",
    "code\nlines",
    "tokens\na line",
    "functions",
    f"complexity\n> {HIGH_COMPLEXITY}",
    f"complexity\n> {MOST_COMPLEXITY}",
    "function\nlines",
    "file\nlines",
    "nested\nfor",
    "nested\nif else",
    f"clauses\n> {MOST_CLAUSES}",
    "one-word\nnames",
)
TABLE_WIDTH = 160


def main() -> int:
    """Print what was asked for; return 1 if a limit was to be checked and is passed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        metavar="FOLDER",
        help="default: onnx2snn",
    )
    parser.add_argument(
        "--worst",
        type=int,
        default=0,
        metavar="N",
        help="list the N places with the most of each measure",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="exit with 1 if a limit is passed",
    )
    arguments = parser.parse_args()
    violations: list[str] = []
    for folder in arguments.folders or [Path("onnx2snn")]:
        sources = measure_folder(folder)
        if not sources:
            parser.error(f"{folder} holds no file of Python")
        print_table(folder, sources)
        print_worst(sources, arguments.worst)
        violations += find_violations(folder, sources)
    if not arguments.check:
        return 0
    print("\n".join(violations) or "No limit is passed.")
    return 1 if violations else 0


def find_violations(folder: Path, sources: Sequence[Source]) -> list[str]:
    """Return a line for each place in a folder where a limit is passed."""
    places = all_places(sources)
    with_reason = [place for place in places if _is_excused(place)]
    checked = [
        Place(measures.DENSITY, folder, 1, tokens_a_line(sources)),
        Place(REASONS, folder, 1, len(with_reason)),
    ]
    checked += [place for place in places if place.measure != measures.DENSITY]
    passed = [place for place in checked if _passes_limit(place)]
    refused = [place for place in passed if not _is_excused(place)]
    return [f"{place}, limit {LIMITS[place.measure]}" for place in refused]


def _passes_limit(place: Place) -> bool:
    """Return whether a measure has a limit, and more was measured."""
    return place.amount > LIMITS.get(place.measure, math.inf)


def _is_excused(place: Place) -> bool:
    """Return whether a limit is passed for a reason that is written beside it."""
    return place.has_reason and _passes_limit(place)


def all_places(sources: Sequence[Source]) -> list[Place]:
    """Return the places of all files, in their order."""
    places = []
    for source in sources:
        places += source.places
    return places


def tokens_a_line(sources: Sequence[Source]) -> float:
    """Return tokens a code line of files taken together."""
    tokens = sum(source.tokens for source in sources)
    code_lines = sum(source.code_lines for source in sources)
    return tokens / max(code_lines, 1)


def print_worst(sources: Sequence[Source], count: int) -> None:
    """Print the places with the most of each measure, at most ``count`` of each."""
    places = all_places(sources)
    for measure in measures.ALL:
        found = [place for place in places if place.measure == measure]
        found.sort(key=lambda place: place.amount, reverse=True)
        for place in found[:count]:
            print(place)


def print_table(folder: Path, sources: Sequence[Source]) -> None:
    """Print a row for each folder below one and a row for all of them together."""
    table = Table(box=None, pad_edge=False)
    table.add_column(HEADINGS[0], no_wrap=True)
    for heading in HEADINGS[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    for parent in sorted({source.path.parent for source in sources}):
        inside = [source for source in sources if source.path.parent == parent]
        table.add_row(parent.as_posix(), *table_cells(inside))
    table.add_row(f"all of {folder.as_posix()}", *table_cells(sources))
    Console(width=TABLE_WIDTH).print(table)


def table_cells(sources: Sequence[Source]) -> list[str]:
    """Return a row of the table, without the name of its folder."""
    places = all_places(sources)

    def amounts(measure: str) -> list[float]:
        return [place.amount for place in places if place.measure == measure]

    def count_above(measure: str, limit: float) -> str:
        return str(sum(amount > limit for amount in amounts(measure)))

    return [
        str(len(sources)),
        str(sum(source.code_lines for source in sources)),
        f"{tokens_a_line(sources):.2f}",
        str(len(amounts(measures.COMPLEXITY))),
        count_above(measures.COMPLEXITY, HIGH_COMPLEXITY),
        count_above(measures.COMPLEXITY, MOST_COMPLEXITY),
        spread(amounts(measures.FUNCTION_LINES)),
        spread(amounts(measures.FILE_LINES)),
        count_above(measures.COMPREHENSION_LEVELS, MOST_COMPREHENSION_LEVELS),
        count_above(measures.CONDITIONAL_LEVELS, MOST_CONDITIONAL_LEVELS),
        count_above(measures.CLAUSES, MOST_CLAUSES),
        one_word_share(places),
    ]


def spread(amounts: Sequence[float]) -> str:
    """Return the median, the 90th percentile and the maximum, by nearest rank."""
    if not amounts:
        return "-"
    ordered = sorted(amounts)
    ninetieth = ordered[math.ceil(0.9 * len(ordered)) - 1]
    return f"{statistics.median_low(ordered)}/{ninetieth}/{ordered[-1]}"


def one_word_share(places: Sequence[Place]) -> str:
    """Return the share of functions named with one word, but for ``__init__`` etc."""
    names = []
    for place in places:
        name = place.name.rpartition(".")[2]
        if place.measure == measures.COMPLEXITY and not name.startswith("__"):
            names.append(name.strip("_"))
    if not names:
        return "-"
    one_word_names = [name for name in names if "_" not in name]
    return f"{len(one_word_names) / len(names):.0%}"


if __name__ == "__main__":
    sys.exit(main())
