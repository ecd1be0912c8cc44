"""The package as a newcomer meets it: names for completion, and three ways to ask for help."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

import leanpose
from leanpose.cli import app


def test_public_names_are_there_before_they_are_used():
    code = "import leanpose; print(*dir(leanpose))"
    names = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(leanpose.__all__) <= set(names)


def test_the_package_is_the_command():
    done = subprocess.run([sys.executable, "-m", "leanpose", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == leanpose.__version__


@pytest.mark.parametrize("command", [[], ["predict"], ["data"], ["data", "inspect"], ["models"], ["finetune"]])
def test_h_is_help(command):
    short, long = (CliRunner().invoke(app, [*command, option]) for option in ("-h", "--help"))
    assert short.exit_code == long.exit_code == 0
    assert short.stdout == long.stdout
