"""The memory and the time that a file may ask for, in one place.

A file of a kilobyte can ask for 10**12 numbers, or for a loop without end. Whatever is as large
as a file says is measured against this budget before it is made.
"""

from __future__ import annotations

import contextlib
import contextvars
import importlib
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from onnx2snn.errors import LimitError, OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "SHARE",
    "TRIAL_SECONDS",
    "check_memory",
    "describe_size",
    "limited_process",
    "memory_budget",
    "memory_limit",
    "parse_size",
]

SHARE = 0.75
"""Part of the free memory that may be taken where no limit is given."""

TRIAL_SECONDS = 30.0
"""Time that one run on synthetic inputs may take, in seconds: longer, it may never end."""

_ALWAYS_FREE = 2**26
"""Bytes that may be taken without a look at what is free: 64 MB."""

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?\s*", re.IGNORECASE | re.ASCII)

_STACKS = 2**30
"""Bytes that threads reserve for their stacks, and never use."""

_UNLIMITED_GROUP = 2**60
"""Bytes from which the limit of a control group is none."""

_LIMIT: contextvars.ContextVar[int | None] = contextvars.ContextVar(
    "memory limit", default=None
)


@contextlib.contextmanager
def memory_limit(size: int | str | None) -> Iterator[None]:
    """Let everything inside take at most so much memory beside what is taken already.

    It holds for what a file asks for: sizes that a model declares, what it computes on synthetic
    inputs, arrays in an ``.npz``. Without a limit these may take three quarters of what is free.

    Args:
        size: Bytes, or a text as ``4GB``; None for no limit of one's own.

    Raises:
        OptionError: The size is none, or not above 0.
    """
    token = _LIMIT.set(None if size is None else parse_size(size))
    try:
        yield
    finally:
        _LIMIT.reset(token)


def parse_size(size: int | str) -> int:
    """Return a number of bytes; ``K``, ``M``, ``G`` and ``T`` are powers of 1024.

    Raises:
        OptionError: It is no size, or not above 0.
    """
    found = _SIZE.fullmatch(str(size))
    if found is None or isinstance(size, bool):
        message = (
            f"a size of memory is a number of bytes, or as 500MB or 4GB, not {size!r}"
        )
        raise OptionError(message)
    number, unit = found.groups()
    nbytes = float(number) * _UNITS[unit.upper()]
    if not 1 <= nbytes < math.inf:
        message = f"a size of memory must be above 0, not {size!r}"
        raise OptionError(message)
    return int(nbytes)


def memory_budget() -> int:
    """Return the bytes that may be taken now: the limit, or three quarters of what is free."""
    limit = _LIMIT.get()
    free = _free_memory()
    if limit is None:
        return int(SHARE * free)
    return limit


def check_memory(nbytes: float, what: str) -> None:
    """Refuse to take more memory than may be taken.

    Args:
        nbytes: Bytes that are wanted; inf if they cannot be counted.
        what: Subject of the message, as ``x of model.onnx``.

    Raises:
        LimitError: They are more than ``memory_budget()``.
    """
    if nbytes <= _ALWAYS_FREE and _LIMIT.get() is None:
        return
    budget = memory_budget()
    if nbytes > budget:
        message = (
            f"{what} takes {describe_size(nbytes)} of memory, and {describe_size(budget)} may be "
            "taken; --max-memory, or onnx2snn.memory_limit, raises that"
        )
        raise LimitError(message)


def describe_size(nbytes: float) -> str:
    """Return a number of bytes in words."""
    if nbytes >= _UNITS["T"]:
        return f"{nbytes / _UNITS['T']:.3g} TB"
    if nbytes >= _UNITS["G"]:
        return f"{nbytes / _UNITS['G']:.3g} GB"
    return f"{math.ceil(nbytes / _UNITS['M'])} MB"


@contextlib.contextmanager
def limited_process() -> Iterator[None]:
    """Let allocations fail inside once the process has taken all that it may.

    It is a net under all estimates, for processes of one's own as the command line: a
    ``MemoryError`` instead of a machine that swaps. Where the system knows no such limit, as
    on Windows, nothing changes.
    """
    try:
        resource = importlib.import_module("resource")
        taken = _status("VmData")
    except (ImportError, OSError):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [size for size in (soft, hard) if size != resource.RLIM_INFINITY]
    most = min([taken + memory_budget() + _STACKS, *limits])
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _free_memory() -> int:
    """Return the bytes that this process can still take, as far as the system tells."""
    found = [_of_machine(), *_of_groups(), *_of_process()]
    return max(0, min(size for size in found if size is not None))


def _of_machine() -> int:
    """Return the memory that the machine has free; a guess where it does not say."""
    try:
        return _field(Path("/proc/meminfo"), "MemAvailable")
    except OSError:
        return 8 * _UNITS["G"]


def _of_groups() -> Iterator[int]:
    """Give what the control group of a container leaves."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        folder = Path("/sys/fs/cgroup")
        with contextlib.suppress(OSError, ValueError):
            most = int(folder.joinpath(limit).read_text())
            if most < _UNLIMITED_GROUP:
                yield most - int(folder.joinpath(used).read_text())


def _of_process() -> Iterator[int]:
    """Give what the limits of the process leave."""
    with contextlib.suppress(ImportError, OSError):
        resource = importlib.import_module("resource")
        for kind, used in (
            (resource.RLIMIT_AS, "VmSize"),
            (resource.RLIMIT_DATA, "VmData"),
        ):
            soft, _ = resource.getrlimit(kind)
            if soft != resource.RLIM_INFINITY:
                yield soft - _status(used)


def _status(name: str) -> int:
    return _field(Path("/proc/self/status"), name)


def _field(path: Path, name: str) -> int:
    """Return a field of one of Linux's tables, in bytes.

    Raises:
        OSError: There is no such table or field.
    """
    for line in path.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * _UNITS["K"]
    message = f"no {name} in {path}"
    raise OSError(message)
