"""The colors of pages and pictures, by name: on white and in the dark."""

from __future__ import annotations

__all__ = ["COLORS", "as_css", "on_white"]

COLORS = {
    "text": ("#1c1f23", "#e6e8ea"),
    "quiet": ("#5c636b", "#a3abb3"),
    "line": ("#dfe3e8", "#343a41"),
    "card": ("#f5f7f9", "#23282d"),
    "page": ("#ffffff", "#181b1f"),
    "bar": ("#bac4ce", "#4d5761"),
    "link": ("#0b62a8", "#7cbcf0"),
    "spiking": ("#b87a00", "#e69f00"),
    "linear": ("#2f7db8", "#5aa9e0"),
    "static": ("#7b848d", "#8b939c"),
    "max-like": ("#16835f", "#2db58c"),
    "analog": ("#c65400", "#f07f35"),
    "readout": ("#9a58b3", "#c08ad6"),
    "refused": ("#b3261e", "#ff8a80"),
    "folded": ("#8d959d", "#6d757d"),
    "constant": ("#8d959d", "#6d757d"),
    "removed": ("#8d959d", "#6d757d"),
    "spikes": ("#b87a00", "#e69f00"),
    "real": ("#2f7db8", "#5aa9e0"),
}
"""Name to the color on white and in the dark."""


def as_css(*, dark: bool) -> str:
    """Return the declarations of all colors as custom properties."""
    column = 1 if dark else 0
    return " ".join(f"--{name}: {pair[column]};" for name, pair in COLORS.items())


def on_white(text: str) -> str:
    """Return a text with ``var(--name)`` replaced by the color on white."""
    for name, (color, _) in COLORS.items():
        text = text.replace(f"var(--{name})", color)
    return text
