"""The rows that ``benchmarks/zoo.py`` measured, and the page made of them."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import onnx2snn
from benchmarks.pages import code_digest, grouped, machine, table
from benchmarks.zoo_networks import CALIBRATION, MEASUREMENT, SEEDS
from benchmarks.zoo_template import TEMPLATE
from onnx2snn.analysis.drivers import Driver
from onnx2snn.methods.published import METHODS
from onnx2snn.reporting.summary import write_macs
from onnx2snn.storage.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Row", "Step", "keep", "kept", "page", "summary", "worst"]

ROWS = Path(__file__).with_name("zoo.json")
PAGE = Path(__file__).parents[1] / "docs" / "results" / "zoo.md"

REVISION = 2
"""To be raised with each change that moves results: cells of an earlier one are marked."""

_DEFAULT = METHODS[onnx2snn.Options().method]


@dataclasses.dataclass(frozen=True)
class Step:
    """Measurements of one network at one T.

    Attributes:
        failed: Why nothing was measured; None if something was.
        outputs: Name of an output to its cosine similarity and relative error.
        calibration: Number of samples that calibrated.
        samples: Number of samples compared.
        seconds: Duration of the conversion.
        megabytes: Peak memory of the process until the conversion was done.
        method: The method that was asked for, in words.
        form: Form of the network that was kept, as the held-out samples decided.
        revision: ``REVISION`` when it was measured.
        code: Digest of the code that was measured.
        machine: Machine and versions.
    """

    failed: str | None = None
    outputs: dict[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    calibration: int = 0
    samples: int = 0
    seconds: float = 0.0
    megabytes: int = 0
    method: str = ""
    form: str = ""
    revision: int = 0
    code: str = ""
    machine: str = dataclasses.field(default_factory=machine)

    @property
    def outdated(self) -> bool:
        """Whether results, or the default method, have changed since."""
        if self.failed is not None:
            return False
        default = _DEFAULT.describe(_DEFAULT.corrections)
        return self.revision != REVISION or self.method != default

    @property
    def done(self) -> bool:
        """Whether the code that there is now measured it."""
        return self.failed is None and self.code == code_digest() and not self.outdated


@dataclasses.dataclass(frozen=True)
class Row:
    """Measurements of one network.

    Attributes:
        file: The network, below the data folder.
        inputs: Its inputs, in words.
        trained: Whether its weights are trained.
        refused: The error that refused it; None if it was converted.
        macs: Multiply-accumulates of a sample by what drives them, as in the analysis.
        percent_with_all: The percentage of them that spikes drive with ``--spike all``; None if
            it was not measured.
        steps: T to what was measured.
    """

    file: str
    inputs: str
    trained: bool
    refused: str | None = None
    macs: dict[str, int | None] = dataclasses.field(default_factory=dict)
    percent_with_all: float | None = None
    steps: dict[int, Step] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Return the row that ``dataclasses.asdict`` and JSON made ``fields`` of."""
        steps = {int(t): Step(**step) for t, step in fields["steps"].items()}
        return cls(**fields | {"steps": steps})

    @property
    def name(self) -> str:
        """Name in the tables."""
        return Path(self.file).stem

    def percent(self, driver: str) -> float | None:
        """Return the percentage of multiply-accumulates that ``driver`` drives, None if unknown."""
        total = self.macs.get("total")
        if total is None:
            return None
        return 100 * (self.macs.get(driver) or 0) / max(total, 1)


def worst(step: Step) -> tuple[str, float, float]:
    """Return name, cosine and error of the output with the least cosine; not a number is less."""
    name = min(step.outputs, key=lambda output: _order(step.outputs[output][0]))
    return (name, *step.outputs[name])


def _order(cosine: float) -> float:
    return -math.inf if math.isnan(cosine) else cosine


def kept() -> list[Row]:
    """Return the rows in ``zoo.json``."""
    if not ROWS.exists():
        return []
    return [
        Row.from_json(fields) for fields in json.loads(ROWS.read_text(encoding="utf-8"))
    ]


def keep(row: Row) -> None:
    """Add what ``row`` has to ``zoo.json``, or put it in its place; write the page.

    What was measured on other inputs is no part of the row any more.
    """
    rows = {each.file: each for each in kept()}
    earlier = rows.get(row.file)
    if earlier is not None and row.refused is None and earlier.inputs == row.inputs:
        steps = dict(sorted((earlier.steps | row.steps).items()))
        newer = row if row.macs else earlier
        row = dataclasses.replace(
            row,
            macs=newer.macs,
            percent_with_all=newer.percent_with_all,
            steps=steps,
        )
    rows[row.file] = row
    ordered = [rows[file] for file in sorted(rows)]
    text = json.dumps([dataclasses.asdict(each) for each in ordered], indent=1)
    write_whole(ROWS, lambda file: file.write(f"{text}\n".encode()))
    PAGE.write_text(page(ordered), encoding="utf-8", newline="\n")


def summary(rows: Sequence[Row]) -> str:
    """Return in a few sentences how many networks are converted, and how well."""
    refused = sum(row.refused is not None for row in rows)
    trained = [row for row in rows if row.trained and row.refused is None]
    parts = [
        f"{len(rows)} networks, {refused} refused. Of {len(trained)} with trained weights"
    ]
    for t, bound in ((32, 0.97), (128, 0.99)):
        cosines = [worst(row.steps[t])[1] for row in trained if _measured(row, t)]
        reached = sum(cosine >= bound for cosine in cosines)
        parts.append(f"{reached} reach a cosine of {bound} at T={t}")
    return ", ".join(parts) + "."


def _measured(row: Row, t: int) -> bool:
    return t in row.steps and row.steps[t].failed is None


def _steps_of(rows: Iterable[Row]) -> list[int]:
    return sorted({t for row in rows for t in row.steps})


def page(rows: Sequence[Row]) -> str:
    """Return the page in Markdown."""
    converted = [row for row in rows if row.refused is None]
    with_macs = [row for row in converted if row.macs.get("total")]
    steps = _steps_of(converted)
    heads = [f"T={t}" for t in steps]
    names = ["network", "trained", "inputs", "converted", "by spikes", "`all`"]
    outputs = itertools.chain.from_iterable(_outputs(row, steps) for row in converted)
    return TEMPLATE.format(
        summary=summary(rows),
        calibration_seed=SEEDS[CALIBRATION],
        measurement_seed=SEEDS[MEASUREMENT],
        table=table([*names, *heads], [_line(row, steps) for row in rows]),
        caveat=_caveat(converted),
        failed="\n".join(_failures(rows)) or "None.",
        outputs=table(["network", "output", *heads], outputs),
        shares=table(["network", "MACs", *_DRIVERS], map(_shares, with_macs)),
        costs=table(["network", *heads], [_costs(row, steps) for row in converted]),
        forms=_forms(converted),
        machines=_machines(converted),
    )


def _measurements(rows: Iterable[Row]) -> Iterator[tuple[Step, str]]:
    """Yield each step with the name of its network."""
    for row in rows:
        for step in row.steps.values():
            yield step, row.name


def _caveat(rows: Iterable[Row]) -> str:
    for step, _ in _measurements(rows):
        if step.failed is None and step.outdated:
            return _CAVEAT
    return ""


def _forms(rows: Iterable[Row]) -> str:
    """Return which networks were kept in which form, at which T."""
    facts = [
        (f"{step.method}, {step.form}", f"{row.name} (T={t})")
        for row in rows
        for t, step in row.steps.items()
        if step.failed is None
    ]
    return "\n".join(grouped(facts))


def _machines(rows: Iterable[Row]) -> str:
    """Return which networks were measured on which machine."""
    facts = [(step.machine, name) for step, name in _measurements(rows)]
    return "\n".join(grouped(dict.fromkeys(facts)))


_CAVEAT = "\n† measured before a change that moved results.\n"

_DRIVERS = tuple(driver.value for driver in Driver)


def _line(row: Row, steps: Sequence[int]) -> list[str]:
    head = [row.name, "yes" if row.trained else "no", row.inputs]
    if row.refused is not None:
        return [*head, "refused", "", "", *[""] * len(steps)]
    cells = [_cell(row.steps.get(t)) for t in steps]
    shares = ["", ""]
    if row.macs:
        by_spikes = _percent(row.percent("spikes")) or "unknown"
        shares = [by_spikes, _percent(row.percent_with_all)]
    return [*head, "yes" if row.macs else "no", *shares, *cells]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1f} %"


def _cell(step: Step | None, output: str | None = None) -> str:
    if step is None:
        return ""
    if step.failed is not None:
        return "timed out" if step.failed.startswith("timed out") else "failed"
    cosine, error = step.outputs[output] if output else worst(step)[1:]
    return f"{cosine:.4f} ({error:.3f}){' †' if step.outdated else ''}"


def _failures(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        if row.refused is not None:
            yield f"- {row.name}: {' '.join(row.refused.split())}"
        for t, step in row.steps.items():
            if step.failed is not None:
                yield f"- {row.name}, T={t}: {step.failed}"


def _outputs(row: Row, steps: Sequence[int]) -> Iterator[list[str]]:
    names = dict.fromkeys(name for step in row.steps.values() for name in step.outputs)
    for name in names:
        yield [row.name, f"`{name}`", *(_cell(row.steps.get(t), name) for t in steps)]


def _shares(row: Row) -> list[str]:
    return [
        row.name,
        write_macs(row.macs["total"]),
        *(f"{row.percent(d) or 0:.1f}" for d in _DRIVERS),
    ]


def _costs(row: Row, steps: Sequence[int]) -> list[str]:
    return [row.name, *(_cost(row.steps.get(t)) for t in steps)]


def _cost(step: Step | None) -> str:
    if step is None or step.failed is not None:
        return _cell(step)
    counts = f"{step.calibration} and {step.samples}"
    return f"{counts}: {step.seconds:.1f} s, {step.megabytes} MB"
