"""The ways in which inputs enter a network, as users say them."""

from __future__ import annotations

from collections.abc import Mapping

from onnx2snn.arguments import did_you_mean
from onnx2snn.errors import OptionError
from onnx2snn.metadata.input_coding import CODINGS

__all__ = ["input_codings"]


def input_codings(given: str | Mapping[str, str]) -> str | dict[str, str]:
    """Return the coding of all inputs, or that of some by name.

    Args:
        given: A coding, codings by name, or both in a text as in ``image=events,pose=rate``.

    Raises:
        OptionError: There is no such coding.
    """
    codings = given
    if isinstance(codings, str) and "=" in codings:
        codings = _codings_by_name(codings)
    chosen = codings.values() if isinstance(codings, Mapping) else [codings]
    unknown = [coding for coding in chosen if coding not in CODINGS]
    if unknown:
        message = (
            f"input_coding must be one of {', '.join(CODINGS)}, for all inputs or by name as in "
            f"image=events, not {given!r}{did_you_mean(unknown[0], CODINGS)}"
        )
        raise OptionError(message)
    return codings if isinstance(codings, str) else dict(codings)


def _codings_by_name(text: str) -> dict[str, str]:
    codings = {}
    for entry in text.split(","):
        name, _, coding = entry.rpartition("=")
        codings[name.strip()] = coding.strip()
    return codings
