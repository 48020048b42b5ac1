"""What is derived from the declaration of an operator, for functions and documentation."""

from __future__ import annotations

import pytest

from onnx2snn.ops import ALL_OPS, DOMAIN, StepOp

EACH_OP = pytest.mark.parametrize("op", ALL_OPS.values(), ids=ALL_OPS)


@EACH_OP
def test_function_declares_the_opset_asked_for(op: StepOp) -> None:
    function = op.function(opset=20)
    assert [(o.domain, o.version) for o in function.opset_import] == [("", 20)]
    assert (function.domain, function.name) == (DOMAIN, op.name)
    assert list(function.input) == list(op.inputs)
    assert list(function.output) == list(op.outputs)


@EACH_OP
def test_markdown_names_every_part(op: StepOp) -> None:
    page = op.markdown()
    assert page.startswith(f"## {op.name}\n")
    assert op.doc in page
    for name, meaning in [*op.inputs.items(), *op.outputs.items()]:
        assert f"| `{name}` | {meaning} |" in page
    for name, after in op.state.items():
        assert f"| `{name}` | next value: `{after}` |" in page
    for node in op.function().node:
        assert f"= {node.op_type} " in page


def test_the_registry_goes_by_the_names_of_the_ops() -> None:
    assert {name: op.name for name, op in ALL_OPS.items()} == {
        name: name for name in ALL_OPS
    }


@pytest.mark.parametrize("state", [{"w": "y"}, {"x": "w"}])
def test_a_state_that_is_no_input_or_output_is_refused(state: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"Copy: .* w$"):
        StepOp(
            "Copy", "", {"x": ""}, {"y": ""}, state, "y = Identity (x)", lambda x: (x,)
        )
