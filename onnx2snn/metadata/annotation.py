"""Facts that travel in ``metadata_props``: of a model, a node or a value, one under each key."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

__all__ = ["Annotated", "Annotation", "json_annotation", "text_annotation"]

Content = TypeVar("Content")


class Annotated(Protocol):
    """Whatever may carry annotations: an ``ir.Model``, ``ir.Node`` or ``ir.Value``."""

    @property
    def metadata_props(self) -> MutableMapping[str, str]:
        """Texts by key, which the file holds."""


@dataclasses.dataclass(frozen=True)
class Annotation(Generic[Content]):
    """A kind of fact that is written on a model, a node or a value.

    Attributes:
        key: Key of ``metadata_props``.
        encode: Gives the text that stands there.
        decode: Gives the fact that a text says.
    """

    key: str
    encode: Callable[[Content], str]
    decode: Callable[[str], Content]

    def write(self, item: Annotated, content: Content) -> None:
        """Write ``content`` on ``item``, in the place of what stood there."""
        item.metadata_props[self.key] = self.encode(content)

    def read(self, item: Annotated) -> Content | None:
        """Return what is written on ``item``, None if nothing is."""
        text = item.metadata_props.get(self.key)
        if text is None:
            return None
        return self.decode(text)

    def read_required(self, item: Annotated) -> Content:
        """Return what is written on ``item``.

        Raises:
            KeyError: Nothing is.
        """
        return self.decode(item.metadata_props[self.key])

    def erase(self, item: Annotated) -> bool:
        """Remove what is written on ``item``; whether there was anything."""
        return item.metadata_props.pop(self.key, None) is not None

    def is_on(self, item: Annotated) -> bool:
        """Whether anything is written on ``item``."""
        return self.key in item.metadata_props


def text_annotation(key: str) -> Annotation[str]:
    """Return an annotation whose content is a text."""
    return Annotation(key, encode=str, decode=str)


def json_annotation(key: str) -> Annotation[dict[str, Any]]:
    """Return an annotation whose content is a JSON object, in the order of its keys."""
    return Annotation(key, encode=_sorted_json, decode=json.loads)


def _sorted_json(content: dict[str, Any]) -> str:
    return json.dumps(content, sort_keys=True)
