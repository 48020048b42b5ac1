from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings

from tests.browser import browser, open_page, serve

if TYPE_CHECKING:
    import pytest

__all__ = ["browser", "open_page", "serve"]

# A busy machine takes long for one example; the suite has a limit as a whole.
settings.register_profile("onnx2snn", deadline=None)
settings.load_profile("onnx2snn")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite tests/golden/conversions.json from what conversions give now",
    )
    parser.addoption(
        "--require-javascript",
        action="store_true",
        help="fail where Node, npm or Chromium is missing, instead of skipping tests",
    )
