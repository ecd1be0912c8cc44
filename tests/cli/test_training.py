"""The commands ``train`` and ``export``, as far as they decide anything themselves."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from leanpose.cli import app


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "softgate_lsp", "--set", "optimizer=sgd"], "optimizer='sgd' must be adam or adamw or rmsprop"),
        (["train", "softgate_lsp", "--resume"], "nothing to resume; start without resuming"),
        (["train", "softgate_lsp", "--set", "model=nosuch"], "unknown network 'nosuch'"),
        (["train", "softgate_lsp", "--set", "model_args.widht=16"], "'widht'"),
        (["train", "softgate_lsp", "--set", "input_hw=[100,100]"], "multiple"),
        (["train", "softgate_lsp", "--from", "no.safetensors"], "no.safetensors: not readable as safetensors"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, made_pack: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    more = ["--workers", "0", "--accelerator", "cpu", "--set", "early_share=0", "--set", "batch_size=4"]
    run = [*words, "--data", f"pack:{made_pack}", *more]
    result = CliRunner().invoke(app, run, env={"COLUMNS": "200"})
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert isinstance(result.exception, SystemExit)
