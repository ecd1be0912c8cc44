"""The learning curve over hours: from logs written here with times that are known."""

import json
from pathlib import Path

import cv2
import pytest
from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.core.errors import TrainingError
from leanpose.training.curve import learning_curve

HOUR = 3600.0


def _log(folder: Path, began: float, validations: list[tuple[int, float, float]]) -> None:
    """A start at an hour, with (step, hour, PCK) of its validations; the file's name says nothing of the order."""
    writer = EventFileWriter(str(folder / "tensorboard"), filename_suffix=f".{9 - len(validations)}")
    writer.add_event(Event(wall_time=began * HOUR, step=0, summary=_scalar("lr", 1e-3)))
    for step, hour, value in validations:
        writer.add_event(Event(wall_time=hour * HOUR, step=step, summary=_scalar("val_pck", value)))
    writer.close()
    # the writer stamps the file's first record with the present: what the trainer does too
    events = next((folder / "tensorboard").glob(f"*.{9 - len(validations)}"))
    content = events.read_bytes()
    length = int.from_bytes(content[:8], "little")
    events.write_bytes(content[8 + 4 + length + 4 :])


def _scalar(tag: str, value: float) -> Summary:
    return Summary(value=[Summary.Value(tag=tag, simple_value=value)])


def test_hours_leave_out_the_time_between_starts_and_what_was_repeated(tmp_path: Path) -> None:
    _log(tmp_path, 100, [(10, 101, 5.0), (20, 102, 9.0), (30, 103, 12.0)])
    _log(tmp_path, 200, [(30, 200.5, 13.0), (40, 201, 15.0)])  # went on from step 20: 30 is done again
    found = [(v.hours, v.step, v.val_pck) for v in learning_curve([tmp_path])]
    assert found == [
        (pytest.approx(hours), step, value)
        for hours, step, value in ((1, 10, 5.0), (2, 20, 9.0), (2.5, 30, 13.0), (3, 40, 15.0))
    ]


def test_phases_follow_one_another(tmp_path: Path) -> None:
    _log(tmp_path / "a", 7, [(10, 8, 5.0)])
    _log(tmp_path / "b", 1, [(4, 1.25, 8.0)])  # begun on another machine, whose clock is behind
    found = learning_curve([tmp_path / "a", tmp_path / "b"])
    assert [(v.hours, v.step) for v in found] == [(pytest.approx(1), 10), (pytest.approx(1.25), 14)]


def test_the_command_draws_and_keeps_the_points(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        _log(tmp_path / name, 0, [(10, 1, 50.0), (20, 2, 60.0)])
    out = tmp_path / "curve.png"
    words = ["curve", f"both={tmp_path / 'a'},{tmp_path / 'b'}", str(tmp_path / "c"), "--out", str(out)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "both: 4 validations in 4.00 hours, best 60.0" in result.output
    picture = cv2.imread(str(out))
    assert picture is not None
    assert picture.std() > 5
    points = json.loads(out.with_suffix(".json").read_text())
    assert points["both"][-1] == {"hours": pytest.approx(4), "step": 40, "val_pck": 60.0}
    assert len(points["c"]) == 2


def test_what_is_no_training_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"tensorboard has no log"):
        learning_curve([tmp_path])
    _log(tmp_path, 0, [])
    with pytest.raises(TrainingError, match=r"no val_pck"):
        learning_curve([tmp_path])
    result = CliRunner().invoke(app, ["curve", f"a={tmp_path}", f"a={tmp_path}"])
    assert result.exit_code == 2
    assert "'a' is given twice" in result.output


def test_only_pictures_are_drawn_to(tmp_path: Path) -> None:
    """The points would take the picture's place in a .json."""
    _log(tmp_path, 0, [(10, 1, 50.0)])
    result = CliRunner().invoke(app, ["curve", f"a={tmp_path}", "--out", str(tmp_path / "points.json")])
    assert result.exit_code == 2
    assert "points.json: the picture is a .png" in result.output
    assert not (tmp_path / "points.json").exists()
