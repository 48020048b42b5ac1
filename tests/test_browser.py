from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PAGE = """<!doctype html><link rel="icon" href="data:,"><title>t</title>
<style>@media (prefers-color-scheme: dark) { body { color: rgb(1, 2, 3) } }</style>
<body>wide<script type="module">import { word } from "./word.mjs"; document.body.textContent = word
</script>"""


def test_page_of_a_folder_runs_its_modules_in_the_window_that_is_asked_for(
    open_page: Callable[..., Any], serve: Callable[[Path], str], tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text(_PAGE)
    (tmp_path / "word.mjs").write_text("export const word = `${innerWidth} px`")
    page = open_page(serve(tmp_path), width=390, dark=True)
    assert page.inner_text("body") == "390 px"
    color = page.evaluate("getComputedStyle(document.body).color")
    assert color == "rgb(1, 2, 3)"


pytest_plugins = ("pytester",)


@pytest.mark.parametrize("required", [False, True])
def test_missing_browser_skips_a_test_or_fails_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *, required: bool
) -> None:
    monkeypatch.setenv("PATH", "")
    pytester.makeconftest(
        "from tests.conftest import *\nfrom tests.conftest import pytest_addoption"
    )
    pytester.makepyfile("def test_page(open_page): pass")
    arguments = ["--require-javascript"] if required else []
    result = pytester.runpytest_inprocess("-p", "no:randomly", "-rs", *arguments)
    result.assert_outcomes(errors=int(required), skipped=int(not required))
    result.stdout.fnmatch_lines("*no Chromium here: apt-get install chromium*")
