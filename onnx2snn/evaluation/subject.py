"""The networks that are scored: a spiking one, an ANN, or both side by side."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, cast

import onnx_ir as ir

from onnx2snn.analysis.operators import operator_of
from onnx2snn.conversion.reference import read_reference
from onnx2snn.data.events import data_specs, time_first, time_means
from onnx2snn.errors import CalibrationError, OptionError
from onnx2snn.evaluation.ann import Ann, is_source_of
from onnx2snn.evaluation.last_operator import last_operators
from onnx2snn.evaluation.tally import ANN
from onnx2snn.evaluation.values import as_array
from onnx2snn.graph import is_op
from onnx2snn.ops.bernoulli_encoder import BERNOULLI_ENCODER
from onnx2snn.ops.predicates import step_op_of
from onnx2snn.runtime import Execution, Network, NotSpikingError, load_to_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np

    from onnx2snn.data.input_specs import Arrays, Specs
    from onnx2snn.evaluation.tally import Key
    from onnx2snn.importing.source import AnyModel
    from onnx2snn.runtime import AnyNetwork

__all__ = ["Subject", "by_sample", "draws_numbers", "open_any"]

_RUNTIMES_OF_ANNS = ("auto", "ort")

_BY_DEFAULT = Execution()


def open_any(model: AnyNetwork, execution: Execution = _BY_DEFAULT) -> Network | Ann:
    """Open a network of either kind.

    Args:
        model: A spiking network or an ANN, in any form.
        execution: How a spiking network is run; onnxruntime runs ANNs.

    Raises:
        InvalidModelError: It is neither.
        OptionError: There is no such runtime, or it runs no ANNs.
    """
    runtime = execution.runtime
    if isinstance(model, Network) and runtime == "auto":
        return model
    try:
        return load_to_run(model, execution)
    except NotSpikingError:
        ann = Ann.read(cast("AnyModel", model), execution.threads)
    if runtime not in _RUNTIMES_OF_ANNS:
        message = f"the runtime {runtime} runs spiking networks; {ann.name} is an ANN"
        raise OptionError(message)
    return ann


def by_sample(network: Network | Ann) -> list[str]:
    """Return the outputs whose first axis the file declares as that of the samples."""
    names: set[str | None] = set()
    for spec in network.inputs:
        place = 1 if spec.name in network.events else 0
        names.update(spec.symbols[place : place + 1])
    known = names - {None}
    return [
        str(value.name)
        for value in network.model.graph.outputs
        if _first_symbol(value) in known
    ]


def draws_numbers(network: Network | Ann) -> bool:
    """Whether a network draws random numbers: spikes of inputs that are rate coded, for one."""
    model = network.model
    graphs = [model.graph]
    graphs += [function.graph for function in model.functions.values()]
    nodes = itertools.chain.from_iterable(graph.all_nodes() for graph in graphs)
    return any(map(_draws_numbers, nodes))


def _draws_numbers(node: ir.Node) -> bool:
    """Whether an operator of ONNX draws numbers, or one of ours does."""
    if step_op_of(node) is BERNOULLI_ENCODER:
        return True
    return is_op(node, node.op_type) and operator_of(node).draws_numbers


def _first_symbol(value: ir.Value) -> str | None:
    for size in value.shape or ():
        return size.value if isinstance(size, ir.SymbolicDim) else None
    return None


@dataclasses.dataclass(frozen=True)
class Subject:
    """A spiking network and the ANN to compare it with, or one of the two.

    Attributes:
        network: The spiking network.
        ann: The ANN.
        is_source: Whether the network was made from this ANN; None if that is not known.
    """

    network: Network | None
    ann: Ann | None
    is_source: bool | None = None

    @classmethod
    def open(
        cls, model: AnyNetwork, ann: AnyModel | Ann | None, execution: Execution
    ) -> Subject:
        """Open what is given; an ANN that is open already stays so.

        Raises:
            InvalidModelError: A model cannot be read.
            CalibrationError: The ANN has other inputs than the network, or none of its outputs.
            OptionError: An ANN is given in the place of the network, and another beside it.
        """
        main = open_any(model, execution)
        if isinstance(main, Ann):
            if ann is not None:
                message = (
                    f"{main.name} is an ANN itself; give the spiking network first"
                )
                raise OptionError(message)
            return cls(None, main)
        if ann is None:
            return cls(main, None)
        if isinstance(ann, Ann):
            reference = ann
        else:
            reference = Ann(read_reference(ann, main), execution.threads)
        _check_outputs(reference, main)
        return cls(main, reference, is_source_of(reference, ann, main))

    @property
    def main(self) -> Network | Ann:
        """The spiking network, or the ANN where that is alone."""
        found = self.network or self.ann
        assert found is not None
        return found

    @property
    def steps_output(self) -> str | None:
        """Name of the output that holds the steps of each sample; None if all take all."""
        return None if self.network is None else self.network.steps_output

    @property
    def specs(self) -> Specs:
        """The inputs as data has them."""
        return data_specs(self.main.inputs, self.main.events)

    def check_steps(self, steps: Sequence[int]) -> None:
        """Refuse numbers of time steps where there is only an ANN.

        Raises:
            OptionError: Some are given.
        """
        if self.network is None and self.ann is not None:
            self.ann.check_steps(steps)

    def latency_steps(self, steps: Iterable[int]) -> dict[int, int]:
        """Return after how many steps the answer is there, for each number of time steps."""
        if self.network is None:
            return {}
        return {t: self.network.latency_steps(t) for t in steps}

    def weight_passes(self, steps: Iterable[int]) -> dict[int, int]:
        """Return how often weights multiply, for each number of time steps; as far as is known."""
        if self.network is None:
            return {}
        passes = {t: self.network.weight_passes(t) for t in steps}
        return {t: number for t, number in passes.items() if number is not None}

    def without_ann(self) -> Subject:
        """Return the spiking network alone; an ANN that is alone stays."""
        if self.network is None:
            return self
        return dataclasses.replace(self, ann=None)

    def operators(self) -> dict[str, str]:
        """Return the operator that makes each output, of the ANN if there is one."""
        return last_operators((self.ann or self.main).model)

    def run(
        self, feeds: Arrays, steps: Sequence[int]
    ) -> dict[Key, dict[str, np.ndarray | None]]:
        """Return the outputs as arrays, None of one that is no array, after each T and of the ANN.

        Args:
            feeds: Inputs, samples first.
            steps: Numbers of time steps; none for the network's own.
        """
        found: dict[Key, dict[str, np.ndarray | None]] = {}
        turned = time_first(feeds, self.main.events)
        if self.network is not None:
            wanted = steps or [self.network.steps_in(turned)]
            for t, outputs in self.network.run_at(turned, wanted).items():
                found[t] = {name: as_array(data) for name, data in outputs.items()}
        if self.ann is not None:
            means = time_means(turned, self.main.events)
            outputs = self.ann.run(means)
            found[ANN] = {name: as_array(data) for name, data in outputs.items()}
        return found


def _check_outputs(ann: Ann, network: Network) -> None:
    """Refuse an ANN that has no output in common with the network."""
    if set(ann.outputs) & set(network.outputs):
        return
    message = (
        f"{ann.name} is not the ANN of this network: it has outputs {sorted(ann.outputs)}, "
        f"the network has {sorted(network.outputs)}"
    )
    raise CalibrationError(message)
