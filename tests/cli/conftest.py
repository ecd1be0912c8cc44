"""What several commands are tested with."""

import pytest
from typer.testing import CliRunner

from leanpose.cli import app

from ..videos import FindDots


@pytest.fixture
def run(tmp_path, dot_model, monkeypatch):
    """Runs the command with a model and a detector of dots; sources are relative to the folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(FindDots, "describe", lambda self: "detector dots", raising=False)
    monkeypatch.setattr("leanpose.estimate.detector.PersonDetector", lambda *arguments, **options: FindDots())
    model = str(dot_model())

    def call(*arguments):
        defaults = ["--model", model, "--engine", "onnxruntime", "--threads", "1", "--out", "out"]
        return CliRunner().invoke(app, ["predict", *map(str, arguments), *defaults])

    return call
