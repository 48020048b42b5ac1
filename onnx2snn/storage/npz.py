"""Arrays in an ``.npz``, under any name."""

from __future__ import annotations

import zipfile
from typing import IO, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["write_npz"]


def write_npz(file: IO[bytes], arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as ``numpy.savez`` does, which refuses some names: those of its arguments.

    Args:
        file: Where they go, open for writing bytes.
        arrays: Arrays of numbers or text by their names.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
