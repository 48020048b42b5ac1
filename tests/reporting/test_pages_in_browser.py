"""The page of a conversion as a browser shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import onnx2snn

if TYPE_CHECKING:
    from collections.abc import Callable

DIGITS = Path(__file__).parents[2] / "examples" / "digits"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = np.load(DIGITS / "calibration.npz")["image"][:64]
    conversion = onnx2snn.convert(DIGITS / "digits.onnx", 4, images)
    conversion.measure_activity(images)
    path = tmp_path_factory.mktemp("page") / "report.html"
    conversion.save_report(path)
    return path


def column(page: Any, number: int) -> list[str]:
    found = page.locator(f".nodes tbody tr :nth-child({number})")
    values = [each.get_attribute("data-value") for each in found.all()]
    return [value for value in values if value is not None]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_on_a_phone_and_is_dark_in_the_dark(
    open_page: Callable[..., Any], page_file: Path, width: int, *, dark: bool
) -> None:
    page = open_page(page_file, width=width, dark=dark)
    page.evaluate(
        "for (const each of document.querySelectorAll('details')) each.open = true"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for figure in page.locator("figure svg").all():
        assert figure.bounding_box()["width"] <= width
    became = page.locator(".nodes tbody tr td:nth-child(2)").first.bounding_box()
    assert became["x"] + became["width"] <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(24, 27, 31)" if dark else "rgb(255, 255, 255)")


def test_nodes_sort_by_keyboard_and_kinds_are_hidden(
    open_page: Callable[..., Any], page_file: Path
) -> None:
    page = open_page(page_file)
    macs = page.get_by_role("button", name="MACs")
    macs.focus()
    page.keyboard.press("Enter")
    numbers = [int(value) for value in column(page, 3)]
    assert numbers == sorted(numbers, reverse=True)
    head = page.locator("th", has=macs)
    assert head.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    page.get_by_role("button", name="became").click()
    kinds = column(page, 2)
    assert kinds == sorted(kinds, reverse=True)
    page.get_by_label("folded").uncheck()
    assert not page.locator("tr[data-kind=folded]").first.is_visible()
    assert page.locator("tr[data-kind=spiking]").first.is_visible()


def test_a_layer_leads_to_its_node(
    open_page: Callable[..., Any], page_file: Path
) -> None:
    page = open_page(page_file)
    thresholds = page.locator("details", has_text="Thresholds")
    assert not thresholds.locator("table").is_visible()
    thresholds.locator("summary").click()
    thresholds.get_by_role("link", name="/relu_1/Relu").click()
    assert "/relu_1/Relu" in page.locator("tr:target").inner_text()


def test_everything_has_a_name_for_those_who_do_not_see_it(
    open_page: Callable[..., Any], page_file: Path
) -> None:
    page = open_page(page_file)
    for image in page.locator("[role=img]").all():
        assert image.get_attribute("aria-label")
    assert page.get_by_role("main").count() == 1
    assert page.locator("h1").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"


def test_in_print_all_is_open_and_on_white(
    open_page: Callable[..., Any], page_file: Path
) -> None:
    page = open_page(page_file, dark=True)
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert (
        page.evaluate(
            "getComputedStyle(document.documentElement)"
            ".getPropertyValue('--text').trim()"
        )
        == "#1c1f23"
    )
