"""From a simplified network to a spiking one: the passes of a conversion, run on it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.conversion.branches import replace_branch
from onnx2snn.conversion.pipeline import pipeline
from onnx2snn.conversion.preparation import of_a_branch
from onnx2snn.metadata.input_coding import coding_of
from onnx2snn.passes import ChooseInputCoding, apply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir

    from onnx2snn.analysis.branches import Part
    from onnx2snn.conversion.options import Options
    from onnx2snn.data.dataset import Dataset
    from onnx2snn.metadata.input_coding import Coding
    from onnx2snn.passes.pipeline import Pipeline

__all__ = ["Request", "make_spiking"]


@dataclasses.dataclass(frozen=True)
class Request:
    """One call of ``convert``.

    Attributes:
        options: How the conversion is done.
        time_steps: T.
        data: Calibration data, if there is any.
        source_sha256: Digest of the file of the ANN, empty for a part of one.
    """

    options: Options
    time_steps: int
    data: Dataset | None
    source_sha256: str = ""

    def pipeline(self) -> Pipeline:
        """Return the passes of the conversion."""
        return pipeline(
            self.options,
            self.time_steps,
            self.data,
            source_sha256=self.source_sha256,
        )


def make_spiking(
    part: Part,
    passes: Pipeline,
    given: Request,
    branches: Mapping[Part, Dataset | None],
    *,
    before_correction: Callable[[ir.Model], None] | None = None,
) -> dict[str, Coding]:
    """Turn a simplified network, and those in its branches, into spiking ones.

    Args:
        part: The network; its model becomes the emitted one.
        passes: The passes to run on it.
        given: What they were made from.
        branches: The data of the networks in all branches.
        before_correction: Takes the network once it has neurons, to look at.

    Returns:
        How each input of the network enters it, by name.
    """
    codings = _apply_spiking(part.ann, passes)
    if before_correction is not None:
        before_correction(part.ann)
    apply(part.ann, (*passes.correction, *passes.time_loop))
    options = of_a_branch(given.options)
    for branch, inner in part.inside:
        own = Request(options, given.time_steps, branches[inner])
        make_spiking(inner, own.pipeline(), own, branches)
        replace_branch(branch, part.ann, inner.ann)
    return codings


def _apply_spiking(ann: ir.Model, passes: Pipeline) -> dict[str, Coding]:
    """Put neurons into a network; return how its inputs enter it, before they are encoded."""
    codings: dict[str, Coding] = {}
    for pass_ in passes.spiking:
        apply(ann, [pass_])
        if isinstance(pass_, ChooseInputCoding):
            codings = {str(value.name): coding_of(value) for value in ann.graph.inputs}
    return codings
