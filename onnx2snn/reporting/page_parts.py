"""The parts of a page: one file, nothing to fetch, the same look for all reports."""

from __future__ import annotations

import dataclasses
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from onnx2snn.reporting.colors import as_css

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "Cell",
    "Heading",
    "draw_cards",
    "draw_facts",
    "draw_folded",
    "draw_name",
    "draw_number",
    "draw_section",
    "draw_table",
    "draw_wide_table",
    "fill_page",
]

_TEMPLATE = "page.html"


def fill_page(title: str, subtitle: str, sections: Iterable[str]) -> str:
    """Return a page that needs no other file.

    Args:
        title: Its title, as text.
        subtitle: A line below it, as text.
        sections: Its content, as HTML.
    """
    template = files("onnx2snn.reporting").joinpath(_TEMPLATE)
    return Template(template.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        subtitle=escape(subtitle),
        content="\n".join(sections),
        light=as_css(dark=False),
        dark=as_css(dark=True),
    )


def draw_section(title: str, *content: str) -> str:
    """Return a section with a heading; ``content`` is HTML."""
    return f"<section><h2>{escape(title)}</h2>\n{''.join(content)}</section>"


def draw_folded(title: str, *content: str, is_open: bool = False) -> str:
    """Return a section that folds away under its heading."""
    state = " open" if is_open else ""
    head = f"<summary><h2>{escape(title)}</h2></summary>"
    return f"<section><details{state}>{head}\n{''.join(content)}</details></section>"


def draw_cards(facts: Iterable[tuple[str, str]]) -> str:
    """Return large numbers, each with what it counts."""
    cards = [
        f"<div><dt>{escape(label)}</dt><dd>{escape(number)}</dd></div>"
        for number, label in facts
    ]
    return f'<dl class="cards">{"".join(cards)}</dl>'


def draw_facts(facts: Mapping[str, str]) -> str:
    """Return names with their values, as for provenance."""
    rows = [
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in facts.items()
    ]
    return f'<dl class="facts">{"".join(rows)}</dl>'


@dataclasses.dataclass(frozen=True)
class Heading:
    """The head of a column.

    Attributes:
        text: Its text.
        is_number: Whether numbers stand in it.
    """

    text: str
    is_number: bool = False


@dataclasses.dataclass(frozen=True)
class Cell:
    """An entry of a table.

    Attributes:
        html: What it shows.
        key: What its column is sorted by; None for its text.
    """

    html: str
    key: float | str | None = None


def draw_name(name: str) -> str:
    """Return the name of a node as HTML that may break behind its parts."""
    return escape(name).replace("/", "/<wbr>")


def draw_number(value: float | None, form: str = ",") -> Cell:
    """Return a number, sorted as one; ``?`` if it is not known.

    Args:
        value: The number.
        form: How it is written, as in ``format``.
    """
    if value is None:
        return Cell("?", -1)
    return Cell(format(value, form), value)


def draw_table(
    headings: Sequence[Heading],
    rows: Iterable[Sequence[Cell]],
    *,
    attributes: Iterable[str] = (),
    sorts: bool = True,
    name: str = "",
) -> str:
    """Return a table, of which the first column names the rows.

    Args:
        headings: The heads of the columns.
        rows: An entry for each column.
        attributes: HTML attributes of each row; none for no row.
        sorts: Whether it sorts by a column when its head is pressed.
        name: CSS class of the table.
    """
    head = "".join(_draw_heading(heading, sorts=sorts) for heading in headings)
    given = list(attributes)
    lines = []
    for number, row in enumerate(rows):
        own = f" {given[number]}" if given else ""
        cells = [
            _draw_cell(cell, heading, is_first=not place)
            for place, (cell, heading) in enumerate(zip(row, headings, strict=True))
        ]
        lines.append(f"<tr{own}>{''.join(cells)}</tr>")
    kind = f' class="{name}"' if name else ""
    body = "\n".join(lines)
    return f"<table{kind}><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def draw_wide_table(label: str, table: str) -> str:
    """Return a table that scrolls sideways where it has no room.

    Args:
        label: What it has, for those who do not see it.
        table: The table.
    """
    label = escape(label, quote=True)
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">{table}</div>'


def _draw_heading(heading: Heading, *, sorts: bool) -> str:
    text = escape(heading.text)
    if sorts:
        text = f'<button type="button">{text}</button>'
    kind = ' class="number"' if heading.is_number else ""
    return f'<th scope="col"{kind}>{text}</th>'


def _draw_cell(cell: Cell, heading: Heading, *, is_first: bool) -> str:
    kind = ' class="number"' if heading.is_number else ""
    key = "" if cell.key is None else f' data-value="{escape(str(cell.key))}"'
    if is_first:
        return f'<th scope="row"{kind}{key}>{cell.html}</th>'
    return f"<td{kind}{key}>{cell.html}</td>"
