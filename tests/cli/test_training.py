"""The commands ``train``, ``export`` and ``evaluate``, as far as they decide anything themselves."""

import typing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.cli.training import _command, evaluate
from leanpose.decode import METHODS


def test_evaluate_offers_every_decode_method() -> None:
    offered = typing.get_type_hints(evaluate)["decode"]
    literal = next(kind for kind in typing.get_args(offered) if kind is not type(None))
    assert typing.get_args(literal) == METHODS


def test_the_command_in_a_card_measures_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names what was not left at its default, and no folder of this machine."""
    monkeypatch.setenv("LEANPOSE_DATA", "/my/data/")
    command = _command("small", ["lsp:/my/data/lsp", "pack:/else.npz"], "val", False, "soft", "openvino", "bf16")
    assert command == (
        "leanpose evaluate small --data lsp:$LEANPOSE_DATA/lsp --data pack:/else.npz --part val --engine openvino "
        "--precision bf16 --no-flip-test --decode soft"
    )
    assert _command("m", ["lsp:x"], "test", True, None, "auto", "auto").endswith("--part test --engine auto")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "softgate_lsp", "--set", "optimizer=sgd"], "optimizer='sgd' must be adam or adamw or rmsprop"),
        (["train", "softgate_lsp", "--resume"], "nothing to resume; start without resuming"),
        (["train", "softgate_lsp", "--set", "model=nosuch"], "unknown network 'nosuch'"),
        (["train", "softgate_lsp", "--set", "model_args.widht=16"], "'widht'"),
        (["train", "softgate_lsp", "--set", "input_hw=[100,100]"], "multiple"),
        (["train", "softgate_lsp", "--from", "no.safetensors"], "no.safetensors: not readable as safetensors"),
        (["evaluate", "small", "--save-scores"], "--save-scores: give the .onnx file"),
        (["evaluate", "small", "--decode", "guess"], "'argmax', 'quarter', 'taylor'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, made_pack: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    more = ["--workers", "0", "--accelerator", "cpu"] if words[0] == "train" else []
    more += ["--set", "early_share=0", "--set", "batch_size=4"] if words[0] == "train" else []
    run = [*words, "--data", f"pack:{made_pack}", *more]
    result = CliRunner().invoke(app, run, env={"COLUMNS": "200"})
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert isinstance(result.exception, SystemExit)
