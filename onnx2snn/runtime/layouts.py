"""The layout of time of a network that was emitted already: found, and changed."""

from __future__ import annotations

import onnx_ir as ir

from onnx2snn.arguments import checked_choice
from onnx2snn.errors import OptionError
from onnx2snn.graph import remove_unused, share_names
from onnx2snn.metadata.facts import LAYOUT
from onnx2snn.metadata.input_coding import event_inputs_of
from onnx2snn.methods.layouts import LAYOUTS, LOOP, MULTISTEP
from onnx2snn.ops.attach import attach_functions_anew
from onnx2snn.schedules import (
    LOOP_NAME,
    lay_out_loop_over_time,
    stops_early,
    time_loops,
    time_steps_of,
    write_step_counts,
)
from onnx2snn.storage.isolation import isolate_values

__all__ = ["fastest_layout", "laid_out", "layout_of"]


def layout_of(network: ir.Model) -> str:
    """Return the name of the layout of an emitted network."""
    return LAYOUT.read(network) or LOOP


def laid_out(network: ir.Model, layout: str) -> ir.Model:
    """Return a network in another layout of time; itself if that is its own.

    Args:
        network: An emitted network; it stays as it is.
        layout: Name of the layout.

    Raises:
        OptionError: There is no such layout, or no way to it from that of the network.
    """
    checked_choice("layout", layout, LAYOUTS)
    if layout_of(network) == layout:
        return network
    if layout != MULTISTEP:
        message = (
            f"the network has the layout {layout_of(network)}, and there is no way back to "
            f"{layout}: take the file with the Loop, or convert the ANN again"
        )
        raise OptionError(message)
    copy = network.clone()
    isolate_values(copy)
    _put_into_batch(copy)
    return copy


def fastest_layout(network: ir.Model) -> str:
    """Return ``multistep`` where there is a way to it, else the layout of the network itself."""
    loops = time_loops(network.graph)
    are_over_time = bool(loops) and all(loop.name == LOOP_NAME for loop in loops)
    has_way = are_over_time and not any(map(stops_early, loops))
    return MULTISTEP if has_way else layout_of(network)


def _put_into_batch(network: ir.Model) -> None:
    """Put time into the batch, wherever ``network`` has a Loop over time."""
    if time_steps_of(network.graph) is None:
        message = "the network has no time steps: it is an ANN; convert it with 'onnx2snn convert'"
        raise OptionError(message)
    loops = time_loops(network.graph)
    if not loops or any(loop.name != LOOP_NAME for loop in loops):
        message = (
            "the network has no Loop over all steps: it fires layer by layer, or was not emitted "
            "here; only one of the schedules lockstep and staggered can have another layout"
        )
        raise OptionError(message)
    if any(map(stops_early, loops)):
        message = (
            "the Loop ends early, which all steps at once cannot: convert the ANN again, without "
            "early_exit"
        )
        raise OptionError(message)
    events = event_inputs_of(network)
    for loop in loops:
        graph = loop.graph
        assert isinstance(graph, ir.Graph)  # no function holds one
        share_names(graph, network.graph)
        lay_out_loop_over_time(loop, events if graph is network.graph else ())
    remove_unused(network)
    attach_functions_anew(network)
    LAYOUT.write(network, MULTISTEP)
    write_step_counts(network)
