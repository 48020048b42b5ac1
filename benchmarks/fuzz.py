"""Fuzzing: mutated bytes of models, and of ``.npz`` files, are read; only our own errors may come.

    python -m benchmarks.fuzz [--target model|npz] [--seconds 600] [--seed 0]

starts from the files in ``benchmarks/corpus`` and, for models, from those of the hostile classes
that hold one small file. Mutations are random; ``benchmarks/fuzz_guided.py`` chooses them by the
code that they reach. An input on which something else is raised goes into ``fuzz-failures/`` of the
current folder with what was raised, one for each place; the one that is being read is
``fuzz-failures/last``, should the process die of it. Exit status 1 if there was any.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import onnx_ir as ir

from benchmarks.hostile_bytes import seeds
from benchmarks.hostile_case import network
from onnx2snn import memory_limit
from onnx2snn.conversion.import_model import import_model
from onnx2snn.data.dataset import dataset, input_specs
from onnx2snn.errors import Onnx2SnnError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    Target = Callable[[bytes], None]

__all__ = ["TARGETS", "Failures", "corpus_of", "mutated", "prepare"]

CORPUS = Path(__file__).parent / "corpus"
FAILURES = Path("fuzz-failures")

MEMORY = "256MB"
"""Memory that one input may ask for."""

_SECONDS_EACH = 60
LONGEST = 2**16
"""Bytes of an input, at most."""

_INTERESTING = (0, 1, 2, 127, 128, 255)
_MOST_CHANGES = 5


def read_model(data: bytes) -> None:
    """Read and import a model, and compare nothing."""
    import_model(data, check=False)


def read_npz(data: bytes) -> None:
    """Read all samples of an ``.npz`` for a small network."""
    specs = input_specs(ir.from_proto(network()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.npz")
        path.write_bytes(data)
        for _ in dataset(str(path), specs).batches(4):
            pass


TARGETS: dict[str, Target] = {"model": read_model, "npz": read_npz}
"""What may be fuzzed, by its name; the corpus has a folder for each."""


class Failures:
    """Inputs on which something was raised that is none of our errors.

    Args:
        target: Reads an input.
        folder: Where the inputs go, one for each place that raised.
    """

    def __init__(self, target: Target, folder: Path) -> None:
        """Start without any."""
        self.places: set[str] = set()
        self._target = target
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def try_input(self, data: bytes) -> None:
        """Read one input."""
        last = self._folder / "last"
        last.write_bytes(data)
        signal.alarm(_SECONDS_EACH)
        try:
            with memory_limit(MEMORY):
                self._target(data)
        except Onnx2SnnError:
            pass
        except Exception as error:  # noqa: BLE001 (that is what is looked for)
            self._keep(data, error)
        finally:
            signal.alarm(0)

    def _keep(self, data: bytes, error: Exception) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "/onnx2snn/" in frame.filename]
        at = (ours or frames)[-1]
        place = f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}"
        if place in self.places:
            return
        self.places.add(place)
        name = hashlib.sha256(data).hexdigest()[:12]
        self._folder.joinpath(name).write_bytes(data)
        text = "".join(traceback.format_exception(error))
        self._folder.joinpath(f"{name}.txt").write_text(text)
        print(f"{place}: {str(error)[:200]} -> {name}", flush=True)


def corpus_of(name: str) -> list[bytes]:
    """Return the inputs that mutations start from."""
    files = sorted(CORPUS.joinpath(name).iterdir())
    known = [path.read_bytes() for path in files]
    if name == "model":
        known += [data for data in seeds().values() if len(data) < LONGEST]
    return known


def mutated(corpus: Sequence[bytes], generator: random.Random) -> Iterator[bytes]:
    """Yield mutations of the inputs for ever."""
    while True:
        data = bytearray(generator.choice(corpus))
        for _ in range(generator.randint(1, _MOST_CHANGES)):
            _change(data, generator.choice(corpus), generator)
        yield bytes(data)


def _change(data: bytearray, other: bytes, generator: random.Random) -> None:
    """Change one piece of ``data``."""
    start = generator.randrange(len(data) + 1)
    end = min(len(data), start + generator.choice((0, 1, 2, 8, 64)))
    at = generator.randrange(len(other) + 1)
    kind = generator.randrange(4)
    if kind == 0:
        data[start:end] = other[at : at + generator.choice((1, 8, 64))]
    elif kind == 1:
        data[start:end] = bytes([generator.choice(_INTERESTING)])
    elif kind == 2:
        data[start:end] = data[start:end] * 2
    else:
        for position in range(start, end):
            data[position] ^= 1 << generator.randrange(8)


def _run_plainly(
    failures: Failures, corpus: Sequence[bytes], seconds: float, seed: int
) -> int:
    """Try random mutations for so long; return how many were tried."""
    end = time.monotonic() + seconds
    generator = random.Random(seed)  # noqa: S311 (nothing secret)
    count = 0
    for data in corpus:
        failures.try_input(data)
    for data in mutated(corpus, generator):
        if time.monotonic() > end:
            break
        failures.try_input(data)
        count += 1
    return count


def prepare() -> None:
    """Let an input that takes too long raise, and nothing be printed but failures."""
    signal.signal(signal.SIGALRM, _end_of_time)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")


def _end_of_time(_: int, __: FrameType | None) -> None:
    message = f"no end in {_SECONDS_EACH} s"
    raise TimeoutError(message)


def main() -> int:
    """Fuzz what is asked for; return 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=TARGETS, default="model")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    prepare()
    failures = Failures(TARGETS[chosen.target], FAILURES)
    corpus = corpus_of(chosen.target)
    count = _run_plainly(failures, corpus, chosen.seconds, chosen.seed)
    print(
        f"{count} inputs of {chosen.target}, failures at {len(failures.places)} places"
    )
    return bool(failures.places)


if __name__ == "__main__":
    sys.exit(main())
