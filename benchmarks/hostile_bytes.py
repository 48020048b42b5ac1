"""Files of models with bytes that are missing or wrong, and texts that are too deep."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from google.protobuf import json_format, text_format

from benchmarks.hostile_case import NAME, Hostile, network, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx

__all__ = ["flipped", "seeds", "spliced", "text_formats", "truncated"]

_FLIPS = 60
_SPLICES = 60


@functools.cache
def seeds() -> dict[str, bytes]:
    """Return small models with all that files hold: weights, functions, branches, sequences."""
    branches = parsed("""g (float[N,3] x) => (float[N,3] y) {
        c = Constant<value = bool {1}>()
        h = If(c) <then_branch = t () => (float[N,3] a) { a = Relu(x) },
                   else_branch = e () => (float[N,3] b) { b = Neg(x) }>
        k = Constant<value = float[3] {1.0, -2.0, 0.5}>()
        m = Mul(h, k)
        y = Relu(m) }""")
    old = parsed(
        """g (float[1,2,8,8] x) => (float[1,2,4,4] y) {
        w = Constant<value = float[2,2,1,1] {1.0, -2.0, 0.5, 0.25}>()
        h = Conv<kernel_shape = [1, 1]>(x, w)
        r = Relu(h)
        y = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r) }""",
        '<ir_version: 4, opset_import: ["": 9]>',
    )
    sequences = parsed("""g (float[N,4] x) => (float[N,4] y) {
        n = Constant<value_ints = [1, 3]>()
        s = SplitToSequence<axis = 1>(x, n)
        z = Constant<value_int = 1>()
        a = SequenceAt(s, z)
        p = Constant<value_ints = [0, 1, 0, 0]>()
        b = Pad(a, p)
        y = Relu(b) }""")
    digits = Path(__file__).parents[1] / "examples" / "digits" / "digits.onnx"
    models: dict[str, onnx.ModelProto] = {
        "network": network(),
        "branches": branches,
        "old": old,
        "sequences": sequences,
    }
    found = {name: model.SerializeToString() for name, model in models.items()}
    if digits.exists():
        found["digits"] = digits.read_bytes()
    return found


def _bytes(name: str, data: bytes, file: str = NAME) -> Hostile:
    return Hostile(name, lambda folder: folder.joinpath(file).write_bytes(data), file)


def truncated() -> Iterator[Hostile]:
    """Give each model cut off at every percent."""
    for name, data in seeds().items():
        for percent in range(100):
            yield _bytes(f"{name} at {percent} %", data[: len(data) * percent // 100])


def flipped() -> Iterator[Hostile]:
    """Give each model with one to four bits flipped."""
    for name, data in seeds().items():
        for seed in range(_FLIPS):
            generator = np.random.default_rng(seed)
            changed = bytearray(data)
            for place in generator.integers(0, len(data), 1 + seed % 4):
                changed[place] ^= 1 << int(generator.integers(8))
            yield _bytes(f"{name}, seed {seed}", bytes(changed))


def spliced() -> Iterator[Hostile]:
    """Give each model with a piece of a model in the place of another piece, or repeated."""
    known = list(seeds().values())
    for name, data in seeds().items():
        for seed in range(_SPLICES):
            generator = np.random.default_rng(seed)
            other = known[int(generator.integers(len(known)))]
            start, size = generator.integers(0, len(other)), generator.integers(1, 64)
            place, gone = generator.integers(0, len(data)), generator.integers(0, 64)
            piece = other[start : start + size]
            yield _bytes(
                f"{name}, seed {seed}", data[:place] + piece + data[place + gone :]
            )


_DEPTHS = (50, 500, 5_000, 100_000)


def text_formats() -> Iterator[Hostile]:
    """Give texts of the four formats that are broken, or nested deeply."""
    for depth in _DEPTHS:
        opened = "if { " * depth
        nested = "y = If(c) <then_branch = t () => (float[1] y) { " * depth
        types = "seq(" * depth + "float" + ")" * depth
        head = '<ir_version: 8, opset_import: ["": 17]>'
        yield _bytes(
            f"If in If, {depth}",
            f"{head} g (bool c) => (float[1] y) {{ {nested}".encode(),
            "m.onnxtxt",
        )
        yield _bytes(
            f"type in type, {depth}",
            f"{head} g ({types} x) => (float[1] y) {{ y = Relu(x) }}".encode(),
            "m.onnxtxt",
        )
        yield _bytes(
            f"optional in type, {depth}",
            f"{head} g ({types.replace('seq', 'optional')} x) => (float[1] y) {{ y = Relu(x) }}".encode(),
            "m.onnxtxt",
        )
        yield _bytes(f"brackets, {depth}", ("<" * depth).encode(), "m.onnxtxt")
        yield _bytes(
            f"attributes, {depth}",
            f"{head} g () => () {{ y = F<a = {'[' * depth}".encode(),
            "m.onnxtxt",
        )
        yield _bytes(f"message in message, {depth}", opened.encode(), "m.pbtxt")
        yield _bytes(
            f"graph in graph, {depth}",
            (
                "graph { node { attribute { g { " + "node { attribute { g { " * depth
            ).encode(),
            "m.textproto",
        )
        yield _bytes(
            f"object in object, {depth}", ('{"graph":' * depth).encode(), "m.json"
        )
        yield _bytes(f"array in array, {depth}", ("[" * depth).encode(), "m.json")
    model = network()
    texts = {
        "m.json": json_format.MessageToJson(model),
        "m.pbtxt": text_format.MessageToString(model),
        "m.onnxtxt": '<ir_version: 8, opset_import: ["": 17]> g (float[N,3] x) => (float[N,3] y) { y = Relu(x) }',
    }
    for file, text in texts.items():
        yield _bytes(f"fine {file}", text.encode(), file)
        yield _bytes(f"empty {file}", b"", file)
        yield _bytes(f"binary {file}", model.SerializeToString(), file)
        yield _bytes(f"half {file}", text.encode()[: len(text) // 2], file)
        yield _bytes(f"not UTF-8 {file}", b"\xff\xfe" + text.encode(), file)
        yield _bytes(f"NUL {file}", text.replace("Relu", "Re\0lu").encode(), file)
        yield _bytes(f"text as binary {file}", text.encode())
        yield _bytes(
            f"escape {file}", text.replace("Relu", "\x1b]0;t\x07").encode(), file
        )
