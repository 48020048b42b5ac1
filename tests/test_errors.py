from __future__ import annotations

import pytest

from onnx2snn.errors import Refusal, UnsupportedError


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
