"""Networks of every signature: several inputs and outputs, scalars, other ranks, fixed batches."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn.testing import run_ort
from tests.models import normal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Case:
    """A network and what it is fed.

    Attributes:
        graph: Its signature and its nodes.
        weights: Shape of each weight; a number of weights is drawn for each.
        inputs: Shapes of the real inputs, and other inputs as they are; the first axis is 0
            where it counts samples.
        layers: Number of layers of neurons.
        header: Versions.
    """

    graph: str
    weights: Mapping[str, tuple[int, ...]]
    inputs: Mapping[str, tuple[int, ...] | np.ndarray]
    layers: int = 1
    header: str = 'ir_version: 8, opset_import: ["" : 17]'


CASES = {
    "two inputs, two outputs": Case(
        "(float[N,4] x, float[N,3] z) => (float[N,2] y, float[N,5] r) { a = MatMul (x, w)"
        "  b = MatMul (z, v)  s = Add (a, b)  r = Relu (s)  y = MatMul (r, u) }",
        {"w": (4, 5), "v": (3, 5), "u": (5, 2)},
        {"x": (0, 4), "z": (0, 3)},
    ),
    "a scalar input": Case(
        "(float[N,4] x, float k) => (float[N,2] y) { h = MatMul (x, w)  s = Mul (h, k)"
        "  r = Relu (s)  p = Mul (r, k)  y = MatMul (p, u) }",
        {"w": (4, 5), "u": (5, 2)},
        {"x": (0, 4), "k": np.array(1.5, np.float32)},
    ),
    "only a scalar input": Case(
        "(float k) => (float[2] y) { h = Mul (w, k)  r = Relu (h)  y = MatMul (r, u) }",
        {"w": (5,), "u": (5, 2)},
        {"k": np.array(1.5, np.float32)},
    ),
    "a vector without a batch": Case(
        "(float[4] x) => (float[2] y) { h = MatMul (x, w)  r = Relu (h)  y = MatMul (r, u) }",
        {"w": (4, 5), "u": (5, 2)},
        {"x": (4,)},
    ),
    "one dimension": Case(
        "(float[N,3,L] x) => (float[N,2,M] y) { h = Conv <pads = [1, 1]> (x, w)  r = Relu (h)"
        "  p = MaxPool <kernel_shape = [2], strides = [2]> (r)  g = Conv (p, v)  a = Relu (g)"
        "  y = ConvTranspose <strides = [2]> (a, u) }",
        {"w": (4, 3, 3), "v": (5, 4, 2), "u": (5, 2, 3)},
        {"x": (0, 3, 16)},
        layers=2,
    ),
    "three dimensions": Case(
        "(float[N,2,6,6,6] x) => (float[N,3] y) { h = Conv (x, w)  r = Relu (h)"
        "  p = AveragePool <kernel_shape = [2, 2, 2]> (r)  g = Conv <group = 2> (p, v)"
        "  a = Relu (g)  m = GlobalAveragePool (a)  f = Flatten (m)  y = Gemm (f, u) }",
        {"w": (4, 2, 3, 3, 3), "v": (6, 2, 1, 2, 2), "u": (6, 3)},
        {"x": (0, 2, 6, 6, 6)},
        layers=2,
    ),
    "free height and width": Case(
        "(float[N,3,H,W] x) => (float[N,2,I,J] y) { h = Conv (x, w)  r = Relu (h)"
        '  t = Resize <mode = "nearest"> (r, , k)  y = Conv (t, v) }',
        {"w": (4, 3, 3, 3), "v": (2, 4, 1, 1)},
        {"x": (0, 3, 9, 11)},
    ),
    "a batch of one": Case(
        "(float[1,3,8,8] x) => (float[1,2] y) { h = Conv (x, w)  r = Relu (h)"
        "  f = Reshape (r, s)  y = MatMul (f, v) }",
        {"w": (4, 3, 3, 3), "v": (144, 2)},
        {"x": (1, 3, 8, 8)},
    ),
    "a batch of three": Case(
        "(float[3,4] x) => (float[3,2] y) { h = MatMul (x, w)  r = Relu (h)  y = MatMul (r, u) }",
        {"w": (4, 5), "u": (5, 2)},
        {"x": (3, 4)},
    ),
    "a sequence of free length": Case(
        "(float[N,L,4] x) => (float[N,L,2] y) { h = MatMul (x, w)  r = Relu (h)"
        "  y = MatMul (r, u) }",
        {"w": (4, 5), "u": (5, 2)},
        {"x": (0, 7, 4)},
    ),
    "channels last": Case(
        "(float[N,8,8,3] x) => (float[N,6,6,2] y) { t = Transpose <perm = [0, 3, 1, 2]> (x)"
        "  h = Conv (t, w)  r = Relu (h)  g = Conv (r, v)"
        "  y = Transpose <perm = [0, 2, 3, 1]> (g) }",
        {"w": (4, 3, 3, 3), "v": (2, 4, 1, 1)},
        {"x": (0, 8, 8, 3)},
    ),
    "indices": Case(
        "(int64[N,3] i) => (float[N,2] y) { e = Gather (w, i)  f = Flatten (e)  r = Relu (f)"
        "  y = MatMul (r, u) }",
        {"w": (9, 4), "u": (12, 2)},
        {"i": np.arange(24).reshape(8, 3) % 9},
    ),
    "bytes": Case(
        "(uint8[N,4] i) => (float[N,2] y) { x = Cast <to = 1> (i)  c = Mul (x, k)"
        "  h = MatMul (c, w)  r = Relu (h)  y = MatMul (r, u) }",
        {"w": (4, 5), "u": (5, 2), "k": ()},
        {"i": np.arange(32, dtype=np.uint8).reshape(8, 4)},
    ),
    "a mask": Case(
        "(float[N,4] x, bool[N,5] m) => (float[N,2] y) { h = MatMul (x, w)"
        "  o = Where (m, h, k)  r = Relu (o)  y = MatMul (r, u) }",
        {"w": (4, 5), "u": (5, 2), "k": ()},
        {"x": (0, 4), "m": np.arange(160).reshape(32, 5) % 3 == 0},
    ),
    "an input of another type": Case(
        "(float[N,4] x, double[N,1] z) => (double[N,2] y) { h = MatMul (x, w)  r = Relu (h)"
        "  c = Cast <to = 11> (r)  d = Mul (c, z)  e = Cast <to = 1> (d)  g = MatMul (e, u)"
        "  y = Cast <to = 11> (g) }",
        {"w": (4, 5), "u": (5, 2)},
        {"x": (0, 4), "z": normal(5, 32, 1).astype(np.float64)},
    ),
    "outputs that depend on nothing": Case(
        "(float[N,4] x) => (float[N,2] y, int64[2] s, float[5,2] c, float[N,4] i) {"
        " h = MatMul (x, w)  r = Relu (h)  y = MatMul (r, u)  s = Shape (x)  c = Identity (u)"
        "  i = Identity (x) }",
        {"w": (4, 5), "u": (5, 2)},
        {"x": (0, 4)},
    ),
    "an activation and its input as outputs": Case(
        "(float[N,4] x) => (float[N,2] y, float[N,5] h, float[N,5] r) { h = MatMul (x, w)"
        "  r = Relu (h)  y = MatMul (r, u) }",
        {"w": (4, 5), "u": (5, 2)},
        {"x": (0, 4)},
    ),
    "weights that are inputs": Case(
        "(float[N,4] x, float[4,5] w, float[5,2] u) => (float[N,2] y) { h = MatMul (x, w)"
        "  r = Relu (h)  y = MatMul (r, u) }",
        {"w": (4, 5), "u": (5, 2)},
        {"x": (0, 4)},
        header='ir_version: 3, opset_import: ["" : 8]',
    ),
    "an input nobody reads": Case(
        "(float[N,4] x, float[N] z) => (float[N,2] y) { h = MatMul (x, w)  r = Relu (h)"
        "  y = MatMul (r, u) }",
        {"w": (4, 5), "u": (5, 2)},
        {"x": (0, 4), "z": (0,)},
    ),
    "a hidden state in and out": Case(
        "(float[N,4] x, float[N,5] before) => (float[N,2] y, float[N,5] after) {"
        " a = MatMul (x, w)  b = MatMul (before, v)  s = Add (a, b)  after = Relu (s)"
        "  y = MatMul (after, u) }",
        {"w": (4, 5), "v": (5, 5), "u": (5, 2)},
        {"x": (0, 4), "before": (0, 5)},
    ),
}


def network(case: Case) -> onnx.ModelProto:
    model = onnx.parser.parse_model(f"<{case.header}> net {case.graph}")
    arrays = {
        name: normal(i, *shape) for i, (name, shape) in enumerate(case.weights.items())
    }
    for name, array in arrays.items():
        scaled = array / np.float32(max(1, np.prod(array.shape[1:])) ** 0.5)
        model.graph.initializer.append(onnx.numpy_helper.from_array(scaled, name))
    constants = {
        "s": np.array([1, -1], np.int64),
        "k": np.array([1, 1, 2, 2], np.float32),
    }
    for name, array in constants.items():
        if f" {name})" in case.graph and name not in {*case.weights, *case.inputs}:
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return model


def feeds(case: Case, samples: int) -> dict[str, np.ndarray]:
    return {
        name: given[:samples] if isinstance(given, np.ndarray) and given.ndim else given
        if isinstance(given, np.ndarray)
        else normal(20 + i, *(size or samples for size in given))
        for i, (name, given) in enumerate(case.inputs.items())
    }  # fmt: skip


@pytest.mark.parametrize(
    "name, calibrated",  # made-up images of free height and width are large
    [(n, c) for n in CASES for c in (True, False) if c or n != "free height and width"],
)
def test_network(name: str, *, calibrated: bool) -> None:
    case = CASES[name]
    ann, data = network(case), feeds(case, 8)
    conversion = onnx2snn.convert(
        ann, T=64, calibration=[data] if calibrated else None, threshold="max"
    )
    assert len(conversion.report["layers"]) == case.layers
    assert list(conversion.model.graph.output) == list(ann.graph.output)
    expected = run_ort(ann, data)
    for runtime in ("ort", "numpy"):
        found = onnx2snn.load(conversion.model, runtime).run(data)
        assert list(found) == list(expected)
        for output, value in expected.items():
            assert (found[output].dtype, found[output].shape) == (
                value.dtype,
                value.shape,
            )
            error = np.linalg.norm((found[output] - value).astype(float))
            # 64 levels; made-up inputs have another range than these
            assert error <= (0.05 if calibrated else 0.5) * np.linalg.norm(
                value.astype(float)
            )


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if "[N," in case.graph][:9]
)
def test_another_number_of_samples(case: Case) -> None:
    ann = network(case)
    conversion = onnx2snn.convert(ann, T=4, calibration=[feeds(case, 8)])
    for samples in (1, 5):
        data = feeds(case, samples)
        found = onnx2snn.load(conversion.model).run_at(data, [1, 4])[4]
        expected = run_ort(ann, data)
        assert {n: v.shape for n, v in found.items()} == {
            n: v.shape for n, v in expected.items()
        }
