"""The native library for tests, and graphs of one node of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from onnx2snn.native import find_library, library_problem, weights_problem
from onnx2snn.native.build import has_onednn
from onnx2snn.ops import DOMAIN, OPSET
from onnx2snn.runtime.sessions import open_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx2snn.native import NativeLibrary

HAS_COMPILER = shutil.which("c++") is not None or shutil.which("g++") is not None

needs_library = pytest.mark.skipif(
    find_library() is None and not HAS_COMPILER,
    reason=f"no C++ compiler here; {library_problem()}",
)
"""Of tests that run the library: with a compiler at hand it must be there."""

needs_multiplying = pytest.mark.skipif(
    bool(weights_problem()) and not (HAS_COMPILER and has_onednn()),
    reason=f"no oneDNN to build with here; {weights_problem()}",
)
"""Of tests in which it multiplies weights: with oneDNN at hand as well it must do so."""


def library() -> NativeLibrary:
    """Return the library; ``make test`` builds it first."""
    found = find_library()
    assert found is not None, library_problem()
    return found


def one_node(
    op_type: str,
    feeds: Mapping[str, np.ndarray],
    outputs: Mapping[str, np.dtype],
    constants: Mapping[str, np.ndarray] | None = None,
    **attributes: object,
) -> onnx.ModelProto:
    """Return a graph of one node of ours, whose inputs are the feeds, then the constants."""
    constants = constants or {}
    node = helper.make_node(
        op_type, [*feeds, *constants], list(outputs), domain=DOMAIN, **attributes
    )
    graph = helper.make_graph(
        [node],
        "g",
        [_typed(name, data.dtype) for name, data in feeds.items()],
        [_typed(name, dtype) for name, dtype in outputs.items()],
        [numpy_helper.from_array(data, name) for name, data in constants.items()],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, OPSET)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def run_natively(
    model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """Return the outputs of a model in the native library, on one thread."""
    session = open_session(model, threads=1, native=True)
    return list(session.run(None, dict(feeds)))


def _typed(name: str, dtype: np.dtype) -> onnx.ValueInfoProto:
    elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, elem_type, None)
