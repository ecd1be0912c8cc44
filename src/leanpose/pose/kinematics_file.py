"""Joint angles and speeds of a whole video in a CSV file."""

import csv
import io
import os
from collections.abc import Sequence

import numpy as np

from leanpose.core.errors import PosesError
from leanpose.core.files import write_whole
from leanpose.pose.kinematics import joint_angles, joint_speeds, rates
from leanpose.pose.poses import Poses
from leanpose.pose.trajectory import Trajectory, trajectories


def write_kinematics(frames: Sequence[Poses], path: str | os.PathLike[str], min_score: float = 0.3) -> None:
    """Writes one row per id and frame in which the person was found, ordered by id.

    Columns are ``id, frame, time`` (seconds), then of each angle of :data:`leanpose.pose.kinematics.ANGLES` that the
    skeleton has ``NAME_deg`` and ``NAME_deg_per_s``, then of each joint ``NAME_speed`` in body lengths per second, the
    body length being the longer side of the person's box in the median of the frames. Cells are empty where a joint
    scores below ``min_score`` or, for what is per second, no frame is near enough in time.

    Args:
        frames: of one video, with ids and timestamps; the file's whole or not there.

    Raises:
        PosesError: when people have no ids, there are no timestamps or the file cannot be written.
        TimestampError: when timestamps do not increase.
    """
    times = [poses.timestamp for poses in frames]
    if None in times:
        raise PosesError("timestamp: kinematics are of the frames of a video, and these poses have no time")
    numbers = [n if (n := poses.frame) is not None else place for place, poses in enumerate(frames)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    paths = trajectories(frames, np.array(times, float))
    header: list[str] = []
    for person in paths.values():
        columns = _columns(person, min_score)
        if not header:
            header = ["id", "frame", "time", *columns]
            writer.writerow(header)
        for row, values in enumerate(zip(*columns.values(), strict=True)):
            cells = ["" if np.isnan(value) else f"{value:.4g}" for value in values]
            writer.writerow([person.id, numbers[person.frames[row]], f"{person.times[row]:.6g}", *cells])
    if not header:
        writer.writerow(["id", "frame", "time"])
    write_whole(path, text.getvalue().encode(), PosesError)


def _columns(person: Trajectory, min_score: float) -> dict[str, np.ndarray]:
    """By name, one value per frame (N,) of the person."""
    joints, columns = person.joints(min_score), {}
    for name, angle in joint_angles(joints, person.skeleton).items():
        columns[f"{name}_deg"] = angle
        columns[f"{name}_deg_per_s"] = rates(angle, person.times)
    speeds = joint_speeds(joints, person.times, max(person.body_length, 1.0))
    for name, speed in zip(person.skeleton.joints, speeds.T, strict=True):
        columns[f"{name}_speed"] = speed
    return columns
