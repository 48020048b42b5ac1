"""Weights on machines that multiply in other ways: the same bits on dyadic networks."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.native.library import needs_multiplying

pytestmark = [
    needs_multiplying,
    pytest.mark.skipif(
        platform.machine() not in {"x86_64", "AMD64"}, reason="the sets are of x86-64"
    ),
]

# Of all operators, layouts and networks. Sums of bytes saturate without VNNI, so float32 is
# multiplied there; bfloat16 is there from AVX512_CORE_BF16 on.
TESTS = ["test_driven_neurons.py", "test_weighted_operators.py"]
NETWORKS = "../compilation/test_compiler.py"

LIMITS = [
    "AVX2",
    pytest.param("SSE41", marks=pytest.mark.slow),
    pytest.param("AVX2_VNNI", marks=pytest.mark.slow),
    pytest.param("AVX512_CORE", marks=pytest.mark.slow),
    pytest.param("AVX512_CORE_VNNI", marks=pytest.mark.slow),
    pytest.param("AVX512_CORE_BF16", marks=pytest.mark.slow),
]

OWN_SETS = {"AVX2": "avx2", "AVX2_VNNI": "avx2", "SSE41": "plain"}
"""Sets of the library's own kernels, by those of oneDNN that they go with."""


@pytest.mark.parametrize("limit", LIMITS)
def test_weights_give_the_same_bits_with_fewer_instructions(limit: str) -> None:
    here = Path(__file__).parent
    files = [str(here / name) for name in (*TESTS, NETWORKS)]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        *files,
    ]
    done = subprocess.run(  # noqa: S603 (our own tests)
        command,
        env=os.environ | _limits(limit),
        cwd=here.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def _limits(limit: str) -> dict[str, str]:
    """Return what limits oneDNN and the library's own kernels alike, as far as they have a name."""
    limits = {"ONEDNN_MAX_CPU_ISA": limit}
    own = OWN_SETS.get(limit)
    if own is not None:
        limits["ONNX2SNN_MAX_CPU_ISA"] = own
    return limits
