"""Report how far long work has come.

The library reports; the command line listens and draws a bar, and in a notebook long functions
do. Nobody listens else.
"""

from __future__ import annotations

import contextlib
import contextvars
import html
import sys
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Listener = Callable[[str, int, int | None], None]

__all__ = ["listening", "shown_in_notebook", "track", "track_costs"]

_T = TypeVar("_T")

_PERCENT = 100

_SECONDS_BETWEEN = 0.2
"""Least time between two pictures of a bar in a notebook."""

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


@contextlib.contextmanager
def shown_in_notebook() -> Iterator[None]:
    """Show how far work has come below the cell of a notebook, unless somebody listens already."""
    display = _display_of_notebook()
    if display is None or _listener.get() is not None:
        yield
        return
    bar = _NotebookBar(display)
    try:
        with listening(bar.show):
            yield
    finally:
        bar.clear()


def _display_of_notebook() -> Any:  # noqa: ANN401 (a module that is not always there)
    """Return the module that shows things in a notebook; None outside of one."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if ipython is None or not hasattr(shell, "kernel"):
        return None
    return ipython.display


class _NotebookBar:
    """A bar below the cell of a notebook, of the work that is under way.

    Args:
        display: The module ``IPython.display``.
    """

    def __init__(self, display: Any) -> None:  # noqa: ANN401 (as above)
        self._html = display.HTML
        self._handle = display.display(self._html(""), display_id=True)
        self._shown = 0.0

    def show(self, name: str, done: int, total: int | None) -> None:
        """Show what is done, a few times a second, and where work begins or ends."""
        now = time.monotonic()
        is_between = done not in (0, total)
        if is_between and now - self._shown < _SECONDS_BETWEEN:
            return
        self._shown = now
        known = "" if total is None else f' max="{total}" value="{done}"'
        count = f"{done}" if total is None else f"{done}/{total}"
        text = f"<progress{known}></progress> {html.escape(name)} {count}"
        self._handle.update(self._html(text))

    def clear(self) -> None:
        """Leave the cell to what is shown next."""
        self._handle.update(self._html(""))


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
