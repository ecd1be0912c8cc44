"""The rules on planted errors whose truth is known: each fires where it must and nowhere else."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.merging import Merged, Rules, Word, common_skeleton, merge
from leanpose.datasets.merging.rules import OUTCOMES, VERDICTS
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import BODY19, COCO17, CROWDPOSE14, HALPE26, LSP14, MPII16, Skeleton

Person = Callable[..., Sample]
Say = Callable[..., Word]
FACE = BODY19.joints[:5]
BODY = BODY19.joints[5:17]


def _merge(sample: Sample, *words: Word, rules: Rules = Rules(), trusted: bool = False) -> Merged:  # noqa: B008
    return merge([sample], words, rules, BODY19, np.array([trusted]))


def _outcomes(merged: Merged) -> dict[str, str]:
    """Those that are not a label confirmed by both, one that nothing was asked of, or a face joint added."""
    names = zip(merged.skeleton.joints, (OUTCOMES[code] for code in merged.outcomes[0]), strict=True)
    usual = {
        **dict.fromkeys(FACE, "added"),
        **dict.fromkeys(BODY, "both"),
        "neck": "untouched",
        "head_top": "untouched",
    }
    return {joint: outcome for joint, outcome in names if usual[joint] != outcome}


def _verdict(merged: Merged) -> str:
    return VERDICTS[merged.verdicts[0]]


def test_a_person_whom_all_see_alike_gets_a_face_and_stays(person: Person, word: Say, truth: np.ndarray) -> None:
    merged = _merge(person(), word(sure=0.8), word(sure=0.6))
    assert (_verdict(merged), merged.swapped.tolist(), _outcomes(merged)) == ("merged", [False], {})
    np.testing.assert_allclose(merged.keypoints[0], truth, atol=1e-9)
    # what a person labelled is believed in full, what teachers alone say as far as they do on average
    assert merged.confidence[0].round(9).tolist() == [0.7] * 5 + [1.0] * 14
    np.testing.assert_allclose(merged.away[0, 5:17], 0, atol=1e-9)


def test_exchanged_sides_are_put_right(person: Person, word: Say, truth: np.ndarray) -> None:
    merged = _merge(person(mirrored=True), word(), word())
    assert (merged.swapped.tolist(), _outcomes(merged)) == ([True], {})
    np.testing.assert_allclose(merged.keypoints[0], truth, atol=1e-9)


def test_sides_stay_in_trusted_labels_and_where_few_are_compared(person: Person, word: Say) -> None:
    labels = person(mirrored=True)
    merged = _merge(labels, word(), word(), trusted=True)
    assert (merged.swapped.any(), _verdict(merged)) == (False, "somebody else")
    one_sided = tuple(joint for joint in LSP14.joints if joint.startswith("left_"))
    assert not _merge(person(mirrored=True, without=one_sided), word(), word()).swapped.any()
    hidden = dict.fromkeys(BODY[3:], 0.0)  # three joints are left
    assert not _merge(labels, word(less=hidden), word(less=hidden), rules=Rules(fewest=4)).swapped.any()
    assert _merge(labels, word(less=hidden), word(less=hidden), rules=Rules(fewest=2)).swapped.any()


def test_arms_alone_are_not_exchanged_but_overruled(person: Person, word: Say, truth: np.ndarray) -> None:
    labels = person()
    arms = [LSP14.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("elbow", "wrist")]
    keypoints = labels.keypoints.copy()
    keypoints[arms] = keypoints[LSP14.flip_permutation][arms]
    merged = _merge(replace(labels, keypoints=keypoints), word(), word())
    wrong = dict.fromkeys((LSP14.joints[k] for k in arms), "overruled")
    assert (merged.swapped.any(), _outcomes(merged)) == (False, wrong)
    np.testing.assert_allclose(merged.keypoints[0], truth, atol=1e-9)


def test_another_persons_labels_are_left_alone(person: Person, word: Say) -> None:
    labels = person(dict.fromkeys(LSP14.joints, (2.0, 0.0)))
    merged = _merge(labels, word(), word())
    assert _verdict(merged) == "somebody else"
    _is_untouched(merged, labels)


@pytest.mark.parametrize("far", [6, 7])
def test_more_than_half_of_the_labels_have_to_be_far(person: Person, word: Say, far: int) -> None:
    labels = person(dict.fromkeys(BODY[:far], (0.0, -0.31)))
    assert _verdict(_merge(labels, word(), word())) == ("merged" if far == 6 else "somebody else")
    nearer = person(dict.fromkeys(BODY[:far], (0.0, -0.29)))
    assert _verdict(_merge(nearer, word(), word())) == "merged"


def test_people_with_few_labels_are_left_alone(person: Person, word: Say) -> None:
    few = person(without=BODY[2:])
    assert _verdict(_merge(few, word(), word())) == "somebody else"
    _is_untouched(_merge(few, word(), word()), few)
    assert _verdict(_merge(person(without=BODY[3:]), word(), word())) == "merged"


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ({"person": 0.69}, {}, "unsure"),
        ({"person": 0.7}, {"person": 0.7}, "merged"),
        ({"person": float("nan")}, {}, "no word"),
        ({}, {"person": float("nan")}, "no word"),
        ({"sure": 0.29}, {}, "unsure"),
        ({}, {"sure": 0.19}, "unsure"),
        ({"sure": 0.3}, {"sure": 0.2}, "merged"),
        ({"less": dict.fromkeys(BODY[3:], 0.1)}, {}, "unsure"),
        ({"less": dict.fromkeys(BODY[4:], 0.1)}, {}, "merged"),
        ({"moved": dict.fromkeys(BODY[3:], (0.16, 0.0))}, {}, "unsure"),
        ({"without": ("left_hip",)}, {}, "unsure"),  # no torso, no measure
    ],
)
def test_who_is_left_alone(person: Person, word: Say, first: dict, second: dict, verdict: str) -> None:
    labels = person({"left_wrist": (0.5, 0.0)})
    merged = _merge(labels, word(**first), word(**second))
    assert _verdict(merged) == verdict
    if verdict != "merged":
        _is_untouched(merged, labels)


def _is_untouched(merged: Merged, labels: Sample) -> None:
    rows = [BODY19.index(joint) for joint in LSP14.joints]
    assert np.array_equal(np.isfinite(merged.keypoints[0, rows, 0]), labels.labelled)
    assert np.array_equal(merged.keypoints[0, rows][labels.labelled], labels.keypoints[labels.labelled])
    assert not np.isfinite(merged.keypoints[0, :5]).any()
    assert (merged.confidence == 1).all()
    assert set(np.unique(merged.outcomes)) <= {OUTCOMES.index("untouched"), OUTCOMES.index("unlabelled")}
    assert not merged.swapped.any()


WRIST = "left_wrist"


@pytest.mark.parametrize(
    ("label", "first", "second", "outcome", "place"),
    [
        # distances from the truth in units, first and second as (distance, confidence)
        (0.0, (0.15, 0.9), (-0.15, 0.9), "both", 0.0),
        (0.21, (0.03, 0.9), (0.0, 0.9), "first", 0.12),
        (0.21, (0.0, 0.9), (0.03, 0.9), "second", 0.12),
        (0.21, (0.0, 0.9), (0.0, 0.9), "overruled", 0.0),
        (0.2, (0.0, 0.9), (0.0, 0.9), "both", 0.2 / 3),
        (1.0, (0.0, 0.9), (0.14, 0.9), "overruled", 0.07),
        (1.0, (0.0, 0.9), (0.16, 0.9), "dropped", None),
        (1.0, (0.0, 0.29), (0.0, 0.9), "dropped", None),
        (1.0, (0.0, 0.9), (0.0, 0.19), "dropped", None),
        (1.0, (0.0, 0.29), (0.0, 0.29), "unsure", 1.0),
        (1.0, (0.0, 0.29), (0.5, 0.29), "unsure", 1.0),
        (1.0, (0.0, 0.3), (0.5, 0.1), "dropped", None),
        (1.0, (0.0, 0.0), (1.1, 0.0), "second", 1.05),  # a label that somebody confirms is near enough, sure or not
        (0.05, (0.0, 0.9), (3.0, 0.9), "first", 0.025),
        (None, (0.0, 0.5), (0.1, 0.3), "added", 0.05),
        (None, (0.0, 0.49), (0.1, 0.9), "unlabelled", None),
        (None, (0.0, 0.9), (0.1, 0.29), "unlabelled", None),
        (None, (0.0, 0.9), (0.16, 0.9), "unlabelled", None),
    ],
)  # fmt: skip
def test_one_joint(
    person: Person, word: Say, truth: np.ndarray, unit: float, label: float | None, first: tuple[float, float],
    second: tuple[float, float], outcome: str, place: float | None,
) -> None:  # fmt: skip
    labels = person({WRIST: (label or 0, 0.0)}, without=() if label is not None else (WRIST,))
    says = [word(moved={WRIST: (at, 0.0)}, less={WRIST: sure}) for at, sure in (first, second)]
    merged = _merge(labels, *says)
    assert _outcomes(merged) == ({} if outcome == "both" else {WRIST: outcome})
    k = BODY19.index(WRIST)
    expected = truth.copy()
    expected[k] = np.nan if place is None else truth[k] + (place * unit, 0)
    np.testing.assert_allclose(merged.keypoints[0], expected, atol=1e-9)
    believed = (first[1] + second[1]) / 2 if outcome in ("overruled", "added") else 1.0
    assert merged.confidence[0, k] == pytest.approx(believed)


def test_what_a_teacher_says_nothing_of_confirms_and_denies_nothing(person: Person, word: Say) -> None:
    assert _outcomes(_merge(person(), word(without=(WRIST,)), word())) == {WRIST: "second"}
    assert _outcomes(_merge(person({WRIST: (1.0, 0)}), word(without=(WRIST,)), word())) == {WRIST: "dropped"}
    nobody = word(without=(WRIST,))
    assert _outcomes(_merge(person({WRIST: (1.0, 0)}), nobody, nobody)) == {WRIST: "untouched"}


def test_faces_keep_their_labels(person: Person, word: Say, truth: np.ndarray) -> None:
    labels = person({"nose": (1.0, 0.0)}, without=("left_eye", "right_eye", "left_ear"), skeleton=COCO17)
    first = word(less={"left_eye": 0.49}, moved={"right_eye": (0.0, 0.11)})
    merged = merge([labels], [first, word(less={"left_ear": 0.25})], Rules(), COCO17)
    assert [OUTCOMES[code] for code in merged.outcomes[0, :5]] == [
        "untouched", "unlabelled", "unlabelled", "added", "untouched",
    ]  # fmt: skip
    assert merged.keypoints[0, 0].tolist() == labels.keypoints[0].tolist()
    assert merged.confidence[0, 3] == pytest.approx((0.9 + 0.25) / 2)


def test_trusted_labels_stay_and_get_what_their_skeleton_does_not_know(person: Person, word: Say) -> None:
    labels = person({WRIST: (1.0, 0.0)}, without=("left_ankle",))
    merged = _merge(labels, word(), word(), trusted=True)
    rows = [BODY19.index(joint) for joint in LSP14.joints]
    assert [OUTCOMES[code] for code in merged.outcomes[0, rows]] == [
        "unlabelled" if joint == "left_ankle" else "untouched" for joint in LSP14.joints
    ]
    assert np.array_equal(merged.keypoints[0, rows][labels.labelled], labels.keypoints[labels.labelled])
    assert merged.came_to("added").sum() == 5


def test_joints_far_around_the_box_are_not_added(person: Person, word: Say, unit: float) -> None:
    labels = person(without=(WRIST,))
    side = (labels.box[2:] - labels.box[:2]).max()
    edge = (labels.box[2] - 440) / unit
    for beyond, added in ((0.39, True), (0.41, False)):
        moved = {WRIST: (edge + beyond * side / unit, 0.0)}
        merged = _merge(labels, word(moved=moved), word(moved=moved))
        assert merged.came_to("added")[0, BODY19.index(WRIST)] == added


def test_one_teacher_confirms_and_denies_but_knows_nothing_better(person: Person, word: Say, unit: float) -> None:
    labels = person({WRIST: (1.0, 0.0), "left_elbow": (0.1, 0.0)}, without=("left_ankle",))
    merged = _merge(labels, word())
    assert set(np.unique(merged.outcomes)) == {
        OUTCOMES.index(o) for o in ("unlabelled", "untouched", "first", "dropped")
    }  # fmt: skip
    assert np.isnan(merged.keypoints[0, [BODY19.index(WRIST), BODY19.index("left_ankle"), 0]]).all()
    elbow = merged.keypoints[0, BODY19.index("left_elbow")]
    np.testing.assert_allclose(elbow, np.array([400 + 0.05 * unit, 260]))
    assert _merge(person(mirrored=True), word()).swapped.all()


def test_a_teacher_of_other_joints_is_seen_by_name(person: Person, word: Say, truth: np.ndarray) -> None:
    for skeleton in (BODY19, LSP14):
        merged = _merge(person({"neck": (1.0, 0.0)}), word(skeleton=skeleton), word(skeleton=skeleton))
        assert merged.came_to("overruled")[0].tolist() == [joint == "neck" for joint in BODY19.joints]
        np.testing.assert_allclose(merged.keypoints[0, 5:], truth[5:], atol=1e-9)


def test_people_without_shoulders_are_measured_by_their_box() -> None:
    dots = Skeleton("dots", tuple("abcde"), flips=(("a", "b"),))
    keypoints = np.array([(0.0, 0), (300, 0), (0, 150), (300, 150), (150, 60)])
    box = np.array([0.0, 0, 300, 150])  # a unit of 100 pixels
    sample = Sample("csv", "csv/1", b"", keypoints + np.eye(5)[:, 4:] * (21, 0), np.ones(5, bool), box, dots)
    says = Word("t", dots, keypoints[None], np.ones((1, 5)), np.ones(1))
    merged = merge([sample], [says, says], Rules(), dots)
    assert [OUTCOMES[code] for code in merged.outcomes[0]] == ["both"] * 4 + ["overruled"]
    assert merged.keypoints[0, 4].tolist() == [150, 60]
    still = replace(dots, flips=None, flippable=False)  # nobody knows its sides: none are exchanged
    blind = merge([replace(sample, skeleton=still)], [replace(says, skeleton=still)] * 2, Rules(), still)
    assert np.array_equal(blind.outcomes, merged.outcomes)


def test_too_many_words_and_words_on_others_are_refused(person: Person, word: Say) -> None:
    with pytest.raises(DatasetError, match="3 words: the rules are for one or two teachers"):
        _merge(person(), word(), word(), word())
    with pytest.raises(DatasetError, match=r"words on \[1, 2\] people for 1"):
        _merge(person(), word(), word(people=2))
    with pytest.raises(DatasetError, match=r"lspet/1.jpg: coco17 does not have all joints of lsp14"):
        merge([person()], [word()], Rules(), COCO17)


def test_the_smallest_skeleton_that_has_all_joints(person: Person, word: Say) -> None:
    def common(*skeletons: Skeleton, words: tuple[Skeleton, ...] = (COCO17,)) -> Skeleton:
        samples = [replace(person(), skeleton=skeleton) for skeleton in skeletons]
        says = [Word("t", s, np.zeros((1, len(s), 2)), np.zeros((1, len(s))), np.ones(1)) for s in words]
        return common_skeleton(samples, says)

    assert common(LSP14) == BODY19
    assert common(COCO17) == COCO17
    assert common(LSP14, COCO17) == BODY19
    assert common(LSP14, words=(LSP14,)) == LSP14
    assert common(LSP14, CROWDPOSE14, words=()) in (LSP14, CROWDPOSE14)
    assert common(COCO17, words=(HALPE26,)) == HALPE26
    assert common(MPII16) == MPII16  # no built-in one has its joints and eyes
    dots = Skeleton("dots", ("a", "b"), flips=())
    assert common(dots) == dots
    with pytest.raises(
        DatasetError, match="no built-in skeleton has all joints of lsp14, dots: merge the datasets one"
    ):
        common(LSP14, dots)
