"""Compare an imported model with the original, number by number."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from onnx2snn.errors import InvalidModelError
from onnx2snn.importing.differences import output_differences
from onnx2snn.importing.random_feeds import random_feeds
from onnx2snn.runtime.sessions import SessionError, open_session, run_by_name

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir
    import onnxruntime as ort

    from onnx2snn.storage.large_models import OpenableModel

__all__ = ["self_check"]

_LOGGER = logging.getLogger(__name__)

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
) -> bool:
    """Run both models in onnxruntime on the same inputs; whether they could be compared.

    Inputs are seeded: unit normal for floats, 0 to 3 for integers, all there are of 8 bits.
    Symbolic dimensions get a batch of 2, the others 1, then other sizes until the original runs.
    An original that runs on none of them, or gives something else in each run, is logged as a
    warning.

    Args:
        original: The model as it came.
        imported: The model in canonical form.
        name: Name of the model in messages.
        coarse: Whether the original rounds inside to few bits: it is quantized, or computes in
            half precision.

    Raises:
        InvalidModelError: onnxruntime cannot run the imported model though it runs the original,
            or an output is something else: a float off by more than ``TOLERANCE`` of the largest
            (2e-2 in float16), an integer off by more than a rare rounding. If ``coarse``, both
            may be off by ``COARSE_TOLERANCE``, and indices and truth values, which one rounding
            changes, are not compared.
    """
    try:
        _compare_outputs(original, imported, name, coarse=coarse)
    except _NotComparedError as reason:
        _LOGGER.warning("%s is not compared: %s", name, reason)
        return False
    return True


class _NotComparedError(Exception):
    """The original gives nothing to compare with."""


def _compare_outputs(
    original: OpenableModel, imported: ir.Model, name: str, *, coarse: bool
) -> None:
    try:
        session = _open_unoptimized(original)
    except SessionError as error:
        reason = f"onnxruntime cannot open it: {error}"
        raise _NotComparedError(reason) from error
    feeds, expected = _run_original(session)
    actual = _run_imported(imported, feeds, name)
    differences = output_differences(expected, actual, coarse=coarse)
    if not differences:
        return
    again = run_by_name(session, feeds)
    if output_differences(expected, again, coarse=coarse):
        reason = "it gives something else in each run"
        raise _NotComparedError(reason)
    message = (
        f"{name} computes something else once imported; please report it: "
        f"{'; '.join(differences)}{_COARSE_HINT if coarse else ''}"
    )
    raise InvalidModelError(message)


def _open_unoptimized(model: OpenableModel) -> ort.InferenceSession:
    """Open a model as it stands; its weights are not copied, it runs once or twice."""
    return open_session(model, optimized=False, threads=1, prepacked=False)


def _run_original(
    session: ort.InferenceSession,
) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Return the first synthetic feeds that the original runs on, and its outputs."""
    problem = "an input is of a type without synthetic values"
    for feeds in random_feeds(session.get_inputs()):
        try:
            return feeds, run_by_name(session, feeds)
        except SessionError as error:
            problem = str(error)
    reason = f"the original does not run on synthetic inputs: {problem}"
    raise _NotComparedError(reason)


def _run_imported(
    imported: ir.Model, feeds: dict[str, np.ndarray], name: str
) -> dict[str, object]:
    try:
        return run_by_name(_open_unoptimized(imported), feeds)
    except SessionError as error:
        message = f"{name} runs in onnxruntime, but not once imported; please report it: {error}"
        raise InvalidModelError(message) from error
