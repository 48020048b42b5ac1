"""Temporary files and folders, which the next process removes where one was killed.

The name of each says whose it is, by the number of the process. As long as that runs it holds a
lock, which the system takes from a process however it ends.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import tempfile
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Self

from onnx2snn.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows, where nothing is removed for others
    _HAS_LOCKS = False
else:
    _HAS_LOCKS = True

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "TemporaryFolder",
    "explain_full_disk",
    "locked",
    "remove_abandoned",
    "temporary_name",
]

_NAME = re.compile(r"\.?onnx2snn-tmp-(?P<process>\d+)-\w+")


def temporary_name(*, is_hidden: bool) -> str:
    """Return how the names of temporary files of this process begin.

    Args:
        is_hidden: Whether it stands in a folder of the user's, where a dot hides it.
    """
    dot = "." if is_hidden else ""
    return f"{dot}onnx2snn-tmp-{os.getpid()}-"


_ATTEMPTS = 100
_PAUSE_S = 0.05


class TemporaryFolder:
    """A folder that goes with its context, or with this object.

    Args:
        parent: The folder that it is made in; None for the system's one for temporary files.

    Attributes:
        path: The folder.

    Raises:
        OutputError: It cannot be made.
    """

    def __init__(self, parent: Path | None = None) -> None:
        """Make the folder."""
        with explain_full_disk():
            place = Path(tempfile.gettempdir()) if parent is None else parent
            remove_abandoned(place)
            self._folder = tempfile.TemporaryDirectory(
                prefix=temporary_name(is_hidden=parent is not None),
                dir=place,
                ignore_cleanup_errors=True,
            )
        self.path = Path(self._folder.name)
        held = locked(self.path)
        self._release = weakref.finalize(self, held.close)

    def __enter__(self) -> Self:
        """Return this folder."""
        return self

    def __exit__(self, *_: object) -> None:
        """Delete it and all that it holds."""
        self.close()

    def close(self) -> None:
        """Delete it and all that it holds."""
        self._folder.cleanup()
        self._release()


@contextlib.contextmanager
def explain_full_disk() -> Iterator[None]:
    """Say of temporary files that cannot be written where they are, and what helps.

    Raises:
        OutputError: One cannot be.
    """
    try:
        yield
    except OSError as error:
        folder = os.environ.get("TMPDIR") or tempfile.tempdir
        message = (
            f"cannot write temporary files in {folder!r}: {error.strerror or error}; "
            "name a folder with more room in the environment variable TMPDIR"
        )
        raise OutputError(message) from error


def locked(path: Path) -> contextlib.ExitStack:
    """Return a lock on a file or folder, held until it is closed.

    It is none where the system has no locks, or where another holds it for long.
    """
    held = contextlib.ExitStack()
    if not _HAS_LOCKS:
        return held
    with contextlib.suppress(OSError):
        opened = os.open(path, os.O_RDONLY)
        held.callback(os.close, opened)
        for _ in range(_ATTEMPTS):
            if _take_lock(opened):
                break
            time.sleep(_PAUSE_S)
    return held


def _take_lock(opened: int) -> bool:
    """Whether no other process has a lock on an open file, which is then held."""
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@functools.cache
def remove_abandoned(folder: Path) -> None:
    """Remove, once in a process, temporary files that killed processes left in a folder.

    Only those of this user go, whose process is gone and whose lock nobody holds: numbers of
    processes are not those of another machine or container that shares the folder.
    """
    if not _HAS_LOCKS:
        return
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _is_abandoned(entry):
                _remove(entry)


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    name = _NAME.fullmatch(entry.name)
    if name is None or entry.is_symlink() or _runs(int(name["process"])):
        return False
    return entry.stat().st_uid == os.getuid() and not _is_locked(entry.path)


def _runs(process: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's
        return True
    return True


def _is_locked(path: str) -> bool:
    """Whether a process, perhaps on another machine, holds a lock on a file or folder."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return True
    try:
        return not _take_lock(opened)
    except OSError:  # a file system without locks
        return True
    finally:
        os.close(opened)


def _remove(entry: os.DirEntry[str]) -> None:
    """Remove a file or folder; one that another process removes at the same time is no error."""
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        Path(entry.path).unlink()
