"""Random spikes whose mean is a value."""

from __future__ import annotations

import numpy as np

from onnx2snn.ops.declare import StepOp

__all__ = ["BERNOULLI_ENCODER"]

_MULTIPLIER = 48271
_MODULUS = 2**31 - 1


def _bernoulli_encoder(
    x: np.ndarray, generator: np.ndarray, magnitude: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    generator_next = np.broadcast_to(generator, x.shape) * _MULTIPLIER % _MODULUS
    draw = (generator_next // 128).astype(np.float32) * np.float32(2**-24)
    sent = draw.astype(x.dtype) * magnitude < np.abs(x)
    return sent.astype(x.dtype) * np.sign(x), generator_next


BERNOULLI_ENCODER = StepOp(
    name="BernoulliEncoder",
    doc="""One time step of rate coding: a spike is sent with a probability.

With u the next random number, uniform in `[0, 1)`:

    generator_next = 48271 * generator mod 2^31 - 1
    u     = floor(generator_next / 128) / 2^24
    spike = sign(x) if u * magnitude < |x| else 0

For `|x| <= magnitude` the mean of `magnitude * spike` is x in expectation, with a variance of
`|x| (magnitude - |x|) / T` over T steps; beyond, it is `magnitude` with the sign of x. The random
numbers are those of a linear congruential generator for each element, in integers, so that every
runtime draws the same.

Source: Park and Miller, 1988, with the multiplier of their revision of 1993.""",
    inputs={
        "x": "The value to encode, any shape and unit.",
        "generator": "State of the random generator, 1 to 2^31 - 2; broadcasts to x.",
        "magnitude": "What a spike stands for, > 0, in the unit of x; broadcasts to x.",
    },
    outputs={
        "spike": "+1, -1 or 0; shape of x. A spike stands for magnitude units of x.",
        "generator_next": "State of the generator after the step, 1 to 2^31 - 2; shape of x.",
    },
    state={"generator": "generator_next"},
    integers=frozenset({"generator", "generator_next"}),
    body="""
    shape = Shape (x)
    before = Expand (generator, shape)
    multiplier = Constant <value = int64 {48271}> ()
    product = Mul (before, multiplier)
    modulus = Constant <value = int64 {2147483647}> ()
    generator_next = Mod (product, modulus)
    part = Constant <value = int64 {128}> ()
    high = Div (generator_next, part)
    high_float = Cast <to = 1> (high)
    unit = Constant <value = float {5.9604644775390625e-08}> ()
    draw = Mul (high_float, unit)
    u = CastLike (draw, x)
    level = Mul (u, magnitude)
    size = Abs (x)
    is_sent = Less (level, size)
    sent = CastLike (is_sent, x)
    sign = Sign (x)
    spike = Mul (sent, sign)""",
    step=_bernoulli_encoder,
)
