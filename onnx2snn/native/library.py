"""The native library: where it lies, and whether it works here."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import hashlib
import platform
import sys
from pathlib import Path

from onnx2snn._version import __version__

__all__ = [
    "NativeLibrary",
    "build_version",
    "find_library",
    "library_file",
    "library_problem",
    "weights_problem",
]

_NAMES = {"win32": "onnx2snn_native.dll", "darwin": "libonnx2snn_native.dylib"}
_NAME = _NAMES.get(sys.platform, "libonnx2snn_native.so")

_BUILD_ADVICE = "build it with 'onnx2snn native build'"

_ONEDNN_ADVICE = (
    "pip install 'onnx2snn[native]' brings oneDNN, with which it was built; then "
    "build it again with 'onnx2snn native build'"
)

_NEURONS_ONLY = (
    "the native library was built without oneDNN, and has neurons only: "
    "pip install 'onnx2snn[native]', then 'onnx2snn native build'"
)


@dataclasses.dataclass(frozen=True)
class NativeLibrary:
    """A library that was loaded, and works on this machine.

    Attributes:
        path: Its file, as ``onnxruntime.SessionOptions.register_custom_ops_library`` takes it.
        instruction_set: The widest one it uses here: ``avx512``, ``avx2``, ``neon`` or
            ``plain``.
        multiplies: Name and version of what multiplies weights, and the numbers that it does so
            with here; empty if the library was built without, and has neurons only.
    """

    path: Path
    instruction_set: str
    multiplies: str

    def limit_threads(self, threads: int) -> None:
        """Let so many threads multiply weights, in the whole process; 0 for one a core."""
        ctypes.CDLL(str(self.path)).onnx2snn_set_threads(threads)


def library_file() -> Path:
    """Return where the library lies once it is built: beside the package's code."""
    return Path(__file__).parent / "lib" / _NAME


@functools.cache
def build_version() -> str:
    """Return the version of the package, with a digest of the sources of the library.

    A library that was built from other sources may take other inputs.
    """
    digest = hashlib.sha256()
    for path in sorted((Path(__file__).parent / "src").iterdir()):
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def find_library() -> NativeLibrary | None:
    """Return the library; None if there is none that works here."""
    return _load()[0]


def library_problem() -> str:
    """Say why there is no library that works here, and what to do; empty if there is one."""
    return _load()[1]


def weights_problem() -> str:
    """Say why no library that works here multiplies weights; empty if there is one."""
    library = find_library()
    if library is None:
        return library_problem()
    return "" if library.multiplies else _NEURONS_ONLY


def forget_library() -> None:
    """Look for the library anew when it is next asked for."""
    _load.cache_clear()


@functools.cache
def _load() -> tuple[NativeLibrary | None, str]:
    """Return the library, or the reason why there is none."""
    path = library_file()
    if not path.exists():
        return None, f"there is no native library; {_BUILD_ADVICE}"
    try:
        library = ctypes.CDLL(str(path))
        version = _text(library, "onnx2snn_version")
        instruction_set = _text(library, "onnx2snn_instruction_set")
        multiplies = _text(library, "onnx2snn_multiplies")
    except (OSError, AttributeError) as error:
        machine = f"{platform.system()} on {platform.machine()}"
        problem = f"the native library does not load on {machine}: {error}"
        advice = _ONEDNN_ADVICE if "dnnl" in str(error) else _BUILD_ADVICE
        return None, f"{problem}; {advice}"
    if version != build_version():
        problem = f"the native library is of onnx2snn {version}, not {build_version()}"
        return None, f"{problem}; {_BUILD_ADVICE}"
    return NativeLibrary(path, instruction_set, multiplies), ""


def _text(library: ctypes.CDLL, name: str) -> str:
    """Return what a function of the library without arguments says."""
    function = getattr(library, name)
    function.restype = ctypes.c_char_p
    return str(function().decode())
