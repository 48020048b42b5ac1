"""LSTM, GRU and RNN in NumPy, as the ONNX standard defines them.

onnx's own evaluator passes over sequence lengths, activation functions, clipping and coupled
gates without a word.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from onnx.reference.op_run import OpRun

from onnx2snn.runtime.kernels.gate_functions import gate_functions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from onnx2snn.runtime.kernels.gate_functions import Function

__all__ = ["GRU", "LSTM", "RNN"]

_Array: TypeAlias = np.ndarray[Any, Any]
_States: TypeAlias = tuple[_Array, ...]
_Cell: TypeAlias = "Callable[[_Array, _States], _States]"

_INPUTS = ("W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
"""Names of the inputs behind X in the standard; GRU and RNN have no ``initial_c`` and P."""

_STATES = ("initial_h", "initial_c")

_IS_BACKWARDS = {
    "forward": [False],
    "reverse": [True],
    "bidirectional": [False, True],
}
"""For each direction that runs, whether it starts at the end of the sequence."""


@dataclasses.dataclass(frozen=True)
class _Weights:
    """The weights of one direction, gate after gate along the first axis.

    Attributes:
        w: Weights of the input, [gates * hidden, inputs].
        r: Weights of the hidden state, [gates * hidden, hidden].
        wb: Bias of the input, [gates * hidden].
        rb: Bias of the hidden state, [gates * hidden].
        p: Peepholes, the weights of the cell state, [3 * hidden].
    """

    w: _Array
    r: _Array
    wb: _Array
    rb: _Array
    p: _Array

    @classmethod
    def of_direction(cls, at: int, inputs: Mapping[str, Any]) -> _Weights:
        """Take the weights of one direction; biases and peepholes that are left out are 0.

        Args:
            at: Number of the direction.
            inputs: Inputs of the node, by name.
        """
        w = inputs["W"][at]
        r = inputs["R"][at]
        rows, hidden = r.shape
        biases = inputs.get("B")
        peepholes = inputs.get("P")
        no_biases = np.zeros(2 * rows, r.dtype)
        no_peepholes = np.zeros(3 * hidden, r.dtype)
        b = no_biases if biases is None else biases[at]
        p = no_peepholes if peepholes is None else peepholes[at]
        wb = b[:rows]
        rb = b[rows:]
        return cls(w=w, r=r, wb=wb, rb=rb, p=p)


class _Recurrent(OpRun):
    """The part that the three operators have in common.

    Attributes:
        state_count: Number of states; the first is the output.
        defaults: Activation functions of one direction, for a node that names none.
    """

    state_count: int
    defaults: tuple[str, ...]

    def _make_cell(
        self,
        functions: Sequence[Function],
        weights: _Weights,
        attributes: Mapping[str, Any],
    ) -> _Cell:
        """Return the function from a position and the states before it to those after it.

        Args:
            functions: Activation functions of one direction.
            weights: Weights of one direction.
            attributes: Attributes of the node.
        """
        raise NotImplementedError

    def _run(
        self,
        x: _Array,
        *inputs: _Array | None,
        **attributes: Any,  # noqa: ANN401
    ) -> tuple[_Array, ...]:
        given = dict(zip(_INPUTS, inputs, strict=False))
        is_batchwise = bool(attributes.get("layout"))
        if is_batchwise:
            x = x.swapaxes(0, 1)
        steps, batch = x.shape[:2]
        lengths = given.get("sequence_lens")
        if lengths is None:
            lengths = np.full(batch, steps)
        outputs = []
        finals = []
        for at, is_backwards in enumerate(_directions(attributes)):
            weights = _Weights.of_direction(at, given)
            cell = self._make_cell(
                self._functions_of_direction(at, attributes), weights, attributes
            )
            hidden = weights.r.shape[-1]
            zeros = np.zeros((batch, hidden), x.dtype)
            states = []
            for name in _STATES[: self.state_count]:
                initial = _of_direction(at, given.get(name), is_batchwise=is_batchwise)
                states.append(zeros if initial is None else initial)
            output, final = _run_cell(cell, x, states, lengths, backwards=is_backwards)
            outputs.append(output)
            finals.append(final)
        y = np.stack(outputs, axis=1)
        last = [np.stack(states) for states in zip(*finals, strict=True)]
        if is_batchwise:
            y = y.transpose(2, 0, 1, 3)
            last = [state.swapaxes(0, 1) for state in last]
        return (y, *last)[: len(self.output)]

    def _functions_of_direction(
        self, at: int, attributes: Mapping[str, Any]
    ) -> list[Function]:
        """Return the activation functions of one direction."""
        functions = gate_functions(attributes, self.defaults)
        count = len(self.defaults)
        return functions[count * at : count * (at + 1)]


def _directions(attributes: Mapping[str, Any]) -> list[bool]:
    return _IS_BACKWARDS[attributes.get("direction") or "forward"]


def _of_direction(
    at: int, state: _Array | None, *, is_batchwise: bool
) -> _Array | None:
    """Return an initial state of one direction, [batch, hidden]."""
    if state is None:
        return None
    return state[:, at] if is_batchwise else state[at]


def _run_cell(
    cell: _Cell,
    x: _Array,
    states: Sequence[_Array],
    lengths: _Array,
    *,
    backwards: bool,
) -> tuple[_Array, _States]:
    """Run ``cell`` along the first axis of ``x``, each sample up to its own length.

    Returns:
        The first state after each position, and all states after the last one.
    """
    steps, batch = x.shape[:2]
    hidden = states[0].shape[-1]
    samples = np.arange(batch)
    y = np.zeros((steps, batch, hidden), x.dtype)
    for step in range(steps):
        is_within = step < lengths
        position = lengths - 1 - step if backwards else step
        position = np.where(is_within, position, 0)
        entries = x[position, samples]
        results = cell(entries, tuple(states))
        after = []
        for new, old in zip(results, states, strict=True):
            takes_new = is_within[:, None]
            chosen = np.where(takes_new, new, old)
            after.append(chosen.astype(x.dtype))
        states = after
        first_state = results[0]
        y[position[is_within], samples[is_within]] = first_state[is_within]
    return y, tuple(states)


class RNN(_Recurrent):
    """``h = f(W x + R h + b)``."""

    state_count = 1
    defaults = ("Tanh",)

    def _make_cell(
        self,
        functions: Sequence[Function],
        weights: _Weights,
        attributes: Mapping[str, Any],  # noqa: ARG002 (the others read it)
    ) -> _Cell:
        (f,) = functions

        def cell(x: _Array, states: _States) -> _States:
            (h,) = states
            driven = x @ weights.w.T
            fed_back = h @ weights.r.T
            total = driven + fed_back + weights.wb + weights.rb
            return (f(total),)

        return cell


class GRU(_Recurrent):
    """Update gate z, reset gate r and hidden gate: ``h = (1 - z) g(...) + z h``."""

    state_count = 1
    defaults = ("Sigmoid", "Tanh")

    def _make_cell(
        self,
        functions: Sequence[Function],
        weights: _Weights,
        attributes: Mapping[str, Any],
    ) -> _Cell:
        f, g = functions
        rz, rr, rh = np.split(weights.r, 3)
        bz, br, bh = np.split(weights.rb, 3)
        is_linear_first = attributes.get("linear_before_reset")

        def cell(x: _Array, states: _States) -> _States:
            (h,) = states
            driven = x @ weights.w.T + weights.wb
            xz, xr, xh = np.split(driven, 3, axis=-1)
            z_driven = h @ rz.T
            update = xz + z_driven + bz
            z = f(update)
            r_driven = h @ rr.T
            resetting = xr + r_driven + br
            reset = f(resetting)
            if is_linear_first:
                new = g(xh + reset * (h @ rh.T + bh))
            else:
                new = g(xh + (reset * h) @ rh.T + bh)
            kept = z * h
            return ((1 - z) * new + kept,)

        return cell


class LSTM(_Recurrent):
    """Input, output and forget gates i, o, f: ``c = f c + i g(...)``, ``h = o tanh(c)``."""

    state_count = 2
    defaults = ("Sigmoid", "Tanh", "Tanh")

    def _make_cell(
        self,
        functions: Sequence[Function],
        weights: _Weights,
        attributes: Mapping[str, Any],
    ) -> _Cell:
        f, g, h_of = functions
        pi, po, pf = np.split(weights.p, 3)
        is_coupled = attributes.get("input_forget")

        def cell(x: _Array, states: _States) -> _States:
            h, c = states
            driven = x @ weights.w.T
            fed_back = h @ weights.r.T
            total = driven + fed_back + weights.wb + weights.rb
            xi, xo, xf, xc = np.split(total, 4, axis=-1)
            i = f(xi + pi * c)
            kept = 1 - i if is_coupled else f(xf + pf * c)
            new = i * g(xc)
            c = kept * c + new
            o = f(xo + po * c)
            return o * h_of(c), c

        return cell
