"""A diagnosis as a page to look at: one file, nothing to fetch."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from onnx2snn.diagnosis.charts import (
    chart_of_errors,
    chart_of_raster,
    chart_of_scores,
    chart_of_values,
)
from onnx2snn.diagnosis.layer_errors import PARTS
from onnx2snn.evaluation.score_columns import score_rows
from onnx2snn.reporting.charts import try_figure
from onnx2snn.reporting.energy_table import draw_energy
from onnx2snn.reporting.graph_chart import draw_graph
from onnx2snn.reporting.node_table import draw_nodes
from onnx2snn.reporting.page_parts import (
    Cell,
    Heading,
    draw_cards,
    draw_facts,
    draw_folded,
    draw_name,
    draw_number,
    draw_section,
    draw_table,
    draw_wide_table,
    fill_page,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.diagnosis.findings import Finding
    from onnx2snn.diagnosis.layer_errors import LayerError
    from onnx2snn.diagnosis.result import Diagnosis, Trial

__all__ = ["render_page"]

_HISTOGRAMS = 6
_RASTERS = 3
"""Layers with the largest errors that have these pictures."""


def render_page(found: Diagnosis) -> str:
    """Return a diagnosis as HTML that needs no other file.

    Charts are left out where the library that draws them is not installed.
    """
    worst = sorted(found.layers, key=lambda layer: -layer.error)
    nodes = found.analysis["nodes"]
    sections = [
        draw_cards(_facts(found)),
        draw_section("What was found", _draw_findings(found)),
        _draw_scores(found),
        _draw_layers(found.layers),
        _draw_histograms(worst[:_HISTOGRAMS]),
        _draw_rasters(worst[:_RASTERS]),
        draw_section("Spikes, operations and energy", _draw_costs(found)),
        draw_graph(nodes),
        draw_folded("Nodes of the ANN", draw_nodes(nodes, found.analysis["counts"])),
        draw_section("Provenance", draw_facts(found.provenance)),
    ]
    network, ann = found.provenance["network"], found.provenance["ANN"]
    subtitle = f"{found.provenance['method']}; {found.provenance['made for']}"
    return fill_page(f"{network} beside {ann}", subtitle, sections)


def _facts(found: Diagnosis) -> list[tuple[str, str]]:
    """Return the numbers at the top of the page, with what they count."""
    scores, steps = found.scores, found.T
    facts = [(f"{steps:,}", "time steps"), (f"{found.samples:,}", "samples")]
    if scores.ann_top1 is not None:
        facts.append((f"{scores.top1[steps]:.2f} %", "accuracy"))
        facts.append((f"{scores.ann_top1:.2f} %", "accuracy of the ANN"))
    if steps in scores.agreement:
        facts.append(
            (f"{scores.agreement[steps]:.2f} %", "of the answers are the ANN's")
        )
    facts.append((f"{100 * found.error:.1f} %", "relative error of the output"))
    facts.append((f"{found.costs.activity['spikes']:,.0f}", "spikes a sample"))
    return facts


def _draw_findings(found: Diagnosis) -> str:
    items = [_draw_finding(finding, found) for finding in found.findings]
    if not items:
        items = ['<li class="fine">None of the usual mistakes was found.</li>']
    content = f'<ol class="findings">{"".join(items)}</ol>'
    if found.tried:
        content += _draw_trials(found.tried)
    return content


def _draw_finding(finding: Finding, found: Diagnosis) -> str:
    places = {layer.name: place for place, layer in enumerate(found.layers)}
    links = [
        f'<a href="#layer-{places[name]}">{draw_name(name)}</a>'
        for name in finding.layers
        if name in places
    ]
    parts = [f"<b>{escape(finding.cause)}</b>: {escape(finding.text)}."]
    parts.append(f"What to do: {escape(finding.advice)}.")
    if links:
        parts.append(f'<span class="quiet">Layers: {", ".join(links)}</span>')
    return f"<li>{'<br>'.join(parts)}</li>"


def _draw_trials(tried: Sequence[Trial]) -> str:
    headings = [
        Heading("tried"),
        *(
            Heading(name, is_number=True)
            for name in ("error %", "accuracy %", "agrees %")
        ),
    ]
    rows = []
    for trial in tried:
        options = ", ".join(f"{name} {value}" for name, value in trial.options.items())
        numbers = [100 * trial.error, trial.top1, trial.agreement]
        cells = [draw_number(number, ".2f") for number in numbers]
        rows.append([Cell(escape(options)), *cells])
    return f"<h3>What was tried</h3>{draw_table(headings, rows, name='few')}"


def _draw_scores(found: Diagnosis) -> str:
    """Return the scores at each T, beside the ANN."""
    scores = found.scores
    headings, lines = score_rows(scores, scores.deviations_of_answer)
    heads = [
        Heading(headings[0]),
        *(Heading(text, is_number=True) for text in headings[1:]),
    ]
    rows = [_text_row(line) for line in lines]
    table = draw_table(heads, rows, sorts=False, name="few")
    values, ann, name = _curve(found)
    alt = f"{name} against T; the table has the numbers."
    chart = try_figure(chart_of_scores(values, ann, name), alt) if values else ""
    return draw_section(
        "Score against T",
        f'<p class="quiet">Task: {escape(str(scores.task))}</p>',
        f'<div class="beside">{chart}{draw_wide_table("scores at each T", table)}</div>',
    )


def _text_row(line: Sequence[str]) -> list[Cell]:
    return [Cell(escape(text)) for text in line]


def _curve(found: Diagnosis) -> tuple[dict[int, float], float | None, str]:
    """Return the scores that are drawn, that of the ANN, and what they are."""
    scores = found.scores
    if scores.ann_top1 is not None:
        return dict(scores.top1), scores.ann_top1, "right answers in %"
    if scores.agreement:
        return dict(scores.agreement), None, "answers of the ANN in %"
    errors = {t: scores.error_of_answer(t) for t in scores.latency_steps}
    known = {t: 100 * error for t, error in errors.items() if error is not None}
    return known, None, "relative error in %"


_COLUMNS = (
    "error %",
    *(f"{part} %" for part in PARTS),
    "correlation",
    "spikes a step",
    "silent %",
    "dead %",
    "saturated %",
    "residual %",
    "threshold",
    "neurons",
)


def _draw_layers(layers: Sequence[LayerError]) -> str:
    if not layers:
        return ""
    headings = [
        Heading("layer"),
        Heading("mainly"),
        *(Heading(name, is_number=True) for name in _COLUMNS),
    ]
    table = draw_table(
        headings,
        map(_layer_row, layers),
        attributes=[f'id="layer-{place}"' for place in range(len(layers))],
    )
    alt = "Error of each layer, and its parts; the table below has the numbers."
    return draw_section(
        "Layers",
        '<p class="quiet">In the order of firing. Bars: the difference of what spikes carry from '
        "the activation, as a part of it. Marks: its parts, which add up as vectors do, not as "
        "numbers.</p>",
        try_figure(chart_of_errors(layers), alt),
        draw_wide_table("errors of the layers", table),
    )


def _layer_row(layer: LayerError) -> list[Cell]:
    shares = [layer.error, *(layer.parts[part] for part in PARTS)]
    activity = [layer.silent, layer.dead, layer.saturated, layer.residual]
    return [
        Cell(draw_name(layer.name)),
        Cell(layer.main_part),
        *(draw_number(100 * share, ".1f") for share in shares),
        draw_number(layer.correlation, ".4f"),
        draw_number(layer.rate, ".3f"),
        *(draw_number(100 * share, ".1f") for share in activity),
        draw_number(layer.threshold, ".4g"),
        draw_number(layer.neurons),
    ]


def _draw_histograms(layers: Sequence[LayerError]) -> str:
    figures = []
    for layer in layers:
        ann, snn = layer.histogram.silent
        caption = f"{layer.name}: near 0 are {100 * ann:.0f} % in the ANN, {100 * snn:.0f} % here"
        alt = f"Histogram of the values of {layer.name}: {caption}"
        figures.append(try_figure(chart_of_values(layer.histogram), alt, caption))
    return draw_section(
        "Values that layers carry",
        '<p class="quiet">Of the layers with the largest errors, the values that are not near 0. '
        "Bars: activations of the ANN. Line: what the spikes carry. Right of 1, or of the most "
        "that neurons send in a step, the threshold clips.</p>",
        f'<div class="figures">{"".join(figures)}</div>',
    )


def _draw_rasters(layers: Sequence[LayerError]) -> str:
    figures = []
    for layer in layers:
        sent = sum(abs(spike) for train in layer.raster.spikes for spike in train)
        alt = (
            f"Raster of {len(layer.raster.neurons)} neurons, which send {sent} spikes."
        )
        figures.append(try_figure(chart_of_raster(layer.raster), alt, layer.name))
    return draw_section(
        "Spikes of a few neurons",
        '<p class="quiet">On the first sample, from the neuron that is to carry most down to those '
        "that are hardly active; numbers are those of the neurons in the layer, and spikes in the "
        "other color are negative.</p>",
        f'<div class="figures">{"".join(figures)}</div>',
    )


def _draw_costs(found: Diagnosis) -> str:
    costs = found.costs
    return draw_energy(costs.energy, costs.activity, found.analysis["macs"], found.T)
