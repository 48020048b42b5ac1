"""The memory that onnxruntime may take for models that nobody knows yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.budget import memory_budget

if TYPE_CHECKING:
    import onnxruntime as ort

__all__ = ["limit_memory"]

_SHARED = "session.use_env_allocators"
_DOUBLING = 0
"""Memory is taken in larger and larger pieces: a loop may ask for a million small ones."""


class _Arena:
    """The memory that such sessions share.

    It is of the whole process, as onnxruntime has it, and made anew where the budget has changed
    by more than a quarter.
    """

    limit = 0


def limit_memory(options: ort.SessionOptions) -> None:
    """Let a session take no more memory than may be taken, with the others of its kind.

    Args:
        options: What the session will be made with.
    """
    budget = memory_budget()
    is_similar = 3 * _Arena.limit < 4 * budget < 5 * _Arena.limit
    if not is_similar:
        _allow(budget)
    options.add_session_config_entry(_SHARED, "1")


def _allow(nbytes: int) -> None:
    """Give sessions that are made from now on an arena of this size."""
    import onnxruntime as ort  # noqa: PLC0415 (slow to import)

    kind = ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    place = ort.OrtMemoryInfo("Cpu", kind, 0, ort.OrtMemType.DEFAULT)
    sizes = {"max_mem": nbytes, "arena_extend_strategy": _DOUBLING}
    ort.create_and_register_allocator(place, ort.OrtArenaCfg(sizes))
    _Arena.limit = nbytes
