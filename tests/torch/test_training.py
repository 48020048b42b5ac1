from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from onnx2snn.errors import OptionError
from onnx2snn.progress import listening
from onnx2snn.torch import QCFS, Epoch, fine_tune

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = torch.linspace(-1, 1, 32).reshape(16, 2)
LABELS = (IMAGES.sum(dim=1) > 0).long()


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Linear(2, 8), QCFS(4, 1.0), nn.Dropout(0.1), nn.Linear(8, 2)
    )


def batches() -> list[tuple[Tensor, Tensor]]:
    return list(zip(IMAGES.split(4), LABELS.split(4), strict=True))


def weights(model: nn.Module) -> list[Tensor]:
    return [value.clone() for value in model.state_dict().values()]


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(map(torch.equal, weights(one), weights(other)))


def test_training_learns_weights_and_thresholds() -> None:
    model = network()
    history = fine_tune(model, batches(), epochs=20, learning_rate=0.1)
    assert history[-1].loss < history[0].loss / 2
    assert history[-1].top1 == 100
    assert [epoch.number for epoch in history] == list(range(1, 21))
    assert float(model[1].theta.detach()) != 1.0
    assert not model.training


def test_the_seed_decides() -> None:
    one, same_seed, other = network(), network(), network()
    for model, seed in ((one, 1), (same_seed, 1), (other, 2)):
        fine_tune(model, batches(), epochs=2, seed=seed)
    assert same(one, same_seed)
    assert not same(one, other)


def test_an_interrupted_training_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    whole, first, second = network(), network(), network()
    expected = fine_tune(whole, batches(), epochs=3)

    def stop(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    path = tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fine_tune(first, batches(), epochs=3, checkpoint=path, after_epoch=stop)
    history = fine_tune(second, batches(), epochs=3, checkpoint=path)
    assert same(whole, second)
    assert [epoch.loss for epoch in history] == [epoch.loss for epoch in expected]


def test_a_teacher_is_met_and_not_changed() -> None:
    teacher = nn.Linear(2, 2)
    before = weights(teacher)
    wrong = [(images, 1 - labels) for images, labels in batches()]
    alone, taught = network(), network()
    fine_tune(alone, wrong, epochs=10)
    fine_tune(taught, wrong, epochs=10, teacher=teacher)
    distances = [
        float((model(IMAGES) - teacher(IMAGES)).detach().abs().mean())
        for model in (alone, taught)
    ]
    assert distances[1] < distances[0]
    assert all(map(torch.equal, before, weights(teacher)))


def test_thresholds_stay_positive() -> None:
    model = network()
    fine_tune(model, batches(), epochs=1, threshold_rate=1e3)
    assert float(model[1].theta.detach()) >= 1e-3


def test_progress_tells_of_each_batch() -> None:
    heard: list[tuple[str, int, int | None]] = []
    with listening(lambda *report: heard.append(report)):
        fine_tune(network(), batches(), epochs=1)
    assert heard == [("epoch 1/1", done, 4) for done in range(5)]


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    fine_tune(nn.Linear(2, 2), batches(), epochs=1, checkpoint=tmp_path / "state")
    with pytest.raises(OptionError, match="state is a checkpoint of another training"):
        fine_tune(network(), batches(), epochs=1, checkpoint=tmp_path / "state")


def test_a_checkpoint_of_other_levels_or_epochs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state"
    fine_tune(network(), batches(), epochs=1, checkpoint=path)
    with pytest.raises(OptionError, match="state is a checkpoint of another training"):
        fine_tune(network(), batches(), epochs=2, checkpoint=path)
    other = network()
    for module in other.modules():
        if isinstance(module, QCFS):
            module.levels += 1
    with pytest.raises(OptionError, match="state is a checkpoint of another training"):
        fine_tune(other, batches(), epochs=1, checkpoint=path)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"no state")
    with pytest.raises(
        OptionError, match="state is damaged or a checkpoint of another network"
    ):
        fine_tune(network(), batches(), epochs=1, checkpoint=str(path))


def test_no_batches_are_refused() -> None:
    with pytest.raises(OptionError, match="no batches"):
        fine_tune(network(), [], epochs=1)


def test_no_epochs_are_refused() -> None:
    with pytest.raises(OptionError, match="epochs must be at least 1, not 0"):
        fine_tune(network(), batches(), epochs=0)
