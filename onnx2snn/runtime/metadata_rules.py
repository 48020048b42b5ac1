"""What the metadata of an emitted network may say: a rule for each key."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from onnx2snn._version import FORMAT_VERSION
from onnx2snn.errors import Onnx2SnnError, message_of
from onnx2snn.metadata import facts
from onnx2snn.metadata.input_coding import CODINGS
from onnx2snn.metadata.step_count import LATENCY, WEIGHT_PASSES, StepCount
from onnx2snn.methods.layouts import LAYOUTS
from onnx2snn.methods.schedules import SCHEDULES
from onnx2snn.methods.weight_types import WEIGHT_TYPES
from onnx2snn.schedules import checked_time_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    import onnx_ir as ir

__all__ = ["metadata_problems"]

_WITH_FORMAT = (facts.METHOD, facts.SCHEDULE, facts.DEFAULT_TIME_STEPS)
"""What a conversion writes together with the version of the format."""

_DIGEST = re.compile(r"([0-9a-f]{64})?")
_LONGEST_NUMBER = 9
"""Digits of a number of steps; Python refuses to read some thousand of them."""


def metadata_problems(model: ir.Model) -> Iterator[str]:
    """Yield what is wrong with the metadata of a network: of the model, and of its nodes.

    Keys that are not known are skipped, as are networks without any of a conversion's: a tool
    has dropped them all.
    """
    is_described = any(fact.is_on(model) for fact in _WITH_FORMAT)
    if is_described and not facts.FORMAT.is_on(model):
        yield "its metadata lack onnx2snn.format, the version of the file format"
    yield from _problems(model.metadata_props, _OF_MODEL)
    yield from _input_problems(model)
    for node in model.graph.all_nodes():
        for problem in _problems(node.metadata_props, _OF_NODE):
            yield f"{problem} of {node.op_type} {node.name!r}"


def _problems(
    properties: Mapping[str, str], rules: Mapping[str, Callable[[str], object]]
) -> Iterator[str]:
    """Yield the keys whose text breaks its rule."""
    for key, rule in rules.items():
        text = properties.get(key)
        if text is None:
            continue
        try:
            rule(text)
        except (ArithmeticError, LookupError, RecursionError) as error:
            yield f"{key} is {text[:40]!r}: {type(error).__name__}"
        except (Onnx2SnnError, TypeError, ValueError) as error:
            yield f"{key} is {text[:40]!r}: {message_of(error)}"


def _input_problems(model: ir.Model) -> Iterator[str]:
    """Yield the inputs that metadata speak of and that there are none of."""
    text = facts.INPUT_CODINGS.read(model)
    names = {value.name for value in model.graph.inputs}
    try:
        codings = {} if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return  # told by its rule
    for name in codings if isinstance(codings, dict) else ():
        if name not in names:
            yield f"{facts.INPUT_CODINGS.key} speaks of {name!r}, which is no input"


def _refuse(problem: str) -> NoReturn:
    raise ValueError(problem)


def _check_format(text: str) -> None:
    if text != FORMAT_VERSION:
        _refuse(f"this version reads {FORMAT_VERSION}; install another onnx2snn")


def _check_time_steps(text: str) -> None:
    checked_time_steps(_whole_number(text))


def _whole_number(text: str) -> int:
    if not re.fullmatch(r"\d+", text, re.ASCII) or len(text) > _LONGEST_NUMBER:
        _refuse("no whole number that can be")
    return int(text)


def _check_step_count(text: str) -> None:
    if any(len(digits) > _LONGEST_NUMBER for digits in re.findall(r"\d+", text)):
        _refuse("no number of steps that can be")
    StepCount.parse(text)


def _one_of(names: Collection[str]) -> Callable[[str], None]:
    """Return a rule: a text is one of ``names``."""

    def check(text: str) -> None:
        if text not in names:
            _refuse(f"not one of {', '.join(names)}")

    return check


def _check_digest(text: str) -> None:
    if not _DIGEST.fullmatch(text):
        _refuse("no SHA-256 in hexadecimal")


def _json_object(text: str) -> dict[str, Any]:
    content = json.loads(text)
    if not isinstance(content, dict):
        _refuse("no JSON object")
    return dict(content)


def _check_codings(text: str) -> None:
    for name, coding in _json_object(text).items():
        if coding not in CODINGS:
            _refuse(f"{name!r} is not one of {', '.join(CODINGS)}")


def _check_versions(text: str) -> None:
    if not all(isinstance(value, str) for value in _json_object(text).values()):
        _refuse("a version is no text")


def _check_early_exit(text: str) -> None:
    content = _json_object(text)
    for name in ("scores", "steps"):
        if not isinstance(content.get(name), str):
            _refuse(f"{name!r} is no name of an output")


def _check_states(text: str) -> None:
    content = _json_object(text)
    states = content.get("states")
    if content.keys() != {"reset", "states"} or not isinstance(states, dict):
        _refuse("no states")
    names = [content["reset"], *states, *states.values()]
    if not all(isinstance(name, str) for name in names):
        _refuse("no names of inputs and outputs")


def _check_unit(text: str) -> None:
    _check_numbers(json.loads(text))


def _check_numbers(content: object) -> None:
    """Refuse what is neither a number nor lists of them."""
    if isinstance(content, list):
        for each in content:
            _check_numbers(each)
    elif isinstance(content, bool) or not isinstance(content, int | float):
        _refuse("no numbers")
    elif not math.isfinite(content):
        _refuse(f"{content} is not finite")


_OF_MODEL: dict[str, Callable[[str], object]] = {
    facts.FORMAT.key: _check_format,
    facts.DEFAULT_TIME_STEPS.key: _check_time_steps,
    facts.SCHEDULE.key: _one_of(SCHEDULES),
    facts.LAYOUT.key: _one_of(LAYOUTS),
    facts.WEIGHTS.key: _one_of(WEIGHT_TYPES),
    facts.COMPILED.key: _one_of(WEIGHT_TYPES),
    facts.SOURCE_SHA256.key: _check_digest,
    facts.CALIBRATION_SHA256.key: _check_digest,
    facts.INPUT_CODINGS.key: _check_codings,
    facts.VERSIONS.key: _check_versions,
    facts.EARLY_EXIT.key: _check_early_exit,
    facts.STATES.key: _check_states,
    facts.INLINED.key: _one_of(["true"]),
    facts.LATENCY_CURVE.key: _json_object,
    facts.TUNED.key: _json_object,
    LATENCY.key: _check_step_count,
    WEIGHT_PASSES.key: _check_step_count,
}
"""Key of a model to what refuses a text that it cannot have."""

_OF_NODE: dict[str, Callable[[str], object]] = {
    facts.DELAY.key: _whole_number,
    facts.ROUNDING_ERROR.key: float,
    facts.UNIT.key: _check_unit,
}
"""Key of a node to what refuses a text that it cannot have."""
