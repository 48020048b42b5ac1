"""Report how far long work has come.

The library reports; the command line listens and draws a bar. Nobody listens by default.
"""

from __future__ import annotations

import contextlib
import contextvars
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Listener = Callable[[str, int, int | None], None]

__all__ = ["listening", "track", "track_costs"]

_T = TypeVar("_T")

_PERCENT = 100

_listener: contextvars.ContextVar[Listener | None] = contextvars.ContextVar(
    "onnx2snn_progress", default=None
)


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let ``listener`` hear of all work that is done inside the context.

    Args:
        listener: Called with the name of the work, what is done, and the total if it is known;
            first when the work begins, with 0.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def track(items: Iterable[_T], name: str, total: int | None = None) -> Iterator[_T]:
    """Yield ``items``, report that the work begins, and then each one that is done.

    Args:
        items: The pieces of work.
        name: Name of the work, a verb in the present tense.
        total: Number of pieces, None if it is not known.
    """
    listener = _listener.get()
    if listener is not None:
        listener(name, 0, total)
    for done, item in enumerate(items, start=1):
        yield item
        if listener is not None:
            listener(name, done, total)


def track_costs(items: Sequence[_T], name: str, costs: Sequence[float]) -> Iterator[_T]:
    """Yield ``items``, which take longer or shorter, and report how much of all work is done.

    What is done is counted in percent.

    Args:
        items: The pieces of work.
        name: Name of the work, a verb in the present tense.
        costs: What each piece costs, in any unit, > 0.
    """
    listener = _listener.get()
    if listener is not None:
        listener(name, 0, _PERCENT)
    total = sum(costs)
    spent = 0.0
    for item, cost in zip(items, costs, strict=True):
        yield item
        spent += cost
        if listener is not None:
            done = round(_PERCENT * spent / total)
            listener(name, max(1, done), _PERCENT)  # 0 would begin anew
