"""What a conversion has worked out so far, kept in a folder, so that the next one goes on there.

A conversion works out the same in the same order each time it is given the same. So results need
no names of their own: the n-th one of a conversion of the same key is the n-th one again.
"""

from __future__ import annotations

import contextlib
import contextvars
import hashlib
import logging
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.errors import OutputError, message_of
from onnx2snn.storage.npz import write_npz
from onnx2snn.storage.whole_files import write_whole

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    Results = dict[str, np.ndarray]

__all__ = ["journal", "remembered", "resumable"]

_LOGGER = logging.getLogger(__name__)


class _Journal:
    """The results of one conversion, one file each.

    Args:
        folder: The folder of the files; it is made with the first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    def remembered(self, name: str, compute: Callable[[], Results]) -> Results:
        """Return the next result: the one that is kept, or else a new one."""
        digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
        path = self.folder / f"{self._count:05}-{digest[:16]}.npz"
        self._count += 1
        found = _read(path)
        if found is not None:
            return found
        computed = compute()
        if all(data.dtype.isbuiltin for data in computed.values()):
            self._keep(path, computed)
        return computed

    def _keep(self, path: Path, results: Results) -> None:
        """Keep results; a conversion goes on where they cannot be kept."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, lambda file: write_npz(file, results))
        except (OSError, OutputError) as error:
            _LOGGER.warning("a result is not kept to go on from: %s", message_of(error))


def _read(path: Path) -> Results | None:
    """Return results that are kept; None if there are none, or a file is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return dict(kept)
    except FileNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001 (of a damaged file, of many kinds)
        _LOGGER.warning("%s is not read: %s", path, message_of(error))
        return None


_FOLDER: contextvars.ContextVar[Path | None] = contextvars.ContextVar(
    "folder of results", default=None
)
_CURRENT: contextvars.ContextVar[_Journal | None] = contextvars.ContextVar(
    "journal", default=None
)
_DONE: contextvars.ContextVar[list[Path] | None] = contextvars.ContextVar(
    "journals that are done", default=None
)


@contextlib.contextmanager
def resumable(folder: str | os.PathLike[str] | None) -> Iterator[None]:
    """Keep what conversions inside work out, and go on where one of the same was ended.

    A conversion is the same if its network, data, options and versions are; then what it makes
    is, too, byte for byte. If nothing is raised inside, what is kept is deleted at the end: after
    the result was saved, if that is inside as well.

    Args:
        folder: Where results are kept, in a folder for each conversion; None keeps none.

    Raises:
        OutputError: The folder cannot be written to.
    """
    if folder is None:
        yield
        return
    place = Path(folder)
    _check_folder(place)
    done: list[Path] = []
    tokens = _FOLDER.set(place), _DONE.set(done)
    try:
        yield
    finally:
        _FOLDER.reset(tokens[0])
        _DONE.reset(tokens[1])
    for each in done:
        shutil.rmtree(each, ignore_errors=True)


def _check_folder(folder: Path) -> None:
    """Make a folder, and check that files can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or error
        message = f"cannot keep results in {str(folder)!r}: {problem}"
        raise OutputError(message) from error


@contextlib.contextmanager
def journal(key: Callable[[], str]) -> Iterator[None]:
    """Let results inside be those of one conversion.

    Args:
        key: Gives a digest of all that the results depend on, if they are kept.
    """
    folder, done = _FOLDER.get(), _DONE.get()
    if folder is None or done is None:
        yield
        return
    current = _Journal(folder / key())
    token = _CURRENT.set(current)
    try:
        yield
    finally:
        _CURRENT.reset(token)
    done.append(current.folder)


def remembered(name: str, compute: Callable[[], Results]) -> Results:
    """Return what ``compute`` returns, or what it returned in a conversion that was ended.

    Args:
        name: What it is, for a check: no result of another thing is taken for it.
        compute: Computes arrays by name, of nothing but what the key of the journal says.
    """
    current = _CURRENT.get()
    if current is None:
        return compute()
    return current.remembered(name, compute)
