"""The rule of two teachers, held against a loop over joints that says it in other words, and against its laws."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leanpose.core.errors import BoxError, SkeletonError
from leanpose.estimate.teachers.agreement import Agreement, Rule, joined
from leanpose.pose.skeleton import COCO17, LSP14, Skeleton

PEOPLE, JOINTS = 2, 5
HW = 120, 160
confidences = arrays(float, (PEOPLE, JOINTS), elements=st.floats(0, 1))
points = arrays(float, (PEOPLE, JOINTS, 2), elements=st.floats(-20, 180, width=32))
steps = arrays(float, (PEOPLE, JOINTS, 2), elements=st.floats(-6, 6, width=32))  # squares of smaller numbers are 0
boxes = arrays(float, (PEOPLE, 2), elements=st.floats(0, 100)).flatmap(
    lambda corner: arrays(float, (PEOPLE, 2), elements=st.floats(10, 120)).map(
        lambda size: np.hstack((corner, corner + size))
    )
)
rules = st.builds(
    Rule, st.floats(0, 0.2), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)
)


def one_by_one(image_hw: tuple, boxes: np.ndarray, first: tuple, second: tuple, rule: Rule) -> tuple:
    """The rule in plain words, joint by joint."""
    keypoints, sure = np.zeros((PEOPLE, JOINTS, 2)), np.zeros((PEOPLE, JOINTS))
    for p, (x1, y1, x2, y2) in enumerate(boxes):
        side = max(x2 - x1, y2 - y1)
        for k in range(JOINTS):
            (ax, ay), a = first[0][p, k], first[1][p, k]
            (bx, by), b = second[0][p, k], second[1][p, k]
            if math.hypot(bx - ax, by - ay) <= rule.near * side and a > rule.first_sure and b > rule.second_sure:
                x, y, confidence = (ax + bx) / 2, (ay + by) / 2, max(a, rule.agreed)
            else:
                x, y, confidence = ax, ay, min(a, rule.alone)
            if not (-0.5 <= x <= image_hw[1] - 0.5 and -0.5 <= y <= image_hw[0] - 0.5):
                confidence = 0
            reach = rule.reach * side
            if x < x1 - reach or x > x2 + reach or y < y1 - reach or y > y2 + reach:
                confidence = 0
            keypoints[p, k], sure[p, k] = (x, y), confidence
    return keypoints, sure


@given(boxes=boxes, at=points, step=steps, a=confidences, b=confidences, rule=rules)
def test_the_rule_is_what_its_words_say(
    boxes: np.ndarray, at: np.ndarray, step: np.ndarray, a: np.ndarray, b: np.ndarray, rule: Rule
) -> None:
    first, second = (at, a), (at + step, b)
    keypoints, sure = joined(HW, boxes, first, second, rule)
    wanted, wanted_sure = one_by_one(HW, boxes, first, second, rule)
    assert keypoints == pytest.approx(wanted)
    assert sure == pytest.approx(wanted_sure)


@given(boxes=boxes, at=points, step=steps, a=confidences, b=confidences)
def test_a_confidence_tells_who_spoke(
    boxes: np.ndarray, at: np.ndarray, step: np.ndarray, a: np.ndarray, b: np.ndarray
) -> None:
    """From 0.8 on both, and the joint is halfway; below, the first alone, whatever the second says."""
    keypoints, sure = joined(HW, boxes, (at, a), (at + step, b))
    both = sure >= 0.8
    assert keypoints[both] == pytest.approx((at + step / 2)[both])
    alone = (sure > 0) & ~both
    assert keypoints[alone] == pytest.approx(at[alone])
    assert (sure[alone] <= 0.79).all()
    assert (sure[alone] <= a[alone]).all()


@given(
    boxes=boxes, at=points, step=steps, a=confidences, b=confidences, factor=st.sampled_from([0.5, 2.0, 8.0]),
    move=st.sampled_from([(0.0, 0.0), (16.0, -4.0), (-64.0, 32.0)]),
)  # fmt: skip
def test_a_larger_picture_elsewhere_changes_nothing(
    boxes: np.ndarray, at: np.ndarray, step: np.ndarray, a: np.ndarray, b: np.ndarray, factor: float, move: tuple
) -> None:
    """All of it, but for the picture's own edges, which are far away here."""
    far, shift = (10**6, 10**6), np.array(move) + 1000
    before = joined(far, boxes + 1000, (at + 1000, a), (at + step + 1000, b))
    grown = joined(far, boxes * factor + np.tile(shift, 2), (at * factor + shift, a), ((at + step) * factor + shift, b))
    # a joint exactly on a threshold may fall to either side of it
    side = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    margin = np.abs(np.linalg.norm(step, axis=-1) - 0.045 * side[:, None]) > 1e-6
    for edge, sign in ((boxes[:, :2], 1), (boxes[:, 2:], -1)):
        for place in (at, at + step / 2):
            margin &= (np.abs(place - (edge - sign * 0.2 * side[:, None])[:, None]) > 1e-6).all(axis=-1)
    assert grown[0][margin] == pytest.approx(((before[0] - 1000) * factor + shift)[margin])
    assert grown[1][margin] == pytest.approx(before[1][margin])


@given(boxes=boxes, at=points, step=steps)
def test_where_both_are_sure_it_does_not_matter_who_is_first(
    boxes: np.ndarray, at: np.ndarray, step: np.ndarray
) -> None:
    sure = np.ones((PEOPLE, JOINTS))
    rule = Rule(near=10)
    one, other = (
        joined(HW, boxes, (at, sure), (at + step, sure), rule),
        joined(HW, boxes, (at + step, sure), (at, sure), rule),
    )
    assert one[0] == pytest.approx(other[0])


def test_a_joint_that_the_second_does_not_know_is_the_firsts() -> None:
    at = np.full((1, 1, 2), 30.0)
    keypoints, sure = joined(
        HW, np.array([[0.0, 0, 60, 60]]), (at, np.array([[0.9]])), (at * np.nan, np.array([[0.0]]))
    )
    assert keypoints == pytest.approx(at)
    assert sure == pytest.approx(0.79)


@pytest.mark.parametrize("wrong", [{"near": -0.1}, {"agreed": 1.2}, {"alone": -0.1}, {"reach": float("nan")}])
def test_rules_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        Rule(**wrong)


def saying(name: str, skeleton: Skeleton, places: dict[str, tuple[float, float]]) -> Any:
    """A teacher who sees the same joints in every box, as shares of it, all of confidence 0.6."""

    def answer(image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shares = np.array([places[joint] for joint in skeleton.joints])
        keypoints = boxes[:, None, :2] + shares * (boxes[:, 2:] - boxes[:, :2])[:, None]
        return keypoints, np.full(keypoints.shape[:2], 0.6)

    made = SimpleNamespace(name=name, skeleton=skeleton, input_hw=(64, 48), padding=1.1, engine=f"{name}'s engine")
    made.describe = lambda: f"model {name}"

    class Speaking(SimpleNamespace):
        def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return answer(image, boxes)

    return Speaking(**vars(made))


def test_teachers_of_other_skeletons_agree_by_the_names_of_joints() -> None:
    """LSP's joints in COCO's: the nose is the first one's alone, and so its confidence stays."""
    rng = np.random.default_rng(0)
    places = {joint: tuple(rng.uniform(0.2, 0.8, 2)) for joint in (*COCO17.joints, *LSP14.joints)}
    near = {joint: (x + 0.02, y) for joint, (x, y) in places.items()}
    both = Agreement(saying("one", COCO17, places), saying("two", LSP14, near))
    assert (both.name, both.skeleton, both.input_hw, both.padding) == ("one+two", COCO17, (64, 48), 1.1)
    assert both.engine == "one's engine"
    assert both.describe() == "model one, joined within 0.045 of the box with model two"
    box = np.array([[10.0, 10, 110, 110]])
    keypoints, sure = both(np.zeros((*HW, 3), np.uint8), box)
    for k, joint in enumerate(COCO17.joints):
        shared = joint in LSP14.joints
        assert keypoints[0, k] == pytest.approx(10 + 100 * np.array(places[joint]) + (shared, 0))
        assert sure[0, k] == pytest.approx(0.8 if shared else 0.6)


def test_boxes_are_checked_and_nobody_is_nobody() -> None:
    teacher = saying("one", COCO17, dict.fromkeys(COCO17.joints, (0.5, 0.5)))
    both = Agreement(teacher, teacher)
    image = np.zeros((*HW, 3), np.uint8)
    keypoints, sure = both(image, np.array([]))
    assert (keypoints.shape, sure.shape) == ((0, 17, 2), (0, 17))
    with pytest.raises(BoxError, match="not finite"):
        both(image, np.array([[0, 0, np.nan, 9]]))


def test_teachers_without_a_joint_in_common_cannot_agree() -> None:
    hands = Skeleton("hands", ("left_thumb", "right_thumb"), (("left_thumb", "right_thumb"),))
    with pytest.raises(SkeletonError, match="one and two cannot agree"):
        Agreement(saying("one", COCO17, {}), saying("two", hands, {}))
