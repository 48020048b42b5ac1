"""The ways in which a file takes T, a row each."""

from __future__ import annotations

__all__ = ["FIXED", "OPTIONAL", "REQUIRED", "TIME_INPUTS"]

OPTIONAL = "optional"
"""Name of the default way."""

REQUIRED = "required"
"""Name of the way that every runtime lets a caller use."""

FIXED = "fixed"
"""Name of the way that leaves a caller no choice."""

TIME_INPUTS: dict[str, str] = {
    OPTIONAL: "an input with a default: runtimes for JavaScript cannot set it",
    REQUIRED: "an input that must be fed, as any other",
    FIXED: "a constant of the file",
}
"""Name to what becomes of T in the file."""
