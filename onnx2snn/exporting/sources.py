"""The emitted network that is exported, ready to run beside its layers."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.errors import OptionError
from onnx2snn.exporting.lowering import Lowered, lower
from onnx2snn.exporting.network import chosen_output, single_step
from onnx2snn.graph import is_op
from onnx2snn.ops import DOMAIN
from onnx2snn.passes import AttachFunctions, EmitTimeLoop, apply
from onnx2snn.runtime import Emitted, Network, load_to_run, read_emitted
from onnx2snn.runtime.execution import Execution
from onnx2snn.runtime.subgraph import Subgraph
from onnx2snn.storage.isolation import isolate_values

if TYPE_CHECKING:
    import numpy as np

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.runtime import AnyNetwork

__all__ = ["Source"]


class Source:
    """An emitted network, and the layers that it is.

    Args:
        model: The network, in any form that ``load`` takes.
        until: Name of the output that is exported, or of a node; None for the only output.

    Attributes:
        emitted: The network as it is.
        name: Its name in messages.
        lowered: Its layers.
        T: The number of steps it was made for.

    Raises:
        UnsupportedError: It is nothing that layers compute.
    """

    def __init__(self, model: AnyNetwork, until: str | None) -> None:
        """Read it, and find its layers."""
        self.emitted = read_emitted(model)
        self.name = self.emitted.files[0] if self.emitted.files else "the network"
        self.network = load_to_run(self.emitted, Execution())
        self.T = self.network.T
        self._single_step = single_step(self.emitted.ir_model, self.name)
        graph = self._single_step.graph
        output = chosen_output(graph, until)
        self._is_output = output in graph.outputs
        mean = output if self._is_output else _mean_of(output)
        self.lowered: Lowered = lower(graph, mean, self.name)

    @property
    def is_encoded(self) -> bool:
        """Whether something stands between the input of the network and that of the layers."""
        return not self.lowered.entry.is_graph_input()

    @functools.cached_property
    def _encoder(self) -> Subgraph:
        return Subgraph(self._single_step, [self.lowered.entry], [])

    def encode(self, feeds: Feeds) -> np.ndarray:
        """Return what comes into the layers, [N, ...], the same in every step."""
        if not self.is_encoded:
            return feeds[str(self.lowered.entry.name)]
        needed = {name: feeds[name] for name in self._encoder.inputs}
        (entry,) = self._encoder.run(needed)
        return entry

    def encoder_model(self) -> ir.Model:
        """Return the ONNX model of what stands in front of the layers."""
        entry = self.lowered.entry
        graph = ir.convenience.extract(
            self._single_step.graph, list(self._single_step.graph.inputs), [entry]
        )
        return ir.Model(graph, ir_version=self._single_step.ir_version)

    @functools.cached_property
    def runner(self) -> tuple[Network, str]:
        """The network in our own runtime, and the output of it that is exported."""
        name = str(self.lowered.output.name)
        if self._is_output:
            return self.network, name
        copy = self._single_step.clone()
        isolate_values(copy)
        for node in copy.graph:
            for value in node.outputs:
                if value.name == name:
                    copy.graph.outputs[:] = [value]
        apply(copy, [EmitTimeLoop(self.T), AttachFunctions()])
        return load_to_run(Emitted(copy), Execution()), name


def _mean_of(value: ir.Value) -> ir.Value:
    """Return the mean that the network takes of a value over the steps, or the value itself.

    Raises:
        OptionError: It changes from step to step, and the network takes no mean of it.
    """
    for total in _readers(value, "RunningSum", DOMAIN):
        for mean in _readers(total, "Div", ""):
            return mean
    if _is_behind_mean(value):
        return value
    message = (
        f"until: {str(value.name)!r} changes from step to step; name a node behind the last "
        "neurons, or an output"
    )
    raise OptionError(message)


def _is_behind_mean(value: ir.Value) -> bool:
    """Whether a value is computed of means over the steps."""
    pending = [value]
    while pending:
        node = pending.pop().producer()
        if node is None:
            continue
        if is_op(node, "Div"):
            count = node.inputs[1]
            maker = None if count is None else count.producer()
            if is_op(maker, "RunningSum", domain=DOMAIN):
                return True
        pending += [each for each in node.inputs if each is not None]
    return False


def _readers(value: ir.Value, op_type: str, domain: str) -> list[ir.Value]:
    """Return the outputs of the nodes of an operator that read a value first."""
    return [
        use.node.outputs[0]
        for use in value.uses()
        if is_op(use.node, op_type, domain=domain) and use.node.inputs[0] is value
    ]
