"""The latency that is printed is the step from which on the outputs of the Loop are final."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn import cli
from onnx2snn.graph import constant
from onnx2snn.schedules import time_loops
from onnx2snn.schedules.finding import ITERATIONS
from onnx2snn.testing import run_ort
from tests.models import dyadic, model

if TYPE_CHECKING:
    from pathlib import Path

T = 4
ANN = model(
    """(float[N,6] x) => (float[N,4] y, float[N,6] early, float[N,6] p) {
        c1 = MatMul (x, w1)  a1 = Relu (c1)
        c2 = MatMul (a1, w2)  a2 = Relu (c2)
        early = Sigmoid (a2)
        c3 = MatMul (a2, w2)  q3 = Add (c3, a1)  a3 = Relu (q3)
        c4 = MatMul (a3, w1)  q4 = Add (c4, a2)  a4 = Relu (q4)
        s = Softmax (a4)  d4 = MatMul (s, w2)  a5 = Relu (d4)
        y = MatMul (a5, w3)  p = Identity (a3) }""",
    w1=dyadic(1, 6, 6),
    w2=dyadic(2, 6, 6),
    w3=dyadic(3, 6, 4),
)
X = {"x": dyadic(4, 80, 6, unit=16)}


def after(file: onnx.ModelProto, iterations: int) -> dict[str, np.ndarray]:
    """Return the outputs of a network whose Loop stops after so many steps."""
    network = ir.from_proto(file)
    (loop,) = time_loops(network.graph)
    count = constant(network.graph, "run_for", np.array(iterations, np.int64))
    loop.replace_input_with(0, count)
    return run_ort(ir.to_proto(network), X)


@pytest.mark.parametrize(
    "options",
    [
        {"schedule": "staggered"},
        {"schedule": "staggered", "delays": "joins"},
        {"schedule": "staggered", "weights": "int8"},
        *({"latency": latency} for latency in (5, 6, 7, 8)),
    ],
    ids=str,
)
@pytest.mark.parametrize("data", [X, None], ids=["data", "no data"])
def test_outputs_are_final_then_and_not_before(
    options: dict[str, Any], data: object, tmp_path: Path
) -> None:
    conversion = onnx2snn.convert(ANN, T, data, **options)
    conversion.save(tmp_path / "snn.onnx")
    file = onnx.load(tmp_path / "snn.onnx")
    latency = conversion.report["latency_steps"]
    assert T < latency <= options.get("latency", latency)
    assert onnx2snn.load(file).latency_steps() == latency
    final = run_ort(file, X)
    answers = [after(file, number) for number in range(1, latency + 4)]
    for answer in answers[latency - 1 :]:
        for name, wanted in final.items():
            np.testing.assert_array_equal(answer[name], wanted, err_msg=name)
    before = answers[latency - 2]
    assert any(np.any(before[name] != final[name]) for name in final)
    # only one layer in front of this output can wait: it is final a step behind T
    np.testing.assert_array_equal(answers[T]["early"], final["early"])


def test_the_printed_number_is_the_number_of_iterations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ann, snn = str(tmp_path / "ann.onnx"), str(tmp_path / "snn.onnx")
    onnx.save(ir.to_proto(ANN), ann)
    assert cli.main(["convert", ann, "-o", snn, "--T", "4", "--latency", "6"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    (adding,) = (node for node in ir.load(snn).graph if node.name == ITERATIONS)
    delays = adding.inputs[1]
    assert delays is not None
    assert delays.const_value is not None
    steps = T + int(delays.const_value.numpy())
    assert f"T = 4, answer after {steps} steps" in printed
