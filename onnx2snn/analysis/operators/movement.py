"""Rows of the operators that move elements of their streams."""

from __future__ import annotations

from onnx2snn.analysis.operators.columns import (
    ALL,
    ALWAYS,
    Activation,
    Channel,
    Form,
    Operator,
)
from onnx2snn.analysis.operators.over_time_movement import (
    along_axes,
    along_axis,
    behind_matrices,
    expand,
    flatten,
    gather,
    gather_nd,
    pad,
    reshape,
    rows_along_axis,
    tile,
    transpose,
    unsqueeze,
)
from onnx2snn.analysis.operators.over_time_rules import (
    broadcasting,
    rows_of,
)
from onnx2snn.analysis.operators.sign_rules import (
    as_all_inputs,
    as_first_input,
    as_padded_input,
    as_selected_inputs,
)

__all__ = ["MOVEMENT"]

_LINEAR = Form.LINEAR
_BEND = Activation.BEND
_PART = Activation.PART
_SECOND = Channel.SECOND
_PERMUTED = Channel.PERMUTED

MOVEMENT: dict[str, Operator] = {
    # moving elements
    "Cast": Operator(
        _LINEAR,
        selects=ALWAYS,
        activation=_PART,
        sign=as_first_input,
        over_time=broadcasting,
    ),
    "CastLike": Operator(_LINEAR, selects=ALWAYS, over_time=rows_of(0)),
    "CenterCropPad": Operator(
        _LINEAR, selects=ALWAYS, sizes=(1,), over_time=along_axes(2)
    ),
    "Compress": Operator(_LINEAR, selects=ALWAYS, sizes=(1,), over_time=along_axis(0)),
    "Concat": Operator(
        _LINEAR,
        inputs=ALL,
        selects=ALWAYS,
        sign=as_all_inputs,
        over_time=rows_along_axis(0),
    ),
    "DepthToSpace": Operator(
        _LINEAR,
        selects=ALWAYS,
        channel=_SECOND,
        sign=as_first_input,
        over_time=rows_of(0),
    ),
    "Dropout": Operator(
        _LINEAR, selects=ALWAYS, sign=as_first_input, over_time=rows_of(0)
    ),
    "Expand": Operator(
        _LINEAR, selects=ALWAYS, sizes=(1,), sign=as_first_input, over_time=expand
    ),
    "Flatten": Operator(
        _LINEAR,
        selects=ALWAYS,
        rearranges=True,
        sign=as_first_input,
        over_time=flatten,
    ),
    "Gather": Operator(_LINEAR, selects=ALWAYS, sign=as_first_input, over_time=gather),
    "GatherElements": Operator(
        _LINEAR, selects=ALWAYS, sign=as_first_input, over_time=rows_along_axis(0)
    ),
    "GatherND": Operator(
        _LINEAR, selects=ALWAYS, sign=as_first_input, over_time=gather_nd
    ),
    "Identity": Operator(
        _LINEAR,
        selects=ALWAYS,
        rearranges=True,
        activation=_PART,
        sign=as_first_input,
        over_time=broadcasting,
    ),
    "MaxUnpool": Operator(_LINEAR, selects=ALWAYS, sizes=(2,)),
    "OneHot": Operator(_LINEAR, inputs=(2,), selects=ALWAYS, sizes=(1,)),
    "Pad": Operator(
        _LINEAR,
        inputs=(0, 2),
        selects=ALWAYS,
        sizes=(1, 3),
        sign=as_padded_input,
        over_time=pad,
    ),
    "Reshape": Operator(
        _LINEAR,
        selects=ALWAYS,
        sizes=(1,),
        rearranges=True,
        sign=as_first_input,
        over_time=reshape,
    ),
    "ReverseSequence": Operator(_LINEAR, selects=ALWAYS),
    "Scatter": Operator(_LINEAR, inputs=(0, 2), selects=ALWAYS),
    "ScatterElements": Operator(
        _LINEAR,
        inputs=(0, 2),
        only={"reduction": ("none", "add")},
        selects={"reduction": ("none",)},
        over_time=rows_along_axis(0),
    ),
    "ScatterND": Operator(
        _LINEAR,
        inputs=(0, 2),
        only={"reduction": ("none", "add")},
        selects={"reduction": ("none",)},
    ),
    "Slice": Operator(
        _LINEAR,
        selects=ALWAYS,
        sizes=(1, 2, 3, 4),
        sign=as_first_input,
        over_time=along_axes(3),
    ),
    "SpaceToDepth": Operator(
        _LINEAR,
        selects=ALWAYS,
        channel=_SECOND,
        sign=as_first_input,
        over_time=rows_of(0),
    ),
    "Split": Operator(
        _LINEAR,
        selects=ALWAYS,
        sizes=(1,),
        sign=as_first_input,
        over_time=along_axis(0),
    ),
    "Squeeze": Operator(
        _LINEAR,
        selects=ALWAYS,
        sizes=(1,),
        rearranges=True,
        sign=as_first_input,
        over_time=along_axes(1),
    ),
    "TensorScatter": Operator(_LINEAR, inputs=(0, 1), selects=ALWAYS),
    "Tile": Operator(
        _LINEAR, selects=ALWAYS, sizes=(1,), sign=as_first_input, over_time=tile
    ),
    "Transpose": Operator(
        _LINEAR,
        selects=ALWAYS,
        rearranges=True,
        channel=_PERMUTED,
        sign=as_first_input,
        over_time=transpose,
    ),
    "Trilu": Operator(_LINEAR, selects=ALWAYS, over_time=behind_matrices),
    "Unsqueeze": Operator(
        _LINEAR,
        selects=ALWAYS,
        sizes=(1,),
        rearranges=True,
        sign=as_first_input,
        over_time=unsqueeze,
    ),
    "Where": Operator(
        _LINEAR,
        inputs=(1, 2),
        selects=ALWAYS,
        activation=_BEND,
        sign=as_selected_inputs,
        over_time=broadcasting,
    ),
}
"""Operator type of the default domain to its row."""
