"""What the package promises to its users and to itself."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import onnx_graphsurgeon as gs
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn import passes

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "onnx2snn"
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if path.name != "__main__.py"
)

ROOMS = (
    ("ops", "methods", "graph", "storage", "spreading"),
    ("metadata", "data", "native"),
    ("analysis",),
    ("schedules",),
    ("runtime",),
    ("importing", "calibration", "compilation"),
    ("correction", "reporting"),
    ("passes",),
    ("conversion",),
    ("evaluation",),
    ("diagnosis", "exporting", "sweeping"),
    ("cli", "torch"),
)
"""The folders of the package, from the bottom up: each imports from those below, for types too."""

LOOSE = {
    "__init__",
    "__main__",
    "_version",
    "arguments",
    "budget",
    "errors",
    "progress",
    "testing",
}
"""What is in no room: what every room may import, and, last, what nobody in one imports."""

BELOW_ALL = ("_version", "progress", "errors", "budget", "arguments")
"""What every room may import, from the bottom up."""


def source(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imported(module: str) -> Iterator[str]:
    """Yield the names of the modules that ``module`` imports, wherever in its text."""
    for node in ast.walk(ast.parse(source(module).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            nested = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name for name in nested if name in MODULES]
            yield from found or [node.module]


def part(module: str) -> str:
    """Return the part of the package that a module belongs to: its level's name."""
    return module.removeprefix("onnx2snn").lstrip(".").split(".")[0]


def level(room: str) -> int:
    """Return how far up a room is; what every room may import is below all."""
    if room in BELOW_ALL:
        return BELOW_ALL.index(room) - len(BELOW_ALL)
    found = [height for height, rooms in enumerate(ROOMS) if room in rooms]
    return found[0] if found else len(ROOMS)


def takes_torch(module: str) -> bool:
    """Whether a module may import PyTorch: it is imported itself only where that is there."""
    return part(module) == "torch" or module.startswith(
        "onnx2snn.runtime.torch_runtime"
    )


def rooms_read(module: str) -> set[str]:
    """Return the other rooms that ``module`` imports from, for types as well."""
    ours = {part(name) for name in imported(module) if name.startswith("onnx2snn.")}
    return ours - {part(module)}


def test_every_module_is_in_a_room() -> None:
    loose = {path.stem for path in PACKAGE.glob("*.py")}
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert loose == LOOSE
    assert len(loose) <= 8
    assert rooms == {room for rooms in ROOMS for room in rooms}


def test_documentation_lists_the_rooms_in_their_order() -> None:
    page = (ROOT / "docs" / "contributing" / "hacking.md").read_text()
    listed = re.findall(r"^\| (\d+) \| `(\w+)/` \|", page, flags=re.MULTILINE)
    expected = [
        (str(height), room)
        for height, rooms in enumerate(ROOMS, start=1)
        for room in rooms
    ]
    assert listed == expected


@pytest.mark.parametrize("module", [name for name in MODULES if part(name)])
def test_rooms_import_from_rooms_below_only(module: str) -> None:
    upward = {room for room in rooms_read(module) if level(room) >= level(part(module))}
    assert not upward


@pytest.mark.parametrize("module", [name for name in MODULES if part(name) != "cli"])
def test_only_the_command_line_prints(module: str) -> None:
    tree = ast.parse(source(module).read_text())
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert "print" not in [call.id for call in calls if isinstance(call, ast.Name)]
    assert not [
        name for name in imported(module) if name.split(".")[0] in {"rich", "argparse"}
    ]


@pytest.mark.parametrize("module", [name for name in MODULES if not takes_torch(name)])
def test_extras_are_imported_nowhere_but_in_their_own_package(module: str) -> None:
    extras = {
        "torch",
        "onnxscript",
        "onnx_graphsurgeon",
        "sklearn",
        "pytest",
        "hypothesis",
    }
    assert not extras.intersection(name.split(".")[0] for name in imported(module))
    assert not [
        name
        for name in imported(module)
        if part(name) == "torch" and "onnx2snn" in name
    ]


@pytest.mark.parametrize("module", MODULES)
def test_every_name_in_all_exists_and_is_documented(module: str) -> None:
    found = importlib.import_module(module)
    assert found.__doc__
    names = getattr(found, "__all__", [])
    assert names == sorted(
        names, key=lambda name: (not name.isupper(), name[:1].islower(), name)
    )
    for name in names:
        value = getattr(found, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            assert inspect.getdoc(value), f"{module}.{name} has no docstring"


def test_every_public_name_is_in_the_documentation() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    text = "\n".join(page.read_text() for page in pages)
    missing = [name for name in onnx2snn.__all__ if not re.search(rf"\b{name}\b", text)]
    assert not missing


def test_the_package_s_names_are_listed_and_no_others_exist() -> None:
    assert set(onnx2snn.__all__) <= set(dir(onnx2snn))
    with pytest.raises(AttributeError, match="no attribute 'convrt'"):
        _ = onnx2snn.convrt  # type: ignore[attr-defined]


def test_submodules_do_not_hide_functions() -> None:
    """``import onnx2snn.x`` puts x into the package, over a function of that name."""
    assert not {name.split(".")[1] for name in MODULES if part(name)}.intersection(
        set(onnx2snn.__all__) - {"passes"}
    )


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own code)
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def test_importing_is_silent_and_imports_no_extra_and_no_runtime() -> None:
    done = python("import sys, onnx2snn; print(*sys.modules)")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1
    heavy = {
        "torch",
        "onnxscript",
        "onnx_graphsurgeon",
        "sklearn",
        "onnxruntime",
        "rich",
    }
    assert not heavy.intersection(done.stdout.split())


def test_numpy_runtime_needs_no_onnxruntime(tmp_path: Path) -> None:
    ann = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[N,2] x) => (float[N,2] y) '
        "<float[2,2] w = {1.0, -0.5, 0.25, 0.5}> { h = MatMul (x, w)  y = Relu (h) }"
    )
    path = tmp_path / "snn.onnx"
    onnx2snn.convert(ann, T=2).save(path)
    done = python(
        "import sys; sys.modules['onnxruntime'] = None\n"
        "import numpy, onnx2snn\n"
        f"network = onnx2snn.load({str(path)!r}, 'numpy')\n"
        "print(network.run({'x': numpy.ones((3, 2), 'f')})['y'].shape)"
    )
    assert (done.stderr, done.stdout) == ("", "(3, 2)\n")


def test_importing_costs_less_than_half_a_second_more_than_onnx() -> None:
    def seconds(module: str) -> float:
        code = f"import time; t = time.perf_counter(); import {module}; "
        return min(
            float(python(f"{code}print(time.perf_counter() - t)").stdout)
            for _ in range(3)
        )

    assert seconds("onnx2snn, onnx2snn.conversion") > 0
    assert seconds("onnx2snn") < seconds("onnx") + 0.5


def test_a_pass_is_registered_under_its_class_s_name_in_kebab_case() -> None:
    for name, pass_ in passes.PASSES.items():
        assert name == re.sub(r"(?<=[a-z])(?=[A-Z])", "-", pass_.__name__).lower()
        assert pass_.__name__ in passes.__all__
        assert pass_.__module__.split(".")[-1].replace("_", "") == name.replace("-", "")


RELU = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[N,2] x) => (float[N,2] y) { h = Identity (x)  y = Relu (h) }
"""


class Louder(ir.passes.InPlacePass):
    """A pass of another package."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        model.doc_string = "LOUD"
        return ir.passes.PassResult(model, modified=True)


def test_passes_of_other_packages_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = importlib.metadata.EntryPoint(
        "louder", f"{__name__}:Louder", "onnx2snn.passes"
    )
    monkeypatch.setitem(
        sys.modules, __name__, sys.modules.get(__name__, _this_module())
    )

    def entry_points(*, group: str) -> list[importlib.metadata.EntryPoint]:
        return [entry] if group == "onnx2snn.passes" else []

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    found = passes.available()
    assert list(found)[: len(passes.PASSES)] == list(passes.PASSES)
    assert found["louder"].__name__ == "Louder"


def _this_module() -> object:
    return type("Module", (), {"Louder": Louder})


@pytest.mark.parametrize("form", [onnx.ModelProto, ir.Model, gs.Graph])
def test_a_list_of_passes_runs_on_a_copy(form: type) -> None:
    """A toolchain gets its model back in the form in which it gave it."""
    given = onnx.parser.parse_model(RELU)
    model = {onnx.ModelProto: given, ir.Model: ir.from_proto(given), gs.Graph: None}[
        form
    ]
    model = gs.import_onnx(given) if model is None else model
    result = passes.run(model, [passes.RemoveNoOps(), Louder()])
    assert isinstance(result, form)
    assert operators(result) == ["Relu"]
    assert operators(model) == ["Identity", "Relu"]


def operators(model: onnx.ModelProto | ir.Model | gs.Graph) -> list[str]:
    if isinstance(model, gs.Graph):
        return [node.op for node in model.nodes]
    graph = model.graph
    return [
        node.op_type
        for node in (graph.node if isinstance(graph, onnx.GraphProto) else graph)
    ]


def test_a_path_becomes_a_proto(tmp_path: Path) -> None:
    path = tmp_path / "ann.onnx"
    path.write_bytes(onnx.parser.parse_model(RELU).SerializeToString())
    result = passes.run(path, [Louder()])
    assert isinstance(result, onnx.ModelProto)
    assert result.doc_string == "LOUD"


def test_passes_answer_to_their_older_names() -> None:
    assert passes.LeaveAnalog is passes.ExcludeNodes
    assert passes.RemoveStaircases is passes.RemoveFakeQuantizers
    with pytest.raises(AttributeError, match="no attribute 'RemoveStairs'"):
        _ = passes.RemoveStairs


def test_the_simplification_is_what_a_conversion_runs() -> None:
    stage = onnx2snn.pipeline().simplification
    assert stage[1:-1] == passes.SIMPLIFICATION
