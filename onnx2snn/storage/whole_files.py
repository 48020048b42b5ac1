"""Writing files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from onnx2snn.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
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
    problem = _name_problem(target, others) or _access_problem(target)
    if problem is not None:
        message = f"cannot write {str(target)!r}: {problem}"
        raise OutputError(message)


def _name_problem(target: Path, others: Iterable[str | None]) -> str | None:
    """Say which of ``others`` is the file itself; None if none is."""
    for other in filter(None, others):
        script, _, _ = other.rpartition(":")
        names = [other, script] if script else [other]
        if target.resolve() in {Path(name).resolve() for name in names}:
            return f"{other!r} is given as well; name another file"
    return None


def _access_problem(target: Path) -> str | None:
    """Say why no file can be written; None if one can."""
    folder = target.parent
    if target.is_dir():
        return "it is a folder; name a file in it"
    if not folder.is_dir():
        return f"there is no folder {str(folder)!r}"
    is_locked = target.exists() and not os.access(target, os.W_OK)
    if is_locked or not os.access(folder, os.W_OK):
        return "permission denied"
    return None


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
    is_special = target.exists() and not target.is_file()
    try:
        if is_special:  # a pipe or a device: nothing to rename
            with target.open("wb") as file:
                write(file)
        else:
            _write_and_rename(target, write)
    except BrokenPipeError:  # whoever reads has seen enough
        raise
    except OSError as error:
        message = f"cannot write {str(target)!r}: {error.strerror}"
        raise OutputError(message) from error


def _write_and_rename(target: Path, write: Callable[[IO[bytes]], object]) -> None:
    name = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            name = file.name
            write(file)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    finally:
        if name is not None:
            Path(name).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
