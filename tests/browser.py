"""Pages in a real browser: fixtures for tests of what people look at, and of files in JavaScript.

A test that takes one of them is skipped where Chromium or playwright is missing, with what to
install; with ``--require-javascript`` it fails instead.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["browser", "is_missing", "open_page", "serve"]

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
"""Programs that are Chromium, or built on it."""


def is_missing(config: pytest.Config, reason: str) -> None:
    """Skip the test as ``reason`` says; fail it where the tests of JavaScript are required."""
    if config.getoption("--require-javascript"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser(pytestconfig: pytest.Config) -> Iterator[Any]:
    """A headless Chromium, a ``playwright.sync_api.Browser``; one for all tests."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        is_missing(pytestconfig, "no Chromium here: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 (an extra)
    except ImportError:
        is_missing(
            pytestconfig, "no playwright here: pip install 'onnx2snn[javascript]'"
        )
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """A function that opens a page and returns it, a ``playwright.sync_api.Page``.

    Its arguments: the address, or the path of a file; ``width`` and ``height`` of the window in
    pixels; ``dark``, whether the system prefers dark colors. What a page logs as an error, throws,
    or asks for in vain, fails the test at its end.
    """
    with contextlib.ExitStack() as stack:
        errors: list[str] = []

        def open_(
            address: str | Path,
            *,
            width: int = 1280,
            height: int = 900,
            dark: bool = False,
        ) -> Any:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
            )
            stack.callback(context.close)
            page = context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: _keep_error(message, errors))
            page.on("requestfailed", lambda request: errors.append(f"no {request.url}"))
            is_file = isinstance(address, Path)
            page.goto(address.resolve().as_uri() if is_file else address)
            return page

        yield open_
    assert not errors, errors


def _keep_error(message: Any, errors: list[str]) -> None:
    if message.type == "error":
        errors.append(f"{message.text} ({message.location['url']})")


class _Files(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, by the types that a browser asks of scripts."""

    extensions_map: ClassVar[dict[str, str]] = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """A function that serves a folder until the test ends, and returns its address."""
    with contextlib.ExitStack() as stack:

        def serve_(folder: Path) -> str:
            files = functools.partial(_Files, directory=str(folder))
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), files)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            return f"http://127.0.0.1:{server.server_port}"

        yield serve_
