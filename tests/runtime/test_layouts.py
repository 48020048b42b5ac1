"""A network that was emitted with a Loop over time runs with time in the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn import OptionError, cli
from onnx2snn.evaluation.outputs import outputs_on
from onnx2snn.testing import run_ort
from tests.models import CLASSIFIER, CLASSIFIER_WEIGHTS, CLASSIFIER_X, dyadic, model

if TYPE_CHECKING:
    from pathlib import Path

T = 6
OPTIONS: dict[str, Any] = {"threshold": "max", "per_channel": False, "corrections": ()}
EVENTS = dyadic(5, 40, T, 2, 6, 5, unit=16)
IMAGES = dyadic(6, 40, 2, 6, 5, unit=16)


def emitted(
    layout: str = "loop", data: Any = IMAGES, **options: Any
) -> onnx.ModelProto:
    ann = ir.to_proto(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))
    chosen = OPTIONS | options | {"layout": layout}
    return onnx2snn.convert(ann, T, {"x": data}, **chosen).model


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"neuron": "augmented"},
        {"input_coding": "rate"},
        {"corrections": ("step-bias",)},
    ],
    ids=str,
)
def test_it_is_the_network_that_a_conversion_would_have_made(
    options: dict[str, Any],
) -> None:
    loop = emitted(**options)
    changed = onnx2snn.change_layout(loop, "multistep").model
    onnx.checker.check_model(changed, full_check=True)
    direct = emitted("multistep", **options)
    assert [node.op_type for node in changed.graph.node].count("Loop") == 0
    assert sorted(node.op_type for node in changed.graph.node) == sorted(
        node.op_type for node in direct.graph.node
    )
    assert {f.name for f in changed.functions} == {f.name for f in direct.functions}
    feeds = {"x": CLASSIFIER_X}
    found = run_ort(changed, feeds)
    for name, data in run_ort(direct, feeds).items():
        np.testing.assert_array_equal(found[name], data)
    expected = onnx2snn.load(loop, "ort").run(feeds, 3)
    for name, data in onnx2snn.load(changed, "ort").run(feeds, 3).items():
        np.testing.assert_allclose(data, expected[name], rtol=1e-5, atol=1e-6)


def test_the_network_itself_stays_as_it_is() -> None:
    loop = emitted()
    before = loop.SerializeToString(deterministic=True)
    network = onnx2snn.load(loop, "numpy")
    text = ir.to_proto(network.model).SerializeToString(deterministic=True)
    onnx2snn.change_layout(network, "multistep")
    onnx2snn.change_layout(loop, "multistep")
    assert loop.SerializeToString(deterministic=True) == before
    assert ir.to_proto(network.model).SerializeToString(deterministic=True) == text


def test_events() -> None:
    loop = emitted(data=EVENTS, input_coding="events")
    network = onnx2snn.load(loop, "ort")
    changed = onnx2snn.load(loop, "ort", layout="multistep")
    assert changed.events == ("x",)
    x = np.ascontiguousarray(EVENTS[:4].swapaxes(0, 1))
    for t in (2, T):
        found = changed.run({"x": x}, t)
        for name, data in network.run({"x": x}, t).items():
            np.testing.assert_allclose(found[name], data, rtol=1e-5, atol=1e-6)
    proto = onnx2snn.change_layout(loop, "multistep").model
    assert [value.name for value in proto.graph.input] == ["x"]
    onnx.checker.check_model(proto, full_check=True)


def test_branches_of_an_if() -> None:
    ann = model(
        "(float[N,4] x, bool c) => (float[N,4] y) { z = If (c) <then_branch = t () => "
        "(float[N,4] p) { h = MatMul (x, w)  a = Relu (h)  p = MatMul (a, v) }, "
        "else_branch = e () => (float[N,4] q) { g = MatMul (x, v2)  b = Relu (g)  "
        "q = MatMul (b, w2) }>  k = MatMul (z, w)  s = Relu (k)  y = MatMul (s, v) }",
        w=dyadic(2, 4, 6),
        v=dyadic(3, 6, 4),
        v2=dyadic(4, 4, 3),
        w2=dyadic(5, 3, 4),
    )
    x = dyadic(1, 5, 4, unit=16)
    data = [{"x": x, "c": np.array(value)} for value in (True, False)]
    loop = onnx2snn.convert(ann, T, data, **OPTIONS).model
    changed = onnx2snn.change_layout(loop, "multistep").model
    onnx.checker.check_model(changed, full_check=True)
    assert [value.name for value in changed.graph.input] == ["x", "c", "T"]
    for feeds in data:
        for t in (1, T):
            np.testing.assert_allclose(
                onnx2snn.load(changed, "ort").run(feeds, t)["y"],
                onnx2snn.load(loop, "ort").run(feeds, t)["y"],
                atol=1e-6,
            )


def test_a_loaded_network_runs_in_either() -> None:
    loop = emitted()
    feeds = {"x": CLASSIFIER_X}
    expected = onnx2snn.load(loop, "numpy").run(feeds)
    found = onnx2snn.load(loop, "numpy", layout="multistep").run(feeds)
    np.testing.assert_allclose(found["y"], expected["y"], rtol=1e-6)
    same = onnx2snn.load(loop, "numpy", layout="loop")
    assert [node.op_type for node in same.model.graph].count("Loop") == 1


def test_fewer_samples_at_once_where_steps_take_memory() -> None:
    network = onnx2snn.load(emitted(), "numpy")
    assert network.samples_at_once() is None
    multistep = onnx2snn.load(emitted("multistep"), "numpy")
    largest = 4 * 4 * 4 * 3  # bytes of the spikes [N, 4, 4, 3] of a step
    assert multistep.samples_at_once(memory_limit=2 * largest * T) == 2
    assert multistep.samples_at_once(T=1, memory_limit=2 * largest * T) == 2 * T
    assert multistep.samples_at_once(memory_limit=1) == 1
    assert multistep.samples_at_once() == 2**30 // (largest * T)


def test_batches_of_a_data_set_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    network = onnx2snn.load(emitted("multistep"), "ort")
    expected = network.run({"x": IMAGES})["y"]
    seen = []
    run = network.run

    def counted(feeds: Any, time_steps: int | None = None, **recorded: Any) -> Any:
        seen.append(len(feeds["x"]))
        return run(feeds, time_steps, **recorded)

    monkeypatch.setattr(network, "run", counted)
    monkeypatch.setattr(network, "samples_at_once", lambda _: 5)
    found = outputs_on(network, {"x": IMAGES})["y"]
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-5, atol=1e-6)
    assert seen.count(5) >= len(IMAGES) // 5


def test_what_is_refused() -> None:
    with pytest.raises(OptionError, match="layout must be one of loop, multistep"):
        onnx2snn.change_layout(emitted(), "batch")
    with pytest.raises(OptionError, match="no way back to loop: take the file"):
        onnx2snn.change_layout(emitted("multistep"), "loop")
    with pytest.raises(OptionError, match="no Loop over all steps"):
        onnx2snn.change_layout(emitted(schedule="layerwise"), "multistep")
    ann = ir.to_proto(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))
    with pytest.raises(OptionError, match="it is an ANN; convert it with"):
        onnx2snn.change_layout(ann, "multistep")


def test_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "snn.onnx", tmp_path / "out.onnx"
    onnx.save(emitted(), source)
    command = ["layout", str(source), "-o", str(target)]
    assert cli.main(command) == 0
    assert "each layer runs all steps at once" in capsys.readouterr().out
    network = onnx2snn.load(target, "ort")
    assert network.model.metadata_props["onnx2snn.layout"] == "multistep"
    assert cli.main([*command, "--json"]) == 0
    assert '"multistep"' in capsys.readouterr().out
    assert cli.main(["layout", str(target), "--layout", "loop", "-o", str(source)]) == 1
    assert "no way back" in capsys.readouterr().err
