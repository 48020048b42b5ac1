"""Networks with time in the batch, rewritten for the operators of the native library.

``compile_network`` in ``compiler.py`` walks over the nodes. ``rules.py`` and the files beside it
have a rule for each operator that the library, or bytes in the place of floats, make cheaper;
``forms.py`` has the forms in which values exist meanwhile. What no rule takes stays as it is.
"""

from __future__ import annotations

from onnx2snn.compilation.compiler import compile_model, compile_network
from onnx2snn.compilation.loading import load

__all__ = ["compile_model", "compile_network", "load"]
