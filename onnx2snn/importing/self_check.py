"""Compare an imported model with the original, number by number."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

from onnx2snn.budget import TRIAL_SECONDS
from onnx2snn.errors import InvalidModelError, LimitError
from onnx2snn.importing.blame import contradicts_itself
from onnx2snn.importing.differences import output_differences
from onnx2snn.importing.random_feeds import known_strings, random_feeds
from onnx2snn.runtime.sessions import (
    ExceedingError,
    SessionError,
    open_session,
    run_trial,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import onnx_ir as ir
    import onnxruntime as ort

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.importing.random_feeds import Strings
    from onnx2snn.storage.large_models import OpenableModel

__all__ = ["self_check"]

_LOGGER = logging.getLogger(__name__)

_MOST_TRIED = 4
"""Typical inputs that are tried."""

_SOMETHING_ELSE = "computes something else once imported; please report it"

_COARSE_HINT = (
    " (it rounds to few bits inside, and on some processors onnxruntime's integer operators "
    "saturate: check=False, or --no-check, leaves the comparison out)"
)


def self_check(
    original: OpenableModel,
    imported: ir.Model,
    name: str,
    *,
    coarse: bool = False,
    typical: Callable[[], Iterable[Feeds]] = tuple,
) -> bool:
    """Run both models in onnxruntime on the same inputs; whether they could be compared.

    Inputs are ``random_feeds`` of several sizes until the original runs, then typical ones. An
    original that runs on none of them, or gives something else in each run, is logged as a
    warning.

    Args:
        original: The model as it came.
        imported: The model in canonical form.
        name: Name of the model in messages.
        coarse: Whether the original rounds to few bits inside, quantized or in half precision.
        typical: Gives inputs that the original is made for.

    Raises:
        InvalidModelError: onnxruntime cannot run the imported model though it runs the original,
            or an output is something else: a float off by more than ``TOLERANCE`` of the largest
            (2e-2 in float16), an integer off by more than a rare rounding. If ``coarse``, both
            may be off by ``COARSE_TOLERANCE``, and indices and truth values, which one rounding
            changes, are not compared.
        LimitError: The original takes more memory or time than it may, on the smallest inputs.
    """
    try:
        differences = _find_differences(
            original, imported, name, coarse=coarse, typical=typical
        )
    except _NotComparedError as reason:
        _LOGGER.warning("%s is not compared: %s", name, reason)
        return False
    if differences:
        raise _computes_something_else(name, differences, coarse=coarse)
    return True


def _find_differences(
    original: OpenableModel,
    imported: ir.Model,
    name: str,
    *,
    coarse: bool,
    typical: Callable[[], Iterable[Feeds]],
) -> list[str]:
    """Return what the models do not agree on; there must be inputs to tell that."""
    session = _open_original(original, name)
    try:
        feeds, expected = _run_original(session, imported, typical)
    except ExceedingError as error:
        message = (
            f"{name} takes more than {TRIAL_SECONDS:.0f} s or more memory than it may on synthetic "
            f"inputs ({error}); more is allowed by --max-memory, and --no-check leaves this out"
        )
        raise LimitError(message) from error
    actual = _run_imported(imported, feeds, name)
    differences = output_differences(expected, actual, coarse=coarse)
    if differences:
        _check_that_it_repeats(session, feeds, expected, coarse=coarse)
    return differences


def _computes_something_else(
    name: str, differences: Sequence[str], *, coarse: bool
) -> InvalidModelError:
    """Return the error of a model that import has changed."""
    hint = _COARSE_HINT if coarse else ""
    listed = "; ".join(differences)
    return InvalidModelError(f"{name} {_SOMETHING_ELSE}: {listed}{hint}")


class _NotComparedError(Exception):
    """The original gives nothing to compare with."""


def _open_original(original: OpenableModel, name: str) -> ort.InferenceSession:
    try:
        return _open_unoptimized(original)
    except SessionError as error:
        if contradicts_itself(original):
            message = f"{name} is not a valid ONNX model: {error}"
            raise InvalidModelError(message) from error
        reason = f"onnxruntime cannot open it: {error}"
        raise _NotComparedError(reason) from error


def _check_that_it_repeats(
    session: ort.InferenceSession,
    feeds: Feeds,
    expected: Mapping[str, object],
    *,
    coarse: bool,
) -> None:
    """Run the original once more; it must give the same."""
    again = run_trial(session, feeds)
    if output_differences(expected, again, coarse=coarse):
        reason = "it gives something else in each run"
        raise _NotComparedError(reason)


def _open_unoptimized(model: OpenableModel) -> ort.InferenceSession:
    """Open a model as it stands; its weights are not copied, it runs once or twice."""
    return open_session(model, optimized=False, threads=1)


def _run_original(
    session: ort.InferenceSession,
    imported: ir.Model,
    typical: Callable[[], Iterable[Feeds]],
) -> tuple[Feeds, dict[str, object]]:
    """Return the first feeds that the original runs on, synthetic ones first, and its outputs.

    Raises:
        ExceedingError: It takes too much on one of them; on larger ones it would take more.
    """
    problem = "an input is of a type without synthetic values"
    strings = known_strings(imported.graph)
    for feeds in _feeds_to_try(session, strings, typical):
        try:
            return feeds, run_trial(session, feeds)
        except ExceedingError:
            raise
        except SessionError as error:
            problem = str(error)
    reason = f"the original does not run on synthetic inputs: {problem}"
    raise _NotComparedError(reason)


def _feeds_to_try(
    session: ort.InferenceSession,
    strings: Strings,
    typical: Callable[[], Iterable[Feeds]],
) -> Iterator[Feeds]:
    yield from random_feeds(session.get_inputs(), strings)
    yield from itertools.islice(typical(), _MOST_TRIED)


def _run_imported(imported: ir.Model, feeds: Feeds, name: str) -> dict[str, object]:
    try:
        return run_trial(_open_unoptimized(imported), feeds)
    except SessionError as error:
        message = f"{name} runs in onnxruntime, but not once imported; please report it: {error}"
        raise InvalidModelError(message) from error
