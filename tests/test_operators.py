"""Every ONNX operator on a stream: the mean of what it gives is the operator of the mean.

The network of each case is: weights, signed neurons, the operator, weights, neurons, weights. The
streams that reach the operator and the second neurons are taken out at every step, so what the
second should be is known for every t.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn.analysis.streams import Streams, find_streams
from onnx2snn.ops import DOMAIN
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import AttachFunctions, CarryRunningMeans, EmitTimeLoop
from onnx2snn.runtime.numpy_runtime import open_runner
from onnx2snn.testing import run_ort, unoptimized
from tests.models import dyadic, model
from tests.operator_cases import CASES, Case
from tests.operator_constants import CONSTANTS

if TYPE_CHECKING:
    import onnx

    from onnx2snn.analysis.node_kinds import Classification

T = 12
CHECKED = (1, 2, 7, T)


def runs_in_onnxruntime(opset: int) -> bool:
    """Whether the installed onnxruntime opens models of ``opset``."""
    header = f'<ir_version: 8, opset_import: ["" : {opset}]>'
    try:
        unoptimized(
            ir.from_onnx_text(
                f"{header} g (float[1] x) => (float[1] y) {{ y = Neg (x) }}"
            )
        )
    except Exception:  # noqa: BLE001 (its errors have no common class)
        return False
    return True


NEWEST = max(opset for opset in range(17, 40) if runs_in_onnxruntime(opset))
"""Newest opset that onnxruntime runs: 26 in 1.31. Newer operators run in NumPy only."""

NEURON = f"{DOMAIN}.GatedDoubleThresholdIF"


def header(case: Case) -> str:
    return f'<ir_version: 10, opset_import: ["" : {case.opset}, "{DOMAIN}" : 1]>'


def dims(case: Case) -> str:
    return ",".join(["N", *map(str, case.shape[1:])])


def constants(text: str) -> dict[str, np.ndarray]:
    words = set(re.findall(r"\w+", text))
    return {name: data for name, data in CONSTANTS.items() if name in words}


def operator(case: Case) -> ir.Model:
    """Return the graph from ``a`` and ``x`` to ``h``."""
    signature = f"(float[{dims(case)}] a, float[{dims(case)}] x) => (h)"
    return model(f"{signature} {{ {case.text} }}", header(case), **constants(case.text))


def run(case: Case, a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return ``h``."""
    ann, feeds = operator(case), {"a": a, "x": x}
    if case.opset > NEWEST:
        return np.asarray(open_runner(ir.to_proto(ann))(feeds)[0])
    return run_ort(ann, feeds)["h"]


def network(case: Case, size: int) -> ir.Model:
    """Return the network of ``case``, its neurons in place."""
    width = case.shape[-1]
    weights = {
        "w0_": dyadic(50, width, width),
        "w1_": dyadic(51, size, 6, unit=16, limit=8),
        "b1_": dyadic(53, 6),
        "w2_": dyadic(52, 6, 3),
        "flat_": np.array([1, size]),
        "gate_": np.float32(2**20),
        "theta_": np.float32(0.5),
        "v_": np.float32(0.25),
        "zero_": np.float32(0),
    }
    types = [f"float[{dims(case)}] {name}" for name in ("s0_", "v0_", "n0_")]
    types += [f"float[1,6] {name}" for name in ("s1_", "v1_", "n1_")]
    return model(
        f"(float[{dims(case)}] x) => (z_) <{', '.join(types)}> {{ f_ = MatMul (x, w0_)  "
        f"s0_, v0_, n0_ = {NEURON} (f_, v_, gate_, theta_, zero_)  a = Mul (s0_, theta_)  "
        f"{case.text}  r_ = Reshape (h, flat_)  c_ = Gemm (r_, w1_, b1_)  "
        f"s1_, v1_, n1_ = {NEURON} (c_, v_, gate_, theta_, zero_)  y_ = Mul (s1_, theta_)  "
        "z_ = MatMul (y_, w2_) }",
        header(case),
        **weights,
        **constants(case.text),
    )


def judged(case: Case, streams: Streams) -> dict[ir.Node, Classification]:
    """Return what becomes of the nodes of the operator that ``case`` tries."""
    own = {
        node.outputs[0].name for node in operator(case).graph if node.op_type == case.op
    }
    return {
        n: v for n, v in streams.classifications.items() if n.outputs[0].name in own
    }


def emitted(ann: ir.Model) -> onnx.ModelProto:
    """Return the network with three more outputs at every step: ``a``, ``c_`` and what it fires."""
    snn = ann.clone()
    CarryRunningMeans()(snn)
    (a,) = (v for node in snn.graph for v in node.outputs if v.name == "a")
    neuron = [node for node in snn.graph if is_neuron(node)][-1]
    current = neuron.inputs[0]
    assert current is not None
    current.name = "current"
    snn.graph.outputs.extend([a, current])
    EmitTimeLoop(T, every_step=("a", "current"))(snn)
    AttachFunctions()(snn)
    return ir.to_proto(snn)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_mean_of_the_result_is_the_result_of_the_mean(case: Case) -> None:
    x = dyadic(60, *case.shape, unit=16, limit=12)
    size = run(case, x, x).size
    ann = network(case, size)
    assert case.kind in {
        str(classification.kind)
        for classification in judged(case, find_streams(ann.graph)).values()
    }
    weights, bias = dyadic(51, size, 6, unit=16, limit=8), dyadic(53, 6)
    proto = emitted(ann)
    for runtime in ["numpy"] if case.opset > NEWEST else ["ort", "numpy"]:
        loaded = onnx2snn.load(proto, runtime)
        results = loaded.run({"x": x})
        for t in CHECKED:
            mean = results["a"][:t].sum(axis=0) / np.float32(t)
            expected = run(case, mean, x).reshape(1, -1) @ weights + bias
            # t m(t) - (t - 1) m(t - 1) cancels: T times the rounding of m
            scale = max(1, np.abs(expected).max())
            np.testing.assert_allclose(
                results["current"][:t].sum(axis=0) / t,
                expected,
                rtol=0,
                atol=1e-5 * scale,
            )
