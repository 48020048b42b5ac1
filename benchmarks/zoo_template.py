"""The text of ``docs/results/zoo.md``, with its measurements in braces."""

from __future__ import annotations

__all__ = ["TEMPLATE"]

TEMPLATE = """\
<!-- Written by benchmarks/zoo.py from benchmarks/zoo.json. -->

# Networks from many exporters

Measured by

```console
$ python -m benchmarks.zoo --data DIR
```

which goes on where it stopped: cells that this version of the code measured are not measured
again. `--only NAME` and `--T 8 32` measure a part anew. {summary}

Each network is converted anew for each T with the default options, and calibrated. It runs for that
T beside its ANN, on the same inputs, which are other samples than those that calibrated. A cell has
the cosine similarity of all values of an output, over all samples, and the relative error: the norm
of the difference by the norm of the ANN's output. The larger an image and T, the fewer samples
there are; the costs below name their numbers. Where a network has several outputs, the first
table shows the one with the least cosine. `by spikes` is the part of the multiply-accumulates that
spikes drive, `all` the same with `--spike all`: neurons in front of all weights but the first.

Inputs are images where the network takes them: of MNIST, CIFAR-10 and ImageNet; the latter also
where it looks for faces or people. Else they are unit normal, seed {measurement_seed}
(seed {calibration_seed} for calibration), which is not what these networks are made for; spectra
have no negative values, states lie within -1 and 1. `benchmarks/zoo_networks.py` has the
preprocessing. Networks without trained weights, which are files of topology only or as initialized,
are shown but not counted.

{table}
{caveat}
## Refused, failed or timed out

{failed}

## Each output

{outputs}

## Drivers of the weights

Percent of the multiply-accumulates of one sample: by spikes, in every step; `real`, linear on real
numbers, in every step; `analog`, not linear, in every step; `static`, once, before the first step;
`readout`, once, after the last. [Counting](../explanation/counting.md) explains them.

{shares}

## Cost of the conversion

Number of samples that calibrated and of those compared, then seconds for one conversion,
calibration included, and the peak memory of the process. Other work ran on the machine at the
same time: read them as upper bounds.

{costs}

## Forms

Some calibration samples only judge: the network is kept corrected, uncorrected or as it is without
the data, whichever is nearest to its ANN on them
([Held-out samples](../howto/calibration-data.md#held-out-samples)).

{forms}

## Machine

{machines}
"""
