"""Check that a pass leaves a model computing the same: for our tests and for yours.

Two oracles run every model, onnx's reference evaluator and onnxruntime without optimization,
as each has operators it gets wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator

from onnx2snn.runtime.sessions import SessionError, open_session, run_by_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import onnxruntime as ort

    AnyModel: TypeAlias = ir.Model | onnx.ModelProto

__all__ = [
    "SessionError",
    "assert_equivalent",
    "check_pass",
    "run_ort",
    "run_reference",
    "unoptimized",
]

Feeds = dict[str, np.ndarray]


def assert_equivalent(
    before: AnyModel,
    after: AnyModel,
    feeds: Mapping[str, np.ndarray],
    rtol: float = 1e-5,
    atol: float = 1e-6,
) -> None:
    """Assert that two models give the same outputs: names, types, shapes and numbers.

    Args:
        before: The original model.
        after: The model to compare with it.
        feeds: An array for each input, by name.
        rtol: Largest relative error; 0 together with ``atol = 0`` asks for equal bits.
        atol: Largest absolute error, in units of the output.

    Raises:
        AssertionError: They differ, in the reference evaluator or in onnxruntime.
    """
    for run in (run_reference, run_ort):
        expected = run(before, feeds)
        actual = run(after, feeds)
        assert list(actual) == list(expected), (
            f"outputs {list(actual)}, not {list(expected)}"
        )
        for name, wanted in expected.items():
            found = actual[name]
            where = f"output {name!r} in {run.__name__}"
            np.testing.assert_equal(found.dtype, wanted.dtype, where)
            np.testing.assert_equal(found.shape, wanted.shape, where)
            np.testing.assert_allclose(found, wanted, rtol, atol, err_msg=where)


def run_reference(model: AnyModel, feeds: Mapping[str, np.ndarray]) -> Feeds:
    """Return the outputs, by name, that onnx's reference evaluator computes."""
    evaluator = ReferenceEvaluator(_to_proto(model))
    outputs = evaluator.run(None, dict(feeds))
    results = map(np.asarray, outputs)
    return dict(zip(evaluator.output_names, results, strict=True))


def run_ort(model: AnyModel, feeds: Mapping[str, np.ndarray]) -> Feeds:
    """Return the outputs, by name, that onnxruntime computes without optimization.

    Raises:
        SessionError: onnxruntime cannot open or run the model.
    """
    return run_by_name(unoptimized(model), feeds)


def unoptimized(model: AnyModel) -> ort.InferenceSession:
    """Open a model in onnxruntime as it stands: no optimization, one thread.

    Raises:
        SessionError: onnxruntime cannot open the model.
    """
    return open_session(model, optimized=False, threads=1)


def check_pass(
    pass_: Callable[[ir.Model], ir.passes.PassResult],
    model: AnyModel,
    feeds: Mapping[str, np.ndarray],
    *,
    modified: bool = True,
    rtol: float = 1e-5,
) -> ir.Model:
    """Run a pass on a copy of ``model``, assert what holds for every pass, return the copy.

    It computes the same, says truly whether it changed the model, changes nothing when run
    again, keeps the inputs' and outputs' names and types, and leaves a valid model.

    Args:
        pass_: The pass.
        model: The model that it runs on; it stays as it is.
        feeds: An array for each input, by name.
        modified: Whether the pass is to change the model.
        rtol: Largest relative error, and ten times the largest absolute one; 0 for equal bits.

    Raises:
        AssertionError: One of these does not hold.
    """
    before = _to_proto(model)
    rewritten = ir.from_proto(before)
    unchanged = _to_bytes(rewritten)
    result = pass_(rewritten)
    once = _to_bytes(result.model)
    assert result.modified == modified, f"modified is {result.modified}"
    assert (once != unchanged) == modified, "modified is not what happened"
    again = pass_(result.model)
    assert not again.modified, "the pass changes its own result"
    assert _to_bytes(again.model) == once, (
        "the pass changes its own result, and denies it"
    )
    onnx.checker.check_model(_to_proto(again.model), full_check=True)
    _assert_same_signature(before, _to_proto(again.model))
    assert_equivalent(before, again.model, feeds, rtol, rtol / 10)
    return again.model


def _assert_same_signature(before: onnx.ModelProto, after: onnx.ModelProto) -> None:
    for field in ("input", "output"):
        old = _names_and_types(getattr(before.graph, field))
        new = _names_and_types(getattr(after.graph, field))
        assert new == old, f"graph {field}s are {new}, not {old}"


def _names_and_types(values: Iterable[onnx.ValueInfoProto]) -> list[tuple[str, int]]:
    return [(value.name, value.type.tensor_type.elem_type) for value in values]


def _to_proto(model: AnyModel) -> onnx.ModelProto:
    if isinstance(model, onnx.ModelProto):
        return model
    return ir.to_proto(model)


def _to_bytes(model: ir.Model) -> bytes:
    data: bytes = ir.to_proto(model).SerializeToString(deterministic=True)
    return data
