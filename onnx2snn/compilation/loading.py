"""Loading a network to run, compiled first where that changes nothing but the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.arguments import checked_keywords
from onnx2snn.compilation.compiler import compile_network
from onnx2snn.graph.rounding import is_rounded
from onnx2snn.metadata.facts import COMPILED
from onnx2snn.methods.layouts import MULTISTEP
from onnx2snn.methods.weight_types import FLOAT
from onnx2snn.native import weights_problem
from onnx2snn.runtime import Execution, load_to_run, read_emitted

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.runtime import AnyNetwork, Network

__all__ = ["load"]


@checked_keywords()
def load(
    model: AnyNetwork,
    runtime: str = "auto",
    *,
    threads: int = 0,
    layout: str | None = None,
    device: str | None = None,
) -> Network:
    """Load a converted network.

    All runtimes give the same results. ``ort`` is stock onnxruntime; ``native`` is onnxruntime
    with the native library (``onnx2snn native build``), several times faster; ``auto`` is
    ``native`` where there is a library that runs the network, else ``ort``; ``numpy`` needs no
    onnxruntime; ``torch`` is PyTorch (extra ``torch``), with time in the batch.

    With the layout ``multistep``, the native library gets weights of int8 compiled
    (``compile_network``): the same results but for the rounding of sums, several times faster.

    Args:
        model: The emitted file, its bytes or the model itself; what ``convert`` or ``tune``
            returned; or a loaded network, to run it in another runtime.
        runtime: ``auto``, ``ort``, ``native``, ``numpy`` or ``torch``.
        threads: Threads within an operator in onnxruntime; 0 for one a core.
        layout: The layout of time in which it runs, see ``change_layout``; None for its own, in
            ``torch`` for ``multistep`` wherever there is a way to it.
        device: A device of PyTorch's, as ``cuda:0``, for the runtime ``torch``; None for a GPU if
            there is one.

    Raises:
        InvalidModelError: The file is not there, or no network that was emitted here.
        OptionError: There is no such runtime or device, or no way to the layout.
        UnsupportedError: The runtime is ``torch``, which lacks operators of the network.
        NativeError: The runtime is ``native``, or the network was compiled, and there is no
            library that works here.
        TypeError: ``model`` is of no such form.
    """
    execution = Execution(runtime, threads, device)
    if layout == MULTISTEP and _multiplies_bytes(execution):
        model = _compiled_if_worth(model)
    return load_to_run(model, execution, layout)


def _multiplies_bytes(execution: Execution) -> bool:
    """Whether the native library, and one that multiplies, is what the network runs in."""
    return execution.runtime in {"auto", "native"} and not weights_problem()


def _compiled_if_worth(model: AnyNetwork) -> AnyNetwork:
    """Return a network compiled without rounding any weight, if it has some of int8."""
    given = read_emitted(model)
    if _is_worth_compiling(given.ir_model):
        return compile_network(given, FLOAT)
    return model


def _is_worth_compiling(model: ir.Model) -> bool:
    """Whether weights of a network are bytes, and no compilation has taken them yet."""
    has_bytes = any(
        is_rounded(value) for node in model.graph.all_nodes() for value in node.inputs
    )
    return has_bytes and COMPILED.read(model) is None
