"""The simulators themselves, where they are installed; our own CI has none of them."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from benchmarks.nir_readers import MODULES, is_installed, run_reader
from onnx2snn.exporting.nir_file import read_layers
from onnx2snn.exporting.readers import READERS
from onnx2snn.exporting.simulation import Simulation
from tests.exporting.networks import T, images, network

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["residual", "pools", "uneven padding", "grouped"])
@pytest.mark.parametrize("reader", MODULES)
def test_a_reader_gives_what_our_model_of_it_gives(
    reader: str, name: str, tmp_path: Path
) -> None:
    if importlib.util.find_spec("nir") is None or not is_installed(reader):
        pytest.skip(f"{reader} with its NIR importer is not installed (extra peers)")
    path = tmp_path / "net.nir"
    data = images(6)
    onnx2snn.export_nir(network(name), path, reader=reader, data={"x": data})
    model = Simulation(read_layers(path), T).run(data, READERS[reader].firing)
    real = run_reader(reader, path, data, T)
    np.testing.assert_allclose(real, model, rtol=1e-4, atol=1e-5)
