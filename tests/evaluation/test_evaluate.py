from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn import progress
from onnx2snn.data.dataset import dataset
from onnx2snn.data.events import data_specs
from onnx2snn.evaluation import rows as rows_module
from onnx2snn.evaluation.outputs import outputs_on
from tests.models import model, normal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Scores are 4 dyadic numbers for 2 inputs, so that every runtime gives the same classes.
NET = """
<ir_version: 8, opset_import: ["" : 17]>
net ({batch} x) => ({result} scores, {result} hidden)
<float[2,4] w = {{1.0, -1.0, 0.5, 0.25, 0.5, 1.0, -1.0, 0.125}},
 float[4,4] m = {{1.0, 0.0, 0.0, -0.5, 0.0, 1.0, -0.25, 0.0, 0.5, 0.0, 1.0, 0.0, 0.0, 0.25, 0.0,
 2.0}}> {{
    h = MatMul (x, w)
    hidden = Relu (h)
    scores = MatMul (hidden, m)
}}
"""
X = np.random.default_rng(7).integers(-32, 33, (30, 2)).astype(np.float32) / 16


def net(rows: str = "N") -> onnx.ModelProto:
    text = NET.format(batch=f"float[{rows},2]", result=f"float[{rows},4]")
    return onnx.parser.parse_model(text)


def classes(model: onnx.ModelProto) -> np.ndarray:
    """Return the ANN's answers, from the matrices themselves."""
    w, m = (onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer)
    return np.asarray((np.maximum(X @ w, 0) @ m).argmax(axis=1))


@pytest.fixture(scope="module")
def ann() -> onnx.ModelProto:
    return net()


@pytest.fixture(scope="module")
def snn(ann: onnx.ModelProto) -> onnx.ModelProto:
    return onnx2snn.convert(ann, T=8, calibration=X).model


@pytest.fixture(scope="module")
def labels(ann: onnx.ModelProto) -> np.ndarray:
    found = classes(ann)
    found[:3] = (found[:3] + 1) % 4  # three answers that the ANN gets wrong
    return found


def test_scores_are_what_single_runs_give(
    ann: onnx.ModelProto, snn: onnx.ModelProto, labels: np.ndarray
) -> None:
    steps = [1, 3, 8, 32]
    score = onnx2snn.evaluate(snn, {"x": X, "y": labels}, ann=ann, T=steps)
    network = onnx2snn.load(snn)
    assert score.samples == 30
    assert score.ann_top1 == 90.0
    for t in steps:
        answers = network.run({"x": X}, T=t)["scores"].argmax(axis=1)
        assert score.top1[t] == round(100 * float(np.mean(answers == labels)), 2)
        assert score.agreement[t] == round(
            100 * float(np.mean(answers == classes(ann))), 2
        )


def test_both_runtimes_and_any_batch_size_score_alike(
    ann: onnx.ModelProto, snn: onnx.ModelProto, labels: np.ndarray
) -> None:
    data = {"x": X, "y": labels}
    expected = onnx2snn.evaluate(snn, data, ann=ann, T=[2, 8]).as_dict()
    for runtime in ("ort", "numpy"):
        for batch_size in (1, 7, 30, 64):
            found = onnx2snn.evaluate(
                snn,
                data,
                ann=ann,
                T=[2, 8],
                runtime=runtime,
                batch_size=batch_size,
            ).as_dict()
            # outputs and sums are those of float32, in another order in each case
            assert rounded(found) == rounded(expected)


def rounded(data: object) -> object:
    """Return plain data with its real numbers rounded to five decimals."""
    if isinstance(data, dict):
        return {key: rounded(value) for key, value in data.items()}
    return round(data, 5) if isinstance(data, float) else data


@pytest.mark.parametrize(
    "samples, rows", [(7, [7] * 12 + [6]), (0.5, [1] * 90), (1000, [64, 26])]
)
def test_as_many_samples_at_a_time_as_are_not_too_large(
    snn: onnx.ModelProto,
    samples: float,
    rows: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, seen = onnx2snn.load(snn), []
    run = network.run

    def run_and_count(
        feeds: dict[str, np.ndarray], *args: Any, **options: Any
    ) -> dict[str, np.ndarray]:
        seen.append(len(feeds["x"]))
        return run(feeds, *args, **options)

    monkeypatch.setattr(network, "run", run_and_count)
    monkeypatch.setattr(rows_module, "_NUMBERS", int(samples * X[0].size))
    data = {"x": np.concatenate([X, X, X])}
    found = outputs_on(network, data)
    assert seen[0] == 3  # to find the axis of the samples
    assert seen[1:] == rows
    np.testing.assert_array_equal(found["scores"], run(data)["scores"])


def test_the_steps_of_events_make_no_sample_larger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frames = X[:, None].repeat(5, 1)
    snn = onnx2snn.convert(net(), T=5, calibration=frames, input_coding="events")
    network = onnx2snn.load(snn.model)
    monkeypatch.setattr(rows_module, "_NUMBERS", 10 * X[0].size)
    data = dataset({"x": frames}, data_specs(network.inputs, network.events))
    assert rows_module.rows_at_a_time(data, network) == 10
    monkeypatch.setattr(network, "events", ())
    assert rows_module.rows_at_a_time(data, network) == 2


def test_a_batch_size_baked_into_the_model_is_respected(labels: np.ndarray) -> None:
    fixed = net("4")  # 30 samples are seven batches of 4 and one of 2
    snn = onnx2snn.convert(fixed, T=8, calibration=X)
    score = onnx2snn.evaluate(snn.model, {"x": X, "y": labels}, ann=fixed)
    free = onnx2snn.evaluate(
        onnx2snn.convert(net(), T=8, calibration=X).model,
        {"x": X, "y": labels},
        ann=net(),
    )
    # Thresholds differ a little: the last batch of the calibration repeats its last sample.
    assert (score.samples, score.ann_top1) == (30, free.ann_top1)
    assert score.top1[8] == pytest.approx(free.top1[8], abs=100 / 30 + 0.01)
    assert score.deviations["scores"][8].compared == 30 * 4


def test_without_labels_only_agreement_is_scored(
    ann: onnx.ModelProto, snn: onnx.ModelProto
) -> None:
    score = onnx2snn.evaluate(snn, X, ann=ann, task="classification")
    assert (score.top1, score.ann_top1) == ({}, None)
    assert list(score.agreement) == [8]


def test_without_an_ann_only_accuracy_is_scored(
    snn: onnx.ModelProto, labels: np.ndarray
) -> None:
    score = onnx2snn.evaluate(snn, {"x": X, "y": labels})
    assert (score.agreement, score.ann_top1) == ({}, None)
    assert list(score.top1) == [8]


def test_with_neither_there_is_nothing_to_compare_with(snn: onnx.ModelProto) -> None:
    with pytest.raises(
        onnx2snn.CalibrationError, match="no labels 'y' or 'labels', and no ANN"
    ):
        onnx2snn.evaluate(snn, X)


@pytest.mark.parametrize("label", [-1, 4])
def test_labels_that_are_no_classes(snn: onnx.ModelProto, label: int) -> None:
    with pytest.raises(
        onnx2snn.CalibrationError, match=rf"{label}.* output 'scores' has 4 classes"
    ):
        onnx2snn.evaluate(snn, {"x": X, "y": np.full(len(X), label)})


def test_the_result_is_plain_data(snn: onnx.ModelProto, labels: np.ndarray) -> None:
    found = onnx2snn.evaluate(snn, {"x": X, "y": labels}, T=(8, 2, 8)).as_dict()
    assert json.loads(json.dumps(found)) == found
    assert list(found["top1"]) == ["2", "8"]
    assert found["ann_top1"] is None


@pytest.mark.parametrize(
    "form", ["npz", "concatenated", "stacked", "pairs", "dicts", "script", "reader"]
)
def test_every_form_of_data_scores_alike(
    form: str, snn: onnx.ModelProto, labels: np.ndarray, tmp_path: Path
) -> None:
    expected = onnx2snn.evaluate(snn, {"x": X, "y": labels})
    np.savez(tmp_path / "d.npz", x=X, y=labels)
    (tmp_path / "d.py").write_text(
        "import numpy as np\nfrom pathlib import Path\n"
        "def feeds():\n"
        "    data = np.load(Path(__file__).with_suffix('.npz'))\n"
        "    for at in range(0, 30, 8):\n"
        "        yield {'x': data['x'][at : at + 8], 'y': data['y'][at : at + 8]}\n"
    )
    halves = [slice(0, 15), slice(15, 30)]
    data: dict[str, object] = {
        "npz": str(tmp_path / "d.npz"),
        "concatenated": {"x": X, "y": labels},
        "stacked": {"x": X.reshape(5, 6, 2), "y": labels},
        "pairs": [(X[part], labels[part]) for part in halves],
        "dicts": ({"x": X[part], "y": labels[part]} for part in halves),
        "script": f"{tmp_path / 'd.py'}:feeds",
        "reader": Reader([{"x": X[part], "y": labels[part]} for part in halves]),
    }
    assert onnx2snn.evaluate(snn, data[form]) == expected


class Reader:
    """A calibration data reader as onnxruntime has them."""

    def __init__(self, feeds: list[dict[str, np.ndarray]]) -> None:
        self._feeds: Iterator[dict[str, np.ndarray]] = iter(feeds)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"time_steps": [4, 0]}, "at least 1, not 0"),
        ({"runtime": "gpu"}, "auto, ort, native, numpy, torch, not 'gpu'"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
    ],
)
def test_options_out_of_range_are_refused(
    options: dict[str, object], message: str, snn: onnx.ModelProto, labels: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=message):
        onnx2snn.evaluate(snn, {"x": X, "y": labels}, **options)


def test_labels_that_are_not_as_many_as_samples(snn: onnx.ModelProto) -> None:
    with pytest.raises(onnx2snn.CalibrationError, match="5 labels for 30 samples"):
        onnx2snn.evaluate(snn, {"x": X, "y": np.zeros(5, int)})


def test_an_ann_with_other_inputs_is_named(snn: onnx.ModelProto) -> None:
    text = NET.format(batch="float[N,2]", result="float[N,4]")
    other = onnx.parser.parse_model(
        text.replace(" x)", " image)").replace("(x,", "(image,")
    )
    with pytest.raises(onnx2snn.Onnx2SnnError, match=r"'image'"):
        onnx2snn.evaluate(snn, X, ann=other)


def test_an_ann_alone_is_scored(ann: onnx.ModelProto, labels: np.ndarray) -> None:
    found = onnx2snn.evaluate(ann, {"x": X, "y": labels})
    assert (found.ann_top1, found.top1, found.deviations) == (90.0, {}, {})


def test_an_ann_has_neither_time_steps_nor_an_ann(
    ann: onnx.ModelProto, labels: np.ndarray
) -> None:
    data = {"x": X, "y": labels}
    with pytest.raises(onnx2snn.OptionError, match="net is an ANN, which has no time"):
        onnx2snn.evaluate(ann, data, T=[4])
    with pytest.raises(onnx2snn.OptionError, match="net is an ANN itself"):
        onnx2snn.evaluate(ann, data, ann=ann)
    with pytest.raises(onnx2snn.OptionError, match="numpy runs spiking networks; net"):
        onnx2snn.evaluate(ann, data, runtime="numpy")


def test_progress_is_reported_to_whoever_listens(
    snn: onnx.ModelProto, labels: np.ndarray
) -> None:
    heard: list[tuple[str, int, int | None]] = []
    with progress.listening(lambda *event: heard.append(event)):
        onnx2snn.evaluate(snn, {"x": X, "y": labels}, batch_size=8)
    assert heard == [("evaluate", done, 4) for done in range(5)]


def test_the_spiking_network_in_the_place_of_its_ann_is_refused(
    snn: onnx.ModelProto,
) -> None:
    with pytest.raises(
        onnx2snn.CalibrationError, match="net is a spiking network; give the ANN"
    ):
        onnx2snn.evaluate(snn, X, ann=snn)


def shaped(ann: onnx.ModelProto, shape: list[int]) -> onnx.ModelProto:
    """Return the ANN with its scores in another shape."""
    other = onnx.ModelProto()
    other.CopyFrom(ann)
    other.graph.node[-1].output[0] = "flat"
    other.graph.node.append(
        onnx.helper.make_node("Reshape", ["flat", "shape"], ["scores"])
    )
    other.graph.initializer.append(
        onnx.numpy_helper.from_array(np.array(shape), "shape")
    )
    declared = onnx.helper.make_tensor_value_info(
        "scores", onnx.TensorProto.FLOAT, None
    )
    other.graph.output[0].CopyFrom(declared)
    del other.graph.output[1]
    return other


def test_scores_may_have_axes_of_length_1_behind_the_classes(
    ann: onnx.ModelProto, labels: np.ndarray
) -> None:
    image = shaped(ann, [-1, 4, 1, 1])
    all_of_it = {"T": 8, "calibration": X, "hold_out": False}
    converted = onnx2snn.convert(image, **all_of_it).model
    data = {"x": X, "y": labels}
    found = onnx2snn.evaluate(converted, data, ann=image)
    wanted = onnx2snn.evaluate(onnx2snn.convert(ann, **all_of_it), data, ann=ann)
    assert (found.top1, found.agreement) == (wanted.top1, wanted.agreement)


@pytest.mark.parametrize(
    "shape, found",
    [([-1, 2, 2], r"\[N, 2, 2\]"), ([2, 2, -1], r"\[2, 2, 30\] \(no row")],
)
def test_outputs_that_are_no_scores_are_refused(
    shape: list[int], found: str, ann: onnx.ModelProto, labels: np.ndarray
) -> None:
    snn = onnx2snn.convert(shaped(ann, shape), T=8, calibration=X).model
    with pytest.raises(onnx2snn.CalibrationError, match=rf"fit no output: .*{found}"):
        onnx2snn.evaluate(snn, {"x": X, "y": labels})


@pytest.mark.parametrize("shape", ["N,4", "N,3,1"])
def test_an_ann_whose_input_has_another_shape_is_refused(shape: str) -> None:
    text = "(float[{}] x) => (y) {{ y = Relu (x) }}"
    converted = onnx2snn.convert(model(text.format("N,3")), 4, normal(1, 8, 3))
    data = {"x": normal(2, 8, 3), "y": np.zeros(8, int)}
    with pytest.raises(
        onnx2snn.CalibrationError, match=r"is not the ANN .*: its input is 'x'"
    ):
        onnx2snn.evaluate(converted.model, data, ann=model(text.format(shape)))
