"""Whose fault an error is: the model's, if onnxruntime does not run it either."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import onnx.shape_inference
import onnx_ir as ir
from onnx_ir.passes import PreconditionError

from onnx2snn.errors import InvalidModelError, LimitError, Onnx2SnnError, brief
from onnx2snn.importing.random_feeds import random_feeds
from onnx2snn.runtime.sessions import (
    ExceedingError,
    SessionError,
    open_session,
    run_trial,
)
from onnx2snn.storage.map_types import proto_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx2snn.storage.large_models import OpenableModel

__all__ = ["blaming", "contradicts_itself"]


@contextlib.contextmanager
def blaming(original: OpenableModel, name: str) -> Iterator[None]:
    """Turn an error that is none of ours into one about the model, if it is broken.

    A model that breaks rules of ONNX which no checker knows makes a pass fail somewhere. Of a
    model that runs in onnxruntime, the error comes through as it is: it is ours.

    Args:
        original: The model as it came.
        name: Its name in messages.

    Raises:
        InvalidModelError: onnxruntime does not run it either, or it is nested too deeply.
        LimitError: There is not enough memory for it.
    """
    try:
        yield
    except (Onnx2SnnError, PreconditionError):
        raise
    except MemoryError as error:
        message = (
            f"{name} takes more memory than may be taken; --max-memory allows more"
        )
        raise LimitError(message) from error
    except RecursionError as error:
        message = f"{name} is nested too deeply: graphs in graphs, or functions that call functions"
        raise InvalidModelError(message) from error
    except Exception as error:
        problem = _problem_of(original)
        if problem is None:
            raise
        message = (
            f"{name} is not converted ({type(error).__name__}: {brief(error)}), and does not run "
            f"in onnxruntime on synthetic inputs either: {problem}"
        )
        raise InvalidModelError(message) from error


def _problem_of(original: OpenableModel) -> str | None:
    """Return why onnxruntime does not run a model, None if it does or nobody can say."""
    problem = None
    try:
        session = open_session(original, optimized=False, threads=1)
        for feeds in random_feeds(session.get_inputs()):
            try:
                run_trial(session, feeds)
            except ExceedingError:
                raise
            except SessionError as error:
                problem = str(error)
            else:
                return None
    except SessionError as error:
        return str(error)
    return problem


def contradicts_itself(original: OpenableModel) -> bool:
    """Whether the types and shapes of a model contradict each other, as onnx infers them."""
    if isinstance(original, ir.Model):
        proto = proto_of(original)
    elif isinstance(original, onnx.ModelProto):
        proto = original
    else:
        proto = onnx.load(original, load_external_data=False)
    try:
        onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True)
    except Exception:  # noqa: BLE001 (onnx's errors have no common class)
        return True
    return False
