"""Models that are broken, or made to do harm, kind by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import hostile_bytes, hostile_graphs, hostile_sizes, hostile_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.hostile_case import Hostile

__all__ = ["KINDS"]

KINDS: dict[str, Callable[[], Iterable[Hostile]]] = {
    "external data": hostile_storage.external_data,
    "sparse tensors": hostile_storage.sparse_tensors,
    "declared sizes": hostile_sizes.declared_sizes,
    "endless or growing work": hostile_sizes.endless_work,
    "rules of graphs": hostile_graphs.broken_rules,
    "types": hostile_graphs.types,
    "versions": hostile_graphs.versions,
    "numbers": hostile_graphs.numbers,
    "deep and long graphs": hostile_graphs.deep_and_long,
    "truncated files": hostile_bytes.truncated,
    "flipped bits": hostile_bytes.flipped,
    "spliced files": hostile_bytes.spliced,
    "text formats": hostile_bytes.text_formats,
}
"""Kind to its models."""
