"""Commands in reports name no folder of the machine that ran them, and a shell finds the folders again."""

import subprocess
import sys
from pathlib import Path

import pytest

from leanpose.cli.stored_commands import own_command, portable


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    monkeypatch.setenv("LEANPOSE_DATA", "/home/me/sets/")
    return Path("/home/me")


def test_folders_of_this_machine_become_variables(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "robustness", "a b.onnx", f"--data=lsp:{home}/sets/lsp", f"--out={home}/o"])
    stored = own_command()
    assert stored == "leanpose robustness 'a b.onnx' --data=lsp:$LEANPOSE_DATA/lsp --out=$HOME/o"
    again = subprocess.run(["sh", "-c", f"printf '%s|' {stored}"], capture_output=True, text=True, check=True).stdout
    shown = [word.replace("//", "/") for word in again.split("|")[:-1]]
    assert shown == ["leanpose", *sys.argv[1:]]


def test_datasets_are_relative_to_the_data_folder_where_it_is_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    specs = [f"lsp:{home}/sets/lsp", f"pack:{home}/p,corrections={home}/sets/c.json", "coco:/other"]
    assert portable(specs) == [
        "lsp:$LEANPOSE_DATA/lsp",
        "pack:$HOME/p,corrections=$LEANPOSE_DATA/c.json",
        "coco:/other",
    ]
    monkeypatch.delenv("LEANPOSE_DATA")
    assert portable(specs)[0] == "lsp:$HOME/sets/lsp"
