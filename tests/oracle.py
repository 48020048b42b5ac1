"""The published methods in NumPy, from their equations, for chains of convolutions.

Nothing of the package computes here. Currents and what neurons send are [T, N, C, L], or
[1, N, C, L] where all steps are alike; z is a current, v a potential, a an activation.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, np.inf)
FACTORS = (1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 3.0)


@dataclasses.dataclass
class Convolution:
    """Weights [C, inputs, taps] and bias [C]; as many places come out as went in."""

    weight: np.ndarray
    bias: np.ndarray

    def seen(self, x: np.ndarray) -> np.ndarray:
        """Return what the weights of a place see, [..., L, inputs * taps]."""
        taps = self.weight.shape[2]
        around = [(0, 0)] * (x.ndim - 1) + [(taps // 2, taps // 2)]
        windows = sliding_window_view(np.pad(x, around), taps, axis=-1)
        return np.moveaxis(windows, -2, -3).reshape(*x.shape[:-2], x.shape[-1], -1)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        matrix = self.weight.reshape(len(self.weight), -1).T.astype(float)
        return np.moveaxis(self.seen(x) @ matrix, -1, -2) + self.bias[:, None]


@dataclasses.dataclass
class Neurons:
    """One layer.

    Attributes:
        kind: ``if``, ``hard-reset``, ``gated``, ``augmented``, ``inverse-leaky`` or ``weighted``.
        steps: T.
        theta: Largest value that a layer sends, broadcasts to [C, L].
        v_init: Part of the threshold that the potential starts with.
        most: Most spikes in a step, of the augmented ones.
        waits: Steps that weighted ones take in before they fire.
        leak: What a spike of these is worth, in spikes a step later.
        potential: What is added to the initial potential.
        bias: What is added to the current, or [T, 1, C, 1] for each step.
        nearest: How close a potential came to a threshold that it did not lie on exactly.
    """

    kind: str
    steps: int
    theta: np.ndarray
    v_init: float
    most: int = 1
    waits: int = 0
    leak: float = 2.0
    potential: np.ndarray | float = 0.0
    bias: np.ndarray | float = 0.0
    nearest: float = np.inf

    def send(self, z: np.ndarray) -> np.ndarray:
        """Return what the layer sends in each step, in units of the activation."""
        z = z + self.bias
        if self.kind == "weighted":
            return self.signed_digits(z)
        if self.kind == "inverse-leaky":
            return self.digits(z)
        theta = self.theta / self.most
        v = np.zeros(z.shape[1:]) + self.v_init * theta + self.potential
        count, sent = np.zeros_like(v), []
        for current in np.broadcast_to(z, (self.steps, *z.shape[1:])):
            h = v + current
            s = self.spikes(h, count, theta)
            v = np.where(s > 0, 0, h) if self.kind == "hard-reset" else h - theta * s
            count = count + s
            sent.append(theta * s)
        return np.stack(sent)

    def spikes(self, h: np.ndarray, count: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """Return the spikes of a step, from the potential and the net count so far."""
        self.watch(h / theta)
        if self.kind == "augmented":
            allowed = np.minimum(count, self.most)
            return np.clip(np.floor(h / theta), -allowed, self.most)
        taken_back = (h < 0) & (count > 0) if self.kind == "gated" else False
        return np.where(h >= theta, 1.0, np.where(taken_back, -1.0, 0.0))

    def digits(self, z: np.ndarray) -> np.ndarray:
        """Return the number that T binary digits write: the spike at step t weighs 2^(T-t)."""
        unit = self.theta / (2**self.steps - 1)
        left, total = z[0] / unit + self.v_init, np.zeros_like(z[0])
        for t in range(1, self.steps + 1):
            weight = 2.0 ** (self.steps - t)
            self.watch(left / weight)
            s = left >= weight
            left, total = left - s * weight, total + s * weight
        return (total * unit)[None]

    def signed_digits(self, z: np.ndarray) -> np.ndarray:
        """Return what weighted neurons send: a spike is worth k of the next step."""
        k = self.leak
        theta = self.theta * k**self.waits
        v = total = np.zeros(z.shape[1:])
        silence, sent = np.zeros((self.waits, *v.shape)), []
        steps = np.broadcast_to(z, (self.steps, *v.shape))
        if len(z) == 1:  # all of it is known: as if it had come before the first step
            whole = (k ** -np.arange(self.steps)).sum() / k
            v, steps = z[0] * whole, np.zeros_like(steps)
        for j, current in enumerate(np.concatenate([steps, silence])):
            v = k * v + current
            if j >= self.waits:
                self.watch(v / theta + 0.5)
                up, down = v >= theta / 2, (v < -theta / 2) & (k * total >= 1)
                s = up.astype(float) - down
                v, total = v - theta * s, k * total + s
                sent.append(self.theta * s)
        return np.stack(sent)

    def mean(self, sent: np.ndarray) -> np.ndarray:
        """Return what was sent in all steps together, [N, C, L]."""
        base = self.leak if self.kind == "weighted" else 1.0
        worth = base ** -np.arange(len(sent))
        return np.tensordot(worth / worth.sum(), sent, 1)

    def watch(self, h: np.ndarray) -> None:
        """Note how far a potential in units of the threshold is from where spikes change."""
        distance = np.abs(h - np.round(h))
        self.nearest = min(self.nearest, distance[distance > 0].min(initial=np.inf))


def lack(
    neurons: Neurons, z: np.ndarray, a: np.ndarray, *, each_step: bool = False
) -> np.ndarray:
    """Return what a layer lacks of ``a``, a number a channel, [T, 1, C, 1] or [1, 1, C, 1]."""
    sent = neurons.send(z)
    difference = a - (sent if each_step else neurons.mean(sent)[None])
    over = (1, 3) if neurons.theta.size > 1 else (1, 2, 3)
    return difference.mean(axis=over, keepdims=True)


def correct(
    neurons: Neurons, corrections: tuple[str, ...], z: np.ndarray, a: np.ndarray
) -> None:
    """Correct a layer whose current is ``z``, with the activation ``a``, [N, C, L], to reach."""
    if "threshold-balancing" in corrections:
        neurons.theta = neurons.theta * 0 + z.max()
    if "threshold-scaling" in corrections:
        scale_thresholds(neurons, z, a)
    if "bias" in corrections:
        for _ in range(3):
            neurons.bias = neurons.bias + lack(neurons, z, a)
    if "potential" in corrections:
        neurons.potential = neurons.steps * lack(neurons, z, a)[0]
    if "step-bias" in corrections:
        for _ in range(5):
            neurons.bias = neurons.bias + 0.5 * lack(neurons, z, a, each_step=True)


def scale_thresholds(neurons: Neurons, z: np.ndarray, a: np.ndarray) -> None:
    """Raise each channel's threshold by the factor of least squared error."""
    errors = []
    for factor in FACTORS:
        tried = dataclasses.replace(neurons, theta=neurons.theta * factor)
        errors.append(np.square(a - tried.mean(tried.send(z))).sum(axis=(0, 2)))
    neurons.theta = (
        neurons.theta * np.array(FACTORS)[np.argmin(errors, axis=0)][:, None]
    )


def least_squares(
    x: np.ndarray, y: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return matrix and offset of the ridge regression of y on x: rows stand for the penalty."""
    x_mean, y_mean, inputs = x.mean(axis=0), y.mean(axis=0), x.shape[1]
    if strength == np.inf:
        return np.zeros((inputs, y.shape[1])), y_mean
    weight = np.sqrt(strength * np.square(x - x_mean).sum() / inputs)
    system = np.vstack([x - x_mean, weight * np.eye(inputs)])
    right = np.vstack([y - y_mean, np.zeros((inputs, y.shape[1]))])
    matrix = np.linalg.lstsq(system, right)[0]
    return matrix, y_mean - x_mean @ matrix


def repaired(layer: Convolution, mean: np.ndarray, wanted: np.ndarray) -> Convolution:
    """Return weights with which the ``mean`` of what was sent makes what is ``wanted``.

    Each fourth sample judges the ridge that the others were given.
    """
    places = mean.shape[-1]
    x = layer.seen(mean).reshape(len(mean) * places, -1)
    y = np.moveaxis(wanted - layer(mean), 1, 2).reshape(len(x), -1)
    classify = np.repeat(np.arange(len(mean)) % 4 == 3, places)
    errors = [np.square(y[classify]).sum()]
    for strength in STRENGTHS:
        matrix, offset = least_squares(x[~classify], y[~classify], strength)
        errors.append(np.square(y[classify] - x[classify] @ matrix - offset).sum())
    best = int(np.argmin(errors))
    if best == 0:
        return layer
    matrix, offset = least_squares(x, y, STRENGTHS[best - 1])
    return Convolution(
        layer.weight + matrix.T.reshape(layer.weight.shape), layer.bias + offset
    )


def activations(layers: list[Convolution], x: np.ndarray) -> list[np.ndarray]:
    """Return what each layer of the ANN makes, the last without a Relu."""
    found = []
    for layer in layers:
        z = layer(x)
        found.append(z)
        x = np.maximum(z, 0)
    return found


def spiking(
    layers: list[Convolution],
    neurons: list[Neurons],
    corrections: tuple[str, ...],
    x: np.ndarray,
) -> list[Convolution]:
    """Correct ``neurons`` in place, layer by layer, on ``x``; return the corrected layers."""
    wanted, sent, mean, found = activations(layers, x), x[None], x, []
    for index, layer in enumerate(layers):
        repair = index > 0 and "weights" in corrections
        found.append(repaired(layer, mean, wanted[index]) if repair else layer)
        if index < len(neurons):
            z = found[-1](sent)
            correct(neurons[index], corrections, z, np.maximum(wanted[index], 0))
            sent = neurons[index].send(z)
            mean = neurons[index].mean(sent)
    return found


def output(
    layers: list[Convolution], neurons: list[Neurons], x: np.ndarray
) -> np.ndarray:
    """Return what the spiking network says of ``x``: the last layer reads the mean."""
    sent, mean = x[None], x
    for layer, neuron in zip(layers, neurons, strict=False):
        sent = neuron.send(layer(sent))
        mean = neuron.mean(sent)
    return layers[-1](mean)


def threshold(rule: str, a: np.ndarray, levels: int) -> np.ndarray:
    """Return thresholds from activations [channels, samples], by the ``rule`` for ``levels``."""
    if rule == "max":
        return a.max(axis=1)
    if rule == "percentile":
        return np.array(
            [np.percentile(row[row > 0], 99.9, method="inverted_cdf") for row in a]
        )
    if rule == "balanced":
        theta = np.zeros((len(a), 1))
        for _ in range(1000):
            theta += 2 * np.maximum(a - theta, 0).mean(axis=1, keepdims=True)
        return theta[:, 0]
    # Up to twice what was seen, in tenths: there is one value more, and it is larger.
    parts = np.concatenate([np.arange(20, 10, -1) / 10, 1 - np.arange(100) / 100])
    grid = a.max(axis=1) * parts[:, None]
    errors = [expected_error(a, theta, levels) for theta in grid]
    return grid[np.argmin(errors, axis=0), np.arange(len(a))]


def expected_error(a: np.ndarray, theta: np.ndarray, levels: int) -> np.ndarray:
    """Return each channel's squared error on all values seen, and on a larger one that was not.

    Of that one, the excess over the largest is exponentially distributed, with the mean by which
    the upper tenth of the positive values exceeds its smallest: at least the part of the largest
    value that this is in half of the channels.
    """
    largest = a.max(axis=1)
    tails = [np.sort(row[row > 0]) for row in a]
    tails = [tail[int(np.ceil(0.9 * len(tail))) - 1 :] for tail in tails]
    excess = np.array([(tail - tail[0]).mean() for tail in tails])
    excess = np.maximum(excess, largest * np.median(excess / largest))
    excesses = (np.arange(3000) + 0.5) / 100  # in units of their mean
    density = np.exp(-excesses) / 100
    unseen = largest[:, None] + excess[:, None] * excesses
    clipped = np.maximum(unseen - theta[:, None], 0)
    seen = a.shape[1] * quantization_error(a, theta, levels)
    return seen + np.square(clipped) @ density


def quantization_error(a: np.ndarray, theta: np.ndarray, levels: int) -> np.ndarray:
    """Return each channel's mean squared error of the quantizer with ``levels`` above 0."""
    step = theta[:, None] / levels
    return np.square(a - step * np.clip(np.floor(a / step + 0.5), 0, levels)).mean(
        axis=1
    )
