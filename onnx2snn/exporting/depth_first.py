"""The order in which the legacy executor of nirtorch runs layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.errors import Refusal, UnsupportedError
from onnx2snn.exporting.layers import Entry

if TYPE_CHECKING:
    from onnx2snn.exporting.layers import LayerGraph

__all__ = [
    "check_order",
    "depth_first",
]


def depth_first(layers: LayerGraph) -> list[str]:
    """Return the names of layers as nirtorch 2.6 runs them: depth first from the input.

    It follows edges in the order in which they are written, and comes to each layer once.
    """
    readers: dict[str, list[str]] = {name: [] for name in layers.layers}
    for name, sources in layers.sources.items():
        for source in sources:
            readers[source].append(name)
    order: list[str] = []
    pending = layers.named(Entry)
    while pending:
        name = pending.pop()
        if name not in order:
            order.append(name)
            pending += reversed(readers[name])
    return order


def check_order(layers: LayerGraph, reader: str) -> None:
    """Check that each layer comes behind those that it reads, depth first.

    Raises:
        UnsupportedError: Some do not; it names them.
    """
    done: set[str] = set()
    refusals = []
    for name in depth_first(layers):
        if not done.issuperset(layers.sources[name]):
            reason = (
                f"it adds up branches, of which {reader} would run one too late: only branches "
                "beside a chain of weights and neurons can become part of the chain; choose "
                "another reader"
            )
            refusals.append(Refusal(name, type(layers.layers[name]).__name__, reason))
        done.add(name)
    if refusals:
        message = f"{reader} runs branches in another order"
        raise UnsupportedError(message, refusals)
