"""The page of examples/web: a digit is drawn, and a spiking network answers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import onnx2snn

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).parents[2] / "examples"
ON_THE_NET = "https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist/"
STROKES = {
    0: [(0.5, 0.1), (0.75, 0.3), (0.75, 0.7), (0.5, 0.9), (0.25, 0.7), (0.25, 0.3), (0.5, 0.1)],
    1: [(0.35, 0.25), (0.5, 0.1), (0.5, 0.9)],
}  # fmt: skip
"""Points of a stroke, as parts of the sides of the canvas."""


@pytest.fixture
def address(serve: Callable[[Path], str], node_modules: Path, tmp_path: Path) -> str:
    """The page with onnxruntime-web from beside it, as its comment says."""
    folder = shutil.copytree(EXAMPLES / "web", tmp_path / "web")
    (folder / "node_modules").symlink_to(node_modules)
    page = folder / "index.html"
    text = page.read_text()
    assert ON_THE_NET in text
    page.write_text(text.replace(ON_THE_NET, "./node_modules/onnxruntime-web/dist/"))
    return serve(folder)


def wait_for_step(page: Any, count: int) -> None:
    page.wait_for_function(f"page?.steps === {count}")


@pytest.mark.parametrize("width, dark", [(1280, False), (390, True)])
def test_it_answers_step_by_step_and_fits_the_window(
    open_page: Callable[..., Any],
    address: str,
    tmp_path: Path,
    *,
    width: int,
    dark: bool,
) -> None:
    page = open_page(address, width=width, dark=dark)
    page.wait_for_function("Boolean(window.page)")
    assert page.inner_text("#time") == "draw a digit"
    page.get_by_role("button", name="3", exact=True).click()
    wait_for_step(page, 8)
    assert page.inner_text("#answer").split() == ["3", "after", "8", "steps"]
    layers = page.locator(".layer")
    assert layers.count() == 4
    assert "of 512 neurons fire" in layers.first.inner_text()
    assert layers.first.locator(".bars div").count() == 8
    is_too_wide = "document.documentElement.scrollWidth > innerWidth"
    assert not page.evaluate(is_too_wide)
    page.screenshot(path=tmp_path / f"{width}.png", full_page=True)


def test_samples_are_read_as_python_reads_them(
    open_page: Callable[..., Any], address: str
) -> None:
    page = open_page(address)
    page.wait_for_function("Boolean(window.page)")
    network = onnx2snn.load(EXAMPLES / "web" / "digits.step.onnx", "ort")
    for digit in (0, 7):
        page.get_by_role("button", name=str(digit), exact=True).click()
        page.get_by_role("button", name="One step").click()
        found = page.evaluate("() => Array.from(window.page.pixels)")
        image = np.float32(found).reshape(1, 1, 8, 8)
        assert network.run(image, 8)["logits"].argmax() == digit


@pytest.mark.parametrize("digit", STROKES)
def test_a_drawn_digit_is_read(
    open_page: Callable[..., Any], address: str, digit: int
) -> None:
    page = open_page(address)
    page.wait_for_function("Boolean(window.page)")
    box = page.locator("#drawing").bounding_box()
    points = [
        (box["x"] + x * box["width"], box["y"] + y * box["height"])
        for x, y in STROKES[digit]
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()
    wait_for_step(page, 8)
    assert page.inner_text("#digit") == str(digit)
    page.get_by_role("button", name="Clear").click()
    assert not page.inner_text("#digit").isdigit()


def test_it_is_drawn_on_by_the_keyboard(
    open_page: Callable[..., Any], address: str
) -> None:
    page = open_page(address)
    page.wait_for_function("Boolean(window.page)")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "drawing"
    page.keyboard.press("Space")
    for _ in range(18):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    wait_for_step(page, 8)
    assert page.inner_text("#digit") == "1"
