"""Paths of files that README and docs name exist."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT, lines, pages

NAMED = re.compile(r"`((?:benchmarks|docs|examples|onnx2snn|scripts|tests)/[^` ]+)`")


@pytest.mark.parametrize("page", pages())
def test_every_path_that_a_page_names_exists(page: str) -> None:
    named = NAMED.findall("\n".join(lines(page)))
    assert not [path for path in named if not (ROOT / path).exists()]


def test_pages_name_paths() -> None:
    text = "\n".join(lines("docs/contributing/hacking.md"))
    assert len(NAMED.findall(text)) > 10
