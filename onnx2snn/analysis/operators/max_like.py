"""Rows of the operators that grow with their streams: maxima, norms, and bounds."""

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
)
from onnx2snn.analysis.operators.over_time_rules import (
    broadcasting,
    broadcasting_to_first,
    first_result_only,
    rows_of,
)
from onnx2snn.analysis.operators.sign_rules import (
    as_all_inputs,
    as_any_input,
    as_first_input,
    as_lower_bound,
    never_negative,
)

__all__ = ["MAX_LIKE"]

_MAX_LIKE = Form.MAX_LIKE
_WHOLE = Activation.WHOLE
_BEND = Activation.BEND
_PART = Activation.PART
_SECOND = Channel.SECOND

MAX_LIKE: dict[str, Operator] = {
    # maxima and norms; bounds grow with the sums they are compared with
    "Abs": Operator(
        _MAX_LIKE, activation=_PART, sign=never_negative, over_time=broadcasting
    ),
    "Clip": Operator(
        _MAX_LIKE,
        inputs=(0, 1, 2),
        selects=ALWAYS,
        activation=_WHOLE,
        sign=as_lower_bound,
        over_time=rows_of(0),
    ),
    "GlobalLpPool": Operator(_MAX_LIKE, averages=True, over_time=rows_of(0)),
    "GlobalMaxPool": Operator(
        _MAX_LIKE,
        selects=ALWAYS,
        channel=_SECOND,
        sign=as_first_input,
        over_time=rows_of(0),
    ),
    "LeakyRelu": Operator(
        _MAX_LIKE, activation=_WHOLE, sign=as_first_input, over_time=broadcasting
    ),
    "LpPool": Operator(_MAX_LIKE, over_time=rows_of(0)),
    "Max": Operator(
        _MAX_LIKE,
        inputs=ALL,
        selects=ALWAYS,
        activation=_BEND,
        sign=as_any_input,
        over_time=broadcasting,
    ),
    "MaxPool": Operator(
        _MAX_LIKE,
        selects=ALWAYS,
        channel=_SECOND,
        sign=as_first_input,
        over_time=first_result_only,
    ),
    "MaxRoiPool": Operator(_MAX_LIKE, selects=ALWAYS),
    "Min": Operator(
        _MAX_LIKE,
        inputs=ALL,
        selects=ALWAYS,
        activation=_BEND,
        sign=as_all_inputs,
        over_time=broadcasting,
    ),
    "PRelu": Operator(_MAX_LIKE, activation=_WHOLE, over_time=broadcasting_to_first),
    "ReduceL1": Operator(
        _MAX_LIKE, sizes=(1,), sign=never_negative, over_time=along_axes(1)
    ),
    "ReduceL2": Operator(
        _MAX_LIKE, sizes=(1,), sign=never_negative, over_time=along_axes(1)
    ),
    "ReduceMax": Operator(
        _MAX_LIKE,
        selects=ALWAYS,
        sizes=(1,),
        sign=as_first_input,
        over_time=along_axes(1),
    ),
    "ReduceMin": Operator(
        _MAX_LIKE,
        selects=ALWAYS,
        sizes=(1,),
        sign=as_first_input,
        over_time=along_axes(1),
    ),
    "Relu": Operator(
        _MAX_LIKE,
        selects=ALWAYS,
        activation=_WHOLE,
        sign=never_negative,
        over_time=broadcasting,
    ),
    "TopK": Operator(_MAX_LIKE, selects=ALWAYS, sizes=(1,), over_time=along_axis(-1)),
}
"""Operator type of the default domain to its row."""
