"""AI Challenger reader, on files written as the evaluation code reads them (the real ones were not at hand)."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import PARTS, read_samples
from leanpose.datasets.readers.aic import read_aic
from leanpose.pose.skeleton import AIC14

# The example that was published with the dataset's description: one person, the right wrist hidden.
PUBLISHED = {
    "image_id": "a0f6bdc065a602b7b84a67fb8d14ce403d902e0d",
    "human_annotations": {"human1": [178, 250, 290, 522]},
    "keypoint_annotations": {
        "human1": [
            261, 294, 1, 281, 328, 1, 259, 314, 2, 213, 295, 1, 208, 346, 1, 192, 335, 1, 245, 375, 1,
            255, 432, 1, 244, 494, 1, 221, 379, 1, 219, 442, 1, 226, 491, 1, 226, 256, 1, 231, 284, 1,
        ]
    },
}  # fmt: skip
JOINTS = PUBLISHED["keypoint_annotations"]["human1"]


@pytest.fixture
def read(tmp_path, write_json, touch_images):
    """Reads entries as one part, whose images a.jpg, b.jpg and the published one are there, with the problems."""

    def read(entries):
        file = write_json(tmp_path / "aic.json", entries)
        touch_images(tmp_path, "a.jpg", "b.jpg", f"{PUBLISHED['image_id']}.jpg")
        problems: list[str] = []
        return read_aic(file, "test", whole="test", problems=problems), problems

    return read


def _entry(name, joints=None, box=(10, 20, 30, 60), human="human1"):
    return {
        "image_id": name,
        "human_annotations": {human: list(box)},
        "keypoint_annotations": {human: JOINTS if joints is None else joints},
    }


def test_the_published_example(read, tmp_path):
    (sample,), problems = read([PUBLISHED])
    assert problems == []
    assert sample.skeleton is AIC14
    assert sample.name == f"aic/{PUBLISHED['image_id']}.jpg#human1"
    assert sample.image == tmp_path / f"{PUBLISHED['image_id']}.jpg"
    assert (sample.image_id, sample.person_id) == (PUBLISHED["image_id"], "human1")
    assert sample.box.tolist() == [178, 250, 290, 522]
    assert sample.area == 112 * 272
    assert sample.labelled.all()
    assert [AIC14.joints[k] for k in sample.occluded.nonzero()[0]] == ["right_wrist"]
    points = dict(zip(AIC14.joints, sample.keypoints.tolist(), strict=True))
    assert points["head_top"][1] < points["neck"][1] < points["right_shoulder"][1] < points["left_hip"][1]
    assert points["right_hip"][1] < points["right_knee"][1] < points["right_ankle"][1]


def test_three_means_not_labelled(read):
    joints = list(JOINTS)
    joints[0:3] = [0, 0, 3]
    people = [_entry("a", joints), _entry("b", [0, 0, 3] * 14)]
    (sample,), problems = read(people)
    assert sample.labelled.tolist() == [False] + [True] * 13
    assert sample.occluded.tolist() == [False, False, True] + [False] * 11
    assert problems == []  # nobody is missing: a person without labelled joints is not to be predicted


def test_parts_of_the_distributed_folders(tmp_path, write_json, touch_images):
    train, validation = "ai_challenger_keypoint_train_20170909", "ai_challenger_keypoint_validation_20170911"
    names = [f"{i:040x}" for i in range(100)]
    write_json(tmp_path / train / "keypoint_train_annotations_20170909.json", [_entry(name) for name in names])
    write_json(tmp_path / validation / "keypoint_validation_annotations_20170911.json", [_entry("v")])
    touch_images(tmp_path / train / "keypoint_train_images_20170902", *(f"{name}.jpg" for name in names))
    touch_images(tmp_path / validation / "keypoint_validation_images_20170911", "v.jpg")
    found = {part: [s.image_id for s in read_samples([f"aic:{tmp_path}"], part)] for part in PARTS}
    assert found["test"] == ["v"]
    assert sorted(found["train"] + found["val"]) == names
    assert 2 <= len(found["val"]) <= 25
    file = tmp_path / train / "keypoint_train_annotations_20170909.json"
    assert {part: [s.image_id for s in read_aic(file, part)] for part in PARTS} == found | {"test": []}


@pytest.mark.parametrize("content", [{}, None, 3, "x"])
def test_files_of_another_form_are_refused(tmp_path, write_json, content):
    with pytest.raises(DatasetError, match=r"x\.json: not an AI Challenger file"):
        read_aic(write_json(tmp_path / "x.json", content), "test")
    with pytest.raises(DatasetError, match="no ai_challenger_keypoint_validation"):
        read_aic(tmp_path, "test")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (_entry("b", JOINTS[:-1]), "image b, 'human1': its keypoints must be 42 finite numbers"),
        (_entry("b", [math.nan, *JOINTS[1:]]), "image b, 'human1': its keypoints must be 42 finite numbers"),
        (_entry("b", [20, 30, 0, *JOINTS[3:]]), "image b, 'human1': a visibility is none of 1"),
        (_entry("b", box=(10, 20, 10, 60)), "image b, 'human1': human_annotations .* is no box"),
        (_entry("b", box=(10, 20, 5, 60)), "image b, 'human1': human_annotations .* is no box"),
        (_entry("b", box=(10, 20, math.inf, 60)), "image b, 'human1': human_annotations .* is no box"),
        (_entry("b", box=(0, 0, 1e308, 1e308)), "image b, 'human1': human_annotations .* is no box"),
        (_entry("b") | {"human_annotations": {}}, "image b, 'human1': human_annotations None is no box"),
        (_entry("b") | {"human_annotations": []}, "image b: keypoint_annotations and human_annotations must be"),
        (_entry("gone"), r"image gone: gone\.jpg is not in .*: its 1 people left out"),
        (_entry("a"), "image a: given twice"),
        (_entry("../a"), r"entry 1: image_id '\.\./a' names no image"),
        (_entry("/a"), "entry 1: image_id '/a' names no image"),
        (_entry(7), "entry 1: image_id 7 names no image"),
        (None, "entry 1: image_id None names no image"),
    ],
)  # fmt: skip
def test_malformed_entries_are_left_out_by_name(read, entry, message):
    samples, problems = read([_entry("a"), entry])
    assert [s.image_id for s in samples] == ["a"]
    assert len(problems) == 1
    with pytest.raises(ValueError, match=rf"aic\.json: {message}"):
        raise ValueError(problems[0])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 400) | st.floats() | st.text(max_size=3) | st.just(10**400),
    lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=2), v, max_size=2),
)
PLACES = [
    (0,), (1,), (0, "image_id"), (0, "human_annotations"), (0, "human_annotations", "human1"),
    (0, "human_annotations", "human1", 2), (0, "keypoint_annotations"), (0, "keypoint_annotations", "human1"),
    (0, "keypoint_annotations", "human1", 0), (0, "keypoint_annotations", "human1", 2), (1, "image_id"),
]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_malformed_file_is_refused_or_reported(tmp_path, touch_images, changes):
    touch_images(tmp_path, "a.jpg", "b.jpg")
    entries = json.loads(json.dumps([_entry("a"), _entry("b")]))
    for (*way, last), value in changes:
        holder = entries
        try:
            for key in way:
                holder = holder[key]
            holder[last] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    (tmp_path / "fuzzed.json").write_text(json.dumps(entries))
    problems: list[str] = []
    try:
        samples = read_aic(tmp_path / "fuzzed.json", "test", whole="test", problems=problems)
    except DatasetError:
        return
    assert len(samples) <= 2
    for sample in samples:
        assert sample.image.parent == tmp_path
        assert (sample.box[:2] < sample.box[2:]).all()
        assert sample.labelled.any()
