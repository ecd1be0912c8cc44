"""Image ids that are unique, and datasets that pycocotools reads."""

import json
from collections import Counter
from pathlib import PurePath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.errors import PosesError
from leanpose.pose.coco import (
    Numbering,
    coco_annotations,
    coco_results,
    image_ids_of,
    names_below,
    read_image_ids,
    write_coco,
)
from leanpose.pose.formats import yolo_lines
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import COCO17, LSP14
from leanpose.pose.writers import WRITERS, CocoDatasetWriter, CocoWriter

STEMS = st.sampled_from(["1", "01", "0001", "2", "a", "b", "²", "1.5", "-1", "9" * 20])
SOURCES = st.lists(st.tuples(st.sampled_from(["", "a/", "b/", "a/b/"]), STEMS, st.sampled_from([".png", ".jpg"])))


def poses_of(source: str | None = "1.png", people: int = 1, frame: int | None = None, seed: int = 0) -> Poses:
    rng = np.random.default_rng(seed)
    points = rng.uniform(5, 90, (people, 17, 2))
    scores = rng.uniform(0.1, 1, (people, 17))
    points[:, 3], scores[:, 3] = np.nan, 0
    points[:, 4] = 130, 20  # outside of the image
    boxes = np.tile([-4.5, 9.5, 59.5, 89.5], (people, 1))
    return Poses(points, scores, boxes, np.full(people, 0.8), COCO17, (100, 120), source=source, frame=frame)


@given(SOURCES.map(lambda found: list(dict.fromkeys("".join(parts) for parts in found))))
def test_no_two_files_share_an_id_and_all_are_of_a_kind(sources):
    ids = image_ids_of(sources)
    assert list(ids) == sources
    assert max(Counter(ids.values()).values(), default=1) == 1
    assert len({type(id_) for id_ in ids.values()}) <= 1
    for source, id_ in ids.items():
        assert id_ == int(PurePath(source).stem) if isinstance(id_, int) else source.endswith(id_)


@pytest.mark.parametrize(
    ("sources", "ids"),
    [
        (["x/000000081988.jpg", "x/2.jpg"], [81988, 2]),
        (["a/0001.png", "b/0001.png", "b/01.png"], ["a/0001.png", "b/0001.png", "b/01.png"]),
        (["1.png", "01.png"], ["1.png", "01.png"]),
        (["1.png", "a.png"], ["1.png", "a.png"]),
        (["1.png", "1.jpg"], ["1.png", "1.jpg"]),
        (["x/1.png", "x/y/1.png"], ["1.png", "y/1.png"]),
        ([], []),
    ],
)
def test_ids_of_a_run(sources, ids):
    assert list(image_ids_of(sources).values()) == ids


def test_names_start_where_the_files_part():
    assert names_below(["a/b/1.png", "a/c/2.png"]) == {"a/b/1.png": "b/1.png", "a/c/2.png": "c/2.png"}
    assert names_below(["a/1.png"]) == {"a/1.png": "1.png"}


@pytest.mark.parametrize(
    ("images", "sources", "ids"),
    [
        ([(7, "a.png"), (9, "b.png")], ["x/a.png"], [7]),
        ([(7, "a/1.png"), (9, "b/1.png")], ["x/b/1.png", "x/a/1.png"], [9, 7]),
        ([(7, "a\\1.png")], ["x/a/1.png"], [7]),
        ([(7, "1.png"), (9, "b/1.png")], ["x/b/1.png", "c/1.png"], [9, 7]),
        ([("seven", "./1.png")], ["1.png"], ["seven"]),
    ],
)
def test_ids_of_a_coco_file(tmp_path, images, sources, ids):
    document = {"images": [{"id": id_, "file_name": name} for id_, name in images]}
    (tmp_path / "truth.json").write_text(json.dumps(document))
    assert list(read_image_ids(tmp_path / "truth.json", sources).values()) == ids


@pytest.mark.parametrize(
    ("text", "sources", "message"),
    [
        ('{"images": [{"id": 1, "file_name": "a.png"}]}', ["b.png", "c.png"], "called b.png nor 1 others"),
        ('{"images": [{"id": 1, "file_name": "a.png"}]}', ["x/a.png", "y/a.png"], "both its image 1"),
        ('{"images": [{"id": 1}]}', ["a.png"], "not a COCO file"),
        ("[]", ["a.png"], "not a COCO file"),
        ("{", ["a.png"], "not JSON"),
        ("[" * 200_000, ["a.png"], "not JSON"),
        ('{"images": [{"id": ' + "9" * 5000 + ', "file_name": "a.png"}]}', ["a.png"], "number of 5,000 digits"),
        ('{"images": [{"id": [1], "file_name": "a.png"}]}', ["a.png"], "not a COCO file"),
        ('{"images": [{"id": 1, "file_name": null}]}', ["a.png"], "not a COCO file"),
        ('{"images": {"id": 1}}', ["a.png"], "not a COCO file"),
        (
            '{"images": [{"id": 1, "file_name": "a.png"}, {"id": "x", "file_name": "a.png"}]}',
            ["a.png"],
            "1, x",
        ),
        ('{"images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "./a.png"}]}', ["a.png"], "several"),
    ],
)
def test_coco_files_that_do_not_say(tmp_path, text, sources, message):
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(PosesError, match=message):
        read_image_ids(tmp_path / "truth.json", sources)


def test_a_coco_file_that_is_not_there(tmp_path):
    with pytest.raises(PosesError, match=r"gone\.json: cannot be read"):
        read_image_ids(tmp_path / "gone.json", ["a.png"])


def test_a_coco_file_of_terabytes_is_not_read_whole(tmp_path):
    with (tmp_path / "truth.json").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(PosesError, match=r"truth\.json: over 1,000,000,000 bytes"):
        read_image_ids(tmp_path / "truth.json", ["a.png"])


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (["a/1.png", "b/1.png"], "a/1.png and b/1.png would both be 1"),
        (["1.png", "01.png"], "would both be 1"),
        (["a/x.png", "b/x.png"], "would both be x.png"),
        (["1.png", "x.png"], "not of its kind"),
        (["x.png", "1.png"], "not of its kind"),
    ],
)
def test_a_writer_that_meets_an_id_again_refuses_it(tmp_path, sources, message):
    with CocoWriter(tmp_path / "a.json") as writer:
        writer.write(poses_of(sources[0]))
        writer.write(poses_of(sources[0]))
        with pytest.raises(PosesError, match=message):
            writer.write(poses_of(sources[1]))


def test_frames_of_two_videos_in_one_file_are_refused():
    numbering = Numbering()
    assert [numbering.of(poses_of("a.mp4", frame=frame)) for frame in range(3)] == [0, 1, 2]
    with pytest.raises(PosesError, match=r"a\.mp4 and b\.mp4"):
        numbering.of(poses_of("b.mp4", frame=0))


def test_many_images_at_once_have_ids_as_a_run_has(tmp_path):
    write_coco([poses_of("a/1.png"), poses_of("b/1.png")], tmp_path / "a.json")
    assert [result["image_id"] for result in json.loads((tmp_path / "a.json").read_text())] == ["a/1.png", "b/1.png"]


def test_a_dataset_is_read_by_pycocotools_and_scores_full_marks(tmp_path):
    coco, cocoeval = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    images = [poses_of("a/1.png", 2), poses_of("b/1.png", 0), poses_of("b/2.png", 1, seed=1)]
    ids = {"a/1.png": 1, "b/1.png": 2, "b/2.png": 3}
    with CocoDatasetWriter(tmp_path / "data.json", ids, names_below(list(ids))) as writer:
        for poses in images:
            writer.write(poses)
    truth = coco.COCO(str(tmp_path / "data.json"))
    assert [truth.imgs[i]["file_name"] for i in (1, 2, 3)] == list(ids)
    assert [len(truth.getAnnIds([i])) for i in (1, 2, 3)] == [2, 0, 1]
    assert truth.loadCats(1)[0]["keypoints"] == list(COCO17.joints)
    results = [result for poses in images for result in coco_results(poses, ids[str(poses.source)])]
    scores = cocoeval.COCOeval(truth, truth.loadRes(results), "keypoints")
    scores.evaluate()
    scores.accumulate()
    scores.summarize()
    assert scores.stats[0] == pytest.approx(1)


def test_annotations_hold_what_is_in_the_image():
    (one,) = coco_annotations(poses_of(), 5, 8)
    assert (one["id"], one["image_id"], one["iscrowd"], one["category_id"]) == (8, 5, 0, 1)
    assert one["bbox"] == [0, 10, 60, 80]
    flags = one["keypoints"][2::3]
    assert flags == [0 if joint in (3, 4) else 2 for joint in range(17)]
    assert one["num_keypoints"] == 15
    assert one["keypoints"][9:15] == [0] * 6
    assert one["confidences"][3:5] == [0, 0]


def test_who_is_outside_is_no_annotation():
    poses = poses_of()
    away = Poses(
        poses.keypoints, poses.scores, np.array([[200.0, 0, 240, 50]]), poses.box_scores, COCO17, (100, 120), source="a"
    )
    assert coco_annotations(away, 1, 1) == []


def test_annotations_have_every_field_of_cocos_keypoints():
    # https://cocodataset.org/#format-data; the source of CVAT's reader asks for segmentation
    published = {"id", "image_id", "category_id", "segmentation", "area", "bbox", "iscrowd"}
    published |= {"keypoints", "num_keypoints"}
    for one in coco_annotations(poses_of(people=3), 5, 8):
        assert published <= one.keys()
        assert one["segmentation"] == []


def test_frames_have_numbers_and_names_of_frames(tmp_path):
    with CocoDatasetWriter(tmp_path / "a.json") as writer:
        for frame in (0, 7):
            writer.write(poses_of("clip.mp4", frame=frame))
    images = json.loads((tmp_path / "a.json").read_text())["images"]
    assert [(i["id"], i["file_name"]) for i in images] == [(0, "clip_000000000000.jpg"), (7, "clip_000000000007.jpg")]


def test_yolo_lines_against_the_arithmetic(tmp_path):
    poses = poses_of(people=2)
    for person, line in enumerate(yolo_lines(poses)):
        category, cx, cy, w, h, *joints = map(float, line.split())
        assert (category, len(joints)) == (0, 51)
        np.testing.assert_allclose([cx, cy, w, h], [30 / 120, 50 / 100, 60 / 120, 80 / 100], atol=1e-5)
        x, y, score = np.reshape(joints, (17, 3)).T
        seen = np.ones(17, bool)
        seen[[3, 4]] = False
        np.testing.assert_allclose(x[seen] * 120 - 0.5, poses.keypoints[person, seen, 0], atol=1e-3)
        np.testing.assert_allclose(y[seen] * 100 - 0.5, poses.keypoints[person, seen, 1], atol=1e-3)
        np.testing.assert_allclose(score, poses.scores[person], atol=1e-5)
        assert (x[3], y[3], x[4]) == (0, 0, 1)
    with WRITERS["yolo"](tmp_path / "yolo") as writer:
        writer.write(poses)
        writer.write(poses_of("2.png", 0))
    assert (tmp_path / "yolo" / "1.txt").read_text().splitlines() == yolo_lines(poses)
    assert (tmp_path / "yolo" / "2.txt").read_text() == ""


@pytest.mark.parametrize("threshold", [0, 0.3, 0.9, 1])
def test_without_joints_that_score_little(threshold):
    poses = poses_of(people=3)
    left = poses.confident(threshold)
    weak = poses.scores < threshold
    assert np.isnan(left.keypoints[weak]).all()
    assert (left.scores[weak] == 0).all()
    np.testing.assert_array_equal(left.keypoints[~weak], poses.keypoints[~weak])
    np.testing.assert_array_equal(left.scores[~weak], poses.scores[~weak])


def test_skeletons_do_not_mix_in_a_dataset(tmp_path):
    with CocoDatasetWriter(tmp_path / "a.json") as writer:
        writer.write(poses_of())
        with pytest.raises(PosesError, match="share it"):
            writer.write(Poses.empty(LSP14, (4, 5)))
