"""The one list of passes that a conversion runs."""

from __future__ import annotations

import importlib.metadata
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn import passes
from onnx2snn.analysis.exclusion import ExcludedNames
from onnx2snn.data.dataset import dataset
from onnx2snn.data.input_specs import input_specs
from onnx2snn.errors import OptionError
from onnx2snn.importing import read
from onnx2snn.passes import STAGES
from onnx2snn.passes.installed import stage_of
from tests.models import dyadic, model

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
MODEL = DIGITS / "digits.onnx"
FEW = {"image": np.load(DIGITS / "calibration.npz")["image"][:16]}

CASES: tuple[dict[str, Any], ...] = (
    {},
    {"method": "spikeconverter"},
    {"method": "ltb"},
    {"input_coding": "rate"},
    {"weights": "int8"},
    {"nodes_to_exclude": "/relu_3/Relu", "skip_passes": "move-max-pool"},
)


class Louder(ir.passes.InPlacePass):
    """A pass of another package."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        model.doc_string = "LOUD"
        return ir.passes.PassResult(model, modified=True)


class Other(ir.passes.FunctionalPass):
    """A pass of another package that gives another model."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        return ir.passes.PassResult(model.clone(), modified=False)


@pytest.fixture
def louder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another package register the pass ``louder``."""
    module = type("Module", (), {"Louder": Louder, "Other": Other})
    monkeypatch.setitem(sys.modules, "another_package", module)
    registered = {
        "louder": "another_package:Louder",
        "other": "another_package:Other",
        "broken": "nowhere_to_be_found:Broken",
    }
    entries = [
        importlib.metadata.EntryPoint(name, value, "onnx2snn.passes")
        for name, value in registered.items()
    ]

    def entry_points(*, group: str) -> list[importlib.metadata.EntryPoint]:
        return entries if group == "onnx2snn.passes" else []

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)


def passes_run(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the names of the passes that have run, in order."""
    return [
        str(record.args[0])
        for record in caplog.records
        if record.name == "onnx2snn.passes" and record.args
    ]


def data_for(model: Path) -> Any:
    return dataset(FEW, input_specs(read(model).model))


@pytest.mark.parametrize("options", CASES)
def test_a_conversion_runs_exactly_that_list(
    options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "onnx2snn.passes"):
        onnx2snn.convert(MODEL, 2, FEW, check=False, hold_out=False, **options)
    listed = onnx2snn.pipeline(onnx2snn.Options(**options), 2, data_for(MODEL))
    assert passes_run(caplog) == listed.names()


@pytest.mark.parametrize("options", CASES)
def test_the_list_by_itself_gives_the_same_network(options: dict[str, Any]) -> None:
    conversion = onnx2snn.convert(MODEL, 2, FEW, hold_out=False, **options)
    listed = onnx2snn.pipeline(
        onnx2snn.Options(**options),
        2,
        data_for(MODEL),
        source_sha256=conversion.report["source_sha256"],
    )
    assert passes.run(MODEL, listed) == conversion.model


def test_stages_follow_each_other_and_hold_their_passes() -> None:
    listed = onnx2snn.pipeline()
    of_stages = [pass_ for stage in STAGES for pass_ in listed.stage(stage)]
    assert list(listed) == of_stages
    own = {
        (stage, stage_of(type(pass_)))
        for stage in STAGES
        for pass_ in listed.stage(stage)
        if listed.names().count(passes.name_of(pass_)) == 1
    }
    assert own == {(stage, stage) for stage in STAGES}


def test_the_table_of_passes_is_in_the_order_in_which_they_first_run() -> None:
    data = data_for(MODEL)
    for method in ("auto", "spikeconverter"):
        names = onnx2snn.pipeline(onnx2snn.Options(method=method), 2, data).names()
        first_runs = list(dict.fromkeys(names))
        assert first_runs == [name for name in passes.PASSES if name in first_runs]


def test_a_pass_goes_before_or_after_another() -> None:
    listed = onnx2snn.pipeline()
    names = listed.names()
    before = listed.insert(Louder(), before="remove-no-ops").names()
    first = names.index("remove-no-ops")
    name = passes.name_of(Louder())
    assert before == [*names[:first], name, *names[first:]]
    after = listed.insert(Louder(), after="remove-no-ops").names()
    last = len(names) - names[::-1].index("remove-no-ops")
    assert after == [*names[:last], name, *names[last:]]
    assert type(listed.insert(Louder()).simplification[-1]) is Louder
    with pytest.raises(OptionError, match="no pass 'calibrat' runs"):
        listed.insert(Louder(), before="calibrat")
    with pytest.raises(
        OptionError, match="before 'calibrate' or after 'exclude-nodes'"
    ):
        listed.insert(Louder(), before="calibrate", after="exclude-nodes")


def test_passes_are_taken_out_by_name() -> None:
    listed = onnx2snn.pipeline()
    fewer = listed.without(["remove-no-ops", "calibrate"])
    assert fewer.names() == [
        name for name in listed.names() if name not in {"remove-no-ops", "calibrate"}
    ]
    older = listed.without(["leave-analog"])
    assert older.names() == listed.without(["exclude-nodes"]).names()
    with pytest.raises(OptionError, match="no pass 'nothing' runs"):
        listed.without(["nothing"])


def test_what_folding_reads_is_inferred_even_without_the_pass() -> None:
    given = onnx2snn.Options(skip_passes="infer-shapes")
    kept = onnx2snn.pipeline(given).names()
    assert kept.count("infer-shapes") == kept.count("fold-constants") == 2


def test_data_that_is_no_dataset_is_refused() -> None:
    options: Any = {"neuron": "if"}
    with pytest.raises(TypeError, match=r"no Options, but dict; onnx2snn\.Options"):
        onnx2snn.pipeline(options)
    with pytest.raises(TypeError, match="data is no Dataset, but dict"):
        onnx2snn.pipeline(data=FEW)


def test_a_list_serves_one_network_after_another() -> None:
    listed = onnx2snn.pipeline(onnx2snn.Options(nodes_to_exclude="r"), 2)
    text = "(float[N,4] x) => (float[N,4] y) { h = Gemm (x, w)  r = Relu (h)  y = Gemm (r, w) }"
    passes.run(MODEL, listed)
    passes.run(model(text, w=dyadic(1, 4, 4)), listed)
    record = next(one.record for one in listed if isinstance(one, passes.ExcludeNodes))
    assert [node.name for node in record.nodes or ()] == ["h", "r", "y"]


def test_excluding_needs_the_nodes_of_the_file() -> None:
    names = ExcludedNames(nodes=("r",))
    with pytest.raises(ir.passes.PreconditionError, match="record-source-nodes"):
        passes.run(MODEL, [passes.ExcludeNodes(names=names)])


@pytest.mark.usefixtures("louder")
@pytest.mark.parametrize(
    "given, neighbor, distance",
    [
        ("louder:before=fold-batch-norm", "fold-batch-norm", -1),
        ("louder:after=calibrate", "calibrate", 1),
        ("louder", "exclude-nodes", 1),
        ("louder:before=correct-layers", "correct-layers", -1),
    ],
)
def test_a_pass_of_another_package_runs(
    given: str, neighbor: str, distance: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "onnx2snn.passes"):
        conversion = onnx2snn.convert(MODEL, 2, FEW, check=False, passes=given)
    names = passes_run(caplog)
    assert names.index("louder") == names.index(neighbor) + distance
    assert conversion.ir_model.doc_string == "LOUD"


@pytest.mark.usefixtures("louder")
@pytest.mark.parametrize(
    "given, message",
    [
        ("loud", "no pass 'loud' is installed; did you mean 'louder'"),
        ("louder:before", "'louder:before' is not NAME, NAME:before=NAME"),
        ("louder:behind=calibrate", "'louder:behind=calibrate' is not NAME"),
        ("louder:after=nothing", "no pass 'nothing' runs; these do: "),
        ("broken", "the pass 'broken' .* cannot be imported: No module named 'nowhere"),
        ("other", "'other' gives another model"),
    ],
)
def test_passes_that_cannot_be_taken_in_are_refused(given: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        onnx2snn.convert(MODEL, 2, FEW, passes=given)
