"""Emitted files in every form that JavaScript runs, and the packages of npm that run them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

import onnx2snn
from tests.browser import is_missing
from tests.models import CLASSIFIER, CLASSIFIER_WEIGHTS, dyadic, model

HERE = Path(__file__).parent
FORMS: dict[str, dict[str, Any]] = {
    "loop": {"T_input": "required"},
    "multistep": {"T_input": "required", "layout": "multistep"},
    "int8": {"T_input": "required", "weights": "int8"},
    "inlined": {"T_input": "required", "inline": True},
    "step": {"layout": "step"},
    "optional": {},
}


@pytest.fixture(scope="session")
def node_modules(pytestconfig: pytest.Config) -> Path:
    """The folder with onnxruntime-node and onnxruntime-web, outside of the repository.

    With ``--require-javascript`` npm installs them; else they have to be there.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            is_missing(pytestconfig, f"no {program} here: apt-get install {program}")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "onnx2snn" / "javascript"
    wanted = (HERE / "package.json").read_text()
    stamp = folder / "installed.json"
    if stamp.is_file() and stamp.read_text() == wanted:
        return folder / "node_modules"
    if not pytestconfig.getoption("--require-javascript"):
        pytest.skip("no onnxruntime for JavaScript here: make test-javascript")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(wanted)
    # The scripts would download libraries for GPUs.
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(  # noqa: S603 (npm, with a list of ours)
        command, cwd=folder, check=False, capture_output=True
    )
    if done.returncode:
        pytest.fail(f"npm install failed: {done.stderr.decode()}")
    stamp.write_text(wanted)
    return folder / "node_modules"


@pytest.fixture(scope="session")
def image() -> np.ndarray:
    return dyadic(1, 3, 2, 6, 5, unit=16)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, image: np.ndarray) -> Path:
    """A folder with ``FORM.onnx`` of each form, and ``feeds.json``."""
    folder = tmp_path_factory.mktemp("javascript")
    ann = ir.to_proto(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))
    plain = {"threshold": "max", "per_channel": False, "corrections": ("none",)}
    for name, options in FORMS.items():
        onnx2snn.convert(ann, 8, {"x": image}, **plain, **options).save(
            folder / f"{name}.onnx"
        )
    feeds = {"x": {"dims": list(image.shape), "data": image.ravel().tolist()}}
    (folder / "feeds.json").write_text(json.dumps(feeds))
    return folder


@pytest.fixture(scope="session")
def check_outputs(files: Path, image: np.ndarray) -> Any:
    """A function that compares what JavaScript printed with what Python gives."""

    def check(printed: dict[str, Any], form: str, time_steps: int) -> None:
        network = onnx2snn.load(files / f"{form}.onnx", "ort")
        expected = network.run(image, time_steps)
        assert printed.keys() == expected.keys()
        for name, data in expected.items():
            assert printed[name]["dims"] == list(data.shape)
            found = np.reshape(printed[name]["data"], data.shape)
            np.testing.assert_allclose(found, data, atol=1e-5)

    return check
