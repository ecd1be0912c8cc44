"""Augmentation: the joints must move with the picture."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leanpose.pose.skeleton import LSP14
from leanpose.training.data.augment import Augmentation, augmented_crop, lay_mosaic

STRONG = Augmentation(rotation=180, scale=0.3, shift=0.05, flip=0.5)


def _spotted_image(points: np.ndarray) -> np.ndarray:
    """Dark image with a bright blob of its own grey at each of the points."""
    image = np.zeros((240, 200, 3), np.uint8)
    ys, xs = np.mgrid[:240, :200]
    for x, y in points:
        blob = 250 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * 3.0**2))
        image = np.maximum(image, blob[..., None].astype(np.uint8))
    return image


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_a_blob_is_found_where_its_joint_is_said_to_be(seed: int) -> None:
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform((60, 60), (140, 180), size=(14, 2))
    joint = int(rng.integers(14))
    image = _spotted_image(keypoints[joint : joint + 1])
    crop, points, labelled = augmented_crop(
        image, keypoints, np.ones(14, bool), np.array([50.0, 50, 150, 190]), LSP14, (192, 160), 1.25, STRONG, rng
    )
    # after a flip the blob belongs to the opposite side's joint
    candidates = [joint, int(LSP14.flip_permutation[joint])]
    weights = crop[..., 0].astype(float)
    ys, xs = np.mgrid[:192, :160]
    found = np.array([(weights * xs).sum(), (weights * ys).sum()]) / weights.sum()
    inside = [j for j in candidates if labelled[j] and np.all(points[j] > 12) and np.all(points[j] < (147, 179))]
    if inside != candidates:  # the blob may be cut off
        return
    assert min(np.linalg.norm(found - points[j]) for j in candidates) < 0.3


def test_flip_swaps_sides_and_mirrors_the_picture() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (64, 64, 3), np.uint8)
    keypoints = rng.uniform(5, 58, size=(14, 2))
    labelled = rng.random(14) < 0.5
    box = np.array([-0.5, -0.5, 63.5, 63.5])
    arguments = (image, keypoints, labelled, box, LSP14, (64, 64), 1.0)
    crop, points, shown = augmented_crop(*arguments, Augmentation(flip=1), np.random.default_rng(0))
    assert np.array_equal(crop, image[:, ::-1])
    for j, name in enumerate(LSP14.joints):
        other = name.replace("left_", "x_").replace("right_", "left_").replace("x_", "right_")
        source = LSP14.joints.index(other)
        assert points[j] == pytest.approx([63 - keypoints[source, 0], keypoints[source, 1]])
        assert shown[j] == labelled[source]


def test_no_augmentation_is_the_crop_that_evaluation_sees() -> None:
    image = np.random.default_rng(3).integers(0, 255, (50, 80, 3), np.uint8)
    box = np.array([-0.5, -0.5, 79.5, 49.5])
    crop, points, _ = augmented_crop(
        image, np.zeros((14, 2)), np.ones(14, bool), box, LSP14, (50, 80), 1.0, Augmentation(), np.random.default_rng(0)
    )
    assert np.array_equal(crop, image)
    assert points == pytest.approx(0)


def test_joints_outside_the_crop_are_not_labelled() -> None:
    keypoints = np.full((14, 2), 30.0)
    keypoints[0] = (-20, 30)
    keypoints[1] = (30, 200)
    _, _, shown = augmented_crop(
        np.zeros((60, 60, 3), np.uint8), keypoints, np.ones(14, bool), np.array([0.0, 0, 59, 59]), LSP14, (64, 64),
        1.0, Augmentation(), np.random.default_rng(0),
    )  # fmt: skip
    assert not shown[0]
    assert not shown[1]
    assert shown[2:].all()


def test_colour_multiplies_each_channel_within_its_range() -> None:
    image = np.full((32, 32, 3), 100, np.uint8)
    seen = []
    for seed in range(50):
        crop, _, _ = augmented_crop(
            image, np.zeros((14, 2)), np.ones(14, bool), np.array([-0.5, -0.5, 31.5, 31.5]), LSP14, (32, 32), 1.0,
            Augmentation(colour=0.4), np.random.default_rng(seed),
        )  # fmt: skip
        assert (crop == crop[0, 0]).all()
        seen.append(crop[0, 0])
    assert np.min(seen) >= 60
    assert np.max(seen) <= 140
    assert np.std(seen) > 10


def _changed(image: np.ndarray, augmentation: Augmentation, seed: int) -> np.ndarray:
    """The picture itself as the crop, changed."""
    side = len(image)
    box = np.array([-0.5, -0.5, side - 0.5, side - 0.5])
    return augmented_crop(
        image, np.zeros((14, 2)), np.ones(14, bool), box, LSP14, (side, side), 1.0, augmentation,
        np.random.default_rng(seed),
    )[0]  # fmt: skip


def test_darkening_multiplies_all_channels_by_one_factor() -> None:
    image = np.empty((32, 32, 3), np.uint8)
    image[:] = (240, 120, 60)
    seen = np.array([_changed(image, Augmentation(darken=1), seed)[0, 0] / (240, 120, 60) for seed in range(50)])
    assert seen == pytest.approx(np.repeat(seen[:, :1], 3, axis=1), abs=1 / 60)
    assert np.min(seen) > 0.18
    assert np.max(seen) <= 1
    assert np.std(seen) > 0.1


def test_softening_loses_detail_and_moves_nothing() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    blob = np.zeros((96, 96, 3), np.uint8)
    cv2.circle(blob, (40, 61), 6, (255, 255, 255), -1)
    ys, xs = np.mgrid[:96, :96]
    for seed in range(20):
        assert _changed(noise, Augmentation(soften=1), seed).std() < noise.std()
        soft = _changed(blob, Augmentation(soften=1), seed)[..., 0].astype(float)
        assert [(soft * xs).sum() / soft.sum(), (soft * ys).sum() / soft.sum()] == pytest.approx([40, 61], abs=0.3)


def test_occlusion_covers_a_rectangle_of_one_colour() -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    crop, _, _ = augmented_crop(
        image, np.zeros((14, 2)), np.ones(14, bool), np.array([-0.5, -0.5, 63.5, 63.5]), LSP14, (64, 64), 1.0,
        Augmentation(occlusion=1), np.random.default_rng(4),
    )  # fmt: skip
    changed = (crop != image).any(axis=2)
    x, y, w, h = cv2.boundingRect(changed.astype(np.uint8))
    assert 6 <= w <= 26
    assert 6 <= h <= 26
    patch = crop[y : y + h, x : x + w]
    assert (patch == patch[0, 0]).all(axis=2).mean() > 0.95


@given(st.integers(0, 10_000), st.sampled_from([(64, 64), (96, 64)]))
def test_a_mosaic_is_four_tiles_and_joints_count_in_the_persons_own(seed: int, hw: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    height, width = hw
    crop = np.full((*hw, 3), 1, np.uint8)
    others = [np.full((*hw, 3), level, np.uint8) for level in (2, 3, 4)]
    for other in others:
        other[height // 2, width // 2] = 10 + other[0, 0]  # where the stranger stands
    points = rng.uniform(-10, 110, size=(40, 2))
    shown = lay_mosaic(crop, points, others, rng)
    for (x, y), is_shown in zip(points, shown, strict=True):
        x, y = round(x), round(y)
        assert is_shown == (0 <= x < width and 0 <= y < height and crop[y, x, 0] == 1)
    values = crop[..., 0]
    assert np.unique(values).tolist() == [1, 2, 3, 4, 12, 13, 14]
    assert values[height // 2, width // 2] == 1
    rows, columns = (values == 1).any(axis=1), (values == 1).any(axis=0)
    assert np.array_equal(values == 1, rows[:, None] & columns)
    assert (rows[0] ^ rows[-1]) & (columns[0] ^ columns[-1])
    for kept, length in ((rows, height), (columns, width)):
        assert 0.69 * length <= kept.sum() <= 0.91 * length
        assert np.count_nonzero(np.diff(kept)) == 1
    beside = values[rows][:, ~columns]
    assert set(np.unique(beside)) == {2, 12}
    assert set(np.unique(values[~rows][:, columns])) == {3, 13}


def test_weights_go_with_their_joints_through_a_mirror() -> None:
    """Each joint counts what the joint counts whose place it has taken; beside the crop it counts nothing."""
    rng = np.random.default_rng(5)
    image, box = np.zeros((80, 80, 3), np.uint8), np.array([10.0, 10, 70, 70])
    keypoints, weights = rng.uniform(10, 70, (14, 2)), rng.uniform(0.1, 1, 14)
    keypoints[3] = 500
    plain, mirrored = (
        augmented_crop(image, keypoints, weights, box, LSP14, (64, 64), 1.25, Augmentation(flip=flip), rng)
        for flip in (0, 1)
    )
    assert plain[2].tolist() == [0 if k == 3 else weight for k, weight in enumerate(weights)]
    for k, joint in enumerate(LSP14.joints):
        side, _, name = joint.partition("_")
        other = {"left": f"right_{name}", "right": f"left_{name}"}.get(side, joint)
        assert mirrored[2][LSP14.index(other)] == plain[2][k]
        if plain[2][k]:
            np.testing.assert_allclose(mirrored[1][LSP14.index(other)] + plain[1][k] * (1, -1), [63, 0], atol=1e-9)
