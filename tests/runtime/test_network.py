from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn import InvalidModelError, RuntimeShapeError
from onnx2snn.testing import run_ort
from tests.models import dyadic, emitted, model

if TYPE_CHECKING:
    from pathlib import Path

RUNTIMES = pytest.mark.parametrize("runtime", ["ort", "numpy"])
FEEDS = {"x": dyadic(1, 3, 2, 6, 5, unit=16), "k": dyadic(2, 3, 5, unit=16)}


def proto(time_steps: int = 6) -> onnx.ModelProto:
    """Return a network with an output of every sort, and two inputs."""
    ann = model(
        "(float[N,2,6,5] x, float[N,5] k) => (float[N,5] y, float[N,4,4,3] a, float[N,5] p, "
        "float[N,5] still, float[N,5] last) { c = Conv (x, w, b)  a = Relu (c)  "
        "q = MaxPool <kernel_shape = [4, 3]> (a)  f = Flatten (q)  g = Gemm (f, u, d)  "
        "h = Add (g, k)  y = Relu (h)  p = Softmax (y)  still = Neg (k)  last = Add (y, k) }",
        w=dyadic(3, 4, 2, 3, 3),
        b=dyadic(4, 4),
        u=dyadic(5, 4, 5),
        d=dyadic(6, 5),
    )
    return emitted(ann, time_steps, theta=0.25)


@RUNTIMES
def test_run(runtime: str) -> None:
    network = onnx2snn.load(proto(), runtime, threads=1)
    assert [spec.name for spec in network.inputs] == ["x", "k"]
    assert network.outputs == ("y", "a", "p", "still", "last")
    assert network.T == 6
    found = network.run(FEEDS)
    expected = run_ort(proto(), FEEDS)
    assert list(found) == list(expected)
    for name in ("y", "a", "still", "last"):
        np.testing.assert_array_equal(found[name], expected[name])
        assert found[name].dtype == np.float32
    np.testing.assert_allclose(found["p"], expected["p"], rtol=1e-6)


@RUNTIMES
def test_run_with_another_number_of_steps(runtime: str) -> None:
    found = onnx2snn.load(proto(), runtime).run(FEEDS, T=4)
    np.testing.assert_array_equal(found["y"], run_ort(proto(4), FEEDS)["y"])


@RUNTIMES
def test_run_at_equals_run_at_each_number_of_steps(runtime: str) -> None:
    network = onnx2snn.load(proto(), runtime, threads=1)
    found = network.run_at(FEEDS, [8, 1, 3, 5, 3])
    assert list(found) == [8, 1, 3, 5]
    for t, outputs in found.items():
        expected = network.run(FEEDS, T=t)
        assert list(outputs) == list(expected)
        for name, array in expected.items():
            np.testing.assert_array_equal(outputs[name], array, f"{name} at {t}")
            assert outputs[name].dtype == array.dtype


@RUNTIMES
def test_run_at_of_floats(runtime: str) -> None:
    rng = np.random.default_rng(1)
    ann = model(
        "(float[N,7] x) => (float[N,4] y, float[N,6] m) { c = Gemm (x, w)  a = Relu (c)  "
        "s = Softmax (a)  m = Mul (s, a)  g = MatMul (m, u)  r = Relu (g)  y = Softmax (r) }",
        w=rng.standard_normal((7, 6)).astype("f4"),
        u=rng.standard_normal((6, 4)).astype("f4"),
    )
    network = onnx2snn.load(emitted(ann), runtime, threads=1)
    feeds = {"x": rng.standard_normal((5, 7)).astype("f4")}
    for t, outputs in network.run_at(feeds, [1, 2, 7]).items():
        for name, array in network.run(feeds, T=t).items():
            np.testing.assert_array_equal(outputs[name], array, f"{name} at {t}")


@RUNTIMES
def test_an_output_that_the_loop_carries(runtime: str) -> None:
    snn = ir.from_proto(proto())
    loop = next(node for node in snn.graph if node.op_type == "Loop")
    snn.graph.outputs.append(loop.outputs[0])
    network = onnx2snn.load(ir.to_proto(snn), runtime, threads=1)
    found = network.run_at(FEEDS, [2, 4])
    for t in (2, 4):
        for name, array in network.run(FEEDS, T=t).items():
            np.testing.assert_array_equal(found[t][name], array, f"{name} at {t}")


@pytest.mark.parametrize("form", ["path", "str", "bytes", "proto"])
def test_forms_of_a_model(form: str, tmp_path: Path) -> None:
    path = tmp_path / "snn.onnx"
    onnx.save(proto(), path)
    forms = {
        "path": path,
        "str": str(path),
        "bytes": path.read_bytes(),
        "proto": proto(),
    }
    assert onnx2snn.load(forms[form]).T == 6


def test_an_ann_whose_values_are_called_t() -> None:
    ann = model(
        "(float[N,4] x) => (float[N,4] T) { h = Gemm (x, step)  T = Relu (h) }",
        step=dyadic(1, 4, 4),
    )
    network = onnx2snn.load(emitted(ann, 5))
    assert network.T == 5
    feeds = {"x": dyadic(2, 3, 4, unit=16)}
    expected = run_ort(emitted(ann.clone(), 5), feeds)["T"]
    np.testing.assert_array_equal(network.run(feeds)["T"], expected)
    np.testing.assert_array_equal(network.run_at(feeds, [5])[5]["T"], expected)


def test_an_ann_with_a_weight_called_t() -> None:
    ann = model(
        "(float[N,4] x) => (y) { h = Gemm (x, T)  y = Relu (h) }", T=dyadic(1, 4, 4)
    )
    network = onnx2snn.load(emitted(ann, 5))
    assert network.T == 5
    feeds = {"x": dyadic(2, 3, 4, unit=16)}
    np.testing.assert_array_equal(
        network.run(feeds, T=3)["y"],
        run_ort(
            emitted(
                model(
                    "(float[N,4] x) => (y) { h = Gemm (x, w)  y = Relu (h) }",
                    w=dyadic(1, 4, 4),
                ),
                3,
            ),
            feeds,
        )["y"],
    )


def test_an_ann_with_an_input_called_t() -> None:
    ann = model("(float[N,4] T) => (y) { h = Neg (T)  y = Relu (h) }")
    network = onnx2snn.load(emitted(ann, 5))
    assert [spec.name for spec in network.inputs] == ["T"]
    y = network.run({"T": np.float32([[-0.5, -0.25, 0, 1]])})["y"]
    np.testing.assert_allclose(y, [[0.5, 0.3, 0, 0]], rtol=1e-6)


@RUNTIMES
def test_an_array_alone_is_that_of_the_only_input(runtime: str) -> None:
    ann = model("(float[N,3] x) => (y) { y = Relu (x) }")
    network = onnx2snn.load(onnx2snn.convert(ann, 4).model, runtime)
    x = dyadic(1, 5, 3)
    np.testing.assert_array_equal(network.run(x)["y"], network.run({"x": x})["y"])
    with pytest.raises(
        RuntimeShapeError, match=r"has the inputs 'x', 'k': give a dict"
    ):
        onnx2snn.load(proto(), runtime).run(FEEDS["x"])


@RUNTIMES
def test_feeds_that_do_not_fit_are_all_named(runtime: str) -> None:
    network = onnx2snn.load(proto(), runtime)
    feeds = {
        "x": FEEDS["x"][:, :, :5],
        "k": FEEDS["k"].astype(complex),
        "z": FEEDS["k"],
    }
    with pytest.raises(RuntimeShapeError) as caught:
        network.run(feeds)
    assert str(caught.value).splitlines() == [
        "the feeds do not fit the network:",
        "  no input 'z'",
        "  input 'x' float32 [N, 2, 6, 5] was given shape [3, 2, 5, 5]",
        "  input 'k' float32 [N, 5] was given complex128",
    ]
    with pytest.raises(RuntimeShapeError, match="missing input 'k' float32"):
        network.run_at({"x": FEEDS["x"]}, [3])
    with pytest.raises(RuntimeShapeError, match=r"'x' .* was given shape \[3, 60\]"):
        network.run(FEEDS | {"x": FEEDS["x"].reshape(3, 60)})


@pytest.mark.parametrize("time_steps", [0, -2])
def test_less_than_one_step(time_steps: int) -> None:
    network = onnx2snn.load(proto())
    with pytest.raises(
        ValueError, match=f"T must be a whole number of at least 1, not {time_steps}"
    ):
        network.run(FEEDS, T=time_steps)
    with pytest.raises(
        ValueError, match=f"T must be a whole number of at least 1, not {time_steps}"
    ):
        network.run_at(FEEDS, [3, time_steps])


def test_no_number_of_steps() -> None:
    with pytest.raises(ValueError, match=r"no number of (time )?steps"):
        onnx2snn.load(proto()).run_at(FEEDS, [])


def test_an_unknown_runtime() -> None:
    with pytest.raises(
        ValueError,
        match="runtime must be one of auto, ort, native, numpy, torch, not 'tvm'",
    ):
        onnx2snn.load(proto(), "tvm")


def test_a_model_without_our_loop() -> None:
    ann = ir.to_proto(model("(float[N,4] x) => (y) { y = Relu (x) }"))
    with pytest.raises(InvalidModelError, match="no loop over time; convert it"):
        onnx2snn.load(ann)


def test_files_that_are_no_model(tmp_path: Path) -> None:
    missing, text = tmp_path / "missing.onnx", tmp_path / "text.onnx"
    text.write_text("not a model")
    with pytest.raises(InvalidModelError, match=r"missing\.onnx"):
        onnx2snn.load(missing)
    with pytest.raises(InvalidModelError, match=r"text\.onnx.* is not an ONNX file"):
        onnx2snn.load(text)
    with pytest.raises(InvalidModelError, match=r"not (an )?ONNX"):
        onnx2snn.load(b"not a model")
