from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.passes import InferShapes, LowerSequences
from onnx2snn.testing import check_pass
from tests.models import dyadic, model

CONSTANTS = {
    "zero": np.array(0, np.int64),
    "one": np.array(1, np.int64),
    "minus": np.array(-1, np.int64),
    "far": np.array(9, np.int64),
    "two": np.array(2, np.int64),
    "sizes": np.array([3, 1], np.int64),
    "whole": np.array([4], np.int64),
}
FEEDS = {"x": dyadic(1, 2, 4), "z": dyadic(2, 2, 4), "p": np.array(0, np.int64)}
PAIR = "s = SequenceConstruct (x, z)  "
HALVES = "s = SplitToSequence <axis = 1> (x, two)  a = SequenceAt (s, zero)  "


def network(text: str, x: str = "float[2,4] x") -> ir.Model:
    ann = model(f"({x}, float[2,4] z, int64 p) => (y) {{ {text} }}", **CONSTANTS)
    (y,) = ann.graph.outputs
    if y.shape is None:  # of what is put into an empty sequence
        y.shape = ir.Shape([2, 4])
    return ann


def feeds(ann: ir.Model) -> dict[str, np.ndarray]:
    return {str(value.name): FEEDS[str(value.name)] for value in ann.graph.inputs}


@pytest.mark.parametrize(
    "text, ops",
    [
        ("s = SplitToSequence <axis = 1> (x, sizes)  y = SequenceAt (s, one)", "Split Identity"),
        ("s = SplitToSequence <axis = 1> (x, two)  y = SequenceAt (s, minus)", "Split Identity"),
        ("s = SplitToSequence <axis = 1> (x, whole)  y = SequenceAt (s, zero)", "Identity"),
        ("s = SplitToSequence <axis = -2> (x)  y = SequenceAt (s, one)", "Split Identity"),
        ("s = SplitToSequence <axis = 1, keepdims = 0> (x)  y = SequenceAt (s, two)",
         "Split Squeeze Identity"),
        (f"{HALVES} b = SequenceAt (s, one)  y = Sub (a, b)", "Split Identity Identity Sub"),
        (f"{PAIR} y = SequenceAt (s, minus)", "Identity"),
        (f"{PAIR} y = ConcatFromSequence <axis = 1> (s)", "Concat"),
        (f"{PAIR} y = ConcatFromSequence <axis = 1, new_axis = 1> (s)",
         "Unsqueeze Unsqueeze Concat"),
        (f"{PAIR} y = ConcatFromSequence <axis = -1, new_axis = 1> (s)",
         "Unsqueeze Unsqueeze Concat"),
        (f"{PAIR} y = SequenceLength (s)", "Identity"),
        (f"{PAIR} t = SequenceErase (s)  y = SequenceAt (t, zero)", "Identity"),
        (f"{PAIR} t = SequenceErase (s, zero)  y = SequenceAt (t, zero)", "Identity"),
        (f"{PAIR} t = SequenceInsert (s, x)  y = ConcatFromSequence <axis = 0> (t)", "Concat"),
        (f"{PAIR} t = SequenceInsert (s, x, one)  y = ConcatFromSequence <axis = 0> (t)", "Concat"),
        ("s = SequenceEmpty ()  t = SequenceInsert (s, z)  y = SequenceAt (t, zero)", "Identity"),
    ],
)  # fmt: skip
def test_elements_that_are_known(text: str, ops: str) -> None:
    ann = network(text)
    after = check_pass(LowerSequences(), ann, feeds(ann), rtol=0)
    assert [node.op_type for node in after.graph] == ops.split()


@pytest.mark.parametrize(
    "text",
    [
        f"{PAIR} y = SequenceAt (s, p)",
        f"{PAIR} t = SequenceErase (s, p)  y = SequenceAt (t, zero)",
        f"{PAIR} t = SequenceInsert (s, x, p)  y = SequenceAt (t, zero)",
        "s = SplitToSequence <axis = 1> (x, p2)  y = SequenceAt (s, zero)",
        "y = Neg (x)",
    ],
)
def test_elements_that_are_not_known(text: str) -> None:
    before = "p2 = Add (p, two)  " if "p2" in text else ""
    ann = network(before + text)
    check_pass(LowerSequences(), ann, feeds(ann), modified=False)


def test_a_free_number_of_parts_is_not_known() -> None:
    ann = network("s = SplitToSequence <axis = 0> (x)  y = SequenceAt (s, one)", "float[N,4] x")
    check_pass(LowerSequences(), ann, feeds(ann), modified=False)
    ann = network("s = SplitToSequence (x, one)  y = SequenceAt (s, one)", "float[N,4] x")
    check_pass(LowerSequences(), ann, feeds(ann), modified=False)


@pytest.mark.parametrize("change", ["y = SequenceAt (s, far)", "t = SequenceErase (s, far)",
                                    "t = SequenceInsert (s, x, far)"])  # fmt: skip
def test_positions_beyond_the_end_are_left_for_the_runtime_to_refuse(change: str) -> None:
    rest = "" if change.startswith("y") else "  y = SequenceAt (t, zero)"
    assert not LowerSequences()(network(f"{PAIR} {change}{rest}")).modified


def test_sequences_that_come_from_elsewhere_stay() -> None:
    ann = model(
        "(seq(float[2,4]) s) => (float[2,4] y) { y = SequenceAt (s, zero) }", zero=CONSTANTS["zero"]
    )
    assert not LowerSequences()(ann).modified


def test_a_copy_of_a_sequence() -> None:
    ann = network(f"{PAIR} t = Identity (s)  y = SequenceAt (t, one)")
    assert LowerSequences()(ann).modified
    assert [node.op_type for node in ann.graph] == ["Identity"]


def test_an_empty_sequence_cannot_be_concatenated() -> None:
    assert not LowerSequences()(network("s = SequenceEmpty ()  y = ConcatFromSequence <axis = 0> "
                                        "(s)")).modified  # fmt: skip


def test_a_new_last_axis_of_unknown_rank_stays() -> None:
    ann = network(f"{PAIR} y = ConcatFromSequence <axis = -1, new_axis = 1> (s)")
    ann.graph.inputs[0].shape = None
    assert not LowerSequences()(ann).modified


def test_branches() -> None:
    ann = model(
        "(float[2,4] x, bool c) => (y) { y = If (c) <then_branch = t () => (float[2,4] q) "
        "{ s = SequenceConstruct (x)  q = SequenceAt (s, zero) }, else_branch = e () => "
        "(float[2,4] r) { r = Neg (x) }> }",
        zero=CONSTANTS["zero"],
    )
    InferShapes()(ann)
    after = check_pass(LowerSequences(), ann, {"x": FEEDS["x"], "c": np.array(1, np.bool_)}, rtol=0)
    assert [node.op_type for node in after.graph.all_nodes()] == ["If", "Identity", "Neg"]
