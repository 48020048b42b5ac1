"""One budget of memory for whatever a file asks for."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from onnx2snn import LimitError, OptionError, budget, memory_limit
from onnx2snn.budget import check_memory, limited_process, memory_budget, parse_size

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "text, nbytes",
    [
        ("1024", 1024),
        (2048, 2048),
        ("500MB", 500 * 2**20),
        ("1.5 GiB", 3 * 2**29),
        ("4g", 2**32),
        (" 2T ", 2**41),
    ],
)
def test_sizes_are_numbers_with_a_unit(text: int | str, nbytes: int) -> None:
    assert parse_size(text) == nbytes


@pytest.mark.parametrize(
    "text",
    ["", "GB", "-1", "0", "nan", "inf", "1e999", "4 horses", "٤GB", True, "9" * 400],
)
def test_what_is_no_size_is_refused(text: int | str) -> None:
    with pytest.raises(OptionError, match="size of memory"):
        parse_size(text)


def test_a_limit_holds_inside_and_is_gone_behind() -> None:
    free = memory_budget()
    with memory_limit("10MB"):
        assert memory_budget() == 10 * 2**20
        check_memory(10 * 2**20, "x")
        with pytest.raises(LimitError, match=r"x takes 11 MB.* 10 MB may be taken"):
            check_memory(10 * 2**20 + 1, "x")
    assert memory_budget() > free / 4


@pytest.mark.parametrize("nbytes", [2**70, float("inf")])
def test_without_a_limit_what_is_free_is_one(nbytes: float) -> None:
    check_memory(2**20, "x")
    with pytest.raises(LimitError, match="--max-memory"):
        check_memory(nbytes, "x")


def test_a_table_without_the_field_is_an_error_of_the_system(tmp_path: Path) -> None:
    table = tmp_path / "meminfo"
    table.write_text("MemFree: 3 kB\n")
    assert budget._field(table, "MemFree") == 3 * 2**10
    with pytest.raises(OSError, match="no MemAvailable"):
        budget._field(table, "MemAvailable")


@pytest.mark.skipif(sys.platform != "linux", reason="the system has no such limit")
def test_a_process_that_takes_more_gets_a_memory_error() -> None:
    script = """
from onnx2snn.budget import limited_process, memory_limit
with memory_limit("10MB"), limited_process():
    try:
        bytearray(2**33)
    except MemoryError:
        print("refused")
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "refused\n"


def test_what_a_process_already_has_stays() -> None:
    with limited_process():
        assert len(bytearray(2**20)) == 2**20
