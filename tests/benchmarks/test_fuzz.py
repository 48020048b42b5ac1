"""A minute of fuzzing is for the command; here are its pieces, and the inputs of the corpus."""

from __future__ import annotations

import itertools
import random
import signal
from typing import TYPE_CHECKING

import pytest

if not hasattr(signal, "SIGALRM"):
    pytest.skip(
        "an input that takes too long is ended by a signal", allow_module_level=True
    )

from benchmarks.fuzz import TARGETS, Failures, corpus_of, mutated

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("target", TARGETS)
def test_mutations_of_the_corpus_are_read_or_refused(
    target: str, tmp_path: Path
) -> None:
    failures = Failures(TARGETS[target], tmp_path)
    corpus = corpus_of(target)
    inputs = itertools.islice(mutated(corpus, random.Random(0)), 40)  # noqa: S311
    for data in (*corpus, *inputs):
        failures.try_input(data)
    assert failures.places == set()


def test_mutations_are_the_same_for_a_seed() -> None:
    corpus = corpus_of("npz")
    first, second = (
        list(itertools.islice(mutated(corpus, random.Random(3)), 5))  # noqa: S311
        for _ in range(2)
    )
    assert first == second


def test_a_failure_is_kept_once_for_each_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(data: bytes) -> None:
        raise KeyError(data)

    failures = Failures(fail, tmp_path)
    failures.try_input(b"one")
    failures.try_input(b"two")
    assert len(failures.places) == 1
    assert "KeyError" in capsys.readouterr().out
    kept = [path for path in tmp_path.glob("*.txt") if "KeyError" in path.read_text()]
    assert [path.with_suffix("").read_bytes() for path in kept] == [b"one"]
