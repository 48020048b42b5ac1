"""Pages and pictures made of what ``benchmarks/accuracy.py`` measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.accuracy_measure import COUNTED
from benchmarks.accuracy_rows import MEASURED, PUBLISHED, spike_class
from benchmarks.curves import Curve, picture
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
"""What stands around the part of the README that is written here."""


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
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8", newline="\n")


def pictures(measured: Sequence[Measurement]) -> dict[str, str]:
    """Return an SVG for each network with two rows of two figures, by the network's name."""
    found = {}
    for network in NETWORKS:
        done = [m for m in measured if m.network == network.name and m.failed is None]
        points: dict[str, dict[int, float]] = {}
        for m in done:
            points.setdefault(m.method, {})[m.time_steps] = m.top1
        lines = {name: line for name, line in points.items() if len(line) > 1}
        if len(lines) > 1:
            curves = [
                Curve(name, line, name == DEFAULT) for name, line in lines.items()
            ]
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
    return _PAGE.format(
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


_PAGE = """\
<!-- Written by benchmarks/accuracy.py from benchmarks/accuracy.json. -->

# Accuracy

Measured by

```console
$ python -m benchmarks.accuracy --data DIR --write
```

which measures what is missing below; `--network`, `--method` and `--T` name a part, and `--again`
measures it anew. Top-1 accuracy in percent. Each number is of a network converted for that T and
run for that T. Nothing was trained, unless a row says so. `benchmarks/networks.py` names the files
in `DIR`, the preprocessing and the images; an empty cell was not measured.

The CIFAR-10 test images are the first 1,017 of the 10,000: one image is about 0.1 percent. The
ImageNet images are probably training images: read these rows as the distance from the ANN, not as
validation accuracy.

## The default method

`calibration` and `test` count images; `thresholds` says where the thresholds come from.

{summary}
{caveat}
## All methods

After each accuracy stands in brackets how many spikes a neuron sends for one image in all T steps,
the mean over all neurons and the first {counted} test images; a negative spike counts too, and one
that carries a count as so many. T is not the same for all: `a spike of a ReLU` is what one may
carry, and `latency` is the number of steps until the answer is there. Rows in italics are published
figures, of weights and images of their own, whose ANN they name.

{sections}
## Published figures on other networks

{published}

## Refused, failed or timed out

{failed}

## Duration of the conversion

Seconds for one conversion with the default method, calibration included. Other work ran on the
machine at the same time: read them as upper bounds.

{durations}

## Methods

{methods}

## Machine

{machines}
"""


def _section(network: Network, measured: Sequence[Measurement], *, drawn: bool) -> str:
    mine = [m for m in measured if m.network == network.name]
    title = f"### {network.title}\n"
    if not mine:
        return f"{title}\nNot measured.\n"
    steps = _steps(mine)
    published = [each for each in PUBLISHED if each.beside == network.name]
    lines = []
    for name in MEASURED:
        row = [m for m in mine if m.method == name]
        if row:
            lines.append(_line(row, steps))
        lines += [
            _published_line(each, steps) for each in published if each.row == name
        ]
    lines += [_published_line(each, steps) for each in published if not each.row]
    heads = ["method", "a spike of a ReLU", "latency", *(f"T={t}" for t in steps)]
    name = network.name
    image = f"\n![Accuracy over T, {network.title}](pictures/accuracy-{name}.svg)\n"
    facts = f"`--network {name}`, ANN {_ann(mine)}."
    return f"{title}\n{facts}\n{image if drawn else ''}\n{table(heads, lines)}\n"


def _line(row: Sequence[Measurement], steps: Sequence[int]) -> list[str]:
    factors = [m.latency_steps // m.time_steps for m in row if m.failed is None]
    latency = {0: "", 1: "T"}.get(
        max(factors, default=0), f"{max(factors, default=0)} T"
    )
    name = row[0].method
    return [f"`{name}`", spike_class(name), latency, *map(_cell, _by_steps(row, steps))]


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
    names = dict.fromkeys(m.network for m in default)
    rows = {name: [m for m in default if m.network == name] for name in names}
    return table(
        ["network", *(f"T={t}" for t in steps)],
        (
            [
                name,
                *(
                    "" if m is None else f"{m.seconds:.1f}"
                    for m in _by_steps(row, steps)
                ),
            ]
            for name, row in rows.items()
        ),
    )


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
