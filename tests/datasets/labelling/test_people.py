"""Which boxes and joints become labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.errors import ModelError, SkeletonError
from leanpose.datasets.labelling.people import Rules, label_people
from leanpose.pose.skeleton import COCO17, LSP14, MPII16

from .conftest import PLACES, Shares

IMAGE = np.zeros((200, 300, 3), np.uint8)
ALL = Rules(boxes_from=0, joints_from=0, min_side=0, least=0)


class Fixed:
    """A teacher that gives the same whatever it is asked."""

    name, skeleton = "fixed", COCO17

    def __init__(self, keypoints, confidences):
        self.answer = np.asarray(keypoints, float), np.asarray(confidences, float)

    def __call__(self, image, boxes):
        return self.answer


def person(box, teacher, rules=ALL, score=1.0, **options):
    entries = label_people(IMAGE, np.array([box], float), np.array([score]), teacher, rules, **options)
    return entries[0] if entries else None


def test_one_person_in_cocos_terms():
    """A box of 60 x 90 pixels that begins at the pixel (10, 20)."""
    entry = person([9.5, 19.5, 69.5, 109.5], Shares(), Rules(0, 0, 56, 0.3))
    assert entry["bbox"] == [10, 20, 60, 90]
    assert entry["area"] == pytest.approx(0.53 * 60 * 90)
    assert entry["score"] == 1
    points = np.array(entry["keypoints"]).reshape(17, 3)
    confidences = np.linspace(0.96, 0, 17)
    np.testing.assert_allclose(entry["confidences"], confidences, atol=1e-9)
    for joint in range(17):
        if confidences[joint] >= 0.3:
            expected = [9.5 + 60 * PLACES[joint], 19.5 + 90 * PLACES[16 - joint], 2]
            np.testing.assert_allclose(points[joint], expected, atol=0.006)
        else:
            assert (points[joint] == 0).all()
    assert entry["num_keypoints"] == (confidences >= 0.3).sum()


@given(st.floats(0, 1), st.lists(st.floats(0, 1), min_size=17, max_size=17))
def test_joints_are_written_from_the_least_confidence(least, confidences):
    points = np.full((1, 17, 2), 50.0)
    entry = person([10, 10, 90, 190], Fixed(points, [confidences]), Rules(0, 0, 0, least))
    seen = np.array(entry["keypoints"])[2::3]
    written = np.array(entry["confidences"])
    np.testing.assert_array_equal(seen == 2, (written >= least) & (written > 0))
    assert set(seen.tolist()) <= {0, 2}
    np.testing.assert_allclose(written, confidences, atol=0.0051)


def test_small_people_and_doubtful_boxes_have_no_joints():
    teacher = Shares()
    boxes = np.array([[10, 10, 40, 65.9], [100, 10, 130, 66], [200, 10, 230, 90], [250, 10, 280, 90]])
    scores = np.array([0.9, 0.9, 0.34, 0.19])
    entries = label_people(IMAGE, boxes, scores, teacher, Rules())
    assert [entry["num_keypoints"] > 0 for entry in entries] == [False, True, False]
    assert [entry["score"] for entry in entries] == [0.9, 0.9, 0.34]
    assert entries[0]["confidences"] == [0] * 17
    np.testing.assert_array_equal(teacher.asked, [boxes[1:2]])


def test_what_people_drew_stays_whatever_its_score():
    assert person([10, 10, 40, 90], Shares(), Rules(boxes_from=0.9), score=0.3) is None
    assert person([10, 10, 40, 90], Shares(), Rules(boxes_from=0.9), score=0.3, keep_all=True)["score"] == 0.3


def test_joints_outside_the_picture_are_none():
    points = np.full((1, 17, 2), 50.0)
    points[0, :5] = [[-0.6, 50], [299.6, 50], [50, -0.6], [50, 199.6], [np.nan, np.nan]]
    points[0, 5:7] = [[-0.5, -0.5], [299.5, 199.5]]
    entry = person([10, 10, 90, 190], Fixed(points, np.full((1, 17), 0.9)))
    np.testing.assert_array_equal(np.array(entry["confidences"]) > 0, [False] * 5 + [True] * 12)
    assert entry["num_keypoints"] == 12
    assert entry["keypoints"][:15] == [0] * 15


def test_a_box_is_written_as_far_as_it_is_in_the_picture_and_asked_for_whole():
    teacher = Shares()
    entry = person([-20.5, 99.5, 39.5, 259.5], teacher)
    assert entry["bbox"] == [0, 100, 40, 100]
    np.testing.assert_array_equal(teacher.asked[0], [[-20.5, 99.5, 39.5, 259.5]])
    shown_too_little = person([-80.5, 99.5, 39.5, 139.5], teacher, Rules(0, 0, 41))
    assert shown_too_little["num_keypoints"] == 0


def test_a_box_of_which_less_than_a_pixel_is_in_the_picture_is_not_written():
    boxes = np.array([[-80, 10, 0.4, 190], [-80, 10, 0.5, 190], [299.4, 10, 360, 190]])
    for keep_all, sides in ((False, [1]), (True, [0.9, 1, 0.1])):
        written = label_people(IMAGE, boxes, np.ones(3), None, ALL, keep_all)
        np.testing.assert_allclose([entry["bbox"][2] for entry in written], sides)


def standing(x):
    """Joints of a person whose box begins there; no two of them in one place."""
    return np.column_stack((x + 5 + 30 * np.linspace(0, 1, 17) ** 2, 20 + 9 * np.arange(17)))


def test_two_boxes_of_one_person_give_one():
    boxes = np.array([[10, 10, 60, 190], [12, 20, 58, 120], [200, 10, 250, 190]])
    points = np.stack((standing(10), standing(10), standing(200)))
    answers = Fixed(points, np.full((3, 17), 0.9))
    entries = label_people(IMAGE, boxes, np.array([0.9, 0.6, 0.7]), answers, ALL)
    assert [entry["score"] for entry in entries] == [0.9, 0.7]
    assert [entry["num_keypoints"] for entry in entries] == [17, 17]
    entries = label_people(IMAGE, boxes, np.array([0.9, 0.6, 0.7]), answers, ALL, keep_all=True)
    assert [entry["num_keypoints"] for entry in entries] == [17, 0, 17]


def test_somebody_beside_whom_the_teacher_saw_the_neighbour_keeps_the_box():
    boxes = np.array([[10, 10, 60, 190], [40, 10, 90, 190]])
    entries = label_people(IMAGE, boxes, np.array([0.9, 0.6]), Fixed([standing(10)] * 2, np.full((2, 17), 0.9)), ALL)
    assert [entry["num_keypoints"] for entry in entries] == [17, 0]
    assert entries[1]["bbox"] == [40.5, 10.5, 50, 180]


def test_a_limb_that_two_are_given_is_the_surer_ones():
    points = np.stack((standing(10), standing(150)))
    points[1, 13:] = points[0, 13:]  # the legs
    confidences = np.full((2, 17), 0.9)
    confidences[1] = 0.6
    boxes = np.array([[10, 10, 60, 190], [150, 10, 200, 190]])
    entries = label_people(IMAGE, boxes, np.array([0.5, 0.9]), Fixed(points, confidences), ALL)
    assert entries[0]["confidences"] == [0.9] * 17
    assert entries[1]["confidences"] == [0.6] * 13 + [0] * 4
    assert entries[1]["num_keypoints"] == 13


def test_boxes_alone():
    (entry,) = label_people(IMAGE, np.array([[9.5, 9.5, 29.5, 49.5]]), np.array([0.25]), None, Rules())
    assert entry == {
        "category_id": 1, "iscrowd": 0, "bbox": [10, 10, 20, 40], "area": 424.0, "score": 0.25,
    }  # fmt: skip


def test_other_joints_are_taken_by_name():
    entry = person([10, 10, 90, 190], Shares(), skeleton=COCO17)
    assert len(entry["confidences"]) == 17
    with pytest.raises(SkeletonError, match=r"pelvis|head_top"):
        person([10, 10, 90, 190], Shares(), skeleton=MPII16)
    with pytest.raises(SkeletonError):
        person([10, 10, 90, 190], Shares(), skeleton=LSP14)


@pytest.mark.parametrize(
    ("points", "confidences"),
    [(np.zeros((1, 16, 2)), np.zeros((1, 16))), (np.zeros((1, 17, 2)), np.full((1, 17), 1.5)),
     (np.zeros((2, 17, 2)), np.zeros((2, 17))), (np.zeros((1, 17, 3)), np.zeros((1, 17)))],
)  # fmt: skip
def test_a_teacher_that_answers_something_else(points, confidences):
    with pytest.raises(ModelError, match="teacher 'fixed' does not answer"):
        person([10, 10, 90, 190], Fixed(points, confidences))


@pytest.mark.parametrize("wrong", [{"least": 1.1}, {"boxes_from": -0.1}, {"joints_from": 2}, {"min_side": -1}])
def test_rules_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Rules(**wrong)
