"""The text of ``docs/results/accuracy.md``, with its measurements in braces."""

from __future__ import annotations

__all__ = ["TEMPLATE"]

TEMPLATE = """\
<!-- Written by benchmarks/accuracy.py from benchmarks/accuracy.json. -->

# Accuracy

Measured by

```console
$ python -m benchmarks.accuracy --data DIR --write
```

which measures what is missing below; `--network`, `--method` and `--T` name a part, and `--again`
measures it anew. Top-1 accuracy in percent. Each number is of a network converted for that T and
run for that T. Nothing was trained, unless a row says so. `benchmarks/networks.py` names the files
in `DIR`, the preprocessing and the images; an empty cell was not measured.

The CIFAR-10 test images are the first 1,017 of the 10,000: one image is about 0.1 percent. The
ImageNet images are probably training images: read these rows as the distance from the ANN, not as
validation accuracy.

## The default method

`calibration` and `test` count images; `thresholds` says where the thresholds come from.

{summary}
{caveat}
## All methods

The first table of a network has its schedules: `latency` is the number of steps until the answer is
there, `passes` how often the weights multiply for it, and `spikes a neuron` counts those that it
sends for one image. The pictures show the same. [Schedules](../explanation/schedules.md) says what
they are; `staggered-joins` is `staggered` with `--delays joins`.

In the second table, after each accuracy stands in brackets how many spikes a neuron sends for one
image in all T steps, the mean over all neurons and the first {counted} test images; a negative
spike counts too, and one that carries a count as so many. T is not the same for all: `a spike of a
ReLU` is what one may carry. Rows in italics are published figures, of weights and images of their
own, whose ANN they name.

{sections}
## Published figures on other networks

{published}

## Refused, failed or timed out

{failed}

## Duration of the conversion

Seconds for one conversion with the default method, calibration included. Other work ran on the
machine at the same time: read them as upper bounds.

{durations}

## Methods

{methods}

## Machine

{machines}
"""
