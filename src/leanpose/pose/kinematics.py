"""Joint angles and speeds of people over time, in the plane of the image.

An angle at a joint is that between the directions to two others, 0 to 180 degrees: a stretched elbow has 180. What is
seen is the projection of the angle in space; the two agree where the limbs move in parallel to the image. Angles by
default, on both sides where a skeleton has the joints:

========  ==============================  =====  ======  ======
angle     from, at, to                    lsp14  coco17  mpii16
========  ==============================  =====  ======  ======
elbow     shoulder, elbow, wrist          yes    yes     yes
shoulder  elbow, shoulder, hip            yes    yes     yes
hip       shoulder, hip, knee             yes    yes     yes
knee      hip, knee, ankle                yes    yes     yes
ankle     knee, ankle, big toe            no     no      no
neck      thorax, neck, head top          no     no      yes
========  ==============================  =====  ======  ======

Example::

    person = trajectories(frames, timestamps)[1]
    knee = joint_angles(person.joints(), person.skeleton)["left_knee"]  # (N,) degrees
    turning = rates(knee, person.times)  # (N,) degrees per second
    wrist = person.skeleton.index("left_wrist")
    speed = joint_speeds(person.joints(), person.times, person.body_length)[:, wrist]  # body lengths per second
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from leanpose.core.errors import TimestampError
from leanpose.pose.skeleton import Skeleton

_OF_A_SIDE = {
    "elbow": ("shoulder", "elbow", "wrist"),
    "shoulder": ("elbow", "shoulder", "hip"),
    "hip": ("shoulder", "hip", "knee"),
    "knee": ("hip", "knee", "ankle"),
    "ankle": ("knee", "ankle", "big_toe"),
}
ANGLES: dict[str, tuple[str, str, str]] = {
    f"{side}_{angle}": (f"{side}_{a}", f"{side}_{at}", f"{side}_{b}")
    for angle, (a, at, b) in _OF_A_SIDE.items()
    for side in ("left", "right")
} | {"neck": ("thorax", "neck", "head_top")}


def angles_of(skeleton: Skeleton) -> dict[str, tuple[str, str, str]]:
    """Those of :data:`ANGLES` that a skeleton has the joints for: by name, the joints from, at and to."""
    return {name: joints for name, joints in ANGLES.items() if set(joints) <= set(skeleton.joints)}


def joint_angles(
    keypoints: np.ndarray, skeleton: Skeleton, angles: Mapping[str, tuple[str, str, str]] | None = None
) -> dict[str, np.ndarray]:
    """Angles (...) in degrees, by name; NaN where one of the joints is missing, or lies on the one the angle is at.

    Args:
        keypoints: (..., K, 2), of one person, many, or one over time; NaN where missing.
        skeleton: names the K joints.
        angles: by name, the joints from, at and to; those of :func:`angles_of` by default.

    Raises:
        SkeletonError: when an angle names a joint that the skeleton does not have.
    """
    found = {}
    for name, joints in (angles_of(skeleton) if angles is None else angles).items():
        start, at, end = (keypoints[..., skeleton.index(joint), :].astype(float) for joint in joints)
        u, v = start - at, end - at
        across = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
        degrees = np.degrees(np.arctan2(np.abs(across), (u * v).sum(axis=-1)))
        apart = (u != 0).any(axis=-1) & (v != 0).any(axis=-1)
        found[name] = np.where(apart, degrees, np.nan)[()]
    return found


def rates(values: ArrayLike, times: ArrayLike, max_gap: float = 0.5) -> np.ndarray:
    """How fast values (N, ...) change, per second: angular velocities of angles, velocities of keypoints.

    At an inner frame the slope of the parabola through it and its neighbours, at the first and last that of the line
    to its neighbour. NaN where one of these values is, or where a neighbour is more than ``max_gap`` away in time.

    Args:
        values: such as (N,) degrees, or keypoints (N, K, 2).
        times: (N,) seconds, increasing.
        max_gap: seconds.

    Raises:
        TimestampError: when there is not one time for each value, or they do not increase.
    """
    values, times = np.asarray(values, dtype=float), np.asarray(times, dtype=float)
    steps = np.diff(times)
    if times.shape != values.shape[:1] or not np.isfinite(times).all() or (steps <= 0).any():
        raise TimestampError(f"{len(values)} values need as many times that increase")
    if len(values) < 2:
        return np.full(values.shape, np.nan)
    slopes = np.gradient(values, times, axis=0)
    far = steps > max_gap
    slopes[1:][far] = np.nan
    slopes[:-1][far] = np.nan
    slopes[np.isnan(values)] = np.nan  # with even steps the value itself does not enter
    return slopes


def joint_speeds(keypoints: np.ndarray, times: ArrayLike, body_length: float = 1.0, max_gap: float = 0.5) -> np.ndarray:
    """Speeds (N, K) of joints: in pixels per second, or with the person's length in body lengths per second.

    Args:
        keypoints: (N, K, 2) pixels of one person over time, NaN where missing.
        times, max_gap: as of :func:`rates`, with its errors.
        body_length: pixels, as :attr:`leanpose.pose.trajectory.Trajectory.body_length` gives it.

    Raises:
        ValueError: when ``body_length`` is not above 0.
    """
    if not body_length > 0:
        raise ValueError(f"body_length must be above 0 pixels, not {body_length}")
    return np.linalg.norm(rates(keypoints, times, max_gap), axis=-1) / body_length
