"""Scenes: hand-written files, and the counts of the real ones."""

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers.sample import Sample
from leanpose.datasets.readers.scenes import read_scenes, scenes_of
from leanpose.pose.skeleton import LSP14


def _write(folder: Path, images: list[dict], annotations: list[dict]) -> Path:
    (folder / "images").mkdir()
    for image in images:
        cv2.imwrite(str(folder / "images" / image["file_name"]), np.zeros((40, 60, 3), np.uint8))
        image.update(width=60, height=40)
    file = folder / "boxes.json"
    document = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
    }
    file.write_text(json.dumps(document))
    return file


def _all(spec: str, problems: list[str] | None = None) -> list:
    return [scene for part in ("train", "val", "test") for scene in read_scenes([spec], part, problems)]  # type: ignore[arg-type]


def test_boxes_are_clipped_people_and_crowds_apart(tmp_path: Path) -> None:
    annotations = [
        {"id": 1, "image_id": 7, "category_id": 1, "bbox": [10, 5, 20, 30]},
        {"id": 2, "image_id": 7, "category_id": 1, "bbox": [50, 30, 40, 40]},
        {"id": 3, "image_id": 7, "category_id": 1, "bbox": [0, 0, 5, 5], "iscrowd": 1},
        {"id": 4, "image_id": 7, "category_id": 2, "bbox": [0, 0, 9, 9]},
        {"id": 5, "image_id": 7, "category_id": 1, "bbox": [70, 0, 9, 9]},
        {"id": 6, "image_id": 9, "category_id": 1, "bbox": [0, 0, 9, 9]},
        {"id": 7, "image_id": 7, "category_id": 1, "bbox": [0, 0, "wide", 9]},
    ]
    file = _write(tmp_path, [{"id": 7, "file_name": "a.png"}], annotations)
    problems: list[str] = []
    (scene,) = (scene for part in ("train", "val", "test") for scene in read_scenes([f"boxes:{file}"], part))  # type: ignore[arg-type]
    read_scenes([f"boxes:{file}"], "train", problems)
    assert scene.boxes.tolist() == [[9.5, 4.5, 29.5, 34.5], [49.5, 29.5, 59.5, 39.5]]
    assert scene.ignored.tolist() == [[-0.5, -0.5, 4.5, 4.5]]
    assert scene.exhaustive
    assert len(problems) == 3
    assert not next(iter(_all(f"boxes:{file},exhaustive=no"))).exhaustive
    with pytest.raises(DatasetError, match="yes or no"):
        _all(f"boxes:{file},exhaustive=perhaps")


@pytest.mark.parametrize(
    ("options", "people", "ignored"),
    [
        ("", [0, 1, 5], [2, 3, 6]),
        (",positive=0.5", [0, 5], [1, 2, 3, 6]),
        (",positive=0.1,doubtful=0.05", [0, 1, 2, 3, 4, 5], [6]),
    ],
)
def test_boxes_of_a_detector_are_people_doubtful_or_nothing_by_their_score(
    tmp_path: Path, options: str, people: list[int], ignored: list[int]
) -> None:
    scores = [0.9, 0.35, 0.34, 0.2, 0.19, None, 0.9, "high"]  # None: somebody's own label; the seventh is a crowd
    annotations = [
        {"id": k, "image_id": 7, "category_id": 1, "bbox": [k, 0, 5, 5], "iscrowd": int(k == 6)}
        | ({} if score is None else {"score": score})
        for k, score in enumerate(scores)
    ]
    file = _write(tmp_path, [{"id": 7, "file_name": "a.png"}], annotations)
    problems: list[str] = []
    (scene,) = read_scenes([f"boxes:{file},whole=train{options}"], "train", problems)
    assert [box[0] + 0.5 for box in scene.boxes] == people
    assert [box[0] + 0.5 for box in scene.ignored] == ignored
    assert len(problems) == 1
    assert "annotation 7" in problems[0]
    assert "high" in problems[0]


def test_a_file_may_be_one_part_whole(tmp_path: Path) -> None:
    file = _write(tmp_path, [{"id": k, "file_name": f"{k}.png"} for k in range(30)], [])
    assert len(read_scenes([f"boxes:{file},whole=val"], "val")) == 30
    assert not read_scenes([f"boxes:{file},whole=val"], "train")
    for wrong in ("part=all", "positive=1.5", "doubtful=low"):
        with pytest.raises(DatasetError, match=wrong):
            read_scenes([f"boxes:{file},{wrong}"], "train")


def test_groups_are_never_divided_and_fill_test_and_val(tmp_path: Path) -> None:
    sizes = {"a": 50, "b": 9, "c": 8, "d": 7, "e": 6, "f": 5, "g": 4, "h": 3, "i": 2, "j": 6}
    images = [
        {"id": f"{group}{k}", "file_name": f"{group}{k}.png", "group": group}
        for group, n in sizes.items()
        for k in range(n)
    ]
    file = _write(tmp_path, images, [])
    parts = {part: read_scenes([f"boxes:{file}"], part) for part in ("train", "val", "test")}  # type: ignore[arg-type]
    groups = {part: Counter(str(scene.image_id)[0] for scene in scenes) for part, scenes in parts.items()}
    assert sum(map(len, parts.values())) == 100
    assert not set(groups["train"]) & set(groups["test"]) | set(groups["train"]) & set(groups["val"])
    assert all(counts[group] == sizes[group] for counts in groups.values() for group in counts)
    assert 15 <= len(parts["test"]) <= 20
    assert 6 <= len(parts["val"]) <= 10


def test_the_first_hundred_backgrounds_only_measure(tmp_path: Path) -> None:
    for number in range(1, 161):
        cv2.imwrite(str(tmp_path / f"{number:04d}.jpg"), np.zeros((8, 8, 3), np.uint8))
    parts = {part: read_scenes([f"backgrounds:{tmp_path}"], part) for part in ("train", "val", "test")}  # type: ignore[arg-type]
    assert [s.image_id for s in parts["test"]] == [f"{n:04d}.jpg" for n in range(1, 101)]
    assert len(parts["train"]) + len(parts["val"]) == 60
    assert parts["val"]
    assert all(s.exhaustive and not len(s.boxes) for scenes in parts.values() for s in scenes)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="no images"):
        read_scenes([f"backgrounds:{tmp_path / 'empty'}"], "test")


def test_backgrounds_that_hold_people_are_left_out_and_move_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for k in range(150):
        (folder / f"{k:03}.png").write_bytes(b"not read here")
    (folder / "café au lait.png").write_bytes(b"not read here")
    listed = tmp_path / "people.txt"
    listed.write_text("003.png\n120.png\n\ncafé au lait.png\n", encoding="utf-8")
    for part in ("train", "val", "test"):
        names = [scene.image_id for scene in read_scenes([f"backgrounds:{folder}"], part)]  # type: ignore[arg-type]
        kept = [scene.image_id for scene in read_scenes([f"backgrounds:{folder},people={listed}"], part)]  # type: ignore[arg-type]
        assert kept == [name for name in names if name not in ("003.png", "120.png", "café au lait.png")]
    listed.write_text("003.png\n999.png\n")
    with pytest.raises(DatasetError, match=r"999\.png"):
        read_scenes([f"backgrounds:{folder},people={listed}"], "test")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_scenes([f"backgrounds:{folder},people={tmp_path / 'absent.txt'}"], "test")


def test_pose_samples_of_one_image_become_one_scene() -> None:
    def person(image: str, dataset: str, labelled: int, box: list[float]) -> Sample:
        return Sample(
            dataset,
            f"{dataset}/{image}#1",
            Path(image),
            np.zeros((14, 2)),
            np.arange(14) < labelled,
            np.array(box),
            LSP14,
        )

    scenes = scenes_of(
        [
            person("a.jpg", "coco", 3, [0, 0, 10, 20]), person("b.jpg", "lspet", 14, [0, 0, 100, 200]),
            person("a.jpg", "coco", 14, [20, 0, 30, 20]), person("c.jpg", "lspet", 11, [0, 0, 100, 200]),
        ]
    )  # fmt: skip
    assert [scene.name for scene in scenes] == ["coco/a.jpg", "lspet/b.jpg", "lspet/c.jpg"]
    assert scenes[0].boxes.tolist() == [[0, 0, 10, 20], [20, 0, 30, 20]]
    np.testing.assert_allclose(scenes[1].boxes, [[-7.5, -15, 107.5, 215]])  # hull of joints, grown by 15 %
    assert (len(scenes[2].boxes), len(scenes[2].ignored)) == (0, 1)
    assert not any(scene.exhaustive for scene in scenes)


@pytest.mark.parametrize(
    ("spec", "images", "people"),
    [
        ("boxes:people_boxes/boxes.json", 1239, 2283),
        ("backgrounds:backgrounds", 350, 0),
        ("coco:coco_sample/person_keypoints_sample.json", 510, 1165),
        ("lspet:lspet_dataset", 10000, None),
    ],
)
def test_all_of_the_real_sets_is_read(data_root: Path, spec: str, images: int, people: int | None) -> None:
    kind, _, path = spec.partition(":")
    scenes = _all(f"{kind}:{data_root}/{path}")
    assert len(scenes) == images
    found = sum(len(scene.boxes) + len(scene.ignored) for scene in scenes)
    assert found == (10000 if people is None else people)


def test_an_unknown_kind_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="boxes, backgrounds"):
        read_scenes([f"cats:{tmp_path}"], "train")
