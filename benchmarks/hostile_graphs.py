"""Graphs that break ONNX's rules, or stand at their edge."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.hostile_case import (
    Hostile,
    from_proto,
    from_text,
    model_of,
    network,
    parsed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["broken_rules", "deep_and_long", "numbers", "types", "versions"]

_HEAD = "g (float[2,3] x) => (float[2,3] y)"


def _node(op: str, inputs: str, outputs: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def _value(
    name: str, shape: list[int | str] | None, kind: int = 1
) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def broken_rules() -> Iterator[Hostile]:
    """Give graphs whose nodes, names and functions do not fit together."""
    relu = _node("Relu", "x", "y")
    add = lambda a, b, c: _node("Add", f"{a} {b}", c)  # noqa: E731
    weight = numpy_helper.from_array(np.ones((2, 3), np.float32), "w")
    made: dict[str, Callable[[], onnx.ModelProto]] = {
        "circle of two": lambda: model_of(
            add("x", "b", "a"), add("a", "x", "b"), _node("Relu", "b", "y")
        ),
        "circle of itself": lambda: model_of(
            add("x", "a", "a"), _node("Relu", "a", "y")
        ),
        "circle that nobody reads": lambda: model_of(
            add("b", "b", "a"), add("a", "a", "b"), relu
        ),
        "backwards": lambda: model_of(_node("Relu", "h", "y"), _node("Neg", "x", "h")),
        "undefined value": lambda: model_of(
            add("x", "nowhere", "a"), _node("Relu", "a", "y")
        ),
        "undefined output": lambda: model_of(_node("Relu", "x", "z")),
        "undefined in a branch": lambda: _if(_node("Relu", "nowhere", "a")),
        "value made twice": lambda: model_of(
            _node("Neg", "x", "h"), _node("Abs", "x", "h"), _node("Relu", "h", "y")
        ),
        "node writes an input": lambda: model_of(_node("Neg", "x", "x"), relu),
        "node writes an initializer": lambda: model_of(
            _node("Neg", "x", "w"),
            add("x", "w", "h"),
            _node("Relu", "h", "y"),
            initializer=[weight],
        ),
        "initializer twice": lambda: model_of(
            add("x", "w", "h"), _node("Relu", "h", "y"), initializer=[weight, weight]
        ),
        "input twice": lambda: model_of(
            relu, inputs=[_value("x", [2, 3]), _value("x", [2, 3])]
        ),
        "output twice": lambda: model_of(
            relu, outputs=[_value("y", None), _value("y", None)]
        ),
        "node name twice": lambda: model_of(
            helper.make_node("Neg", ["x"], ["h"], name="n"),
            helper.make_node("Relu", ["h"], ["y"], name="n"),
        ),
        "output is an input": lambda: model_of(
            relu, outputs=[_value("y", None), _value("x", [2, 3])]
        ),
        "output is an initializer": lambda: model_of(
            relu, outputs=[_value("y", None), _value("w", [2, 3])], initializer=[weight]
        ),
        "empty graph": model_of,
        "no graph": lambda: onnx.ModelProto(ir_version=8),
        "no outputs": lambda: model_of(relu, outputs=[]),
        "no inputs": lambda: model_of(
            _node("Relu", "w", "y"), inputs=[], initializer=[weight]
        ),
        "output without shape or type": lambda: model_of(
            relu, outputs=[onnx.ValueInfoProto(name="y")]
        ),
        "input without type": lambda: model_of(
            relu, inputs=[onnx.ValueInfoProto(name="x")]
        ),
        "empty names": lambda: model_of(
            _node("Relu", "x", "y"), inputs=[_value("", [2, 3]), _value("x", [2, 3])]
        ),
        "output with an empty name": lambda: model_of(
            helper.make_node("Relu", ["x"], [""]), relu
        ),
        "initializer without a name": lambda: model_of(
            relu, initializer=[numpy_helper.from_array(np.ones(2, np.float32))]
        ),
        "no op type": lambda: model_of(_node("", "x", "y")),
        "unknown op": lambda: model_of(_node("Nothing", "x", "y")),
        "unknown domain": lambda: model_of(
            helper.make_node("Nothing", ["x"], ["y"], domain="nobody")
        ),
        "escape in a name": lambda: model_of(
            helper.make_node("Nothing", ["x"], ["y"], name="\x1b]0;title\x07")
        ),
        "escape in an op": lambda: model_of(_node("\x1b[31mRelu", "x", "y")),
        "escape in a domain": lambda: model_of(
            helper.make_node("Relu", ["x"], ["y"], domain="\x1b[31mred")
        ),
        "newline in a value": lambda: model_of(
            helper.make_node("Neg", ["x"], ["a\nb"]),
            helper.make_node("Relu", ["a\nb"], ["y"]),
        ),
        "name of a million letters": lambda: model_of(
            helper.make_node("Neg", ["x"], ["h" * 10**6]),
            helper.make_node("Relu", ["h" * 10**6], ["y"]),
        ),
        "op of 100,000 letters": lambda: model_of(_node("R" * 10**5, "x", "y")),
        "too many inputs": lambda: model_of(_node("Relu", "x x x", "y")),
        "too few inputs": lambda: model_of(
            _node("Add", "x", "h"), _node("Relu", "h", "y")
        ),
        "no inputs of a node": lambda: model_of(helper.make_node("Relu", [], ["y"])),
        "too many outputs": lambda: model_of(_node("Relu", "x", "y z")),
        "no outputs of a node": lambda: model_of(
            helper.make_node("Neg", ["x"], []), relu
        ),
        "left out input": lambda: model_of(
            helper.make_node("Add", ["", "x"], ["h"]), _node("Relu", "h", "y")
        ),
        "branches of 2 outputs and 1": lambda: _if(_node("Relu", "x", "a"), more=True),
        "branch without a graph": lambda: model_of(
            _node("If", "x", "h"), _node("Relu", "h", "y")
        ),
        "If on a float": lambda: _if(
            _node("Relu", "x", "a"), condition=np.array(0.5, np.float32)
        ),
        "If on a vector": lambda: _if(
            _node("Relu", "x", "a"), condition=np.array([True, False])
        ),
        "function calls itself": lambda: _function(
            [helper.make_node("F", ["a"], ["b"], domain="f")]
        ),
        "function without nodes": lambda: _function([]),
        "function without its output": lambda: _function([_node("Relu", "a", "c")]),
        "function named Relu": lambda: _function(
            [_node("Neg", "a", "b")], domain="", name="Relu"
        ),
        "function twice": _twice,
        "function of another opset": lambda: _function(
            [_node("Relu", "a", "b")], opset=12
        ),
        "function without opsets": lambda: _function(
            [_node("Relu", "a", "b")], opset=None
        ),
        "functions in a circle": _circle,
        "function reads outside": lambda: _function([_node("Add", "a x", "b")]),
        "attribute twice": lambda: _attributes("alpha", "alpha"),
        "attribute without a type": lambda: _attribute(
            onnx.AttributeProto(name="alpha", f=0.5)
        ),
        "attribute without a value": lambda: _attribute(
            onnx.AttributeProto(name="alpha", type=1)
        ),
        "attribute of another type": lambda: _attribute(
            helper.make_attribute("alpha", "half")
        ),
        "attribute of type 99": lambda: _attribute_of_type(99),
        "attribute without a name": lambda: _attribute(
            onnx.AttributeProto(type=1, f=0.5)
        ),
        "reference outside a function": lambda: _attribute(
            onnx.AttributeProto(name="alpha", type=1, ref_attr_name="a")
        ),
        "tensor with two kinds of data": _two_kinds,
        "tensor too short": lambda: _raw(b"\0" * 4),
        "tensor too long": lambda: _raw(b"\0" * 400),
        "tensor of no data": lambda: _raw(b""),
        "quantization of nothing": _quantization,
        "training info": _training,
        "metadata twice": _metadata,
    }
    for name, make in made.items():
        yield from_proto(name, make)
    texts = {
        "SequenceErase behind the end": "p = Constant<value_int=9>() s = SequenceConstruct(x) e = SequenceErase(s, p) z = Constant<value_int=0>() a = SequenceAt(e, z) y = Relu(a)",
        "SequenceErase far below 0": "p = Constant<value_int=-9>() s = SequenceConstruct(x, x) e = SequenceErase(s, p) z = Constant<value_int=0>() a = SequenceAt(e, z) y = Relu(a)",
        "SequenceInsert behind the end": "p = Constant<value_int=9>() s = SequenceConstruct(x) e = SequenceInsert(s, x, p) z = Constant<value_int=0>() a = SequenceAt(e, z) y = Relu(a)",
        "SequenceAt behind the end": "p = Constant<value_int=9>() s = SequenceConstruct(x) a = SequenceAt(s, p) y = Relu(a)",
        "SplitToSequence 0": "p = Constant<value_int=0>() s = SplitToSequence<axis=1>(x, p) z = Constant<value_int=0>() a = SequenceAt(s, z) y = Relu(a)",
        "SplitToSequence -1": "p = Constant<value_int=-1>() s = SplitToSequence<axis=1>(x, p) z = Constant<value_int=0>() a = SequenceAt(s, z) y = Relu(a)",
        "SplitToSequence of a wrong sum": "p = Constant<value_ints=[1,9]>() s = SplitToSequence<axis=1>(x, p) z = Constant<value_int=0>() a = SequenceAt(s, z) y = Relu(a)",
        "Split of a wrong sum": "p = Constant<value_ints=[1,9]>() a, b = Split<axis=1>(x, p) y = Relu(a)",
        "Split below 0": "p = Constant<value_ints=[-1,4]>() a, b = Split<axis=1>(x, p) y = Relu(b)",
        "axis behind the end": "a = Concat<axis=7>(x, x) y = Relu(a)",
        "Softmax axis": "a = Softmax<axis=7>(x) y = Relu(a)",
        "Transpose of wrong axes": "a = Transpose<perm=[0,0]>(x) y = Relu(a)",
        "Transpose of more axes": "a = Transpose<perm=[0,1,2,3]>(x) y = Relu(a)",
        "Gather behind the end": "i = Constant<value_ints=[99]>() a = Gather<axis=1>(x, i) y = Relu(a)",
        "Reshape that does not fit": "i = Constant<value_ints=[7]>() a = Reshape(x, i) y = Relu(a)",
        "Reshape of two -1": "i = Constant<value_ints=[-1,-1]>() a = Reshape(x, i) y = Relu(a)",
        "Reshape to -5": "i = Constant<value_ints=[-5,3]>() a = Reshape(x, i) y = Relu(a)",
        "Unsqueeze twice": "i = Constant<value_ints=[0,0]>() a = Unsqueeze(x, i) y = Relu(a)",
        "Squeeze of 3": "i = Constant<value_ints=[1]>() a = Squeeze(x, i) y = Relu(a)",
        "Cast to 99": "a = Cast<to=99>(x) b = Cast<to=1>(a) y = Relu(b)",
        "Cast to 0": "a = Cast<to=0>(x) b = Cast<to=1>(a) y = Relu(b)",
        "Slice by 0": "i = Constant<value_ints=[0]>() j = Constant<value_ints=[1]>() a = Slice(x, i, j, i, i) y = Relu(a)",
        "TopK of 0": "i = Constant<value_ints=[0]>() a, b = TopK(x, i) y = Relu(a)",
        "TopK of 99": "i = Constant<value_ints=[99]>() a, b = TopK(x, i) y = Relu(a)",
        "Relu of a scalar": "a = ReduceSum<keepdims=0>(x) y = Relu(a)",
        "Relu of a vector": "i = Constant<value_ints=[-1]>() a = Reshape(x, i) y = Relu(a)",
        "Range by 0": "a = Constant<value_float=0.0>() b = Constant<value_float=1.0>() r = Range(a, b, a) t = ReduceSum<keepdims=0>(r) z = Add(x, t) y = Relu(z)",
        "Einsum of nothing": 'a = Einsum<equation="">(x) y = Relu(a)',
        "Einsum of nonsense": 'a = Einsum<equation="ij,,->->q">(x) y = Relu(a)',
        "Constant without a value": "c = Constant() z = Add(x, c) y = Relu(z)",
        "only slices outside": "i = Constant<value_ints=[100]>() j = Constant<value_ints=[200]>() k = Constant<value_ints=[1]>() a = Slice(x, i, j, k) y = Relu(a)",
        "Gemm of a vector": "i = Constant<value_floats=[1.0,2.0,3.0]>() a = Gemm(x, i) y = Relu(a)",
        "MatMul of other sizes": "i = Constant<value = float[4,2] {1,2,3,4,5,6,7,8}>() a = MatMul(x, i) y = Relu(a)",
        "Dropout of 2": "r = Constant<value_float=2.0>() t = Constant<value = bool {1}>() a, m = Dropout(x, r, t) y = Relu(a)",
        "Loop without inputs": "y = Loop<body = b () => () { }>()",
        "Scan of nothing": "y = Scan<body = b () => () { }, num_scan_inputs = 1>(x)",
        "LSTM without weights": "y = LSTM<hidden_size=3>(x)",
        "LSTM of hidden size 0": "w = Constant<value = float[1,4,3] {1,2,3,4,5,6,7,8,9,10,11,12}>() y = LSTM<hidden_size=0>(x, w, w)",
        "InstanceNormalization of a matrix": "i = Constant<value_floats=[1.0,2.0,3.0]>() a = InstanceNormalization(x, i, i) y = Relu(a)",
        "BatchNormalization of other sizes": "i = Constant<value_floats=[1.0,2.0]>() a = BatchNormalization(x, i, i, i, i) y = Relu(a)",
        "Conv of a matrix": "w = Constant<value = float[1,1,1,1] {1}>() a = Conv(x, w) y = Relu(a)",
        "group 0": "w = Constant<value = float[1,1,1,1] {1}>() i = Constant<value_ints=[1,2,3,1]>() b = Reshape(x, i) a = Conv<group=0>(b, w) y = Relu(a)",
        "group of the wrong size": "w = Constant<value = float[1,1,1,1] {1}>() i = Constant<value_ints=[1,2,3,1]>() b = Reshape(x, i) a = Conv<group=7>(b, w) y = Relu(a)",
    }
    for name, body in texts.items():
        yield from_text(name, f"g (float[2,3] x) => (float[A,B] y) {{ {body} }}")


def _if(
    node: onnx.NodeProto, *, more: bool = False, condition: np.ndarray | None = None
) -> onnx.ModelProto:
    name = node.output[0]
    then = helper.make_graph([node], "t", [], [_value(name, [2, 3])])
    if more:
        then.output.append(_value("x", [2, 3]))
    other = helper.make_graph([_node("Neg", "x", "o")], "e", [], [_value("o", [2, 3])])
    yes = np.array(1, bool) if condition is None else condition
    branch = helper.make_node("If", ["c"], ["h"], then_branch=then, else_branch=other)
    return model_of(
        branch, _node("Relu", "h", "y"), initializer=[numpy_helper.from_array(yes, "c")]
    )


def _function(
    nodes: list[onnx.NodeProto],
    domain: str = "f",
    name: str = "F",
    opset: int | None = 17,
) -> onnx.ModelProto:
    imports = [] if opset is None else [helper.make_opsetid("", opset)]
    model = model_of(
        helper.make_node(name, ["x"], ["h"], domain=domain), _node("Relu", "h", "y")
    )
    model.functions.append(
        helper.make_function(domain, name, ["a"], ["b"], nodes, imports)
    )
    if domain:
        model.opset_import.append(helper.make_opsetid(domain, 1))
    return model


def _twice() -> onnx.ModelProto:
    model = _function([_node("Relu", "a", "b")])
    model.functions.append(model.functions[0])
    return model


def _circle() -> onnx.ModelProto:
    model = _function([helper.make_node("G", ["a"], ["b"], domain="f")])
    back = [helper.make_node("F", ["a"], ["b"], domain="f")]
    model.functions.append(helper.make_function("f", "G", ["a"], ["b"], back, []))
    return model


def _attributes(*names: str) -> onnx.ModelProto:
    node = _node("LeakyRelu", "x", "y")
    node.attribute.extend(helper.make_attribute(name, 0.5) for name in names)
    return model_of(node)


def _attribute(attribute: onnx.AttributeProto) -> onnx.ModelProto:
    node = _node("LeakyRelu", "x", "y")
    node.attribute.append(attribute)
    return model_of(node)


def _attribute_of_type(kind: int) -> bytes:
    """Return a model whose attribute has a type that protobuf has no name for."""
    model = _attribute(onnx.AttributeProto(name="alpha", type=1, f=0.5))
    data = model.SerializeToString()
    return data.replace(b"\xa0\x01\x01", b"\xa0\x01" + bytes([kind]))


def _with_tensor(tensor: onnx.TensorProto) -> onnx.ModelProto:
    return model_of(
        _node("Add", "x w", "h"), _node("Relu", "h", "y"), initializer=[tensor]
    )


def _two_kinds() -> onnx.ModelProto:
    tensor = numpy_helper.from_array(np.ones((2, 3), np.float32), "w")
    tensor.float_data.extend([1.0] * 6)
    return _with_tensor(tensor)


def _raw(data: bytes) -> onnx.ModelProto:
    return _with_tensor(TensorProto(name="w", dims=[2, 3], data_type=1, raw_data=data))


def _quantization() -> onnx.ModelProto:
    model = model_of(_node("Relu", "x", "y"))
    note = model.graph.quantization_annotation.add(tensor_name="nowhere")
    note.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="nothing")
    return model


def _training() -> onnx.ModelProto:
    model = network()
    model.training_info.add().initialization.CopyFrom(model.graph)
    return model


def _metadata() -> onnx.ModelProto:
    model = network()
    for _ in range(2):
        model.metadata_props.add(key="a", value="b")
    return model


def types() -> Iterator[Hostile]:
    """Give models whose values are of every type that there is, and of some that there are not."""
    for kind in (*range(30), 99, 2**31 - 1):

        def make(kind: int = kind) -> onnx.ModelProto:
            model = model_of(_node("Relu", "x", "y"))
            model.graph.input[0].type.tensor_type.elem_type = kind
            return model

        yield from_proto(f"input of type {kind}", make)

        def hold(kind: int = kind) -> onnx.ModelProto:
            tensor = TensorProto(
                name="w", dims=[2, 3], data_type=kind, raw_data=b"\0" * 24
            )
            cast = helper.make_node("Cast", ["w"], ["v"], to=1)
            add = _node("Add", "x v", "h")
            return model_of(cast, add, _node("Relu", "h", "y"), initializer=[tensor])

        yield from_proto(f"initializer of type {kind}", hold)

        def give(kind: int = kind) -> onnx.ModelProto:
            model = model_of(
                _node("Relu", "x", "h"), helper.make_node("Cast", ["h"], ["y"], to=kind)
            )
            model.graph.output[0].type.tensor_type.elem_type = kind
            return model

        yield from_proto(f"output of type {kind}", give)

        def hold_constant(kind: int = kind) -> onnx.ModelProto:
            tensor = TensorProto(name="w", dims=[1], data_type=kind)
            given = helper.make_node("Constant", [], ["w"], value=tensor)
            cast = helper.make_node("Cast", ["w"], ["v"], to=1)
            add = _node("Add", "x v", "h")
            return model_of(given, cast, add, _node("Relu", "h", "y"))

        yield from_proto(f"Constant of type {kind} without data", hold_constant)
    tensor_type = helper.make_tensor_type_proto(1, [2, 3])
    compound = {
        "sequence": helper.make_sequence_type_proto(tensor_type),
        "optional": helper.make_optional_type_proto(tensor_type),
        "map": helper.make_map_type_proto(7, tensor_type),
        "sequence of sequences": helper.make_sequence_type_proto(
            helper.make_sequence_type_proto(tensor_type)
        ),
        "optional sequence": helper.make_optional_type_proto(
            helper.make_sequence_type_proto(tensor_type)
        ),
        "sparse tensor": helper.make_sparse_tensor_type_proto(1, [2, 3]),
        "sequence of nothing": onnx.TypeProto(sequence_type=onnx.TypeProto.Sequence()),
        "nothing": onnx.TypeProto(),
    }
    for name, kind_of in compound.items():
        for op, inputs in {
            "SequenceLength": "x",
            "OptionalGetElement": "x",
            "Identity": "x",
            "Relu": "x",
        }.items():
            value = onnx.ValueInfoProto(name="x", type=kind_of)
            yield from_proto(
                f"{name} into {op}",
                lambda value=value, op=op, inputs=inputs: model_of(
                    _node(op, inputs, "h"), _node("Relu", "h", "y"), inputs=[value]
                ),
            )
    for name, dims in {
        "-1": [-1, 3],
        "-5": [-5, 3],
        "0": [0, 3],
        "2**62": [2**62, 3],
        "none": [],
        "60 axes": [1] * 60,
        "empty symbol": ["", 3],
        "escape": ["\x1b[31m", 3],
    }.items():
        yield from_proto(
            f"input of size {name}",
            lambda dims=dims: model_of(
                _node("Relu", "x", "y"), inputs=[_value("x", dims)]
            ),
        )


def versions() -> Iterator[Hostile]:
    """Give a network in versions of the past and of the future."""
    for version in (-(2**31), -1, 0, 1, 2, 3, 4, 8, 10, 13, 14, 99, 2**31, 2**62):

        def of_ir(version: int = version) -> onnx.ModelProto:
            model = network()
            model.ir_version = version
            return model

        yield from_proto(f"IR version {version}", of_ir)
    for version in (
        -(2**62),
        -1,
        0,
        1,
        5,
        6,
        7,
        8,
        9,
        11,
        13,
        17,
        21,
        24,
        26,
        30,
        99,
        2**31,
        2**62,
    ):

        def of_opset(version: int = version) -> onnx.ModelProto:
            model = network()
            model.opset_import[0].version = version
            return model

        yield from_proto(f"opset {version}", of_opset)
    for domains in itertools.permutations(
        [("", 17), ("", 13), ("ai.onnx", 17), ("ai.onnx.ml", 99), ("nobody", 1)], 2
    ):

        def of_domains(
            domains: tuple[tuple[str, int], ...] = domains,
        ) -> onnx.ModelProto:
            model = network()
            del model.opset_import[:]
            model.opset_import.extend(helper.make_opsetid(*each) for each in domains)
            return model

        yield from_proto(f"opsets {domains}", of_domains)

    def without() -> onnx.ModelProto:
        model = network()
        del model.opset_import[:]
        return model

    yield from_proto("no opset", without)
    for opset in (7, 8, 9, 10, 11, 12):
        for op, body in {
            "Upsample": "s = Constant<value = float[4] {1,1,2,2}>() h = Upsample(x, s) y = Relu(h)",
            "BatchNormalization": "s = Constant<value = float[2] {1,2}>() h = BatchNormalization(x, s, s, s, s) y = Relu(h)",
            "Dropout": "h = Dropout<ratio = 0.5>(x) y = Relu(h)",
            "Clip": "h = Clip<min = 0.0, max = 6.0>(x) y = Relu(h)",
            "Softmax": "h = Softmax(x) y = Relu(h)",
        }.items():
            head = f'<ir_version: 4, opset_import: ["": {opset}]>'
            yield from_text(
                f"{op} of opset {opset}",
                f"g (float[1,2,4,4] x) => (float[A,B,C,D] y) {{ {body} }}",
                head,
            )


_NUMBERS = {
    "NaN": math.nan,
    "Inf": math.inf,
    "-Inf": -math.inf,
    "3e38": 3e38,
    "1e-45": 1e-45,
    "0": 0.0,
    "-5": -5.0,
}


def numbers() -> Iterator[Hostile]:
    """Give networks with weights, statistics and attributes that are no sensible numbers."""
    for name, number in _NUMBERS.items():
        for tensor, part in itertools.product(("W", "b", "V"), ("one", "all")):

            def weights(
                number: float = number, tensor: str = tensor, part: str = part
            ) -> onnx.ModelProto:
                model = network()
                (found,) = (
                    each for each in model.graph.initializer if each.name == tensor
                )
                data = numpy_helper.to_array(found).copy()
                data.reshape(-1)[0 if part == "one" else slice(None)] = number
                found.CopyFrom(numpy_helper.from_array(data, tensor))
                return model

            yield from_proto(f"{part} of {tensor} {name}", weights)
        for position, part in enumerate(("scale", "bias", "mean", "variance")):

            def norm(
                number: float = number, position: int = position
            ) -> onnx.ModelProto:
                model = parsed("""g (float[N,3] x) => (float[N,3] y) {
                    h = BatchNormalization(x, p0, p1, p2, p3)
                    y = Relu(h) }""")
                for each in range(4):
                    data = np.array([1.0, 0.5, 2.0], np.float32)
                    if each == position:
                        data[1] = number
                    model.graph.initializer.append(
                        numpy_helper.from_array(data, f"p{each}")
                    )
                return model

            yield from_proto(f"BatchNormalization {part} {name}", norm)
        attributes = {
            "LeakyRelu alpha": ("LeakyRelu", "alpha"),
            "Elu alpha": ("Elu", "alpha"),
            "HardSigmoid alpha": ("HardSigmoid", "alpha"),
            "ThresholdedRelu alpha": ("ThresholdedRelu", "alpha"),
            "BatchNormalization epsilon": ("BatchNormalization", "epsilon"),
            "LayerNormalization epsilon": ("LayerNormalization", "epsilon"),
        }
        for label, (op, attribute) in attributes.items():

            def of_attribute(
                number: float = number, op: str = op, attribute: str = attribute
            ) -> onnx.ModelProto:
                more = {"BatchNormalization": 4, "LayerNormalization": 1}.get(op, 0)
                node = helper.make_node(
                    op, ["x", *["p"] * more], ["h"], **{attribute: number}
                )
                one = numpy_helper.from_array(
                    np.array([1.0, 0.5, 2.0], np.float32), "p"
                )
                return model_of(node, _node("Relu", "h", "y"), initializer=[one])

            yield from_proto(f"{label} {name}", of_attribute)
        for low, high in ((number, 6.0), (0.0, number)):

            def clip(low: float = low, high: float = high) -> onnx.ModelProto:
                bounds = [
                    numpy_helper.from_array(np.array(each, np.float32), f"b{at}")
                    for at, each in enumerate((low, high))
                ]
                return model_of(
                    _node("Clip", "x b0 b1", "h"),
                    _node("Neg", "h", "y"),
                    initializer=bounds,
                )

            yield from_proto(f"Clip {low} {high}", clip)

        def slope(number: float = number) -> onnx.ModelProto:
            held = numpy_helper.from_array(
                np.array([0.1, number, 0.2], np.float32), "s"
            )
            return model_of(_node("PRelu", "x s", "y"), initializer=[held])

        yield from_proto(f"PRelu slope {name}", slope)

        def quantizer(number: float = number) -> onnx.ModelProto:
            scale = numpy_helper.from_array(np.array(number, np.float32), "s")
            zero = numpy_helper.from_array(np.array(3, np.uint8), "z")
            nodes = [
                _node("Relu", "x", "h"),
                _node("QuantizeLinear", "h s z", "q"),
                _node("DequantizeLinear", "q s z", "y"),
            ]
            return model_of(*nodes, initializer=[scale, zero])

        yield from_proto(f"quantizer scale {name}", quantizer)


def deep_and_long() -> Iterator[Hostile]:
    """Give graphs that are nested a thousand deep, or tens of thousands of nodes long."""
    for depth in (10, 100, 1000, 5000):
        yield from_proto(f"If in If, {depth}", lambda depth=depth: _deep_if(depth))
    for length in (2_000, 20_000):
        for op in ("Neg", "Identity"):

            def chain(length: int = length, op: str = op) -> onnx.ModelProto:
                nodes = [
                    _node(op, f"h{at}" if at else "x", f"h{at + 1}")
                    for at in range(length)
                ]
                return model_of(*nodes, _node("Relu", f"h{length}", "y"))

            yield from_proto(f"chain of {length} {op}", chain)
    for length in (50, 200):

        def relus(length: int = length) -> onnx.ModelProto:
            nodes = [
                _node("Relu", f"h{at}" if at else "x", f"h{at + 1}")
                for at in range(length)
            ]
            return model_of(*nodes, _node("Relu", f"h{length}", "y"))

        yield from_proto(f"chain of {length} Relu", relus)

    def fan() -> onnx.ModelProto:
        nodes = [_node("Neg", "x", f"h{at}") for at in range(5000)]
        names = " ".join(f"h{at}" for at in range(5000))
        return model_of(*nodes, _node("Sum", names, "s"), _node("Relu", "s", "y"))

    yield from_proto("sum of 5000 values", fan)
    for depth in (20, 2000):

        def functions(depth: int = depth) -> onnx.ModelProto:
            model = model_of(
                helper.make_node("F0", ["x"], ["h"], domain="f"),
                _node("Relu", "h", "y"),
            )
            model.opset_import.append(helper.make_opsetid("f", 1))
            imports = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
            for level in range(depth):
                last = level + 1 == depth
                body = helper.make_node(
                    "Neg" if last else f"F{level + 1}",
                    ["a"],
                    ["b"],
                    domain="" if last else "f",
                )
                model.functions.append(
                    helper.make_function(
                        "f", f"F{level}", ["a"], ["b"], [body], imports
                    )
                )
            return model

        yield from_proto(f"functions {depth} deep", functions)
    for count in (5_000,):

        def initializers(count: int = count) -> onnx.ModelProto:
            held = [
                numpy_helper.from_array(np.ones(1, np.float32), f"w{at}")
                for at in range(count)
            ]
            return model_of(_node("Relu", "x", "y"), initializer=held)

        yield from_proto(f"{count} unread initializers", initializers)


def _deep_if(depth: int) -> bytes:
    """Return the bytes of a model; messages so deep are not made by protobuf itself."""
    out = _value("o", [2, 3]).SerializeToString()
    other = helper.make_graph([_node("Abs", "x", "o")], "e", [], [_value("o", [2, 3])])
    inner = _field(1, _node("Neg", "x", "o").SerializeToString())
    ends = helper.make_attribute("else_branch", other).SerializeToString()
    for _ in range(depth):
        graph = inner + _field(2, b"t") + _field(12, out)
        then = _field(1, b"then_branch") + _field(6, graph) + b"\xa0\x01\x05"
        node = _field(1, b"c") + _field(2, b"o") + _field(4, b"If")
        inner = _field(1, node + _field(5, then) + _field(5, ends))
    relu = _field(1, _node("Relu", "o", "y").SerializeToString())
    yes = numpy_helper.from_array(np.array(1, bool), "c").SerializeToString()
    ports = _field(11, _value("x", [2, 3]).SerializeToString()) + _field(
        12, _value("y", [2, 3]).SerializeToString()
    )
    graph = inner + relu + _field(2, b"g") + _field(5, yes) + ports
    opset = helper.make_opsetid("", 17).SerializeToString()
    return b"\x08\x08" + _field(7, graph) + _field(8, opset)


def _field(number: int, data: bytes) -> bytes:
    """Return a field of a message of protocol buffers that holds bytes."""
    size = len(data)
    length = bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + data
