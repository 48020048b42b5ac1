"""Random networks: two runtimes give the same bits, and many steps give what the ANN gives."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
from hypothesis import HealthCheck, given, settings

import onnx2snn
from onnx2snn.analysis.operators import Form, operator_named
from onnx2snn.passes import (
    AttachFunctions,
    CarryRunningMeans,
    EmitTimeLoop,
    ReplaceActivations,
)
from onnx2snn.testing import run_ort
from tests.models import dyadic
from tests.random_graphs import BLOCKS, Network, networks

X = dyadic(9, 2, 4, 6, 5, unit=16, limit=16)
MANY = 256

drawn = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def converted(network: Network, time_steps: int) -> onnx.ModelProto:
    snn = network.with_scales()
    for pass_ in (ReplaceActivations(), CarryRunningMeans(), EmitTimeLoop(time_steps)):
        pass_(snn)
    AttachFunctions()(snn)
    return ir.to_proto(snn)


def test_the_blocks_are_of_every_form() -> None:
    forms = {operator_named(block.op).form for block in BLOCKS}
    assert {
        Form.LINEAR,
        Form.MULTILINEAR,
        Form.MAX_LIKE,
        Form.ANALOG,
        Form.CONTROL,
    } <= forms
    assert {operator_named(block.op).form for block in BLOCKS if block.exact} >= {
        Form.LINEAR,
        Form.MULTILINEAR,
        Form.MAX_LIKE,
    }


@drawn
@given(networks(exact=True))
def test_both_runtimes_give_the_same_bits(network: Network) -> None:
    proto = converted(network, 8)
    onnx.checker.check_model(proto, full_check=True)
    expected = run_ort(proto, {"x": X})
    found = onnx2snn.load(proto, "numpy").run({"x": X})
    assert found.keys() == expected.keys() == {"y", "z"}
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, f"{name} of {network.ops}")


@drawn
@given(networks(exact=False))
def test_many_steps_give_what_the_ann_gives(network: Network) -> None:
    expected = run_ort(network.ann, {"x": X})
    conversion = onnx2snn.convert(
        ir.to_proto(network.ann),
        T=MANY,
        calibration={"x": X},
        threshold="max",
        corrections=(),
    )
    found = onnx2snn.load(conversion.model).run({"x": X})
    for name, array in expected.items():
        # the errors of the neurons add up: each is a few stairs, a threshold over T, off
        error = np.abs(found[name] - array).max()
        assert error <= network.bounds[name] / MANY + 1e-4, f"{name} of {network.ops}"
