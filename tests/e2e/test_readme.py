"""README's first command, as far as it does not install: what a new user sees."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from leanpose.engines import zoo
from leanpose.engines.card import ModelCard

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
    assert command.endswith("&& pytest -n 2")
    assert "constraints.txt" in command


def test_figures_are_those_of_the_cards() -> None:
    """What README's table says of the packaged models is what their cards hold, and the cards name its command."""
    readme = (ROOT / "README.md").read_text()
    for name in zoo.list_models():
        card = ModelCard.load(zoo.FOLDER / f"{name}.json")
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{name}` |"))
        cells = [cell.strip(" *") for cell in row.split("|")]
        lsp = [score for score in card.scores if ", lsp test" in score.metric]
        assert len(lsp) == 4
        for score in lsp:
            assert f"{score.value:.1f}" in cells, (name, score)
            assert score.command.replace(f" {name} ", " MODEL ") in readme
        assert f"{card.params / 1e6:.2f}" in cells
        assert f"{card.macs / 1e9:.2f}" in cells
