from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnx2snn.analysis.elementwise.piecewise import Piecewise

X = Piecewise.line(1, 0)
NUMBERS = [-2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 3.0]
POINTS = [-1e6, *(n / 16 for n in range(-80, 81)), 1e6]


@st.composite
def functions(draw: st.DrawFn, depth: int = 3) -> tuple[Piecewise, list[float]]:
    """Draw a function out of simpler ones, and compute it at ``POINTS`` as well."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        number = draw(st.sampled_from([None, *NUMBERS]))
        if number is None:
            return X, POINTS
        return Piecewise.line(0, number), [number] * len(POINTS)
    f, at_f = draw(functions(depth - 1))
    g, at_g = draw(functions(depth - 1))
    h, at_h = draw(functions(depth - 1))
    pairs = list(zip(at_f, at_g, strict=True))
    made = {
        "neg": (-f, [-a for a in at_f]),
        "add": (f + g, [a + b for a, b in pairs]),
        "mul": (f * g, [a * b for a, b in pairs]),
        "max": (f.maximum(g), [max(a, b) for a, b in pairs]),
        "above": (f.is_above(g), [float(a > b) for a, b in pairs]),
        "not below": (f.is_not_below(g), [float(a >= b) for a, b in pairs]),
        "where": (
            f.is_above(g).choose(h, g),
            [c if a > b else b for (a, b), c in zip(pairs, at_h, strict=True)],
        ),
    }
    curve, values = made[draw(st.sampled_from(list(made)))]
    return (f, at_f) if curve is None else (curve, values)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(functions())
def test_a_function_made_of_others_is_what_they_give_together(
    made: tuple[Piecewise, list[float]],
) -> None:
    f, values = made
    for x, value in zip(POINTS, values, strict=True):
        assert f(x) == pytest.approx(value, rel=1e-9, abs=1e-9), f"at {x}"


def test_kinks_at_which_nothing_happens_go() -> None:
    relu = X.maximum(Piecewise.line(0, 0))
    assert relu is not None
    assert relu == Piecewise((0,), ((0, 0), (1, 0)), (0,))
    other = (-X).maximum(Piecewise.line(0, 0))
    assert other is not None
    assert relu + -other == X


def test_what_is_not_straight_between_kinks_is_not_followed() -> None:
    assert X * X is None
    step = X.is_above(Piecewise.line(0, 0))
    assert X * step == X.maximum(Piecewise.line(0, 0))


def test_a_saw_of_many_teeth_is_not_followed() -> None:
    saw: Piecewise | None = X
    for tooth in range(1, 20):
        bent = X.maximum(Piecewise.line(0, tooth))
        assert bent is not None
        saw = None if saw is None else saw + bent
    assert saw is None


def test_jumps() -> None:
    step = X.is_above(Piecewise.line(0, 1))
    assert not step.is_continuous
    assert [step(x) for x in (0, 1, 2, -1e30)] == [0, 0, 1, 0]
    assert X.is_not_below(Piecewise.line(0, 1))(1) == 1
    assert X.is_continuous


def test_functions_that_cross_once_between_kinks_they_share() -> None:
    """Their difference is one line, that has its zero beyond the kink as well."""
    relu = X.maximum(Piecewise.line(0, 0))
    assert relu is not None
    other = relu + Piecewise.line(1, 1)
    assert other is not None
    above = other.is_above(relu)
    assert [above(x) for x in (-2, -1, -0.5, 0, 1)] == [0, 0, 1, 1, 1]
