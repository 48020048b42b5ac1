"""Abilities of the installed onnx that tests ask for: its oldest version has not all of them."""

from __future__ import annotations

import functools

import numpy as np
import onnx.parser
from onnx.reference import ReferenceEvaluator

_SCAN = """<ir_version: 8, opset_import: ["" : 17]>
g (float[3] x, float k) => (float[3] y) {
    y = Scan (x) <num_scan_inputs = 1, body = b (float p) => (float q) { q = Add (p, k) }>
}"""


@functools.cache
def reference_scans_read_outside() -> bool:
    """Whether onnx's own evaluator lets the body of a Scan read values around it."""
    evaluator = ReferenceEvaluator(onnx.parser.parse_model(_SCAN))
    feeds = {"x": np.zeros(3, np.float32), "k": np.zeros((), np.float32)}
    try:
        evaluator.run(None, feeds)
    except RuntimeError:
        return False
    return True
