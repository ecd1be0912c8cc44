"""Whole runs: what they write, and that one that was ended at any picture ends like one that was not."""

import json

import cv2
import numpy as np
import pytest

from leanpose.core.errors import BoxError, DatasetError
from leanpose.datasets.labelling.document import read_finished
from leanpose.datasets.labelling.people import Rules
from leanpose.datasets.labelling.pictures import find_pictures
from leanpose.datasets.labelling.run import Labeller, journal_path, start
from leanpose.datasets.readers import read_samples
from leanpose.datasets.readers.scenes import read_scenes
from leanpose.pose.skeleton import COCO17

from .conftest import PLACES, Shares, rectangle

CONFIGURATION = {"teachers": ["shares"], "rules": {"least": 0.2}}


def begin(album, out, teacher, configuration=CONFIGURATION, **options):
    labeller = Labeller(teacher, rectangle, Rules(0, 0))
    return start(find_pictures([str(album)]), labeller, out, configuration, {"teachers": ["shares"]}, **options)


def label_all(album, out, teacher, **options):
    run = begin(album, out, teacher, **options)
    done = [picture.name for picture in run.label_missing()]
    run.write()
    return run, done


def content(path):
    document = json.loads(path.read_text())
    document["info"].pop("date_created")
    return document


def test_the_file_is_read_as_what_was_labelled(album, tmp_path, teacher):
    run, done = label_all(album, tmp_path / "labels.json", teacher)
    assert len(done) == 7
    assert len(run.failed) == 1
    assert "broken.jpg" in run.failed[0]
    assert not journal_path(run.out).exists()
    problems = []
    samples = read_samples([f"coco:{run.out},images={album},part=train"], "train", problems=problems)
    assert problems == []
    assert [sample.image.name for sample in samples] == [f"{n}.png" for n in range(6)]
    for number, sample in enumerate(samples):
        box = [10 * number + 9.5, 19.5, 10 * number + 69.5, 109.5]
        np.testing.assert_allclose(sample.box, box)
        assert sample.skeleton == COCO17
        np.testing.assert_allclose(sample.confidence, np.linspace(0.96, 0, 17), atol=1e-9)
        np.testing.assert_array_equal(sample.labelled, sample.confidence >= 0.2)
        x = box[0] + 60 * PLACES[sample.labelled]
        np.testing.assert_allclose(sample.keypoints[sample.labelled, 0], x, atol=0.006)
        np.testing.assert_allclose(sample.weights, sample.confidence * sample.labelled)


def test_boxes_alone_are_read_as_scenes(album, tmp_path):
    run, _ = label_all(album, tmp_path / "boxes.json", None)
    assert content(run.out)["categories"] == [{"id": 1, "name": "person", "supercategory": "person"}]
    scenes = [s for part in ("train", "val", "test") for s in read_scenes([f"boxes:{run.out},images={album}"], part)]
    boxes = {scene.image.name: scene.boxes.tolist() for scene in scenes}
    assert boxes == {f"{n}.png": [[10 * n + 9.5, 19.5, 10 * n + 69.5, 109.5]] for n in range(6)}


@pytest.mark.parametrize("stop_after", [1, 3, 6])
def test_ended_and_taken_up_it_is_the_same_file_and_nothing_is_done_twice(album, tmp_path, stop_after):
    whole, _ = label_all(album, tmp_path / "whole.json", Shares())
    teacher, out = Shares(), tmp_path / "labels.json"
    run = begin(album, out, teacher)
    pictures = run.label_missing()
    for _ in range(stop_after):
        next(pictures)
    pictures.close()
    assert not out.exists()
    labelled = set(run.journal.records)
    run, done = label_all(album, out, teacher)
    assert not labelled & set(done)
    assert content(out) == content(whole.out)
    assert len(teacher.asked) == 6


def test_ended_before_the_file_was_written(album, tmp_path, teacher):
    """All records are there, and the file is not: nobody is asked again."""
    run = begin(album, tmp_path / "labels.json", teacher)
    list(run.label_missing())
    again = begin(album, tmp_path / "labels.json", Shares())
    assert [picture.name for picture in again.missing] == ["broken.jpg"]
    list(again.label_missing())
    assert again.labeller.teacher.asked == []
    again.write()
    assert len(content(again.out)["images"]) == 6


def test_what_is_finished_is_taken_up_too(album, tmp_path):
    teacher, out = Shares(), tmp_path / "labels.json"
    label_all(album, out, teacher)
    (album / "broken.jpg").write_bytes((album / "0.png").read_bytes())
    cv2.imwrite(str(album / "6.png"), cv2.imread(str(album / "1.png")))
    run, done = label_all(album, out, teacher)
    assert (done, run.failed) == (["6.png", "broken.jpg"], [])
    assert len(teacher.asked) == 8
    anew = tmp_path / "anew.json"
    label_all(album, anew, teacher)
    assert content(out) == content(anew)
    assert begin(album, out, teacher).missing == []


def test_pictures_that_are_gone_leave_the_file(album, tmp_path, teacher):
    out = tmp_path / "labels.json"
    label_all(album, out, teacher)
    (album / "0.png").unlink()
    label_all(album, out, teacher)
    names = [image["file_name"] for image in content(out)["images"]]
    assert names == ["1.png", "2.png", "more/3.png", "more/4.png", "more/5.png"]
    assert len(content(out)["annotations"]) == 5


def test_another_configuration_goes_elsewhere_or_begins_anew(album, tmp_path, teacher):
    out = tmp_path / "labels.json"
    label_all(album, out, teacher)
    before = out.read_bytes()
    with pytest.raises(DatasetError, match=r"made with other arguments.*--overwrite"):
        begin(album, out, teacher, {"teachers": ["other"]})
    assert out.read_bytes() == before
    _, done = label_all(album, out, teacher, configuration={"teachers": ["other"]}, overwrite=True)
    assert len(done) == 7


def test_files_of_others_are_never_replaced_unasked(album, tmp_path, teacher):
    out = tmp_path / "labels.json"
    out.write_text(json.dumps({"images": [], "annotations": []}))
    with pytest.raises(DatasetError, match="no file of leanpose label"):
        begin(album, out, teacher)
    out.write_text("[]")
    with pytest.raises(DatasetError, match="not a COCO annotation file"):
        begin(album, out, teacher)


def test_a_damaged_label_file(album, tmp_path, teacher):
    run, _ = label_all(album, tmp_path / "labels.json", teacher)
    document = json.loads(run.out.read_text())
    del document["annotations"][2]["image_id"]
    run.out.write_text(json.dumps(document))
    with pytest.raises(DatasetError, match=r"labels\.json: damaged"):
        read_finished(run.out, CONFIGURATION)


def test_boxes_that_cannot_be_used_are_said(album, tmp_path, teacher):
    labeller = Labeller(teacher, lambda image: np.array([[0, 0, 500, 500, 7.0]]), Rules())
    run = start(find_pictures([str(album / "0.png")]), labeller, tmp_path / "l.json", CONFIGURATION, {})
    list(run.label_missing())
    (message,) = run.failed
    assert "0.png" in message
    assert "score outside [0, 1]" in message
    with pytest.raises(DatasetError, match="none of 1 pictures is usable"):
        run.write()
    with pytest.raises(BoxError, match="no detector"):
        Labeller(teacher, None, Rules())(run.found.pictures[0], np.zeros((9, 9, 3), np.uint8))
