"""An ordered list of passes, stage by stage, that can be edited."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, TypeAlias

from onnx2snn.arguments import did_you_mean
from onnx2snn.errors import OptionError
from onnx2snn.methods.names import PASS, current_names
from onnx2snn.passes import STAGES, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import onnx_ir as ir

__all__ = ["Passes", "Pipeline"]

Passes: TypeAlias = "tuple[ir.passes.PassBase, ...]"
"""Passes in the order in which they run."""


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """The passes of a conversion in the order in which they run, stage by stage.

    It is iterated over as one list. To edit it, make another one with ``insert`` and
    ``without``.

    Attributes:
        canonical: From any model to one spelling of each thing.
        simplification: Down to activations and linear layers.
        spiking: Thresholds written, neurons in: the single-step graph.
        correction: Layer by layer, on the spikes that really arrive.
        time_loop: The Loop over time.
        finishing: A file that runs anywhere and says where it comes from.
    """

    canonical: Passes
    simplification: Passes
    spiking: Passes
    correction: Passes
    time_loop: Passes
    finishing: Passes

    def __iter__(self) -> Iterator[ir.passes.PassBase]:
        """Yield all passes, from the first to the last."""
        return itertools.chain.from_iterable(self.stage(name) for name in STAGES)

    def stage(self, name: str) -> Passes:
        """Return the passes of the stage ``name``, one of ``STAGES``."""
        found: Passes = getattr(self, name)
        return found

    def names(self) -> list[str]:
        """Return the name of each pass; some passes run twice."""
        return [name_of(pass_) for pass_ in self]

    def without(self, names: Iterable[str]) -> Pipeline:
        """Return the pipeline without the passes called ``names``.

        Raises:
            OptionError: No such pass runs.
        """
        unwanted = set(self._known(names))
        stages = {}
        for stage in STAGES:
            kept = [one for one in self.stage(stage) if name_of(one) not in unwanted]
            stages[stage] = tuple(kept)
        return Pipeline(**stages)

    def insert(
        self,
        new: ir.passes.PassBase,
        *,
        before: str | None = None,
        after: str | None = None,
    ) -> Pipeline:
        """Return the pipeline with a further pass; it joins the stage of its neighbor.

        Args:
            new: The pass.
            before: Name of the pass that comes next; if it runs twice, its first run.
            after: Name of the pass that comes just before; if it runs twice, its last run.
                With neither of the two, the pass runs when the ANN is simplified, before
                thresholds are chosen.

        Raises:
            OptionError: No such pass runs, or both neighbors are given.
        """
        if before and after:
            message = f"a pass goes before {before!r} or after {after!r}, not both"
            raise OptionError(message)
        neighbor = before or after
        if neighbor is None:
            return dataclasses.replace(self, simplification=(*self.simplification, new))
        (neighbor,) = self._known([neighbor])
        stages = STAGES if before else tuple(reversed(STAGES))
        return self._inserted(new, neighbor, stages, is_before=before is not None)

    def _known(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return ``names``, older ones as they are now; refuse those of passes that do not run."""
        wanted = current_names(PASS, names)
        running = self.names()
        for name in wanted:
            if name not in running:
                known = f"; these do: {', '.join(running)}"
                hint = did_you_mean(name, running) or known
                message = f"no pass {name!r} runs{hint}"
                raise OptionError(message)
        return wanted

    def _inserted(
        self,
        new: ir.passes.PassBase,
        neighbor: str,
        stages: Iterable[str],
        *,
        is_before: bool,
    ) -> Pipeline:
        for stage in stages:
            passes = list(self.stage(stage))
            places = [at for at, one in enumerate(passes) if name_of(one) == neighbor]
            if places:
                place = places[0] if is_before else places[-1] + 1
                passes.insert(place, new)
                return dataclasses.replace(self, **{stage: tuple(passes)})
        return self
