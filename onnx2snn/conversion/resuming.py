"""The key of a conversion: two conversions of one key work out the same."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING

from onnx2snn._version import __version__
from onnx2snn.storage.large_models import tensors_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir

    from onnx2snn.conversion.spiking import Request

__all__ = ["conversion_key"]

_PACKAGES = ("numpy", "onnx", "onnx-ir", "onnxruntime")


def conversion_key(ann: ir.Model, request: Request) -> str:
    """Return a digest of all that a conversion depends on, in hexadecimal.

    Args:
        ann: The simplified network, whose weights may have come from other files.
        request: The file's digest, the options, T and the data.
    """
    whole = hashlib.sha256()
    for part in _parts(ann, request):
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def _parts(ann: ir.Model, request: Request) -> Iterator[bytes]:
    yield request.source_sha256.encode()
    for tensor in tensors_of(ann):
        yield f"{tensor.name} {tensor.dtype} {tensor.shape}".encode()
        yield tensor.tobytes()
    yield repr(request.options).encode(errors="surrogatepass")
    yield str(request.time_steps).encode()
    yield b"" if request.data is None else request.data.sha256().encode()
    yield from _software()


def _software() -> Iterator[bytes]:
    """Yield the versions of what computes; of this package the code, which is still worked on."""
    yield __version__.encode()
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield importlib.metadata.version(name).encode()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        yield path.read_bytes()
