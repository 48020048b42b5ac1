"""Commands and Python blocks in the Markdown of the project."""

from __future__ import annotations

import dataclasses
import itertools
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
    """One command, or one Python block, and the lines that the page shows below it."""

    where: str
    is_command: bool
    text: str
    shown: list[str] = dataclasses.field(default_factory=list)


def pages() -> list[str]:
    """Return the path of each page, from the root of the project."""
    found = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
    ]
    built = ROOT / "docs" / "_build"
    return sorted(
        path.relative_to(ROOT).as_posix() for path in found if built not in path.parents
    )


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


def command_steps(block: Block) -> list[Step]:
    """Return the commands of a console block; a line that a backslash ends goes on."""
    found: list[Step] = []
    for line in block.text.replace("\\\n", " ").splitlines():
        if line.startswith(PROMPT):
            text = line.removeprefix(PROMPT)
            found.append(Step(where(block), is_command=True, text=text))
        else:
            found[-1].shown.append(line)
    return found


def python_step(block: Block, following: Block | None) -> Step:
    """Return a Python block; its output is the text that follows after an empty line."""
    step = Step(where(block), is_command=False, text=block.text)
    if following is None or following.language != "text":
        return step
    end = block.line + len(block.text.splitlines())
    if following.line == end + 3:
        step.shown.extend(following.text.splitlines())
    return step


def where(block: Block) -> str:
    return f"{block.page}:{block.line}"


def steps(page: str) -> list[Step]:
    """Return the commands and Python blocks of a page, in order."""
    found: list[Step] = []
    every = blocks(page)
    for block, following in itertools.zip_longest(every, every[1:]):
        if block.language == "console":
            found += command_steps(block)
        elif block.language == "python":
            found.append(python_step(block, following))
    return found
