"""ResNet-20 in other simulators of spiking networks, to be timed beside ours.

The weights are those of our file, BatchNorm folded; every ReLU is a neuron without leak that resets
by subtraction, threshold 1: what a step costs does not depend on what is sent. Needs the extra
``peers``.
"""

from __future__ import annotations

import copy
import importlib.util
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from benchmarks.peers import with_modules_only

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Neuron = Callable[[], nn.Module]

__all__ = ["PEERS", "peer_runners"]

INPUT = "input"
"""Name of the input of the network."""


def peer_runners(
    weights: Path, time_steps: int, threads: int
) -> dict[str, Callable[[dict[str, Any]], object]]:
    """Return what runs the network in each simulator that is installed, by its name.

    Args:
        weights: The state_dict of ``benchmarks/resnet20.py``.
        time_steps: T.
        threads: Threads in an operator.
    """
    torch.set_num_threads(threads)
    ann = _fold_batch_norm(with_modules_only(weights))
    return {
        name: _inference(make(copy.deepcopy(ann), time_steps))
        for name, (package, make) in PEERS.items()
        if importlib.util.find_spec(package) is not None
    }


def _fold_batch_norm(network: nn.Module) -> nn.Module:
    """Return the network with BatchNorm in the convolutions in front, as in our file."""
    for module in list(network.modules()):
        children = dict(module.named_children())
        for number in ("1", "2"):
            conv, norm = children.get(f"conv{number}"), children.get(f"bn{number}")
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, f"conv{number}", fuse_conv_bn_eval(conv, norm))
                setattr(module, f"bn{number}", nn.Identity())
    return network


def _inference(
    run: Callable[[Tensor], Tensor],
) -> Callable[[dict[str, Any]], object]:
    def run_feeds(feeds: dict[str, Any]) -> object:
        with torch.inference_mode():
            return run(torch.from_numpy(feeds[INPUT]))

    return run_feeds


def _replace_relus(network: nn.Module, neuron: Neuron) -> None:
    """Put a neuron of its own in the place of each ReLU."""
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.ReLU):
            network.set_submodule(name, neuron())


def _step_by_step(
    network: nn.Module, time_steps: int, reset: Callable[[nn.Module], None]
) -> Callable[[Tensor], Tensor]:
    """Return a run of all layers in each step."""

    def run(images: Tensor) -> Tensor:
        reset(network)
        total = network(images)
        for _ in range(time_steps - 1):
            total = total + network(images)
        return total / time_steps

    return run


def _spikingjelly_one_step(
    network: nn.Module, time_steps: int
) -> Callable[[Tensor], Tensor]:
    from spikingjelly.activation_based import functional, neuron  # noqa: PLC0415 (an extra)

    _replace_relus(network, lambda: neuron.IFNode(v_reset=None))
    return _step_by_step(network, time_steps, functional.reset_net)


def _spikingjelly_all_steps(
    network: nn.Module, time_steps: int
) -> Callable[[Tensor], Tensor]:
    """Return a run of all steps in each layer: weights on [T * N, ...], neurons over T."""
    from spikingjelly.activation_based import functional, neuron  # noqa: PLC0415 (an extra)

    _replace_relus(
        network,
        lambda: _OverTime(neuron.IFNode(v_reset=None, step_mode="m"), time_steps),
    )

    def run(images: Tensor) -> Tensor:
        functional.reset_net(network)
        return _all_steps(network, images, time_steps)

    return run


class _OverTime(nn.Module):
    """A neuron that takes all steps, [T, N, ...], between layers that take [T * N, ...]."""

    def __init__(self, neuron: nn.Module, time_steps: int) -> None:
        """Keep the neuron."""
        super().__init__()
        self.neuron = neuron
        self.time_steps = time_steps

    def forward(self, x: Tensor) -> Tensor:
        steps = x.reshape(self.time_steps, -1, *x.shape[1:])
        return self.neuron(steps).reshape(x.shape)


def _all_steps(network: nn.Module, images: Tensor, time_steps: int) -> Tensor:
    repeated = images.repeat(time_steps, 1, 1, 1)
    outputs = network(repeated)
    return outputs.reshape(time_steps, -1, outputs.shape[-1]).mean(0)


def _sinabs(network: nn.Module, time_steps: int) -> Callable[[Tensor], Tensor]:
    """Return a run of all steps in each layer, batch first."""
    from sinabs.layers import IAFSqueeze  # noqa: PLC0415 (an extra)

    _replace_relus(network, lambda: IAFSqueeze(num_timesteps=time_steps))
    neurons = [each for each in network.modules() if isinstance(each, IAFSqueeze)]

    def run(images: Tensor) -> Tensor:
        for neuron in neurons:
            neuron.reset_states()
        repeated = images.repeat_interleave(time_steps, 0)
        outputs = network(repeated)
        return outputs.reshape(-1, time_steps, outputs.shape[-1]).mean(1)

    return run


def _snntorch(network: nn.Module, time_steps: int) -> Callable[[Tensor], Tensor]:
    from snntorch import Leaky  # noqa: PLC0415 (an extra)

    def neuron() -> nn.Module:
        return Leaky(beta=1.0, init_hidden=True, reset_mechanism="subtract")

    _replace_relus(network, neuron)

    def reset(whole: nn.Module) -> None:
        for module in whole.modules():
            if isinstance(module, Leaky):
                module.reset_mem()

    return _step_by_step(network, time_steps, reset)


def _norse(network: nn.Module, time_steps: int) -> Callable[[Tensor], Tensor]:
    from norse.torch.module.iaf import IAFCell  # noqa: PLC0415 (an extra)

    _replace_relus(network, lambda: _WithState(IAFCell()))

    def reset(whole: nn.Module) -> None:
        for module in whole.modules():
            if isinstance(module, _WithState):
                module.state = None

    return _step_by_step(network, time_steps, reset)


class _WithState(nn.Module):
    """A neuron of norse, which hands its state out, with that state kept."""

    def __init__(self, cell: nn.Module) -> None:
        """Keep the neuron."""
        super().__init__()
        self.cell = cell
        self.state: object = None

    def forward(self, x: Tensor) -> Tensor:
        spikes, self.state = self.cell(x, self.state)
        return spikes


PEERS = {
    "SpikingJelly 2.0, step by step": ("spikingjelly", _spikingjelly_one_step),
    "SpikingJelly 2.0, time in the batch": ("spikingjelly", _spikingjelly_all_steps),
    "sinabs 3.1, time in the batch": ("sinabs", _sinabs),
    "snnTorch 1.0, step by step": ("snntorch", _snntorch),
    "norse 1.1, step by step": ("norse", _norse),
}
"""Name of a row to its package, and to what makes a function of images of the ANN in PyTorch."""
