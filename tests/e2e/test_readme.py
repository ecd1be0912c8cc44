"""README's first command, as far as it does not install: what a new user sees."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).parents[2]


def readme_command(name: str) -> str:
    """The shell block under a ``<!-- command: NAME -->`` marker."""
    found = re.search(rf"<!-- command: {name} -->\n```sh\n(.*?)\n```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found, f"README.md has no command '{name}'"
    return found.group(1)


def test_predict_command_finds_the_man_in_the_photo(tmp_path: Path) -> None:
    prediction = readme_command("predict").split("&&")[-1].strip()
    words = shlex.split(prediction)
    assert words[:2] == ["leanpose", "predict"]
    words[2] = str(ROOT / words[2])
    run = subprocess.run(
        [sys.executable, "-c", "from leanpose.cli import main; main()", *words[1:]],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    document = json.loads((tmp_path / "leanpose-out/poses.json").read_text())
    (person,) = document["images"][0]["people"]
    joints = dict(zip(document["skeleton"]["joints"], person["keypoints"], strict=True))
    # read off the photo by eye: he leans forward in profile and shows his right side
    by_eye = {"head_top": (225, 75), "neck": (175, 175), "right_shoulder": (110, 160)}
    for joint, place in by_eye.items():
        assert np.hypot(joints[joint][0] - place[0], joints[joint][1] - place[1]) < 50, (joint, joints[joint])
    photo, drawn = cv2.imread(words[2]), cv2.imread(str(tmp_path / "leanpose-out/cameraman_poses.png"))
    assert drawn.shape == photo.shape
    assert (drawn != photo).any(axis=2).mean() > 0.005


def test_test_command_runs_pytest() -> None:
    command = readme_command("test")
    assert command.endswith("python -m pytest -q")
    assert "constraints.txt" in command


def test_figures_are_those_of_the_card() -> None:
    """What README says of the packaged model is what its card holds, and the card names the command."""
    card = json.loads((ROOT / "src/leanpose/zoo/small.json").read_text())
    readme = (ROOT / "README.md").read_text()
    figures = [float(number) for number in re.findall(r"\b\d\d\.\d\b", readme)]
    for score in card["scores"]:
        assert min(abs(figure - score["value"]) for figure in figures) <= 0.051, score  # one decimal of two
    assert card["scores"][0]["command"] in readme
