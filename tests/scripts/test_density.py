from __future__ import annotations

import sys
from pathlib import Path

import code_measures
import density
import pytest
from code_measures import Source, measure_code

SMALL = '''\
"""A docstring is no code."""

import math  # nor is a comment


def area(radius):
    """Return the area.

    It has two lines.
    """
    # a comment
    return (
        math.pi

        * radius**2
    )
'''
COMPLEX = """\
def choose(a):
    if a == 0: return 0
    if a == 1: return 0
    if a == 2: return 0
    if a == 3: return 0
    if a == 4: return 0
    if a == 5: return 0
    if a == 6: return 0
    if a == 7: return 0
    if a == 8: return 0
    return 1
"""
TOO_COMPLEX = COMPLEX.replace("return 1", "return 1 if a else 2")


def measured(code: str) -> Source:
    return measure_code(code, Path("small.py"))


def amounts(code: str, measure: str) -> dict[str | int, float]:
    """Return the amounts of one measure, by function or by line."""
    places = [place for place in measured(code).places if place.measure == measure]
    return {place.name or place.line: place.amount for place in places}


def violations(code: str) -> list[str]:
    return density.find_violations(Path("package"), [measured(code)])


def test_tokens_and_code_lines_leave_layout_comments_and_docstrings_out() -> None:
    source = measured(SMALL)
    # import math | def area ( radius ) : | return ( | math . pi | * radius ** 2 | )
    assert source.tokens == 2 + 6 + 2 + 3 + 4 + 1
    assert source.code_lines == 6
    assert amounts(SMALL, code_measures.DENSITY) == {1: 3}


@pytest.mark.parametrize(
    "code, tokens, code_lines",
    [
        ("", 0, 0),
        ('"""Only a docstring."""\n', 0, 0),
        ("# only a comment\n", 0, 0),
        ('text = """one\n\nthree"""\n', 3, 3),
        ('text = f"{a + b} and {c!r}"\n', 3, 1),
        ('text = f"""{a +\nb}\nand"""\n', 3, 3),
        ("text = f\"{f(1)} {f'{a}'}\"\n", 3, 1),
        ("def f():\n    x = 1\n    'no docstring'\n", 5 + 3 + 1, 3),
        ("class A:\n    'A docstring.'\n    x: int\n", 3 + 3, 2),
        ("x = 1; y = 2\n", 7, 1),
    ],
)
def test_tokens_of_small_sources(code: str, tokens: int, code_lines: int) -> None:
    source = measured(code)
    assert (source.tokens, source.code_lines) == (tokens, code_lines)


def test_functions_are_named_with_what_is_around_them() -> None:
    code = """\
class Outer:
    class Inner:
        def method(self):
            def nested(a):
                return a if a else None
            return nested

@decorate(
    1
)
async def waiting():
    pass

if True:
    def guarded(): pass
"""
    assert amounts(code, code_measures.FUNCTION_LINES) == {
        "Outer.Inner.method": 4,
        "Outer.Inner.method.nested": 2,
        "waiting": 2,
        "guarded": 1,
    }
    # what is in a nested function does not count for the one around it
    assert amounts(code, code_measures.COMPLEXITY) == {
        "Outer.Inner.method": 1,
        "Outer.Inner.method.nested": 2,
        "waiting": 1,
        "guarded": 1,
    }


@pytest.mark.parametrize(
    "code, levels",
    [
        ("[a for a in b]", {1: 1}),
        ("[a for a in b for b in c if a]", {1: 1}),
        ("x = [a for a in b], {a for a in c}", {1: 1}),
        ("sum(a for a in [b for b in c])", {1: 2}),
        ("{a: [b for b in a if any(c for c in b)] for a in d}", {1: 3}),
        ("for a in [b for b in c]:\n    d = {e for e in a}", {1: 1, 2: 1}),
        ("[\n  f(lambda: [b for b in a])\n  for a in c\n]", {1: 2}),
    ],
)
def test_levels_of_comprehensions(code: str, levels: dict[str | int, float]) -> None:
    assert amounts(code, code_measures.COMPREHENSION_LEVELS) == levels


@pytest.mark.parametrize(
    "code, levels",
    [
        ("a if b else c", {1: 1}),
        ("a if b else c if d else e", {1: 2}),
        ("a if (b if c else d) else e if f else g", {1: 2}),
        ("f(a if b else c, d if e else f)", {1: 1}),
        ("a if b else f(c, d if e else g)", {1: 2}),
    ],
)
def test_levels_of_conditionals(code: str, levels: dict[str | int, float]) -> None:
    assert amounts(code, code_measures.CONDITIONAL_LEVELS) == levels


@pytest.mark.parametrize(
    "code, clauses",
    [
        ("a", {}),
        ("not a", {}),
        ("a and b", {1: 2}),
        ("a and (b or c) and not (d or e)", {1: 5}),
        ("a < b < c or not d", {1: 2}),
        ("a and f(\n  b or c or d)", {1: 2, 2: 3}),
        ("not (a or not not b)", {1: 2}),
    ],
)
def test_clauses_of_conditions(code: str, clauses: dict[str | int, float]) -> None:
    assert amounts(code, code_measures.CLAUSES) == clauses


def test_small_code_passes_no_limit() -> None:
    assert violations(SMALL) == []


def test_too_many_tokens_a_line_are_a_violation_of_the_folder() -> None:
    within = "a = b + c + d, e\n" * 2 + "a = b\n"  # 9, 9 and 3 tokens
    assert violations(within) == []
    too_many = "package:1: tokens a code line, 8, limit 7.8"
    assert violations("a = b + c + d, e\n" * 5 + "a = b\n") == [too_many]


def test_a_file_may_be_denser_than_its_folder() -> None:
    dense = measured("a = b + c + d, e")
    sparse = measured("a = b\n" * 9)
    assert density.find_violations(Path("package"), [dense, sparse]) == []


def test_complexity_is_a_violation_by_name() -> None:
    assert amounts(COMPLEX, code_measures.COMPLEXITY) == {"choose": 10}
    assert violations(COMPLEX) == []
    found = "small.py:1: complexity of choose, 11, limit 10"
    assert violations(TOO_COMPLEX) == [found]


@pytest.mark.parametrize(
    "code",
    [
        "# complexity: one case a line\n" + TOO_COMPLEX,
        "#complexity: one case a line\n@decorated\n@twice\n" + TOO_COMPLEX,
        "@decorated\n# complexity: one case a line\n" + TOO_COMPLEX,
        TOO_COMPLEX.replace("(a):", "(a):  # complexity: one case a line"),
    ],
)
def test_complexity_may_have_a_reason(code: str) -> None:
    assert violations(code) == []


@pytest.mark.parametrize(
    "code",
    [
        "# complexity:\n" + TOO_COMPLEX,
        "# complexity: too far away\n\n" + TOO_COMPLEX,
        "text = '# complexity: no comment'\n" + TOO_COMPLEX,
        TOO_COMPLEX + "    # complexity: inside of it\n",
    ],
)
def test_what_is_no_reason_for_complexity(code: str) -> None:
    [violation] = violations(code)
    assert "complexity of choose, 11, limit 10" in violation


def test_reasons_for_complexity_are_limited_in_number() -> None:
    reasoned = "# complexity: one case a line\n" + TOO_COMPLEX
    not_needed = "# complexity: not needed\n" + COMPLEX
    assert violations(reasoned * 8 + not_needed) == []
    found = "package:1: functions with a reason for complexity, 9, limit 8"
    assert violations(reasoned * 9) == [found]


def test_a_long_function_is_a_violation_by_name() -> None:
    longest = "def long():\n" + "    a = 1\n" * 39
    assert violations(longest) == []
    found = "small.py:3: function lines of Kept.long, 41, limit 40"
    indented = "".join(f"    {line}\n" for line in longest.splitlines())
    assert violations(f"\nclass Kept:\n{indented}        a = 1\n") == [found]


def test_a_long_file_is_a_violation() -> None:
    assert violations("\n" * 300) == []
    assert violations("\n" * 301) == ["small.py:1: file lines, 301, limit 300"]


def test_a_comprehension_in_a_comprehension_is_a_violation() -> None:
    code = "x = 1\ny = [\n    [\n        b for b in a\n    ]\n    for a in c\n]\n"
    assert violations(code) == ["small.py:2: levels of comprehensions, 2, limit 1"]


def test_nested_conditionals_and_long_conditions_are_only_counted() -> None:
    conditional = "x = (\n a if b\n else c if d\n else e\n)\n"
    condition = "y = (\n f\n and g\n and h\n and i\n)\n"
    code = conditional + condition
    assert violations(code) == []
    row = density.table_cells([measured(code)])
    assert row[-3:-1] == ["1", "1"]


def test_a_row_of_the_table() -> None:
    first = measured("def fold():\n    pass\n\n\ndef __init__():\n    pass\n")
    second = measured("def _fold_all():\n    a = b\n    pass\n\ndef _run(): pass\n")
    assert density.table_cells([first, second]) == [
        "2",  # files
        "8",  # code lines
        "3.38",  # tokens a line: four times 5 for def and 1 for pass, and a = b
        "4",  # functions
        "0",
        "0",
        "2/3/3",
        "5/6/6",
        "0",
        "0",
        "0",
        "67%",  # fold, _run; not _fold_all; __init__ does not count
    ]


def test_the_spread_is_median_ninetieth_percentile_and_maximum() -> None:
    assert density.spread([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20]) == "6/10/20"
    assert density.spread([]) == "-"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder below the one where the script is run."""
    (tmp_path / "package" / "part").mkdir(parents=True)
    (tmp_path / "package" / "small.py").write_text(SMALL, encoding="utf-8")
    (tmp_path / "package" / "part" / "complex.py").write_text(COMPLEX, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return Path("package")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["density.py", *arguments])
    return density.main()


def test_the_table_has_a_row_a_folder(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, str(package)) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    names = [row[:16].rstrip() for row in rows]
    assert names == ["package", "package/part", "all of package"]


def test_worst_lists_the_most_of_each_measure(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, str(package), "--worst", "1") == 0
    lines = capsys.readouterr().out.splitlines()[5:]
    assert lines == [
        "package/part/complex.py:1: tokens a code line, 6.455",
        "package/part/complex.py:1: complexity of choose, 10",
        "package/part/complex.py:1: function lines of choose, 11",
        "package/small.py:1: file lines, 16",
    ]


def test_check_fails_if_a_limit_is_passed(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "package", "--check") == 0
    assert capsys.readouterr().out.endswith("\nNo limit is passed.\n")
    path = package / "part" / "complex.py"
    path.write_text(TOO_COMPLEX, encoding="utf-8")
    assert run(monkeypatch, "package", "--check") == 1
    found = "package/part/complex.py:1: complexity of choose, 11, limit 10\n"
    assert capsys.readouterr().out.endswith(found)
    assert run(monkeypatch, "package") == 0


def test_a_folder_without_python_is_refused(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, str(package / "missing"))
    assert "missing holds no file of Python" in capsys.readouterr().err


def test_the_script_keeps_its_own_limits_of_size() -> None:
    sources = code_measures.measure_folder(Path(density.__file__).parent)
    found = density.find_violations(Path("scripts"), sources)
    of_size = [line for line in found if "tokens a code line" not in line]
    assert of_size == []
