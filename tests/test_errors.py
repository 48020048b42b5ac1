from __future__ import annotations

import pytest

from onnx2snn.errors import Refusal, UnsupportedError, brief


@pytest.mark.parametrize(
    "count, named",
    [
        (1, "Cut 'n0': sew"),
        (2, "Cut 'n0', Cut 'n1': sew"),
        (5, "Cut 'n0', Cut 'n1', Cut 'n2', Cut 'n3', Cut 'n4': sew"),
        (7, "Cut 'n0', Cut 'n1', Cut 'n2', Cut 'n3', Cut 'n4', 2 more: sew"),
    ],
)
def test_nodes_of_one_reason_share_a_line(count: int, named: str) -> None:
    refusals = [Refusal(f"n{number}", "Cut", "sew") for number in range(count)]
    other = Refusal("last", "Tear", "patch")
    error = UnsupportedError("no:", [*refusals, other])
    assert str(error) == f"no:\n  {named}\n  Tear 'last': patch"
    assert error.refusals == (*refusals, other)


PLACE = "/onnxruntime_src/onnxruntime/core"


@pytest.mark.parametrize(
    "message, shown",
    [
        ("", "ValueError"),
        ("first\nsecond", "first"),
        ("\x1b[31mred", "?[31mred"),
        (
            f"Status: {PLACE}/a.cc:360 void* ort::A::f(size_t, bool) Memory of 3 is too small",
            "Status: Memory of 3 is too small",
        ),
        (
            f"{PLACE}/a.h:42 float ort::{{anonymous}}::g(const T*) [with T = float] ratio was 3",
            "ratio was 3",
        ),
    ],
)
def test_messages_of_others_are_brief(message: str, shown: str) -> None:
    assert brief(ValueError(message)) == shown


def test_long_messages_of_others_are_cut() -> None:
    assert len(brief(ValueError("x" * 10**6))) == 600
