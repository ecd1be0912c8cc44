"""A whole inspection: every kind of fault, planted once, is found once, and nothing else is."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.inspection import KINDS, inspect_data, inspect_samples
from leanpose.datasets.readers import READERS, Part, Sample
from leanpose.pose.skeleton import COCO17, LSP14, Skeleton

ELSEWHERE = {"left_out", "flip_pair", "unlabelled", "metadata"}  # kinds about no person
SKELETON = replace(LSP14, sigmas=(0.08,) * 14)


@pytest.fixture(scope="module")
def planted(
    crowd: list[Sample], person: Callable[..., Sample], picture: Callable[..., np.ndarray], tmp_path_factory
) -> tuple[dict[Part, list[Sample]], dict[str, set[tuple[str, ...]]]]:
    """People in files, and the names that each kind of finding has to be about."""
    folder: Path = tmp_path_factory.mktemp("planted")

    def save(name: str, pixels: np.ndarray) -> Path:
        cv2.imwrite(str(folder / name), pixels)
        return folder / name

    def named(name: str, seed: int, **fields: Any) -> Sample:
        return person(seed, **({"image": save(f"{name}.png", picture(seed)), "name": name} | fields))

    def moved(seed: int, joints: list[int], to: Any) -> np.ndarray:
        points = person(seed).keypoints.copy()
        points[joints] = to
        return points

    train = [named(f"fine{i}", i) for i in range(40)]
    test = [named(f"fine{i}", i) for i in range(40, 60)]
    (folder / "cut.jpg").write_bytes(cv2.imencode(".jpg", picture(100))[1].tobytes()[:900])
    low, elbow = LSP14.index("left_wrist"), LSP14.index("left_elbow")
    whole = np.array([0.0, 0, 199, 259])
    order = np.arange(14)
    for joint in ("shoulder", "elbow", "wrist"):
        left, right = LSP14.index(f"left_{joint}"), LSP14.index(f"right_{joint}")
        order[[left, right]] = right, left
    train += [
        person(100, name="cut", image=folder / "cut.jpg"),
        person(100, name="gone", image=folder / "gone.jpg"),
        named("copy", 0),
        named("near", 1, image=save("near.jpg", picture(1)[3:-3, 3:-3])),
        named("off", 101, keypoints=person(101).keypoints - 500, box=person(101).box - 500),
        named("outside", 102, keypoints=moved(102, [low], (205, 120)), box=np.array([0.0, 0, 205, 259])),
        named("unboxed", 103, box=np.array([50.0, 25, 150, 150])),
        named("turned", 104, keypoints=person(104).keypoints[order]),
        named("stretched", 105, keypoints=moved(105, [elbow, low], [(5, 5), (195, 255)]), box=whole),
        named("heap", 106, keypoints=moved(106, [0, 1, 2], (90.0, 185)), labelled=np.arange(14) < 3, box=whole),
        named("tiny", 107, keypoints=person(107).keypoints / 15, box=person(107).box / 15),
        named("flat", 108, image=save("low.png", picture(108, 300, 30)), labelled=np.zeros(14, bool)),
        named("twins", 109),
    ]
    train.append(replace(train[-1], name="twins#2"))
    test += [
        named("leak", 2),
        named("scene", 3, image=save("scene.jpg", picture(3)[3:-3, 3:-3])),
        replace(train[4], name="shared"),
    ]
    samples: dict[Part, list[Sample]] = {
        part: [replace(s, skeleton=SKELETON) for s in members] for part, members in (("train", train), ("test", test))
    }
    expected = {
        "broken_image": {("cut",), ("gone",)},
        "leak": {("fine2", "leak"), ("fine4",)},
        "copy": {("fine0", "copy")},
        "near_copy": {("fine1", "near")},
        "scene_leak": {("fine3", "scene")},
        "off_image": {("off",)},
        "outside_image": {("outside",)},
        "outside_box": {("unboxed",)},
        "sides": {("turned",)},
        "long_limb": {("stretched",)},
        "same_spot": {("heap",)},
        "tiny": {("tiny",)},
        "odd_image": {("flat",)},
        "twin": {("twins", "twins#2")},
    }  # fmt: skip
    assert expected.keys() == KINDS.keys() - ELSEWHERE
    return samples, expected


def test_every_planted_fault_is_found_and_nothing_else(planted) -> None:
    samples, expected = planted
    inspection = inspect_samples(samples)
    found: dict[str, set[tuple[str, ...]]] = {}
    for finding in inspection.findings:
        found.setdefault(finding.kind, set()).add(finding.names)
    assert found == expected
    assert len(inspection.findings) == sum(map(len, expected.values()))
    assert inspection.errors == 5


def test_faultless_people_give_no_findings(crowd: list[Sample]) -> None:
    people: dict[Part, list[Sample]] = {"train": [replace(s, skeleton=SKELETON) for s in crowd]}
    inspection = inspect_samples(people)
    assert inspection.findings == []
    assert inspection.errors == 0


def test_its_json_is_plain_and_complete(planted) -> None:
    inspection = inspect_samples(planted[0], ["annotation 3: no image"])
    data = json.loads(json.dumps(inspection.to_dict(), allow_nan=False))
    assert data["schema"] == "leanpose.datasets.inspection/1"
    assert len(data["findings"]) == len(inspection.findings)
    assert sum(data["grades"].values()) == len(data["findings"])
    assert data["grades"]["error"] == inspection.errors == 6
    assert {f["kind"] for f in data["findings"]} <= data["kinds"].keys()
    assert data["findings"][0]["message"] == "annotation 3: no image"


def test_what_the_labels_do_not_say_is_noted(crowd: list[Sample]) -> None:
    joints = (*LSP14.joints[:13], "tail")
    bare = Skeleton("bare", joints, flippable=False)
    labelled = np.arange(14) < 13
    found = inspect_samples(
        {"train": [replace(s, skeleton=bare, labelled=labelled, area=None) for s in crowd]}
    ).findings
    assert [(f.kind, f.names) for f in found if f.kind == "unlabelled"] == [("unlabelled", ("tail",))]
    notes = " ".join(f.message for f in found if f.kind == "metadata")
    assert "mirror" in notes
    assert "sigmas" in notes
    assert "area of 60 of 60" in notes


def test_images_that_are_not_opened_are_said(planted) -> None:
    inspection = inspect_samples(planted[0], images=10)
    assert inspection.statistics["images_read"] == 10
    assert inspect_samples(planted[0], images=0).statistics["images_read"] == 0


def test_all_parts_are_read_and_repeated_problems_told_once(
    crowd: list[Sample], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def read(path: Path, part: Part, problems: list[str] | None = None) -> list[Sample]:
        assert problems is not None
        problems.append("file: annotation 7: no image")
        if part == "val":
            raise DatasetError("no val.json")
        return crowd[:20] if part == "train" else crowd[20:]

    monkeypatch.setitem(READERS, "made", read)
    inspection = inspect_data([f"made:{tmp_path}"])
    assert [(row["part"], row["people"]) for row in inspection.statistics["counts"]] == [("train", 20), ("test", 40)]
    left_out = [f.message for f in inspection.findings if f.kind == "left_out"]
    assert sorted(left_out) == ["file: annotation 7: no image", "no val.json"]
    only = inspect_data([f"made:{tmp_path}"], "train", images=0)
    assert only.statistics["people"] == 20


def test_unreadable_data_and_nobody_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def read(path: Path, part: Part, problems: list[str] | None = None) -> list[Sample]:
        if part != "val":
            raise DatasetError(f"no {part}.json")
        return []

    monkeypatch.setitem(READERS, "made", read)
    with pytest.raises(DatasetError, match=r"no train\.json"):
        inspect_data([f"made:{tmp_path}"])
    with pytest.raises(DatasetError, match="nobody"):
        inspect_data([f"made:{tmp_path}"], "val")


def test_another_skeleton_can_be_asked_for(
    crowd: list[Sample], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(READERS, "made", lambda path, part, problems=None: crowd if part == "train" else [])
    inspection = inspect_data([f"made:{tmp_path}"], skeleton=COCO17, images=0)
    assert inspection.people.skeleton == COCO17
    assert {f.names[0] for f in inspection.findings if f.kind == "unlabelled"} == set(COCO17.joints) - set(LSP14.joints)
