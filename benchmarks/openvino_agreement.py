"""Run inlined spiking networks in OpenVINO, and tell how far they are from onnxruntime.

    python -m benchmarks.openvino_agreement NETWORK.onnx --samples DATA.npz

converts a network with ``inline`` and a fixed batch, in each layout of time and with each way of
taking T, and prints the largest difference of an output, the part of the samples that get the same
answer, and the CPU time of a run beside that of onnxruntime. A difference beyond 1e-5 is rounding
that made a neuron fire in another step, as between any two runtimes. Needs OpenVINO from PyPI.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

import onnx2snn

FORMS: dict[str, dict[str, Any]] = {
    "loop, T fixed": {"T_input": "fixed"},
    "loop, T required": {"T_input": "required"},
    "loop, folded thresholds": {"fold_thresholds": True},
    "multistep": {"layout": "multistep"},
    "step": {"layout": "step"},
}
SAMPLES_TO_CALIBRATE = 16


class OpenVino:
    """A file in OpenVINO, in float32."""

    def __init__(self, path: Path, threads: int) -> None:
        """Compile it for the CPU."""
        import openvino  # noqa: PLC0415 (not a dependency)

        core = openvino.Core()
        options = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": str(threads),
        }
        self._compiled = core.compile_model(core.read_model(path), "CPU", options)

    def run(self, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Return the outputs, in order."""
        names = {each.get_any_name() for each in self._compiled.inputs}
        known = {name: data for name, data in feeds.items() if name in names}
        found = self._compiled(known)
        return [np.asarray(found[each]) for each in self._compiled.outputs]


class OnnxRuntime:
    """A file in onnxruntime."""

    def __init__(self, path: Path, threads: int) -> None:
        """Open it."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(path, options)

    def feeds(self, images: np.ndarray, time_steps: int) -> dict[str, np.ndarray]:
        """Return what every input of the file is fed, of a first step if it is one."""
        feeds = {}
        for value in self._session.get_inputs():
            dtype = {"tensor(int64)": np.int64, "tensor(bool)": np.bool_}
            ones = np.ones([1] * len(value.shape), dtype.get(value.type, np.float32))
            feeds[value.name] = ones
        feeds[self._session.get_inputs()[0].name] = images
        if "T" in feeds:
            feeds["T"] = np.array(time_steps, np.int64)
        return feeds

    def run(self, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Return the outputs, in order."""
        return list(self._session.run(None, feeds))


def measure(path: Path, images: np.ndarray, options: argparse.Namespace) -> str:
    """Return a row about a file: difference, agreement, milliseconds of both."""
    stock = OnnxRuntime(path, options.threads)
    feeds = stock.feeds(images, options.T)
    expected, stock_time = _timed(stock, feeds)
    try:
        other = OpenVino(path, options.threads)
    except RuntimeError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        return f"refused: {lines[-1]}"
    found, other_time = _timed(other, feeds)
    largest = max(_difference(a, b) for a, b in zip(found, expected, strict=True))
    same = (found[0].argmax(-1) == expected[0].argmax(-1)).mean()
    return (
        f"{largest:.1e}, {same:.1%} the same answer, "
        f"{other_time * 1e3:.0f} ms against {stock_time * 1e3:.0f} ms in onnxruntime"
    )


def with_batch(path: str, batch: int) -> onnx.ModelProto:
    """Return a network whose inputs and outputs have so many samples."""
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = batch
    return model


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found.astype(float) - expected).max())


def _timed(
    runner: OpenVino | OnnxRuntime, feeds: dict[str, np.ndarray]
) -> tuple[list[np.ndarray], float]:
    """Return the outputs, and the seconds of the shorter of two further runs."""
    outputs = runner.run(feeds)
    times = []
    for _ in range(2):
        start = time.process_time()
        runner.run(feeds)
        times.append(time.process_time() - start)
    return outputs, min(times)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("network", help="the ANN, with one input of images")
    parser.add_argument("--samples", required=True, help="an .npz; its first array")
    parser.add_argument("--T", type=int, default=8, help="time steps")
    parser.add_argument("--batch", type=int, default=16, help="samples of a run")
    parser.add_argument("--threads", type=int, default=1, help="threads in an operator")
    options = parser.parse_args()
    with np.load(options.samples) as stored:
        samples = stored[stored.files[0]].astype(np.float32)
    images, some = samples[: options.batch], samples[-SAMPLES_TO_CALIBRATE:]
    ann = with_batch(options.network, options.batch)
    with tempfile.TemporaryDirectory() as folder:
        for name, chosen in FORMS.items():
            path = Path(folder, "snn.onnx")
            conversion = onnx2snn.convert(
                ann,
                options.T,
                some,
                corrections=("none",),
                inline=True,
                **chosen,
            )
            conversion.save(path)
            print(f"{name}: {measure(path, images, options)}", flush=True)


if __name__ == "__main__":
    main()
