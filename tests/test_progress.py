"""How far long work has come: told from its beginning, with its end."""

from __future__ import annotations

import io
import itertools
import sys
import types
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn.cli.console import progress_bars
from onnx2snn.progress import listening, shown_in_notebook, track, track_costs
from tests.models import model, normal

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir

X = normal(1, 70, 3)


def network(rows: str = "N") -> ir.Model:
    return model(
        f"(float[{rows},3] x) => (y) {{ h = MatMul (x, w)  a = Relu (h)"
        "  k = MatMul (a, v)  y = Relu (k) }",
        w=normal(2, 3, 8),
        v=normal(3, 8, 2),
    )


@pytest.fixture
def heard() -> Iterator[list[tuple[str, int, int | None]]]:
    events: list[tuple[str, int, int | None]] = []
    with listening(lambda *event: events.append(event)):
        yield events


def test_work_is_told_from_its_beginning_to_its_end(heard: list[Any]) -> None:
    assert list(track("ab", "spell", 2)) == ["a", "b"]
    assert heard == [("spell", 0, 2), ("spell", 1, 2), ("spell", 2, 2)]


def test_pieces_count_for_what_they_cost(heard: list[Any]) -> None:
    assert list(track_costs("abcd", "spell", [1, 200, 49, 750])) == list("abcd")
    assert [done for _, done, _ in heard] == [0, 1, 20, 25, 100]
    assert {total for _, _, total in heard} == {100}


@pytest.mark.parametrize(
    "data",
    [
        X,
        {"x": X},
        [X[:30], X[30:]],
        [X[:5], X[5:6], X[6:]],
        X.reshape(7, 10, 3),
    ],
)
@pytest.mark.parametrize("rows", ["N", "10"])
def test_every_work_of_a_conversion_ends_where_it_said(
    rows: str, data: Any, heard: list[Any]
) -> None:
    if rows == "10" and isinstance(data, list):
        data = [X[:30], X[30:]]
    conversion = onnx2snn.convert(network(rows), 4, data)
    onnx2snn.evaluate(conversion, (X, np.zeros(70, np.int64)), batch_size=16)
    work = {name: [] for name, _, _ in heard}
    for name, done, total in heard:
        work[name].append((done, total))
    assert {"calibrate", "correct layers", "evaluate"} <= set(work)
    for name, told in work.items():
        starts = [at for at, (done, _) in enumerate(told) if done == 0]
        for start, end in itertools.pairwise([*starts, len(told)]):
            run = told[start:end]
            totals = {total for _, total in run}
            assert totals == {run[-1][0]}, name
            pieces = [done for done, _ in run]
            assert pieces == sorted(pieces), name
            if name != "correct layers":  # it counts in percent
                assert pieces == list(range(len(run))), name


def test_bars_tell_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    with progress_bars(quiet=False):
        for _ in track(range(3), "calibrate", 3):
            pass
        for _ in track(range(2), "calibrate", 2):
            pass
    last = shown.getvalue().rpartition("calibrate")[2]
    assert " 2/2 0:00:00 0:00:00 left" in last


class Shown:
    """IPython's display module in a notebook: what is shown below a cell, one after another."""

    def __init__(self) -> None:
        self.pictures: list[str] = []

    def HTML(self, text: str) -> str:  # noqa: N802 (as IPython has it)
        return text

    def display(self, text: str, *, display_id: bool) -> Shown:
        assert display_id
        self.update(text)
        return self

    def update(self, text: str) -> None:
        self.pictures.append(text)


def in_a_notebook(monkeypatch: pytest.MonkeyPatch, **shell: object) -> Shown:
    display = Shown()
    kernel = types.SimpleNamespace(**shell)
    ipython = types.SimpleNamespace(get_ipython=lambda: kernel, display=display)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    return display


def test_a_notebook_shows_a_bar_and_clears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    display = in_a_notebook(monkeypatch, kernel=object())
    with shown_in_notebook():
        assert list(track("ab", "read <it>", 2)) == ["a", "b"]
        assert list(track("c", "count")) == ["c"]
    first, begun, *_, last = display.pictures
    assert first == last == ""
    assert begun == '<progress max="2" value="0"></progress> read &lt;it&gt; 0/2'
    assert (
        '<progress max="2" value="2"></progress> read &lt;it&gt; 2/2'
        in display.pictures
    )
    assert "<progress></progress> count 0" in display.pictures


def test_no_bar_where_somebody_listens_or_in_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    display = in_a_notebook(monkeypatch, kernel=object())
    heard = []
    with listening(lambda *each: heard.append(each)), shown_in_notebook():
        assert list(track("a", "read", 1)) == ["a"]
    assert heard == [("read", 0, 1), ("read", 1, 1)]
    terminal = in_a_notebook(monkeypatch)
    with shown_in_notebook():
        assert list(track("a", "read", 1)) == ["a"]
    assert display.pictures == terminal.pictures == []
