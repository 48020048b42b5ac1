"""Random networks of the operators in the table of rules, with bounds on what they compute.

Every value has the shape [N, 4, 6, 5]. Weights add up to at most 1 for each output, so that no
layer makes an error larger, and errors only add up.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from onnx2snn.analysis.streams import find_streams
from onnx2snn.metadata.scale import SCALE, Scale
from tests.models import dyadic, model

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir as ir

SHAPE = (4, 6, 5)
LATE = 1.5
"""Stairs by which the mean of an activation may be off: half of one is rounding, the rest is delay.

A leaky activation is made of two neurons, the second of which counts by its slope.
"""


@dataclasses.dataclass(frozen=True)
class Value:
    """A value of a random network.

    Attributes:
        name: Its name.
        size: Bound on its magnitude.
        error: Bound on the error of its mean, in units of 1 / T.
    """

    name: str
    size: float
    error: float


Bound = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Block:
    """A few nodes that make a value of one or two others.

    Attributes:
        op: The operator that matters.
        text: The nodes, from ``{i}`` and ``{j}`` to ``{o}``; ``{n}`` makes names unique.
        bound: Size and error of the result, from those of ``{i}`` and ``{j}``; a neuron behind it
            comes on top.
        exact: Whether dyadic numbers stay dyadic, so that no sum is rounded.
    """

    op: str
    text: str
    bound: Callable[[Value, Value], Bound]
    exact: bool = True


def same(i: Value, _: Value) -> Bound:
    return i.size, i.error


def both(i: Value, j: Value) -> Bound:
    return i.size + j.size, i.error + j.error


def larger(i: Value, j: Value) -> Bound:
    return max(i.size, j.size), max(i.error, j.error)


def twice(i: Value, _: Value) -> Bound:
    return 2 * i.size, 2 * i.error


def halved(i: Value, _: Value) -> Bound:
    return i.size / 2, i.error / 2


def multiplied(i: Value, j: Value) -> Bound:
    return i.size * j.size, i.size * j.error + j.size * i.error


def squashed(i: Value, _: Value) -> Bound:
    return 1, i.error


def threshold(size: float) -> float:
    """Return the smallest power of 2 that no activation of this size exceeds."""
    return float(2 ** np.ceil(np.log2(size)))


CONV = "{o} = Conv <pads = [1, 1, 1, 1]> ({i}, w{n}, b{n})"
BLOCKS = [
    Block("Conv", CONV, lambda i, _: (i.size + 0.25, i.error)),
    Block("Conv", CONV.replace("w{n}", "shared"), lambda i, _: (i.size + 0.25, i.error)),
    Block("Conv", "{o} = Conv <group = 4, pads = [1, 0, 1, 0]> ({i}, g{n})", same),
    Block("ConvTranspose", "{o} = ConvTranspose <pads = [1, 1, 1, 1]> ({i}, w{n})", twice),
    Block("MatMul", "{o} = MatMul ({i}, m{n})", same),
    Block("Einsum", '{o} = Einsum <equation = "nchw,dc->ndhw"> ({i}, e{n})', same),
    Block("Relu", "{o} = Relu ({i})", same),
    Block("Relu", "{o} = Relu ({i})", same),
    Block("Clip", "{o} = Clip ({i}, zero, half)", lambda i, _: (0.5, i.error)),
    Block("LeakyRelu", "{o} = LeakyRelu <alpha = 0.25> ({i})", same),
    Block("Add", "{o} = Add ({i}, {j})", both),
    Block("Sub", "{o} = Sub ({i}, {j})", both),
    Block("Add", "{o} = Add ({i}, p{n})", lambda i, _: (i.size + 0.5, i.error)),
    Block("Mul", "{o} = Mul (p{n}, {i})", halved),
    Block("Neg", "{o} = Neg ({i})", same),
    Block("Concat", "c{n} = Concat <axis = 1> ({i}, {j})  {o} = Conv (c{n}, d{n})", larger),
    Block("Split", "s{n}, t{n} = Split <axis = 1> ({i})  "
          "{o} = Concat <axis = 1> (t{n}, s{n})", same),
    Block("Gather", "{o} = Gather <axis = 1> ({i}, order)", same),
    Block("Slice", "s{n} = Slice ({i}, one, far, three)  {o} = Pad (s{n}, pads, zero)", same),
    Block("Transpose", "t{n} = Transpose <perm = [0, 2, 3, 1]> ({i})  r{n} = Relu (t{n})  "
          "{o} = Transpose <perm = [0, 3, 1, 2]> (r{n})", same),
    Block("Reshape", "z{n} = Shape ({i})  f{n} = Flatten ({i})  {o} = Reshape (f{n}, z{n})", same),
    Block("Resize", "r{n} = Resize ({i}, , scales)  {o} = AveragePool <kernel_shape = [2, 2], "
          "strides = [2, 2]> (r{n})", same),
    Block("Where", "{o} = Where (mask, {i}, {j})", larger),
    Block("ReduceMean", "a{n} = ReduceMean <axes = [1]> ({i})  {o} = Add ({j}, a{n})", both),
    Block("MaxPool", "{o} = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> ({i})", same),
    Block("MaxPool", "q{n}, k{n} = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> ({i})  "
          "l{n} = Cast <to = 1> (k{n})  h{n} = Mul (l{n}, none)  {o} = Add (q{n}, h{n})", same),
    Block("GlobalMaxPool", "a{n} = GlobalMaxPool ({i})  {o} = Add ({j}, a{n})", both),
    Block("ReduceMax", "a{n} = ReduceMax <axes = [1]> ({i})  {o} = Sub ({j}, a{n})", both),
    Block("Max", "{o} = Max ({i}, {j})", larger),
    Block("Min", "{o} = Min ({i}, {j}, p{n})", larger),
    Block("Abs", "{o} = Abs ({i})", same),
    Block("ReduceL1", "a{n} = ReduceL1 <axes = [1]> ({i})  h{n} = Mul (a{n}, quarter)  "
          "{o} = Add ({j}, h{n})", both),
    Block("TopK", "{o}, k{n} = TopK <axis = 1> ({i}, four)", same),
    Block("Sigmoid", "{o} = Sigmoid ({i})", squashed, exact=False),
    Block("Tanh", "{o} = Tanh ({i})", squashed, exact=False),
    Block("Softmax", "{o} = Softmax <axis = 1> ({i})", lambda i, _: (1, i.error), exact=False),
    Block("Mul", "{o} = Mul ({i}, {j})", multiplied, exact=False),
    Block("Sin", "{o} = Sin ({i})", lambda i, _: (1, i.error), exact=False),
    Block("Sqrt", "s{n} = Abs ({i})  a{n} = Add (s{n}, one_)  {o} = Sqrt (a{n})",
          lambda i, _: (1 + i.size, i.error), exact=False),
    Block("ReduceLogSumExp", "a{n} = ReduceLogSumExp <axes = [1]> ({i})  {o} = Sub ({j}, a{n})",
          lambda i, j: (i.size + j.size + 2, i.error + j.error), exact=False),
    Block("If", "a{n} = ReduceMax <keepdims = 0> ({i})  k{n} = Less (a{n}, never)  {o} = If (k{n}) "
          "<then_branch = x{n} () => (float[N,4,6,5] y{n}) {{ y{n} = Neg ({i}) }}, else_branch = "
          "z{n} () => (float[N,4,6,5] v{n}) {{ v{n} = Identity ({j}) }}>", both, exact=False),
]  # fmt: skip
HEAD = "pooled = ReduceMax <axes = [2, 3]> (last)  flat = Flatten (pooled)  y = MatMul (flat, head)"
CONSTANTS = {
    "zero": np.zeros((), np.float32),
    "none": np.zeros((), np.float32),
    "quarter": np.array(0.25, np.float32),
    "half": np.array(0.5, np.float32),
    "one_": np.array(1, np.float32),
    "never": np.array(1000, np.float32),
    "one": np.array([1], np.int64),
    "three": np.array([3], np.int64),
    "four": np.array([4], np.int64),
    "far": np.array([9], np.int64),
    "order": np.array([2, 0, 3, 1], np.int64),
    "pads": np.array([0, 0, 0, 0, 0, 0, 0, 1], np.int64),
    "scales": np.float32([1, 1, 2, 2]),
    "mask": np.random.default_rng(0).integers(0, 2, SHAPE).astype(bool),
}
KERNELS = {
    "w": (4, 4, 3, 3),
    "g": (4, 1, 3, 1),
    "m": (5, 5),
    "e": (4, 4),
    "d": (4, 8, 1, 1),
}


def kernel(seed: int, name: str) -> np.ndarray:
    """Return sixteenths whose magnitudes add up to at most 1 for each output."""
    shape = KERNELS[name]
    generator = np.random.default_rng(seed)
    rows = np.zeros((shape[0], int(np.prod(shape[1:]))), np.float32)
    for row in rows:
        places = generator.choice(row.size, size=min(row.size, 8), replace=False)
        row[places] = generator.integers(-1, 3, len(places)) / 16
    return rows.T.copy() if name == "m" else rows.reshape(shape)


@dataclasses.dataclass(frozen=True)
class Network:
    """A random network.

    Attributes:
        ann: The network, with several outputs.
        bounds: For each output, the bound on its error in units of 1 / T.
        ops: The operators that were drawn.
        sizes: For each activation, the bound on its magnitude.
    """

    ann: ir.Model = dataclasses.field(repr=False)
    bounds: dict[str, float]
    ops: tuple[str, ...]
    sizes: dict[str | None, float] = dataclasses.field(repr=False)

    def with_scales(self) -> ir.Model:
        """Return the network with a threshold on every value that is to become spikes."""
        for value in find_streams(self.ann.graph).fired:
            size = self.sizes[value.name]
            scale = Scale(np.float32([threshold(size)]), None, "graph")
            SCALE.write(value, scale)
        return self.ann


@st.composite
def networks(draw: st.DrawFn, *, exact: bool) -> Network:
    """Draw a network of 3 to 8 blocks, a dense head, and a second output somewhere before it."""
    blocks = [block for block in BLOCKS if block.exact or not exact]
    chosen = draw(st.lists(st.sampled_from(blocks), min_size=3, max_size=8))
    names = ["a", *(f"o{n}" for n in range(len(chosen)))]
    wiring = [
        (draw(st.sampled_from(names[n::-1][:2])), draw(st.sampled_from(names[n::-1])))
        for n in range(len(chosen))
    ]
    other = draw(st.sampled_from(names[::-1]))
    text = ["f = Conv <pads = [1, 1, 1, 1]> (x, first, bias)  a = Relu (f)"]
    text += [
        block.text.format(i=i, j=j, o=f"o{n}", n=n)
        for n, (block, (i, j)) in enumerate(zip(chosen, wiring, strict=True))
    ]
    text.append(f"last = LeakyRelu <alpha = 0.5> ({names[-1]})  z = Neg ({other})")
    text.append(HEAD)
    words = set(re.findall(r"\w+", " ".join(text)))
    ann = model(
        f"(float[N,4,6,5] x) => (float[N,4] y, float[N,4,6,5] z) {{ {'  '.join(text)} }}",
        **{name: data for name, data in _weights(len(chosen)).items() if name in words},
    )
    values = _bounds(ann, chosen, wiring)
    bounds = {"y": values["last"].error, "z": values[other].error}
    sizes = {name: value.size for name, value in values.items()}
    return Network(ann, bounds, tuple(block.op for block in chosen), sizes)


def _weights(count: int) -> dict[str, np.ndarray]:
    weights = {"first": kernel(1, "w"), "bias": dyadic(2, 4, unit=16, limit=4)}
    weights |= {"shared": kernel(3, "w"), "head": np.diag(np.float32([1, -1, -1, 1]))}
    for n in range(count):
        weights |= {
            f"{name}{n}": kernel(10 * n + at, name) for at, name in enumerate(KERNELS)
        }
        weights[f"b{n}"] = dyadic(n, 4, unit=16, limit=4)
        weights[f"p{n}"] = dyadic(n + 50, 4, 1, 1, unit=16, limit=8)
    return CONSTANTS | weights


def _bounds(
    ann: ir.Model, blocks: list[Block], wiring: list[tuple[str, str]]
) -> dict[str | None, Value]:
    """Return the bounds of what the blocks give, of what they hold, and of ``last``."""
    fired = {value.name for value in find_streams(ann.graph).fired}
    values: dict[str | None, Value] = {}

    def add(name: str, size: float, error: float, inner: str = "") -> None:
        is_fired = not fired.isdisjoint({name, inner})
        late = LATE * threshold(size) if is_fired else 0
        values[name] = values[inner] = Value(name, size, error + late)

    add("a", 1.25, 0)
    for n, (block, (i, j)) in enumerate(zip(blocks, wiring, strict=True)):
        add(f"o{n}", *block.bound(values[i], values[j]), inner=f"r{n}")
    add("last", values[f"o{len(blocks) - 1}"].size, values[f"o{len(blocks) - 1}"].error)
    return values
