"""LSTM, GRU and RNN in NumPy, as the ONNX standard defines them.

onnx's own evaluator passes over sequence lengths, activation functions, clipping and coupled
gates without a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from onnx.reference.op_run import OpRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["GRU", "LSTM", "RNN"]

_Array: TypeAlias = np.ndarray[Any, Any]
_Function: TypeAlias = "Callable[[_Array], _Array]"
_States: TypeAlias = tuple[_Array, ...]

_FUNCTIONS: dict[str, Callable[..., _Array]] = {
    "affine": lambda x, alpha, beta: alpha * x + beta,
    "elu": lambda x, alpha: np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "hardsigmoid": lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1),
    "leakyrelu": lambda x, alpha: np.where(x >= 0, x, alpha * x),
    "relu": lambda x: np.maximum(x, 0),
    "scaledtanh": lambda x, alpha, beta: alpha * np.tanh(beta * x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanh": np.tanh,
    "thresholdedrelu": lambda x, alpha: np.where(x > alpha, x, 0),
}
_PARAMETERS: dict[str, tuple[float, ...]] = {
    "affine": (1.0, 0.0),
    "elu": (1.0,),
    "hardsigmoid": (0.2, 0.5),
    "leakyrelu": (0.01,),
    "scaledtanh": (1.0, 1.0),
    "thresholdedrelu": (1.0,),
}
"""Defaults of alpha and beta."""


class _Recurrent(OpRun):
    """What the three operators have in common."""

    gates: int
    states: int
    defaults: tuple[str, ...]

    def _cell(
        self,
        functions: Sequence[_Function],
        weights: Sequence[_Array],
        attributes: dict[str, Any],
    ) -> Callable[[_Array, _States], _States]:
        """Return what makes the states after a position of those before it.

        Args:
            functions: The activation functions of one direction.
            weights: W, R, the two halves of B, and peepholes, of one direction.
            attributes: Attributes of the node.
        """
        raise NotImplementedError

    def _compute(
        self,
        x: _Array,
        weights: Sequence[_Array | None],
        lengths: _Array | None,
        initial: Sequence[_Array | None],
        attributes: dict[str, Any],
    ) -> tuple[_Array, ...]:
        batchwise = bool(attributes.get("layout"))
        if batchwise:
            x, initial = (
                x.swapaxes(0, 1),
                [s if s is None else s.swapaxes(0, 1) for s in initial],
            )
        functions = list(_functions(attributes, self.defaults))
        reverse = {"forward": [False], "reverse": [True]}.get(
            attributes.get("direction") or "forward", [False, True]
        )
        lengths = np.full(x.shape[1], x.shape[0]) if lengths is None else lengths
        results = []
        for at, backwards in enumerate(reverse):
            own = self._own(x, weights, at)
            first = len(self.defaults) * at
            cell = self._cell(
                functions[first : first + len(self.defaults)], own, attributes
            )
            starts = tuple(
                np.zeros((x.shape[1], own[1].shape[-1]), x.dtype)
                if s is None
                else s[at]
                for s in initial
            )
            results.append(_unroll(cell, x, starts, lengths, backwards=backwards))
        y = np.stack([result[0] for result in results], axis=1)
        finals = [
            np.stack(states) for states in zip(*(r[1] for r in results), strict=True)
        ]
        if batchwise:
            y, finals = (
                y.transpose(2, 0, 1, 3),
                [state.swapaxes(0, 1) for state in finals],
            )
        return (y, *finals)[: len(self.output)]

    def _own(
        self, x: _Array, weights: Sequence[_Array | None], at: int
    ) -> list[_Array]:
        """Return the weights of one direction; biases and peepholes that are left out are 0."""
        w, r, b, *peepholes = weights
        assert w is not None
        assert r is not None
        hidden = r.shape[-1]
        bias = np.zeros(2 * self.gates * hidden, x.dtype) if b is None else b[at]
        looked = [
            np.zeros(3 * hidden, x.dtype) if p is None else p[at] for p in peepholes
        ]
        return [w[at], r[at], *np.split(bias, 2), *looked]


def _functions(
    attributes: Mapping[str, Any], defaults: Sequence[str]
) -> Iterator[_Function]:
    """Yield the activation functions of all directions.

    Gates are clipped first if that is asked for; what comes out of the cell of an LSTM is not, in
    onnxruntime.
    """
    names = attributes.get("activations") or [*defaults, *defaults]
    lists = [
        list(attributes.get(f"activation_{key}") or ()) for key in ("alpha", "beta")
    ]
    clip = attributes.get("clip")
    for at, name in enumerate(names):
        key = name.lower()
        is_gate = at % len(defaults) < 2
        pairs = zip(_PARAMETERS.get(key, ()), lists, strict=False)
        parameters = [given.pop(0) if given else default for default, given in pairs]
        yield _clipped(_FUNCTIONS[key], parameters, clip if is_gate else None)


def _clipped(
    function: Callable[..., _Array], parameters: Sequence[float], clip: float | None
) -> _Function:
    if clip is None:
        return lambda x: function(x, *parameters)
    return lambda x: function(np.clip(x, -clip, clip), *parameters)


def _unroll(
    cell: Callable[[_Array, _States], _States],
    x: _Array,
    states: _States,
    lengths: _Array,
    *,
    backwards: bool,
) -> tuple[_Array, _States]:
    """Run ``cell`` along the first axis of ``x``, each sample up to its own length."""
    rows = np.arange(x.shape[1])
    y = np.zeros((*x.shape[:2], states[0].shape[-1]), x.dtype)
    for count in range(x.shape[0]):
        within = count < lengths
        places = np.where(within, lengths - 1 - count if backwards else count, 0)
        after = cell(x[places, rows], states)
        chosen = zip(after, states, strict=True)
        states = tuple(
            np.where(within[:, None], new, old).astype(x.dtype) for new, old in chosen
        )
        y[places[within], rows[within]] = after[0][within]
    return y, states


def _filled(given: Sequence[_Array | None], count: int) -> list[_Array | None]:
    return [*given, *[None] * (count - len(given))]


class RNN(_Recurrent):
    """``h = f(W x + R h + b)``."""

    gates, states, defaults = 1, 1, ("Tanh",)

    def _cell(
        self,
        functions: Sequence[_Function],
        weights: Sequence[_Array],
        attributes: dict[str, Any],  # noqa: ARG002 (the others read it)
    ) -> Callable[[_Array, _States], _States]:
        (f,) = functions
        w, r, wb, rb = weights
        return lambda x, states: (f(x @ w.T + states[0] @ r.T + wb + rb),)

    def _run(
        self,
        x: _Array,
        *given: _Array | None,
        **attributes: Any,  # noqa: ANN401
    ) -> tuple[_Array, ...]:
        w, r, b, lengths, h = _filled(given, 5)
        return self._compute(x, (w, r, b), lengths, (h,), attributes)


class GRU(_Recurrent):
    """Update gate z, reset gate r and hidden gate: ``h = (1 - z) g(...) + z h``."""

    gates, states, defaults = 3, 1, ("Sigmoid", "Tanh")

    def _cell(
        self,
        functions: Sequence[_Function],
        weights: Sequence[_Array],
        attributes: dict[str, Any],
    ) -> Callable[[_Array, _States], _States]:
        f, g = functions
        w, r, wb, rb = weights
        rz, rr, rh = np.split(r, 3)
        bz, br, bh = np.split(rb, 3)

        def cell(x: _Array, states: _States) -> _States:
            (h,) = states
            xz, xr, xh = np.split(x @ w.T + wb, 3, axis=-1)
            z, reset = f(xz + h @ rz.T + bz), f(xr + h @ rr.T + br)
            if attributes.get("linear_before_reset"):
                new = g(xh + reset * (h @ rh.T + bh))
            else:
                new = g(xh + (reset * h) @ rh.T + bh)
            return ((1 - z) * new + z * h,)

        return cell

    def _run(
        self,
        x: _Array,
        *given: _Array | None,
        **attributes: Any,  # noqa: ANN401
    ) -> tuple[_Array, ...]:
        w, r, b, lengths, h = _filled(given, 5)
        return self._compute(x, (w, r, b), lengths, (h,), attributes)


class LSTM(_Recurrent):
    """Input, output and forget gates i, o, f: ``c = f c + i g(...)``, ``h = o tanh(c)``."""

    gates, states, defaults = 4, 2, ("Sigmoid", "Tanh", "Tanh")

    def _cell(
        self,
        functions: Sequence[_Function],
        weights: Sequence[_Array],
        attributes: dict[str, Any],
    ) -> Callable[[_Array, _States], _States]:
        f, g, h_of = functions
        w, r, wb, rb, peepholes = weights
        pi, po, pf = np.split(peepholes, 3)

        def cell(x: _Array, states: _States) -> _States:
            h, c = states
            i, o, forget, new = np.split(x @ w.T + h @ r.T + wb + rb, 4, axis=-1)
            i = f(i + pi * c)
            kept = 1 - i if attributes.get("input_forget") else f(forget + pf * c)
            c = kept * c + i * g(new)
            return f(o + po * c) * h_of(c), c

        return cell

    def _run(
        self,
        x: _Array,
        *given: _Array | None,
        **attributes: Any,  # noqa: ANN401
    ) -> tuple[_Array, ...]:
        w, r, b, lengths, h, c, p = _filled(given, 7)
        return self._compute(x, (w, r, b, p), lengths, (h, c), attributes)
