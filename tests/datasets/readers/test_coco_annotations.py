"""Malformed COCO files: the file is refused, or the entry left out with a message; nothing else may happen."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers.coco import coco_ground_truth, read_coco

HUGE = 10**400  # JSON allows it; no float can hold it


@pytest.fixture
def read_document(tmp_path, write_json, touch_images):
    """Reads a document as one part whose image 7 is there, with the problems."""

    def read(document):
        file = write_json(tmp_path / "people.json", document)
        touch_images(tmp_path, "0007.jpg")
        problems: list[str] = []
        return read_coco(file, "test", whole="test", problems=problems), problems

    return read


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"images": [}', b"1" * 10_000],
    ids=["empty", "cut", "binary", "deep", "syntax", "digits"],
)
def test_files_that_are_no_json_are_refused(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(DatasetError, match=r"x\.json: not (JSON|a text in UTF-8)"):
        read_coco(tmp_path / "x.json", "test")


@pytest.mark.parametrize("content", [[], 3, None, "text", {"a": 1}, {"images": {}, "annotations": []}])
def test_json_without_the_lists_is_refused(read_document, content):
    with pytest.raises(DatasetError, match=r"people\.json: not a COCO annotation file"):
        read_document(content)


@pytest.mark.parametrize("fields", [{"images": None}, {"annotations": {}}, {"categories": {}}, {"categories": [1]}])
def test_lists_of_another_type_are_refused(read_document, coco_document, coco_person, fields):
    with pytest.raises(DatasetError, match=next(iter(fields))):
        read_document(coco_document([coco_person()], **fields))


def test_a_byte_order_mark_does_no_harm(tmp_path, coco_document, coco_person, touch_images):
    touch_images(tmp_path, "0007.jpg")
    (tmp_path / "x.json").write_text(json.dumps(coco_document([coco_person()])), encoding="utf-8-sig")
    assert len(read_coco(tmp_path / "x.json", "test", whole="test")) == 1


def _keypoints(*start: object) -> list[object]:
    return [*start, *[20, 30, 2] * 17][:51]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image_id": 8}, "image_id 8 is none of the usable images"),
        ({"image_id": [7]}, "image_id .* is none"),
        ({"image_id": 7.0}, "image_id 7.0 is none"),
        ({"image_id": None}, "image_id None is none"),
        ({"bbox": [10, 20, -1, 50]}, "bbox must be"),
        ({"bbox": [10, 20, 40, -0.5]}, "bbox must be"),
        ({"bbox": [math.nan, 20, 40, 50]}, "bbox must be"),
        ({"bbox": [10, math.inf, 40, 50]}, "bbox must be"),
        ({"bbox": [10, 20, HUGE, 50]}, "bbox must be"),
        ({"bbox": [10, 20, 40]}, "bbox must be"),
        ({"bbox": ["10", 20, 40, 50]}, "bbox must be"),
        ({"bbox": [True, 20, 40, 50]}, "bbox must be"),
        ({"bbox": None}, "bbox must be"),
        ({"keypoints": _keypoints()[:50]}, "keypoints must be a list of 51 numbers, not 50"),
        ({"keypoints": [20, 30, 2] * 18}, "keypoints must be a list of 51 numbers, not 54"),
        ({"keypoints": []}, "keypoints must be a list of 51 numbers, not 0"),
        ({"keypoints": None}, "keypoints must be a list of 51 numbers: "),
        ({"keypoints": _keypoints(math.nan)}, "keypoints must be finite numbers"),
        ({"keypoints": _keypoints(20, -math.inf)}, "keypoints must be finite numbers"),
        ({"keypoints": _keypoints(HUGE)}, "keypoints must be finite numbers"),
        ({"keypoints": _keypoints("20")}, "keypoints must be finite numbers"),
        ({"keypoints": _keypoints(20, 30, True)}, "keypoints must be finite numbers"),
        ({"keypoints": _keypoints(20, 30, 3)}, "a visibility is none of"),
        ({"keypoints": _keypoints(20, 30, 0.5)}, "a visibility is none of"),
        ({"keypoints": _keypoints(20, 30, -1)}, "a visibility is none of"),
        ({"area": -1}, "area -1 is no positive number"),
        ({"area": math.nan}, "area nan is no positive number"),
        ({"area": "900"}, "area '900' is no positive number"),
        ({"iscrowd": 2}, "iscrowd 2 is neither"),
        ({"iscrowd": "no"}, "iscrowd 'no' is neither"),
        ({"iscrowd": [0]}, "iscrowd .* is neither"),
    ],
)
def test_malformed_people_are_left_out_by_id(read_document, coco_document, coco_person, fields, message):
    samples, problems = read_document(coco_document([coco_person(1), coco_person(13, **fields), coco_person(2)]))
    assert [s.person_id for s in samples] == [1, 2]
    assert len(problems) == 1
    with pytest.raises(ValueError, match=rf"people\.json: annotation 13: {message}.*left out"):
        raise ValueError(problems[0])


@pytest.mark.parametrize("entry", [None, 3, [], {}, {"id": None}, {"id": 1.5}, {"id": True}, {"id": {}}])
def test_people_without_an_id_are_left_out_by_place(read_document, coco_document, coco_person, entry):
    broken = coco_person() | entry if isinstance(entry, dict) and entry else entry
    samples, problems = read_document(coco_document([coco_person(1), broken]))
    assert [s.person_id for s in samples] == [1]
    assert problems[0].endswith("people.json: entry 1 of annotations: no id: left out")


def test_of_people_with_one_id_the_first_is_kept(read_document, coco_document, coco_person):
    samples, problems = read_document(coco_document([coco_person(5), coco_person(5, area=3.0), coco_person("5")]))
    assert [(s.person_id, s.area) for s in samples] == [(5, 900.5), ("5", 900.5)]
    assert len(problems) == 1
    assert "annotation 5: its id is given twice: left out" in problems[0]


def test_an_image_given_twice_counts_once_if_it_is_the_same(read_document, coco_document, coco_person):
    document = coco_document([coco_person()])
    document["images"] *= 2
    samples, problems = read_document(document)
    assert len(samples) == 1
    assert ["image 7: its id is given twice" in problem for problem in problems] == [True]


def test_two_images_of_one_id_are_both_left_out(read_document, coco_document, coco_person):
    document = coco_document([coco_person(1), coco_person(2, 9)], (7, 7, 9))
    document["images"][1]["file_name"] = "other.jpg"
    document["images"][2]["file_name"] = "0007.jpg"
    samples, problems = read_document(document)
    assert [s.person_id for s in samples] == [2]  # whose people those of image 7 are, nobody knows
    assert [problem.split(": ")[1] for problem in problems] == ["image 7", "annotation 1"]


@pytest.mark.parametrize(
    "name",
    [
        "../secret.jpg", "a/../../secret.jpg", "..", "/etc/passwd", "//host/x.jpg", "C:x.jpg", "c:/x.jpg", "C:\\x.jpg",
        "..\\secret.jpg", "a\\b.jpg", "x\0.jpg", "x\n.jpg", "\ud800.jpg", "", None, 7, ["0007.jpg"],
    ],
)  # fmt: skip
def test_hostile_file_names_are_refused(read_document, coco_document, coco_person, name, tmp_path):
    (tmp_path.parent / "secret.jpg").touch()
    document = coco_document([coco_person(1), coco_person(2, 8)], (7, 8))
    document["images"][1]["file_name"] = name
    samples, problems = read_document(document)
    assert [s.person_id for s in samples] == [1]
    assert "image 8: file_name" in problems[0]
    assert "annotation 2: image_id 8 is none of the usable images" in problems[1]
    assert all(problem.isprintable() for problem in problems)


@pytest.mark.parametrize("size", [(0, 80), (100, -1), (math.nan, 80), ("100", 80), (HUGE, 80), (None, 80)])
def test_images_without_a_size_are_left_out(read_document, coco_document, coco_person, size):
    document = coco_document([coco_person(1), coco_person(2, 8)], (7, 8))
    document["images"][1] |= dict(zip(("width", "height"), size, strict=True))
    samples, problems = read_document(document)
    assert [s.person_id for s in samples] == [1]
    assert "image 8: width and height must be positive numbers: left out" in problems[0]


# --- anything at all

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 9), st.floats(), st.text(max_size=3), st.just(HUGE), st.just("../x")
)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=2), v, max_size=2))
PLACES = [
    ("images",), ("annotations",), ("categories",), ("images", 0), ("annotations", 0), ("annotations", 1),
    ("categories", 0), ("images", 0, "id"), ("images", 0, "file_name"), ("images", 0, "width"), ("images", 1, "id"),
    ("images", 1, "file_name"), ("annotations", 0, "id"), ("annotations", 0, "image_id"), ("annotations", 0, "bbox"),
    ("annotations", 0, "bbox", 2), ("annotations", 0, "keypoints"), ("annotations", 0, "keypoints", 4),
    ("annotations", 0, "keypoints", 5), ("annotations", 0, "area"), ("annotations", 0, "iscrowd"),
    ("annotations", 0, "confidences"),
    ("annotations", 0, "category_id"), ("annotations", 0, "num_keypoints"), ("categories", 0, "id"),
    ("categories", 0, "keypoints"), ("categories", 0, "keypoints", 3), ("categories", 0, "skeleton"),
    ("categories", 0, "skeleton", 0), ("categories", 0, "skeleton", 0, 1), ("categories", 0, "name"),
]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3), st.booleans())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_malformed_file_is_refused_or_reported(tmp_path, touch_images, coco_document, coco_person, changes, remove):
    touch_images(tmp_path, "0007.jpg", "0008.jpg")
    document = coco_document([coco_person(1, 7), coco_person(2, 8)], (7, 8))
    for (*way, last), value in changes:
        holder = document
        try:
            for key in way:
                holder = holder[key]
            if remove and isinstance(holder, dict):
                del holder[last]
            else:
                holder[last] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    file = tmp_path / "fuzzed.json"
    file.write_text(json.dumps(document))
    problems: list[str] = []
    try:
        samples = read_coco(file, "test", whole="test", problems=problems)
        truth = coco_ground_truth(file, "test", whole="test")["annotations"]
    except DatasetError:
        return
    people = document["annotations"]
    others = sum(isinstance(person, dict) and person.get("category_id") != 1 for person in people)
    assert len(samples) <= len(truth) <= len(people)
    assert len(people) - len(truth) <= sum("annotation" in problem for problem in problems) + others
    for sample in samples:
        assert isinstance(sample.image, Path)
        assert sample.image.parent == tmp_path
        assert (sample.box[:2] < sample.box[2:]).all()
        assert sample.keypoints.shape == (len(sample.skeleton), 2)
        assert np.isfinite(sample.keypoints).all()
        assert sample.labelled.any()
