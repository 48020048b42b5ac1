"""The task that labels and outputs ask for, and the scores in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import onnx2snn
from tests.evaluation.networks import (
    LABEL,
    LOGITS,
    MAP,
    MAP_LAST,
    REGRESSION,
    SIGMOID,
    SOFTMAX,
    T,
    X,
    ann,
    outputs_of,
    snn,
)

TARGETS = {
    "class numbers": X[:, :3].argmax(axis=1),
    "two classes": (X[:, 0] > 0).astype(int),
}


def evaluated(network: tuple[str, str], labels: Any = None, **options: Any) -> Any:
    data = {"x": X} if labels is None else {"x": X, "y": labels}
    return onnx2snn.evaluate(snn(*network), data, ann=ann(*network), **options)


def percent(a: np.ndarray, b: np.ndarray) -> float:
    return round(100 * float(np.mean(a == b)), 2)


@pytest.mark.parametrize("network, border", [(SIGMOID, 0.5), (REGRESSION, 0.0)])
@pytest.mark.parametrize("form", ["int", "column", "float", "bool", "-1 and 1"])
def test_one_column_is_compared_on_the_sides_of_a_border(
    network: tuple[str, str], border: float, form: str
) -> None:
    """It was an argmax over one column: "agrees 100.00 %", whatever the network says."""
    targets = TARGETS["two classes"]
    labels = {
        "int": targets,
        "column": targets[:, None],
        "float": targets.astype(np.float32),
        "bool": targets > 0,
        "-1 and 1": 2 * targets - 1,
    }[form]
    found = evaluated(network, labels, T=[1, T])
    assert (found.task.name, found.task.border) == ("classification", border)
    wanted = outputs_of(ann(*network))[:, 0] > border
    assert found.ann_top1 == percent(wanted, targets)
    for t in (1, T):
        sides = outputs_of(snn(*network), t)[:, 0] > border
        assert found.top1[t] == percent(sides, targets)
        assert found.agreement[t] == percent(sides, wanted)
    assert found.agreement[1] < 100


def test_the_border_is_that_of_the_graph_not_of_the_data() -> None:
    """Logits that all happen to be in [0, 1] are still logits."""
    head = "y1 = MatMul (b, one) y = HardSwish (y1) s = Abs (y)", "float[N,1] s"
    found = evaluated(head, TARGETS["two classes"])
    assert found.task.border == 0
    cast = "z = MatMul (b, one) s = Sigmoid (z) y = Identity (s)", "float[N,1] y"
    assert evaluated(cast, TARGETS["two classes"]).task.border == 0.5


def test_a_sigmoid_that_neurons_replaced_is_still_one() -> None:
    converted = onnx2snn.convert(ann(*SIGMOID), T=T, calibration=X, spike="all")
    found = onnx2snn.evaluate(converted.model, {"x": X, "y": TARGETS["two classes"]})
    assert found.task.border == 0.5


@pytest.mark.parametrize("form", ["numbers", "column", "float", "one-hot"])
def test_the_largest_score_is_the_class(form: str) -> None:
    targets = TARGETS["class numbers"]
    labels = {
        "numbers": targets,
        "column": targets[:, None],
        "float": targets.astype(float),
        "one-hot": np.eye(3)[targets],
    }[form]
    found = evaluated(LOGITS, labels)
    assert found.task.class_axis == 1
    wanted, answers = outputs_of(ann(*LOGITS)), outputs_of(snn(*LOGITS), T)
    assert found.ann_top1 == percent(wanted.argmax(axis=1), targets)
    assert found.top1 == {T: percent(answers.argmax(axis=1), targets)}


@pytest.mark.parametrize("network, axis", [(MAP, 1), (MAP_LAST, 3)])
@pytest.mark.parametrize("form", ["numbers", "one channel", "one-hot"])
def test_pixels_are_samples(network: tuple[str, str], axis: int, form: str) -> None:
    targets = np.random.default_rng(5).integers(0, 2, (40, 3, 3))
    labels = {
        "numbers": targets,
        "one channel": np.expand_dims(targets, axis),
        "one-hot": np.moveaxis(np.eye(2)[targets], -1, axis),
    }[form]
    found = evaluated(network, labels)
    assert found.task.class_axis == axis
    wanted = outputs_of(ann(*network)).argmax(axis)
    answers = outputs_of(snn(*network), T).argmax(axis)
    assert found.samples == 40
    assert found.ann_top1 == percent(wanted, targets)
    assert found.agreement == {T: percent(answers, wanted)}


def test_maps_of_one_channel_have_a_border_for_each_pixel() -> None:
    head = (
        """z = MatMul (b, map) w = Reshape (z, nchw) v = Sigmoid (w)
        y = ReduceMax <axes = [1]> (v)""",
        "float[N,1,3,3] y",
    )
    targets = np.random.default_rng(5).integers(0, 2, (40, 3, 3))
    found = evaluated(head, targets)
    assert found.task.border == 0  # the maximum of two Sigmoids is none, and it says so
    assert "no Sigmoid" in found.task.reason
    answers = outputs_of(snn(*head), T)[:, 0] > 0
    assert found.top1 == {T: percent(answers, targets)}


def test_several_labels_of_a_sample_are_compared_one_by_one() -> None:
    head = "z = MatMul (b, three) y = Sigmoid (z)", "float[N,3] y"
    targets = (X[:, :3] > 0).astype(np.float32)
    found = evaluated(head, targets)
    assert found.task.border == 0.5
    assert "two classes for each of its 3 values" in found.task.reason
    assert found.ann_top1 == percent(outputs_of(ann(*head)) > 0.5, targets > 0)


@pytest.mark.parametrize("pair", [(0, 255), (1, 2)])
def test_two_numbers_that_no_probability_can_be_are_two_classes(
    pair: tuple[int, int],
) -> None:
    """They were taken for targets of a regression: masks of 0 and 255."""
    second = X[:, 0] > 0
    found = evaluated(SIGMOID, np.where(second, pair[1], pair[0]))
    assert found.task.border == 0.5
    assert f"labels {pair[0]} and {pair[1]}" in found.task.reason
    assert found.ann_top1 == percent(outputs_of(ann(*SIGMOID))[:, 0] > 0.5, second)


def test_two_numbers_are_targets_where_any_number_can_be() -> None:
    found = evaluated(REGRESSION, np.where(X[:, 0] > 0, 255, 0))
    assert found.task.name == "regression"


def test_an_output_of_labels_is_compared_as_it_is() -> None:
    """Classifiers of scikit-learn have one; its scores come second or first."""
    targets = 10 * (TARGETS["class numbers"] + 1)
    found = evaluated(LABEL, targets, T=[1, T])
    assert found.task.output == "label"
    wanted = outputs_of(ann(*LABEL)).argmax(axis=1)
    for t in (1, T):
        answers = outputs_of(snn(*LABEL), t).argmax(axis=1)
        assert found.top1[t] == percent(10 * (answers + 1), targets)
        assert found.agreement[t] == percent(answers, wanted)
        assert found.deviations["label"][t].equal == found.agreement[t]
        assert found.deviations["label"][t].cosine is None
        assert found.deviations["z"][t].relative_error > 0


@pytest.mark.parametrize("form", ["column", "row", "whole numbers"])
def test_regression_has_r2_and_an_error_in_the_unit_of_the_targets(form: str) -> None:
    targets = 100 * X[:, 0].astype(float)  # R2 is a small difference of large sums
    if form == "whole numbers":
        targets = np.round(targets)
    labels = targets if form == "row" else targets[:, None]
    found = evaluated(REGRESSION, labels, T=[1, T])
    assert found.task.name == "regression"
    assert (found.top1, found.agreement, found.ann_top1) == ({}, {}, None)
    spread = np.sum((targets - targets.mean()) ** 2)
    for t, outputs in (
        (1, outputs_of(snn(*REGRESSION), 1)),
        (T, outputs_of(snn(*REGRESSION), T)),
        (None, outputs_of(ann(*REGRESSION))),
    ):
        apart = outputs[:, 0].astype(float) - targets
        r2 = found.ann_r2 if t is None else found.r2[t]
        error = (
            found.ann_mean_absolute_error if t is None else found.mean_absolute_error[t]
        )
        assert r2 == pytest.approx(1 - np.sum(apart**2) / spread)
        assert error == pytest.approx(np.abs(apart).mean())


def test_targets_are_not_those_of_probabilities_where_another_output_fits() -> None:
    head = (
        "boxes = MatMul (b, three) y = Softmax (boxes)",
        "float[N,3] y, float[N,3] boxes",
    )
    found = evaluated(head, X[:, :3])
    assert (found.task.name, found.task.output) == ("regression", "boxes")
    assert "--output can choose 'y'" in found.task.reason


def test_regression_of_several_columns_is_their_mean() -> None:
    targets = np.stack([X[:, 0], 0 * X[:, 1] + 2.5, X[:, 2]], axis=1)
    found = evaluated(LOGITS, targets)
    assert found.task.name == "regression"
    apart = outputs_of(ann(*LOGITS)) - targets
    spread = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
    r2 = 1 - (apart**2).sum(axis=0)[[0, 2]] / spread[[0, 2]]  # the other does not vary
    assert found.ann_r2 == pytest.approx(r2.mean(), rel=1e-5)
    assert found.agreement == {}


def test_targets_that_do_not_vary_have_no_r2() -> None:
    found = evaluated(REGRESSION, np.full(40, 2.5))
    assert (found.ann_r2, found.r2) == (None, {T: None})
    assert found.mean_absolute_error[T] > 0


@pytest.mark.parametrize(
    "network, name",
    [(SOFTMAX, "classification"), (SIGMOID, "classification")]
    + [(each, "none") for each in (LOGITS, REGRESSION, MAP, LABEL)],
)
def test_without_labels_the_graph_tells_what_is_a_classifier(
    network: tuple[str, str], name: str
) -> None:
    found = evaluated(network)
    assert found.task.name == name
    assert bool(found.agreement) == (name == "classification")
    for by_steps in found.deviations.values():
        assert list(by_steps) == [T]


def test_without_labels_classification_may_be_asked_for() -> None:
    wanted, answers = outputs_of(ann(*LOGITS)), outputs_of(snn(*LOGITS), T)
    found = evaluated(LOGITS, task="classification")
    agreement = percent(answers.argmax(axis=1), wanted.argmax(axis=1))
    assert found.agreement == {T: agreement}
    assert evaluated(REGRESSION, task="classification").task.border == 0
    label = evaluated(LABEL, task="classification")  # the second of two outputs
    assert label.agreement == {T: agreement}
    assert label.task.output == "label"
    assert "--output can choose 'z'" in label.task.reason


def test_the_user_s_choice_goes_first() -> None:
    targets = TARGETS["two classes"]
    assert evaluated(REGRESSION, targets, task="regression").task.name == "regression"
    none = evaluated(REGRESSION, targets, task="none")
    assert (none.task.name, none.top1, none.agreement) == ("none", {}, {})
    assert none.deviations["y"][T].relative_error > 0
    scores = evaluated(LABEL, TARGETS["class numbers"], output="z")
    assert (scores.task.output, scores.task.class_axis) == ("z", 1)


def test_of_several_outputs_the_one_with_the_classes_of_the_labels_is_scored() -> None:
    head = "y = MatMul (b, three)", "float[N,6] b, float[N,3] y"
    found = evaluated(head, TARGETS["class numbers"])
    assert found.task.output == "y"
    assert "--output can choose 'b'" in found.task.reason


@pytest.mark.parametrize(
    "network, labels, options, message",
    [
        (LOGITS, np.full(40, 3), {}, "from 3 to 3, but output 'y' has 3 classes"),
        (LOGITS, np.full(40, -1), {}, "from -1 to -1, but output 'y' has 3 classes"),
        (
            LOGITS,
            X[:, 0],
            {"task": "classification"},
            r"^classification cannot be scored: .*fit no output: 'y' float32 \[N, 3\]",
        ),
        (LOGITS, X[:, 0], {"task": "regression"}, "regression cannot be scored"),
        (
            LOGITS,
            TARGETS["class numbers"],
            {"task": "regression"},
            r"^regression cannot be scored: labels int64 \[40\] fit no output",
        ),
        (LOGITS, None, {"task": "regression"}, "there are no labels"),
    ],
)
def test_what_does_not_fit_is_refused(
    network: tuple[str, str], labels: Any, options: dict[str, str], message: str
) -> None:
    with pytest.raises(onnx2snn.CalibrationError, match=message):
        evaluated(network, labels, **options)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"task": "segmentation"}, "auto, classification, regression, none, not 'segm"),
        ({"output": "scores"}, "no output 'scores'; the network has 'y'"),
    ],
)
def test_wishes_that_there_are_not(options: dict[str, str], message: str) -> None:
    with pytest.raises(onnx2snn.OptionError, match=message):
        evaluated(LOGITS, **options)


def test_labels_that_fit_nothing_leave_the_differences() -> None:
    found = evaluated(LOGITS, X[:, :2])
    assert found.task.name == "none"
    assert found.task.reason == (
        "labels float32 [40, 2] fit no output: 'y' float32 [N, 3]"
    )
    assert found.deviations["y"][T].compared == 120


def test_rows_that_depend_on_the_batch_are_of_no_sample() -> None:
    """It was said that there is no row for each sample, of an output that has 40."""
    head = (
        "z = MatMul (b, three) m = ReduceMean <axes = [0]> (z) y = Sub (z, m)",
        "float[M,3] y",
    )
    assert evaluated(head, TARGETS["class numbers"]).task.reason == (
        "labels int64 [40] fit no output: 'y' float32 [40, 3] (no row that is of one sample "
        "alone)"
    )


def test_a_softmax_of_a_map_or_of_attention_is_no_classifier_by_itself() -> None:
    head = (
        "z = MatMul (b, map) w = Reshape (z, nchw) y = Softmax (w)",
        "float[N,2,3,3] y",
    )
    assert evaluated(head).task.name == "none"


def test_several_rows_a_sample_are_scored_as_its_columns() -> None:
    """Exporters write [N * k, 1] for k targets, and [N * steps, C] for sequences."""
    head = "z = MatMul (b, three) y = Reshape (z, column)", "float[M,1] y"
    targets = X[:, :3]
    found = evaluated(head, targets)
    assert found.task.name == "regression"
    apart = outputs_of(ann(*head)).reshape(40, 3) - targets
    assert found.ann_mean_absolute_error == pytest.approx(np.abs(apart).mean())


def test_an_ann_that_always_answers_the_same_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Agreement is 100 % then, and says nothing."""
    head = "z = MatMul (b, one) w = Abs (z) y = Add (w, ten)", "float[N,1] y"
    found = evaluated(head, TARGETS["two classes"])
    assert found.agreement == {T: 100.0}
    assert "the ANN gives one and the same answer for all samples" in caplog.text


def test_answers_to_scores_that_are_not_numbers_are_no_answers() -> None:
    head = "z = MatMul (b, three) y = Log (z)", "float[N,3] y"
    found = evaluated(head, TARGETS["class numbers"], task="classification")
    wanted, answers = outputs_of(ann(*head)), outputs_of(snn(*head), T)
    is_number = ~np.isnan(wanted).any(axis=1)
    assert 0 < is_number.mean() < 1
    right = wanted.argmax(axis=1) == TARGETS["class numbers"]
    assert found.ann_top1 == round(100 * float(np.mean(right & is_number)), 2)
    same = (wanted.argmax(axis=1) == answers.argmax(axis=1)) & is_number
    same &= ~np.isnan(answers).any(axis=1)
    assert found.agreement == {T: round(100 * float(np.mean(same)), 2)}


@pytest.mark.parametrize("number", [255, -1, -100])
def test_pixels_without_a_class_are_left_out(number: int) -> None:
    targets = np.random.default_rng(5).integers(0, 2, (40, 3, 3))
    targets[:, 1] = number
    found = evaluated(MAP, targets)
    assert f"({number}: no class, left out)" in found.task.reason
    is_class = targets != number
    wanted, answers = outputs_of(ann(*MAP)), outputs_of(snn(*MAP), T)
    right = (answers.argmax(axis=1) == targets)[is_class]
    same = (answers.argmax(axis=1) == wanted.argmax(axis=1))[is_class]
    assert found.top1 == {T: round(100 * float(right.mean()), 2)}
    assert found.agreement == {T: round(100 * float(same.mean()), 2)}


def test_of_samples_none_is_left_out() -> None:
    targets = TARGETS["class numbers"].copy()
    targets[0] = 255
    with pytest.raises(onnx2snn.CalibrationError, match="from 0 to 255, but output"):
        evaluated(LOGITS, targets)
