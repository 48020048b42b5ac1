"""Parts of a network that are named to stay what they are."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn.graph import array
from onnx2snn.schedules import time_loops
from onnx2snn.testing import run_ort
from tests.models import dyadic, model, normal, positive

CHAIN = (
    "(float[N,4] x) => (float[N,4] y) { [g0] h = Gemm (x, w)  [r0] a = Relu (h)  "
    "[g1] g = Gemm (a, w)  [r1] b = Relu (g)  [g2] f = Gemm (b, w)  c = Relu (f)  "
    "[g3] e = Gemm (c, w)  [soft] y = Softmax (e) }"
)
W = {"w": dyadic(1, 4, 4)}


def chain() -> onnx.ModelProto:
    return ir.to_proto(model(CHAIN, **W))


def kinds(ann: Any = None, **options: Any) -> dict[str, str]:
    nodes = onnx2snn.analyze(chain() if ann is None else ann, **options)["nodes"]
    return {node["node"]: node["kind"] for node in nodes}


def test_an_excluded_activation_is_analog_and_the_reason_says_so() -> None:
    nodes = onnx2snn.analyze(chain(), nodes_to_exclude=("r1",))["nodes"]
    found = {node["node"]: node for node in nodes}
    assert [found[name]["kind"] for name in ("r0", "r1", "c")] == [
        "spiking",
        "analog",
        "spiking",
    ]
    assert found["r1"]["reason"] == "excluded, as asked"
    assert [found[name]["driver"] for name in ("g1", "g2")] == ["spikes", "real"]


def test_behind_until_all_is_readout() -> None:
    found = kinds(until="r1")
    assert list(found.values()) == [
        *["static", "spiking", "linear", "spiking"],
        *["readout", "readout", "readout", "readout"],
    ]


def test_until_leaves_other_branches_spiking() -> None:
    ann = ir.to_proto(
        model(
            "(float[N,4] x) => (float[N,4] y, float[N,4] z) { a = Relu (x)  g = Gemm (a, w)  "
            "b = Relu (g)  y = Gemm (b, w)  h = Gemm (a, w)  c = Relu (h)  z = Gemm (c, w) }",
            **W,
        )
    )
    found = kinds(ann, until=("g",))
    assert (found["a"], found["b"], found["c"]) == ("spiking", "readout", "spiking")
    assert kinds(ann, until=("g", "h"))["c"] == "readout"


def test_the_outputs_stay_what_they_are() -> None:
    x = dyadic(2, 40, 4, unit=16)
    expected = run_ort(chain(), {"x": x})["y"]
    errors = {}
    for name, options in {
        "all": {},
        "some": {"nodes_to_exclude": "r1"},
        "head": {"until": "r0"},
    }.items():
        # Corrections may make up for more neurons than there are.
        snn = onnx2snn.convert(chain(), T=8, calibration=x, corrections=(), **options)
        errors[name] = np.abs(
            onnx2snn.load(snn.model).run({"x": x})["y"] - expected
        ).mean()
    assert errors["all"] > errors["some"] > errors["head"] > 0
    assert errors["all"] < 0.01


@pytest.mark.parametrize(
    "left", [{"until": "r1"}, {"nodes_to_exclude": ("g2", "g3")}], ids=str
)
def test_weights_that_are_left_are_not_fitted(left: dict[str, Any]) -> None:
    """g1 is driven by spikes and fitted; what g2 and g3 multiply by stays."""
    own = {f"w{index}": normal(index, 4, 4) for index in range(4)}
    text = CHAIN
    for name in own:
        text = text.replace(", w)", f", {name})", 1)
    ann = ir.to_proto(model(text, **own))
    network = onnx2snn.convert(ann, 4, normal(9, 256, 4), **left).ir_model
    graphs = [
        network.graph,
        *(node.attributes["body"].as_graph() for node in time_loops(network.graph)),
    ]
    values = [array(value) for graph in graphs for value in graph.initializers.values()]
    kept = [
        name
        for name, old in own.items()
        if any(np.array_equal(old, new) for new in values)
    ]
    assert kept == ["w0", "w2", "w3"]


@pytest.mark.parametrize("option", ["until", "nodes_to_exclude"])
def test_an_unknown_name_is_refused_with_what_is_close(option: str) -> None:
    with pytest.raises(
        onnx2snn.OptionError, match=rf"{option}: .* 'soften'; did you mean 'soft'"
    ):
        onnx2snn.convert(chain(), **{option: ("r0", "soften")})
    with pytest.raises(
        onnx2snn.OptionError, match="'zzz'; a node without a name goes by its first"
    ):
        onnx2snn.analyze(chain(), **{option: "zzz"})


def test_names_are_checked_before_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    def import_model(*_: Any, **__: Any) -> None:
        pytest.fail("the import takes time")

    monkeypatch.setattr("onnx2snn.conversion.preparation.import_model", import_model)
    with pytest.raises(onnx2snn.OptionError, match="zzz"):
        onnx2snn.convert(chain(), until="zzz")


def test_a_node_at_which_no_neuron_stands_gives_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "onnx2snn"):
        assert kinds(nodes_to_exclude=("g1", "r1")) == kinds(nodes_to_exclude=("r1",))
    assert "no neuron would stand at Gemm 'g1'" in caplog.text
    assert "'r1'" not in caplog.text


def test_a_node_with_nothing_behind_it_gives_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "onnx2snn"):
        assert kinds(until="soft") == kinds()
    assert "no node depends on 'soft'" in caplog.text


def test_nothing_left_to_convert() -> None:
    with pytest.raises(
        onnx2snn.UnsupportedError, match="until and nodes_to_exclude leave all"
    ):
        onnx2snn.convert(chain(), until="g0")
    with pytest.raises(
        onnx2snn.UnsupportedError, match="until and nodes_to_exclude leave all"
    ):
        onnx2snn.convert(chain(), nodes_to_exclude=("r0", "r1", "c"))


FOLDED = {
    "w": normal(5, 4, 3, 3, 3), "s": positive(1, 4), "o": normal(2, 4), "m": normal(3, 4),
    "v": positive(4, 4), "u": normal(6, 4, 4, 1, 1),
}  # fmt: skip


def test_names_outlive_what_the_import_makes_of_their_nodes() -> None:
    """A clamp in two nodes, one of them folded; a normalization that is folded."""
    ann = ir.to_proto(
        model(
            "(float[N,3,6,5] x) => (y) { [c0] c = Conv (x, w)  "
            "[n0] n = BatchNormalization (c, s, o, m, v)  [low] l = Max (n, zero)  "
            "[high] h = Min (l, six)  [c1] d = Conv (h, u)  [n1] e = BatchNormalization "
            "(d, s, o, m, v)  [r1] a = Relu (e)  [c2] y = Conv (a, u) }",
            **FOLDED,
            zero=np.zeros([], np.float32),
            six=np.full([], 6, np.float32),
        )
    )
    assert kinds(ann)["high"] == "spiking"
    for name in ("low", "high"):
        assert kinds(ann, nodes_to_exclude=name)["high"] == "static"
        assert kinds(ann, nodes_to_exclude=name)["r1"] == "spiking"
    for name in ("c1", "n1"):  # the Relu depends on either
        assert kinds(ann, until=name)["high"] == "spiking"
        assert kinds(ann, until=name)["r1"] == "readout"


FUNCTION = """
<ir_version: 8, opset_import: ["" : 17, "my" : 1]>
g (float[N,4] x) => (float[N,4] y) { [one] a = my.Block (x)  [two] y = my.Block (a) }
<domain: "my", opset_import: ["" : 17]>
Block (x) => (y) { [act] h = Sigmoid (x)  [neg] y = Neg (h) }
"""


def test_the_call_of_a_function_stands_for_what_is_in_it() -> None:
    ann = onnx.parser.parse_model(FUNCTION)
    nodes = onnx2snn.analyze(ann, nodes_to_exclude="two")["nodes"]
    found = [(node["place"], node["op"], node["kind"]) for node in nodes]
    assert found == [
        ("one", "Sigmoid", "spiking"),
        ("one", "Neg", "readout"),
        ("two", "Sigmoid", "readout"),
        ("two", "Neg", "readout"),
    ]
    assert [node["kind"] for node in onnx2snn.analyze(ann, until="one")["nodes"]][
        2
    ] == "readout"


def test_one_name_or_several_in_any_collection() -> None:
    as_text = kinds(nodes_to_exclude="r1")
    assert as_text == kinds(nodes_to_exclude=["r1"]) == kinds(nodes_to_exclude={"r1"})
