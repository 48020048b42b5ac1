"""Images to train on: shuffled anew in every epoch, shifted and mirrored."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEAN = {
    "cifar10": (0.485, 0.456, 0.406),
    "mnist": (0.1307,),
    "fashion_mnist": (0.2860,),
}
STD = {"cifar10": (0.229, 0.224, 0.225), "mnist": (0.3081,), "fashion_mnist": (0.3530,)}


@dataclasses.dataclass(frozen=True)
class Images:
    """A data set in memory: images [N, C, H, W], normalized, and labels [N]."""

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor


def load(folder: Path, name: str, train: int | None = None) -> Images:
    """Read ``name``.npz with x_train, y_train, x_test and y_test: uint8, 0 to 255.

    Args:
        folder: Where the file is.
        name: ``cifar10``, ``mnist`` or ``fashion_mnist``.
        train: Number of training images to keep; None for all.
    """
    with np.load(folder / f"{name}.npz") as file:
        parts = [_normalized(file[f"x_{part}"], name) for part in ("train", "test")]
        labels = [
            torch.from_numpy(file[f"y_{part}"].astype(np.int64).ravel())
            for part in ("train", "test")
        ]
    return Images(parts[0][:train], labels[0][:train], parts[1], labels[1])


def _normalized(pixels: np.ndarray, name: str) -> Tensor:
    images = torch.from_numpy(pixels.reshape(*pixels.shape[:3], -1)).permute(0, 3, 1, 2)
    mean, std = (torch.tensor(each)[:, None, None] for each in (MEAN[name], STD[name]))
    return ((images / 255 - mean) / std).contiguous()


@dataclasses.dataclass(frozen=True)
class Batches:
    """Batches in random order; what is left over at the end of an epoch is dropped.

    Attributes:
        images: Shape [N, C, H, W].
        labels: Shape [N].
        size: Images in a batch.
        shift: Largest shift to each side, in pixels; zeros come in.
        mirror: Whether every second image, at random, is mirrored.
    """

    images: Tensor
    labels: Tensor
    size: int = 100
    shift: int = 0
    mirror: bool = False

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.labels) // self.size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images and labels in an order that torch's generator draws."""
        order = torch.randperm(len(self.labels))
        for rows in order[: len(self) * self.size].split(self.size):
            yield self._augmented(self.images[rows]), self.labels[rows]

    def _augmented(self, images: Tensor) -> Tensor:
        count, _, height, width = images.shape
        padded = functional.pad(images, [self.shift] * 4)
        top, left = torch.randint(0, 2 * self.shift + 1, (2, count, 1))
        rows, columns = top + torch.arange(height), left + torch.arange(width)
        if self.mirror:
            flipped = torch.rand(count, 1) < 0.5
            columns = torch.where(flipped, columns.flip(1), columns)
        sample = torch.arange(count)[:, None, None, None]
        channel = torch.arange(images.shape[1])[None, :, None, None]
        return padded[
            sample, channel, rows[:, None, :, None], columns[:, None, None, :]
        ]


def top1(model: torch.nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the percentage of ``images`` whose largest logit is the one of ``labels``."""
    with torch.no_grad():
        answers = torch.cat([model(part).argmax(dim=1) for part in images.split(250)])
    return 100 * float((answers == labels).float().mean())
