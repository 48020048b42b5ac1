"""Sweeps by other processes, here and in clusters: the same numbers, whatever ends in between."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn import OptionError
from onnx2snn.spreading.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("joblib", reason="no joblib here: pip install 'onnx2snn[cluster]'")

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
ANN = str(DIGITS / "digits.onnx")
DATA = {name: values[:64] for name, values in np.load(DIGITS / "test.npz").items()}
CALIBRATION = np.load(DIGITS / "calibration.npz")["image"][:48]
CELLS: dict[str, Any] = {"methods": ["rmp", "opi", "spikeconverter"], "T": [1, 2, 3, 4]}


@pytest.fixture(scope="module")
def alone() -> onnx2snn.Sweep:
    return onnx2snn.sweep(ANN, DATA, CALIBRATION, **CELLS)


@pytest.mark.slow
def test_processes_measure_the_same(alone: onnx2snn.Sweep) -> None:
    assert onnx2snn.sweep(ANN, DATA, CALIBRATION, workers=2, **CELLS) == alone


@pytest.fixture
def dask() -> Iterator[str]:
    reason = "no dask here: pip install 'onnx2snn[cluster]'"
    distributed = pytest.importorskip("distributed", reason=reason)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_measures_the_same(alone: onnx2snn.Sweep, dask: str) -> None:
    assert onnx2snn.sweep(ANN, DATA, CALIBRATION, workers=dask, **CELLS) == alone


@pytest.fixture
def ray_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("RAY_worker_niceness", "0")
    reason = "no Ray here: pip install 'onnx2snn[cluster]'"
    ray = pytest.importorskip("ray", reason=reason)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield "ray"
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ray_measures_the_same(alone: onnx2snn.Sweep, ray_here: str) -> None:
    assert onnx2snn.sweep(ANN, DATA, CALIBRATION, workers=ray_here, **CELLS) == alone


KILLER = """
import os, signal
from pathlib import Path
import numpy as np

def calibration():
    flag = Path({flag!r})
    if os.getpid() != {main} and flag.exists():
        flag.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return np.load({file!r})["image"][:48]
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_is_killed_loses_nothing(
    alone: onnx2snn.Sweep, tmp_path: Path
) -> None:
    flag, script = tmp_path / "flag", tmp_path / "data.py"
    flag.touch()
    file = str(DIGITS / "calibration.npz")
    script.write_text(KILLER.format(flag=str(flag), main=os.getpid(), file=file))
    data = f"{script}:calibration"
    keep = tmp_path / "sweep.json"
    found = onnx2snn.sweep(ANN, DATA, data, workers=2, keep=keep, **CELLS)
    assert not flag.exists()
    assert found == alone
    assert len(json.loads(keep.read_text())["cells"]) == len(alone.cells)


@pytest.mark.slow
def test_batches_run_elsewhere_score_the_same() -> None:
    snn = onnx2snn.convert(ANN, 2, CALIBRATION, method="rmp")
    options: dict[str, Any] = {"ann": ANN, "T": [1, 2], "batch_size": 7}
    alone = onnx2snn.evaluate(snn, DATA, **options)
    assert onnx2snn.evaluate(snn, DATA, workers=2, **options) == alone


def test_this_process_alone_needs_no_joblib() -> None:
    assert list(Workers().results(abs, [-1, 2])) == [(0, 1), (1, 2)]


@pytest.mark.parametrize("address", ["localhost:8786", "tcp://", "auto"])
def test_an_address_of_no_cluster(address: str) -> None:
    with pytest.raises(OptionError, match=f"cluster: '{address}' is no address"):
        Workers(cluster=address)


def test_what_cannot_be_sent() -> None:
    generator = (number for number in range(3))
    with pytest.raises(OptionError, match="cannot be sent to other processes"):
        list(Workers(2).results(abs, [generator]))  # type: ignore[list-item]


def test_no_workers() -> None:
    with pytest.raises(OptionError, match="workers"):
        Workers(0)
