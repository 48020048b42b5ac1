"""The table of rules: it is complete, and what it says of each operator is true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn.analysis.node_kinds import selects_elements, summed_inputs
from onnx2snn.analysis.operators import OPERATORS, Form, operator_of, operators_of_form
from onnx2snn.analysis.streams import NodeKind, Streams, find_streams
from onnx2snn.errors import UnsupportedError
from onnx2snn.graph import array
from onnx2snn.runtime.numpy_runtime import open_runner
from onnx2snn.testing import run_ort
from tests.models import dyadic, model, normal
from tests.operator_cases import CASES, TABLE, Case
from tests.test_operators import NEWEST, judged, network, operator

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMAS = onnx.defs.get_all_schemas_with_history()
GONE = {"Scatter", "Upsample"}
"""Operators that import replaces: the opset they are in is older than 17."""


def test_every_operator_has_a_rule() -> None:
    assert {
        schema.name for schema in SCHEMAS if schema.domain == ""
    } - OPERATORS.keys() == set()


def test_every_rule_has_an_operator() -> None:
    names = {schema.name for schema in SCHEMAS if schema.domain == ""}
    is_newest = onnx.defs.onnx_opset_version() >= 28
    assert set(OPERATORS) - names == set() or not is_newest


@pytest.mark.parametrize(
    "domain, name",
    sorted({(schema.domain, schema.name) for schema in SCHEMAS if schema.domain}),
)
def test_operators_of_other_domains_have_no_row(domain: str, name: str) -> None:
    row = operator_of(ir.node(name, [], domain=domain))
    assert row.form is Form.REFUSED
    assert row.reason


def test_every_operator_is_tried() -> None:
    assert {case.op for case in TABLE} == OPERATORS.keys() - operators_of_form(
        Form.REFUSED
    ) - GONE


FORMS = {
    Form.LINEAR: "linear",
    Form.MULTILINEAR: "linear",
    Form.MAX_LIKE: "max-like",
    Form.SHAPE: "static",
}


@pytest.mark.parametrize(
    "op", sorted(OPERATORS.keys() - operators_of_form(Form.REFUSED) - GONE)
)
def test_every_operator_is_tried_in_its_form(op: str) -> None:
    kinds = {case.kind for case in TABLE if case.op == op}
    expected = {"Constant": "static", "SequenceEmpty": "static"}.get(op, "analog")
    assert FORMS.get(OPERATORS[op].form, expected) in kinds


@pytest.mark.parametrize(
    "op",
    sorted(
        {case.op for case in CASES}
        & (
            operators_of_form(Form.LINEAR)
            | operators_of_form(Form.MULTILINEAR)
            | operators_of_form(Form.MAX_LIKE)
        )
    ),
)
def test_every_input_that_may_be_a_stream_is_one_somewhere(op: str) -> None:
    rule = OPERATORS[op]
    named = {0, 1} if rule.inputs is None else {*rule.inputs, *rule.bias}
    found = set()
    for case in CASES:
        if case.op == op and case.kind in {"linear", "max-like"}:
            node, streams = tried(case)
            found |= {
                at for at, value in enumerate(node.inputs) if value in streams.varying
            }
            if rule.form is Form.MAX_LIKE:
                found |= {
                    at
                    for at, value in enumerate(node.inputs)
                    if value in summed_inputs(node)
                }
    assert found >= named


def tried(case: Case) -> tuple[ir.Node, Streams]:
    """Return the node of the operator that ``case`` tries."""
    streams = find_streams(network(case, 1).graph)
    classifications = judged(case, streams)
    return next(
        node for node, v in classifications.items() if str(v.kind) == case.kind
    ), streams


class Probe:
    """The operator of a case as a function of some of its inputs, all at once."""

    def __init__(
        self, case: Case, choose: Callable[[ir.Node, Streams], list[ir.Value]]
    ) -> None:
        found, streams = tried(case)
        chosen = {value.name for value in choose(found, streams)}
        self._run = numpy_outputs if case.opset > NEWEST else run_ort_outputs
        whole = operator(case)
        node = next(
            n for n in whole.graph if n.outputs[0].name == found.outputs[0].name
        )
        read = list(dict.fromkeys(value for value in node.inputs if value is not None))
        known = self._known(whole, read, case)
        self.values = {name: data for name, data in known.items() if name in chosen}
        inputs = {
            name: ir.val(name, ir.DataType.from_numpy(data.dtype), data.shape)
            for name, data in self.values.items()
        }
        others = {
            name: ir.val(name, const_value=ir.tensor(data, name=name))
            for name, data in known.items()
            if name not in chosen
        }
        values = inputs | others
        copy = ir.node(
            node.op_type,
            [
                None if value is None else values[str(value.name)]
                for value in node.inputs
            ],
            {key: attribute.value for key, attribute in node.attributes.items()},
            num_outputs=len(node.outputs),
        )
        for new, old in zip(copy.outputs, node.outputs, strict=True):
            new.name, new.type = old.name, old.type
        graph = ir.Graph(
            list(inputs.values()),
            copy.outputs[:1],
            nodes=[copy],
            name="probe",
            initializers=list(others.values()),
            opset_imports={"": case.opset},
        )
        self._model = ir.Model(graph, ir_version=10)

    def _known(
        self, whole: ir.Model, values: list[ir.Value], case: Case
    ) -> dict[str, np.ndarray]:
        """Return what ``values`` are for some inputs, by name."""
        feeds = {
            "a": dyadic(61, *case.shape, unit=64),
            "x": dyadic(60, *case.shape, unit=16, limit=12),
        }
        made = [value for value in values if value.producer() is not None]
        whole.graph.outputs[:] = made
        results = self._run(whole, feeds) if made else []
        found = dict(zip((value.name for value in made), results, strict=True))
        for value in values:
            if value.name not in found:
                found[value.name] = (
                    feeds[value.name] if value.name in feeds else array(value)
                )
        return found

    def __call__(self, values: dict[str, np.ndarray]) -> np.ndarray:
        return np.asarray(self._run(self._model, values)[0])

    def drawn(self, seed: int) -> dict[str, np.ndarray]:
        """Return other values of the same shapes and types."""
        generator = np.random.default_rng(seed)
        return {
            name: np.array(generator.integers(-64, 65, data.shape) / 64, data.dtype)
            if data.dtype.kind == "f"
            else np.array(
                generator.integers(20 * seed, 20 * seed + 20, data.shape), data.dtype
            )
            for name, data in self.values.items()
        }


def run_ort_outputs(part: ir.Model, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    return list(run_ort(part, feeds).values())


def numpy_outputs(part: ir.Model, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    return open_runner(ir.to_proto(part))(feeds)


def varying(node: ir.Node, streams: Streams) -> list[ir.Value]:
    return [
        value for value in node.inputs if value is not None and value in streams.varying
    ]


def of_kind(kind: str) -> list[Case]:
    return [case for case in CASES if case.kind == kind]


@pytest.mark.parametrize("case", of_kind("linear"), ids=str)
def test_what_is_called_linear_is_affine(case: Case) -> None:
    f = Probe(case, varying)
    u, v = f.drawn(2), f.drawn(1)
    outside = {key: np.array(2.0 * u[key] - v[key], u[key].dtype) for key in u}
    expected = 2 * f(u) - f(v)
    np.testing.assert_allclose(f(outside), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", of_kind("max-like"), ids=str)
@pytest.mark.parametrize("factor", [0, 0.5, 3, 64])
def test_what_is_called_max_like_grows_with_its_inputs(
    case: Case, factor: float
) -> None:
    f = Probe(case, lambda node, _: summed_inputs(node))
    u = f.drawn(1) if "Clip" not in case.text else f.values
    scaled = {key: np.array(factor * data, data.dtype) for key, data in u.items()}
    np.testing.assert_allclose(f(scaled), factor * f(u), rtol=1e-5, atol=1e-6 * factor)


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if case.kind in {"linear", "max-like"} and selects_elements(tried(case)[0])
    ],
    ids=str,
)
def test_what_is_said_to_select_selects(case: Case) -> None:
    f = Probe(case, summed_or_varying)
    u, v = f.values, f.drawn(1)
    given = np.concatenate([[0], *map(np.ravel, u.values())])
    result, other = np.ravel(f(u)), np.ravel(f(v))
    assert (np.isin(result, given) | (result == other)).all()


def summed_or_varying(node: ir.Node, streams: Streams) -> list[ir.Value]:
    is_max_like = operator_of(node).form is Form.MAX_LIKE
    return summed_inputs(node) if is_max_like else varying(node, streams)


WEIGHTS = {
    "w": normal(1, 4, 4),
    "t": np.array(1, np.bool_),
    "r": np.array(0.5, np.float32),
}
REFUSED = {
    "Bernoulli": "h = Bernoulli (a)",
    "Multinomial": "m = Multinomial <sample_size = 4> (a)  h = Cast <to = 1> (m)",
    "RandomNormalLike": "m = RandomNormalLike (a)  h = Add (a, m)",
    "RandomUniformLike": "m = RandomUniformLike (a)  h = Mul (a, m)",
    "ImageDecoder": "e = Cast <to = 2> (a)  f = Flatten <axis = 0> (e)  n = Squeeze (f)  "
    "m = ImageDecoder (n)  h = Cast <to = 1> (m)",
    "RegexFullMatch": 'e = Cast <to = 8> (a)  m = RegexFullMatch <pattern = "1"> (e)  '
    "h = Cast <to = 1> (m)",
    "StringConcat": "e = Cast <to = 8> (a)  m = StringConcat (e, e)  h = Cast <to = 1> (m)",
    "StringNormalizer": "e = Cast <to = 8> (a)  m = StringNormalizer (e)  h = Cast <to = 1> (m)",
    "StringSplit": "e = Cast <to = 8> (a)  m, n = StringSplit (e)  h = Cast <to = 1> (n)",
    "Dropout": "h = Dropout (a, r, t)",
}


def refusing(op: str, outputs: str = "float[N,4] y") -> ir.Model:
    return model(
        f"(float[N,4] x) => ({outputs}) {{ g = MatMul (x, w)  a = Relu (g)  {REFUSED[op]}  "
        "y = MatMul (h, w)  b = Relu (y)  c = MatMul (b, w) }",
        '<ir_version: 9, opset_import: ["" : 20]>',
        **WEIGHTS,
    )


def test_every_refused_operator_is_tried() -> None:
    static_only = {"RandomNormal", "RandomUniform"}  # they read nothing
    assert REFUSED.keys() == operators_of_form(Form.REFUSED) - static_only | {"Dropout"}


@pytest.mark.parametrize("op", REFUSED)
def test_what_has_no_mean_is_refused_by_name(op: str) -> None:
    ann = refusing(op, "float[N,4] c")
    (node,) = (node for node in ann.graph if node.op_type == op)
    node.name = "the culprit"
    streams = find_streams(ann.graph)
    assert streams.of_kind(NodeKind.REFUSED) == [node]
    with pytest.raises(UnsupportedError, match=f"{op} 'the culprit'") as caught:
        streams.check()
    assert [refusal.op for refusal in caught.value.refusals] == [op]
    assert len(caught.value.refusals[0].reason) > 40


def test_a_conversion_says_what_it_refuses() -> None:
    ann = ir.to_proto(refusing("Bernoulli", "float[N,4] c"))
    with pytest.raises(
        UnsupportedError, match="Bernoulli 'h': draws other numbers in each step"
    ):
        onnx2snn.convert(ann, check=False)
    kinds = {node["op"]: node["kind"] for node in onnx2snn.analyze(ann)["nodes"]}
    assert kinds["Bernoulli"] == "refused"


@pytest.mark.parametrize("op", ["Bernoulli", "RandomNormalLike"])
def test_the_readout_may_draw_numbers(op: str) -> None:
    ann = model(
        f"(float[N,4] x) => (float[N,4] h) {{ g = MatMul (x, w)  b = Relu (g)  a = MatMul (b, w)  "
        f"{REFUSED[op].replace('Bernoulli (a)', 'Bernoulli (a)')} }}",
        **WEIGHTS,
    )
    find_streams(ann.graph).check()


def test_numbers_drawn_before_the_first_step_are_static() -> None:
    ann = model(
        "(float[N,4] x) => (float[N,4] y) { n = RandomNormal <shape = [4, 4]> ()  "
        "g = MatMul (x, w)  a = Relu (g)  h = MatMul (a, n)  b = Relu (h)  y = MatMul (b, w) }",
        w=WEIGHTS["w"],
    )
    streams = find_streams(ann.graph)
    assert streams.classifications[ann.graph.node(0)].kind is NodeKind.STATIC
    streams.check()


def test_what_a_branch_holds_is_refused_with_it() -> None:
    ann = model(
        "(float[N,4] x, bool c) => (float[N,4] y) { g = MatMul (x, w)  a = Relu (g)  "
        "h = If (c) <then_branch = t () => (float[N,4] p) { p = Bernoulli (a) }, "
        "else_branch = e () => (float[N,4] q) { q = Neg (a) }>  b = Relu (h)  y = MatMul (b, w) }",
        w=WEIGHTS["w"],
    )
    with pytest.raises(
        UnsupportedError, match=r"If 'h': it holds Bernoulli: draws other numbers"
    ):
        find_streams(ann.graph).check()


def test_an_operator_of_the_future_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(OPERATORS, "Erf")
    text = (
        "g = MatMul (x, w)  a = Relu (g)  h = Erf (a)  b = Relu (h)  y = MatMul (b, w)"
    )
    ann = model(f"(float[N,4] x) => (float[N,4] y) {{ {text} }}", w=WEIGHTS["w"])
    with pytest.raises(
        UnsupportedError, match=r"Erf 'h': no rule says .*upgrade onnx2snn"
    ):
        onnx2snn.convert(ir.to_proto(ann))
    readout = "g = MatMul (x, w)  a = Relu (g)  h = MatMul (a, w)  y = Erf (h)"
    ann = model(f"(float[N,4] x) => (float[N,4] y) {{ {readout} }}", w=WEIGHTS["w"])
    onnx2snn.convert(ir.to_proto(ann))


def test_every_weighted_operator_is_counted() -> None:
    counted = {name for name, row in OPERATORS.items() if row.turns is not None}
    assert counted == operators_of_form(Form.CONTROL)
