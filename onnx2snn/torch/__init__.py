"""Train a PyTorch network for spikes and write it as ONNX, or tune a converted network.

Needs the extra ``torch``: ``pip install onnx2snn[torch]``. Nothing else in the package imports
torch. See ``docs/howto/train.md``.
"""

from onnx2snn.torch.activations import QCFS, QuantReLU, StReLU, ThresholdReLU
from onnx2snn.torch.exporting import export
from onnx2snn.torch.modules import (
    fit_thresholds,
    max_pool_to_avg_pool,
    replace_activations,
)
from onnx2snn.torch.training import Epoch, fine_tune
from onnx2snn.torch.tuning import TunedEpoch, Tuning, tune

__all__ = [
    "QCFS",
    "Epoch",
    "QuantReLU",
    "StReLU",
    "ThresholdReLU",
    "TunedEpoch",
    "Tuning",
    "export",
    "fine_tune",
    "fit_thresholds",
    "max_pool_to_avg_pool",
    "replace_activations",
    "tune",
]
