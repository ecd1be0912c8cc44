"""Samples of one skeleton as those of another: by name, between joints, and nobody who has none of them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.datasets.readers import Sample, map_sample
from leanpose.pose.skeleton import BODY19, COCO17, LSP14, MPII16, SKELETONS, Skeleton

NAMES = sorted(SKELETONS)


def _person(skeleton: Skeleton, seed: int = 0) -> Sample:
    rng = np.random.default_rng(seed)
    count = len(skeleton)
    labelled = rng.random(count) < 0.7
    return Sample(
        "csv", "csv/1", b"", rng.uniform(0, 99, (count, 2)), labelled, np.array([0.0, 0, 99, 99]), skeleton,
        occluded=labelled & (rng.random(count) < 0.5), confidence=rng.random(count),
    )  # fmt: skip


@given(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(0, 1000))
def test_joints_of_one_name_are_carried_over(source: str, target: str, seed: int) -> None:
    person = _person(SKELETONS[source], seed)
    mapped = map_sample(person, SKELETONS[target])
    if mapped is None:
        return
    assert mapped.confidence is not None
    assert person.confidence is not None
    for k, joint in enumerate(SKELETONS[target].joints):
        if joint in person.skeleton.joints:
            j = person.skeleton.index(joint)
            assert mapped.labelled[k] == person.labelled[j]
            if mapped.labelled[k]:
                assert mapped.keypoints[k].tolist() == person.keypoints[j].tolist()
                assert mapped.confidence[k] == person.confidence[j]
                assert mapped.occluded[k] == person.occluded[j]  # type: ignore[index]
        elif joint not in ("pelvis", "thorax"):
            assert not mapped.labelled[k]


def test_a_joint_between_two_takes_the_doubts_of_both() -> None:
    person = replace(_person(LSP14), labelled=np.ones(14, bool), occluded=np.arange(14) == LSP14.index("left_hip"))
    mapped = map_sample(person, MPII16)
    assert mapped is not None
    assert mapped.confidence is not None
    assert mapped.occluded is not None
    hips = [LSP14.index("left_hip"), LSP14.index("right_hip")]
    pelvis = MPII16.index("pelvis")
    np.testing.assert_allclose(mapped.keypoints[pelvis], person.keypoints[hips].mean(axis=0))
    assert mapped.confidence[pelvis] == person.confidence[hips].min()  # type: ignore[index]
    assert mapped.occluded[pelvis]
    one = replace(person, labelled=np.arange(14) != hips[0])
    assert not map_sample(one, MPII16).labelled[pelvis]  # type: ignore[union-attr]


def test_nobody_is_left_of_a_person_without_such_joints() -> None:
    problems: list[str] = []
    face = replace(_person(COCO17), labelled=np.arange(17) < 5)
    assert map_sample(face, LSP14, problems) is None
    assert problems == ["csv/1: no labelled joint that lsp14 has too"]
    assert map_sample(face, COCO17) is face
    nobody = replace(face, labelled=np.zeros(17, bool))
    assert map_sample(nobody, BODY19) is not None  # in a detector's box, to be looked for


@pytest.mark.parametrize("target", [BODY19, LSP14])
def test_people_do_not_share_what_they_are_mapped_by(target: Skeleton) -> None:
    first, second = (map_sample(replace(_person(MPII16, 3), labelled=np.ones(16, bool)), target) for _ in range(2))
    assert first is not None
    assert second is not None
    first.keypoints[:] = 0
    assert second.keypoints.any()
