"""Loading a converted network in any of the forms in which it comes."""

from __future__ import annotations

import dataclasses
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import onnx
import onnx_ir as ir

from onnx2snn.arguments import checked_choice, checked_keywords
from onnx2snn.errors import InvalidModelError, NativeError, OutputError
from onnx2snn.metadata.facts import COMPILED
from onnx2snn.methods.layouts import LOOP, MULTISTEP, STEP
from onnx2snn.methods.time_inputs import TIME_INPUTS
from onnx2snn.native import weights_problem
from onnx2snn.runtime.checking import check_network, explain_damage
from onnx2snn.runtime.execution import Execution
from onnx2snn.runtime.layouts import (
    fastest_layout,
    inline_operators,
    isolated_copy,
    laid_out,
    layout_of,
    take_time_steps,
)
from onnx2snn.runtime.network import Network
from onnx2snn.storage.large_models import (
    external_data_problem,
    external_tensors,
    files_of_weights,
    in_one_piece,
    is_large,
    read_small_tensors,
    save_model,
)
from onnx2snn.storage.model_file import deserialize_model, parse_model, read_bytes

if TYPE_CHECKING:
    from onnx2snn.storage.large_models import OpenableModel

__all__ = [
    "AnyNetwork",
    "Emitted",
    "change_layout",
    "load_to_run",
    "read_emitted",
]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Emitted:
    """A spiking network that was just made, to run or to save.

    A large network reads weights from the ANN's own file until it is saved.

    Attributes:
        ir_model: The spiking network, as an ``onnx_ir.Model``.
        files: The files that it was made from, which are not written over.
    """

    ir_model: ir.Model
    files: tuple[str, ...] = dataclasses.field(default=(), kw_only=True)

    @functools.cached_property
    def network(self) -> Network:
        """The network, ready to run; ``load`` takes the name of a runtime."""
        return load_to_run(self, Execution())

    @functools.cached_property
    def model(self) -> onnx.ModelProto:
        """The spiking network in one piece; what is above 2 GB can then only be looked at."""
        return in_one_piece(self.ir_model)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to ``path``, whole or not at all.

        With more than 1 GiB of weights, they go to a file of their own beside it, whose name has
        ``.data`` at its end.

        Raises:
            InvalidModelError: onnxruntime cannot open the network; nothing is written.
            OutputError: The file cannot be written, or the network was made from it.
        """
        save_model(self.ir_model, path, self._check_that_it_opens, self.files)

    def serialize(self) -> bytes:
        """Return the bytes of a file that holds the network.

        Raises:
            InvalidModelError: onnxruntime cannot open the network.
            OutputError: It is too large for one file.
        """
        if is_large(self.ir_model):
            message = (
                "more than 1 GiB of weights need a file of their own: save to a path"
            )
            raise OutputError(message)
        self._check_that_it_opens(self.model)
        serialized: bytes = self.model.SerializeToString()
        return serialized

    def _check_that_it_opens(self, model: OpenableModel) -> None:
        """Refuse a network that no one could run; the message of onnxruntime names the node.

        One that was compiled is opened where the library for it is there: it may be for elsewhere.
        """
        from onnx2snn.runtime.sessions import (  # noqa: PLC0415 (slow to import)
            SessionError,
            open_session,
        )

        is_compiled = COMPILED.read(self.ir_model) is not None
        if is_compiled and weights_problem():
            return
        try:
            open_session(model, optimized=False, threads=1, native=is_compiled)
        except SessionError as error:
            message = (
                "onnxruntime cannot open the converted network, so nothing is written: "
                f"{error}"
            )
            raise InvalidModelError(message) from error


AnyNetwork: TypeAlias = (
    str | os.PathLike[str] | bytes | onnx.ModelProto | ir.Model | Emitted | Network
)
"""The forms of a converted network."""


def load_to_run(
    model: AnyNetwork, execution: Execution, layout: str | None = None
) -> Network:
    """Load a converted network, in a layout of time; None for its own.

    ``onnx2snn.load`` says what may be given, and what is raised.
    """
    opener = execution.choose_runtime()
    given = _read_network(model)
    network, path = given.model, given.path
    _check_runs_in(network, execution.runtime)
    if layout is None:
        layout = _layout_to_run(network, execution.runtime)
    try:
        with explain_damage("cannot be opened: it"):
            if layout != layout_of(network):
                network, path = laid_out(network, layout), None
            return Network(network, opener, path, given.files)
    except InvalidModelError as error:
        message = f"{_name_of(model)} {error}"
        raise type(error)(message) from error


def _name_of(model: AnyNetwork) -> str:
    """Return the name of a network in messages."""
    if isinstance(model, str | os.PathLike):
        return Path(model).name
    return "the model"


def _layout_to_run(network: ir.Model, runtime: str) -> str:
    """Return the layout of a network to run, unless another is asked for."""
    own = layout_of(network)
    if runtime == "torch":
        return MULTISTEP if own == STEP else fastest_layout(network)
    return LOOP if own == STEP else own


@checked_keywords()
def change_layout(
    model: AnyNetwork,
    layout: str | None = None,
    *,
    T_input: str | None = None,  # noqa: N803 (T is the usual name)
    inline: bool = False,
) -> Emitted:
    """Return a spiking network in another form of its file; it computes the same.

    Args:
        model: The network, in any form that ``load`` takes; it is not changed.
        layout: The layout of time; None for its own. From ``loop`` there are ways to
            ``multistep``, each layer runs all steps at once, and to ``step``, a run is one step
            with the states in and out; from ``step`` to all.
        T_input: How the file takes T: ``optional``, ``required`` or ``fixed``, as in
            ``Options``; None for as it does.
        inline: Whether operators of ``ai.onnx2snn`` are written out, for runtimes without
            model-local functions. From there is no way back.

    Raises:
        InvalidModelError: The file is not there, or is no model.
        OptionError: There is no such layout or way of taking T, or no way to it.
        UnsupportedError: The layout is ``step``, and the rank of a state is not known.
        TypeError: ``model`` is of no such form.
    """
    given = _read_network(model)
    with explain_damage(_name_of(model)):
        changed = given.model if layout is None else laid_out(given.model, layout)
        if T_input is not None or inline:
            changed = isolated_copy(changed)
        if T_input is not None:
            take_time_steps(changed, checked_choice("T_input", T_input, TIME_INPUTS))
        if inline:
            inline_operators(changed)
        return Emitted(changed, files=given.files)


def read_emitted(model: AnyNetwork) -> Emitted:
    """Return a spiking network to be looked at or rewritten: nothing opens it to run.

    Args:
        model: The network, in any form that ``load`` takes.

    Raises:
        InvalidModelError: The file is not there, or is no model.
        TypeError: ``model`` is of no such form.
    """
    given = _read_network(model)
    return Emitted(given.model, files=given.files)


def _check_runs_in(network: ir.Model, runtime: str) -> None:
    """Refuse a compiled network in a runtime that lacks its operators."""
    if COMPILED.read(network) is None:
        return
    problem = weights_problem()
    if runtime in {"ort", "numpy", "torch"}:
        problem = f"the runtime {runtime} has no such operators"
    if problem:
        message = f"the network was compiled for the native library: {problem}"
        raise NativeError(message)


class _Given(NamedTuple):
    """A network as it came.

    Attributes:
        model: The network.
        path: Its file, if that is to be opened as it is.
        files: The files that it was read from.
    """

    model: ir.Model
    path: Path | None = None
    files: tuple[str, ...] = ()


def _read_network(model: AnyNetwork) -> _Given:
    """Return a network in any form that ``load`` takes, checked if it comes from elsewhere."""
    given = _read_unchecked(model)
    if not isinstance(model, Network | Emitted):
        check_network(given.model, _name_of(model))
    return given


def _read_unchecked(model: AnyNetwork) -> _Given:
    """Return a network in any form that ``load`` takes."""
    if isinstance(model, Network):
        return _Given(model.model, model.path, model.files)
    if isinstance(model, Emitted):
        return _Given(model.ir_model, files=model.files)
    if isinstance(model, ir.Model):
        return _Given(model, files=files_of_weights(model))
    if isinstance(model, onnx.ModelProto):
        return _Given(deserialize_model(model, "the network"))
    if isinstance(model, bytes | bytearray | memoryview):
        proto = parse_model(bytes(model), "the network")
        return _Given(deserialize_model(proto, "the network"))
    if isinstance(model, str | os.PathLike):
        return _read_file(Path(model))
    message = (
        "a network is a path, bytes, onnx.ModelProto, onnx_ir.Model, or what convert, tune or "
        f"load returned, not {type(model).__name__}"
    )
    raise TypeError(message)


def _read_file(path: Path) -> _Given:
    """Return the network in a file; the file stays open if its weights stay there."""
    proto = parse_model(read_bytes(path), path.name)
    network = deserialize_model(proto, path.name)
    ir.external_data.set_base_dir(network.graph, path.parent)
    _check_external_data(network, path)
    files = (str(path), *files_of_weights(network))
    if not is_large(network):
        read_small_tensors(network)
        return _Given(network, files=files)
    return _Given(network, path, files)


def _check_external_data(network: ir.Model, path: Path) -> None:
    """Refuse a network whose weights in other files cannot be read."""
    problems = {external_data_problem(tensor) for tensor in external_tensors(network)}
    found = sorted(filter(None, problems))
    if found:
        message = f"the external data of {path.name} cannot be read: {'; '.join(found)}"
        raise InvalidModelError(message)
