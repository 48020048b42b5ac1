"""Networks that run batches in other processes, each opened there once."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.evaluation.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np

    from onnx2snn.data.batches import Batch
    from onnx2snn.data.input_specs import Arrays
    from onnx2snn.evaluation.ann import Ann
    from onnx2snn.evaluation.tally import Key
    from onnx2snn.importing.source import AnyModel
    from onnx2snn.runtime import AnyNetwork, Execution
    from onnx2snn.spreading.workers import Workers

    Found = dict[Key, dict[str, np.ndarray | None]]
    """The outputs of a batch: after so many time steps, or of the ANN, by name."""

__all__ = ["Sent", "run_spread"]


@dataclasses.dataclass(frozen=True)
class Sent:
    """A network and its ANN in a form that any process can open.

    Attributes:
        main: Path or bytes of the network, or of an ANN that is alone.
        ann: The same of the ANN beside it; None if there is none.
        execution: How the network is run.
    """

    main: str | bytes
    ann: str | bytes | None
    execution: Execution

    @classmethod
    def of(
        cls,
        subject: Subject,
        given: AnyNetwork,
        ann: AnyModel | Ann | None,
        execution: Execution,
    ) -> Sent:
        """Return what was opened already, as it was given if that was a path."""
        main = _form_of(given, subject.main.model)
        if subject.ann is None or subject.network is None:
            return cls(main, None, execution)
        return cls(main, _form_of(ann, subject.ann.model), execution)

    def run(self, steps: tuple[int, ...], feeds: Arrays) -> Found:
        """Return the outputs for a batch, as ``Subject.run`` does."""
        return _opened(self).run(feeds, steps)


def _form_of(given: object, model: ir.Model) -> str | bytes:
    if isinstance(given, str | os.PathLike):
        return str(Path(given).resolve())
    serialized: bytes = ir.to_proto(model).SerializeToString()
    return serialized


@functools.lru_cache(maxsize=1)
def _opened(sent: Sent) -> Subject:
    return Subject.open(sent.main, sent.ann, sent.execution)


def run_spread(
    sent: Sent, batches: Iterable[Batch], steps: Sequence[int], workers: Workers
) -> Iterator[tuple[Batch, Found]]:
    """Yield each batch, in order, with the outputs that workers computed for it."""
    call = functools.partial(sent.run, tuple(steps))
    waiting = iter(batches)
    while window := list(itertools.islice(waiting, workers.at_once)):
        feeds = [batch.feeds for batch in window]
        found = dict(workers.results(call, feeds))
        for place, batch in enumerate(window):
            yield batch, found[place]
