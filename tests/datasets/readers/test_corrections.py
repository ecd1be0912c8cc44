"""Corrections of labels: what they do to a person, what the file keeps, and whose labels they are refused for."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from leanpose.core.errors import DatasetError
from leanpose.core.geometry import hull_box
from leanpose.datasets.readers import Sample, read_samples
from leanpose.datasets.readers.corrections import (
    PRECISION,
    Correction,
    Corrections,
    correct,
    corrected,
    fingerprint,
    read_corrections,
    write_corrections,
)
from leanpose.pose.skeleton import BODY19, COCO17, LSP14


def _person(name: str = "lspet/im00001.jpg", **fields: object) -> Sample:
    keypoints = np.random.default_rng(len(name)).uniform(0, 100, (14, 2)).round(1)
    known = np.ones(14, dtype=bool)
    known[5] = False
    made = Sample("lspet", name, b"", keypoints, known, hull_box(keypoints, known), LSP14)
    return replace(made, **fields)  # type: ignore[arg-type]


def test_every_action_does_what_it_says_and_nothing_else() -> None:
    person = _person(occluded=np.arange(14) == LSP14.index("left_wrist"))
    knees = [LSP14.index("left_knee"), LSP14.index("right_knee")]
    wrists = [LSP14.index("left_wrist"), LSP14.index("right_wrist")]
    place = {k: tuple(person.keypoints[k].tolist()) for k in (*knees, *wrists)}
    done = correct(
        person,
        [
            Correction("left_knee", "swap", place[knees[1]]), Correction("right_knee", "swap", place[knees[0]]),
            Correction("left_wrist", "swap", place[wrists[1]]), Correction("right_wrist", "swap", place[wrists[0]]),
            Correction("neck", "move", (-20.0, 130.0)), Correction("head_top", "mask", None),
            Correction("left_ankle", "add", (50.0, 60.0), 0.75), Correction("left_hip", "overrule", (70.0, 80.0), 0.5),
        ],
    )  # fmt: skip
    expected = person.keypoints.copy()
    expected[knees], expected[wrists] = expected[knees[::-1]], expected[wrists[::-1]]
    expected[LSP14.index("neck")], expected[5], expected[LSP14.index("left_hip")] = (-20, 130), (50, 60), (70, 80)
    assert np.array_equal(done.keypoints, expected)
    assert done.labelled.tolist() == [joint != "head_top" for joint in LSP14.joints]
    assert done.occluded is not None  # the hidden wrist is the right one now
    assert [LSP14.joints[k] for k in np.flatnonzero(done.occluded)] == ["right_wrist"]
    rest = np.delete(expected, LSP14.index("head_top"), axis=0)
    assert done.box.tolist() == [*rest.min(axis=0), *rest.max(axis=0)]
    believed = {"left_ankle": 0.75, "left_hip": 0.5, "head_top": 0}
    assert done.weights.tolist() == [believed.get(joint, 1) for joint in LSP14.joints]
    assert person.keypoints[knees[0]].tolist() == list(place[knees[0]])  # the person itself is as it was
    assert person.confidence is None


def test_labels_are_believed_as_before_where_nothing_says_how_far() -> None:
    person = _person()
    assert correct(person, [Correction("neck", "move", (1.0, 2.0))]).confidence is None
    half = replace(person, confidence=np.full(14, 0.5))
    done = correct(half, [Correction("neck", "move", (1.0, 2.0)), Correction("left_hip", "move", (3.0, 4.0), 0.25)])
    assert done.confidence is not None
    special = {"neck": 1.0, "left_hip": 0.25}
    assert done.confidence.tolist() == [special.get(joint, 0.5) for joint in LSP14.joints]
    assert half.confidence is not None
    assert (half.confidence == 0.5).all()


def test_a_box_that_is_not_the_hull_of_the_labels_stays() -> None:
    box = np.array([-5.0, -5.0, 120.0, 120.0])
    assert correct(_person(box=box), [Correction("neck", "move", (300.0, 300.0))]).box is box


@given(st.data())
@settings(max_examples=40)
def test_the_file_keeps_corrections_to_a_tenth_of_a_pixel(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    tenths = st.integers(-9999, 9999).map(lambda n: n / 10)
    share = st.none() | st.integers(0, 100).map(lambda n: n / 100)
    one = st.builds(
        Correction, st.sampled_from(LSP14.joints), st.sampled_from(["swap", "move", "overrule", "add"]),
        st.tuples(tenths, tenths), share,
    ) | st.builds(Correction, st.sampled_from(LSP14.joints), st.just("mask"), st.none())  # fmt: skip
    people = [_person(f"lspet/{name}") for name in data.draw(st.lists(st.text(min_size=1), unique=True, max_size=4))]
    found = [data.draw(st.lists(one, unique_by=lambda c: c.joint, max_size=5)) for _ in people]
    file = tmp_path_factory.mktemp("corrections") / "c.json"
    skeleton = data.draw(st.sampled_from([None, BODY19]))
    write_corrections(file, people, found, {"words": ["a"]}, skeleton)
    expected = {p.name: (fingerprint(p), c) for p, c in zip(people, found, strict=True) if c}
    assert read_corrections(file) == Corrections(expected, skeleton, {"words": ["a"]})


def test_places_are_kept_within_the_precision(tmp_path: Path) -> None:
    places = np.random.default_rng(0).uniform(-50, 500, (14, 2))
    found = [Correction(joint, "move", tuple(p)) for joint, p in zip(LSP14.joints, places.tolist(), strict=True)]
    write_corrections(tmp_path / "c.json", [_person()], [found], {})
    ((_, kept),) = read_corrections(tmp_path / "c.json").people.values()
    assert np.abs(np.array([c.place for c in kept]) - places).max() <= PRECISION + 1e-9


def test_the_first_version_is_read_as_ever(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    person = _person()
    joints = {"neck": ["swap", 46.2, 95.6, 0.01, None], "left_hip": ["mask", None, None, 0.0, 0.85]}
    people = {person.name: {"labels": fingerprint(person), "joints": joints}}
    file.write_text(json.dumps({"schema": "leanpose.corrections", "version": 1, "made": {}, "people": people}))
    (done,) = corrected([person], file)
    assert done.keypoints[LSP14.index("neck")].tolist() == [46.2, 95.6]
    assert not done.labelled[LSP14.index("left_hip")]
    assert done.confidence is None


def test_the_corrections_of_lsp_extended_are_read() -> None:
    file = read_corrections(Path(__file__).parents[3] / "weights" / "lspet_corrections.json")
    actions = [c.action for _, corrections in file.people.values() for c in corrections]
    assert {action: actions.count(action) for action in set(actions)} == {"swap": 537, "mask": 54, "move": 3}
    assert len(file.people) == 201


def test_joints_that_the_people_do_not_have_come_with_a_skeleton(tmp_path: Path) -> None:
    spec, file = f"lspet:{_lspet(tmp_path / 'lspet')}", tmp_path / "c.json"
    people = read_samples([spec], "train")
    nose, neck = (10.0, -20.0), (30.0, 40.0)
    found = [Correction("nose", "add", nose, 0.5), Correction("neck", "move", neck)]
    write_corrections(file, people, [[], found, [], []], {}, BODY19)
    done = read_samples([f"{spec},corrections={file}"], "train")
    assert {sample.skeleton for sample in done} == {BODY19}
    for before, after in zip(people, done, strict=True):
        assert np.array_equal(after.labelled[[BODY19.index(j) for j in LSP14.joints]], before.labelled)
    assert (done[1].keypoints[BODY19.index("nose")].tolist(), done[1].weights[0]) == ([10, -20], 0.5)
    assert done[1].box[1] == -20  # still the hull of what is labelled
    assert np.array_equal(done[0].box, people[0].box)
    assert read_samples([f"{spec},corrections={file}"], "val") == []
    small = read_samples([f"{spec},corrections={file}"], "train", LSP14)
    assert small[1].keypoints[LSP14.index("neck")].tolist() == [30, 40]
    face = replace(people[0], skeleton=COCO17, keypoints=np.zeros((17, 2)), labelled=np.arange(17) < 1)
    write_corrections(file, [], [], {}, LSP14)
    with pytest.raises(DatasetError, match=r"im00001.jpg: .*c.json is for people with joints of lsp14"):
        corrected([face], file)


def test_people_to_choose_by_get_the_joints_and_no_corrections(tmp_path: Path) -> None:
    table, file = tmp_path / "people.csv", tmp_path / "c.json"
    (tmp_path / "a.jpg").touch()
    rows = "\n".join(f"a.jpg,0,0,50,50,10,10,2,{part}" for part in ("train", "val"))
    table.write_text(f"file,x1,y1,x2,y2,nose_x,nose_y,nose_v,part\n{rows}")
    (named,) = read_samples([f"csv:{table}"], "train")
    write_corrections(file, [named], [[Correction("nose", "move", (20.0, 30.0))]], {}, COCO17)
    parts = {part: read_samples([f"csv:{table},corrections={file}"], part)[0] for part in ("train", "val")}
    assert {sample.skeleton for sample in parts.values()} == {COCO17}
    assert parts["train"].keypoints[0].tolist() == [20, 30]
    assert parts["val"].keypoints[0].tolist() == [10, 10]


def test_the_fingerprint_sees_labels_and_no_junk() -> None:
    person = _person()
    junk, moved, hidden = person.keypoints.copy(), person.keypoints.copy(), person.labelled.copy()
    junk[5] = np.nan
    moved[3] += 0.1
    hidden[3] = False
    assert fingerprint(replace(person, keypoints=junk)) == fingerprint(person)
    assert fingerprint(replace(person, keypoints=moved)) != fingerprint(person)
    assert fingerprint(replace(person, labelled=hidden)) != fingerprint(person)


def _lspet(folder: Path) -> Path:
    joints = np.random.default_rng(0).uniform(10, 90, (14, 3, 4)).round(1)
    joints[:, 2] = 1
    (folder / "images").mkdir(parents=True)
    savemat(folder / "joints.mat", {"joints": joints})
    return folder


def test_any_reader_applies_them_to_the_people_to_train_on(tmp_path: Path) -> None:
    spec = f"lspet:{_lspet(tmp_path / 'lspet')}"
    people = read_samples([spec], "train")
    file = tmp_path / "c.json"
    write_corrections(file, people, [[], [Correction("neck", "move", (1.5, 2.5))], [], []], {})
    done = read_samples([f"{spec},corrections={file}"], "train")
    neck = LSP14.index("neck")
    assert done[1].keypoints[neck].tolist() == [1.5, 2.5]
    others = [(a, b) for i, (a, b) in enumerate(zip(people, done, strict=True)) if i != 1]
    assert all(np.array_equal(a.keypoints, b.keypoints) and np.array_equal(a.box, b.box) for a, b in others)
    mapped = read_samples([f"{spec},corrections={file}"], "train", LSP14)
    assert mapped[1].keypoints[neck].tolist() == [1.5, 2.5]

    table = tmp_path / "people.csv"
    (tmp_path / "a.jpg").touch()
    row = "a.jpg,0,0,50,50,10,10,2,{}"
    table.write_text("file,x1,y1,x2,y2,nose_x,nose_y,nose_v,part\n" + row.format("train") + "\n" + row.format("val"))
    (named,) = read_samples([f"csv:{table}"], "train")
    write_corrections(file, [named], [[Correction("nose", "move", (20.0, 30.0))]], {})
    for name in ("", ",name=own"):
        assert read_samples([f"csv:{table},corrections={file}{name}"], "train")[0].keypoints.tolist() == [[20, 30]]
    assert read_samples([f"csv:{table},corrections={file}"], "val")[0].keypoints.tolist() == [[10, 10]]


def test_corrections_of_other_labels_are_refused(tmp_path: Path) -> None:
    person, file = _person(), tmp_path / "c.json"
    write_corrections(file, [person], [[Correction("neck", "mask", None)]], {})
    with pytest.raises(DatasetError, match=r"im00001.jpg: .*c.json was made for other labels"):
        corrected([replace(person, keypoints=person.keypoints + 1)], file)
    with pytest.raises(DatasetError, match=r"mpii: .*c.json was made for other labels"):
        corrected([replace(person, dataset="mpii", name="mpii/1")], file)
    assert corrected([_person("lspet/im00002.jpg")], file)[0].labelled.sum() == 13  # others stay as they are
    with pytest.raises(DatasetError, match="'nose', a joint that it does not have"):
        correct(person, [Correction("nose", "mask", None)])
    with pytest.raises(DatasetError, match="fewer than two joints"):
        correct(person, [Correction(joint, "mask", None) for joint in LSP14.joints[1:]])


_FILE = (
    '{"schema": "leanpose.corrections", "version": 2, "people": {"a": {"labels": 1, "joints": {"neck": %s}}}}'
)  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not a file of corrections"),
        ('{"schema": "leanpose.corrections", "version": 3}', "version 3, this reads up to 2: update leanpose"),
        ('{"schema": "leanpose.corrections", "version": true}', "version True"),
        ('{"schema": "leanpose.corrections", "version": 2}', "damaged"),
        ('{"schema": "leanpose.corrections", "version": 2, "people": {}, "skeleton": {"name": "a"}}', "damaged"),
        (_FILE % '["drop", 1, 2]', "'drop' is none of swap, move, overrule, mask, add"),
        (_FILE % '["move", 1, "2"]', "neck at 1, 2"),
        (_FILE % '["move", 1, 2, 1.5]', "no number from 0 to 1"),
        (_FILE % '["move", 1, 2, 0, 0]', "no number from 0 to 1"),
        (_FILE % '["move", 1]', "damaged"),
        (_FILE.replace("2,", "1,", 1) % '["move", 1, 2]', "damaged"),
    ],
)  # fmt: skip
def test_files_that_are_no_corrections_are_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "c.json"
    file.write_text(content)
    with pytest.raises(DatasetError, match=message):
        read_corrections(file)
