from __future__ import annotations

import onnx
import onnx_ir as ir
import pytest

from onnx2snn.metadata import facts
from onnx2snn.metadata.annotation import (
    Annotation,
    json_annotation,
    text_annotation,
)
from onnx2snn.metadata.input_coding import (
    DIRECT,
    INPUT_CODING,
    RATE,
    Coding,
    coding_of,
    write_coding,
)
from tests.models import model

NUMBER = Annotation[int]("number", str, int)


def items() -> tuple[ir.Model, ir.Node, ir.Value]:
    ann = model("(float[N,3] x) => (y) { y = Relu (x) }")
    node = ann.graph.node(0)
    return ann, node, node.outputs[0]


@pytest.mark.parametrize("position", range(3), ids=["model", "node", "value"])
def test_what_is_written_is_read_until_it_is_erased(position: int) -> None:
    item = items()[position]
    assert NUMBER.read(item) is None
    assert not NUMBER.is_on(item)
    assert not NUMBER.erase(item)
    NUMBER.write(item, 3)
    NUMBER.write(item, 7)
    assert NUMBER.read(item) == NUMBER.read_required(item) == 7
    assert dict(item.metadata_props) == {"number": "7"}
    assert NUMBER.erase(item)
    assert not item.metadata_props


def test_what_must_be_there_is_missed_by_its_key() -> None:
    with pytest.raises(KeyError, match="number"):
        NUMBER.read_required(items()[1])


def test_annotations_survive_the_file() -> None:
    ann, node, value = items()
    text, fields = text_annotation("a text"), json_annotation("fields")
    text.write(value, "two\nlines")
    fields.write(node, {"b": 1, "a": [None, "x"]})
    assert node.metadata_props["fields"] == '{"a": [null, "x"], "b": 1}'
    data = ir.to_proto(ann).SerializeToString()
    node = ir.from_proto(onnx.load_from_string(data)).graph.node(0)
    assert text.read(node.outputs[0]) == "two\nlines"
    assert fields.read(node) == {"b": 1, "a": [None, "x"]}


def test_direct_coding_stands_nowhere() -> None:
    value = items()[2]
    write_coding(value, Coding(RATE, 2.5))
    assert coding_of(value) == INPUT_CODING.read(value) == Coding(RATE, 2.5)
    write_coding(value, Coding())
    assert not value.metadata_props
    assert coding_of(value).kind == DIRECT


def test_an_excluded_value_says_so() -> None:
    value = items()[2]
    assert not facts.is_excluded(value)
    facts.EXCLUDED.write(value, "1")
    assert facts.is_excluded(value)


def test_every_fact_has_its_own_key() -> None:
    found = [getattr(facts, name) for name in facts.__all__ if name.isupper()]
    keys = [annotation.key for annotation in found]
    assert len({*keys}) == len(keys)
    assert all(key.startswith("onnx2snn.") for key in keys)
