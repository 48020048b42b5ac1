from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from onnx2snn.passes import MoveMaxPool
from onnx2snn.testing import check_pass
from tests.models import model, normal

if TYPE_CHECKING:
    import onnx_ir as ir

X = {"x": normal(1, 2, 3, 6, 7)}
CLIP = {"low": np.zeros((), np.float32), "high": np.array(0.75, np.float32)}


def ops(result: ir.Model) -> list[str]:
    return [node.op_type for node in result.graph]


def pooled(text: str, outputs: str = "float[N,3,?,?] y") -> ir.Model:
    return model(f"(float[N,3,6,7] x) => ({outputs}) {{ {text} }}", **CLIP)


@pytest.mark.parametrize(
    "activation", ["Relu (x)", "Clip (x, low, high)", "Clip (x, low)"]
)
@pytest.mark.parametrize(
    "pool",
    [
        "MaxPool <kernel_shape = [2, 3]>",
        "MaxPool <kernel_shape = [3, 2], strides = [2, 1], pads = [1, 0, 2, 1]>",
        "MaxPool <kernel_shape = [2, 2], dilations = [2, 1], ceil_mode = 1>",
        'MaxPool <kernel_shape = [2, 2], strides = [2, 2], auto_pad = "SAME_UPPER">',
        "GlobalMaxPool",
    ],
    ids=["plain", "padded", "dilated", "same", "global"],
)
def test_pool_goes_first(activation: str, pool: str) -> None:
    before = pooled(f"a = {activation}  y = {pool} (a)")
    after = check_pass(MoveMaxPool(), before, X, rtol=0)
    assert ops(after) == [
        pool.split(" <", maxsplit=1)[0],
        activation.split(" (", maxsplit=1)[0],
    ]


def test_names_and_shapes() -> None:
    before = pooled(
        "a = Relu (x)  h = MaxPool <kernel_shape = [2, 3]> (a)  y = Neg (h)"
    )
    names = ["first", "second", "third"]
    for node, name in zip(before.graph, names, strict=True):
        node.name = name
    MoveMaxPool()(before)
    pool, relu, negation = before.graph
    assert [relu.name, pool.name, negation.name] == names
    assert (pool.outputs[0].name, relu.outputs[0].name) == ("a.pooled", "h")
    assert str(pool.outputs[0].shape) == str(relu.outputs[0].shape) == "[N,3,5,5]"


def test_two_pools_in_a_row() -> None:
    pool = "MaxPool <kernel_shape = [2, 2]>"
    before = pooled(f"a = Relu (x)  p = {pool} (a)  y = {pool} (p)")
    assert ops(check_pass(MoveMaxPool(), before, X, rtol=0)) == [
        "MaxPool",
        "MaxPool",
        "Relu",
    ]


@pytest.mark.parametrize(
    "text, outputs",
    [
        ("a = Relu (x)  y = GlobalMaxPool (a)  z = Neg (a)", "y, z"),
        ("a = Relu (x)  y = GlobalMaxPool (a)", "y, a"),
        ("a = Relu (x)  y, i = MaxPool <kernel_shape = [2, 2]> (a)", "y, i"),
        ("a = Relu (x)  h, i = MaxPool <kernel_shape = [2, 2]> (a)  y = Neg (h)  z = Neg (i)",
         "y, z"),
        ("a = Clip (x, high)  y = GlobalMaxPool (a)", "y"),
        ("a = Relu (x)  y = GlobalAveragePool (a)", "y"),
        ("y = GlobalMaxPool (x)", "y"),
    ],
    ids=["another reader", "an output", "indices are an output", "indices are read",
         "no activation", "another pool", "nothing before it"],
)  # fmt: skip
def test_left_alone(text: str, outputs: str) -> None:
    check_pass(MoveMaxPool(), pooled(text, outputs), X, modified=False)


def test_indices_that_nobody_reads() -> None:
    before = pooled("a = Relu (x)  y, i = MaxPool <kernel_shape = [2, 2]> (a)")
    assert ops(check_pass(MoveMaxPool(), before, X, rtol=0)) == ["MaxPool", "Relu"]


def test_subgraphs() -> None:
    before = model(
        "(float[N,3,6,7] x, bool c) => (float[N,3,1,1] y) { y = If (c) <then_branch = t () => "
        "(float[N,3,1,1] p) { a = Relu (x)  p = GlobalMaxPool (a) }, else_branch = e () => "
        "(float[N,3,1,1] q) { q = GlobalMaxPool (x) }> }"
    )
    check_pass(MoveMaxPool(), before, X | {"c": np.array(1, bool)}, modified=False)
