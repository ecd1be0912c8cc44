"""Whether memory stays flat over a long video with people who come and go.

    python benchmarks/soak.py [FRAMES]

A clip of 10,000 frames, or as many as asked for, is written and read again, and goes through
``leanpose.estimate.stream`` with tracker and smoother, trails and drawing. Only the networks are played, so that
nothing but the frame-by-frame code is
measured: five people at a time walk, leave after some seconds, and others with new ids take their places. Growth is
that of the memory held from a tenth of the frames on; more than 20 MB is a failure. Linux, for it reads /proc.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from leanpose.estimate.stream import PoseTracking, stream
from leanpose.media import VideoWriter
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import LSP14
from leanpose.pose.trails import Trails

IMAGE_HW = (240, 320)
PEOPLE = 5
STAY = (75, 86, 98, 112, 128)  # frames after which each of the five is replaced
MOST = 20.0  # MB
BODY = np.random.default_rng(0).uniform((-15, -50), (15, 50), (len(LSP14), 2))


class PlayedEstimator:
    """Finds the people of frame after frame without looking at it; each call is for the next frame."""

    skeleton = LSP14
    tiles = "off"

    def __init__(self) -> None:
        self._frame = 0
        self._rng = np.random.default_rng(0)
        self.people_shown = set[tuple[int, int]]()

    def find_people(self, image: np.ndarray, where: str, tiles: str) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (P, 4) and scores (P,)."""
        centres = self._centres()
        half = np.array([20, 55])
        return np.concatenate((centres - half, centres + half), axis=1), np.full(len(centres), 0.9)

    def model_poses(self, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Iterator[Poses]:
        """Joints for the boxes (P, 5) of one image, unsure ones where nobody is."""
        ((_, boxes),) = pairs
        centres = np.concatenate((self._centres(), [[-999.0, -999.0]]))  # far away is nobody
        middles = (boxes[:, :2] + boxes[:, 2:4]) / 2
        apart = np.linalg.norm(middles[:, None] - centres, axis=-1)
        joints = centres[apart.argmin(axis=1)][:, None] + BODY + self._rng.normal(0, 0.7, (len(boxes), len(LSP14), 2))
        scores = np.where(apart.min(axis=1) < 30, 0.9, 0.05)[:, None] * np.ones(len(LSP14))
        self._frame += 1
        yield Poses(joints, scores, boxes[:, :4], boxes[:, 4], LSP14, IMAGE_HW)

    def _centres(self) -> np.ndarray:
        """(P, 2); a person of a frame is there for its time but for the last second and a half, and then gone."""
        places = []
        for slot, stay in enumerate(STAY):
            turn, since = divmod(self._frame, stay)
            if since < stay - 45:
                self.people_shown.add((slot, turn))
                places.append((35 + 62 * slot + 10 * np.sin(0.1 * since), 120 + 10 * np.cos(0.07 * since)))
        return np.reshape(places, (-1, 2)).astype(float)


def resident() -> float:
    """MB held now, not the peak."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def write_clip(path: Path, frames: int) -> None:
    rough = np.random.default_rng(1).integers(0, 255, (*IMAGE_HW, 3), np.uint8)
    with VideoWriter(path, 30.0) as writer:
        for frame in range(frames):
            writer.write(np.roll(rough, frame, axis=1) // 4 + 40)


def main(frames: int = 10_000) -> int:
    estimator, trails, held, ids = PlayedEstimator(), Trails(), [], set[int]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_clip(path, frames)
        for poses in stream(PoseTracking(cast(Any, estimator)), path, keep_images=True):
            trails.add(poses)
            assert poses.image is not None
            poses.draw(poses.image, boxes=True, trails=trails)
            ids.update([] if poses.ids is None else poses.ids.tolist())
            held.append(resident())
    growth = max(held[len(held) // 10 :]) - held[len(held) // 10]
    print(f"{len(held)} frames, {len(estimator.people_shown)} people came, {len(ids)} ids given")
    print(f"memory: {held[-1]:.0f} MB, grown by {growth:.1f} MB at most since frame {len(held) // 10}")
    return 0 if len(held) == frames and growth < MOST else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
