"""The ANN beside the network: whether it is the right one, and alone."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx.parser
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn.evaluation.subject import open_any
from tests.evaluation.networks import LABEL, LOGITS, REGRESSION, X, ann, outputs_of, snn
from tests.schema import problems

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "evaluation-1.json"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Return a file of the ANN that a network was made from, beside another one's."""
    onnx.save(ann(*LOGITS), tmp_path / "ann.onnx")
    other = onnx.ModelProto()
    other.CopyFrom(ann(*LOGITS))
    other.doc_string = "the same, saved anew"
    onnx.save(other, tmp_path / "other.onnx")
    conversion = onnx2snn.convert(tmp_path / "ann.onnx", T=4, calibration=X)
    conversion.save(tmp_path / "snn.onnx")
    return tmp_path


@pytest.mark.parametrize("form", ["path", "bytes", "proto"])
def test_the_file_that_it_was_made_from_is_known(
    form: str, saved: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def given(name: str) -> object:
        path = saved / name
        forms = {"path": path, "bytes": path.read_bytes(), "proto": onnx.load(path)}
        return forms[form]

    with caplog.at_level(logging.WARNING, "onnx2snn.evaluation"):
        found = onnx2snn.evaluate(saved / "snn.onnx", X, ann=given("ann.onnx"))
    assert found.is_source is True
    assert not caplog.records
    again = onnx2snn.evaluate(saved / "snn.onnx", X, ann=given("other.onnx"))
    assert again.is_source is False
    assert again.deviations == found.deviations


def test_another_file_is_told_by_the_beginnings_of_both_hashes(
    saved: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It was taken without a word."""
    onnx2snn.evaluate(saved / "snn.onnx", X, ann=saved / "other.onnx")
    for name in ("ann.onnx", "other.onnx"):
        digest = hashlib.sha256((saved / name).read_bytes()).hexdigest()
        assert digest[:12] in caplog.text
    assert "other.onnx is not the file that the network was made from" in caplog.text


def test_of_a_graph_in_memory_nothing_is_known(saved: Path) -> None:
    graph = ir.from_proto(onnx.load(saved / "other.onnx"))
    assert onnx2snn.evaluate(saved / "snn.onnx", X, ann=graph).is_source is None


def test_an_ann_with_no_output_of_the_network_is_refused() -> None:
    other = ann("other = MatMul (b, three)", "float[N,3] other")
    with pytest.raises(
        onnx2snn.CalibrationError, match=r"has outputs \['other'\], the"
    ):
        onnx2snn.evaluate(snn(*LOGITS), X, ann=other)


def test_what_convert_and_load_return_is_scored() -> None:
    conversion = onnx2snn.convert(ann(*LOGITS), T=4, calibration=X)
    for given in (conversion, conversion.network, conversion.model):
        found = onnx2snn.evaluate(given, X, ann=ann(*LOGITS))
        assert list(found.deviations["y"]) == [4]


def test_an_ann_runs_as_a_network_does() -> None:
    network = open_any(ann(*LOGITS))
    np.testing.assert_allclose(
        network.run({"x": X})["y"], outputs_of(ann(*LOGITS)), rtol=1e-4, atol=1e-5
    )
    with pytest.raises(onnx2snn.OptionError, match="T is for spiking networks: net is"):
        network.run({"x": X}, T=4)
    with pytest.raises(onnx2snn.RuntimeShapeError, match=r"given shape \[40, 7\]"):
        network.run({"x": X[:, 1:]})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_feeds_that_are_not_finite_are_refused(value: float) -> None:
    """A spiking network gave a finite answer where the ANN gives NaN."""
    bad = X.copy()
    bad[17, 3] = value
    message = r"'x' float32 \[N, 8\] was given 1 values \w+, first in sample 17"
    for model in (snn(*REGRESSION), ann(*REGRESSION)):
        with pytest.raises(onnx2snn.RuntimeShapeError, match=message):
            open_any(model).run({"x": bad})
    with pytest.raises(onnx2snn.RuntimeShapeError, match=message):
        onnx2snn.load(snn(*REGRESSION)).run_at({"x": bad}, [1, 2])
    with pytest.raises(onnx2snn.CalibrationError, match="value, first in sample 17"):
        onnx2snn.evaluate(snn(*REGRESSION), bad, ann=ann(*REGRESSION))


def test_a_sample_of_events_is_on_their_second_axis() -> None:
    events = np.repeat(X[:, None], 4, axis=1)
    network = onnx2snn.convert(
        ann(*REGRESSION), T=4, calibration=events, input_coding="events"
    ).network
    feed = np.moveaxis(events, 1, 0).copy()
    feed[2, 17, 3] = np.nan
    with pytest.raises(onnx2snn.RuntimeShapeError, match="first in sample 17"):
        network.run({"x": feed})


LABELS = X[:, :3].argmax(axis=1)


def test_labels_of_other_names_and_beside_the_data() -> None:
    wanted = onnx2snn.evaluate(snn(*LOGITS), {"x": X, "y": LABELS})
    for data, labels in (
        ({"x": X, "labels": LABELS}, None),
        ({"x": X, "species": LABELS}, "species"),
        (X, LABELS),
        (X, LABELS.tolist()),
        ({"x": X, "y": 0 * LABELS}, LABELS),
    ):
        assert onnx2snn.evaluate(snn(*LOGITS), data, labels=labels) == wanted


def test_labels_that_are_not_there_or_too_few() -> None:
    with pytest.raises(onnx2snn.CalibrationError, match="has no labels 'species'"):
        onnx2snn.evaluate(snn(*LOGITS), {"x": X, "y": LABELS}, labels="species")
    with pytest.raises(onnx2snn.CalibrationError, match="39 labels for 40 samples"):
        onnx2snn.evaluate(snn(*LOGITS), X, labels=LABELS[1:])


def test_labels_of_a_network_whose_input_is_called_y() -> None:
    renamed = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> net (float[N,8] y) => (float[N,8] z) '
        "{ z = Relu (y) }"
    )
    converted = onnx2snn.convert(renamed, T=4, calibration=X)
    targets = X.argmax(axis=1)
    found = onnx2snn.evaluate(converted, {"y": X, "labels": targets})
    assert found.top1[4] > 80


@pytest.mark.parametrize(
    "network, labels",
    [(LOGITS, LABELS), (LOGITS, None), (REGRESSION, X[:, 0]), (LABEL, None)],
)
def test_plain_data_is_as_its_schema_says(
    network: tuple[str, str], labels: np.ndarray | None
) -> None:
    found = onnx2snn.evaluate(
        snn(*network), X, ann=ann(*network), T=[1, 4], labels=labels
    ).as_dict()
    assert problems(found, SCHEMA) == []
    assert json.loads(json.dumps(found)) == found


def test_networks_that_are_zero_or_not_finite_fit_the_schema_too() -> None:
    zero = "c = Mul (b, zero) y = MatMul (c, one)", "float[N,1] y"
    found = onnx2snn.evaluate(snn(*zero), X, ann=ann(*zero), labels=X[:, 0])
    assert found.deviations["y"][8].cosine is None
    assert found.deviations["y"][8].relative_error == 0
    assert problems(found.as_dict(), SCHEMA) == []
    infinite = "c = MatMul (b, one) y = Log (c)", "float[N,1] y"
    found = onnx2snn.evaluate(snn(*infinite), X, ann=ann(*infinite), labels=X[:, 0])
    assert found.ann_r2 is None
    assert problems(found.as_dict(), SCHEMA) == []
