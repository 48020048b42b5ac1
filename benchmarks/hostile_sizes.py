"""Small files that ask for much memory or time."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

from benchmarks.hostile_case import Hostile, from_proto, from_text, model_of, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["declared_sizes", "endless_work"]

_SIZES = (10**8, 10**9, 10**12, 2**40, 2**62)
_SHAPES = (
    "1,3,1000000,1000000",
    "1000000000,3,8,8",
    "4611686018427387904,4",
    "1,3,0,8",
)
_MAKERS = {
    "ConstantOfShape": "c = ConstantOfShape(n)",
    "ConstantOfShape2": "c0 = Concat<axis=0>(n, n) c1 = ConstantOfShape(c0) a = Constant<value_ints=[1]>() c = ReduceMax<axes=[1], keepdims=0>(c1)",
    "Expand": "s = Constant<value_float=1.5>() c = Expand(s, n)",
    "Tile": "s = Constant<value_floats=[1.5]>() c = Tile(s, n)",
    "Range": "z = Constant<value_int=0>() o = Constant<value_int=1>() q = Squeeze(n) r = Range(z, q, o) c = Cast<to=1>(r)",
    "Pad": "s = Constant<value_floats=[1.5]>() z = Constant<value_ints=[0]>() p = Concat<axis=0>(z, n) c = Pad(s, p)",
    "Reshape": "s = ConstantOfShape(n) m = Constant<value_ints=[-1]>() c = Reshape(s, m)",
    "EyeLike": "m = Constant<value_ints=[2]>() k = Concat<axis=0>(n, n) s = ConstantOfShape(k) e = EyeLike(s) c = ReduceMax<axes=[1], keepdims=0>(e)",
    "HannWindow": "q = Squeeze(n) c = HannWindow(q)",
    "HammingWindow": "q = Squeeze(n) c = HammingWindow(q)",
    "BlackmanWindow": "q = Squeeze(n) c = BlackmanWindow(q)",
    "OneHot": "i = Constant<value_ints=[1]>() v = Constant<value_floats=[0.0,1.0]>() h = OneHot(i, n, v) c = Squeeze(h)",
    "RandomNormal": "s = ConstantOfShape(n) r = RandomNormalLike<dtype=1>(s) c = Relu(r)",
    "Resize": "s = Constant<value_floats=[1.5]>() c = Resize(s, , , n)",
    "SequenceEmpty": "s = ConstantOfShape(n) q = SequenceConstruct(s, s) c = ConcatFromSequence<axis=0>(q)",
}
_READERS = {
    "sum": "t = ReduceSum<keepdims=0>(c) y0 = Add(x, t) y = Relu(y0)",
    "mul": "h = Constant<value_float=0.5>() c2 = Mul(c, h) t = ReduceMax<keepdims=0>(c2) y0 = Add(x, t) y = Relu(y0)",
}


def declared_sizes() -> Iterator[Hostile]:
    """Give models that declare more numbers than anybody has memory for."""
    for size, (op, make), (how, read) in itertools.product(
        _SIZES, _MAKERS.items(), _READERS.items()
    ):
        body = f"n = Constant<value_ints=[{size}]>() {make} {read}"
        text = f"g (float[2,3] x) => (float[2,3] y) {{ {body} }}"
        yield from_text(f"{op} {how} {size}", text)
    for shape in (*_SHAPES, *map(str, _SIZES)):
        yield from_text(
            f"input [{shape}]",
            f"g (float[{shape}] x) => (float[{shape}] y) {{ y = Relu(x) }}",
        )
        body = "h = Constant<value_float=0.5>() m = Mul(x, h) y = Relu(m)"
        yield from_text(
            f"input [{shape}] Mul",
            f"g (float[{shape}] x) => (float[{shape}] y) {{ {body} }}",
        )
    yield from_text(
        "fine Range",
        """g (float[2,3] x) => (float[2,3] y) {
        a = Constant<value_float=0.0>() b = Constant<value_float=1.0>() c = Constant<value_float=1e-12>()
        r = Range(a, b, c) t = ReduceMax<keepdims=0>(r) z = Add(x, t) y = Relu(z) }""",
    )
    for dims in (
        [10**6, 10**6],
        [2**62, 2**62],
        [-4, 4],
        [2**31, 2**31, 2**31],
        [10**12],
        [0, 5],
    ):
        yield from_proto(f"initializer {dims}", lambda dims=dims: _initializer(dims))
        yield from_proto(f"Constant {dims}", lambda dims=dims: _constant(dims))
    yield from _windows()
    yield from _computed()


def _initializer(dims: list[int]) -> onnx.ModelProto:
    tensor = onnx.TensorProto(
        name="w", dims=dims, data_type=1, raw_data=b"\0\0\x80\x3f" * 4
    )
    add = helper.make_node("Add", ["x", "w"], ["h"])
    relu = helper.make_node("Relu", ["h"], ["y"])
    return model_of(add, relu, initializer=[tensor])


def _constant(dims: list[int]) -> onnx.ModelProto:
    tensor = onnx.TensorProto(name="w", dims=dims, data_type=1, float_data=[1.0] * 4)
    given = helper.make_node("Constant", [], ["w"], value=tensor)
    add = helper.make_node("Add", ["x", "w"], ["h"])
    relu = helper.make_node("Relu", ["h"], ["y"])
    return model_of(given, add, relu)


def _windows() -> Iterator[Hostile]:
    """Give layers whose attributes are as large as numbers get."""
    for size in (10**5, 2**31, 2**62):
        for name, attributes in {
            "pads": f"pads=[{size},{size},{size},{size}], kernel_shape=[2,2]",
            "kernel": f"kernel_shape=[{size},{size}]",
            "dilations": f"kernel_shape=[2,2], dilations=[{size},{size}]",
            "strides": f"kernel_shape=[2,2], strides=[{size},{size}]",
        }.items():
            for op in ("MaxPool", "AveragePool"):
                body = f"p = {op}<{attributes}>(x) y = Relu(p)"
                yield from_text(
                    f"{op} {name} {size:.0e}",
                    f"g (float[1,2,8,8] x) => (float[N,2,H,W] y) {{ {body} }}",
                )
        for name, attributes in {
            "pads": f"pads=[{size},{size},{size},{size}]",
            "dilations": f"dilations=[{size},{size}]",
            "group": f"group={size}",
            "output_padding": f"output_padding=[{size},{size}], strides=[{size},{size}]",
        }.items():
            for op in ("Conv", "ConvTranspose"):
                if op == "Conv" and name == "output_padding":
                    continue
                body = f"w0 = Constant<value_floats=[1.0]>() s = Constant<value_ints=[2,2,2,2]>() w = Expand(w0, s) p = {op}<{attributes}>(x, w) y = Relu(p)"
                yield from_text(
                    f"{op} {name} {size:.0e}",
                    f"g (float[1,2,8,8] x) => (float[N,2,H,W] y) {{ {body} }}",
                )


def _computed() -> Iterator[Hostile]:
    """Give models whose sizes come from the shapes of other values."""
    yield from_text(
        "square of a shape",
        """g (float[100000,2] x) => (float[N] y) {
        s = Shape(x) m = Mul(s, s) c = Constant<value_float=1.0>() e = Expand(c, m)
        a = Constant<value_ints=[-1]>() f = Reshape(e, a) h = Mul(f, c) y = Relu(h) }""",
    )
    yield from_text(
        "Resize by 1e6",
        """g (float[1,2,8,8] x) => (float[A,B,C,D] y) {
        s = Constant<value_floats=[1.0,1.0,1000000.0,1000000.0]>() r = Resize(x, , s) y = Relu(r) }""",
    )
    yield from_text(
        "Tile of the input",
        """g (float[2,3] x) => (float[A,B] y) {
        n = Constant<value_ints=[1000000,1000000]>() r = Tile(x, n) y = Relu(r) }""",
    )
    yield from_text(
        "Pad of the input",
        """g (float[2,3] x) => (float[A,B] y) {
        n = Constant<value_ints=[0,0,1000000000,1000000000]>() r = Pad(x, n) y = Relu(r) }""",
    )
    yield from_text(
        "DepthToSpace",
        """g (float[1,2,8,8] x) => (float[A,B,C,D] y) {
        r = DepthToSpace<blocksize=4611686018427387904>(x) y = Relu(r) }""",
    )
    yield from_text(
        "Upsample",
        """g (float[1,2,8,8] x) => (float[A,B,C,D] y) {
        s = Constant<value = float[4] {1,1,1000000,1000000}>() r = Upsample(x, s) y = Relu(r) }""",
        '<ir_version: 8, opset_import: ["": 9]>',
    )
    for rows in (5, 200):
        yield from_proto(f"wide layer {rows}k", lambda rows=rows: _wide(rows * 1000))


def _wide(channels: int) -> onnx.ModelProto:
    """Return a layer of few weights and many channels."""
    weights = np.linspace(-1, 1, 3 * channels, dtype=np.float32).reshape(3, channels)
    down = np.linspace(-1, 1, channels, dtype=np.float32).reshape(channels, 1)
    model = parsed(
        "g (float[2,3] x) => (float[2,1] y) { h = MatMul(x, w) r = Relu(h) y = MatMul(r, d) }"
    )
    model.graph.initializer.append(numpy_helper.from_array(weights, "w"))
    model.graph.initializer.append(numpy_helper.from_array(down, "d"))
    return model


def endless_work() -> Iterator[Hostile]:
    """Give models that run for ever, or grow by doubling."""
    for count in (20, 36, 62):
        start = "k0 = Constant<value_floats=[1.0,2.0]>() "
        body = start + " ".join(
            f"k{i + 1} = Concat<axis=0>(k{i}, k{i})" for i in range(count)
        )
        yield from_text(
            f"constant doubled {count} times",
            f"g (float[2,3] x) => (float[2,3] y) {{ {body} t = ReduceMax<keepdims=0>(k{count}) z = Add(x, t) y = Relu(z) }}",
        )
        body = "k0 = Identity(x) " + " ".join(
            f"k{i + 1} = Concat<axis=0>(k{i}, k{i})" for i in range(count)
        )
        yield from_text(
            f"input doubled {count} times",
            f"g (float[2,3] x) => (float[A,B] y) {{ {body} y = Relu(k{count}) }}",
        )
        body = "k0 = Identity(x) " + " ".join(
            f"k{i + 1} = Add(k{i}, k{i})" for i in range(count)
        )
        yield from_text(
            f"sum doubled {count} times",
            f"g (float[2,3] x) => (float[2,3] y) {{ {body} y = Relu(k{count}) }}",
        )
    for depth in (10, 40, 200):
        yield from_proto(
            f"functions doubled {depth} deep", lambda depth=depth: _functions(depth)
        )
    for turns in (10**6, 10**12, 2**62):
        yield from_text(
            f"Loop {turns:.0e}",
            f"""g (float[2,3] x) => (float[2,3] y) {{
            n = Constant<value_int={turns}>() t = Constant<value = bool {{1}}>()
            l = Loop(n, t, x) <body = b (int64 i, bool c, float[2,3] a) => (bool d, float[2,3] e) {{
                d = Identity(c) e = Neg(a) }}>
            y = Relu(l) }}""",
        )
        yield from_text(
            f"Loop with scan output {turns:.0e}",
            f"""g (float[2,3] x) => (float[A,2,3] y) {{
            n = Constant<value_int={turns}>() t = Constant<value = bool {{1}}>()
            l, s = Loop(n, t, x) <body = b (int64 i, bool c, float[2,3] a) => (bool d, float[2,3] e, float[2,3] f) {{
                d = Identity(c) e = Neg(a) f = Identity(a) }}>
            y = Relu(s) }}""",
        )
    yield from_text(
        "Loop without an end",
        """g (float[2,3] x) => (float[2,3] y) {
        t = Constant<value = bool {1}>()
        l = Loop(, t, x) <body = b (int64 i, bool c, float[2,3] a) => (bool d, float[2,3] e) {
            d = Identity(c) e = Neg(a) }>
        y = Relu(l) }""",
    )
    yield from_text(
        "Loop that grows",
        """g (float[2,3] x) => (float[A,3] y) {
        n = Constant<value_int=60>() t = Constant<value = bool {1}>()
        l = Loop(n, t, x) <body = b (int64 i, bool c, float[P,3] a) => (bool d, float[Q,3] e) {
            d = Identity(c) e = Concat<axis=0>(a, a) }>
        y = Relu(l) }""",
    )
    yield from_proto("nested Loops", lambda: parsed(_nested_loops(6)))
    axes = 12
    factors = " ".join(
        f"s{i} = Constant<value_ints=[{','.join('8' if j == i else '1' for j in range(axes))}]>() o{i} = ConstantOfShape<value=float[1] {{1.0}}>(s{i})"
        for i in range(axes)
    )
    product = "p0 = Add(o0, z) " + " ".join(
        f"p{i} = Mul(p{i - 1}, o{i})" for i in range(1, axes)
    )
    yield from_text(
        "product over 12 axes",
        f"g (float[2,3] x) => (float[2,3] y) {{ {factors} z = ReduceSum<keepdims=0>(x) {product} t = ReduceMax<keepdims=0>(p{axes - 1}) q = Add(x, t) y = Relu(q) }}",
    )
    yield from_text(
        "large product",
        """g (float[2,3] x) => (float[2,3] y) {
        s = Constant<value_ints=[30000,30000]>() o = ConstantOfShape<value=float[1] {0.5}>(s)
        z = ReduceSum<keepdims=0>(x) a = Add(o, z) m = MatMul(a, a) t = ReduceMax<keepdims=0>(m) q = Add(x, t) y = Relu(q) }""",
    )


def _functions(depth: int) -> onnx.ModelProto:
    """Return a model whose functions each call the next one twice."""
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    functions = []
    for level in range(depth):
        op, domain = (f"F{level + 1}", "f") if level + 1 < depth else ("Relu", "")
        nodes = [
            helper.make_node(op, ["a"], ["h"], domain=domain),
            helper.make_node(op, ["h"], ["b"], domain=domain),
        ]
        functions.append(
            helper.make_function("f", f"F{level}", ["a"], ["b"], nodes, opset)
        )
    model = model_of(helper.make_node("F0", ["x"], ["y"], domain="f"))
    model.opset_import.append(helper.make_opsetid("f", 1))
    model.functions.extend(functions)
    return model


def _nested_loops(depth: int) -> str:
    body = "e0 = Neg(a0)"
    for level in range(depth):
        body = f"""n{level} = Constant<value_int=1000>() t{level} = Constant<value = bool {{1}}>()
            e{level + 1} = Loop(n{level}, t{level}, a{level + 1}) <body = b{level}
            (int64 i{level}, bool c{level}, float[2,3] a{level}) => (bool d{level}, float[2,3] e{level}) {{
            d{level} = Identity(c{level}) {body} }}>"""
    return f"g (float[2,3] a{depth}) => (float[2,3] y) {{ {body} y = Relu(e{depth}) }}"
