"""Writing files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from onnx2snn.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

__all__ = ["check_writable", "write_whole"]


def check_writable(path: str | os.PathLike[str], *others: str | None) -> None:
    """Check, before long work, that a file can be written at ``path``.

    Args:
        path: The file.
        others: Files that are read or written as well, as given on the command line: perhaps a
            script with the name of a function behind it. None stands for none.

    Raises:
        OutputError: The folder does not exist or cannot be written to, ``path`` is a folder, or
            one of ``others``.
    """
    target = Path(path)
    for other in filter(None, others):
        if target.resolve() in {
            Path(other).resolve(),
            Path(other.rpartition(":")[0]).resolve(),
        }:
            message = f"cannot write {str(target)!r}: {other!r} is given as well; name another file"
            raise OutputError(message)
    if target.is_dir():
        message = f"cannot write {str(target)!r}: it is a folder; name a file in it"
        raise OutputError(message)
    if not target.parent.is_dir():
        message = (
            f"cannot write {str(target)!r}: there is no folder {str(target.parent)!r}"
        )
        raise OutputError(message)
    if not os.access(target.parent, os.W_OK) or (
        target.exists() and not os.access(target, os.W_OK)
    ):
        message = f"cannot write {str(target)!r}: permission denied"
        raise OutputError(message)


def write_whole(
    path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]
) -> None:
    """Write a file under a temporary name and rename it, so that no half file is ever seen.

    Args:
        path: Where the file goes; an older file there is replaced.
        write: Writes the contents into the open file it is given.

    Raises:
        OutputError: The file cannot be written.
    """
    check_writable(path)
    target = Path(path).resolve()
    if (
        target.exists() and not target.is_file()
    ):  # a pipe or a device: nothing to rename
        with target.open("wb") as file:
            write(file)
        return
    name = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            name = file.name
            write(file)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    except OSError as error:
        message = f"cannot write {str(target)!r}: {error.strerror}"
        raise OutputError(message) from error
    finally:
        if name is not None:
            Path(name).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
