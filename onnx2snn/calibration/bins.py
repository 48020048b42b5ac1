"""The bins of histograms, a row for each channel: counting into them, and merging them."""

from __future__ import annotations

import numpy as np

__all__ = ["count_into", "make_room_below", "merge_bins"]


def count_into(counts: np.ndarray, index: np.ndarray) -> None:
    """Add 1 to an entry of ``counts``, for each time that ``index`` has its flat position.

    Args:
        counts: [channels, bins], contiguous; changed in place.
        index: Positions, [channels, n].
    """
    flat_index = index.ravel()
    if flat_index.size < counts.size:  # a pass over all bins would cost more
        flat_counts = counts.reshape(-1)
        one = counts.dtype.type(1)
        np.add.at(flat_counts, flat_index, one)
        return
    found = np.bincount(flat_index, minlength=counts.size)
    counts += found.reshape(counts.shape)


def merge_bins(counts: np.ndarray, doublings: int) -> np.ndarray:
    """Merge bins as the range ``[0, r)`` doubles; the bins keep their number."""
    if doublings == 0:
        return counts
    channels, bins = counts.shape
    merging = 1 << min(doublings, 62)
    group = min(merging, bins)
    groups = bins // group
    result = np.zeros_like(counts)
    grouped = counts.reshape(channels, groups, group)
    result[:, :groups] = grouped.sum(axis=2)
    return result


def halve_bins(counts: np.ndarray, bins: int) -> np.ndarray:
    """Return the counts in fewer bins of the same ranges, half as many as often as need be."""
    fewer = counts.copy()
    while fewer.shape[1] > bins:
        fewer = fewer[:, 0::2] + fewer[:, 1::2]
    return fewer


def make_room_below(counts: np.ndarray) -> np.ndarray:
    """Make of the bins of ``[0, r)`` those of ``[-r, r)``, twice as wide."""
    wider = merge_bins(counts, 1)
    half = counts.shape[1] // 2
    zeros = np.zeros_like(wider[:, half:])
    lower_half = wider[:, :half]
    return np.hstack([zeros, lower_half])
