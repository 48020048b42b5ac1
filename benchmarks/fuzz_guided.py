"""Fuzzing as in ``benchmarks/fuzz.py``, by mutations that atheris chooses from the code they reach.

pip install onnx2snn[fuzz]
python -m benchmarks.fuzz_guided model|npz [-max_total_time=600] [options of libFuzzer]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["onnx2snn"]):
    from benchmarks.fuzz import FAILURES, LONGEST, TARGETS, Failures, corpus_of, prepare


def main() -> None:
    """Fuzz what is asked for; atheris ends the process."""
    target, *options = sys.argv[1:] or ["model"]
    prepare()
    failures = Failures(TARGETS[target], FAILURES)
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(corpus_of(target)):
            Path(folder, str(number)).write_bytes(data)
        limits = [f"-max_len={LONGEST}", "-rss_limit_mb=4096"]
        atheris.Setup([sys.argv[0], folder, *limits, *options], failures.try_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
