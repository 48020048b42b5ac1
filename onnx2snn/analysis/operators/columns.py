"""The columns of the table of ONNX operators: the facts that the package asks for."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, TypeAlias

from onnx2snn.analysis.operators.over_time import one_step_at_a_time
from onnx2snn.analysis.operators.sign_rules import unknown_sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import onnx_ir as ir

    from onnx2snn.analysis.operators.over_time import OverTimeRule
    from onnx2snn.analysis.operators.sign_rules import SignRule

__all__ = ["ALL", "ALWAYS", "Activation", "Channel", "Choices", "Form", "Operator"]

Choices: TypeAlias = "Mapping[str, tuple[object, ...]]"
"""Name of an attribute to some of its values."""

ALL = None
"""Positions of inputs where every one may be a stream."""

ALWAYS: Choices = {}
"""Choices of no attribute: the operator selects whatever its attributes are."""


class Form(enum.Enum):
    """The way in which results of an operator depend on the inputs that are streams."""

    LINEAR = "linear"
    """Jointly linear (or affine) in all inputs named by the row."""
    MULTILINEAR = "multilinear"
    """Linear in each input named by the row while the others are static."""
    MAX_LIKE = "max-like"
    """``f(k x) = k f(x)`` for ``k >= 0``: exact on running sums, integer where spikes are."""
    SHAPE = "shape"
    """A function of the shape of its input and not of its values: static whatever it reads."""
    ANALOG = "analog"
    """Any other function of its inputs: computed on running means."""
    RECURRENT = "recurrent"
    """A network over the positions of a sequence in one node: computed on running means."""
    CONTROL = "control"
    """A node that holds graphs of its own: computed on running means, with all it holds."""
    REFUSED = "refused"
    """No function of the means: no neuron may depend on it if it reads a stream."""


class Activation(enum.Enum):
    """The part that an elementwise operator has in activations."""

    WHOLE = "whole"
    """An activation by itself."""
    BEND = "bend"
    """It can make an activation of one function: 1 / (1 + Exp(-x)) of an Exp."""
    PART = "part"
    """One of the operators of which activations are spelled."""


class Channel(enum.Enum):
    """The axis of a result that counts features."""

    SECOND = "second"
    """Axis 1."""
    LAST = "last"
    """The last axis."""
    FOLLOWS = "follows"
    """The same as of the first input that is not constant, if their ranks are equal."""
    PERMUTED = "permuted"
    """As above, where the attribute ``perm`` moves it."""


@dataclasses.dataclass(frozen=True)
class Operator:
    """One row of the table: what is known of an operator of ONNX.

    Attributes:
        form: Dependence on the inputs that are streams.
        inputs: Positions of the inputs that may be streams, if the form is linear, multilinear or
            max-like; None for all. The others must be static, or the node is analog.
        bias: Positions of further inputs that a multilinear operator adds: they may be
            streams as well.
        only: Values of an attribute for which the form holds, the operator's default first;
            with any other the node is analog.
        selects: Values of an attribute, the operator's default first, for which every element
            of the result is an input element or a constant, so that spikes stay spikes; None
            if it never is, empty if it always is. For max-like operators this is said of the
            running sums.
        sizes: Positions of the inputs whose values decide how large the results are.
        rearranges: Whether the result has each element of the first input once, whole features
            together.
        averages: Whether each element of the result depends on all positions of the input.
        activation: Part in activations, None if it is not elementwise.
        channel: Axis of the result that counts features.
        sign: Rule for whether no element of the result is below 0.
        macs: Function that counts the multiply-accumulates of a node; None without weights. The
            first two inputs of a node with weights are multiplied.
        over_time: Rule for the way in which a node runs on all time steps at once.
        turns: Function that counts how often a node runs the graphs it holds, where their
            multiply-accumulates are counted.
        draws_numbers: Whether it draws other numbers whenever it runs.
        reason: Why the operator is refused, and what to do.
    """

    form: Form
    inputs: tuple[int, ...] | None = (0,)
    bias: tuple[int, ...] = ()
    only: Choices = dataclasses.field(default_factory=dict)
    selects: Choices | None = None
    sizes: tuple[int, ...] = ()
    rearranges: bool = False
    averages: bool = False
    activation: Activation | None = None
    channel: Channel = Channel.FOLLOWS
    sign: SignRule = unknown_sign
    macs: Callable[[ir.Node], int | None] | None = None
    over_time: OverTimeRule = one_step_at_a_time
    turns: Callable[[ir.Node], int | None] | None = None
    draws_numbers: bool = False
    reason: str = ""

    @property
    def is_activation(self) -> bool:
        """Whether it is an activation by itself."""
        return self.activation is Activation.WHOLE

    @property
    def is_elementwise(self) -> bool:
        """Whether activations are spelled with it, element by element."""
        return self.activation is not None

    @property
    def is_weighted(self) -> bool:
        """Whether it multiplies and accumulates."""
        return self.macs is not None

    @property
    def is_proportional(self) -> bool:
        """Whether twice the streams give twice the result, up to what is static."""
        return self.form in {Form.LINEAR, Form.MULTILINEAR, Form.MAX_LIKE}

    @property
    def moves_elements(self) -> bool:
        """Whether it always gives elements of its inputs and constants, wherever they go."""
        return self.form is Form.LINEAR and self.selects == {}

    def exclude_streams(self, positions: Iterable[int]) -> list[int]:
        """Return those of the input ``positions`` at which no stream may come in."""
        if self.inputs is None:
            return []
        allowed = {*self.inputs, *self.bias}
        return [position for position in positions if position not in allowed]

    def count_factors(self, positions: Iterable[int]) -> int:
        """Return how many of the inputs at ``positions`` are multiplied, not added."""
        return sum(position not in self.bias for position in positions)
