from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.passes import InferShapes, ObserveForeignTypes, run
from onnx2snn.testing import check_pass

HEADER = (
    '<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3, "com.microsoft" : 1]>'
)
X = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


def read(text: str) -> ir.Model:
    return ir.from_onnx_text(f"{HEADER} net {text}")


def types(model: ir.Model) -> dict[str | None, str]:
    return {
        value.name: f"{value.dtype} {value.shape}"
        for node in model.graph
        for value in node.outputs
    }


def test_a_result_and_what_follows_from_it() -> None:
    before = read(
        "(float[N,3] x) => (float[N,3] y) "
        "{ s = ai.onnx.ml.Scaler <offset = [0.0], scale = [0.5]> (x)  h = Neg (s)  y = Neg (h) }"
    )
    after = check_pass(ObserveForeignTypes(), before, {"x": X}, rtol=0)
    assert types(after) == {
        "s": "FLOAT [N,3]",
        "h": "FLOAT [N,3]",
        "y": "FLOAT [N,3]",
    }


@pytest.mark.parametrize(
    "inputs, call, wanted",
    [
        ("float[N,3] x", "com.microsoft.Gelu (x)", "FLOAT [N,3]"),
        (
            "double[N,3] x",
            "ai.onnx.ml.Imputer <imputed_value_floats = [1.0]> (x)",
            None,
        ),
        (
            "float[2,3] x",
            "ai.onnx.ml.Scaler <offset = [0.0], scale = [1.0]> (x)",
            "FLOAT [2,3]",
        ),
        (
            "float[?,3] x",
            "ai.onnx.ml.Scaler <offset = [0.0], scale = [1.0]> (x)",
            "FLOAT [None,3]",
        ),
        (
            "float[N,3] x, float[M,3] z",
            "com.microsoft.FusedMatMul <transB = 1> (x, z)",
            "FLOAT [N,M]",
        ),
        (
            "int64[N,1] x",
            'ai.onnx.ml.LabelEncoder <keys_int64s = [1], values_strings = ["a"]> (x)',
            "STRING [N,1]",
        ),
        (
            "string[N,1] x",
            'ai.onnx.ml.CategoryMapper <cats_strings = ["a"], cats_int64s = [1]> (x)',
            "INT64 [N,1]",
        ),
    ],
)
def test_types_and_shapes(inputs: str, call: str, wanted: str | None) -> None:
    """None: onnxruntime has no kernel for it, so that it is not opened."""
    before = read(f"({inputs}) => (y) {{ s = {call}  y = Identity (s) }}")
    InferShapes()(before)
    result = ObserveForeignTypes()(before)
    if wanted is not None:
        assert types(before)["s"] == wanted
    assert not ObserveForeignTypes()(before).modified
    assert result.model is before


def test_only_the_rank_of_what_runs_in_few_sizes() -> None:
    before = read(
        "(float[N,M] x) => (y) <int64[2] s = {2, 1}> "
        "{ r = Reshape (x, s)  g = ai.onnx.ml.Scaler <offset = [0.0], scale = [0.5]> (r)  "
        "y = Identity (g) }"
    )
    ObserveForeignTypes()(before)
    assert types(before)["g"] == "FLOAT [None,None]"


def test_known_types_are_not_looked_at() -> None:
    before = read(
        "(float[N,3] x) => (float[N,3] y) <float[N,7] s> "
        "{ s = ai.onnx.ml.Scaler <offset = [0.0], scale = [0.5]> (x)  y = Neg (s) }"
    )
    assert not ObserveForeignTypes()(before).modified
    assert types(before)["s"] == "FLOAT [N,7]"


def test_a_normalizer_keeps_no_shape() -> None:
    """With one, onnxruntime 1.31 computes it in place, and wrong."""
    before = read(
        "(float[N,3] x) => (float[N,3] y) "
        '{ i = Neg (x)  s = ai.onnx.ml.Normalizer <norm = "L2"> (i)  y = Neg (s) }'
    )
    after = run(before, [InferShapes(), ObserveForeignTypes()])
    assert types(after)["s"] == "FLOAT None"
    assert types(after)["y"] == "FLOAT [N,3]"
    check_pass(ObserveForeignTypes(), run(before, [InferShapes()]), {"x": X}, rtol=1e-6)


def test_what_cannot_be_opened_is_left_alone() -> None:
    before = read(
        "(float[3] x) => (float[3] y) { s = com.microsoft.None (x)  y = Neg (s) }"
    )
    assert not ObserveForeignTypes()(before).modified
