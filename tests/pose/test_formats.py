import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leanpose.core.errors import PosesError
from leanpose.pose.coco import coco_results, write_coco
from leanpose.pose.formats import (
    CSV_COLUMNS,
    csv_rows,
    to_document,
    write_csv,
    write_json,
)
from leanpose.pose.poses import Poses
from leanpose.pose.reading import from_document, read_json
from leanpose.pose.skeleton import COCO17, LSP14, Skeleton

PAIR = Skeleton("pair", ("left_hand", "right_hand"), (("left_hand", "right_hand"),), torso=("left_hand", "right_hand"))
FLOAT32 = st.floats(-1e6, 1e6, width=32)
UNIT = st.floats(0, 1, width=32)
RADIUS = st.floats(0, 1e6, width=32) | st.just(np.nan)


@st.composite
def poses_of(draw, skeleton: Skeleton = PAIR) -> Poses:
    people, joints = draw(st.integers(0, 3)), len(skeleton)
    keypoints = draw(hnp.arrays(np.float32, (people, joints, 2), elements=FLOAT32))
    keypoints[draw(hnp.arrays(bool, (people, joints)))] = np.nan
    corners = draw(hnp.arrays(np.float32, (people, 2, 2), elements=FLOAT32))
    return Poses(
        keypoints,
        draw(hnp.arrays(np.float32, (people, joints), elements=UNIT)),
        np.sort(corners, axis=1).reshape(people, 4),
        draw(hnp.arrays(np.float32, people, elements=UNIT)),
        skeleton,
        draw(st.tuples(st.integers(1, 9999), st.integers(1, 9999))),
        draw(st.none() | hnp.arrays(np.int64, people, elements=st.integers(-(2**63), 2**63 - 1))) if people else None,
        draw(st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=20)),
        uncertainties=draw(st.none() | hnp.arrays(np.float32, (people, joints), elements=RADIUS)) if people else None,
    )


def one_person(**changed) -> Poses:
    fields = {
        "keypoints": np.array([[[10.25, 20.5], [np.nan, np.nan]]]),
        "scores": np.array([[0.5, 0.0]]),
        "boxes": np.array([[-0.5, 1.0, 9.5, 21.0]]),
        "box_scores": np.array([0.8]),
        "skeleton": PAIR,
        "image_hw": (40, 30),
        "ids": np.array([7]),
        "source": "photos/000000081988.jpg",
    }
    return Poses(**fields | changed)


def assert_same(a: Poses, b: Poses) -> None:
    for name in ("keypoints", "scores", "boxes", "box_scores"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert (a.ids is None) == (b.ids is None)
    if a.ids is not None:
        np.testing.assert_array_equal(a.ids, b.ids)
    assert (a.uncertainties is None) == (b.uncertainties is None)
    if a.uncertainties is not None:
        np.testing.assert_array_equal(a.uncertainties, b.uncertainties)
    assert (a.skeleton, a.image_hw, a.source) == (b.skeleton, b.image_hw, b.source)


@given(poses_of())
def test_json_gives_back_every_bit(poses):
    assert_same(Poses.from_json(poses.to_json()), poses)
    assert_same(Poses.from_dict(poses.to_dict()), poses)


@given(st.lists(poses_of(), max_size=3))
def test_a_document_of_many_images_is_strict_json_and_comes_back(images):
    text = json.dumps(to_document(images), allow_nan=False)
    back = from_document(json.loads(text))
    assert len(back) == len(images)
    for a, b in zip(back, images, strict=True):
        assert_same(a, b)


UNFLIPPED = Skeleton("fox", ("left_ear", "tail"), torso=("left_ear", "tail"), flippable=False)
FLIPS = Skeleton("ears", ("LeftEar", "RightEar"), torso=("LeftEar", "RightEar"), flips=(("LeftEar", "RightEar"),))


@pytest.mark.parametrize("skeleton", [LSP14, COCO17, UNFLIPPED, FLIPS], ids=lambda s: s.name)
def test_the_skeleton_travels_with_the_poses(skeleton):
    assert Poses.from_json(Poses.empty(skeleton, (4, 5)).to_json()).skeleton == skeleton


def test_the_schema_is_what_is_documented():
    # Written out by hand: a change here breaks the files of earlier releases and needs a new version.
    assert one_person().to_dict() == {
        "schema": "leanpose.poses",
        "version": 1,
        "skeleton": {
            "name": "pair",
            "joints": ["left_hand", "right_hand"],
            "limbs": [["left_hand", "right_hand"]],
            "sigmas": None,
            "torso": ["left_hand", "right_hand"],
        },
        "images": [
            {
                "source": "photos/000000081988.jpg",
                "height": 40,
                "width": 30,
                "people": [
                    {
                        "id": 7,
                        "box": [-0.5, 1.0, 9.5, 21.0],
                        "score": 0.8,
                        "keypoints": [[10.25, 20.5, 0.5], [None, None, 0.0]],
                    }
                ],
            }
        ],
    }


IMAGE, PERSON = ("images", 0), ("images", 0, "people", 0)
REMOVED = object()


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (("schema",), REMOVED, "schema: missing"),
        (("schema",), "coco", "schema: expected 'leanpose.poses', found 'coco'"),
        (("version",), 2, "version: this leanpose reads version 1, found 2"),
        (("version",), True, "version: True is not of the kind"),
        (("images",), {}, "images: {} is not of the kind"),
        (("images",), [3], r"images\[0\].source: missing"),
        (("skeleton",), None, "skeleton: None is not of the kind"),
        (("skeleton", "name"), REMOVED, "skeleton: a skeleton has a name and joints"),
        (("skeleton", "joints"), ["left_hand", 3], "skeleton: the name and the joints of a skeleton must be texts"),
        (("skeleton", "joints"), ["left_hand", "nose"], "skeleton: skeleton 'pair'"),
        (("skeleton", "limbs"), [["left_hand"]], "skeleton: two joint names are needed"),
        (("skeleton", "torso"), "ab", "skeleton: a list is needed where a skeleton has 'ab'"),
        (("skeleton", "sigmas"), [0.1], "skeleton: skeleton 'pair': sigmas must be 2 positive numbers"),
        (("skeleton", "sigmas"), [0.1, None], "skeleton: skeleton 'pair': sigmas must be numbers"),
        ((*IMAGE, "height"), 0, r"images\[0\].image_hw: must be two positive"),
        ((*IMAGE, "width"), 2.5, r"images\[0\].width: 2.5 is not of the kind"),
        ((*IMAGE, "source"), 3, r"images\[0\].source: 3 is not of the kind"),
        ((*IMAGE, "people"), None, r"images\[0\].people: None is not of the kind"),
        ((*PERSON, "keypoints"), REMOVED, r"images\[0\].people\[0\].keypoints: missing"),
        ((*PERSON, "keypoints"), [[1, 2, 0.5]], r"images\[0\].people\[0\].keypoints: must be 2 x 3 numbers"),
        ((*PERSON, "keypoints"), [[1, 2, 0.5], [1, 2]], r"images\[0\].people\[0\].keypoints: must be 2 x 3"),
        ((*PERSON, "keypoints", 0, 0), "1", r"images\[0\].people\[0\].keypoints: must be 2 x 3"),
        ((*PERSON, "keypoints", 0, 0), True, r"images\[0\].people\[0\].keypoints: must be 2 x 3"),
        ((*PERSON, "keypoints", 0, 0), 10**400, r"images\[0\].people\[0\].keypoints: int too large"),
        ((*PERSON, "keypoints", 0, 0), None, r"images\[0\].keypoints: a joint has only one of x and y"),
        ((*PERSON, "keypoints", 0, 2), None, r"images\[0\].scores: must lie in"),
        ((*PERSON, "box"), [1, 2, 3], r"images\[0\].people\[0\].box: must be 4 numbers"),
        ((*PERSON, "box"), [1, 2, None, 3], r"images\[0\].boxes: must be finite"),
        ((*PERSON, "score"), 1.5, r"images\[0\].box_scores: must lie"),
        ((*PERSON, "score"), "1", r"images\[0\].people\[0\].score: '1' is not of the kind"),
        ((*PERSON, "id"), 1.5, r"images\[0\].people\[0\].id: 1.5 is not of the kind"),
        ((*PERSON, "id"), 2**70, r"images\[0\].ids: must hold int64"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_by_the_name_of_its_field(where, value, message):
    document = one_person().to_dict()
    holder = document
    for key in where[:-1]:
        holder = holder[key]
    if value is REMOVED:
        del holder[where[-1]]
    else:
        holder[where[-1]] = value
    with pytest.raises(PosesError, match=f"^{message}"):
        Poses.from_dict(document)


def test_ids_are_for_all_or_for_none():
    document = one_person().to_dict()
    people = document["images"][0]["people"]
    people.append({**people[0], "id": None})
    with pytest.raises(PosesError, match="some have an id and some have none"):
        Poses.from_dict(document)


@pytest.mark.parametrize("text", ["", "{", b"\xff\xfe\x00", "[" * 100_000])
def test_text_that_is_not_json(text):
    with pytest.raises(PosesError, match=r"^not JSON"):
        Poses.from_json(text)


@pytest.mark.parametrize("text", ["[]", "null", "3"])
def test_json_of_another_kind(text):
    with pytest.raises(PosesError, match=r"^schema: missing"):
        Poses.from_json(text)


def test_one_image_is_not_taken_out_of_several():
    with pytest.raises(PosesError, match="expected one image, found 2"):
        Poses.from_dict(to_document([one_person(), one_person()]))


def test_one_file_holds_one_skeleton():
    with pytest.raises(PosesError, match=r"^skeleton: the images of one file must share it"):
        to_document([one_person(), Poses.empty(LSP14, (4, 5))])


def test_json_file(tmp_path):
    path = tmp_path / "new folder" / "poses.json"
    images = [one_person(), Poses.empty(PAIR, (4, 5))]
    write_json(images, path)
    for a, b in zip(read_json(path), images, strict=True):
        assert_same(a, b)
    assert [file.name for file in path.parent.iterdir()] == ["poses.json"]
    write_json([], path)
    assert read_json(path) == []


def test_reading_names_the_file(tmp_path):
    with pytest.raises(PosesError, match=r"gone\.json: cannot be read"):
        read_json(tmp_path / "gone.json")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(PosesError, match=r"bad\.json: schema: missing"):
        read_json(tmp_path / "bad.json")


@pytest.mark.parametrize("write", [write_json, write_csv, write_coco])
def test_what_cannot_be_written_leaves_nothing_behind(tmp_path, write):
    (tmp_path / "poses").mkdir()
    with pytest.raises(PosesError, match="cannot write"):
        write([one_person()], tmp_path / "poses")
    assert [file.name for file in tmp_path.iterdir()] == ["poses"]


def test_csv_has_one_row_per_joint(tmp_path):
    path = tmp_path / "poses.csv"
    comma = one_person(source='a,"b".jpg', ids=None)
    write_csv([one_person(), Poses.empty(PAIR, (4, 5)), comma], path)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["photos/000000081988.jpg"] * 2 + [""] + ['a,"b".jpg'] * 2
    assert set(rows.pop(2).values()) == {""}  # nobody there
    assert dict(rows[0]) == {
        "file": "photos/000000081988.jpg", "frame": "", "time": "", "person": "0", "id": "7", "joint": "left_hand",
        "x": "10.25", "y": "20.5", "score": "0.5",
        "box_x1": "-0.5", "box_y1": "1.0", "box_x2": "9.5", "box_y2": "21.0", "box_score": "0.8",
        "uncertainty": "",
    }  # fmt: skip
    assert (rows[1]["joint"], rows[1]["x"], rows[1]["y"], rows[1]["score"]) == ("right_hand", "", "", "0.0")
    assert rows[2]["id"] == ""


@given(poses_of())
def test_csv_gives_back_every_bit(poses):
    text = io.StringIO()
    csv.writer(text).writerows(csv_rows(poses))
    rows = [dict(zip(CSV_COLUMNS, row, strict=True)) for row in csv.reader(io.StringIO(text.getvalue(), newline=""))]
    rows = [row for row in rows if row["joint"]]
    points = [[np.float32(row["x"] or "nan"), np.float32(row["y"] or "nan")] for row in rows]
    np.testing.assert_array_equal(np.reshape(points, (-1, 2, 2)), poses.keypoints)
    np.testing.assert_array_equal(np.reshape([np.float32(row["score"]) for row in rows], (-1, 2)), poses.scores)
    radii = np.reshape([np.float32(row["uncertainty"] or "nan") for row in rows], (-1, 2))
    np.testing.assert_array_equal(radii, np.full(radii.shape, np.nan) if (u := poses.uncertainties) is None else u)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[1.0]], "uncertainties: must be 2 numbers"),
        ([["1", 2]], "uncertainties: must be 2 numbers"),
        ([[-1, 2]], "uncertainties: must be pixels from 0"),
        ([[1, 2], None], "some have uncertainties and some have none"),
    ],
)
def test_uncertainties_of_a_file_that_do_not_fit_are_named(given, message):
    document = one_person(uncertainties=np.array([[1.5, np.nan]])).to_dict()
    (person,) = document["images"][0]["people"]
    assert person["uncertainties"] == [1.5, None]
    people = [person | {"uncertainties": radii} for radii in given]
    if given[-1] is None:
        del people[-1]["uncertainties"]
    document["images"][0]["people"] = people
    with pytest.raises(PosesError, match=message):
        Poses.from_dict(document)


def test_coco_results_move_box_edges_by_half_a_pixel_and_leave_keypoints():
    (result,) = coco_results(one_person())
    # An image's first column spans [-0.5, 0.5] here and [0, 1] in COCO.
    assert result["bbox"] == [0.0, 1.5, 10.0, 20.0]
    assert result["keypoints"] == [10.25, 20.5, 0.5, 0, 0, 0]
    assert result["score"] == pytest.approx(0.8 * 0.5)  # of the joint that was found
    assert (result["image_id"], result["category_id"]) == (81988, 1)


def test_coco_score_ignores_the_score_of_a_joint_that_was_not_found():
    (result,) = coco_results(one_person(scores=np.array([[0.5, 0.9]])))
    assert result["score"] == pytest.approx(0.8 * 0.5)
    assert result["keypoints"][3:] == [0, 0, 0]


@pytest.mark.parametrize(
    ("source", "given_id", "expected"),
    [("7.png", None, 7), ("a/im7.png", None, "im7.png"), ("²", None, "²"), ("7.png", 3, 3), (None, "x", "x")],
)
def test_coco_image_id(source, given_id, expected):
    assert one_person(source=source).to_coco(given_id)[0]["image_id"] == expected


def test_coco_needs_an_image_id():
    with pytest.raises(PosesError, match=r"^source: COCO results need an image_id"):
        coco_results(one_person(source=None))


def test_coco_file(tmp_path):
    path = tmp_path / "results.json"
    write_coco([one_person(), Poses.empty(PAIR, (4, 5)), one_person()], path, image_ids=[5, 6, 7])
    assert [result["image_id"] for result in json.loads(path.read_text())] == [5, 7]
    with pytest.raises(PosesError, match="image_ids: 1 ids for 2 images"):
        write_coco([one_person(), one_person()], path, image_ids=[5])
