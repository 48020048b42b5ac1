"""Every single-node test of the onnx package: imported, and compared with the original.

    python -m benchmarks.differential [--only WORDS]

imports the model of each test, runs it in onnxruntime on the inputs of the test, and compares the
results with those of the original: in onnxruntime, and where that cannot run it, in onnx's
reference evaluator. It prints how many are equal, refused (with the reasons), run by neither of the
two, random, or wrong, and names the last. In the page of reliability they are the class
``node tests of onnx``, where a wrong one is a failure.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import functools
import os
import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.reference import ReferenceEvaluator

from benchmarks.reliability_case import Case
from onnx2snn.conversion.import_model import import_model
from onnx2snn.errors import Onnx2SnnError, brief
from onnx2snn.importing.differences import output_differences
from onnx2snn.runtime.sessions import SessionError, open_session, run_trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import onnx_ir as ir
    from onnx.backend.test.case.test_case import TestCase

    from benchmarks.reliability_case import Cases

__all__ = ["CLASSES", "Outcome", "compared", "node_tests"]

EQUAL, REFUSED, NOT_RUN, RANDOM, WRONG = (
    "equal",
    "refused",
    "not run",
    "random",
    "wrong",
)

Results = dict[str, object]


class Outcome(NamedTuple):
    """How an imported model compares with the original.

    Attributes:
        kind: One of the five above.
        reason: Why it is not equal; empty if it is.
    """

    kind: str
    reason: str = ""


@functools.cache
def node_tests() -> dict[str, TestCase]:
    """Return all tests by their names; they are made when they are first asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some tests are of what overflows
        return {case.name: case for case in collect_testcases(None)}


def compared(test: TestCase) -> Outcome:
    """Import the model of a test, and compare it with the original."""
    try:
        imported = import_model(test.model, check=False).model
    except Onnx2SnnError as error:
        return Outcome(REFUSED, brief(error))
    feeds = _feeds(test)
    if feeds is None:
        return Outcome(NOT_RUN, "an input is no tensor")
    expected, again = _results(test.model, feeds), _results(test.model, feeds)
    if expected is None or again is None:
        return Outcome(
            NOT_RUN, "neither onnxruntime nor the reference runs the original"
        )
    if output_differences(expected, again, coarse=False):
        return Outcome(RANDOM, "the original gives something else in each run")
    return _compared_with(expected, test, imported, feeds)


def _compared_with(
    expected: Results, test: TestCase, imported: ir.Model, feeds: dict[str, np.ndarray]
) -> Outcome:
    """Run the imported model on ``feeds``; it is to give what is expected."""
    try:
        actual = run_trial(open_session(imported, optimized=False, threads=1), feeds)
    except SessionError as error:
        if _in_onnxruntime(test.model, feeds) is None:
            return Outcome(NOT_RUN, "onnxruntime runs neither of the two")
        return Outcome(WRONG, str(error))
    differences = output_differences(expected, actual, coarse=False)
    return Outcome(WRONG, "; ".join(differences)) if differences else Outcome(EQUAL)


def _feeds(test: TestCase) -> dict[str, np.ndarray] | None:
    """Return the inputs of a test by name; None if one is a sequence or an optional."""
    inputs, _ = test.data_sets[0]
    names = [value.name for value in test.model.graph.input]
    feeds = {}
    for name, data in zip(names, inputs, strict=False):
        array = (
            numpy_helper.to_array(data) if isinstance(data, onnx.TensorProto) else data
        )
        if not isinstance(array, np.ndarray | np.generic):
            return None
        feeds[name] = np.asarray(array)
    return feeds


def _results(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> Results | None:
    """Return the outputs of the original in the first runtime that runs it, None if none does."""
    found = _in_onnxruntime(model, feeds)
    return _in_reference(model, feeds) if found is None else found


def _in_onnxruntime(
    model: onnx.ModelProto, feeds: dict[str, np.ndarray]
) -> Results | None:
    with contextlib.suppress(SessionError):
        return run_trial(open_session(model, optimized=False, threads=1), feeds)
    return None


def _in_reference(
    model: onnx.ModelProto, feeds: dict[str, np.ndarray]
) -> Results | None:
    try:
        results = ReferenceEvaluator(model).run(None, dict(feeds))
    except Exception:  # noqa: BLE001 (it raises what its operators raise)
        return None
    names = [value.name for value in model.graph.output]
    return dict(zip(names, results, strict=True))


def _forked(test: TestCase) -> str | None:
    """Compare in a process of its own; return what is wrong, None if nothing is."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            kind, reason = compared(test)
        except BaseException as error:  # noqa: BLE001 (that is what is looked for)
            kind, reason = WRONG, f"{type(error).__name__}: {error}"
        text = f"{kind}\n{reason}"[:4000]
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        kind, _, reason = pipe.read().decode().partition("\n")
    _, status = os.waitpid(child, 0)
    if status:
        return f"ended with status {status}"
    return reason if kind == WRONG else None


def _case_of(test: TestCase) -> Callable[[Path], str | None]:
    return lambda _: _forked(test)


def _cases() -> Iterator[Case]:
    for name, test in node_tests().items():
        yield Case(name, _case_of(test))


CLASSES: dict[str, Cases] = {"node tests of onnx": _cases}
"""Row of the page of reliability to its cases."""


def main() -> None:
    """Compare what is asked for, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", default="", metavar="WORDS", help="tests with these words"
    )
    words = parser.parse_args().only
    counts: collections.Counter[str] = collections.Counter()
    reasons: collections.Counter[str] = collections.Counter()
    for name, test in node_tests().items():
        if words not in name:
            continue
        outcome = compared(test)
        counts[outcome.kind] += 1
        if outcome.kind == WRONG:
            print(f"WRONG {name}: {outcome.reason}")
        elif outcome.kind == REFUSED:
            reasons[outcome.reason[:120]] += 1
    print(", ".join(f"{kind}: {count}" for kind, count in counts.most_common()))
    for reason, count in reasons.most_common():
        print(f"  {count} refused: {reason}")


if __name__ == "__main__":
    main()
