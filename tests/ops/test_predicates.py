from __future__ import annotations

import onnx_ir as ir
import pytest

from onnx2snn.ops import ALL_OPS, DOMAIN
from onnx2snn.ops.predicates import is_neuron, is_stateful, sends_spikes

NO_NEURONS = {
    "RunningSum",
    "Difference",
    "WeightedRunningSum",
    "WeightedDifference",
    "Delay",
    "BernoulliEncoder",
}


def node_of(operator: str, domain: str = DOMAIN) -> ir.Node:
    return ir.node(operator, [ir.val("x")], domain=domain)


@pytest.mark.parametrize("operator", ALL_OPS)
def test_what_an_operator_of_ours_is(operator: str) -> None:
    node = node_of(operator)
    assert is_neuron(node) == (operator not in NO_NEURONS)
    assert sends_spikes(node) == (is_neuron(node) or operator == "BernoulliEncoder")
    assert is_stateful(node)


def test_an_operator_of_another_domain_is_none_of_ours() -> None:
    node = node_of("IntegrateAndFire", domain="com.example")
    assert not is_stateful(node)
    assert not is_neuron(node)
    assert not sends_spikes(node)
