"""The correction ``weights``, from an ANN to the outputs of its spiking network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn.correction import weight_fitting
from onnx2snn.correction.least_squares import solve_ridge
from onnx2snn.data.dataset import dataset, input_specs
from onnx2snn.graph import array, set_array
from onnx2snn.metadata.scale import Scale
from onnx2snn.passes import CarryRunningMeans, CorrectLayers, ReplaceActivations
from onnx2snn.schedules import time_loops
from onnx2snn.testing import run_ort
from tests.models import model, normal, with_scales

if TYPE_CHECKING:
    import onnx_ir as ir

T = 4
IMAGE, SEQUENCE = (3, 8, 7), (6, 5)
HEAD = "m = GlobalAveragePool (r)  f = Flatten (m)  y = Gemm (f, l)"
NETWORKS = {
    "chain": (
        IMAGE,
        "c = Conv (x, w, b)  a = Relu (c)  g = Conv (a, u, b)  r = Relu (g)  " + HEAD,
    ),
    "residual": (
        IMAGE,
        (
            "c = Conv (x, w, b)  a = Relu (c)  g = Conv <pads = [1, 1, 1, 1]> (a, u, b)  "
            f"s = Add (g, a)  r = Relu (s)  {HEAD}"
        ),
    ),
    "groups": (
        IMAGE,
        (
            "c = Conv (x, w, b)  a = Relu (c)  g = Conv <group = 2, strides = [2, 1]> (a, half)  "
            f"r = Relu (g)  {HEAD}"
        ),
    ),
    "transposed": (
        IMAGE,
        (
            "c = Conv (x, w, b)  a = Relu (c)  "
            f"g = ConvTranspose <strides = [2, 2]> (a, u, b)  r = Relu (g)  {HEAD}"
        ),
    ),
    "sequence": (
        SEQUENCE,
        (
            "h = MatMul (x, p)  a = Relu (h)  g = MatMul (a, q)  e = Add (g, b)  r = Relu (e)  "
            "y = MatMul (r, l)"
        ),
    ),
    "attention": (
        SEQUENCE,
        (
            "h = MatMul (x, p)  a = Relu (h)  k = MatMul (a, q)  v = MatMul (a, o)  "
            "z = Transpose <perm = [0, 2, 1]> (k)  n = MatMul (k, z)  i = Softmax (n)  "
            "j = MatMul (i, v)  t = MatMul (j, l2)  r = Relu (t)  y = MatMul (r, l)"
        ),
    ),
}
WEIGHTS = {
    "w": normal(1, 4, 3, 3, 3) / 3,
    "b": normal(2, 4) / 4,
    "u": normal(3, 4, 4, 3, 3) / 4,
    "half": normal(4, 4, 2, 3, 3) / 3,
    "l": normal(5, 4, 5),
    "p": normal(6, 5, 4) / 2,
    "q": normal(7, 4, 4) / 2,
    "o": normal(8, 4, 4) / 2,
    "l2": normal(9, 4, 4) / 2,
}
EACH_NETWORK = pytest.mark.parametrize("name", NETWORKS)


def ann_of(name: str) -> ir.Model:
    shape, text = NETWORKS[name]
    sizes = ",".join(map(str, shape))
    used = {
        key: value
        for key, value in WEIGHTS.items()
        if f"{key}," in text or f"{key})" in text
    }
    return model(f"(float[N,{sizes}] x) => (y) {{ {text} }}", **used)


def data_for(name: str, seed: int, samples: int) -> np.ndarray:
    """Return inputs of four kinds, mixed, with some noise: as in real data, little is by chance."""
    shape = NETWORKS[name][0]
    kinds = normal(99, 4, *shape)
    mixed = np.tensordot(normal(seed, samples, 4), kinds, 1) / 2
    return mixed + normal(seed + 100, samples, *shape) / 4


def converted(
    name: str, corrections: tuple[str, ...], **options: Any
) -> onnx2snn.Conversion:
    spike = "all" if name == "attention" else "activations"
    calibration = data_for(name, 20, 256)
    return onnx2snn.convert(
        ann_of(name), T, calibration, corrections=corrections, spike=spike, **options
    )


def error(name: str, conversion: onnx2snn.Conversion) -> float:
    """Return the mean squared error of the outputs on data that nothing was fitted to."""
    x = data_for(name, 21, 256)
    expected = run_ort(ann_of(name), {"x": x})["y"]
    found = onnx2snn.load(conversion.model).run({"x": x})["y"]
    return float(np.square(found - expected).mean())


@EACH_NETWORK
@pytest.mark.parametrize(
    "options",
    [{}, {"neuron": "if"}, {"schedule": "layerwise"}],
    ids=["gated", "if", "layerwise"],
)
def test_the_outputs_come_closer_to_the_ann(name: str, options: dict[str, str]) -> None:
    without, repaired = (
        error(name, converted(name, corrections, **options))
        for corrections in (("none",), ("weights",))
    )
    assert repaired < 0.97 * without


@EACH_NETWORK
def test_biases_alone_do_not_come_as_close(name: str) -> None:
    without, repaired = (
        error(name, converted(name, corrections))
        for corrections in (("bias",), ("weights", "bias"))
    )
    assert repaired < without


@pytest.mark.parametrize(
    "samples, numbers, side",
    [(8, 2**26, 30), (400, 2**26, 10), (2000, 2**26, 8), (8, 36 * 8 * 225, 15)],
    ids=["few", "some", "many", "little memory"],
)
def test_the_fewer_images_the_more_positions_of_each(
    samples: int, numbers: int, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = []

    def recorded(
        x: np.ndarray, y: np.ndarray, of: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        shapes.append(x.shape)
        return solve_ridge(x, y, of)

    monkeypatch.setattr(weight_fitting, "solve_ridge", recorded)
    monkeypatch.setattr(weight_fitting, "_NUMBERS", numbers)
    ann = model(f"(float[N,3,34,34] x) => (y) {{ {NETWORKS['chain'][1]} }}",
                **{key: WEIGHTS[key] for key in "wbul"})  # fmt: skip
    onnx2snn.convert(ann, T, normal(3, samples, 3, 34, 34), corrections=("weights",))
    groups, places, inputs = shapes[0]
    assert (groups, inputs) == (1, 36)
    assert samples * (side - 1) ** 2 < places <= samples * side**2


@pytest.mark.parametrize(
    "way, samples, blocks",
    [
        ("k = Transpose <perm = [1, 0, 2]> (a)", 256, 4),
        ("k = Reshape (a, flat)", 256, 4),
        ("k = Reshape (a, flat)", 128, 8),
    ],
    ids=["sequence first", "one axis", "one axis, few batches"],
)
def test_rows_that_are_no_samples_are_left_out_together(
    way: str, samples: int, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sample of which one row is known and another left out would judge itself."""
    numbers = []

    def recorded(
        x: np.ndarray, y: np.ndarray, of: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        numbers.append(of)
        return solve_ridge(x, y, of)

    monkeypatch.setattr(weight_fitting, "solve_ridge", recorded)
    text = f"h = MatMul (x, p)  a = Relu (h)  {way}  g = MatMul (k, q)  y = Relu (g)"
    constants = {"p": WEIGHTS["p"], "q": WEIGHTS["q"], "flat": np.int64([-1, 4])}
    ann = model(f"(float[N,6,5] x) => (y) {{ {text} }}", **constants)
    onnx2snn.convert(ann, T, normal(3, samples, 6, 5), corrections=("weights",))
    (of,) = numbers
    assert np.count_nonzero(np.diff(of)) == blocks - 1, "neighbors stay together"
    np.testing.assert_array_equal(np.bincount(of), len(of) // 4)


def weights_of(network: ir.Model) -> dict[str, np.ndarray]:
    """Return the weights of ``WEIGHTS`` in a network, wherever they are."""
    graphs = [network.graph]
    graphs += [loop.attributes["body"].as_graph() for loop in time_loops(network.graph)]
    found = [value for graph in graphs for value in graph.initializers.values()]
    return {
        str(value.name).removesuffix(".body"): array(value)
        for value in found
        if str(value.name).removesuffix(".body") in WEIGHTS
    }


DRIVEN = {
    "chain": {"u", "l"},
    "residual": {"u", "l"},
    "groups": {"half", "l"},
    "transposed": {"u", "l"},
    "sequence": {"q", "l"},
    "attention": {"q", "o", "l2", "l"},
}
"""Weights that neurons stand in front of: the input itself drives the others."""


@EACH_NETWORK
def test_weights_that_spikes_drive_change_and_no_others(name: str) -> None:
    found = weights_of(converted(name, ("weights",)).ir_model)
    changed = {
        key for key, value in found.items() if not np.array_equal(value, WEIGHTS[key])
    }
    assert changed - {"b"} == DRIVEN[name]


@EACH_NETWORK
def test_kept_weights_stay(name: str) -> None:
    conversion = converted(name, ("weights", "threshold-scaling"), keep_weights=True)
    found = weights_of(conversion.ir_model)
    changed = {
        key for key, value in found.items() if not np.array_equal(value, WEIGHTS[key])
    }
    assert changed <= {"b"}
    assert "weights" not in conversion.report["method"]
    assert "bias correction" in conversion.report["method"]


@EACH_NETWORK
def test_the_ann_stays_as_it_is(name: str) -> None:
    ann = ann_of(name)
    before = {key: array(value).copy() for key, value in ann.graph.initializers.items()}
    spike = "all" if name == "attention" else "activations"
    onnx2snn.convert(
        ann, T, data_for(name, 20, 64), corrections=("weights",), spike=spike
    )
    assert ann.graph.initializers.keys() == before.keys()
    for key, value in ann.graph.initializers.items():
        np.testing.assert_array_equal(array(value), before[key])


SHARED = "c = Conv (x, w, b)  a = Relu (c)  g = Conv (a, u, b)  r = Relu (g)  y = Conv (r, u)"


def in_single_step(text: str, theta: float = 1.0) -> tuple[ir.Model, ir.Model]:
    ann = model(f"(float[N,3,8,7] x) => (y) {{ {text} }}", **WEIGHTS)
    with_scales(ann, Scale(np.float32([theta]), None, "graph"))
    snn = ann.clone()
    ReplaceActivations()(snn)
    CarryRunningMeans()(snn)
    return ann, snn


def correction(ann: ir.Model, *corrections: str, samples: int = 64) -> CorrectLayers:
    data = dataset({"x": normal(20, samples, 3, 8, 7)}, input_specs(ann))
    return CorrectLayers(T, corrections, ann=ann, data=data)


def test_shared_weights_are_left_alone() -> None:
    ann, snn = in_single_step(SHARED)
    before = {key: array(value).copy() for key, value in snn.graph.initializers.items()}
    assert not correction(ann, "weights")(snn).modified
    assert snn.graph.initializers.keys() == before.keys()
    for key, value in snn.graph.initializers.items():
        np.testing.assert_array_equal(array(value), before[key])


def test_without_samples_to_judge_by_weights_stay() -> None:
    ann, snn = in_single_step(NETWORKS["chain"][1])
    assert not correction(ann, "weights", samples=3)(snn).modified
    np.testing.assert_array_equal(array(snn.graph.initializers["u"]), WEIGHTS["u"])


def test_weights_that_are_wrong_are_found_again() -> None:
    """With many steps the spikes are what the ANN has: nothing else is left to make up for."""
    ann, snn = in_single_step(NETWORKS["groups"][1], theta=8.0)
    wrong = WEIGHTS["half"] + normal(30, *WEIGHTS["half"].shape) / 5
    set_array(snn.graph.initializers["half"], wrong)
    data = dataset({"x": normal(20, 256, 3, 8, 7)}, input_specs(ann))
    assert CorrectLayers(256, ("weights",), ann=ann, data=data)(snn).modified
    np.testing.assert_allclose(
        array(snn.graph.initializers["half"]), WEIGHTS["half"], atol=0.02
    )


def test_potentials_that_change_are_a_change() -> None:
    ann, snn = in_single_step(NETWORKS["chain"][1])
    before = array(snn.graph.initializers["a.v_init_value"]).copy()
    assert correction(ann, "potential")(snn).modified
    assert (array(snn.graph.initializers["a.v_init_value"]) != before).any()
