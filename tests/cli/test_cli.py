from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir
import pytest

import onnx2snn
from onnx2snn import cli
from onnx2snn.cli import convert
from onnx2snn.data.dataset import dataset, input_specs

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
ANN = str(DIGITS / "digits.onnx")
CALIBRATION = str(DIGITS / "calibration.npz")
SPELLED = {
    "skip_passes": "--skip-pass",
    "passes": "--pass",
    "input_shapes": "--input-shape",
    "target": "--for",
}
"""Fields of options whose option has another name."""

COMMANDS = ["convert", "tune", "evaluate", "run", "analyze", "passes", "methods"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the path of the first 50 test images with labels."""
    path = tmp_path_factory.mktemp("data") / "test.npz"
    test = np.load(DIGITS / "test.npz")
    np.savez(path, image=test["image"][:50], y=test["y"][:50])
    return str(path)


@pytest.fixture(scope="module")
def snn(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("snn") / "snn.onnx")
    assert cli.main(["convert", ANN, "--T", "4", "-o", path, "--quiet"]) == 0
    return path


def arguments(command: str, snn: str, data: str, folder: Path) -> list[str]:
    """Return a command line that does the command's work."""
    return {
        "convert": ["convert", ANN, "--T", "4", "-o", str(folder / "out.onnx")],
        "tune": [
            *["tune", snn, "--ann", ANN, "--calibration", data, "--epochs", "1"],
            *["-o", str(folder / "out.onnx")],
        ],
        "evaluate": ["evaluate", snn, "--data", data, "--ann", ANN, "--T", "1,4"],
        "run": ["run", snn, "--data", data, "-o", str(folder / "out.npz")],
        "analyze": ["analyze", ANN],
        "passes": ["passes"],
        "methods": ["methods"],
    }[command]


def shell(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the tool as a user does."""
    return subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-m", "onnx2snn", *words],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
        env=os.environ
        | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "utf-8"},
    )


def test_the_tool_runs_as_a_program(tmp_path: Path, data: str) -> None:
    out = str(tmp_path / "snn.onnx")
    done = shell("convert", ANN, "--T", "2", "--calibration", CALIBRATION, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert "/relu_3/Relu" in done.stdout
    assert "T = 2" in done.stdout
    done = shell("evaluate", out, "--data", data, "--T", "1,2", "--json")
    assert json.loads(done.stdout)["samples"] == 50


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"\n    {command}" in shown for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main([command, "--help"])
    assert exit_.value.code == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"usage: onnx2snn {command}")
    assert "--quiet" in out
    assert "--json" in out
    assert "%(" not in out
    assert not err


def test_every_option_of_convert_has_a_help_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["convert", "--help-all"])
    shown = capsys.readouterr().out
    for field in dataclasses.fields(onnx2snn.Options):
        option = SPELLED.get(field.name, f"--{field.name}")
        assert f"  {option.replace('_', '-')}" in shown
    for option in ("--T", "--calibration", "--report"):
        assert f"  {option} " in shown


def test_every_option_of_convert_stands_in_one_group() -> None:
    grouped = [name for names in convert.GROUPS.values() for name in names]
    fields = {field.name for field in dataclasses.fields(onnx2snn.Options)}
    assert len(set(grouped)) == len(grouped)
    assert set(grouped) == fields - {"method", *SPELLED}


def test_help_of_convert_fits_a_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit, match="0"):
        cli.main(["convert", "--help"])
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "usage: onnx2snn convert MODEL -o FILE [options]"
    assert len(shown) <= 24
    flags = [line.split()[0] for line in shown if line.startswith("  -")]
    needed = ["-o", "--T", "--calibration", "--method", "--report"]
    shared = ["-h,", "--quiet", "--verbose", "--json", "--max-memory"]
    assert flags == [*needed, "--help-all", *shared]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["convert"],
        ["convert", ANN],
        ["convert", ANN, "-o", "x.onnx", "--nonsense"],
        ["convert", ANN, "-o", "x.onnx", "--neuron", "lif"],
        ["convert", ANN, "-o", "x.onnx", "--method", "magic"],
        ["run", "x.onnx", "--data", "x.npz"],
        ["evaluate", "x.onnx"],
        ["run", "x.onnx", "--data", "x.npz", "-o", "y.npz", "--runtime", "gpu"],
    ],
)
def test_a_command_line_without_sense_exits_with_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(words)
    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("usage: onnx2snn")


@pytest.mark.parametrize("command", COMMANDS)
def test_json_prints_one_object_and_nothing_else(
    command: str,
    snn: str,
    data: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    assert cli.main([*arguments(command, snn, data, tmp_path), "--json"]) == 0
    out = capsys.readouterr().out
    assert isinstance(json.loads(out), dict)
    assert not {"NaN", "Infinity"}.intersection(
        out.split()
    )  # Python reads them, JSON has none
    assert out.count("\n") == 1


@pytest.mark.parametrize("command", ["convert", "run", "analyze"])
def test_quiet_prints_nothing_where_the_result_is_a_file(
    command: str,
    snn: str,
    data: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    assert cli.main([*arguments(command, snn, data, tmp_path), "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", "")


def test_quiet_silences_warnings_beside_json(
    chain: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out.onnx")
    assert cli.main(["convert", chain, "-o", out, "--quiet", "--json"]) == 0
    assert not capsys.readouterr().err


def test_json_keeps_warnings_on_standard_error(
    chain: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["convert", chain, "-o", str(tmp_path / "out.onnx"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["calibration_samples"] == 0
    assert "--calibration" in err


def test_json_on_an_error_leaves_standard_output_empty(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["analyze", "missing.onnx", "--json"]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert "missing.onnx" in err


def test_evaluate_json_has_the_documented_fields(
    snn: str, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*arguments("evaluate", snn, data, Path()), "--json"]) == 0
    score = json.loads(capsys.readouterr().out)
    assert set(score) >= {"ann_top1", "top1", "agreement", "samples"}
    assert list(score["top1"]) == list(score["agreement"]) == ["1", "4"]
    assert 0 <= score["top1"]["1"] <= score["top1"]["4"] <= 100


def test_evaluate_prints_a_table(
    snn: str, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", snn, "--data", data, "--T", "1,4"]) == 0
    assert "50 samples" in capsys.readouterr().out


def test_run_writes_the_ann_s_outputs(snn: str, data: str, tmp_path: Path) -> None:
    for number, options in enumerate(
        ([], ["--runtime", "numpy"], ["--batch-size", "7"])
    ):
        out = str(tmp_path / f"{number}.npz")
        assert cli.main(["run", snn, "--data", data, "-o", out, *options]) == 0
        assert dict(np.load(out)).keys() == {"logits"}
        assert np.load(out)["logits"].shape == (50, 10)


@pytest.mark.parametrize("options", [[], ["--batch-size", "7"]])
def test_run_records_neurons(
    options: list[str], snn: str, data: str, tmp_path: Path
) -> None:
    out = str(tmp_path / "out.npz")
    words = ["run", snn, "--data", data, "--record", "spikes, current", *options]
    assert cli.main([*words, "--layers", "/relu_3/Relu", "-o", out]) == 0
    found = dict(np.load(out))
    assert set(found) == {"logits", "/relu_3/Relu.spikes", "/relu_3/Relu.current"}
    spikes = found["/relu_3/Relu.spikes"]
    assert spikes.shape == (4, 50, 64, 2, 2)
    assert set(np.unique(spikes)) <= {-1, 0, 1}
    assert spikes.any()


@pytest.mark.parametrize(
    "words, message",
    [
        (["--record", "volts"], "'volts' cannot be recorded"),
        (["--layers", "/relu_3/Relu"], "say with 'record'"),
        (["--record", "spikes", "--layers", "/relu_9/Relu"], "no layer of neurons"),
    ],
)
def test_what_cannot_be_recorded(
    words: list[str],
    message: str,
    snn: str,
    data: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = Path(snn).with_name("not-recorded.npz")
    assert cli.main(["run", snn, "--data", data, *words, "-o", str(out)]) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_an_ann_has_no_neurons_to_record(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", ANN, "--data", data, "--record", "spikes", "-o", "out.npz"]
    assert cli.main(words) == 1
    assert "is an ANN and has no neurons" in capsys.readouterr().err


def test_convert_writes_reports(tmp_path: Path) -> None:
    reports = [str(tmp_path / name) for name in ("r.json", "r.html")]
    words = [*arguments("convert", "", "", tmp_path), "--quiet"]
    assert cli.main([*words, "--report", reports[0], "--report", reports[1]]) == 0
    assert json.loads(Path(reports[0]).read_text())["T"] == 4
    assert "<!doctype html>" in Path(reports[1]).read_text()


@pytest.mark.parametrize(
    "name, message",
    [("r.pdf", "report: .* must end in .json or .html"), ("no/r.json", "no folder")],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_work(
    name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["convert", "missing.onnx", "-o", str(tmp_path / "snn.onnx")]
    assert cli.main([*words, "--report", str(tmp_path / name)]) == 1
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("coding", ["rate", "events"])
def test_inputs_are_coded(
    coding: str, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "snn.onnx")
    words = ["convert", ANN, "--T", "4", "-o", out, "--input-coding", coding, "--json"]
    assert cli.main(words) == 0
    assert json.loads(capsys.readouterr().out)["analysis"]["macs"]["static"] == 0
    test = np.load(data)
    if coding == "events":  # the same image in every step: what direct coding does
        data = str(tmp_path / "events.npz")
        np.savez(data, image=np.repeat(test["image"][:, None], 4, axis=1), y=test["y"])
    assert cli.main(["evaluate", out, "--data", data, "--ann", ANN, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["agreement"]["4"] > 50
    results = str(tmp_path / "out.npz")
    assert cli.main(["run", out, "--data", data, "-o", results, "--quiet"]) == 0
    assert np.load(results)["logits"].shape == (50, 10)
    analyze = ["analyze", ANN, "--input-coding", coding, "--json"]
    assert cli.main(analyze) == 0
    first = json.loads(capsys.readouterr().out)["nodes"][0]
    assert (first["op"], first["kind"], first["driver"]) == ("Conv", "linear", "spikes")


def test_passes_lists_all_with_their_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["passes", "--json"]) == 0
    found = {
        row["name"]: row["options"]
        for row in json.loads(capsys.readouterr().out)["passes"]
    }
    assert "fold-batch-norm" in found
    assert found["replace-activations"] == {
        "neuron": "gated",
        "v_init": 0.5,
        "spike": "activations",
        "max_spikes": 4,
        "leak": 2.0,
    }


def test_passes_are_listed_in_the_order_in_which_they_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["passes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["passes"]
    always = {row["name"] for row in rows if row["runs"] == "always"}
    sometimes = {row["name"]: row["runs"] for row in rows if row["name"] not in always}
    assert sometimes == {
        "encode-inputs": "with the schedule lockstep",
        "carry-running-means": "with the schedule lockstep or staggered",
        "place-delays": "with the schedule staggered",
        "replace-max-pool": "on request",
        "correct-layers": "with calibration data",
        "quantize-weights": "with weights of int8",
        "fold-thresholds": "with folded thresholds",
        "emit-time-loop": "with the schedule lockstep",
        "emit-layerwise": "with the schedule layerwise",
        "emit-staggered": "with the schedule staggered",
        "emit-multistep": "with the layout multistep",
        "exit-early": "with an early exit",
        "emit-step": "with the layout step",
        "set-time-steps-input": "with another T-input",
        "inline-operators": "with operators inlined",
    }
    names = [row["name"] for row in rows]
    others = set(sometimes).difference(names_with_data())
    assert [name for name in names if name not in others] == names_with_data()
    emitting = names.index("emit-time-loop")
    assert {"emit-layerwise", "emit-staggered"} == {*names[emitting + 1 : emitting + 3]}


def names_with_data() -> list[str]:
    """Return the names of the passes of a conversion with calibration data."""
    specs = input_specs(onnx_ir.load(ANN))
    data = dataset(CALIBRATION, specs)
    return onnx2snn.pipeline(data=data).names()


def test_passes_shows_options_as_a_conversion_has_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["passes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["passes"]
    metadata = next(row for row in rows if row["name"] == "write-metadata")
    assert metadata["options"]["method"] == onnx2snn.Options().describe(None)


class Terminal(io.StringIO):
    """Something that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "stream, options, drawn",
    [(Terminal, [], True), (Terminal, ["--quiet"], False), (io.StringIO, [], False)],
)
def test_progress_is_drawn_on_a_terminal_only(  # noqa: PLR0913 (fixtures)
    stream: Any,
    options: list[str],
    *,
    drawn: bool,
    snn: str,
    data: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    shown = stream()
    monkeypatch.setattr(sys, "stderr", shown)
    words = [
        "run",
        snn,
        "--data",
        data,
        "--batch-size",
        "5",
        "-o",
        str(tmp_path / "y.npz"),
    ]
    assert cli.main([*words, *options]) == 0
    assert ("run" in shown.getvalue()) == drawn


def test_the_result_stays_on_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()  # one screen shows both streams
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", terminal)
    words = ["convert", ANN, "--T", "2", "--calibration", CALIBRATION]
    assert cli.main([*words, "-o", str(tmp_path / "snn.onnx")]) == 0
    _, _, after = terminal.getvalue().partition("wrote")
    assert "\x1b[1A" not in after, "the progress bar erases lines of the result"


def test_an_output_never_takes_the_place_of_an_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ann, data = tmp_path / "ann.onnx", tmp_path / "data.npz"
    ann.write_bytes(Path(ANN).read_bytes())
    data.write_bytes(b"data")
    for arguments in (
        ["convert", str(ann), "-o", str(ann)],
        ["convert", str(ann), "-o", str(data), "--calibration", str(data)],
        [
            "convert",
            str(ann),
            "-o",
            f"{tmp_path}/a.json",
            "--report",
            f"{tmp_path}/a.json",
        ],
        ["run", str(ann), "-o", str(data), "--data", f"{data}:feeds"],
        [
            "tune",
            str(ann),
            "-o",
            f"{tmp_path}/./ann.onnx",
            "--ann",
            "b",
            "--calibration",
            "c",
        ],
    ):
        assert cli.main(arguments) == 1
        shown = capsys.readouterr().err
        assert "is given as well; name another file" in shown
    assert ann.read_bytes() == Path(ANN).read_bytes()
    assert data.read_bytes() == b"data"


def test_no_error_ends_in_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        message = "index 9 is out of range\nand more"
        raise IndexError(message)

    monkeypatch.setattr(onnx2snn, "analyze", fail)
    given = ["analyze", str(DIGITS / "digits.onnx")]
    assert cli.main(given) == 1
    shown = " ".join(capsys.readouterr().err.split())
    assert (
        "error: IndexError: index 9 is out of range this is a fault of onnx2snn"
        in shown
    )
    with pytest.raises(IndexError, match="index 9"):
        cli.main([*given, "--verbose"])
