"""Checking plain data against a JSON Schema: as much of it as the documentation uses."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "docs" / "reference" / "schemas"
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
KNOWN = {
    "$ref", "$schema", "additionalProperties", "const", "enum", "items", "maximum", "minimum",
    "properties", "required", "title", "type",
}  # fmt: skip


def problems(data: Any, schema: dict[str, Any] | str, where: str = "$") -> list[str]:
    """Say everything in which ``data``, once it was JSON, differs from a schema or its file.

    An object must have no field that the schema does not name: the documentation names all.
    """
    if isinstance(schema, str):
        schema = json.loads((FOLDER / schema).read_text())
        data = json.loads(json.dumps(data, allow_nan=False))
    if "$ref" in schema:
        return problems(data, schema["$ref"], where)
    assert set(schema) <= KNOWN, f"{where}: teach the checker {set(schema) - KNOWN}"
    found = _own_problems(data, schema, where)
    if found:
        return found
    if isinstance(data, dict):
        return _field_problems(data, schema, where)
    if isinstance(data, list):
        rows = (
            problems(row, schema["items"], f"{where}[{i}]")
            for i, row in enumerate(data)
        )
        return list(itertools.chain.from_iterable(rows))
    return []


def _own_problems(data: Any, schema: dict[str, Any], where: str) -> list[str]:
    if "type" in schema:
        names = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        fitting = [
            name
            for name in names
            if isinstance(data, TYPES[name])
            and (name == "boolean") == isinstance(data, bool)
        ]
        if not fitting:
            return [f"{where}: {data!r} is no {' or '.join(names)}"]
    wrong = [
        "const" in schema and data != schema["const"],
        "enum" in schema and data not in schema["enum"],
        data is not None and "minimum" in schema and data < schema["minimum"],
        data is not None and "maximum" in schema and data > schema["maximum"],
    ]
    return [f"{where}: {data!r} is not as in {schema}"] if any(wrong) else []


def _field_problems(
    data: dict[str, Any], schema: dict[str, Any], where: str
) -> list[str]:
    fields = schema.get("properties", {})
    others = schema.get("additionalProperties", False)
    found = [
        f"{where}: no {name}" for name in schema.get("required", ()) if name not in data
    ]
    for name, value in data.items():
        if name not in fields and not others:
            found.append(f"{where}: {name} is not documented")
        else:
            found += problems(value, fields.get(name, others), f"{where}.{name}")
    return found
