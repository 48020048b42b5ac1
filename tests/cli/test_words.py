"""Words of the command line: wrong ones, abbreviated ones, and those a shell completes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from onnx2snn import cli
from onnx2snn.cli.values import names_in, parse_several_time_steps
from onnx2snn.errors import OptionError

ROOT = Path(__file__).parents[2]
MODULES = [command.__name__.split(".")[-1] for command in cli._COMMANDS]
COMMANDS = [name.replace("_", "-") for name in MODULES]


def complaint(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a command line that makes no sense is answered."""
    with pytest.raises(SystemExit) as exit_:
        cli.main(words.split())
    assert exit_.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    "words, near",
    [
        ("convert a.onnx -o b.onnx --t 4", "no option --t; did you mean --T?"),
        (
            "convert a.onnx -o b.onnx --thresh max",
            "--thresh; did you mean --threshold?",
        ),
        (
            "convert a.onnx --outptu b.onnx",
            "no option --outptu; did you mean --output?",
        ),
        (
            "convert a.onnx -o b.onnx --collaps",
            "no option --collaps; did you mean --coll",
        ),
        (
            "convert a.onnx -o b.onnx --calib=c.npz",
            "--calib; did you mean --calibration?",
        ),
        ("evaluate a.onnx --dat c.npz", "no option --dat; did you mean --data?"),
        ("run a.onnx --data c.npz --out d", "no option --out; did you mean --output?"),
        ("analyze a.onnx --stric", "no option --stric; did you mean --strict?"),
        ("tune a.onnx --learning_rate 1", "_rate; did you mean --learning-rate?"),
        ("methods --jsn", "no option --jsn; did you mean --json?"),
        ("passes --weather", "no option --weather"),
    ],
)
def test_a_wrong_option_is_told_with_the_nearest(
    words: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = words.split(maxsplit=1)[0]
    assert complaint(words, capsys).startswith(f"onnx2snn {command}: error: no option")
    assert near in complaint(words, capsys)


@pytest.mark.parametrize(
    "words, near",
    [
        ("--versoin", "onnx2snn: error: no option --versoin; did you mean --version?"),
        ("convrt a.onnx -o b.onnx", "invalid choice: 'convrt'; did you mean convert?"),
        ("convert a.onnx -o b.onnx --neuron gate", "'gate'; did you mean gated?"),
        ("convert a.onnx -o b.onnx --method rmpp", "'rmpp'; did you mean rmp?"),
        ("convert a.onnx -o b.onnx --schedule layer", "did you mean layerwise?"),
        ("convert a.onnx -o b.onnx --threshold MSE", "'MSE'; did you mean mse?"),
        ("run a.onnx --data c.npz -o d --runtime numpi", "did you mean numpy?"),
        ("convert a.onnx -o b.onnx --spike none", "(choose from "),
    ],
)
def test_a_wrong_choice_is_told_with_the_nearest(
    words: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert near in complaint(words, capsys)


def test_a_value_may_begin_with_dashes_behind_two(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["analyze", "--", "--weather.onnx"]) == 1
    assert "'--weather.onnx': no such file" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_the_options_of_all(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main([command, "--help"])
    shown = capsys.readouterr().out
    for option in ("--quiet", "--verbose", "--json", "--max-memory", "--help"):
        assert f"  {option} " in shown or f", {option} " in shown


@pytest.mark.parametrize(
    "text, numbers",
    [
        ("8", [8]),
        ("1-4", [1, 2, 3, 4]),
        ("1,2,4-6", [1, 2, 4, 5, 6]),
        (" 4 - 5 , 9", [4, 5, 9]),
        ("3-3", [3]),
    ],
)
def test_several_numbers_of_steps(text: str, numbers: list[int]) -> None:
    assert parse_several_time_steps(text) == numbers


@pytest.mark.parametrize(
    "text, message",
    [
        ("5-2", "the range 5-2 is empty: the smaller number comes first"),
        ("1,,2", "T must be a whole number of at least 1, not ''"),
        ("4-", "not '4-'"),
        ("-4", "at least 1, not -4"),
        ("0-4", "at least 1, not 0"),
        ("1-4-8", "not '1-4-8'"),
        ("1-99999", "T must be at most 65536, not 99999"),
        ("four", "not 'four'"),
    ],
)
def test_what_are_no_numbers_of_steps(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_several_time_steps(text)


@pytest.mark.parametrize(
    "text, names",
    [
        ("relu", ("relu",)),
        ("relu, conv", ("relu", "conv")),
        ('"a,b",conv', ("a,b", "conv")),
        ('"a, ""b"""', ('a, "b"',)),
        ("/block.0/Relu", ("/block.0/Relu",)),
    ],
)
def test_names_in_a_text(text: str, names: tuple[str, ...]) -> None:
    assert names_in(text) == names


def test_a_node_with_a_comma_in_its_name_is_excluded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = (
        '<ir_version: 8, opset_import: ["" : 17]> g (float[N,2] x) => (float[N,2] y) '
        "<float[2,2] w = {1.0, -0.5, 0.25, 0.5}> "
        "{ h = MatMul (x, w)  a = Relu (h)  k = MatMul (a, w)  y = Relu (k) }"
    )
    ann = onnx.parser.parse_model(graph)
    ann.graph.node[1].name = "relu, first"
    onnx.save(ann, tmp_path / "ann.onnx")
    words = ["analyze", str(tmp_path / "ann.onnx"), "--json", "--nodes-to-exclude"]
    assert cli.main([*words, '"relu, first"']) == 0
    nodes = json.loads(capsys.readouterr().out)["nodes"]
    kinds = {node["node"]: node["kind"] for node in nodes}
    assert kinds["relu, first"] == "static"  # nothing before it is a spike
    assert cli.main([*words, "relu, first"]) == 1
    assert "no node 'relu'; did you mean 'relu, first'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line, words",
    [
        ("onnx2snn ev", ["evaluate"]),
        ("onnx2snn convert a.onnx --cal", ["--calibration"]),
        ("onnx2snn convert a.onnx --neuron ha", ["hard-reset"]),
        ("onnx2snn convert a.onnx --method spike-", ["spike-norm"]),
        ("onnx2snn run a.onnx --runtime nu", ["numpy"]),
    ],
)
def test_a_shell_completes_words(line: str, words: list[str], tmp_path: Path) -> None:
    """A shell with argcomplete's functions asks the program itself, in these variables."""
    pytest.importorskip("argcomplete")
    answer = tmp_path / "words"
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    done = subprocess.run(
        [sys.executable, "-m", "onnx2snn"],
        capture_output=True,
        check=False,
        env=os.environ | asked | {"PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert sorted(word.strip() for word in answer.read_text().splitlines()) == words
