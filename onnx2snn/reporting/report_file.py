"""Writing the report of a conversion to a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from onnx2snn.errors import OptionError
from onnx2snn.reporting.report_page import render_page
from onnx2snn.storage.whole_files import check_writable, write_whole

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from onnx2snn.reporting.report import Report

__all__ = ["check_report_path", "write_report"]


def check_report_path(path: str | os.PathLike[str]) -> None:
    """Check, before long work, that a report can be written at ``path``.

    Raises:
        OptionError: The name says no format.
        OutputError: The file cannot be written.
    """
    if Path(path).suffix.lower() not in _FORMATS:
        message = f"report: {str(path)!r} must end in {' or '.join(_FORMATS)}"
        raise OptionError(message)
    check_writable(path)


def write_report(report: Report, path: str | os.PathLike[str]) -> None:
    """Write ``report`` in the format that the name ``path`` says, whole or not at all.

    Raises:
        OptionError: The name says no format.
        OutputError: The file cannot be written.
    """
    check_report_path(path)
    suffix = Path(path).suffix.lower()
    render = _FORMATS[suffix]
    text = render(report)
    write_whole(path, lambda file: file.write(text.encode(errors="backslashreplace")))


def _as_json(report: Report) -> str:
    return json.dumps(report, indent=1) + "\n"


_FORMATS: dict[str, Callable[[Report], str]] = {".json": _as_json, ".html": render_page}
