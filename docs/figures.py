"""Draw the figures of the documentation: ``make figures``.

The files are the same bytes each time, as long as matplotlib is the same version.
"""

from __future__ import annotations

from pathlib import Path

from drawing import FIGURES
from drawing.style import write_svg

FOLDER = Path(__file__).parent / "explanation" / "figures"


def main() -> None:
    """Write an SVG for each figure."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        write_svg(draw(), FOLDER / f"{name}.svg")


if __name__ == "__main__":
    main()
