"""All that continuous integration installs is pinned."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
EXTRAS = ("docs", "lint", "test")
"""What the targets of the Makefile that CI runs install."""

Found = set[tuple[str, str]]


def test_whatever_ci_installs_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(line.split("==")[0]) for line in lines if "==" in line}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted: Found = set()
    for text in project["dependencies"]:
        add(Requirement(text), project, wanted)
    for extra in EXTRAS:
        add(Requirement(f"onnx2snn[{extra}]"), project, wanted)
    names = {name for name, _ in wanted} - {"onnx2snn"}
    assert len(names) > 50
    missing = sorted(names - pinned)
    assert not missing


def add(requirement: Requirement, project: dict, found: Found) -> None:  # type: ignore[type-arg]
    """Add a package and all that it requires, as far as it is installed here."""
    name = canonicalize_name(requirement.name)
    for extra in ("", *requirement.extras):
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for text in required(name, extra, project):
            inner = Requirement(text)
            if inner.marker is None or inner.marker.evaluate({"extra": extra}):
                add(inner, project, found)


def required(name: str, extra: str, project: dict) -> list[str]:  # type: ignore[type-arg]
    if name == "onnx2snn":
        return list(project["optional-dependencies"].get(extra, []))
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
