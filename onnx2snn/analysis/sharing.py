"""Sharing what is known of a graph as long as the graph stays as it is.

Several passes and reports ask the same questions of one graph. Inside ``sharing``, an answer
is kept until a pass changes the graph; outside, each question is answered anew.
"""

from __future__ import annotations

import contextlib
import contextvars
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import onnx_ir as ir

__all__ = ["forget", "shared", "sharing"]

_Answer = TypeVar("_Answer")

_answers: contextvars.ContextVar[dict[ir.Graph, dict[object, Any]] | None] = (
    contextvars.ContextVar("onnx2snn_answers", default=None)
)


@contextlib.contextmanager
def sharing() -> Iterator[None]:
    """Keep answers inside the context; whoever changes a graph there calls ``forget``."""
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


def shared(graph: ir.Graph, question: object, answer: Callable[[], _Answer]) -> _Answer:
    """Return the answer to a question about ``graph``, the kept one if there is one.

    Args:
        graph: What the question is about.
        question: Its name, hashable, with all that the answer depends on but the graph.
        answer: Finds the answer.
    """
    kept = _answers.get()
    if kept is None:
        return answer()
    of_graph = kept.setdefault(graph, {})
    if question not in of_graph:
        of_graph[question] = answer()
    return cast("_Answer", of_graph[question])


def forget(graph: ir.Graph) -> None:
    """Drop what is kept of ``graph``, which has changed, and of all that it holds."""
    kept = _answers.get()
    if kept:
        for changed in (graph, *graph.subgraphs()):
            kept.pop(changed, None)
