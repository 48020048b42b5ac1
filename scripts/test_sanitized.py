"""Run the tests of the native library with one that checks itself.

    python scripts/test_sanitized.py [arguments of pytest]

AddressSanitizer and UndefinedBehaviorSanitizer stop at the first access to memory that is not the
library's, and at the first operation that C++ does not define. The library is built for that in
``build/sanitized``, beside the usual one; it takes a few minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from onnx2snn.native import build_library  # noqa: E402 (the package lies in ROOT)

TESTS = (
    "tests/native/test_step_operators.py",
    "tests/native/test_weighted_operators.py",
    "tests/native/test_driven_neurons.py",
    "tests/native/test_random_inputs.py",
)
PLUGIN = "tests.native.other_library"
DESELECTED = "not instruction_set"
"""A test that starts another process, with other instruction sets."""


def main() -> int:
    """Build the library and run the tests; return their exit code."""
    library = build_library(sanitize=True, to=ROOT / "build" / "sanitized" / "library")
    command = [sys.executable, "-m", "pytest", "-q", "-p", PLUGIN, "-k", DESELECTED]
    arguments = [*TESTS, *sys.argv[1:]]
    environment = os.environ | {
        "ONNX2SNN_TEST_LIBRARY": str(library),
        "LD_PRELOAD": _runtime_of_sanitizers(),
        # Python itself keeps memory until it ends, and onnxruntime has its own exceptions.
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(  # noqa: S603 (our own tests)
        [*command, *arguments], env=environment, cwd=ROOT, check=False
    )
    return done.returncode


def _runtime_of_sanitizers() -> str:
    """Return the files that must be there before all others: exceptions are caught as well."""
    names = ("libasan.so", "libstdc++.so")
    return " ".join(_file_of_compiler(name) for name in names)


def _file_of_compiler(name: str) -> str:
    found = subprocess.run(  # noqa: S603 (the compiler)
        ["c++", f"-print-file-name={name}"],  # noqa: S607 (that of the machine)
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
