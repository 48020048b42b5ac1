"""The depth to which brackets are nested in a text: parsers that recurse crash on deep ones."""

from __future__ import annotations

import re

__all__ = ["is_too_deep"]

_DEEPEST = 400
"""Brackets in brackets; messages of protocol buffers may be nested 100 deep."""

_STRING = re.compile(rb'"(?:[^"\\\n]|\\.)*"')
_BRACKET = re.compile(rb"[][(){}<>]")
_ARROW = b"=>"
_OPENING = b"[({<"


def is_too_deep(text: bytes) -> bool:
    """Whether brackets of any kind are nested deeper than any network needs.

    Args:
        text: JSON, or one of the text formats of ONNX and protocol buffers; brackets between
            double quotes do not count.
    """
    depth = 0
    without_strings = _STRING.sub(b"", text).replace(_ARROW, b"")
    for bracket in _BRACKET.finditer(without_strings):
        depth = depth + 1 if bracket.group() in _OPENING else max(depth - 1, 0)
        if depth > _DEEPEST:
            return True
    return False
