"""Networks of dyadic weights: every sum is exact, so every runtime gives the same bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

import onnx2snn
from onnx2snn.testing import run_ort
from tests.models import dyadic, emitted, model

if TYPE_CHECKING:
    import onnx

T = 32
BLOCKS = {
    "conv": "{o} = Conv <pads = [1, 1, 1, 1]> ({i}, w{n}, b{n})",
    "grouped": "{o} = Conv <pads = [0, 1, 2, 1], group = 2> ({i}, g{n}, b{n})",
    "transposed": "{o} = ConvTranspose <pads = [1, 1, 1, 1]> ({i}, t{n}, b{n})",
    "average": "p{n} = AveragePool <kernel_shape = [2, 2]> ({i})  {o} = Conv (p{n}, k{n}, b{n})",
    "max": "p{n} = MaxPool <kernel_shape = [3, 2], pads = [1, 1, 1, 1]> ({i})  "
    "{o} = Mul (p{n}, s{n})",
    "residual": "p{n} = Conv <pads = [1, 1, 1, 1]> ({i}, w{n}, b{n})  {o} = Add (p{n}, {i})",
    "branches": "p{n}, q{n} = Split <axis = 1> ({i})  m{n} = Max (p{n}, q{n})  "
    "{o} = Concat <axis = 1> (q{n}, m{n})",
}


def weights(seed: int, layers: int) -> dict[str, np.ndarray]:
    shapes = {
        "w": (4, 4, 3, 3),
        "g": (4, 2, 3, 3),
        "t": (4, 4, 3, 3),
        "k": (4, 4, 1, 1),
        "b": (4,),
        "s": (4, 1, 1),
    }
    found = {
        f"{name}{n}": dyadic(seed + 100 * n + position, *shape)
        for n in range(layers)
        for position, (name, shape) in enumerate(shapes.items())
    }
    return found | {"first": dyadic(seed + 7, 4, 2, 3, 3), "u": dyadic(seed + 8, 4, 3)}


def network(blocks: list[str], theta: float, neuron: str, seed: int) -> onnx.ModelProto:
    """Return a network of convolutions with a layer of neurons behind each of ``blocks``."""
    nodes = ["c = Conv (x, first, b0)  a0 = Relu (c)"]
    for n, block in enumerate(blocks):
        nodes.append(BLOCKS[block].format(i=f"a{n}", o=f"h{n}", n=n))
        nodes.append(f"a{n + 1} = Relu (h{n})")
    text = "  ".join(nodes)
    ann = model(
        f"(float[N,2,7,6] x) => (float[N,3] y) {{ {text}  r = ReduceSum (a{len(blocks)}, axes)  "
        "f = Flatten (r)  y = MatMul (f, u) }",
        axes=np.array([2, 3]),
        **weights(seed, len(blocks)),
    )
    return emitted(ann, T, theta, neuron)


def results(
    proto: onnx.ModelProto, feeds: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    stock = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return {
        "onnxruntime, not optimized": run_ort(proto, feeds)["y"],
        "onnxruntime": stock.run(None, feeds)[0],
        "ours in onnxruntime": onnx2snn.load(proto, threads=1).run(feeds)["y"],
        "ours in NumPy": onnx2snn.load(proto, "numpy").run(feeds)["y"],
        "onnx.reference": ReferenceEvaluator(proto).run(None, feeds)[0],
    }


def check(proto: onnx.ModelProto, seed: int) -> np.ndarray:
    """Check that all runtimes give the same bits, and return them."""
    found = results(proto, {"x": dyadic(seed, 2, 2, 7, 6, unit=16)})
    expected = found.pop("onnxruntime, not optimized")
    for name, array in found.items():
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected, name)
    return expected


@pytest.mark.parametrize("neuron", ["gated", "if", "augmented"])
@pytest.mark.parametrize("block", BLOCKS)
def test_each_block(block: str, neuron: str) -> None:
    y = check(network([block], 0.5, neuron, seed=1), seed=2)
    assert len(np.unique(y)) > 3, "the network is silent"


@settings(max_examples=12, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
@given(
    st.lists(st.sampled_from(sorted(BLOCKS)), min_size=2, max_size=3),
    st.sampled_from([0.25, 0.5, 1.0, 2.0]),
    st.sampled_from(["gated", "if", "augmented"]),
    st.integers(0, 99),
)
def test_any_network(blocks: list[str], theta: float, neuron: str, seed: int) -> None:
    check(network(blocks, theta, neuron, seed), seed)


def test_permuting_the_batch_permutes_the_outputs() -> None:
    proto = network(["residual", "max", "grouped"], 0.5, "gated", seed=3)
    x = dyadic(4, 5, 2, 7, 6, unit=16)
    order = [3, 0, 4, 2, 1]
    np.testing.assert_array_equal(
        run_ort(proto, {"x": x[order]})["y"], run_ort(proto, {"x": x})["y"][order]
    )
