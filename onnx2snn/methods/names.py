"""Names of parts and passes as users give them: several in one text, or older spellings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CORRECTION", "PASS", "RENAMED", "current_names", "split_names"]

CORRECTION = "correction"
PASS = "pass"  # noqa: S105 (no password)

RENAMED: Mapping[str, Mapping[str, str]] = {
    CORRECTION: {
        "headroom": "threshold-scaling",
        "largest-current": "threshold-balancing",
    },
    PASS: {
        "leave-analog": "exclude-nodes",
        "remove-staircases": "remove-fake-quantizers",
    },
}
"""Kind of name to its older names, which keep working, with what each is called now."""


def split_names(given: str | Iterable[str]) -> tuple[str, ...]:
    """Return names that may come together in one text, with commas between them."""
    texts = (given,) if isinstance(given, str) else given
    names: list[str] = []
    for text in texts:
        names.extend(name.strip() for name in text.split(","))
    return tuple(names)


def current_names(kind: str, given: Iterable[str]) -> tuple[str, ...]:
    """Return ``given`` with each older name replaced by what it is called now.

    Args:
        kind: Key of ``RENAMED``.
        given: Names of that kind, old or new.
    """
    renamed = RENAMED[kind]
    return tuple(renamed.get(name, name) for name in given)
