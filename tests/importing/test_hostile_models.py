"""Models that break rules, or ask for more than there is: a clear refusal, in no time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import pytest
from onnx import helper

from benchmarks import hostile_graphs, hostile_sizes, hostile_storage
from benchmarks.hostile_case import parsed
from onnx2snn import InvalidModelError, LimitError, Onnx2SnnError, memory_limit
from onnx2snn.conversion.import_model import import_model
from onnx2snn.importing import read
from onnx2snn.passes.canonical.fold_constants import FoldConstants
from onnx2snn.storage.nesting import is_too_deep

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.hostile_case import Hostile


def refusal(hostile: Hostile, folder: Path) -> str:
    """Return with which words a model is refused."""
    hostile.write(folder)
    with pytest.raises(Onnx2SnnError) as refused:
        import_model(folder / hostile.file)
    return str(refused.value)


RULES = {
    "value made twice": "value 'h' is given twice, the second time by Abs",
    "node writes an input": "value 'x' is given twice",
    "node writes an initializer": "value 'w' is given twice",
    "initializer twice": "two initializers are called 'w'",
    "input twice": "two inputs are called 'x'",
    "output twice": "two outputs are called 'y'",
    "undefined value": "Add 'a' reads 'nowhere', which nothing computes",
    "undefined output": "output 'y' is computed by no node",
    "undefined in a branch": "Relu 'a' reads 'nowhere'",
    "circle of two": "in a circle",
    "function named Relu": "function 'Relu' is in the domain of ONNX's own operators",
    "function twice": "two functions are called f.F",
    "function without its output": "output 'b' of function 'F' is computed by no node",
    "function reads outside": "Add 'b' reads 'x', which nothing computes",
    "functions in a circle": "",
    "function calls itself": "",
    "attribute twice": "LeakyRelu 'y' has attribute 'alpha' twice",
    "attribute without a type": "attribute 'alpha' of LeakyRelu 'y' has no type",
    "reference outside a function": "takes attribute 'alpha' of a function, in none",
    "branches of 2 outputs and 1": "is not a valid ONNX model",
    "SplitToSequence -1": "splits into parts of -1",
    "SplitToSequence 0": "splits into parts of 0",
    "Constant without a value": "Constant 'c' has 0 values",
}
BROKEN = {hostile.name: hostile for hostile in hostile_graphs.broken_rules()}


@pytest.mark.parametrize("name", RULES)
def test_a_broken_rule_is_named(name: str, tmp_path: Path) -> None:
    assert RULES[name] in refusal(BROKEN[name], tmp_path)


SPARSE = {
    hostile.name: hostile
    for hostile in hostile_storage.sparse_tensors()
    if not hostile.name.startswith(
        ("fine", "NaN", "unsorted", "same index", "no values")
    )
}


@pytest.mark.parametrize("name", SPARSE)
def test_a_sparse_tensor_that_does_not_fit_is_refused(
    name: str, tmp_path: Path
) -> None:
    assert "'w'" in refusal(SPARSE[name], tmp_path) or "without" in name


ENDLESS = {hostile.name: hostile for hostile in hostile_sizes.endless_work()}


@pytest.mark.parametrize(
    "name, words",
    [
        ("functions doubled 40 deep", "1099511627776 nodes with functions inlined"),
        ("input doubled 36 times", "more memory than it may"),
        ("Loop that grows", "more memory than it may"),
    ],
)
def test_work_that_grows_is_refused(name: str, words: str, tmp_path: Path) -> None:
    with memory_limit("100MB"):
        assert words in refusal(ENDLESS[name], tmp_path)


def test_a_run_that_does_not_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onnx2snn.runtime.sessions.TRIAL_SECONDS", 0.2)
    assert "--no-check" in refusal(ENDLESS["Loop without an end"], tmp_path)


def test_a_large_input_is_refused_before_it_is_made() -> None:
    model = parsed("g (float[1000000,1000000] x) => (float[A,B] y) { y = Relu(x) }")
    with pytest.raises(
        LimitError, match=r"input 'x' .*1000000, 1000000.* takes 7.28 TB"
    ):
        import_model(model)


@pytest.mark.parametrize("op", ["Mul", "Add", "Concat", "Cast"])
def test_inference_does_not_follow_the_contents_of_long_vectors(op: str) -> None:
    inputs = {"Cast": "x", "Concat": "x, x"}.get(op, "x, h")
    attributes = {"Cast": "<to=1>", "Concat": "<axis=0>"}.get(op, "")
    model = parsed(f"""g (float[1000000000] x) => (float[N] y) {{
        h = Constant<value_float=0.5>() m = {op}{attributes}({inputs}) y = Relu(m) }}""")
    imported = import_model(model, check=False)
    assert imported.model.graph.outputs[0].shape is not None


def test_constants_that_double_are_not_folded_beyond_what_the_file_holds() -> None:
    doubled = " ".join(f"k{i + 1} = Concat<axis=0>(k{i}, k{i})" for i in range(30))
    model = read(
        parsed(f"""g (float[2] x) => (float[2] y) {{
        k0 = Constant<value_floats=[1.0]>() {doubled} t = ReduceMax<keepdims=0>(k30)
        z = Add(x, t) y = Relu(z) }}""")
    ).model
    FoldConstants(max_bytes=2**12)(model)
    sizes = [value.const_value.nbytes for value in model.graph.initializers.values()]
    assert max(sizes) == 2**12


@pytest.mark.parametrize(
    "bracket", ["<", "(", "[", "{", "seq(", "y = If(c) <t = g () => (a) { "]
)
def test_texts_that_are_nested_deeply_are_refused_before_they_are_parsed(
    bracket: str, tmp_path: Path
) -> None:
    path = tmp_path / "m.onnxtxt"
    path.write_text(bracket * 100_000)
    with pytest.raises(InvalidModelError, match=r"m.onnxtxt .* nested too deeply"):
        read(path)


def test_brackets_in_strings_and_arrows_do_not_count() -> None:
    assert not is_too_deep(b'"' + b"((" * 1000 + b'"')
    assert not is_too_deep(b"() => () { } " * 1000)
    assert not is_too_deep(b"<a = 1>(x) " * 1000)
    assert is_too_deep(b"(" * 1000)


def test_a_name_that_is_no_text_is_named() -> None:
    model = parsed("g (float[2] x) => (float[2] y) { y = Relu(x) }")
    data = model.SerializeToString().replace(b"Relu", b"Re\xfflu"[:4])
    with pytest.raises(InvalidModelError, match=r"UTF-8|is not a"):
        read(data)


def test_an_unknown_type_of_a_tensor_is_named() -> None:
    tensor = onnx.TensorProto(name="w", dims=[2], data_type=99, raw_data=b"\0" * 8)
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", 1, [2])],
        [helper.make_tensor_value_info("y", 1, [2])],
        [tensor],
    )
    with pytest.raises(InvalidModelError, match="'w' is of the unknown type 99"):
        read(helper.make_model(graph))


SIZES = {hostile.name: hostile for hostile in hostile_sizes.declared_sizes()}


@pytest.mark.parametrize("name", ["EyeLike mul 1000000000", "square of a shape"])
def test_sizes_that_are_computed_are_not_followed(name: str, tmp_path: Path) -> None:
    with memory_limit("50MB"):
        assert "more memory than it may" in refusal(SIZES[name], tmp_path)
