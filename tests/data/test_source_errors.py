"""Sources that cannot be read."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from onnx2snn.data.dataset import InputSpec, dataset
from onnx2snn.errors import CalibrationError

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = (InputSpec("image", np.dtype("float32"), (None, 3, 4, 5)),)
X = np.random.default_rng(0).normal(size=(6, 3, 4, 5)).astype(np.float32)


def lines(source: object) -> list[str]:
    with pytest.raises(CalibrationError) as caught:
        dataset(source, IMAGE)
    return str(caught.value).split("\n  ")


@pytest.mark.parametrize("source", [3, None, 2.5])
def test_a_source_of_no_accepted_form(source: object) -> None:
    with pytest.raises(TypeError, match=f"not {type(source).__name__}"):
        dataset(source, IMAGE)


@pytest.mark.parametrize("name", ["nothing.npz", "nothing.py", "nothing.py:f"])
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name.removesuffix(":f")
    assert lines(tmp_path / name) == [f"data file {str(path)!r} does not exist"]


def test_a_folder(tmp_path: Path) -> None:
    assert lines(tmp_path) == [f"data file {str(tmp_path)!r} is a folder"]


def test_a_file_that_is_no_npz(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    for content in (b"", b"nonsense", b"\x93NUMPY\x01\x00"):
        path.write_bytes(content)
        expected = (
            f"{str(path)!r} is not an .npz file (File is not a zip file); write it with"
        )
        assert lines(path)[0].startswith(expected)


def test_a_file_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "data.npz"
    np.savez(path, image=X)
    monkeypatch.setattr(zipfile, "ZipFile", refuse)
    assert lines(path) == [f"{str(path)!r} cannot be read: Permission denied"]


def test_a_zip_of_other_things(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    for name in ("readme.txt", "image.npy"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, "hello, hello, hello")
        expected = f"member {name.removesuffix('.npy')!r} of {str(path)!r} is not a NumPy array"
        assert lines(path)[0].startswith(expected)


def test_an_npz_of_python_objects(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, image=np.array([{}], dtype=object))
    (message,) = lines(path)
    assert f"array 'image' of {str(path)!r} holds Python objects" in message
    assert "astype(str)" in message


def test_a_damaged_npz(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, image=np.tile(X, (100, 1, 1, 1)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    assert lines(path)[0].startswith(
        f"array 'image' of {str(path)!r} cannot be read: Bad CRC"
    )


def test_an_npz_member_that_ends_early(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.save(tmp_path / "image.npy", X)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.npy", (tmp_path / "image.npy").read_bytes()[:-250])
    (line,) = lines(path)
    assert line.startswith(f"member 'image' of {str(path)!r} is not a NumPy array: ")
    assert re.search(r"its shape .* needs \d+ bytes, and there are \d+$", line)


def write_npz(path: Path, header: bytes, data: bytes = bytes(64)) -> None:
    """Write an ``.npz`` whose only array has this header."""
    length = len(header).to_bytes(2, "little")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.npy", b"\x93NUMPY\x01\x00" + length + header + data)


@pytest.mark.parametrize(
    "header",
    [
        b"(" * 200,
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-40, 3)}",
        b"{'descr': '<f4', 'fortran_order': True, 'shape': (10**12, 3)}",
        b"{'descr': '<f4', 'fortran_order': True, 'shape': (1000000000000, 3)}",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (1180591620717411303424,)}",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (3.5,)}",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': 'x'}",
        b"{'descr': [('a', 'no type')], 'fortran_order': False, 'shape': (3,)}",
        b"{'descr': ',', 'fortran_order': False, 'shape': (3,)}",
        b"{'descr': '|S2147483647', 'fortran_order': False, 'shape': (3,)}",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': ()",
        b"\xff\x00" * 20,
        b"",
        b"lambda: 0",
    ],
)
def test_headers_of_arrays_that_are_none(header: bytes, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    write_npz(path, header)
    (line, *_) = lines(path)
    assert line.startswith(f"member 'image' of {str(path)!r} is not a NumPy array: ")
    path = tmp_path / "data.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + bytes([len(header), 0]) + header)
    with pytest.raises(CalibrationError, match=r"data\.npy' cannot be read"):
        dataset(path, IMAGE)


def test_a_header_that_claims_to_be_long(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.npy", b"\x93NUMPY\x02\x00" + b"\xff" * 4)
    assert "its header is said to have 4294967295 bytes" in lines(path)[0]


@pytest.mark.parametrize("is_fortran", [False, True])
def test_labels_that_nobody_asks_for_are_not_read(
    tmp_path: Path, *, is_fortran: bool
) -> None:
    path = tmp_path / "data.npz"
    labels = np.zeros((len(X), 3_000_000), np.int8)
    if is_fortran:
        labels = np.asfortranarray(labels)
    np.savez_compressed(path, image=X, y=labels)
    with onnx2snn.memory_limit("1MB"):
        assert dataset(path, IMAGE, with_labels=False).labels is None
        with pytest.raises(onnx2snn.LimitError, match=r"array 'y' of .*data\.npz"):
            dataset(path, IMAGE)


def test_rows_in_another_order_are_read_as_far_as_memory_goes(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, image=np.asfortranarray(np.tile(X, (1000, 1, 1, 1))))
    with (
        onnx2snn.memory_limit(1000),
        pytest.raises(onnx2snn.LimitError, match="array 'image' of"),
    ):
        dataset(path, IMAGE)


def test_a_link_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    path.symlink_to(path)
    for given in (path, tmp_path / ("x" * 300 + ".npz"), "nul\0.npz"):
        with pytest.raises(CalibrationError, match=r"\.npz' cannot be read: "):
            dataset(given, IMAGE)


@pytest.mark.parametrize(
    "script, function, message",
    [
        (
            "",
            "",
            "{path} has no function 'batches' or 'load_data', which must yield the feeds",
        ),
        (
            "batches = 3",
            "",
            "{path} has no function 'batches' or 'load_data', which must yield the feeds",
        ),
        ("", ":calib", "{path} has no function 'calib', which must yield the feeds"),
        (
            "def batches(): 1 / 0",
            "",
            "{path}, line 1, in batches, raised ZeroDivisionError: division by zero",
        ),
        (
            "def f():\n    yield from [1, 2][5]",
            ":f",
            "{path}, line 2, in f, raised IndexError: list index out",
        ),
        (
            "import nowhere_at_all",
            "",
            "{path}, line 1, in <module>, raised ModuleNotFoundError: No module named 'now",
        ),
        (
            "raise SystemExit('bye')",
            "",
            "{path}, line 1, in <module>, raised SystemExit: bye",
        ),
        ("def", "", "{path} raised SyntaxError: invalid syntax"),
        (
            "def f(): return 3",
            ":f",
            "f() of {path} must yield the feeds, but returned int",
        ),
        (
            "def f(): pass",
            ":f",
            "f() of {path} must yield the feeds, but returned NoneType",
        ),
    ],
)
def test_scripts(tmp_path: Path, script: str, function: str, message: str) -> None:
    path = tmp_path / "calib.py"
    path.write_text(script)
    line, *code = lines(f"{path}{function}")
    assert line.startswith(message.format(path=repr(str(path))))
    assert all(each in script for each in code)


def test_the_cause_of_a_scripts_failure_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "calib.py"
    path.write_text("def batches(): 1 / 0")
    with pytest.raises(CalibrationError) as caught:
        dataset(path, IMAGE)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_script_whose_feeds_do_not_fit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "calib.py"
    path.write_text("import numpy\ndef f():\n    yield numpy.ones((2, 3))\n")
    head, *_ = lines(f"{path}:f")
    assert head == f"{f'{path}:f'!r}, feed 0, cannot be fed to the model:"


def test_a_script_s_failure_is_shown_with_its_line_and_no_others(
    tmp_path: Path,
) -> None:
    path = tmp_path / "calib.py"
    path.write_text(
        "import json\n\n\ndef batches():\n    for text in ['{}', 'x']:\n"
        "        yield {'image': json.loads(text)['pixels']}\n"
    )
    assert lines(path) == [
        f"{str(path)!r}, line 6, in batches, raised KeyError: 'pixels'",
        "yield {'image': json.loads(text)['pixels']}",
    ]


@pytest.mark.parametrize(
    "code, message",
    [
        ("def batch(): pass", "which must yield the feeds; did you mean 'batch'?"),
        (
            "def batches():\n    assert False",
            "line 2, in batches, raised AssertionError",
        ),
    ],
)
def test_a_script_that_nearly_works(tmp_path: Path, code: str, message: str) -> None:
    path = tmp_path / "calib.py"
    path.write_text(code)
    assert lines(path)[0].endswith(message)


def test_a_missing_file_is_told_with_the_nearest_of_its_folder(tmp_path: Path) -> None:
    np.savez(tmp_path / "calib.npz", image=np.zeros(3))
    (tmp_path / "notes.txt").touch()
    with pytest.raises(
        CalibrationError, match=r"does not exist; did you mean 'calib\.npz"
    ):
        dataset(tmp_path / "calb.npz", IMAGE)
    with pytest.raises(CalibrationError, match=r"weather\.npz' does not exist$"):
        dataset(tmp_path / "weather.npz", IMAGE)
    with pytest.raises(
        CalibrationError, match=r"does not exist; there is no folder '.*nowhere'$"
    ):
        dataset(tmp_path / "nowhere" / "calib.npz", IMAGE)


@pytest.mark.parametrize(
    "value, found",
    [
        (np.array([[1.0, "a"]], object), "it holds float, str"),
        (np.array([["a", None]], object), "it holds NoneType, str"),
        (object(), "it holds object"),
    ],
)
def test_objects_that_are_neither_numbers_nor_text(value: object, found: str) -> None:
    with pytest.raises(CalibrationError, match=f"of numbers or strings: {found}"):
        dataset({"image": value}, IMAGE)


def test_an_array_under_another_name_is_told_what_it_fits(tmp_path: Path) -> None:
    path = tmp_path / "calib.npz"
    np.savez(path, features=X, target=np.zeros(len(X)))
    _, features, target, _ = lines(path)
    unknown = "is no input of the model; its inputs: 'image'"
    assert features == f"array 'features' {unknown}; it fits 'image': give it that name"
    assert target == f"array 'target' {unknown}"


def test_a_damaged_npy(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(b"no array")
    assert lines(path)[0].startswith(f"{str(path)!r} cannot be read as an .npy file: ")
    np.save(path, np.array([None]))
    assert lines(path)[0].startswith(f"{str(path)!r} cannot be read as an .npy file: ")
