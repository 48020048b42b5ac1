"""Writing a report to a file: as data, or as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from onnx2snn.errors import OptionError
from onnx2snn.storage.whole_files import check_writable, write_whole

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

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


def write_report(
    path: str | os.PathLike[str], data: object, render: Callable[[], str]
) -> None:
    """Write a report in the format that the name ``path`` says, whole or not at all.

    Args:
        path: The file.
        data: The report as plain data, for a name in ``.json``.
        render: Returns it as a page, for a name in ``.html``.

    Raises:
        OptionError: The name says no format.
        OutputError: The file cannot be written.
    """
    check_report_path(path)
    is_json = Path(path).suffix.lower() == _JSON
    text = json.dumps(data, indent=1) + "\n" if is_json else render()
    write_whole(path, lambda file: file.write(text.encode(errors="backslashreplace")))


_JSON = ".json"

_FORMATS = (_JSON, ".html")
