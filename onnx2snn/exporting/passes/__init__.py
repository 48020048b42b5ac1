"""What makes layers such as a reader takes them; each pass is exact, or says what it changes."""

from onnx2snn.exporting.passes.carry_through import carry_through
from onnx2snn.exporting.passes.choose_pools import choose_pools
from onnx2snn.exporting.passes.expand_groups import expand_groups
from onnx2snn.exporting.passes.fold_thresholds import fold_thresholds
from onnx2snn.exporting.passes.join_outputs import join_outputs
from onnx2snn.exporting.passes.name_layers import name_layers
from onnx2snn.exporting.passes.pad_symmetrically import pad_symmetrically
from onnx2snn.exporting.passes.remove_identities import remove_identities
from onnx2snn.exporting.passes.spread_potentials import spread_potentials
from onnx2snn.exporting.passes.square_kernels import square_kernels

__all__ = [
    "carry_through",
    "choose_pools",
    "expand_groups",
    "fold_thresholds",
    "join_outputs",
    "name_layers",
    "pad_symmetrically",
    "remove_identities",
    "spread_potentials",
    "square_kernels",
]
