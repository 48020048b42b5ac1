"""Pages and pictures made of what ``benchmarks/accuracy.py`` measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.accuracy_measure import COUNTED
from benchmarks.accuracy_rows import MEASURED, PUBLISHED, spike_class
from benchmarks.accuracy_schedules import (
    ONLY_THERE,
    drawn_curves,
    latency,
    schedule_table,
)
from benchmarks.accuracy_template import TEMPLATE
from benchmarks.curves import picture
from benchmarks.networks import NETWORKS
from benchmarks.pages import grouped, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.accuracy_rows import Published
    from benchmarks.accuracy_store import Measurement
    from benchmarks.networks import Network

__all__ = ["page", "pictures", "summary", "with_summary", "write"]

PROJECT = Path(__file__).parents[1]
DEFAULT = "auto"
MARKS = (
    "<!-- accuracy: written by benchmarks/accuracy.py -->",
    "<!-- end of accuracy -->",
)
"""Marks around the part of the README that is written here."""


def write(measured: Sequence[Measurement], project: Path = PROJECT) -> None:
    """Write ``docs/results/accuracy.md``, its pictures, and the table of the README.

    Args:
        measured: All there is, in order.
        project: The folder of the project.
    """
    results = project / "docs" / "results"
    folder = results / "pictures"
    folder.mkdir(exist_ok=True)
    readme = project / "README.md"
    texts = {
        folder / f"accuracy-{name}.svg": svg for name, svg in pictures(measured).items()
    }
    texts[results / "accuracy.md"] = page(measured)
    texts[readme] = with_summary(readme.read_text(encoding="utf-8"), measured)
    for path in set(folder.glob("accuracy-*.svg")) - set(texts):
        path.unlink()  # of a network with less than two lines by now
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8", newline="\n")


def pictures(measured: Sequence[Measurement]) -> dict[str, str]:
    """Return an SVG for each network with two lines of two figures, by the network's name."""
    found = {}
    for network in NETWORKS:
        done = [m for m in measured if m.network == network.name and m.failed is None]
        curves = drawn_curves(done, DEFAULT)
        if len(curves) > 1:
            found[network.name] = picture(network.title, done[0].ann, curves)
    return found


def with_summary(readme: str, measured: Sequence[Measurement]) -> str:
    """Return the text of the README with the table of today between its marks."""
    before, rest = readme.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    return f"{before}{MARKS[0]}\n\n{summary(measured)}\n{_caveat(measured)}\n{MARKS[1]}{after}"


def summary(measured: Sequence[Measurement]) -> str:
    """Return a table of what the default method reaches on each network."""
    default = [m for m in measured if m.method == DEFAULT]
    steps = _steps(default)
    lines = []
    for network in NETWORKS:
        row = [m for m in default if m.network == network.name]
        if row:
            scores = [_score(m) for m in _by_steps(row, steps)]
            lines.append([network.title, _ann(row), *scores, *_data(row)])
    heads = [
        "network",
        "ANN",
        *(f"T={t}" for t in steps),
        "calibration",
        "test",
        "thresholds",
    ]
    return table(heads, lines)


def _caveat(measured: Iterable[Measurement]) -> str:
    if not any(m.outdated for m in measured):
        return ""
    return "\n† measured before the method became what it is now.\n"


def page(measured: Sequence[Measurement]) -> str:
    """Return the page in Markdown."""
    default = [m for m in measured if m.method == DEFAULT and m.failed is None]
    drawn = pictures(measured)
    return TEMPLATE.format(
        counted=COUNTED,
        summary=summary(measured),
        caveat=_caveat(measured),
        sections="\n".join(
            _section(network, measured, drawn=network.name in drawn)
            for network in NETWORKS
        ),
        published=table(
            ["method", "network", "ANN", "figures", "source"],
            (_published(each) for each in PUBLISHED if not each.beside),
        ),
        failed="\n".join(_failures(measured)) or "None.",
        durations=_durations(default),
        methods=table(
            ["row", "a spike of a ReLU", "how it was measured", "source"],
            _methods(measured),
        ),
        machines="\n".join(_machines(measured)),
    )


def _section(network: Network, measured: Sequence[Measurement], *, drawn: bool) -> str:
    mine = [m for m in measured if m.network == network.name]
    title = f"### {network.title}\n"
    if not mine:
        return f"{title}\nNot measured.\n"
    name = network.name
    by_steps = [m for m in mine if m.method not in ONLY_THERE]
    steps = _steps(by_steps)
    facts = f"`--network {name}`, ANN {_ann(mine)}."
    image = ""
    if drawn:
        path = f"pictures/accuracy-{name}.svg"
        image = f"\n![Accuracy over latency and work, {network.title}]({path})\n"
    schedules = schedule_table(mine)
    if schedules:
        schedules = f"\n{schedules}\n"
    heads = ["method", "a spike of a ReLU", "latency", *(f"T={t}" for t in steps)]
    lines = _section_lines(name, by_steps, steps)
    return f"{title}\n{facts}\n{image}{schedules}\n{table(heads, lines)}\n"


def _section_lines(
    network: str, mine: Sequence[Measurement], steps: Sequence[int]
) -> Iterator[list[str]]:
    """Yield the rows of a network, each with the published figures beside it; others last."""
    published: dict[str | None, list[list[str]]] = {}
    for each in PUBLISHED:
        if each.beside == network:
            line = _published_line(each, steps)
            published.setdefault(each.row or None, []).append(line)
    for method in MEASURED:
        row = [m for m in mine if m.method == method]
        if row:
            yield _line(row, steps)
        yield from published.get(method, [])
    yield from published.get(None, [])


def _line(row: Sequence[Measurement], steps: Sequence[int]) -> list[str]:
    name = row[0].method
    cells = map(_cell, _by_steps(row, steps))
    return [f"`{name}`", spike_class(name), latency(row), *cells]


def _published_line(each: Published, steps: Sequence[int]) -> list[str]:
    scores = [f"*{each.top1[t]:.2f}*" if t in each.top1 else "" for t in steps]
    return [
        f"*{each.method}, {each.source}: {each.network}, ANN {each.ann}*",
        "",
        "",
        *scores,
    ]


def _published(each: Published) -> list[str]:
    figures = ", ".join(f"T={t}: {score:.2f}" for t, score in each.top1.items())
    ann = "" if each.ann is None else f"{each.ann:.2f}"
    return [each.method, each.network, ann, figures, each.source]


def _steps(measured: Iterable[Measurement]) -> list[int]:
    return sorted({m.time_steps for m in measured})


def _by_steps(
    row: Iterable[Measurement], steps: Iterable[int]
) -> Iterator[Measurement | None]:
    found = {m.time_steps: m for m in row}
    return (found.get(t) for t in steps)


def _score(m: Measurement | None) -> str:
    if m is None:
        return ""
    if m.failed is not None:
        return "timed out" if m.failed.startswith("timed out") else "failed"
    return f"{m.top1:.2f}{' †' if m.outdated else ''}"


def _cell(m: Measurement | None) -> str:
    spikes = None if m is None else m.spikes
    return _score(m) if spikes is None else f"{_score(m)} ({spikes:.2f})"


def _ann(row: Iterable[Measurement]) -> str:
    return next((f"{m.ann:.2f}" for m in row if m.failed is None), "")


def _data(row: Iterable[Measurement]) -> tuple[str, str, str]:
    """Return the numbers of calibration and test images, and where thresholds come from."""
    facts = (
        (str(m.calibration), str(m.images), ", ".join(m.origins))
        for m in row
        if m.failed is None
    )
    return next(facts, ("", "", ""))


def _failures(measured: Iterable[Measurement]) -> Iterator[str]:
    for m in measured:
        if m.failed is not None:
            reason = " ".join(m.failed.split())
            yield f"- {m.network}, {m.method}, T={m.time_steps}: {reason}"


def _durations(default: Sequence[Measurement]) -> str:
    steps = _steps(default)
    lines = []
    for name in dict.fromkeys(m.network for m in default):
        row = [m for m in default if m.network == name]
        lines.append([name, *map(_seconds, _by_steps(row, steps))])
    return table(["network", *(f"T={t}" for t in steps)], lines)


def _seconds(m: Measurement | None) -> str:
    return "" if m is None else f"{m.seconds:.1f}"


def _methods(measured: Iterable[Measurement]) -> Iterator[list[str]]:
    words: dict[str, dict[str, None]] = {}
    for m in measured:
        words.setdefault(m.method, {})[m.described] = None
    for name, method in MEASURED.items():
        if name in words:
            source = "SpikingJelly" if method is None else method.source
            yield [f"`{name}`", spike_class(name), "; or ".join(words[name]), source]


def _machines(measured: Iterable[Measurement]) -> Iterator[str]:
    facts = ((f"{m.machine}, seed {m.seed}", m.network) for m in measured)
    return grouped(dict.fromkeys(facts))
