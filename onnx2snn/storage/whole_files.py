"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from onnx2snn.errors import OutputError
from onnx2snn.storage.temporary import locked, remove_abandoned, temporary_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import IO

__all__ = ["check_writable", "explain_failure", "write_whole"]


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
    with explain_failure(target):
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
    """Say why no file can be written; None if one can.

    Raises:
        OSError: The name is too long, or a link that leads to itself.
    """
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return _folder_problem(target.parent)
    if stat.S_ISDIR(mode):
        return "it is a folder; name a file in it"
    if stat.S_ISSOCK(mode):
        return "it is a socket; name a file"
    if not os.access(target, os.W_OK):
        return "permission denied"
    return _folder_problem(target.parent) if stat.S_ISREG(mode) else None


def _folder_problem(folder: Path) -> str | None:
    """Say why no file can be made in a folder; None if one can."""
    if not folder.is_dir():
        return f"there is no folder {str(folder)!r}"
    return None if os.access(folder, os.W_OK) else "permission denied"


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
    with explain_failure(Path(path)):
        target = Path(path).resolve()
        if target.exists() and not target.is_file():
            with target.open("wb") as file:  # a pipe or a device: nothing to rename
                write(file)
        else:
            _write_and_rename(target, write)


@contextlib.contextmanager
def explain_failure(target: Path) -> Iterator[None]:
    """Say of a file that cannot be written why.

    Raises:
        OutputError: It cannot be.
    """
    try:
        yield
    except BrokenPipeError:  # whoever reads has seen enough
        raise
    # RuntimeError of links in a circle, ValueError of a name that no file can have
    except (OSError, RuntimeError, ValueError) as error:
        problem = getattr(error, "strerror", None) or error
        message = f"cannot write {str(target)!r}: {problem}"
        raise OutputError(message) from error


def _write_and_rename(target: Path, write: Callable[[IO[bytes]], object]) -> None:
    remove_abandoned(target.parent)
    name = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=temporary_name(is_hidden=True), delete=False
        ) as file:
            name = Path(file.name)
            with locked(name):
                write(file)
                file.flush()
                os.fsync(file.fileno())
        name.chmod(0o666 & ~_umask())
        name.replace(target)
    finally:
        if name is not None:
            name.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
