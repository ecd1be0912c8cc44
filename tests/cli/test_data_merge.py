"""``leanpose data merge`` from labels and words on disk to people that a training reads."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat
from typer.testing import CliRunner, Result

from leanpose.cli import app
from leanpose.datasets.readers import read_samples
from leanpose.datasets.readers.corrections import read_corrections
from leanpose.pose.skeleton import BODY19, COCO17, LSP14

from ..datasets.merging.conftest import TRUTH

SPOILED = 1  # the person whose left wrist is labelled elsewhere


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    """Three people of LSP-extended: one as they are, one with a wrong label, one labelled from behind."""
    joints = np.ones((14, 3, 3))
    for i in range(3):
        at = np.array([TRUTH[joint] for joint in LSP14.joints])
        if i == SPOILED:
            at[LSP14.index("left_wrist")] += (200, 0)
        joints[:, :2, i] = (at[LSP14.flip_permutation] if i == 2 else at) + 1  # MATLAB's first pixel is 1
    (tmp_path / "lspet" / "images").mkdir(parents=True)
    savemat(tmp_path / "lspet" / "joints.mat", {"joints": joints})
    for i in range(3):
        cv2.imwrite(str(tmp_path / "lspet" / "images" / f"im{i + 1:05d}.jpg"), np.full((600, 700, 3), 80, np.uint8))
    return f"lspet:{tmp_path / 'lspet'}"


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Two teachers who see everybody as they are: one in COCO's format, one as arrays."""
    at = np.array([TRUTH[joint] for joint in COCO17.joints], dtype=float)
    keypoints = [v for x, y in at.tolist() for v in (x, y, 2)]
    document = {
        "images": [{"id": i, "file_name": f"im{i + 1:05d}.jpg", "width": 700, "height": 600} for i in range(3)],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "bbox": [160, 110, 281, 391], "keypoints": keypoints,
             "confidences": [0.8] * 17}
            for i in range(3)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}],
    }  # fmt: skip
    (tmp_path / "one.json").write_text(json.dumps(document))
    np.savez(
        tmp_path / "two.npz", name=[f"lspet/im{i + 1:05d}.jpg" for i in range(3)], joints=COCO17.joints,
        keypoints=np.tile(at, (3, 1, 1)), confidence=np.full((3, 17), 0.6),
    )  # fmt: skip
    return ["--word", str(tmp_path / "one.json"), "--word", str(tmp_path / "two.npz")]


@pytest.fixture
def run() -> Callable[..., Result]:
    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["data", "merge", *arguments], env={"COLUMNS": "160"})

    return call


def test_labels_are_merged_and_a_training_reads_them(
    tmp_path: Path, dataset: str, words: list[str], run: Callable[..., Result]
) -> None:
    out, page = tmp_path / "out.json", tmp_path / "page.html"
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    result = run("--data", dataset, *words, "--out", str(out), "--report", str(page))
    assert result.exit_code == 0, result.output
    assert f"{out}: 28 joints of 3 of 3 people are corrected" in result.output  # 15 of faces, a wrist, 12 exchanged
    assert f"--data KIND:PATH,corrections={out} --skeleton body19" in result.output
    assert "label moved to the mean with one and two" in result.output
    assert {file: file.read_bytes() for file in before} == before
    people = read_samples([f"{dataset},corrections={out}"], "train", BODY19)
    truth = np.array([TRUTH[joint] for joint in BODY19.joints])
    for person in people:
        assert person.labelled.all()
        assert np.abs(person.keypoints - truth).max() <= 0.05
    assert people[0].weights.round(2).tolist() == [0.7] * 5 + [1.0] * 14
    made = read_corrections(out).made
    assert made["words"] == ["one", "two"]
    assert made["rules"]["near"] == 0.2
    assert made["sides_exchanged"] == 1
    assert str(tmp_path) not in out.read_text()
    text = page.read_text()
    assert text.count("<img") > 8
    assert "overruled: left_wrist" in text


def test_every_threshold_counts(tmp_path: Path, dataset: str, words: list[str], run: Callable[..., Result]) -> None:
    def corrected(*options: str) -> dict[str, int]:
        out = tmp_path / "out.json"
        result = run("--data", dataset, *words, "--out", str(out), *options)
        assert result.exit_code == 0, result.output
        found = [c.action for _, person in read_corrections(out).people.values() for c in person]
        return {action: found.count(action) for action in sorted(set(found))}

    usual = {"add": 15, "overrule": 1, "swap": 12}
    assert corrected() == usual
    assert corrected("--near", "2") == {"add": 15, "move": 1, "swap": 12}
    assert corrected("--add-face", "0.81", "0.6") == {"overrule": 1, "swap": 12}
    assert corrected("--add-face", "0.8", "0.61") == {"overrule": 1, "swap": 12}
    assert corrected("--sure", "0.81", "0.1") == {}
    assert corrected("--fewest", "13") == {}
    assert corrected("--fewest-labels", "13") == {}
    assert corrected("--swap-share", "1") == {"add": 10, "overrule": 1}  # the third person is somebody else then
    assert corrected("--other", "0", "--other-share", "0.05") == {"add": 10, "swap": 12}
    assert corrected("--person", "1") == usual
    assert corrected("--agree-face", "0", "--agree", "0", "--reach", "0") == usual  # they say the same, inside


def test_trusted_labels_stay(tmp_path: Path, dataset: str, words: list[str], run: Callable[..., Result]) -> None:
    out = tmp_path / "out.json"
    result = run("--trusted", dataset, *words, "--out", str(out))
    assert result.exit_code == 0, result.output
    actions = {c.action for _, person in read_corrections(out).people.values() for c in person}
    assert actions == {"add"}


def test_what_cannot_be_merged_is_said(
    tmp_path: Path, dataset: str, words: list[str], run: Callable[..., Result]
) -> None:
    for arguments, message in (
        (words, "nothing to merge: name people with --data"),
        (["--data", dataset], "Missing option '--word'"),
        (["--data", dataset, *words, *words[:2]], "3 words: the rules are for one or two teachers"),
        (["--data", dataset, "--word", str(tmp_path / "none.json")], "none.json: cannot be read"),
        (["--data", "lspet:nowhere", *words], "nowhere does not exist"),
    ):
        result = run(*arguments, "--out", str(tmp_path / "out.json"))
        assert result.exit_code == 2, result.output
        assert message in result.output.replace("\n", " ")
        assert not (tmp_path / "out.json").exists()
