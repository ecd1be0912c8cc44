import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.errors import PosesError, SkeletonError
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import BODY19, COCO17, LSP14, MPII16, Skeleton

PAIR = Skeleton("pair", ("left_hand", "right_hand"), limbs=(("left_hand", "right_hand"),))


def parts(people: int = 3, **changed) -> dict:
    """Arguments for Poses of ``people`` people with two joints each, all values distinct."""
    return {
        "keypoints": np.arange(people * 4, dtype=float).reshape(people, 2, 2),
        "scores": np.linspace(0, 1, people * 2).reshape(people, 2),
        "boxes": np.array([[i, i, i + 5, i + 9] for i in range(people)], dtype=float),
        "box_scores": np.linspace(1, 0.5, people),
        "skeleton": PAIR,
        "image_hw": (20, 30),
        "ids": np.arange(people) + 7,
        "source": "a.jpg",
    } | changed


def test_fields_are_read_only_copies_of_the_declared_types():
    given = parts()
    poses = Poses(**given)
    given["keypoints"][0, 0, 0] = 99
    assert poses.keypoints[0, 0, 0] == 0
    for name in ("keypoints", "scores", "boxes", "box_scores"):
        assert getattr(poses, name).dtype == np.float32
    assert poses.ids is not None
    assert poses.ids.dtype == np.int64
    with pytest.raises(ValueError, match="read-only"):
        poses.scores[0, 0] = 0.5
    with pytest.raises(dataclasses.FrozenInstanceError):
        poses.source = "b.jpg"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("keypoints", np.zeros((3, 5, 2)), r"keypoints: shape \(3, 5, 2\).*2 joints of pair"),
        ("keypoints", np.zeros((3, 2)), "keypoints: shape"),
        ("keypoints", 5.0, "keypoints: shape"),
        ("keypoints", None, "keypoints: must hold float32 numbers"),
        ("keypoints", [[[1, 2], [3, 4]], [[1, 2], [3]], [[1, 2], [3, 4]]], "keypoints: not an array"),
        ("keypoints", np.full((3, 2, 2), "1"), "keypoints: must hold float32 numbers"),
        ("keypoints", np.full((3, 2, 2), np.inf), "keypoints: infinite"),
        ("keypoints", np.full((3, 2, 2), 1e300), "keypoints: infinite or beyond float32"),
        ("keypoints", np.tile([np.nan, 1.0], (3, 2, 1)), "keypoints: a joint has only one of x and y"),
        ("scores", np.zeros((2, 2)), "scores: shape"),
        ("scores", np.full((3, 2), 1.01), r"scores: must lie in \[0, 1\]"),
        ("scores", np.full((3, 2), -0.01), "scores: must lie"),
        ("scores", np.full((3, 2), np.nan), "scores: must lie"),
        ("scores", np.ones((3, 2), bool), "scores: must hold float32"),
        ("boxes", np.zeros((3, 5)), "boxes: shape"),
        ("boxes", np.full((3, 4), np.nan), "boxes: must be finite"),
        ("boxes", np.tile([0, 0, np.inf, 1], (3, 1)), "boxes: must be finite"),
        ("boxes", np.tile([5.0, 0, 4, 9], (3, 1)), "boxes: .* x2 >= x1"),
        ("boxes", np.tile([0.0, 9, 4, 5], (3, 1)), "boxes: .* y2 >= y1"),
        ("box_scores", np.zeros(2), "box_scores: shape"),
        ("box_scores", np.full(3, 2.0), "box_scores: must lie"),
        ("box_scores", np.full(3, np.nan), "box_scores: must lie"),
        ("ids", np.zeros(2, int), "ids: shape"),
        ("ids", np.array([1.5, 2, 3]), "ids: must hold int64"),
        ("skeleton", "lsp14", "skeleton: must be a leanpose Skeleton, is str"),
        ("image_hw", (20, 30, 3), "image_hw: must be two positive"),
        ("image_hw", (20, 0), "image_hw: must be two positive"),
        ("image_hw", (20.5, 30), "image_hw: must be two positive"),
        ("image_hw", 20, "image_hw: must be two positive"),
        ("source", 3, "source: must be a file name or None, is int"),
        ("uncertainties", np.zeros((3, 3)), "uncertainties: shape"),
        ("uncertainties", np.full((3, 2), -1.0), "uncertainties: must be pixels from 0"),
        ("uncertainties", np.full((3, 2), np.inf), "uncertainties: must be pixels from 0"),
        ("uncertainties", np.full((3, 2), "4"), "uncertainties: must hold float32"),
    ],
)
def test_a_field_that_does_not_fit_is_named(field, value, message):
    with pytest.raises(PosesError, match=f"^{message}"):
        Poses(**parts(**{field: value}))


def test_indexing_selects_whole_people():
    poses = Poses(**parts(uncertainties=np.arange(6.0).reshape(3, 2)))
    for index, people in [
        (1, [1]),
        (-1, [2]),
        (np.int64(0), [0]),
        (slice(1, None), [1, 2]),
        (slice(None, None, -1), [2, 1, 0]),
        (np.array([True, False, True]), [0, 2]),
        ([2, 0], [2, 0]),
        ([], []),
    ]:
        some = poses[index]
        assert len(some) == len(people)
        for name in ("keypoints", "scores", "boxes", "box_scores", "ids", "uncertainties"):
            np.testing.assert_array_equal(getattr(some, name), getattr(poses, name)[people])
        assert (some.skeleton, some.image_hw, some.source) == (PAIR, (20, 30), "a.jpg")


@pytest.mark.parametrize("index", [3, -4, np.array([True])])
def test_indexing_somebody_who_is_not_there(index):
    with pytest.raises(IndexError):
        Poses(**parts())[index]


def test_iteration_gives_each_person_once():
    people = list(Poses(**parts(ids=None)))
    assert [len(one) for one in people] == [1, 1, 1]
    assert [one.boxes[0, 0] for one in people] == [0, 1, 2]
    assert all(one.ids is None for one in people)


def test_nobody_found():
    nobody = Poses.empty(LSP14, (20, 30), source="a.jpg")
    assert len(nobody) == 0
    assert list(nobody) == []
    assert nobody.keypoints.shape == (0, 14, 2)
    assert nobody.boxes.shape == (0, 4)
    assert len(nobody[:]) == 0
    assert nobody.to_coco() == []


def test_a_joint_that_was_not_found_is_nan():
    keypoints = parts()["keypoints"]
    keypoints[1, 0] = np.nan
    assert np.isnan(Poses(**parts(keypoints=keypoints)).keypoints[1, 0]).all()


def test_draw_marks_the_people_on_a_copy():
    poses = Poses(**parts(1, scores=np.ones((1, 2))))
    image = np.zeros((20, 30, 3), np.uint8)
    assert poses.draw(image, min_score=0.5).any()
    assert not image.any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"frame": -1}, "frame: must be a whole number"),
        ({"frame": 1.5}, "frame: must be a whole number"),
        ({"frame": True}, "frame: must be a whole number"),
        ({"timestamp": np.nan}, "timestamp: must be seconds"),
        ({"timestamp": "1"}, "timestamp: must be seconds"),
    ],
)
def test_frame_and_time_are_checked(fields, message):
    with pytest.raises(PosesError, match=message):
        dataclasses.replace(Poses.empty(LSP14, (4, 5)), **fields)


def test_frame_time_and_image_stay_with_parts_and_drawing_takes_the_image():
    image = np.zeros((4, 5, 3), np.uint8)
    poses = dataclasses.replace(Poses.empty(LSP14, (4, 5)), frame=3, timestamp=0.5, image=image)
    part = poses[:0]
    assert (part.frame, part.timestamp) == (3, 0.5)
    assert part.image is image
    np.testing.assert_array_equal(poses.draw(), image)
    with pytest.raises(PosesError, match="keep_images"):
        Poses.empty(LSP14, (4, 5)).draw()


def body19(people: int = 2) -> Poses:
    """People with every joint found."""
    rng = np.random.default_rng(0)
    return Poses(
        rng.uniform(0, 90, (people, 19, 2)), rng.uniform(0.1, 1, (people, 19)),
        np.tile([0.0, 0, 90, 90], (people, 1)), np.linspace(1, 0.5, people), BODY19, (100, 120),
        np.arange(people) + 3, "a.mp4", 7, 0.25, np.zeros((100, 120, 3), np.uint8), rng.uniform(1, 9, (people, 19)),
    )  # fmt: skip


def test_a_view_has_the_joints_wanted_in_their_order_and_all_else_as_it_was():
    poses = body19()
    for target in (COCO17, LSP14):
        view = poses.view(target.name)
        assert view.skeleton is target
        for k, joint in enumerate(target.joints):
            for name in ("keypoints", "scores", "uncertainties"):
                np.testing.assert_array_equal(
                    getattr(view, name)[:, k], getattr(poses, name)[:, BODY19.joints.index(joint)]
                )
        for field in dataclasses.fields(Poses):
            if field.name not in ("keypoints", "scores", "uncertainties", "skeleton"):
                np.testing.assert_array_equal(getattr(view, field.name), getattr(poses, field.name))
    xs = np.float32(poses.view("coco17").to_coco()[0]["keypoints"][0::3])
    np.testing.assert_array_equal(xs, poses.keypoints[0, :17, 0])
    assert poses.view("body19") is poses
    assert poses.view(BODY19) is poses


def test_a_joint_between_two_is_in_the_middle_of_what_was_found_and_as_sure_as_the_less_sure():
    keypoints = np.full((2, 19, 2), 50.0)
    keypoints[:, BODY19.index("left_hip")], keypoints[:, BODY19.index("right_hip")] = (10, 30), (20, 36)
    keypoints[1, BODY19.index("right_hip")] = np.nan
    scores = np.full((2, 19), 0.9)
    scores[0, BODY19.index("left_hip")], scores[1, BODY19.index("right_hip")] = 0.25, 0
    radii = np.full((2, 19), 4.0)
    radii[0, BODY19.index("left_hip")], radii[:, BODY19.index("right_hip")] = 3, (4, np.nan)
    view = dataclasses.replace(body19(), keypoints=keypoints, scores=scores, uncertainties=radii).view("mpii16")
    assert view.uncertainties is not None
    pelvis, thorax = MPII16.index("pelvis"), MPII16.index("thorax")
    assert view.keypoints[0, pelvis].tolist() == [15, 33]
    assert view.scores[0, [pelvis, thorax]].tolist() == [0.25, np.float32(0.9)]
    assert view.uncertainties[0, [pelvis, thorax]].tolist() == [2.5, np.float32(np.sqrt(8))]  # half of 3 + 4i, 4 + 4i
    assert np.isnan(view.keypoints[1, pelvis]).all()
    assert np.isnan(view.uncertainties[1, pelvis])
    assert view.uncertainties[1, thorax] == view.uncertainties[0, thorax]
    assert view.scores[1, pelvis] == 0


def test_views_of_nobody_by_a_file_and_of_what_is_not_there(tmp_path):
    assert Poses.empty(BODY19, (20, 30), "a.jpg").view("lsp14").keypoints.shape == (0, 14, 2)
    path = tmp_path / "arm.json"
    path.write_text(json.dumps({"joints": ["right_wrist", "right_elbow"], "flips": []}))
    poses = body19()
    arm = poses.view(path)
    assert (arm.skeleton.name, arm.skeleton.joints) == ("arm", ("right_wrist", "right_elbow"))
    np.testing.assert_array_equal(arm.keypoints, poses.keypoints[:, [10, 8]])
    with pytest.raises(SkeletonError, match="body19 does not have its left_big_toe"):
        poses.view("halpe26")
    with pytest.raises(SkeletonError, match="unknown skeleton 'coco18'"):
        poses.view("coco18")


@given(st.integers(0, 2**31))
def test_a_persons_score_is_that_of_the_box_times_the_mean_of_the_surer_joints(seed):
    rng = np.random.default_rng(seed)
    keypoints, scores, box_scores = rng.uniform(0, 9, (4, 17, 2)), rng.random((4, 17)) ** 2, rng.random(4)
    keypoints[rng.random((4, 17)) < 0.2] = np.nan
    keypoints[3] = np.nan
    poses = Poses(keypoints, scores, np.tile([0.0, 0, 9, 9], (4, 1)), box_scores, COCO17, (10, 10))
    for person in range(4):
        found = np.isfinite(keypoints[person]).all(axis=-1)
        surer = [s for s, there in zip(scores[person], found, strict=True) if s > 0.2 and there]
        expected = box_scores[person] * (sum(surer) / len(surer) if surer else 0)
        assert poses.person_scores[person] == pytest.approx(expected, rel=1e-5)
    assert Poses.empty(COCO17, (10, 10)).person_scores.shape == (0,)
