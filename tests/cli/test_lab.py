"""Commands of a checkout: there they are found, and elsewhere it is said where they are to be had."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from leanpose.cli import lab
from leanpose.core.errors import CheckoutError


@pytest.mark.parametrize("name", lab.COMMANDS)
def test_outside_a_checkout_the_commands_say_where_they_are(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab, "CHECKOUT", tmp_path)
    app = typer.Typer()
    lab.add_lab_commands(app)
    for words in ([name], [name, "lpn_speed", "--data", "lsp:here", "--out", "there"]):
        error = CliRunner().invoke(app, words).exception
        assert isinstance(error, CheckoutError)
        assert f"'leanpose {name}' needs a checkout" in str(error)


def test_in_a_checkout_they_are_there() -> None:
    app = typer.Typer()
    lab.add_lab_commands(app)
    result = CliRunner().invoke(app, ["reproduce"])
    assert result.exit_code == 0
    assert "softgate_table2" in result.output
