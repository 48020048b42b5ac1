"""A new operator of ONNX is one row of the table: all else follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from onnx2snn.analysis.channel_axis import channel_axis
from onnx2snn.analysis.macs import count_macs
from onnx2snn.analysis.neuron_places import weighted_operand
from onnx2snn.analysis.operators import OPERATORS, Channel, Form, Operator
from onnx2snn.analysis.operators.columns import Activation
from onnx2snn.analysis.operators.over_time import one_step_at_a_time
from onnx2snn.analysis.operators.over_time_rules import broadcasting
from onnx2snn.analysis.operators.sign_rules import as_first_input
from onnx2snn.analysis.signs import Signs
from onnx2snn.analysis.streams import NodeKind, find_streams
from onnx2snn.errors import UnsupportedError
from onnx2snn.methods.layouts import MULTISTEP
from onnx2snn.schedules import emit_steps
from tests.models import model, normal

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.analysis.operators.over_time import OverTimeRule

WEIGHTS = {"w": normal(1, 4, 4)}


def with_new_operator(text: str, x: str = "float[N,4] x") -> ir.Model:
    """Return a model of ``text``, in which Twice stands for an operator to come."""
    ann = model(f"({x}) => (y) {{ {text.replace('Twice', 'Identity')} }}", **WEIGHTS)
    for node in ann.graph:
        if node.op_type == "Identity":
            node.op_type = "Twice"
    return ann


def add_row(monkeypatch: pytest.MonkeyPatch, row: Operator) -> None:
    monkeypatch.setitem(OPERATORS, "Twice", row)


BETWEEN = (
    "g = MatMul (x, w)  a = Relu (g)  h = Twice (a)  b = Relu (h)  y = MatMul (b, w)"
)


def twice_of(ann: ir.Model) -> ir.Node:
    (node,) = (node for node in ann.graph if node.op_type == "Twice")
    return node


def kind_of_twice(ann: ir.Model) -> NodeKind:
    return find_streams(ann.graph).classifications[twice_of(ann)].kind


def test_an_operator_without_a_row_is_refused() -> None:
    ann = with_new_operator(BETWEEN)
    assert kind_of_twice(ann) is NodeKind.REFUSED
    with pytest.raises(UnsupportedError, match="Twice 'h': no rule says"):
        find_streams(ann.graph).check()


@pytest.mark.parametrize(
    "row, kind",
    [
        (Operator(Form.LINEAR, (0,)), NodeKind.LINEAR),
        (Operator(Form.LINEAR, (1,)), NodeKind.ANALOG),
        (Operator(Form.LINEAR, only={"mode": ("off",)}), NodeKind.LINEAR),
        (Operator(Form.MAX_LIKE, (0,)), NodeKind.MAX_LIKE),
        (Operator(Form.ANALOG), NodeKind.ANALOG),
        (Operator(Form.SHAPE), NodeKind.STATIC),
        (Operator(Form.ANALOG, activation=Activation.WHOLE), NodeKind.SPIKING),
        (Operator(Form.REFUSED, reason="is not ready"), NodeKind.REFUSED),
    ],
)
def test_the_form_says_what_a_node_becomes(
    monkeypatch: pytest.MonkeyPatch, row: Operator, kind: NodeKind
) -> None:
    add_row(monkeypatch, row)
    assert kind_of_twice(with_new_operator(BETWEEN)) is kind


def test_the_reason_of_a_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    add_row(monkeypatch, Operator(Form.REFUSED, reason="is not ready"))
    with pytest.raises(UnsupportedError, match="Twice 'h': is not ready"):
        find_streams(with_new_operator(BETWEEN).graph).check()


@pytest.mark.parametrize("selects", [None, {}])
def test_what_selects_keeps_spikes(
    monkeypatch: pytest.MonkeyPatch, selects: dict[str, tuple[object, ...]] | None
) -> None:
    add_row(monkeypatch, Operator(Form.LINEAR, (0,), selects=selects))
    ann = with_new_operator(BETWEEN)
    (result,) = twice_of(ann).outputs
    assert (result in find_streams(ann.graph).spikes) == (selects is not None)


def test_macs_are_counted_by_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    ann = with_new_operator("y = Twice (x)")
    assert count_macs(twice_of(ann)) == 0
    add_row(monkeypatch, Operator(Form.MULTILINEAR, (0, 1), macs=lambda _: 70))
    assert count_macs(twice_of(ann)) == 70
    assert weighted_operand(twice_of(ann)) is ann.graph.inputs[0]


@pytest.mark.parametrize(
    "channel, axis", [(Channel.SECOND, 1), (Channel.LAST, 2), (Channel.FOLLOWS, 1)]
)
def test_the_channel_axis_is_that_of_the_row(
    monkeypatch: pytest.MonkeyPatch, channel: Channel, axis: int
) -> None:
    add_row(monkeypatch, Operator(Form.LINEAR, channel=channel))
    ann = with_new_operator(
        "p = AveragePool <kernel_shape = [1]> (x)  y = Twice (p)", x="float[2,4,6] x"
    )
    (y,) = ann.graph.outputs
    assert channel_axis(y) == axis


def test_the_sign_is_found_by_the_rule_of_the_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_row(monkeypatch, Operator(Form.LINEAR))
    ann = with_new_operator("a = Relu (x)  y = Twice (a)")
    (y,) = ann.graph.outputs
    assert not Signs().is_never_negative(y)
    add_row(monkeypatch, Operator(Form.LINEAR, sign=as_first_input))
    assert Signs().is_never_negative(y)


@pytest.mark.parametrize("rule", [broadcasting, one_step_at_a_time])
def test_the_rule_of_the_row_takes_it_to_all_time_steps(
    monkeypatch: pytest.MonkeyPatch, rule: OverTimeRule
) -> None:
    add_row(monkeypatch, Operator(Form.LINEAR, over_time=rule))
    graph = with_new_operator("y = Twice (x)").graph
    emit_steps(graph, MULTISTEP, 3, events=("x",), every_step=("y",))
    has_loop = "Loop" in [node.op_type for node in graph]
    assert has_loop == (rule is one_step_at_a_time)
