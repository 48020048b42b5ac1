"""Emitted files in onnxruntime-web, in a browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SPIKING = Path(__file__).parents[2] / "examples" / "web" / "spiking.mjs"
PAGE = """<!doctype html><title>t</title><link rel="icon" href="data:,">
<script type="module">
import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs";
import { run } from "./spiking.mjs";

ort.env.wasm.numThreads = 1;
window.answer = async (form, { x }, count) => {
  const quiet = { logSeverityLevel: 3 };
  const session = await ort.InferenceSession.create(`${form}.onnx`, quiet);
  const feeds = { x: new ort.Tensor("float32", Float32Array.from(x.data), x.dims) };
  const results = await run(ort, session, feeds, count);
  return Object.fromEntries(Object.entries(results).map(
    ([name, { dims, data }]) => [name, { dims: [...dims], data: Array.from(data, Number) }]));
};
</script>"""


@pytest.fixture
def page(
    open_page: Callable[..., Any],
    serve: Callable[[Path], str],
    node_modules: Path,
    files: Path,
    tmp_path: Path,
) -> Any:
    """A page with a function ``answer``, beside all files."""
    folder = shutil.copytree(files, tmp_path / "served")
    shutil.copy(SPIKING, folder)
    (folder / "node_modules").symlink_to(node_modules)
    (folder / "index.html").write_text(PAGE)
    opened = open_page(serve(folder))
    opened.wait_for_function("Boolean(window.answer)")
    return opened


@pytest.mark.parametrize("form", ["loop", "multistep", "int8", "inlined", "step"])
def test_t_set_in_the_browser_gives_the_outputs_of_python(
    page: Any, files: Path, check_outputs: Any, form: str
) -> None:
    feeds = json.loads((files / "feeds.json").read_text())
    for time_steps in (1, 4, 8):
        call = "([form, feeds, count]) => answer(form, feeds, count)"
        printed = page.evaluate(call, [form, feeds, time_steps])
        check_outputs(printed, form, time_steps)


def test_an_initializer_among_the_inputs_cannot_be_fed(page: Any, files: Path) -> None:
    feeds = json.loads((files / "feeds.json").read_text())
    call = "feeds => answer('optional', feeds, 4).catch(error => String(error))"
    assert "invalid input 'T'" in page.evaluate(call, feeds)
