"""Size, density, complexity and nesting of Python code, file by file."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

from radon.visitors import ComplexityVisitor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    Function = ast.FunctionDef | ast.AsyncFunctionDef
    Span = tuple[int, int]
    Kinds = type[ast.expr] | tuple[type[ast.expr], ...]

DENSITY = "tokens a code line"
COMPLEXITY = "complexity"
FUNCTION_LINES = "function lines"
FILE_LINES = "file lines"
COMPREHENSION_LEVELS = "levels of comprehensions"
CONDITIONAL_LEVELS = "levels of conditional expressions"
CLAUSES = "clauses of a condition"
ALL = (
    DENSITY,
    COMPLEXITY,
    FUNCTION_LINES,
    FILE_LINES,
    COMPREHENSION_LEVELS,
    CONDITIONAL_LEVELS,
    CLAUSES,
)

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTIONS)
LAYOUT = ("COMMENT", "NL", "NEWLINE", "INDENT", "DEDENT", "ENDMARKER")
# From Python 3.12 on, the parts of an f-string are tokens. Here it is one, as before.
STRING_STARTS = ("FSTRING_START", "TSTRING_START")
STRING_ENDS = ("FSTRING_END", "TSTRING_END")
REASON = re.compile(r"#\s*complexity:\s*\S")


@dataclass(frozen=True)
class Place:
    """A place in the code, and how much was measured there.

    Attributes:
        measure: One of the measures named at the top of this module.
        path: The file.
        line: The first line of what was measured, from 1.
        amount: The result.
        name: The function, with the classes and functions around it; else empty.
        has_reason: Whether a comment beside the function gives a reason.
    """

    measure: str
    path: Path
    line: int
    amount: float
    name: str = ""
    has_reason: bool = False

    def __str__(self) -> str:
        """Return the place as editors follow it, and what was measured."""
        position = f"{self.path.as_posix()}:{self.line}"
        subject = f"{self.measure} of {self.name}" if self.name else self.measure
        return f"{position}: {subject}, {self.amount:.4g}"


@dataclass(frozen=True)
class Source:
    """A file of Python, measured.

    Attributes:
        path: The file.
        code_lines: Lines that hold code: not blank, no comment, no docstring.
        tokens: Tokens of code.
        places: What was measured, by place.
    """

    path: Path
    code_lines: int
    tokens: int
    places: list[Place]


def measure_folder(folder: Path) -> list[Source]:
    """Return the measures of each file of Python in a folder and those in it."""
    paths = sorted(folder.rglob("*.py"))
    return [measure_code(path.read_text(encoding="utf-8"), path) for path in paths]


def measure_code(code: str, path: Path) -> Source:
    """Return the measures of the code of one file."""
    tree = ast.parse(code)
    spans = _token_spans(code, _docstring_starts(tree))
    code_lines = len(_covered_lines(spans))
    places = [Place(FILE_LINES, path, 1, len(code.splitlines()))]
    if code_lines:
        places.append(Place(DENSITY, path, 1, len(spans) / code_lines))
    places.extend(_measure_functions(tree, path, _reason_lines(code)))
    places.extend(_measure_expressions(tree, path))
    return Source(path, code_lines, len(spans), places)


def _tokens(code: str) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(code).readline)


def _token_spans(code: str, docstrings: set[Span]) -> list[Span]:
    """Return the first and last line of each token of code.

    Args:
        code: The code of a file.
        docstrings: Line and column where each docstring begins.
    """
    spans = []
    open_strings: list[int] = []  # the lines where they began
    for token in _tokens(code):
        kind = tokenize.tok_name[token.type]
        first_line = token.start[0]
        if kind in STRING_STARTS:
            open_strings.append(first_line)
            continue
        if kind in STRING_ENDS:
            first_line = open_strings.pop()
        is_code = kind not in LAYOUT and token.start not in docstrings
        if is_code and not open_strings:
            spans.append((first_line, token.end[0]))
    return spans


def _covered_lines(spans: Iterable[Span]) -> set[int]:
    """Return the lines that hold a token, or a part of one."""
    lines: set[int] = set()
    for first, last in spans:
        lines.update(range(first, last + 1))
    return lines


def _docstring_starts(tree: ast.Module) -> set[Span]:
    """Return the line and column where each docstring begins."""
    starts = set()
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            starts.add((docstring.lineno, docstring.col_offset))
    return starts


def _reason_lines(code: str) -> set[int]:
    """Return the lines with a comment that gives a reason for complexity."""
    lines = set()
    for token in _tokens(code):
        if token.type == tokenize.COMMENT and REASON.match(token.string):
            lines.add(token.start[0])
    return lines


def _measure_functions(tree: ast.Module, path: Path, reasons: set[int]) -> list[Place]:
    """Return the length, docstring included, and the complexity of each function."""
    places = []
    for name, node in _named_functions(tree):
        line = node.lineno
        last_line = node.end_lineno or line
        has_reason = not reasons.isdisjoint(_lines_for_reason(node))
        complexity = ComplexityVisitor.from_ast(node).functions[0].complexity
        places += [
            Place(FUNCTION_LINES, path, line, last_line - line + 1, name),
            Place(COMPLEXITY, path, line, complexity, name, has_reason),
        ]
    return places


def _lines_for_reason(function: Function) -> set[int]:
    """Return the lines where a comment about a function may stand."""
    lines = {function.lineno, function.lineno - 1}
    if function.decorator_list:
        first_decorator = function.decorator_list[0]
        lines.add(first_decorator.lineno - 1)
    return lines


def _named_functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Yield all functions, named with the classes and functions around them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, FUNCTIONS):
            yield prefix + node.name, node
        inner_prefix = prefix
        if isinstance(node, (ast.ClassDef, *FUNCTIONS)):
            inner_prefix += f"{node.name}."
        yield from _named_functions(node, inner_prefix)


def _measure_expressions(tree: ast.Module, path: Path) -> Iterator[Place]:
    """Yield the levels of nested expressions, and the clauses of conditions."""
    for node in _outermost(tree, COMPREHENSIONS):
        levels = _levels(node, COMPREHENSIONS)
        yield Place(COMPREHENSION_LEVELS, path, node.lineno, levels)
    for node in _outermost(tree, ast.IfExp):
        levels = _levels(node, ast.IfExp)
        yield Place(CONDITIONAL_LEVELS, path, node.lineno, levels)
    for condition in _conditions(tree):
        clauses = _count_clauses(condition)
        yield Place(CLAUSES, path, condition.lineno, clauses)


def _outermost(tree: ast.AST, kinds: Kinds) -> Iterator[ast.expr]:
    """Yield the expressions of these kinds that stand in no other of them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, kinds):
            yield node
        else:
            yield from _outermost(node, kinds)


def _levels(node: ast.AST, kinds: Kinds) -> int:
    """Return how many expressions of these kinds stand in each other at most."""
    inner = [_levels(child, kinds) for child in ast.iter_child_nodes(node)]
    return max(inner, default=0) + isinstance(node, kinds)


def _conditions(tree: ast.AST) -> list[ast.BoolOp]:
    """Return each ``and`` and ``or`` that is no clause of another."""
    joins = [node for node in ast.walk(tree) if isinstance(node, ast.BoolOp)]
    clauses: set[ast.expr] = set()
    for join in joins:
        clauses.update(_without_not(value) for value in join.values)
    return [join for join in joins if join not in clauses]


def _count_clauses(condition: ast.expr) -> int:
    """Return the number of clauses; a comparison is one, ``a < b < c`` as well."""
    condition = _without_not(condition)
    if not isinstance(condition, ast.BoolOp):
        return 1
    return sum(_count_clauses(value) for value in condition.values)


def _without_not(node: ast.expr) -> ast.expr:
    """Return what stands behind any number of ``not``."""
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        node = node.operand
    return node
