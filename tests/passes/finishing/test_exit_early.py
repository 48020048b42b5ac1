"""A Loop that ends early gives what NumPy finds from the outputs of all steps, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx.reference.op_run import OpRun

import onnx2snn
from onnx2snn import OptionError, UnsupportedError
from onnx2snn.calibration.early_exit import exit_steps, margins_of
from onnx2snn.data.dataset import dataset, input_specs
from onnx2snn.metadata.facts import EARLY_EXIT
from onnx2snn.passes import ExitEarly
from onnx2snn.runtime import numpy_runtime
from onnx2snn.schedules import exit_early, time_loops
from tests.models import dyadic, model
from tests.schema import problems

TEXT = """
    (float[N,6] x) => (float[N,4] y, float[N,2,3] z) {
        c1 = MatMul (x, w1)  a1 = Relu (c1)
        c2 = MatMul (a1, w2)  a2 = Relu (c2)
        c3 = MatMul (a2, w2)  a3 = Relu (c3)
        y = MatMul (a3, w3)
        r = Reshape (a2, sizes)  z = Neg (r)
    }"""
ANN = model(
    TEXT,
    w1=dyadic(1, 6, 6),
    w2=dyadic(2, 6, 6),
    w3=dyadic(3, 6, 4),
    sizes=np.array([-1, 2, 3]),
)
X = {"x": dyadic(4, 60, 6, unit=16)}
T = 8


@pytest.fixture(scope="module")
def whole() -> onnx2snn.Conversion:
    return onnx2snn.convert(ANN, T, X, corrections="none")


def exiting(snn: onnx2snn.Conversion, margin: float) -> ir.Model:
    """Return the network with a Loop that ends at a margin of its first output."""
    copy = ir.from_proto(snn.model)
    (loop,) = time_loops(copy.graph)
    steps = exit_early(loop, copy.graph.outputs[0], margin)
    assert steps.name == "steps"
    return copy


def expected(
    snn: onnx2snn.Conversion, margin: float, time_steps: int
) -> dict[str, np.ndarray]:
    """Return the outputs that each sample has after its last step."""
    each = onnx2snn.load(snn).run_at(X, range(1, time_steps + 1))
    outputs = {name: np.stack([one[name] for one in each.values()]) for name in "yz"}
    steps = exit_steps(margins_of(outputs["y"]), margin)
    samples = np.arange(len(steps))
    held = {name: all_[steps - 1, samples] for name, all_ in outputs.items()}
    return held | {"steps": steps}


@pytest.mark.parametrize("margin", [0.0, 0.5, 2.0, 1e9])
@pytest.mark.parametrize("time_steps", [1, T, 11])
@pytest.mark.parametrize("runtime", ["ort", "numpy"])
def test_it_gives_what_each_sample_had_when_it_stopped(
    whole: onnx2snn.Conversion, margin: float, time_steps: int, runtime: str
) -> None:
    snn = exiting(whole, margin)
    proto = ir.to_proto(snn)
    onnx.checker.check_model(proto, full_check=True)
    onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True)
    found = onnx2snn.load(proto, runtime).run(X, time_steps)
    wanted = expected(whole, margin, time_steps)
    assert found.keys() == wanted.keys()
    for name, each in wanted.items():
        np.testing.assert_array_equal(found[name], each, err_msg=name)
    if margin == 0:
        assert set(found["steps"]) == {1}


def test_samples_stop_by_themselves(whole: onnx2snn.Conversion) -> None:
    network = onnx2snn.load(exiting(whole, 1.0), "ort")
    together = network.run(X)
    assert len(set(together["steps"])) > 2
    for at in range(0, 60, 7):
        alone = network.run({"x": X["x"][at : at + 1]})
        for name, each in alone.items():
            np.testing.assert_array_equal(each[0], together[name][at], err_msg=name)


def test_the_loop_runs_as_long_as_the_slowest_sample(
    whole: onnx2snn.Conversion, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: dict[str, int] = {}

    class MatMul(OpRun):
        """The operator, which counts its rows."""

        op_domain = ""

        def _run(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray]:
            name = self.onnx_node.output[0]
            rows[name] = rows.get(name, 0) + len(a)
            return (a @ b,)

    monkeypatch.setattr(numpy_runtime, "KERNELS", [*numpy_runtime.KERNELS, MatMul])
    network = onnx2snn.load(exiting(whole, 0.5), "numpy")
    first = {"x": X["x"][:2]}
    steps = network.run(first)["steps"]
    assert max(steps) < T
    assert max(rows.values()) == 2 * max(steps)


def test_few_enough_answers_change_on_the_calibration_data() -> None:
    for part in (0.0, 0.1):
        snn = onnx2snn.convert(ANN, T, X, corrections="none")
        wanted = onnx2snn.load(snn).run(X)["y"].argmax(axis=1)
        assert ExitEarly(snn_data(), part)(snn.ir_model).modified
        facts = EARLY_EXIT.read_required(snn.ir_model)
        found = onnx2snn.load(snn.ir_model).run(X)
        changed = (found["y"].argmax(axis=1) != wanted).mean()
        assert changed == facts["disagreement"] <= part
        assert found["steps"].mean() == facts["mean_steps"]
        assert facts["samples"] == 60
        assert not ExitEarly(snn_data(), part)(snn.ir_model).modified


def snn_data() -> Any:
    return dataset(X, input_specs(ANN))


def test_the_report_the_file_and_the_network_say_so() -> None:
    conversion = onnx2snn.convert(ANN, T, X, early_exit=True, corrections="none")
    report = conversion.report
    assert problems(report, "report-1.json") == []
    assert report["early_exit"] == EARLY_EXIT.read(conversion.ir_model)
    assert (report["early_exit"]["scores"], report["early_exit"]["steps"]) == (
        "y",
        "steps",
    )
    network = onnx2snn.load(conversion)
    assert network.outputs == ("y", "z", "steps")
    assert network.steps_output == "steps"
    # the readout runs in each step now
    assert report["weight_passes"] == T
    assert "early_exit" not in onnx2snn.convert(ANN, T, X).report


@pytest.mark.parametrize(
    "options",
    [
        {"fold_thresholds": True},
        {"weights": "int8"},
        {"input_coding": "rate"},
        {"method": "opi"},
        {"spike": "all"},
    ],
)
def test_with_other_options(options: dict[str, Any]) -> None:
    conversion = onnx2snn.convert(ANN, T, X, early_exit=True, **options)
    found = onnx2snn.load(conversion, "ort").run(X)
    assert set(found["steps"]) <= set(range(1, T + 1))


def test_an_output_called_steps_stays() -> None:
    text = TEXT.replace("z)", "steps)").replace("z =", "steps =")
    consts = {v.name: v.const_value.numpy() for v in ANN.graph.initializers.values()}
    ann = model(text, **consts)
    network = onnx2snn.load(onnx2snn.convert(ann, T, X, early_exit=True))
    assert network.outputs[:2] == ("y", "steps")
    assert network.outputs[2] == network.steps_output == "steps_1"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"schedule": "staggered"}, "early_exit is of use with the schedule lockstep"),
        (
            {"method": "spikeconverter"},
            "early_exit is of use with the schedule lockstep",
        ),
        ({"layout": "multistep"}, "early_exit is of use with the layout loop"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        onnx2snn.Options(early_exit=True, **options)


def test_without_data_it_is_refused(whole: onnx2snn.Conversion) -> None:
    with pytest.raises(OptionError, match="early_exit needs calibration data"):
        onnx2snn.convert(ANN, T, early_exit=True)
    with pytest.raises(OptionError, match="early_exit needs calibration data"):
        ExitEarly()(ir.from_proto(whole.model))
    with pytest.raises(OptionError, match="disagreement must be from 0 to 1, not 2"):
        ExitEarly(disagreement=2.0)


@pytest.mark.parametrize(
    "options", [{"schedule": "staggered"}, {"layout": "multistep"}]
)
def test_networks_of_other_schedules_and_layouts_are_refused(
    options: dict[str, Any],
) -> None:
    snn = onnx2snn.convert(ANN, T, **options)
    with pytest.raises(OptionError, match="early_exit needs a single Loop over the"):
        ExitEarly(snn_data())(snn.ir_model)


def test_a_latency_stays_in_lockstep_for_it() -> None:
    report = onnx2snn.convert(ANN, T, X, latency=T + 2, early_exit=True).report
    assert report["schedule"] == "lockstep"
    assert "early_exit" in report["schedule_reason"]


@pytest.mark.parametrize(
    "outputs, end, message",
    [
        ("float[N] y", "y = ReduceSum <keepdims = 0> (a, one)", r"there is 'y' \[N\]"),
        ("float[N,1] y", "y = ReduceSum (a, one)", r"there is 'y' \[N,1\]"),
        (
            "float[N,6] y, float[6,N] z",
            "y = Identity (a)  z = Transpose <perm = [1, 0]> (a)",
            r"as 'y' \[N,6\] has them; 'z' is \[6,N\]",
        ),
    ],
)
def test_outputs_that_do_not_do_are_named(outputs: str, end: str, message: str) -> None:
    ann = model(
        f"(float[N,6] x) => ({outputs}) {{ c = MatMul (x, w)  a = Relu (c)  {end} }}",
        w=dyadic(1, 6, 6),
        one=np.array([1]),
    )
    with pytest.raises(UnsupportedError, match=message):
        onnx2snn.convert(ann, T, X, early_exit=True)


def test_it_cannot_be_laid_out_compiled_or_tuned() -> None:
    conversion = onnx2snn.convert(ANN, T, X, early_exit=True)
    with pytest.raises(OptionError, match="the Loop ends early"):
        onnx2snn.change_layout(conversion, "multistep")
    with pytest.raises(OptionError, match="the Loop ends early"):
        onnx2snn.compile_network(conversion)
    tuning = pytest.importorskip("onnx2snn.torch.tuning")
    with pytest.raises(UnsupportedError, match="Loop of the network ends early"):
        tuning.tune(conversion, ANN, X)
