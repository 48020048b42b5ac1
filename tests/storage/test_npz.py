from __future__ import annotations

import io

import numpy as np
import pytest

from onnx2snn.storage.npz import write_npz


@pytest.mark.parametrize("name", ["y", "file", "allow_pickle", "a/b:0", "args", "kwds"])
def test_arrays_of_any_name_are_read_again(name: str) -> None:
    arrays = {
        name: np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "scalar": np.array(2.5),
        "text": np.array(["cat", "dog"]),
        "none": np.empty((0, 4), np.int64),
    }
    file = io.BytesIO()
    write_npz(file, arrays)
    file.seek(0)
    found = np.load(file, allow_pickle=False)
    assert sorted(found.files) == sorted(arrays)
    for key, array in arrays.items():
        assert found[key].dtype == array.dtype
        np.testing.assert_array_equal(found[key], array)


def test_python_objects_are_not_written() -> None:
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        write_npz(io.BytesIO(), {"y": np.array([{}], object)})
