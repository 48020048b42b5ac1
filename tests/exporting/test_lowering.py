from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.exporting.layers import Convolution, Exit, LayerGraph
from onnx2snn.exporting.preparing import prepare
from onnx2snn.exporting.readers import READERS
from onnx2snn.exporting.simulation import Simulation
from onnx2snn.exporting.sources import Source
from tests.exporting.networks import SHAPES, T, images, network

NAMES = [*SHAPES, "residual"]


def outputs(layers: LayerGraph, data: np.ndarray) -> np.ndarray:
    return Simulation(layers, T).run(data, None)


@pytest.mark.parametrize("name", NAMES)
def test_layers_are_the_network(name: str) -> None:
    conversion = network(name)
    source = Source(conversion, None)
    data = images(4)
    own = conversion.network.run({"x": data}, T)["z"]
    assert np.abs(own).max() > 0.05
    np.testing.assert_allclose(
        outputs(source.lowered.layers, data), own, rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("reader", ["generic", "sinabs"])
@pytest.mark.parametrize("name", NAMES)
def test_passes_are_exact(name: str, reader: str) -> None:
    conversion = network(name)
    source = Source(conversion, None)
    row = READERS[reader]
    prepared = prepare(source.lowered.layers, T, row, row.pool)
    data = images(4)
    own = conversion.network.run({"x": data}, T)["z"]
    np.testing.assert_allclose(outputs(prepared.exact, data), own, rtol=1e-3, atol=1e-4)
    check_form(prepared.layers)


def check_form(layers: LayerGraph) -> None:
    """Check what every reader needs."""
    for name in layers.named(Convolution):
        layer = layers.layers[name]
        assert isinstance(layer, Convolution)
        assert layer.groups == 1
        assert layer.weight.shape[2] == layer.weight.shape[3]
        assert min(layer.before) >= 0
        assert layers.sources[name]
    (end,) = layers.named(Exit)
    assert len(layers.sources[end]) == 1
    assert all(name.isidentifier() for name in layers.layers)


def test_a_shortcut_is_carried_by_the_chain_beside_it() -> None:
    source = Source(network("residual"), None)
    layers = source.lowered.layers
    joins = [name for name in layers.layers if len(layers.sources[name]) > 1]
    assert joins
    prepared = prepare(layers, T, READERS["sinabs"], "sum")
    assert prepared.changes["carry_through"]
    found = prepared.layers
    assert all(len(sources) <= 1 for sources in found.sources.values())
