"""Every ONNX operator on all time steps at once gives what it gives step by step."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.analysis.operators import OPERATORS
from onnx2snn.analysis.operators.over_time import one_step_at_a_time
from onnx2snn.graph import reads
from onnx2snn.methods.layouts import MULTISTEP
from onnx2snn.runtime.numpy_runtime import open_runner
from onnx2snn.runtime.sessions import run_session
from onnx2snn.schedules import emit_steps
from onnx2snn.schedules.finding import STEP_LOOP
from onnx2snn.testing import unoptimized
from tests.models import dyadic, model
from tests.operator_cases import CASES, Case, cases
from tests.test_operators import NEWEST, constants, dims, header, operator
from tests.test_operators import run as run_operator

if TYPE_CHECKING:
    from collections.abc import Collection

    from onnx2snn.runtime.feeds import Run

T = 3
OFFSETS = ", ".join(["o"] * 18)
ALONG_OTHER_AXES = cases(f"""
[linear, 2x4, opset 17]
Unsqueeze: h = Unsqueeze (a, k1)
Flatten: h = Flatten (a)
Flatten: u = Unsqueeze (a, k1)  f = Flatten <axis = -1> (u)  h = Neg (f)
GatherND: i = ArgMax <axis = 1> (x)  h = GatherND <batch_dims = 1> (a, i)
ScatterElements: i = ArgMax <axis = 1> (x)  u = Slice (a, k0, k1, k1)
    h = ScatterElements <axis = 1> (a, i, u)

[analog, 2x4, opset 17]
ReduceProd: h = ReduceProd <axes = [-1]> (a)
ReduceLogSum: e = Exp (a)  h = ReduceLogSum <axes = [1], keepdims = 0> (e)
ReduceLogSumExp: h = ReduceLogSumExp <axes = [1]> (a)
ReduceSumSquare: h = ReduceSumSquare <axes = [1]> (a)

[linear, 2x4x6x5, opset 17]
GridSample: s = Slice (x, k0, k2, k1)  g = Transpose <perm = [0, 2, 3, 1]> (s)
    h = GridSample (a, g)
Trilu: h = Trilu (a)

[analog, 2x4x6x5, opset 17]
MeanVarianceNormalization: h = MeanVarianceNormalization <axes = [2, 3]> (a)

[linear, 2x4x6x5, opset 19]
DeformConv: m = ReduceMean <keepdims = 1> (x, k1)  s = Slice (m, k0, four1, k2)
    o = Slice (s, k0, k3, k3)  g = Concat <axis = 1> ({OFFSETS})  h = DeformConv (a, filter, g)
""")
"""Uses, beside those of all operators, that leave the first axis alone."""


@functools.cache
def size_of_result(case: Case) -> int:
    x = dyadic(1, *case.shape, unit=16)
    return int(run_operator(case, x, x).size)


def flat_operator(case: Case) -> ir.Model:
    """Return the graph from ``a`` and ``x`` to ``flat``: ``h`` in a shape that is known."""
    signature = f"(float[{dims(case)}] a, float[{dims(case)}] x) => (flat)"
    return model(
        f"{signature} {{ {case.text}  flat = Reshape (h, size_) }}",
        header(case),
        size_=np.array([size_of_result(case)]),
        **constants(case.text),
    )


def opened(case: Case, model: ir.Model) -> Run:
    """Return a function from feeds to outputs."""
    if case.opset > NEWEST:
        return open_runner(ir.to_proto(model))
    session = unoptimized(model)
    return lambda feeds: run_session(session, feeds)


def depends_on(graph: ir.Graph, streams: Collection[str]) -> bool:
    """Whether the output depends on one of ``streams``, so that it is one too."""
    known = {value for value in graph.inputs if value.name in streams}
    for node in graph:
        if not known.isdisjoint(reads(node)):
            known.update(node.outputs)
    return graph.outputs[0] in known


def over_time(case: Case, streams: Collection[str]) -> ir.Model:
    """Return the operator of ``case`` on all steps of ``streams``."""
    step = flat_operator(case)
    emit_steps(step.graph, MULTISTEP, T, streams, ("flat",))
    return step


def operators_in_loops(graph: ir.Graph) -> set[str]:
    """Return the operators that run on one step at a time."""
    loops = [node for node in graph if (node.name or "").startswith(STEP_LOOP)]
    bodies = [loop.attributes["body"].as_graph() for loop in loops]
    return {node.op_type for body in bodies for node in body}


STREAMS = {"a": ("a",), "x": ("x",), "both": ("a", "x")}
USES = [
    pytest.param(case, streams, id=f"{case} [{name}]")
    for case in [*CASES, *ALONG_OTHER_AXES]
    for name, streams in STREAMS.items()
    if all(depends_on(operator(case).graph, [stream]) for stream in streams)
]


@pytest.mark.parametrize("case, streams", USES)
def test_all_steps_at_once_give_what_each_step_gives(
    case: Case, streams: tuple[str, ...]
) -> None:
    static = {
        name: dyadic(seed, *case.shape, unit=16, limit=12)
        for seed, name in enumerate(("a", "x"))
    }
    series = {
        name: dyadic(seed, T, *case.shape, unit=16, limit=12)
        for seed, name in enumerate(streams, start=9)
    }
    run_step = opened(case, flat_operator(case))
    expected = []
    for t in range(T):
        slices = {name: data[t] for name, data in series.items()}
        expected += run_step(static | slices)
    (found,) = opened(case, over_time(case, streams))(static | series)
    # a product of more rows is added up in another order, in NumPy above all
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-5, atol=1e-6)


TRIED = {case.op for case in [*CASES, *ALONG_OTHER_AXES]}
LIFTED = sorted(
    name for name in TRIED if OPERATORS[name].over_time is not one_step_at_a_time
)


@pytest.mark.parametrize("operator_name", LIFTED)
def test_each_rule_takes_a_use_of_its_operator_to_all_steps(operator_name: str) -> None:
    uses = [c for c in [*CASES, *ALONG_OTHER_AXES] if c.op == operator_name]
    lifted = []
    for case in uses:
        if depends_on(operator(case).graph, ("a",)):
            graph = over_time(case, ("a",)).graph
            is_lifted = operator_name not in operators_in_loops(graph)
            lifted.append(is_lifted)
    assert any(lifted)
