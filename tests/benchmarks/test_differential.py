"""Node tests of the onnx package, imported and compared with the original."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from onnx.backend.test.case.test_case import TestCase

from benchmarks.differential import (
    EQUAL,
    NOT_RUN,
    RANDOM,
    REFUSED,
    compared,
    node_tests,
)
from benchmarks.hostile_case import parsed

if TYPE_CHECKING:
    import onnx


def case(model: onnx.ModelProto, *inputs: np.ndarray) -> TestCase:
    return TestCase(
        name="t", model_name="t", url=None, model_dir=None, model=model,
        data_sets=[(inputs, ())], kind="node", rtol=1e-3, atol=1e-7,
    )  # fmt: skip


X = np.array([1.5, -2.0], np.float32)


def test_a_model_is_equal_or_refused() -> None:
    relu = parsed("g (float[2] x) => (float[2] y) { y = Relu(x) }")
    assert compared(case(relu, X)).kind == EQUAL
    old = parsed(
        "g (float[2] x) => (float[2] y) { y = Relu(x) }",
        '<ir_version: 3, opset_import: ["": 6]>',
    )
    assert compared(case(old, X)).kind == REFUSED


@pytest.mark.parametrize(
    "model, x",
    [
        ("g (double[2] x) => (int64[2] y) { y = BitCast<to=7>(x) }", X.astype(float)),
        (
            "g (int64[2] x) => (double[2] y) { y = BitCast<to=11>(x) }",
            X.astype(float).view(np.int64),
        ),
        (
            "g (double[2] x) => (double[2] y) { b = BitCast<to=7>(x) y = BitCast<to=11>(b) }",
            X.astype(float),
        ),
    ],
    ids=["read", "given", "both"],
)
def test_bits_are_those_of_the_declared_type(model: str, x: np.ndarray) -> None:
    proto = parsed(model, '<ir_version: 12, opset_import: ["": 26]>')
    assert compared(case(proto, x)).kind == EQUAL


def test_a_scan_of_opset_8_is_refused() -> None:
    proto = parsed(
        """g (float[1,2] s, float[1,3,2] x) => (float[1,2] y, float[1,3,2] z) {
        y, z = Scan<num_scan_inputs = 1, body = b (float[2] a, float[2] c) =>
            (float[2] d, float[2] e) { d = Add(a, c) e = Identity(d) }>(, s, x) }""",
        '<ir_version: 3, opset_import: ["": 8]>',
    )
    outcome = compared(
        case(proto, np.zeros((1, 2), np.float32), np.ones((1, 3, 2), np.float32))
    )
    assert outcome.kind == REFUSED
    assert "opset 8 scans each sample by itself" in outcome.reason


@pytest.mark.slow
def test_every_node_test_is_equal_or_refused() -> None:
    outcomes = {name: compared(test) for name, test in node_tests().items()}
    known = {EQUAL, REFUSED, RANDOM, NOT_RUN}
    assert {
        name: each for name, each in outcomes.items() if each.kind not in known
    } == {}
