from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn.correction import layer_by_layer, time_slices
from onnx2snn.correction.biases import add_bias
from onnx2snn.correction.grid import Grid
from onnx2snn.correction.layer_by_layer import correct_layer_by_layer
from onnx2snn.correction.network_pair import NetworkPair
from onnx2snn.metadata.facts import ACTIVATION_OUTPUT
from onnx2snn.metadata.scale import Scale
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import (
    AttachFunctions,
    CarryRunningMeans,
    EmitLayerwise,
    EmitTimeLoop,
    ReplaceActivations,
)
from onnx2snn.runtime.subgraph import Subgraph
from onnx2snn.storage.array_store import ArrayStore
from onnx2snn.testing import run_ort
from tests.models import dyadic, model, with_scales

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx2snn.correction.layer import Layer, Sample

T = 6
X = dyadic(1, 7, 2, 6, 5, unit=16)
BLOCKS = [[{"x": X[:3]}], [{"x": X[3:]}]]
WEIGHTS = {
    "w": dyadic(2, 4, 2, 3, 3),
    "b": dyadic(3, 4),
    "u": dyadic(4, 4, 4, 1, 1),
    "d": dyadic(5, 4),
}
TEXT = (
    "(float[N,2,6,5] x) => (y) { c = Conv (x, w, b)  a1 = Relu (c)  "
    "g = Conv (a1, u, d)  a2 = Relu (g)  s = Add (a1, a2)  p = MaxPool <kernel_shape = [2, 2]> (s)"
    "  e = Conv (p, u, d)  a3 = Relu (e)  y = Conv (a3, u) }"
)


def networks(
    neuron: str = "gated",
    *,
    per_channel: bool = True,
    text: str = TEXT,
    **weights: np.ndarray,
) -> tuple[ir.Model, ir.Model]:
    """Return an ANN and its single-step graph."""
    ann = model(text, **(WEIGHTS | weights))
    theta = np.array([0.25, 0.5, 1, 0.5] if per_channel else [0.5], np.float32)
    with_scales(ann, Scale(theta, 1 if per_channel else None, "graph"))
    snn = ann.clone()
    ReplaceActivations(neuron)(snn)
    CarryRunningMeans()(snn)
    return ann, snn


def spikes(snn: ir.Model) -> dict[str, np.ndarray]:
    """Return the spikes of the emitted network, [T, N, ...], by the name of the activation."""
    emitted = ir.from_proto(onnx.load_from_string(ir.to_proto(snn).SerializeToString()))
    neurons = [node for node in emitted.graph if is_neuron(node)]
    emitted.graph.outputs[:] = [node.outputs[0] for node in neurons]
    names = tuple(str(node.outputs[0].name) for node in neurons)
    EmitTimeLoop(T, every_step=names)(emitted)
    AttachFunctions()(emitted)
    found = run_ort(emitted, {"x": X})
    activation = [ACTIVATION_OUTPUT.read_required(node) for node in neurons]
    return dict(zip(activation, (found[name] for name in names), strict=True))


def visit_layers(
    ann: ir.Model,
    snn: ir.Model,
    visit: Callable[[Layer], None],
    positions: int | None = None,
) -> None:
    """Let ``visit`` see, and perhaps change, each layer of neurons, in order."""

    def correct_neurons(layer: Layer) -> bool:
        visit(layer)
        return True

    correct_layer_by_layer(
        NetworkPair(snn, ann, T),
        BLOCKS,
        correct_neurons,
        lambda _: True,
        positions=positions,
    )


def name_of(layer: Any) -> str:
    return ACTIVATION_OUTPUT.read_required(layer.neuron)


def spikes_seen(
    ann: ir.Model, snn: ir.Model, change: Callable[[Layer], None] | None = None
) -> dict[str, np.ndarray]:
    """Return the spikes of each layer, [T, N, ...], in the calibration, after ``change``."""
    found = {}

    def visit(layer: Layer) -> None:
        if change is not None:
            change(layer)
        parts = [layer.spikes(sample.current) for sample in layer.samples]
        found[name_of(layer)] = np.concatenate(parts, axis=1)

    visit_layers(ann, snn, visit)
    return found


def assert_equal(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(found) == list(expected) == ["a1", "a2", "a3"]
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, name)
        assert len(np.unique(array)) > 1, f"{name} is silent"


@pytest.mark.parametrize(
    "per_channel", [True, False], ids=["per channel", "per tensor"]
)
@pytest.mark.parametrize("neuron", ["gated", "if"])
def test_the_spikes_are_those_of_the_network(neuron: str, per_channel: bool) -> None:  # noqa: FBT001
    ann, snn = networks(neuron, per_channel=per_channel)
    assert_equal(spikes_seen(ann, snn), spikes(snn))


def test_the_targets_are_the_activations_of_the_ann() -> None:
    ann, snn = networks()
    layers = {}

    def visit(layer: Layer) -> None:
        targets = [sample.target for sample in layer.samples]
        layers[name_of(layer)] = np.concatenate(targets)

    visit_layers(ann, snn, visit)
    values = {v.name: v for node in ann.graph for v in node.outputs}
    ann.graph.outputs[:] = [values[name] for name in layers]
    for name, expected in run_ort(ann, {"x": X}).items():
        np.testing.assert_array_equal(layers[name], expected, name)


def test_currents_and_mean_outputs() -> None:
    ann, snn = networks()
    expected = spikes(snn)
    visited = []

    def visit(layer: Layer) -> None:
        name = name_of(layer)
        first, second = layer.samples
        static = name == "a1"
        steps = (3,) if static else (T, 3)
        assert first.current.shape == steps + expected[name].shape[2:]
        assert second.current.shape[not static] == 4
        rate = expected[name][:, :3].mean(axis=0, dtype=np.float32) * layer.v_threshold
        np.testing.assert_allclose(layer.mean_output(first.current), rate, rtol=1e-6)
        assert layer.shared_axes == (0, 2, 3)
        visited.append(name)

    visit_layers(ann, snn, visit)
    assert visited == ["a1", "a2", "a3"]


def test_what_changes_in_a_layer_drives_the_layers_behind_it() -> None:
    def change(layer: Any) -> None:
        layer.v_threshold = layer.v_threshold * np.float32(0.5)
        layer.v_init = layer.v_init + np.float32(0.0625)

    ann, snn = networks()
    unchanged = spikes(snn)
    found = spikes_seen(ann, snn, change)
    assert_equal(found, spikes(snn))
    assert all((found[name] != unchanged[name]).any() for name in found)


def test_a_bias_drives_the_layers_behind_it() -> None:
    ann, snn = networks()

    def change(layer: Any) -> None:
        layer.bias = layer.bias + np.float32([0.25, -0.5, 0, 0.125]).reshape(1, 4, 1, 1)
        add_bias(snn.graph, layer.neuron, layer.bias)

    unchanged = spikes(snn)
    found = spikes_seen(ann, snn, change)
    assert_equal(found, spikes(snn))
    assert all((found[name] != unchanged[name]).any() for name in found)


def test_what_is_no_longer_read_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    stores: list[ArrayStore] = []

    class Seen(ArrayStore):
        def __init__(self) -> None:
            super().__init__()
            stores.append(self)

    monkeypatch.setattr(layer_by_layer, "ArrayStore", Seen)
    ann, snn = networks()
    kept = {}

    def visit(layer: Layer) -> None:
        names = stores[0]._stored
        kept[name_of(layer)] = {name for name in names if name.startswith("a")}

    visit_layers(ann, snn, visit)
    assert kept == {"a1": {"a1"}, "a2": {"a1.spike", "a1", "a2"},
                    "a3": {"a1.spike", "a1", "a2.spike", "a2", "a3"}}  # fmt: skip
    assert set(stores[0]._stored) == {"x", "a3", "a3.spike"}, (
        "what the weights behind it read"
    )


def test_a_correction_that_fails_leaves_no_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stores: list[ArrayStore] = []

    class Seen(ArrayStore):
        def __exit__(self, *details: object) -> None:
            super().__exit__(*details)
            stores.append(self)

    def fail(layer: Layer) -> None:
        raise ArithmeticError(name_of(layer))

    monkeypatch.setattr(layer_by_layer, "ArrayStore", Seen)
    with pytest.raises(ArithmeticError, match="a1"):
        visit_layers(*networks(), fail)
    assert len(stores) == 1
    assert not stores[0]._folder.path.exists()


@pytest.mark.parametrize("corrected", ["neurons", "weights", "nothing"])
def test_whether_anything_changed(corrected: str) -> None:
    text = TEXT.replace("Conv (a3, u)", "Conv (a3, k)")
    ann, snn = networks(text=text, k=dyadic(6, 4, 4, 1, 1))
    changed = correct_layer_by_layer(
        NetworkPair(snn, ann, T),
        BLOCKS,
        lambda layer: corrected == "neurons" and name_of(layer) == "a1",
        lambda weights: corrected == "weights" and weights.map.weights.name == "k",
    )
    assert changed == (corrected != "nothing")


def test_samples_at_some_positions_and_neurons_that_fire_at_all() -> None:
    def samples(positions: int | None) -> dict[str, list[Sample]]:
        found = {}

        def visit(layer: Layer) -> None:
            found[name_of(layer)] = list(layer.samples)

        visit_layers(*networks(), visit, positions)
        return found

    every, some = samples(None), samples(2)
    for name in ("a1", "a2", "a3"):
        pairs = zip(some[name], every[name], strict=True)
        for batch, (few, full) in enumerate(pairs):
            places = (..., *Grid(2, batch).positions_along(full.target.shape[2:]))
            assert few.target.size < full.target.size
            np.testing.assert_array_equal(few.target, full.target[places])
            np.testing.assert_array_equal(few.current, full.current[places])


@pytest.mark.parametrize("positions", [None, 2])
def test_batches_of_a_block_are_one_sample_of_a_layer(positions: int | None) -> None:
    found: dict[str, list[Sample]] = {}
    sent: dict[str, np.ndarray] = {}

    def correct_neurons(layer: Layer) -> bool:
        found[name_of(layer)] = list(layer.samples)
        return True

    alone = [{"x": X[number : number + 1]} for number in range(len(X))]
    for blocks in ([alone[:4], alone[4:]], [[{"x": X[:4]}], [{"x": X[4:]}]]):
        ann, snn = networks()
        correct_layer_by_layer(
            NetworkPair(snn, ann, T), blocks, correct_neurons, positions=positions
        )
        for name, (first, last) in found.items():
            assert (len(first.target), len(last.target)) == (4, 3)
            data = np.concatenate([sample.current.ravel() for sample in (first, last)])
            np.testing.assert_array_equal(sent.setdefault(name, data), data)


@pytest.mark.parametrize("numbers", [1, 2 * X[0].size])
def test_currents_of_some_steps_at_a_time_are_those_of_all(
    numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = spikes_seen(*networks())
    monkeypatch.setattr(time_slices, "_NUMBERS", numbers)
    lengths = []
    run = Subgraph.run

    def run_and_note(subgraph: Subgraph, feeds: Any) -> list[np.ndarray]:
        lengths.extend(len(data) for data in feeds.values() if data.dtype == np.int8)
        return run(subgraph, feeds)

    monkeypatch.setattr(Subgraph, "run", run_and_note)
    assert_equal(spikes_seen(*networks()), expected)
    assert min(lengths) < T
    assert max(lengths) == T, "a MaxPool over time cannot stop between steps"


def test_batches_of_other_shapes_stand_alone_in_a_block() -> None:
    text = TEXT.replace("float[N,2,6,5] x", "float[N,2,H,W] x")
    ann, snn = networks(text=text)
    block = [{"x": X}, {"x": X[:, :, :4]}]
    seen = {}

    def correct_neurons(layer: Layer) -> bool:
        seen[name_of(layer)] = [sample.target.shape[2:] for sample in layer.samples]
        return True

    correct_layer_by_layer(NetworkPair(snn, ann, T), [block], correct_neurons)
    assert seen["a1"] == [(4, 3), (2, 3)]
    assert all(len(shapes) == 2 for shapes in seen.values())


@pytest.mark.parametrize(
    "per_channel", [True, False], ids=["per channel", "per tensor"]
)
@pytest.mark.parametrize("neuron", ["gated", "if", "augmented", "inverse-leaky"])
def test_layer_by_layer_a_layer_hands_on_what_its_spikes_write(
    neuron: str,
    per_channel: bool,  # noqa: FBT001
) -> None:
    ann = model(TEXT.replace("y = Conv", "n = Neg (a3)  a4 = Tanh (n)  y = Conv").replace(
        "(a3, u)", "(a4, u)"), **WEIGHTS)  # fmt: skip
    steps = 4
    part = 15 / 16 if neuron == "inverse-leaky" else 1  # then every digit is dyadic
    theta = np.array(
        [0.25, 0.5, 1, 0.5] if per_channel else [0.5], np.float32
    ) * np.float32(part)
    with_scales(ann, Scale(theta, 1 if per_channel else None, "graph"))
    snn = ann.clone()
    ReplaceActivations(neuron)(snn)
    found = {}

    def correct_neurons(layer: Layer) -> bool:
        layer.v_init = layer.v_init * np.float32(0.5)
        samples = list(layer.samples)
        assert samples[0].current.shape == samples[0].target.shape
        outputs = [layer.mean_output(sample.current) for sample in samples]
        found[name_of(layer)] = np.concatenate(outputs)
        return True

    pair = NetworkPair(snn, ann, steps, layerwise=True)
    correct_layer_by_layer(pair, BLOCKS, correct_neurons)
    values = {value.name: value for node in snn.graph for value in node.outputs}
    snn.graph.outputs[:] = [values[name] for name in found]
    EmitLayerwise(steps)(snn)
    AttachFunctions()(snn)
    expected = run_ort(snn, {"x": X})
    assert list(found) == list(expected) == ["a1", "a2", "a3", "a4"]
    for name, array in expected.items():
        if name == "a4":  # Tanh is not the same to the last bit everywhere
            np.testing.assert_allclose(found[name], array, atol=1e-5)
        else:
            np.testing.assert_array_equal(found[name], array, name)
        assert len(np.unique(array)) > 2, f"{name} is silent"
