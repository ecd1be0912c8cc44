"""COCO reader: on hand-written files with known answers, and against pycocotools on the real sample."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

from leanpose.core.errors import DatasetError, SkeletonError
from leanpose.datasets.readers import PARTS, map_sample, read_samples
from leanpose.datasets.readers.coco import coco_ground_truth, read_coco
from leanpose.pose.skeleton import COCO17, LSP14

TRAIN, VAL = "annotations/person_keypoints_train2017.json", "annotations/person_keypoints_val2017.json"


@pytest.fixture
def one_file(tmp_path, write_json, touch_images, coco_document):
    """Reads people of one image from a file of one part, with the problems."""

    def read(people, names=("0007.jpg",), options=None, **fields):
        file = write_json(tmp_path / "people.json", coco_document(people, **fields))
        touch_images(tmp_path / "images", *names)
        problems: list[str] = []
        return read_coco(file, "test", whole="test", problems=problems, **(options or {})), problems

    return read


# --- what a sample says


def test_fields_of_a_sample(one_file, coco_person, tmp_path):
    person = coco_person(id_=42, bbox=[10.5, 20.25, 40, 50])
    person["keypoints"][:9] = [0, 0, 0, 33, 44, 1, 99, 79, 2]
    (sample,), problems = one_file([person])
    assert problems == []
    assert (sample.dataset, sample.name) == ("coco", "coco/0007.jpg#42")
    assert sample.image == tmp_path / "images" / "0007.jpg"
    assert (sample.image_id, sample.person_id, sample.area, sample.box_score) == (7, 42, 900.5, 1.0)
    assert sample.skeleton is COCO17
    assert sample.labelled.tolist() == [False] + [True] * 16
    assert sample.occluded.tolist() == [False, True] + [False] * 15
    assert sample.keypoints[1:4].tolist() == [[33, 44], [99, 79], [23, 33]]  # pixel numbers stay as they are
    assert sample.box.tolist() == [10, 19.75, 50, 69.75]  # edges from the corner: half a pixel less


@pytest.mark.parametrize(
    ("bbox", "box"),
    [
        ([0, 0, 100, 80], [-0.5, -0.5, 99.5, 79.5]),  # the whole image, as geometry.image_box has it
        ([-10, -5, 30, 25], [-0.5, -0.5, 19.5, 19.5]),
        ([90, 70, 30, 30], [89.5, 69.5, 99.5, 79.5]),
    ],
)
def test_boxes_end_at_the_image(one_file, coco_person, bbox, box):
    (sample,), _ = one_file([coco_person(bbox=bbox)])
    assert sample.box.tolist() == box


def test_an_area_that_the_file_does_not_give_stays_unknown(one_file, coco_person):
    person = coco_person()
    del person["area"], person["iscrowd"]
    (sample,), problems = one_file([person])
    assert sample.area is None
    assert problems == []


def test_crowds_and_people_without_labelled_joints_are_passed_over_in_silence(one_file, coco_person):
    bare = coco_person(3)
    del bare["keypoints"], bare["num_keypoints"]
    people = [coco_person(1, iscrowd=1), coco_person(2, visibility=0), bare, coco_person(4)]
    samples, problems = one_file(people)
    assert [s.person_id for s in samples] == [4]
    assert problems == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bbox": [10, 20, 0, 50]}, "no area in the image"),
        ({"bbox": [10, 20, 40, 0.0]}, "no area in the image"),
        ({"bbox": [100, 20, 40, 50]}, "no area in the image"),
        ({"bbox": [-40, 20, 40, 50]}, "no area in the image"),
        ({"area": 0}, "area is 0"),
    ],
)
def test_people_without_extent_are_left_out_by_name(one_file, coco_person, fields, message):
    samples, problems = one_file([coco_person(1), coco_person(13, **fields)])
    assert [s.person_id for s in samples] == [1]
    (problem,) = problems
    assert "people.json: annotation 13: " in problem
    assert message in problem


# --- parts


def test_the_distributed_folder_has_its_parts(tmp_path, write_json, touch_images, coco_document, coco_person):
    ids = tuple(range(200))
    write_json(tmp_path / TRAIN, coco_document([coco_person(i, i) for i in ids], ids))
    write_json(tmp_path / VAL, coco_document([coco_person(i, i) for i in (500, 501)], (500, 501)))
    touch_images(tmp_path / "train2017", *(f"{i:04d}.jpg" for i in ids))
    touch_images(tmp_path / "val2017", "0500.jpg", "0501.jpg")
    found = {part: [s.person_id for s in read_coco(tmp_path, part)] for part in PARTS}
    assert found["test"] == [500, 501]
    assert sorted(found["train"] + found["val"]) == list(ids)
    assert 8 <= len(found["val"]) <= 35  # a tenth of 200
    for file, parts in ((TRAIN, ("train", "val")), (VAL, ("test",))):  # a distributed file is what it is in the folder
        for part in PARTS:
            people = [s.person_id for s in read_coco(tmp_path / file, part)]
            assert people == (found[part] if part in parts else [])


def test_another_file_is_divided_by_image_names(tmp_path, write_json, touch_images, coco_document, coco_person):
    ids = tuple(range(300))
    people = [coco_person(2 * i + n, i) for i in ids for n in (0, 1)]
    file = write_json(tmp_path / "mine.json", coco_document(people, ids))
    touch_images(tmp_path, *(f"{i:04d}.jpg" for i in ids))
    images = {part: {s.image_id for s in read_coco(file, part)} for part in PARTS}
    assert set.union(*images.values()) == set(ids)
    assert sum(map(len, images.values())) == 300  # nobody's image is in two parts
    assert 35 <= len(images["test"]) <= 85  # a fifth
    assert 12 <= len(images["val"]) <= 50  # a tenth
    assert len(read_coco(file, "val", whole="val")) == 600
    assert read_coco(file, "train", whole="val") == []
    with pytest.raises(DatasetError, match=r"part=half.*train, val, test"):
        read_coco(file, "train", whole="half")


def test_squashed_images_may_be_left_out(tmp_path, write_json, touch_images, coco_document, coco_person):
    document = coco_document([coco_person(i, image_id=i) for i in (7, 8, 9)], image_ids=(7, 8, 9))
    document["images"][0]["aspect_lost"] = True
    document["images"][1]["aspect_lost"] = False
    file = write_json(tmp_path / "people.json", document)
    touch_images(tmp_path / "images", *(image["file_name"] for image in document["images"]))
    for aspect, expected in (("kept", [8, 9]), ("lost", [7]), (None, [7, 8, 9])):
        options = {"whole": "test", "aspect": aspect}
        assert [s.image_id for s in read_coco(file, "test", **options)] == expected
        truth = coco_ground_truth(file, "test", **options)
        assert [image["id"] for image in truth["images"]] == expected
        assert [person["image_id"] for person in truth["annotations"]] == expected
    with pytest.raises(DatasetError, match=r"aspect=square: give kept or lost"):
        read_samples([f"coco:{file},aspect=square"], "test")


def test_the_undistorted_part_of_the_real_sample(data_root):
    """Held out are 17 images whose aspect is kept and 93 squashed ones, by a count of the file itself."""
    spec = f"coco:{data_root}/coco_sample/person_keypoints_sample.json"
    kept, lost = (read_samples([f"{spec},aspect={aspect}"], "test") for aspect in ("kept", "lost"))
    assert (len(kept), len({s.image_id for s in kept})) == (48, 17)
    assert (len(lost), len({s.image_id for s in lost})) == (190, 93)
    assert sum(int(s.labelled[:5].sum()) for s in kept) == 125  # face
    assert sum(int(s.labelled[5:].sum()) for s in kept) == 390  # limbs


def test_missing_annotation_files_are_named(tmp_path):
    with pytest.raises(DatasetError, match=r"no person_keypoints_val2017\.json"):
        read_coco(tmp_path, "test")
    with pytest.raises(DatasetError, match=r"nowhere\.json: cannot be read: No such file"):
        read_coco(tmp_path / "nowhere.json", "test")


# --- images


def test_missing_images_are_counted_and_their_people_left_out(one_file, coco_person):
    people = [coco_person(1, 7), coco_person(2, 8), coco_person(3, 8), coco_person(4, 9, visibility=0)]
    samples, problems = one_file(people, image_ids=(7, 8, 9))
    assert [s.person_id for s in samples] == [1]
    (problem,) = problems  # image 9 is missing, too, but shows nobody to predict
    assert "image 8: 0008.jpg is not in" in problem
    assert "its 2 people left out" in problem


def test_without_any_image_the_searched_folders_are_listed(one_file, coco_person, tmp_path):
    with pytest.raises(DatasetError, match=r"none of its images is in .*images.*images=DIR"):
        one_file([coco_person()], names=())
    with pytest.raises(DatasetError, match="elsewhere: name their folder"):
        one_file([coco_person()], options={"images": str(tmp_path / "elsewhere")})


@pytest.mark.parametrize("folder", ["", "images", "val", "../val", "../images/val", "../images"])
def test_images_are_found_beside_the_file(tmp_path, write_json, touch_images, coco_document, coco_person, folder):
    file = write_json(tmp_path / "set" / "labels" / "people_val.json", coco_document([coco_person()]))
    touch_images(file.parent / folder, "0007.jpg")
    (sample,) = read_coco(file, "test", whole="test")
    assert sample.image.samefile(file.parent / folder / "0007.jpg")  # type: ignore[union-attr]


def test_the_images_option_and_names_with_folders(one_file, coco_person, touch_images, tmp_path):
    touch_images(tmp_path / "other", "a/b/x.jpg")
    images = [{"id": 7, "file_name": "a/b/x.jpg", "width": 100, "height": 80}]
    (sample,), _ = one_file([coco_person()], images=images, options={"images": str(tmp_path / "other")})
    assert sample.image == tmp_path / "other" / "a" / "b" / "x.jpg"
    assert sample.name == "coco/a/b/x.jpg#1"


# --- skeletons


def test_own_joints_come_from_the_categories(one_file, coco_person):
    category = {"id": 1, "name": "dog", "keypoints": ["snout", "left_paw", "right_paw"], "skeleton": [[1, 2], [1, 3]]}
    (sample,), problems = one_file([coco_person(joints=3)], categories=[category])
    assert problems == []
    assert sample.skeleton.joints == ("snout", "left_paw", "right_paw")
    assert sample.skeleton.limbs == (("snout", "left_paw"), ("snout", "right_paw"))
    assert sample.skeleton.flip_permutation.tolist() == [0, 2, 1]
    assert sample.keypoints.tolist() == [[20, 30], [21, 31], [22, 32]]


def test_the_skeleton_option_replaces_the_categories(one_file, coco_person, write_json, tmp_path):
    (sample,), _ = one_file([coco_person()], categories=[], options={"skeleton": "coco17"})
    assert sample.skeleton is COCO17
    file = write_json(tmp_path / "own.json", {"name": "own", "joints": ["left_hand", "right_hand"]})
    (sample,), _ = one_file([coco_person(joints=2)], options={"skeleton": str(file)})
    assert sample.skeleton.name == "own"
    with pytest.raises(SkeletonError, match="coco18"):
        one_file([coco_person()], options={"skeleton": "coco18"})


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        ([], r"no category names its keypoints.*skeleton="),
        ([{"id": 1, "name": "person"}], "no category names its keypoints"),
        ([{"id": 1, "keypoints": ["a"]}, {"id": 2, "keypoints": ["b"]}], "different keypoints"),
        ([{"id": 1, "keypoints": ["nose", "nose"]}], "category 1: .*nose"),
        ([{"id": 1, "keypoints": ["nose", 3]}], "category 1: "),
    ],
)
def test_categories_that_make_no_skeleton_are_refused(one_file, coco_person, categories, message):
    with pytest.raises(DatasetError, match=f"people.json: .*{message}|people.json: {message}"):
        one_file([coco_person()], categories=categories)


def test_other_categories_are_passed_over(one_file, coco_person, coco_document):
    categories = [{"id": 3, "name": "car"}, *coco_document([])["categories"]]
    car = {"id": 2, "image_id": 7, "category_id": 3, "bbox": [0, 0, 5, 5]}
    samples, problems = one_file([coco_person(1), car], categories=categories)
    assert [s.person_id for s in samples] == [1]
    assert problems == []


def test_samples_map_to_another_skeleton(one_file, coco_person):
    (sample,), _ = one_file([coco_person()])
    mapped = map_sample(sample, LSP14)
    assert mapped is not None
    assert mapped.keypoints[LSP14.index("left_wrist")].tolist() == [29, 39]  # COCO's joint 9
    assert mapped.labelled.tolist() == [True] * 12 + [False] * 2  # COCO has no neck and no top of the head


# --- detector boxes


def test_detections_replace_people_of_the_test_part_only(
    tmp_path, write_json, touch_images, coco_document, coco_person
):
    write_json(tmp_path / TRAIN, coco_document([coco_person()]))
    write_json(tmp_path / VAL, coco_document([coco_person(5, 8)], (8, 9)))
    touch_images(tmp_path / "train2017", "0007.jpg")
    touch_images(tmp_path / "val2017", "0008.jpg", "0009.jpg")
    boxes = write_json(
        tmp_path / "boxes.json",
        [
            {"image_id": 9, "category_id": 1, "bbox": [-3, 70, 20.5, 30], "score": 0.75},
            {"image_id": 8, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.9},
            {"image_id": 4444, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.9},
            {"image_id": 9, "category_id": 1, "bbox": [1, 2, 0, 4], "score": 0.9},
        ],
    )
    problems: list[str] = []
    (sample,) = read_coco(tmp_path, "test", boxes=str(boxes), problems=problems)
    assert (sample.image_id, sample.box_score, sample.person_id, sample.area) == (9, 0.75, None, None)
    assert sample.box.tolist() == [-3.5, 69.5, 17, 99.5]  # as the detector says, not clipped
    assert not sample.labelled.any()
    assert sample.keypoints.shape == (17, 2)
    assert [problem.partition("boxes.json: ")[2][:11] for problem in problems] == ["detection 3"]
    others = [s for part in ("train", "val") for s in read_coco(tmp_path, part, boxes=str(boxes))]
    assert [s.person_id for s in others] == [1]


def test_detections_of_other_images_are_refused(one_file, coco_person, write_json, tmp_path):
    boxes = write_json(tmp_path / "boxes.json", [{"image_id": 70, "bbox": [1, 2, 3, 4], "score": 1}])
    with pytest.raises(DatasetError, match=r"boxes\.json: none of its detections is in an image of .*people\.json"):
        one_file([coco_person()], options={"boxes": str(boxes)})


def test_a_list_of_images_alone_serves_for_detections(tmp_path, write_json, touch_images):
    """As for COCO's test-dev: ``image_info_test-dev2017.json`` has images, and categories without keypoints."""
    images = [{"id": 1, "file_name": "1.jpg", "width": 10, "height": 10}]
    file = write_json(tmp_path / "image_info.json", {"images": images, "categories": [{"id": 1, "name": "person"}]})
    boxes = write_json(tmp_path / "b.json", [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "score": 0.5}])
    touch_images(tmp_path, "1.jpg")
    (sample,) = read_coco(file, "test", boxes=str(boxes), skeleton="coco17", whole="test")
    assert sample.box.tolist() == [0.5, 0.5, 5.5, 5.5]
    with pytest.raises(DatasetError, match="no list 'annotations'"):
        read_coco(file, "test", skeleton="coco17", whole="test")


# --- ground truth


def test_ground_truth_keeps_crowds_empty_people_and_missing_images(tmp_path, write_json, coco_document, coco_person):
    people = [
        coco_person(1, segmentation=[[0, 0, 1, 1, 2, 2]]),
        coco_person(2, iscrowd=1, segmentation={"counts": [1], "size": [1, 1]}),
        coco_person(3, visibility=0),
        coco_person(4, bbox=[10, 20, 0, 50], area=0),
        coco_person(5, bbox=[10, 20, -1, 50]),
    ]
    bare = {"id": 6, "image_id": 7, "category_id": 1, "bbox": [0, 0, 10, 20]}
    file = write_json(tmp_path / "people.json", coco_document([*people, bare]))
    problems: list[str] = []
    truth = coco_ground_truth(file, "val", whole="val", images="not/looked/at", problems=problems)
    assert [a["id"] for a in truth["annotations"]] == [1, 2, 3, 4, 6]
    assert len(problems) == 1
    assert "annotation 5: bbox" in problems[0]
    for annotation, person in zip(truth["annotations"], people[:4], strict=False):
        assert annotation == {key: value for key, value in person.items() if key != "segmentation"}
    filled = truth["annotations"][4]
    assert filled.pop("area") == pytest.approx(0.53 * 200)
    assert filled == bare | {"iscrowd": 0, "num_keypoints": 0, "keypoints": [0.0] * 51}
    assert coco_ground_truth(file, "train", whole="val") == {"images": [], "annotations": [], "categories": []}


def test_perfect_answers_to_the_ground_truth_have_full_ap(data_root):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = coco_ground_truth(data_root / "coco_sample" / "person_keypoints_sample.json", "val")
    answers = [a | {"score": 1.0} for a in truth["annotations"]]
    with contextlib.redirect_stdout(io.StringIO()):
        labels = COCO()
        labels.dataset = truth
        labels.createIndex()
        evaluation = COCOeval(labels, labels.loadRes([dict(a) for a in answers]), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == 1.0


# --- the real sample


def test_the_real_sample_is_what_pycocotools_says(data_root):
    from pycocotools.coco import COCO

    file = data_root / "coco_sample" / "person_keypoints_sample.json"
    with contextlib.redirect_stdout(io.StringIO()):
        oracle = COCO(str(file))
    wanted = {a["id"]: a for a in oracle.loadAnns(oracle.getAnnIds(iscrowd=False)) if a["num_keypoints"] > 0}
    problems: list[str] = []
    samples = [s for part in PARTS for s in read_samples([f"coco:{file}"], part, problems=problems)]
    assert problems == []
    assert len(samples) == 1165
    assert {s.person_id for s in samples} == set(wanted)
    for sample in samples:
        annotation, image = wanted[sample.person_id], oracle.imgs[sample.image_id]
        triplets = np.reshape(annotation["keypoints"], (17, 3))
        np.testing.assert_array_equal(sample.keypoints, triplets[:, :2])
        np.testing.assert_array_equal(sample.labelled, triplets[:, 2] > 0)
        np.testing.assert_array_equal(sample.occluded, triplets[:, 2] == 1)
        x, y, w, h = annotation["bbox"]
        np.testing.assert_allclose(sample.box, [x - 0.5, y - 0.5, x + w - 0.5, y + h - 0.5], atol=0.02)
        assert sample.image == file.parent / "images" / image["file_name"]
        assert sample.area == annotation["area"]
    truth = [a for part in PARTS for a in coco_ground_truth(file, part)["annotations"]]
    assert sorted(truth, key=lambda a: a["id"]) == json.loads(file.read_text())["annotations"]


def test_real_keypoints_are_pixel_numbers_and_boxes_edges(data_root: Path):
    """The reason for the reader's rule: keypoints are whole numbers up to width - 1, boxes reach width itself."""
    content = json.loads((data_root / "coco_sample" / "person_keypoints_sample.json").read_text())
    images = {i["id"]: i for i in content["images"] if not i["aspect_lost"]}  # the others were scaled
    past_right, past_bottom, box_past_right = [], [], []
    for person in content["annotations"]:
        if person["image_id"] in images:
            image = images[person["image_id"]]
            triplets = np.reshape(person["keypoints"], (17, 3))
            points = triplets[triplets[:, 2] > 0, :2]
            assert (points == points.round()).all()
            assert points.min() >= 0
            past_right.append(points[:, 0].max() - image["width"])
            past_bottom.append(points[:, 1].max() - image["height"])
            box_past_right.append(person["bbox"][0] + person["bbox"][2] - image["width"])
    assert max(past_right + past_bottom) == -1
    assert max(box_past_right) == pytest.approx(0, abs=1e-6)
