"""Networks inside the branches of an If."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn.testing import run_ort
from tests.models import dyadic, model, normal

T = 8
X = dyadic(1, 5, 4, unit=16)
WEIGHTS = {
    "w": dyadic(2, 4, 6),
    "v": dyadic(3, 6, 4),
    "r": dyadic(4, 4, 3),
    "u": dyadic(5, 3, 4),
}
LEFT = "h = MatMul (x, w)  a = Relu (h)  {} = MatMul (a, v)"
RIGHT = "g = MatMul (x, r)  b = Clip (g, low, high)  {} = MatMul (b, u)"
BOUNDS = {"low": np.zeros((), np.float32), "high": np.array(0.75, np.float32)}
OPTIONS = {"threshold": "max", "per_channel": False, "corrections": ()}


def plain(text: str) -> ir.Model:
    return model(
        f"(float[N,4] x) => (float[N,4] y) {{ {text.format('y')} }}",
        **WEIGHTS,
        **BOUNDS,
    )


def conditional(
    left: str = LEFT, right: str = RIGHT, before: str = "", after: str = ""
) -> ir.Model:
    branches = (
        f"then_branch = t () => (float[N,4] p) {{ {left.format('p')} }}, "
        f"else_branch = e () => (float[N,4] q) {{ {right.format('q')} }}"
    )
    text = f"{before} z = If (c) <{branches}> {after}"
    output = "y" if after else "z"
    return model(
        f"(float[N,4] x, bool c) => (float[N,4] {output}) {{ {text} }}",
        **WEIGHTS,
        **BOUNDS,
    )


def converted(ann: ir.Model, data: Any) -> onnx.ModelProto:
    return onnx2snn.convert(ann, T, data, **OPTIONS).model


def feeds(condition: bool) -> dict[str, np.ndarray]:  # noqa: FBT001
    return {"x": X, "c": np.array(condition)}


BOTH = [feeds(condition=True), feeds(condition=False)]


@pytest.mark.parametrize("runtime", ["ort", "numpy"])
@pytest.mark.parametrize(
    "condition, text", [(True, LEFT), (False, RIGHT)], ids=["then", "else"]
)
def test_a_branch_is_the_network_it_would_be_alone(
    runtime: str,
    condition: bool,  # noqa: FBT001
    text: str,
) -> None:
    snn = onnx2snn.load(converted(conditional(), BOTH), runtime)
    alone = onnx2snn.load(converted(plain(text), {"x": X}), runtime)
    for steps in (1, T, 3 * T):
        found = snn.run(feeds(condition), steps)["z"]
        np.testing.assert_array_equal(found, alone.run({"x": X}, steps)["y"])
        assert len(np.unique(found)) > 3


def test_one_input_sets_the_steps_of_both() -> None:
    snn = converted(conditional(), BOTH)
    assert [value.name for value in snn.graph.input] == ["x", "c", "T"]
    onnx.checker.check_model(snn, full_check=True)


def test_several_numbers_of_steps_at_once() -> None:
    snn = onnx2snn.load(converted(conditional(), BOTH))
    found = snn.run_at(feeds(condition=True), [2, T])
    for steps, outputs in found.items():
        np.testing.assert_array_equal(
            outputs["z"], snn.run(feeds(condition=True), steps)["z"]
        )


def test_only_feeds_that_reach_a_branch_calibrate_it() -> None:
    large = {"x": 64 * X, "c": np.array(False)}  # noqa: FBT003
    found, expected = (
        onnx2snn.load(converted(conditional(), [feeds(condition=True), other])).run(
            feeds(condition=True)
        )
        for other in (large, feeds(condition=False))
    )
    np.testing.assert_array_equal(found["z"], expected["z"])


@pytest.mark.parametrize(
    "taken, other", [(True, "else_branch"), (False, "then_branch")]
)
def test_a_branch_that_no_feed_reaches_stays_analog(
    taken: bool,  # noqa: FBT001
    other: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ann = ir.to_proto(conditional())
    snn = converted(ann, [feeds(condition=taken)])
    assert f"the data never takes the {other} of If 'z'" in caplog.text
    network = onnx2snn.load(snn)
    for condition in (True, False):
        fed = feeds(condition=condition)
        (expected,) = run_ort(ann, fed).values()
        found = network.run(fed)["z"]
        is_exact = np.allclose(found, expected, rtol=1e-6)
        assert is_exact == (condition is not taken)


def framed() -> onnx.ModelProto:
    """Return a network that cuts audio into frames of a length for each sample rate."""
    weights = {f"w{n}": normal(n, n, 16) / 20 for n in (512, 300)}
    branches = [
        f"{name}_branch = {name} () => (float[N,16] {name}_y) <int64[2] {name}_s = {{-1, {n}}}> "
        f"{{ {name}_f = Reshape (x, {name}_s)  {name}_h = MatMul ({name}_f, w{n})  "
        f"{name}_y = Relu ({name}_h) }}"
        for name, n in (("then", 512), ("else", 300))
    ]
    text = (
        "(float[n,samples] x, int64 sr) => (float[N,16] y) <int64 rate = {16000}> "
        f"{{ c = Equal (sr, rate)  [choose] y = If (c) <{', '.join(branches)}> }}"
    )
    return ir.to_proto(model(text, **weights))


def test_a_branch_whose_inputs_cannot_be_made_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fed = [{"x": normal(seed, 1, 512), "sr": np.array(16000)} for seed in range(4)]
    conversion = onnx2snn.convert(framed(), T, fed)
    snn = conversion.model
    assert "never takes the else_branch of If 'choose'" in caplog.text
    # What never runs takes no multiply-accumulates; its sizes would not be known.
    macs = conversion.report["analysis"]["macs"]
    assert macs["total"] == macs["static"] == 512 * 16
    short = {"x": normal(1, 1, 300), "sr": np.array(8000)}
    np.testing.assert_allclose(
        onnx2snn.load(snn).run(short)["y"], run_ort(framed(), short)["y"], rtol=1e-5
    )


def test_each_branch_that_is_taken_counts_once() -> None:
    report = onnx2snn.convert(conditional(), T, BOTH).report
    work = [
        onnx2snn.analyze(ir.to_proto(plain(text)))["macs"]["total"]
        for text in (LEFT, RIGHT)
    ]
    assert report["analysis"]["macs"]["total"] == sum(work)


def test_neurons_only_in_a_branch_that_is_never_taken() -> None:
    ann = conditional(right="{} = Neg (x)")
    with pytest.raises(onnx2snn.UnsupportedError, match="the data never takes"):
        converted(ann, [feeds(condition=False)])


def test_a_network_behind_the_branches() -> None:
    ann = conditional(after="k = MatMul (z, w)  s = Relu (k)  y = MatMul (s, v)")
    snn = converted(ann, BOTH)
    assert [value.name for value in snn.graph.input] == ["x", "c", "T"]
    found = onnx2snn.load(snn).run(feeds(condition=True), 256)["y"]
    a = np.maximum(X @ WEIGHTS["w"], 0) @ WEIGHTS["v"]
    expected = np.maximum(a @ WEIGHTS["w"], 0) @ WEIGHTS["v"]
    np.testing.assert_allclose(
        found, expected, atol=0.05
    )  # some 2 of 256 levels, through v


def test_a_branch_within_a_branch() -> None:
    inner = (
        "{} = If (c) <then_branch = t2 () => (float[N,4] p2) {{ h2 = MatMul (x, w) "
        " a2 = Relu (h2)  p2 = MatMul (a2, v) }}, else_branch = e2 () => (float[N,4] q2) "
        "{{ q2 = Neg (x) }}>"
    )
    snn = onnx2snn.load(converted(conditional(left=inner), BOTH))
    alone = onnx2snn.load(converted(plain(LEFT), {"x": X}))
    found = snn.run(feeds(condition=True))["z"]
    np.testing.assert_array_equal(found, alone.run({"x": X})["y"])


def test_a_branch_without_activations_stays() -> None:
    snn = onnx2snn.load(converted(conditional(right="{} = Neg (x)"), BOTH))
    np.testing.assert_array_equal(snn.run(feeds(condition=False))["z"], -X)


def test_nothing_to_convert() -> None:
    with pytest.raises(onnx2snn.UnsupportedError, match="no activation"):
        converted(conditional(left="{} = Exp (x)", right="{} = Neg (x)"), BOTH)


def test_the_nodes_of_a_branch_are_listed_behind_their_if() -> None:
    nodes = onnx2snn.analyze(ir.to_proto(conditional()))["nodes"]
    assert [(node["place"], node["op"], node["kind"]) for node in nodes] == [
        (None, "If", "static"),
        ("z/then_branch", "MatMul", "static"),
        ("z/then_branch", "Relu", "spiking"),
        ("z/then_branch", "MatMul", "readout"),
        ("z/else_branch", "MatMul", "static"),
        ("z/else_branch", "Clip", "spiking"),
        ("z/else_branch", "MatMul", "readout"),
    ]


def test_the_nodes_of_a_branch_within_a_branch_have_both_in_their_place() -> None:
    inner = (
        "{} = If (c) <then_branch = t2 () => (float[N,4] p2) {{ h2 = MatMul (x, w) "
        " a2 = Relu (h2)  p2 = MatMul (a2, v) }}, else_branch = e2 () => (float[N,4] q2) "
        "{{ q2 = Neg (x) }}>"
    )
    nodes = onnx2snn.analyze(ir.to_proto(conditional(left=inner)))["nodes"]
    places = {node["node"]: node["place"] for node in nodes}
    assert places["a2"] == "z/then_branch/p/then_branch"
    assert places["b"] == "z/else_branch"
    assert "q2" not in places  # the branch is no network of its own


def kinds(**options: Any) -> dict[str, str]:
    ann = conditional(after="k = MatMul (z, w)  s = Relu (k)  y = MatMul (s, v)")
    nodes = onnx2snn.analyze(ir.to_proto(ann), **options)["nodes"]
    return {
        node["node"]: node["kind"] for node in nodes if node["op"] in {"Relu", "Clip"}
    }


def test_nodes_in_branches_are_left_by_name() -> None:
    assert kinds() == dict.fromkeys("abs", "spiking")
    assert kinds(nodes_to_exclude="a") == {"b": "spiking", "s": "spiking"}
    assert kinds(nodes_to_exclude="z") == {"s": "spiking"}  # the If as a whole
    left = {
        "a": "spiking",
        "b": "spiking",
        "s": "static",
    }  # computed once, behind the branches
    assert kinds(until="z") == kinds(until="a") == left


def test_weights_rounded_in_branches_alone_are_reported_as_int8() -> None:
    """The report said ``float``, and listed the rounded nodes."""
    deep = LEFT.format("i") + "  k = Relu (i)  j = MatMul (k, w)  {} = MatMul (j, v)"
    ann = conditional(left=deep)
    conversion = onnx2snn.convert(ann, T, BOTH, weights="int8", **OPTIONS)
    assert conversion.report["rounded"]
    assert conversion.report["weights"] == "int8"
