import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leanpose.core.errors import SkeletonError
from leanpose.pose.skeleton import (
    AIC14,
    BODY19,
    COCO17,
    CROWDPOSE14,
    HALPE26,
    LSP14,
    MPII16,
    SKELETONS,
    Skeleton,
    map_joints,
    mapping_weights,
    skeleton_named,
    view_weights,
)

# Pairs of label numbers as the datasets' own documents count them (LSP and MPII from 0 here, COCO from 0).
PUBLISHED_PAIRS = {
    "lsp14": [(0, 5), (1, 4), (2, 3), (6, 11), (7, 10), (8, 9)],
    "mpii16": [(0, 5), (1, 4), (2, 3), (10, 15), (11, 14), (12, 13)],
    "coco17": [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)],
    "crowdpose14": [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11)],
    "aic14": [(0, 3), (1, 4), (2, 5), (6, 9), (7, 10), (8, 11)],
    "halpe26": [(k, k + 1) for k in (1, 3, 5, 7, 9, 11, 13, 15, 20, 22, 24)],
    "body19": [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)],
}
PUBLISHED_COUNTS = {
    "lsp14": 14,
    "mpii16": 16,
    "coco17": 17,
    "crowdpose14": 14,
    "aic14": 14,
    "halpe26": 26,
    "body19": 19,
}
# Ten times the standard deviations of the COCO keypoint evaluation, as its code lists them.
COCO_SIGMAS_TIMES_10 = "26 25 25 35 35 79 79 72 72 62 62 107 107 87 87 89 89"
CROWDPOSE_SIGMAS_TIMES_10 = "79 79 72 72 62 62 107 107 87 87 89 89 79 79"

every_skeleton = pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)


@every_skeleton
def test_flip_permutation_is_the_published_one(skeleton):
    expected = list(range(PUBLISHED_COUNTS[skeleton.name]))
    for a, b in PUBLISHED_PAIRS[skeleton.name]:
        expected[a], expected[b] = b, a
    assert len(skeleton) == len(expected)
    assert skeleton.flip_permutation.tolist() == expected


@every_skeleton
def test_limbs_join_all_joints_and_mirror_onto_limbs(skeleton):
    limbs = {frozenset(pair) for pair in skeleton.limb_indices.tolist()}
    assert len(limbs) == len(skeleton.limbs)  # none twice
    assert all(len(limb) == 2 for limb in limbs)
    assert {frozenset(int(skeleton.flip_permutation[k]) for k in limb) for limb in limbs} == limbs
    reached, before = {0}, set()
    while reached != before:
        before = set(reached)
        reached |= {k for limb in limbs if limb & before for k in limb}
    assert reached == set(range(len(skeleton)))


@every_skeleton
def test_torso_joints_exist(skeleton):
    assert [skeleton.joints[skeleton.index(joint)] for joint in skeleton.torso] == ["left_shoulder", "right_hip"]


def test_label_numbers_of_joints_that_are_easily_confused():
    assert [MPII16.index(j) for j in ("pelvis", "thorax", "neck", "head_top")] == [6, 7, 8, 9]
    assert [LSP14.index(j) for j in ("right_ankle", "left_ankle", "neck", "head_top")] == [0, 5, 12, 13]
    assert [COCO17.index(j) for j in ("nose", "left_eye", "right_ankle")] == [0, 1, 16]
    assert [CROWDPOSE14.index(j) for j in ("left_shoulder", "right_ankle", "head_top", "neck")] == [0, 11, 12, 13]
    assert [AIC14.index(j) for j in ("right_shoulder", "left_ankle", "head_top", "neck")] == [0, 11, 12, 13]
    assert [HALPE26.index(j) for j in ("head_top", "neck", "pelvis", "left_heel")] == [17, 18, 19, 24]


def test_coco_sigmas_are_the_published_ones():
    assert COCO17.sigmas is not None
    np.testing.assert_allclose(COCO17.sigmas, [int(s) / 1000 for s in COCO_SIGMAS_TIMES_10.split()])


def test_sigmas_of_the_other_benchmarks_are_the_published_ones():
    assert CROWDPOSE14.sigmas is not None
    np.testing.assert_allclose(CROWDPOSE14.sigmas, [int(s) / 1000 for s in CROWDPOSE_SIGMAS_TIMES_10.split()])
    # Halpe's evaluation code: COCO's, then 0.8 for head, neck and hip and 0.89 for the feet, all over ten
    assert HALPE26.sigmas is not None
    np.testing.assert_allclose(
        HALPE26.sigmas, [int(s) / 1000 for s in f"{COCO_SIGMAS_TIMES_10} 80 80 80 89 89 89 89 89 89".split()]
    )
    assert BODY19.sigmas is not None
    assert BODY19.sigmas == (*COCO17.sigmas, *CROWDPOSE14.sigmas[-2:])
    assert AIC14.sigmas is not None
    assert AIC14.sigmas[AIC14.index("right_wrist")] == min(AIC14.sigmas) == 0.01057665
    assert AIC14.sigmas[AIC14.index("right_hip")] == max(AIC14.sigmas) == 0.03909642


def test_body19_is_what_lsp_and_coco_label_together():
    assert set(BODY19.joints) == {*COCO17.joints, *LSP14.joints}
    assert BODY19.joints[:17] == COCO17.joints


@given(st.lists(st.text("abcdef_", min_size=1, max_size=6), min_size=1, max_size=6, unique=True), st.randoms())
def test_flip_permutation_is_an_involution_that_swaps_sides(stems, random):
    joints = [side + stem for stem in stems for side in ("left_", "right_")] + ["middle"]
    random.shuffle(joints)
    skeleton = Skeleton("drawn", tuple(joints))
    flip = skeleton.flip_permutation
    assert flip[flip].tolist() == list(range(len(skeleton)))
    for k, joint in enumerate(joints):
        other = joints[flip[k]]
        assert (joint, other) == ("middle", "middle") or {joint[:4], other[:4]} == {"left", "righ"}
        assert joint.removeprefix("left_").removeprefix("right_") == other.removeprefix("left_").removeprefix("right_")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"joints": ()}, "no joints"),
        ({"joints": ("nose", "neck", "nose")}, "nose"),
        ({"joints": ("nose", "left_ear")}, "left_ear"),
        ({"joints": ("nose", "right_ear")}, "right_ear"),
        ({"joints": ("nose",), "limbs": (("nose", "tail"),)}, "tail"),
        ({"joints": ("nose",), "sigmas": (0.1, 0.2)}, "1 positive"),
        ({"joints": ("nose",), "sigmas": ()}, "1 positive"),
        ({"joints": ("nose", "neck"), "sigmas": (0.1, 0.0)}, "2 positive"),
        ({"joints": ("nose", "neck"), "sigmas": (0.1, float("nan"))}, "2 positive"),
    ],
)
def test_parts_that_do_not_fit_are_refused_by_name(fields, named):
    with pytest.raises(SkeletonError, match=named) as caught:
        Skeleton("odd", **fields)
    assert "odd" in str(caught.value)


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(SkeletonError, match=r"tail.*neck"):
        LSP14.index("tail")
    with pytest.raises(SkeletonError, match=r"lsp13.*lsp14"):
        skeleton_named("lsp13")
    assert skeleton_named("coco17") is COCO17


def test_a_skeleton_without_limbs_has_an_empty_index_table():
    assert Skeleton("dots", ("nose",)).limb_indices.shape == (0, 2)


# --- mapping

keypoints_of = {s.name: arrays(float, (len(s), 2), elements=st.floats(-1e3, 1e3)) for s in SKELETONS.values()}


@given(keypoints_of["lsp14"])
def test_mpii_from_lsp_fills_pelvis_and_thorax_in(keypoints):
    mapped = mapping_weights(LSP14, MPII16) @ keypoints
    lsp = dict(zip(LSP14.joints, keypoints, strict=True))
    for joint, point in zip(MPII16.joints, mapped, strict=True):
        if joint == "pelvis":
            expected = [(lsp["left_hip"][i] + lsp["right_hip"][i]) / 2 for i in range(2)]
        elif joint == "thorax":
            expected = [(lsp["left_shoulder"][i] + lsp["right_shoulder"][i]) / 2 for i in range(2)]
        else:
            expected = lsp[joint]
        np.testing.assert_allclose(point, expected, atol=1e-9)


@given(keypoints_of["mpii16"])
def test_own_joints_win_over_interpolation(keypoints):
    np.testing.assert_array_equal(mapping_weights(MPII16, MPII16), np.eye(16))
    mapped = mapping_weights(MPII16, LSP14) @ keypoints
    for joint, point in zip(LSP14.joints, mapped, strict=True):
        np.testing.assert_array_equal(point, keypoints[MPII16.joints.index(joint)])


@pytest.mark.parametrize("source", SKELETONS.values(), ids=lambda s: s.name)
@pytest.mark.parametrize("target", SKELETONS.values(), ids=lambda s: s.name)
def test_mapping_weights_sum_to_one_or_mark_a_missing_joint(source, target):
    weights = mapping_weights(source, target)
    assert weights.shape == (len(target), len(source))
    for joint, row in zip(target.joints, weights, strict=True):
        known = joint in source.joints or joint in ("pelvis", "thorax")  # all label hips and shoulders
        assert row.sum() == (1 if known else 0)


@every_skeleton
def test_mapping_commutes_with_flips(skeleton):
    weights = mapping_weights(LSP14, skeleton)
    np.testing.assert_array_equal(weights[skeleton.flip_permutation][:, LSP14.flip_permutation], weights)


def test_a_joint_is_not_interpolated_from_parts_the_source_lacks():
    bust = Skeleton("bust", ("left_shoulder", "right_shoulder", "nose"))
    weights = mapping_weights(bust, MPII16)
    assert not weights[MPII16.index("pelvis")].any()
    assert weights[MPII16.index("thorax")].tolist() == [0.5, 0.5, 0]


# --- views


def test_what_body19_can_be_seen_in():
    """Everything but the feet: all joints by name, MPII's pelvis and thorax in the middle of hips and shoulders."""
    assert [name for name, other in SKELETONS.items() if mapping_weights(BODY19, other).any(axis=1).all()] == [
        "lsp14", "mpii16", "coco17", "crowdpose14", "aic14", "body19",
    ]  # fmt: skip
    for target in (LSP14, COCO17, CROWDPOSE14, AIC14):
        weights = view_weights(BODY19, target)
        assert [BODY19.joints[column] for column in weights.argmax(axis=1)] == list(target.joints)
        assert ((weights == 0) | (weights == 1)).all()
    made = view_weights(BODY19, MPII16)[MPII16.index("pelvis")]
    assert {BODY19.joints[k]: made[k] for k in np.flatnonzero(made)} == {"left_hip": 0.5, "right_hip": 0.5}


def test_joints_that_cannot_be_seen_are_named_and_so_is_what_can():
    with pytest.raises(SkeletonError) as caught:
        view_weights(LSP14, COCO17)
    message = str(caught.value)
    assert message.startswith("skeleton 'coco17': lsp14 does not have its nose, left_eye, right_eye, left_ear,")
    assert "shoulder" not in message.partition(":")[2].partition("or one with none but these joints")[0]
    assert "use lsp14, mpii16, crowdpose14, aic14, or one with none but these joints: right_ankle, " in message
    with pytest.raises(SkeletonError, match=r"does not have its nose: use one with none but these joints: tail$"):
        view_weights(Skeleton("worm", ("tail",)), Skeleton("mole", ("nose",)))


@given(st.integers(0, 2**31), st.sampled_from([(BODY19, MPII16), (BODY19, LSP14), (LSP14, HALPE26), (MPII16, LSP14)]))
def test_joints_are_mapped_one_by_one(seed, skeletons):
    source, target = skeletons
    rng = np.random.default_rng(seed)
    keypoints, scores = rng.uniform(-50, 50, (2, len(source), 2)), rng.uniform(0, 1, (2, len(source)))
    keypoints[rng.random((2, len(source))) < 0.2] = np.nan
    mapped, given_scores = map_joints(mapping_weights(source, target), keypoints, scores)
    middles = {"pelvis": ("left_hip", "right_hip"), "thorax": ("left_shoulder", "right_shoulder")}
    for person in range(2):
        place = dict(zip(source.joints, keypoints[person], strict=True))
        score = dict(zip(source.joints, scores[person], strict=True))
        for joint, point, joint_score in zip(target.joints, mapped[person], given_scores[person], strict=True):
            parts = [joint] if joint in place else list(middles.get(joint, ()))
            if not parts or any(np.isnan(place[part]).any() for part in parts):
                assert np.isnan(point).all()
                assert joint_score == 0
            else:
                np.testing.assert_allclose(point, sum(place[part] for part in parts) / len(parts))
                assert joint_score == min(score[part] for part in parts)
