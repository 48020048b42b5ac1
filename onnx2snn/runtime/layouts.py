"""The form of a network that was emitted already, found and changed: its layout, its T."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.arguments import checked_choice
from onnx2snn.errors import OptionError
from onnx2snn.graph import remove_unused, share_names
from onnx2snn.metadata.facts import DEFAULT_TIME_STEPS, INLINED, LAYOUT, STATES
from onnx2snn.metadata.input_coding import event_inputs_of
from onnx2snn.methods.layouts import LAYOUTS, LOOP, MULTISTEP, STEP
from onnx2snn.methods.time_inputs import OPTIONAL
from onnx2snn.ops.attach import attach_functions_anew, inline_functions
from onnx2snn.schedules import (
    DEFAULT_T,
    LOOP_NAME,
    StepStates,
    has_weighted_spikes,
    lay_out_loop_over_time,
    put_loop_around_step,
    set_time_steps_input,
    stops_early,
    take_step_out_of_loop,
    time_loops,
    time_steps_of,
    write_step_counts,
)
from onnx2snn.storage.isolation import isolate_values

__all__ = [
    "fastest_layout",
    "inline_operators",
    "isolated_copy",
    "laid_out",
    "layout_of",
    "looped",
    "take_step_out",
    "take_time_steps",
]


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
        UnsupportedError: The layout is ``step``, and the rank of a state is not known.
    """
    checked_choice("layout", layout, LAYOUTS)
    own = layout_of(network)
    if own == layout:
        return network
    if INLINED.is_on(network):
        message = (
            f"the operators of the network were written out (inline), so its layout {own} is the "
            "only one that it can have; take the file that was not inlined"
        )
        raise OptionError(message)
    if own == MULTISTEP:
        message = (
            f"the network has the layout {own}, and there is no way back to {layout}: take the "
            "file with the Loop, or convert the ANN again"
        )
        raise OptionError(message)
    copy = isolated_copy(network)
    if own == STEP:
        _put_loop_around(copy)
    if layout == MULTISTEP:
        _put_into_batch(copy)
    elif layout == STEP:
        take_step_out(copy)
    return copy


def looped(network: ir.Model) -> ir.Model:
    """Return a network that runs all steps: one of a single step with a Loop around it."""
    return laid_out(network, LOOP) if layout_of(network) == STEP else network


def isolated_copy(network: ir.Model) -> ir.Model:
    """Return a copy that may be changed; the weights stay shared."""
    copy = network.clone()
    isolate_values(copy)
    return copy


def fastest_layout(network: ir.Model) -> str:
    """Return ``multistep`` where there is a way to it, else the layout of the network itself."""
    loops = time_loops(network.graph)
    are_over_time = bool(loops) and all(loop.name == LOOP_NAME for loop in loops)
    has_way = are_over_time and not any(map(stops_early, loops))
    is_open = has_way and not INLINED.is_on(network)
    return MULTISTEP if is_open else layout_of(network)


def take_time_steps(network: ir.Model, way: str) -> bool:
    """Let a network take T in another way; whether that changes it.

    Args:
        network: An emitted network; it is changed in place.
        way: One of ``TIME_INPUTS``.

    Raises:
        OptionError: T is the length of events, or each run is one step.
    """
    graph = network.graph
    count = time_steps_of(graph)
    takes_events = bool(event_inputs_of(network))
    if count is None or takes_events:
        if way == OPTIONAL:
            return False
        reason = (
            "its events have the length T" if takes_events else "each run is a step"
        )
        message = (
            f"T_input {way!r} is of no use: the network has no input T, as {reason}"
        )
        raise OptionError(message)
    before = count.is_graph_input(), count.const_value is None
    set_time_steps_input(graph, count, way, _time_steps_made_for(network))
    return before != (count.is_graph_input(), count.const_value is None)


def inline_operators(network: ir.Model) -> bool:
    """Write the operators of ``ai.onnx2snn`` out; whether there were any.

    Args:
        network: An emitted network; it is changed in place.
    """
    modified = inline_functions(network)
    if modified:
        remove_unused(network)
        INLINED.write(network, "true")
    return modified


def take_step_out(network: ir.Model) -> None:
    """Let a network run one step, with its states in and out.

    Args:
        network: A network with a Loop over time; it is changed in place.

    Raises:
        OptionError: It has no single Loop over the steps of all layers, or that ends early.
        UnsupportedError: The rank of a state is not known.
    """
    loop = _only_loop(network)
    found = take_step_out_of_loop(loop, event_inputs_of(network))
    remove_unused(network)
    STATES.write(network, dataclasses.asdict(found))
    LAYOUT.write(network, STEP)


def _put_loop_around(network: ir.Model) -> None:
    """Let a network of one step run for T steps again."""
    given = StepStates(**STATES.read_required(network))
    put_loop_around_step(
        network.graph, given, _time_steps_made_for(network), event_inputs_of(network)
    )
    remove_unused(network)
    STATES.erase(network)
    LAYOUT.erase(network)


def _time_steps_made_for(network: ir.Model) -> int:
    return int(DEFAULT_TIME_STEPS.read(network) or DEFAULT_T)


def _only_loop(network: ir.Model) -> ir.Node:
    """Return the only Loop over time of a network, whose steps can be run alone."""
    graph = network.graph
    loops = _loops_over_all_steps(network)
    _refuse_early_end(loops, "a file of one step")
    if has_weighted_spikes(graph):
        message = (
            "the spikes of the network weigh by how many steps are left of T, so its answer is "
            "there after the last one only: a file of one step is of use with the schedule "
            "lockstep; convert the ANN again, with schedule lockstep"
        )
        raise OptionError(message)
    if len(loops) != 1 or loops[0].graph is not graph:
        message = (
            "the network has spiking networks in the branches of an If, with time steps of their "
            "own: a file of one step needs a single Loop; take the layout loop"
        )
        raise OptionError(message)
    return loops[0]


def _put_into_batch(network: ir.Model) -> None:
    """Put time into the batch, wherever ``network`` has a Loop over time."""
    loops = _loops_over_all_steps(network)
    _refuse_early_end(loops, "all steps at once")
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


def _loops_over_all_steps(network: ir.Model) -> list[ir.Node]:
    """Return the Loops of a network in which all layers advance; refuse one of another form."""
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
    return loops


def _refuse_early_end(loops: list[ir.Node], what: str) -> None:
    if any(map(stops_early, loops)):
        message = (
            f"the Loop ends early, which {what} cannot: convert the ANN again, without "
            "early_exit"
        )
        raise OptionError(message)
