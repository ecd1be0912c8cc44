"""What augmentation draws, against the distributions it promises; angle and size are read off the warped joints."""

import math

import numpy as np
import pytest
from scipy.stats import kstest, norm, truncnorm, uniform

from leanpose.core import geometry
from leanpose.core.errors import RecipeError
from leanpose.pose.skeleton import COCO17, LSP14, MPII16, Skeleton
from leanpose.training.data.augment import Augmentation, augmented_crop, half_body_box

BOX = np.array([-0.5, -0.5, 31.5, 31.5])
DRAWS = 3000


def _angles_and_sides(augmentation: Augmentation, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rotation in degrees and the factor on the region's side of many crops."""
    image = np.zeros((2, 2, 3), np.uint8)  # the draws do not depend on the picture
    keypoints = np.tile([[10.0, 10.0], [20.0, 10.0]], (7, 1))
    rng = np.random.default_rng(seed)
    angles, sides = [], []
    for _ in range(DRAWS):
        _, points, _ = augmented_crop(
            image, keypoints, np.ones(14, bool), BOX, LSP14, (32, 32), 1.0, augmentation, rng
        )  # fmt: skip
        x, y = points[1] - points[0]
        angles.append(math.degrees(math.atan2(y, x)))
        sides.append(10 / math.hypot(x, y))
    return np.array(angles), np.array(sides)


def _agrees(draws: np.ndarray, distribution: object) -> bool:
    return kstest(draws, distribution.cdf).pvalue > 0.001  # type: ignore[attr-defined]


def test_uniform_ranges_are_uniform() -> None:
    angles, sides = _angles_and_sides(Augmentation(rotation=30, scale=0.25))
    assert _agrees(angles, uniform(-30, 60))
    assert _agrees(1 / sides, uniform(0.75, 0.5))
    assert not _agrees(angles, norm(0, 30 / math.sqrt(3)))  # the test can tell


def test_normal_scales_pile_up_at_the_ends_of_their_range() -> None:
    """clip(N(1, s), 1 - s, 1 + s): 1 - Phi(1) = 15.9 % at each end, a truncated normal between."""
    _, sides = _angles_and_sides(Augmentation(distribution="normal", scale=0.35))
    low, high = np.isclose(sides, 0.65), np.isclose(sides, 1.35)
    share = norm.cdf(-1)
    spread = 4 * math.sqrt(share * (1 - share) / DRAWS)
    assert low.mean() == pytest.approx(share, abs=spread)
    assert high.mean() == pytest.approx(share, abs=spread)
    between = sides[~low & ~high]
    assert _agrees(between, truncnorm(-1, 1, loc=1, scale=0.35))


def test_normal_rotations_come_for_their_share_of_crops_and_stop_at_twice_the_deviation() -> None:
    angles, _ = _angles_and_sides(Augmentation(distribution="normal", rotation=40, rotation_probability=0.6))
    turned = np.abs(angles) > 1e-9
    assert turned.mean() == pytest.approx(0.6, abs=4 * math.sqrt(0.24 / DRAWS))
    assert np.abs(angles).max() == pytest.approx(80)
    ends = np.isclose(np.abs(angles[turned]), 80)
    share = 2 * norm.cdf(-2)
    assert ends.mean() == pytest.approx(share, abs=4 * math.sqrt(share / turned.sum()))
    assert _agrees(angles[turned][~ends], truncnorm(-2, 2, loc=0, scale=40))


def test_draws_of_older_recipes_stay_what_they_were() -> None:
    """A resumed training has to see the crops it would have seen: the order of the draws is part of the format."""
    augmentation = Augmentation(rotation=35, upside_down=0.05, scale=0.25, shift=0.04, flip=0.5, colour=0.25)
    keypoints = np.random.default_rng(1).uniform(5, 25, size=(14, 2))
    for seed in range(20):
        _, points, _ = augmented_crop(
            np.zeros((32, 32, 3), np.uint8), keypoints, np.ones(14, bool), BOX, LSP14, (32, 32), 1.25, augmentation,
            np.random.default_rng(seed),
        )  # fmt: skip
        rng = np.random.default_rng(seed)
        angle = rng.uniform(-180, 180) if rng.random() < 0.05 else rng.uniform(-35, 35)
        zoom = rng.uniform(0.75, 1.25)
        shift = rng.uniform(-0.04, 0.04, size=2)
        expected = geometry.apply(geometry.crop_transform(BOX, (32, 32), 1.25, 1 / zoom, angle, shift), keypoints)
        if rng.random() < 0.5:
            expected = geometry.flip_keypoints(expected, 32, LSP14.flip_permutation)
        assert points == pytest.approx(expected)


@pytest.mark.parametrize(
    ("skeleton", "lower"),
    [
        (COCO17, {"left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"}),
        (MPII16, {"pelvis", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"}),
    ],
)
def test_half_bodies_are_hrnets(skeleton: Skeleton, lower: set[str]) -> None:
    """HRNet's lists: COCO joints 0 to 10 and MPII joints 7 to 15 are the upper body; it comes 69 % of the time."""
    rng = np.random.default_rng(0)
    is_lower = np.array([joint in lower for joint in skeleton.joints])
    keypoints = rng.uniform(0, 100, size=(len(skeleton), 2))
    labelled = np.ones(len(skeleton), bool)
    upper = 0
    for _ in range(1000):
        box = half_body_box(keypoints, labelled, skeleton, rng)
        assert box is not None
        candidates = []
        for half in (~is_lower, is_lower):
            points = keypoints[half]
            extent = points.max(axis=0) - points.min(axis=0)
            candidates.append(np.concatenate((points.mean(axis=0) - extent / 2, points.mean(axis=0) + extent / 2)))
        upper += bool(np.allclose(box, candidates[0]))
        assert np.allclose(box, candidates[0]) or np.allclose(box, candidates[1])
    assert upper / 1000 == pytest.approx(norm.cdf(0.5), abs=4 * math.sqrt(0.21 / 1000))


def test_half_bodies_of_few_joints_fall_back() -> None:
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0, 100, size=(17, 2))
    ankles_and_head = np.isin(COCO17.joints, ["left_ankle", "right_ankle", "nose", "left_eye", "right_eye"])
    nose_at_face = keypoints[[0, 1, 2]].mean(axis=0)
    for _ in range(50):  # two lower joints are too few, so the upper body it is
        box = half_body_box(keypoints, ankles_and_head, COCO17, rng)
        assert box is not None
        assert (box[:2] + box[2:]) / 2 == pytest.approx(nose_at_face)
    one = np.array(COCO17.joints) == "nose"
    assert half_body_box(keypoints, one, COCO17, rng) is None
    assert half_body_box(np.full((17, 2), 7.0), np.ones(17, bool), COCO17, rng) is None


def test_half_body_crops_move_the_joints_with_the_picture() -> None:
    """Half of the person fills the crop; a blob at a wrist stays at its wrist."""
    rng = np.random.default_rng(3)
    keypoints = rng.uniform((40, 20), (160, 100), size=(17, 2))
    lower = np.array(["hip" in j or "knee" in j or "ankle" in j for j in COCO17.joints])
    keypoints[lower, 1] += 110
    wrist = COCO17.joints.index("left_wrist")
    ys, xs = np.mgrid[:240, :200]
    x, y = keypoints[wrist]
    image = np.repeat((250 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 18))[..., None], 3, axis=2).astype(np.uint8)
    box = geometry.hull_box(keypoints, np.ones(17, bool))
    augmentation = Augmentation(half_body=1, rotation=20)
    whole = math.sqrt(np.linalg.det(geometry.crop_transform(box, (128, 96), 1.25)[:, :2]))
    seen = 0
    for seed in range(40):
        crop, points, _ = augmented_crop(
            image, keypoints, np.ones(17, bool), box, COCO17, (128, 96), 1.25, augmentation,
            np.random.default_rng(seed),
        )  # fmt: skip
        magnified = np.linalg.norm(points[0] - points[16]) / np.linalg.norm(keypoints[0] - keypoints[16])
        assert magnified > whole * 1.05
        if np.all(points[wrist] > 15) and np.all(points[wrist] < (80, 112)):
            weights = crop[..., 0].astype(float)
            cy, cx = np.mgrid[:128, :96]
            found = np.array([(weights * cx).sum(), (weights * cy).sum()]) / weights.sum()
            assert found == pytest.approx(points[wrist], abs=0.4)
            seen += 1
    assert seen > 5


def test_only_people_with_enough_joints_are_cut_in_half() -> None:
    keypoints = np.random.default_rng(0).uniform(5, 25, size=(17, 2))
    crops = []
    for count in (8, 9):
        labelled = np.arange(17) < count
        crops.append(
            augmented_crop(
                np.zeros((32, 32, 3), np.uint8),
                keypoints,
                labelled,
                BOX,
                COCO17,
                (32, 32),
                1.0,
                Augmentation(half_body=1),
                np.random.default_rng(0),
            )[1]
        )
    assert crops[0] == pytest.approx(keypoints)  # the whole box, unchanged
    assert np.abs(crops[1] - keypoints).max() > 1


def test_skeletons_without_known_flips_are_not_mirrored() -> None:
    tool = Skeleton("tool", ("tip", "grip", "end"), flippable=False)
    keypoints = np.array([[5.0, 6.0], [20.0, 8.0], [9.0, 30.0]])
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    crop, points, _ = augmented_crop(
        image, keypoints, np.ones(3, bool), BOX, tool, (32, 32), 1.0, Augmentation(flip=1), np.random.default_rng(0)
    )
    assert np.array_equal(crop, image)
    assert points == pytest.approx(keypoints)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(RecipeError, match="distribution='gauss' must be uniform or normal"):
        Augmentation(distribution="gauss")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=r"rotation_probability=1\.5 must be a number from 0 to 1"):
        Augmentation(rotation_probability=1.5)
    with pytest.raises(RecipeError, match="half_body=-1 must be"):
        Augmentation(half_body=-1)
