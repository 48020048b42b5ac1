from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.testing import assert_equivalent, check_pass

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'
FEEDS = {"x": np.array([[-1, 2.5]], np.float32)}


def model(text: str) -> ir.Model:
    return ir.from_onnx_text(f"{HEADER} g (float[N,2] x) => {text}")


def test_equal_models() -> None:
    assert_equivalent(
        model("(float[N,2] y) { y = Add (x, x) }"),
        ir.to_proto(model("(float[N,2] y) { h = Identity (x)  y = Add (x, h) }")),
        FEEDS,
    )


@pytest.mark.parametrize(
    "other, message",
    [
        ("(float[N,2] y) { y = Sub (x, x) }", "output 'y' in run_reference"),
        ("(float[N,2] z) { z = Add (x, x) }", r"outputs \['z'\], not \['y'\]"),
        (
            "(float[2,N] y) { h = Add (x, x)  y = Transpose (h) }",
            "output 'y' in run_reference",
        ),
        ("(double[N,2] y) { h = Add (x, x)  y = Cast <to = 11> (h) }", "output 'y' in"),
    ],
)
def test_different_models(other: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        assert_equivalent(
            model("(float[N,2] y) { y = Add (x, x) }"), model(other), FEEDS
        )


@dataclasses.dataclass(frozen=True)
class Rewrite(ir.passes.InPlacePass):
    action: Callable[[ir.Node], None]
    modified: bool

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        self.action(model.graph.node(0))
        return ir.passes.PassResult(model, modified=self.modified)


def keep(node: ir.Node) -> None:
    del node


def rename(node: ir.Node) -> None:
    node.name = f"{node.name}x"


def rename_once(node: ir.Node) -> None:
    node.name = "once"


def rename_output(node: ir.Node) -> None:
    node.outputs[0].name = "other"


def break_node(node: ir.Node) -> None:
    node.op_type = "Foo"


@pytest.mark.parametrize(
    "action, claimed, expected, message",
    [
        (keep, True, False, "modified is True"),
        (keep, False, True, "modified is False"),
        (keep, True, True, "not what happened"),
        (rename, False, False, "not what happened"),
        (rename, True, True, "changes its own result"),
    ],
)
def test_pass_that_says_something_else(
    action: Callable[[ir.Node], None], *, claimed: bool, expected: bool, message: str
) -> None:
    given = model("(float[N,2] y) { y = Add (x, x) }")
    with pytest.raises(AssertionError, match=message):
        check_pass(Rewrite(action, claimed), given, FEEDS, modified=expected)


@pytest.mark.parametrize(
    "action, message",
    [(rename_output, "graph outputs are"), (break_node, "Foo")],
)
def test_pass_that_breaks_the_model(
    action: Callable[[ir.Node], None], message: str
) -> None:
    class Once:
        done = False

        def __call__(self, model: ir.Model) -> ir.passes.PassResult:
            if self.done:
                return ir.passes.PassResult(model, modified=False)
            self.done = True
            return Rewrite(action, modified=True)(model)

    given = model("(float[N,2] y) { y = Add (x, x) }")
    with pytest.raises(Exception, match=message):
        check_pass(Once(), given, FEEDS)


def test_pass_that_denies_its_second_change() -> None:
    class Denies:
        calls = 0

        def __call__(self, model: ir.Model) -> ir.passes.PassResult:
            self.calls += 1
            return Rewrite(rename, modified=self.calls == 1)(model)

    given = model("(float[N,2] y) { y = Add (x, x) }")
    with pytest.raises(AssertionError, match="denies it"):
        check_pass(Denies(), given, FEEDS)


def test_model_is_left_as_it_is() -> None:
    class Once:
        done = False

        def __call__(self, model: ir.Model) -> ir.passes.PassResult:
            changed, self.done = not self.done, True
            if changed:
                rename_once(model.graph.node(0))
            return ir.passes.PassResult(model, modified=changed)

    given = model("(float[N,2] y) { y = Add (x, x) }")
    after = check_pass(Once(), given, FEEDS)
    assert (given.graph.node(0).name, after.graph.node(0).name) != ("once", "once")
    assert after.graph.node(0).name == "once"
