"""Which pictures are found, by which names, and with whose boxes."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from leanpose.core.boxes import read_boxes
from leanpose.core.errors import DatasetError, ImageError
from leanpose.core.geometry import grow_box
from leanpose.datasets.labelling.pictures import Picture, find_pictures, image_ids, is_dataset
from leanpose.datasets.readers import read_samples
from leanpose.datasets.readers.scenes import HULL_GROWTH
from leanpose.datasets.writers.coco import category
from leanpose.pose.skeleton import COCO17

from ...videos import write_video

NAMES = ["0.png", "1.png", "2.png", "broken.jpg", "more/3.png", "more/4.png", "more/5.png"]


def coco_file(path, names, boxes, numbers=None):
    """One person in each picture, with a nose."""
    keypoints = [30, 40, 2] + [0] * 48
    numbers = numbers or range(1, len(names) + 1)
    document = {
        "images": [
            {"id": i, "file_name": name, "width": 160, "height": 120} for i, name in zip(numbers, names, strict=True)
        ],
        "annotations": [
            {"id": n, "image_id": i, "category_id": 1, "bbox": box, "area": 100, "keypoints": keypoints}
            for n, (i, box) in enumerate(zip(numbers, boxes, strict=True), start=1)
        ],
        "categories": [category(COCO17)],
    }
    path.write_text(json.dumps(document))
    return path


def test_a_folder_with_all_folders_in_it(album):
    found = find_pictures([str(album)])
    assert [picture.name for picture in found.pictures] == NAMES
    assert found.root == album
    assert all(picture.file == album / picture.name and picture.boxes is None for picture in found.pictures)


def test_files_and_folders_are_named_below_what_holds_them_all(album):
    found = find_pictures([str(album / "more"), str(album / "0.png"), str(album / "more" / "4.png")])
    assert [picture.name for picture in found.pictures] == ["0.png", "more/3.png", "more/4.png", "more/5.png"]
    assert find_pictures([str(album / "more" / "*4*")]).pictures[0].name == "4.png"


def test_a_folder_whose_name_looks_like_a_pattern(album):
    strange = album.rename(album.with_name("al[b]um*"))
    assert [picture.name for picture in find_pictures([str(strange)]).pictures] == NAMES


def test_the_people_of_a_dataset_are_those_of_its_labels(album):
    file = coco_file(album / "labels.json", ["0.png", "more/3.png"], [[10, 20, 60, 90], [40, 20, 60, 90]], [7, 9])
    found = find_pictures([f"coco:{file}"])
    assert [(p.name, p.labelled, p.image_id) for p in found.pictures] == [("0.png", True, 7), ("more/3.png", True, 9)]
    np.testing.assert_allclose(found.pictures[1].boxes, [[39.5, 19.5, 99.5, 109.5, 1]])
    assert image_ids(found.pictures) == {"0.png": 7, "more/3.png": 9}
    parts = [[p.name for p in find_pictures([f"coco:{file},part=test"], ["test"]).pictures]]
    assert parts == [["0.png", "more/3.png"]]


def test_people_with_few_labelled_joints_are_labelled_too(tmp_path):
    joints = np.ones((14, 3, 2))
    joints[:, :2] = np.random.default_rng(0).uniform(20, 80, (14, 2, 2))
    joints[5:, 2, 1] = 0
    (tmp_path / "images").mkdir()
    savemat(tmp_path / "joints.mat", {"joints": joints})
    for n in (1, 2):
        (tmp_path / "images" / f"im0000{n}.jpg").touch()
    found = find_pictures([f"lspet:{tmp_path}"], ["train"])
    for picture, person in zip(found.pictures, read_samples([f"lspet:{tmp_path}"], "train"), strict=True):
        assert picture.boxes is not None
        assert picture.boxes.tolist() == [[*grow_box(person.box, HULL_GROWTH), 1]]


def test_a_box_file_says_it_for_all_pictures(album, tmp_path):
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("file,x1,y1,x2,y2,score\nmore/4.png,1,2,30,40,0.5\n")
    dataset = coco_file(album / "labels.json", ["0.png"], [[10, 20, 60, 90]])
    found = find_pictures([str(album / "more"), f"coco:{dataset}"], boxes=read_boxes(boxes))
    boxes_of = {picture.name: picture.boxes.tolist() for picture in found.pictures}
    assert boxes_of == {"0.png": [], "more/3.png": [], "more/4.png": [[1, 2, 30, 40, 0.5]], "more/5.png": []}
    assert not any(picture.labelled for picture in found.pictures)


def test_numbers_are_counted_where_a_dataset_has_none():
    pictures = [Picture(name, None, image_id=number) for name, number in (("a", 3), ("b", None), ("c", 3))]
    assert image_ids(pictures) == {"a": 1, "b": 2, "c": 3}
    assert image_ids([pictures[0], pictures[2]]) == {"a": 1, "c": 2}


def test_names_that_a_label_file_cannot_hold(album):
    (album / "0.png").rename(album / "a\\b.png")
    found = find_pictures([str(album)])
    assert [picture.name for picture in found.pictures] == NAMES[1:]
    (problem,) = found.problems
    assert "rename it" in problem
    with pytest.raises(DatasetError, match="rename it"):
        find_pictures([str(album / "a\\b.png")])


def test_what_is_a_dataset(album, monkeypatch):
    assert is_dataset("coco:x.json")
    assert is_dataset("boxes:x.json")
    assert is_dataset("backgrounds:x")
    assert not is_dataset("photos")
    assert not is_dataset("own:x")
    monkeypatch.chdir(album)
    (album / "0.png").rename(album / "coco:0.png")
    assert not is_dataset("coco:0.png")


def test_what_holds_no_pictures(album, tmp_path):
    with pytest.raises(ImageError, match="no such file or folder"):
        find_pictures([str(album / "nowhere")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="no images or videos there"):
        find_pictures([str(tmp_path / "empty")])
    file = coco_file(album / "labels.json", ["0.png"], [[10, 20, 60, 90]])
    with pytest.raises(DatasetError, match="no pictures in its test part"):
        find_pictures([f"coco:{file},part=train"], ["test"])


def test_what_is_no_picture_in_a_folder_is_counted(album):
    (album / "notes.txt").write_text("notes")
    (album / "more" / "list.csv").write_text("a,b")
    (album / "more" / "a.heic").write_bytes(b"x")
    write_video(album / "clip.mp4", 3)
    frames = [Image.new("L", (64, 64), grey) for grey in (0, 200)]
    frames[0].save(album / "moving.gif", save_all=True, append_images=frames[1:])
    frames[0].save(album / "moving.webp", save_all=True, append_images=frames[1:])
    found = find_pictures([str(album)])
    assert [picture.name for picture in found.pictures] == sorted([*NAMES, "moving.gif", "moving.webp"])
    assert found.notes[0] in (
        "left out: 3 files of kinds not read here (1 .csv, 1 .heic, 1 .txt)",
        "left out: 2 files of kinds not read here (1 .csv, 1 .txt)",  # with pillow-heif
    )
    assert any("animated, only the first frame is read" in note and "1 others" in note for note in found.notes)
    assert found.notes[-1].startswith("left out: 1 video: ")
    with pytest.raises(ImageError, match=r"no pictures there.*1 video"):
        find_pictures([str(album / "clip.mp4")])
