"""Swapped sides: planted in made people, in those of LSP and in those of COCO, and what the statistic does not see."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.datasets.inspection.people import gather
from leanpose.datasets.inspection.sides import crossing, find_swapped_sides, side_links, wrong_faces
from leanpose.datasets.readers import PARTS, Sample, read_samples
from leanpose.pose.skeleton import COCO17, LSP14, MPII16, Skeleton

ARMS, LEGS = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")


def _swapped(sample: Sample, joints: Sequence[str]) -> Sample:
    """The person with these joints called by the other side's names."""
    order = np.arange(len(sample.skeleton))
    for k, name in enumerate(sample.skeleton.joints):
        if any(name.endswith(f"_{joint}") for joint in joints):
            order[k] = sample.skeleton.flip_permutation[k]
    hidden = None if sample.occluded is None else sample.occluded[order]
    return replace(sample, keypoints=sample.keypoints[order], labelled=sample.labelled[order], occluded=hidden)


def _share_found(samples: Sequence[Sample], joints: Sequence[str] = ()) -> float:
    changed = [_swapped(sample, joints) for sample in samples]
    return len({f.people for f in find_swapped_sides(gather({"test": changed}))}) / len(samples)


def _named(skeleton: Skeleton) -> set[frozenset[str]]:
    links, _ = side_links(skeleton)
    return {frozenset(name.partition("_")[2] for name in (skeleton.joints[j] for j in link)) for link in links}


def test_links_are_trunk_thighs_and_upper_arms() -> None:
    body = {frozenset(pair) for pair in (("shoulder", "hip"), ("hip", "knee"), ("shoulder", "elbow"))}
    assert _named(LSP14) == body
    assert _named(MPII16) == body  # whose limbs run along the spine
    assert _named(COCO17) == body | {frozenset(("eye", "ear")), frozenset(("ear", "shoulder"))}
    assert side_links(Skeleton("dots", ("a", "b")))[0] == []


@given(st.integers(0, 2**32 - 1))
def test_crossing_is_the_saving_whatever_the_view(seed: int) -> None:
    """Against summed lengths, and the same after turning, scaling, moving and mirroring the person."""
    rng = np.random.default_rng(seed)
    a, mirror_a, b, mirror_b = points = rng.uniform(0, 200, (4, 2))
    straight = np.hypot(*(a - b)) + np.hypot(*(mirror_a - mirror_b))
    crossed = np.hypot(*(a - mirror_b)) + np.hypot(*(mirror_a - b))
    saving = crossing(points[None], 0, 1, 2, 3)[0]
    assert saving == pytest.approx(straight / max(crossed, 1) - 1)
    angle, zoom = rng.uniform(0, 2 * np.pi), rng.uniform(1, 5)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * [1, -1]
    assert crossing(zoom * points[None] @ turn + 30, 0, 1, 2, 3)[0] == pytest.approx(saving)
    assert crossing(points[None], 1, 0, 3, 2)[0] == pytest.approx(saving)


def test_made_people(crowd: list[Sample]) -> None:
    assert _share_found(crowd) == 0
    assert _share_found(crowd, ARMS) == 1
    assert _share_found(crowd, LEGS) == 1
    assert _share_found(crowd, ARMS[1:]) == 1
    assert _share_found(crowd, ARMS + LEGS) == 0  # the back view: nothing in 14 joints tells


def test_each_person_is_found_once_with_all_reasons(crowd: list[Sample]) -> None:
    (found,) = find_swapped_sides(gather({"train": [crowd[0], _swapped(crowd[1], ("shoulder",))]}))
    assert found.people == (1,)
    assert "shoulders and hips cross" in found.message
    assert "elbows and shoulders cross" in found.message or "shoulders and elbows cross" in found.message


def test_unlabelled_joints_and_skeletons_without_sides_are_not_judged(crowd: list[Sample]) -> None:
    hips = np.array([joint.endswith("hip") for joint in LSP14.joints])
    assert _share_found([replace(s, labelled=~hips) for s in crowd], LEGS) == 0
    bare = Skeleton("bare", LSP14.joints, LSP14.limbs, flippable=False)
    swapped = [replace(_swapped(s, ARMS), skeleton=bare) for s in crowd]
    assert list(find_swapped_sides(gather({"train": swapped}))) == []


@pytest.mark.parametrize("turn", [0, 90, 180, 225])
def test_a_mirrored_face(turn: float) -> None:
    """Eyes 20 pixels apart and the nose 15 below them; turned as a whole, since people lie down and stand on hands."""
    names = ("left_eye", "right_eye", "nose")
    face = np.array([(110.0, 50), (90, 50), (100, 65)])
    angle = np.radians(turn)
    face = face @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = np.zeros((17, 2))
    points[[COCO17.index(name) for name in names]] = face
    labelled = np.isin(COCO17.joints, names)

    def sample(**fields) -> Sample:
        box = np.array([0.0, 0, 200, 200])
        return Sample("coco", "coco/a", b"", **({"keypoints": points, "labelled": labelled, "box": box} | fields),
                      skeleton=COCO17)  # fmt: skip

    mirrored = _swapped(sample(), ("eye",))
    hidden = sample(keypoints=mirrored.keypoints, occluded=labelled)
    sines = wrong_faces(gather({"train": [sample(), mirrored, hidden]}))
    assert sines == pytest.approx([-1, 1, np.nan], nan_ok=True)
    found = find_swapped_sides(gather({"train": [sample(), mirrored, hidden]}))
    assert [f.people for f in found] == [(1,)]


def test_how_much_is_found_on_lsp(data_root: Path) -> None:
    """What the module says of itself: recall by what was swapped, and people as they are labelled that it names."""
    samples = read_samples([f"lsp:{data_root / 'lsp_dataset'}"], "test")
    assert _share_found(samples) <= 0.012
    assert _share_found(samples, ARMS) == pytest.approx(0.66, abs=0.02)
    assert _share_found(samples, LEGS) == pytest.approx(0.66, abs=0.02)
    assert _share_found(samples, ARMS[1:]) == pytest.approx(0.80, abs=0.02)
    assert _share_found(samples, LEGS[1:]) == pytest.approx(0.26, abs=0.02)
    assert _share_found(samples, ARMS + LEGS) <= 0.012


def test_how_much_is_found_on_faces_of_coco(data_root: Path) -> None:
    root = data_root / "coco_sample"
    spec = f"coco:{root / 'person_keypoints_sample.json'},images={root / 'images'}"
    samples = [sample for part in PARTS for sample in read_samples([spec], part, problems=[])]
    face = [COCO17.index(name) for name in ("left_eye", "right_eye", "nose")]
    looking = [s for s in samples if s.labelled[face].all() and not (s.occluded is not None and s.occluded[face].any())]
    assert len(looking) > 400
    assert _share_found(samples) < 0.005
    assert _share_found(looking, ("eye", "ear", *ARMS, *LEGS)) > 0.98
