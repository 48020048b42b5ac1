"""Fine-tune a PyTorch network: a plain loop."""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnx2snn.arguments import checked_count
from onnx2snn.errors import OptionError
from onnx2snn.progress import track
from onnx2snn.torch.activations import ThresholdActivation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["Epoch", "fine_tune"]


@dataclasses.dataclass(frozen=True)
class Epoch:
    """The result of one pass over the training data.

    Attributes:
        number: 1 for the first.
        loss: Mean loss over the batches.
        top1: Percentage of training samples, as augmented, that the network got right.
        seconds: Wall-clock time.
    """

    number: int
    loss: float
    top1: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class _Recipe:
    """The settings of a training; the fields are arguments of ``fine_tune``."""

    epochs: int
    learning_rate: float
    threshold_rate: float
    weight_decay: float
    teacher: nn.Module | None

    def make_optimizer(self, model: nn.Module) -> torch.optim.SGD:
        """Return the optimizer; thresholds are a group of their own and do not decay."""
        thresholds = [module.theta for module in _activations(model)]
        is_threshold = {id(theta) for theta in thresholds}
        weights = [p for p in model.parameters() if id(p) not in is_threshold]
        weight_group = {
            "params": weights,
            "base": self.learning_rate,
            "weight_decay": self.weight_decay,
        }
        threshold_group = {
            "params": thresholds,
            "base": self.threshold_rate,
        }
        return torch.optim.SGD(
            [weight_group, threshold_group],
            lr=self.learning_rate,
            momentum=0.9,
            nesterov=True,
        )

    def describe(self, model: nn.Module) -> dict[str, object]:
        """Return what a training that goes on must have in common with the one before."""
        return {
            "epochs": self.epochs,
            "rates": (self.learning_rate, self.threshold_rate, self.weight_decay),
            "levels": [module.levels for module in _activations(model)],
        }

    def set_rates(self, optimizer: torch.optim.SGD, done: float) -> None:
        """Set the rates where the part ``done``, 0 to 1, of the training is over: a cosine."""
        for group in optimizer.param_groups:
            cosine = math.cos(math.pi * done)
            group["lr"] = group["base"] * (1 + cosine) / 2

    def compute_loss(
        self, model: nn.Module, images: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the loss and the logits, shape [N, classes]."""
        logits = model(images)
        loss = functional.cross_entropy(logits, labels)
        if self.teacher is None:
            return loss, logits
        with torch.no_grad():
            expected = self.teacher(images)
            soft = functional.softmax(expected / _TEMPERATURE, dim=1)
        student = functional.log_softmax(logits / _TEMPERATURE, dim=1)
        distance = functional.kl_div(student, soft, reduction="batchmean")
        return loss / 2 + distance * _TEMPERATURE**2 / 2, logits


def fine_tune(  # noqa: PLR0913 - the arguments of a training; all but four have defaults
    model: nn.Module,
    batches: Collection[tuple[Tensor, Tensor]],
    *,
    epochs: int,
    learning_rate: float = 0.05,
    threshold_rate: float = 0.01,
    weight_decay: float = 5e-4,
    teacher: nn.Module | None = None,
    seed: int = 0,
    checkpoint: Path | str | None = None,
    after_epoch: Callable[[Epoch], None] | None = None,
) -> list[Epoch]:
    """Train ``model`` on labeled batches with SGD and a cosine schedule; return what happened.

    The same seed, data and number of threads give the same weights. With a checkpoint, training
    goes on behind the last epoch that was finished, as if it had not been interrupted.
    ``onnx2snn.progress`` tells a listener of each batch.

    Args:
        model: The network; it is changed, and left in evaluation mode.
        batches: Images [N, ...] and labels [N], anew in every epoch: a DataLoader, for instance.
        epochs: Passes over the batches, >= 1.
        learning_rate: Rate of the weights at the start, > 0.
        threshold_rate: Rate of the thresholds at the start, >= 0.
        weight_decay: L2 penalty on the weights, >= 0.
        teacher: A network whose logits are to be met as well (knowledge distillation at
            temperature 4, half of the loss); None for labels alone.
        seed: Seed of torch's generator at the start.
        checkpoint: File that holds the state after each epoch; None for none.
        after_epoch: Called after each epoch, with the network in evaluation mode.

    Raises:
        OptionError: ``epochs`` is less than 1, there are no batches, or the checkpoint is of
            another training or damaged.
    """
    _check_arguments(epochs, batches)
    recipe = _Recipe(epochs, learning_rate, threshold_rate, weight_decay, teacher)
    training = _Training(model, recipe, checkpoint)
    return training.run(batches, seed, after_epoch)


def _check_arguments(epochs: int, batches: Collection[tuple[Tensor, Tensor]]) -> None:
    checked_count("epochs", epochs, least=1)
    if not len(batches):
        message = (
            "there are no batches: give the training more images, or smaller batches"
        )
        raise OptionError(message)


class _Training:
    """A training that can be interrupted.

    Args:
        model: The network.
        recipe: The settings.
        checkpoint: File that holds the state after each epoch; None for none.
    """

    def __init__(
        self, model: nn.Module, recipe: _Recipe, checkpoint: Path | str | None
    ) -> None:
        self._model = model
        self._recipe = recipe
        self._path = None if checkpoint is None else Path(checkpoint)
        self._optimizer = recipe.make_optimizer(model)

    def run(
        self,
        batches: Collection[tuple[Tensor, Tensor]],
        seed: int,
        after_epoch: Callable[[Epoch], None] | None,
    ) -> list[Epoch]:
        """Train in all epochs that are not done yet; return the results of all."""
        torch.manual_seed(seed)
        history = self._resume()
        recipe = self._recipe
        if recipe.teacher is not None:
            recipe.teacher.eval()
        for number in range(len(history) + 1, recipe.epochs + 1):
            epoch = self._train_epoch(batches, number)
            history.append(epoch)
            self._save_checkpoint(history)
            if after_epoch is not None:
                after_epoch(epoch)
        self._model.eval()
        return history

    def _train_epoch(
        self, batches: Collection[tuple[Tensor, Tensor]], number: int
    ) -> Epoch:
        self._model.train()
        start = time.perf_counter()
        total_loss = 0.0
        right = 0
        seen = 0
        name = f"epoch {number}/{self._recipe.epochs}"
        for index, (images, labels) in enumerate(track(batches, name, len(batches))):
            epochs_done = number - 1 + index / len(batches)
            loss, logits = self._train_batch(images, labels, epochs_done)
            predicted = logits.argmax(dim=1)
            total_loss += float(loss.detach()) * len(labels)
            right += int((predicted == labels).sum())
            seen += len(labels)
        self._model.eval()
        seconds = time.perf_counter() - start
        mean_loss = total_loss / seen
        top1 = 100 * right / seen
        return Epoch(number, mean_loss, top1, seconds)

    def _train_batch(
        self, images: Tensor, labels: Tensor, epochs_done: float
    ) -> tuple[Tensor, Tensor]:
        """Learn from a batch; return its loss and the logits."""
        recipe = self._recipe
        done = epochs_done / recipe.epochs
        recipe.set_rates(self._optimizer, done)
        self._optimizer.zero_grad()
        loss, logits = recipe.compute_loss(self._model, images, labels)
        loss.backward()
        self._optimizer.step()
        _keep_positive(self._model)
        return loss, logits

    def _save_checkpoint(self, history: list[Epoch]) -> None:
        """Write the state and the epochs that are done, if there is a file for them."""
        path = self._path
        if path is None:
            return
        epochs = [dataclasses.astuple(epoch) for epoch in history]
        state = {
            "recipe": self._recipe.describe(self._model),
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "history": epochs,
            "generator": torch.get_rng_state(),
        }
        partial_name = f"{path.name}.partial"
        partial = path.with_name(partial_name)
        torch.save(state, partial)
        partial.replace(
            path
        )  # so that an interruption leaves the last whole checkpoint

    def _resume(self) -> list[Epoch]:
        """Take the state of a checkpoint, if there is one; return the epochs that are done."""
        path = self._path
        if path is None or not path.exists():
            return []
        try:
            state = torch.load(path, weights_only=True)
        except Exception as error:  # torch raises whatever its readers do
            raise _unusable_checkpoint(path, _DAMAGED) from error
        recipe = self._recipe.describe(self._model)
        if state.get("recipe") != recipe:
            raise _unusable_checkpoint(path, _OTHER_TRAINING)
        try:
            self._model.load_state_dict(state["model"])
            self._optimizer.load_state_dict(state["optimizer"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise _unusable_checkpoint(path, _DAMAGED) from error
        torch.set_rng_state(state["generator"])
        return [Epoch(*epoch) for epoch in state["history"]]


def _keep_positive(model: nn.Module) -> None:
    for module in _activations(model):
        module.theta.data.clamp_(min=_SMALLEST)


def _activations(model: nn.Module) -> list[ThresholdActivation]:
    return [m for m in model.modules() if isinstance(m, ThresholdActivation)]


def _unusable_checkpoint(path: Path, why: str) -> OptionError:
    message = f"{path} {why}: delete it, or name another file"
    return OptionError(message)


_DAMAGED = "is damaged or a checkpoint of another network"
_OTHER_TRAINING = (
    "is a checkpoint of another training, with other epochs, rates or levels"
)

_TEMPERATURE = 4.0
"""Temperature of knowledge distillation."""

_SMALLEST = 1e-3
"""Smallest threshold, in units of the activation."""
