"""A conversion and a network as the last line of a cell in a notebook."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import onnx_ir as ir
import pytest

import onnx2snn
from tests.models import CLASSIFIER, CLASSIFIER_WEIGHTS, dyadic, model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATA = {"x": dyadic(6, 16, 2, 6, 5, unit=16)}


def converted(**options: Any) -> onnx2snn.Conversion:
    ann = ir.to_proto(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))
    return onnx2snn.convert(ann, 4, DATA, corrections=("none",), **options)


class Tags(HTMLParser):
    """The tags that are open, and those that were."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, _: Any) -> None:
        self.seen.append(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _: Any) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    "options, layers",
    [
        ({}, 2),
        ({"layout": "multistep"}, 2),
        ({"fold_thresholds": True}, 2),
        ({"schedule": "layerwise"}, 2),
        ({"schedule": "layerwise", "collapse": False}, 0),
        ({"inline": True}, 0),
    ],
    ids=str,
)
def test_a_network_is_drawn_layer_by_layer(
    options: dict[str, Any], layers: int
) -> None:
    html = converted(**options).network._repr_html_()
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert tags.seen.count("svg") == layers
    assert "&#x27;x&#x27; float32 [N, 2, 6, 5]" in html


def test_a_conversion_is_a_frame_with_the_head_of_its_report(
    open_page: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "cell.html"
    path.write_text(f"<!doctype html><title>t</title>{converted()._repr_html_()}")
    page = open_page(path)
    frame = page.frame_locator("iframe")
    assert (
        frame.get_by_role("heading", level=1).inner_text() == "g as a spiking network"
    )
    assert "layers of neurons" in frame.locator("body").inner_text()
