"""Commands and Python blocks in the Markdown of the project."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(?P<language>\S*)( .*)?$")
PROMPT = "$ "


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block: where its first line stands, and the text between the fences."""

    page: str
    line: int
    language: str
    text: str


@dataclasses.dataclass(frozen=True)
class Step:
    """One command, or one Python block."""

    where: str
    is_command: bool
    text: str


def pages() -> list[str]:
    """Return the path of each page, from the root of the project."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    built = ROOT / "docs" / "_build"
    return sorted(path.relative_to(ROOT).as_posix() for path in found if built not in path.parents)


def lines(page: str) -> list[str]:
    return (ROOT / page).read_text(encoding="utf-8").splitlines()


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found = []
    opened: tuple[int, str] | None = None
    text = lines(page)
    for number, line in enumerate(text):
        match = FENCE.match(line)
        if opened is None and match is not None:
            opened = (number, match["language"])
        elif opened is not None and line == "```":
            start, language = opened
            inside = "\n".join(text[start + 1 : number])
            found.append(Block(page, start + 2, language, inside))
            opened = None
    return found


def outside_of_fences(page: str) -> list[str]:
    """Return the lines of a page that stand in no fenced block."""
    inside = set()
    for block in blocks(page):
        count = len(block.text.splitlines())
        inside |= set(range(block.line - 1, block.line - 1 + count))
    return [line for number, line in enumerate(lines(page)) if number not in inside]


def commands(block: Block) -> list[str]:
    """Return the commands of a console block; a line that a backslash ends goes on."""
    whole = block.text.replace("\\\n", " ")
    return [line.removeprefix(PROMPT) for line in whole.splitlines() if line.startswith(PROMPT)]


def steps(page: str) -> list[Step]:
    """Return the commands and Python blocks of a page, in order."""
    found = []
    for block in blocks(page):
        where = f"{block.page}:{block.line}"
        if block.language == "console":
            found += [Step(where, is_command=True, text=text) for text in commands(block)]
        elif block.language == "python":
            found.append(Step(where, is_command=False, text=block.text))
    return found
