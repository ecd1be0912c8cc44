import numpy as np
import pytest

from leanpose.pose.palette import person_colors

# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009:
# severity 1.0, on linear RGB
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
NAMES = [None, *range(1, 400)]


def lab(bgr, blindness="none"):
    """CIE Lab (D65) of sRGB colours as a person sees them: the standards' formulas."""
    rgb = np.asarray(bgr, float)[..., ::-1] / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ BLINDNESS[blindness].T, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / to_xyz.sum(axis=1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack((116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])), axis=-1)


def fills(side):
    return [getattr(person_colors(name), side).fill for name in NAMES]


def test_the_oracle_knows_known_colours():
    np.testing.assert_allclose(lab((255, 255, 255)), (100, 0, 0), atol=0.01)
    np.testing.assert_allclose(lab((0, 0, 255)), (53.24, 80.09, 67.20), atol=0.05)  # red
    np.testing.assert_allclose([matrix.sum(axis=1) for matrix in BLINDNESS.values()], 1, atol=1e-5)
    red, green = lab([(0, 0, 200), (0, 120, 60)], "deuteranopia")
    assert np.linalg.norm(red - green) < 0.4 * np.linalg.norm(np.subtract(*lab([(0, 0, 200), (0, 120, 60)])))


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_left_and_right_are_told_apart_by_all_eyes(blindness):
    """In fill and in rim, each by lightness alone; a distance of 2.3 is just noticeable."""
    left, right = lab(fills("left"), blindness), lab(fills("right"), blindness)
    assert np.abs(left - right)[1:, 0].min() > 30
    assert np.abs(left - right)[0, 0] > 20
    for name in NAMES:
        colors = person_colors(name)
        rims = lab([colors.left.rim, colors.right.rim], blindness)
        assert rims[1, 0] - rims[0, 0] > 80
        assert not colors.left.square
        assert colors.right.square


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("apart", [1, 2, 3, 4])
def test_neighbouring_ids_lie_well_apart(side, apart):
    colors = lab(fills(side)[1:])
    assert np.linalg.norm(colors[apart:] - colors[:-apart], axis=1).min() > 20


def test_an_id_has_one_colour():
    first = [person_colors(name) for name in NAMES]
    person_colors.cache_clear()
    assert [person_colors(name) for name in reversed(NAMES)] == first[::-1]


def test_colours_are_even_in_lightness():
    """So that nobody stands out by the number."""
    for side in ("left", "right"):
        assert np.ptp(lab(fills(side)[1:])[:, 0]) < 3


def test_sides_of_joints_and_limbs():
    colors = person_colors(1)
    assert colors.of("left_hip") is colors.of("left_hip", "left_knee") is colors.of("neck", "left_hip") is colors.left
    assert colors.of("right_hip", "pelvis") is colors.right
    assert colors.of("nose") is colors.of("left_hip", "right_hip") is colors.centre
