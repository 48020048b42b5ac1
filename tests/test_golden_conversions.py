"""Conversions stay what they were, by digests of their files and reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from onnx2snn.methods import METHODS
from tests.golden import cases, record
from tests.golden.networks import HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.golden.cases import Case

GOLDEN = Path(__file__).parent / "golden" / "conversions.json"
MESSAGE = """\
{parts} of the conversion {name!r} changed. To see how, against a revision before that:
  python scripts/compare_conversions.py main --case {name}
If that is as it should be, say why in the change, and rewrite the stored digests:
  python -m pytest {test} --update-golden
If results move with it, raise REVISION in benchmarks/zoo_page.py: what was measured before is
marked then."""
Digests = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def golden(request: pytest.FixtureRequest) -> Iterator[Digests]:
    """Return the stored digests; with --update-golden, store those found instead."""
    stored: Digests = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    yield stored
    if request.config.getoption("--update-golden"):
        kept = {name: stored[name] for name in cases.CASES if name in stored}
        GOLDEN.write_text(json.dumps(kept, indent=1) + "\n", newline="\n")


def digests(case: Case) -> dict[str, str]:
    """Return the digests of a conversion, without those that depend on the machine."""
    network = case.network()
    found = record.record(
        network.model,
        case.time_steps,
        list(network.batches) if case.calibrated else None,
        case.options,
    ).digests()
    if not case.is_exact:
        del found["numbers"]
    return found


@pytest.mark.parametrize("name", cases.CASES)
def test_a_conversion_stays_what_it_was(
    name: str, golden: Digests, request: pytest.FixtureRequest
) -> None:
    found = digests(cases.CASES[name])
    if request.config.getoption("--update-golden"):
        assert not hasattr(request.config, "workerinput"), "--update-golden without -n"
        golden[name] = found
    stored = golden.get(name, {})
    changed = [part for part in found if found[part] != stored.get(part)]
    parts = " and ".join(changed)
    test = "tests/test_golden_conversions.py"
    assert not changed, MESSAGE.format(parts=parts, name=name, test=test)


def test_there_are_digests_of_these_conversions_only() -> None:
    assert list(json.loads(GOLDEN.read_text())) == list(cases.CASES)


def test_every_method_is_among_them() -> None:
    assert set(cases.METHODS) == set(METHODS)


# The text form


def model(text: str, *constants: np.ndarray) -> onnx.ModelProto:
    parsed = onnx.parser.parse_model(f"{HEADER} g {text}")
    for number, array in enumerate(constants):
        named = onnx.numpy_helper.from_array(array, f"c{number}")
        parsed.graph.initializer.append(named)
    return parsed


IF = (
    "(float[N] x, bool c) => (float[N] y) { y = If (c) <then_branch = t () => "
    "(float[N] p) { [inner] p = Mul (x, c0) }, "
    "else_branch = e () => (float[N] q) { q = Neg (x) }> }"
)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_real_numbers_are_taken_out_of_the_text(dtype: type) -> None:
    first, second = (np.array([0.5, number], dtype) for number in (1, 2))
    one, other = (record.taken_apart(model(IF, array)) for array in (first, second))
    assert one[0] == other[0]
    np.testing.assert_array_equal(one[1]["0 c0"], first)
    np.testing.assert_array_equal(other[1]["0 c0"], second)


@pytest.mark.parametrize(
    "changed",
    [
        model(IF, np.array([1, 3])),
        model(IF, np.array([1, 2], np.int32)),
        model(IF, np.float32([1, 2])),
        model(IF.replace("inner", "other"), np.array([1, 2])),
        model(IF.replace("Neg", "Abs"), np.array([1, 2])),
        model(IF.replace("(float[N] p)", "(float[M] p)"), np.array([1, 2])),
        model(IF.replace("Mul (x, c0)", "Mul (c0, x)"), np.array([1, 2])),
    ],
    ids=["integer", "dtype", "real", "name", "operator", "shape", "edge"],
)
def test_all_else_is_in_the_text(changed: onnx.ModelProto) -> None:
    text, _ = record.taken_apart(model(IF, np.array([1, 2])))
    other, _ = record.taken_apart(changed)
    assert text != other


def test_the_text_has_a_line_for_each_node_at_any_depth() -> None:
    text, _ = record.taken_apart(model(IF, np.float32([1, 2])))
    (line,) = [line for line in text.splitlines() if "inner" in line]
    assert line.strip().startswith('node: input: "x" input: "c0" output: "p"')


def test_versions_and_digests_are_not_in_the_text() -> None:
    one, other = (model(IF, np.float32([1])) for _ in range(2))
    for proto, value in ((one, "1"), (other, "2")):
        proto.producer_version = value
        notes = {"onnx2snn.versions": value, "onnx2snn.source_sha256": value}
        onnx.helper.set_model_props(proto, notes)
    assert record.taken_apart(one) == record.taken_apart(other)
