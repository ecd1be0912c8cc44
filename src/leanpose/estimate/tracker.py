"""Who is who from frame to frame, where to look next, and when the detector has to look.

People of a new frame are compared with where a constant velocity would have carried those of the last second, by the
joints and the boxes (:mod:`leanpose.estimate.association`), and assigned so that the likeness is largest in all. A loop
over the frames of a video is::

    tracker = Tracker()
    for frame, timestamp in video:
        run = tracker.needs_detection()
        found = detect(frame) if run else np.zeros((0, 5))
        looked = tracker.predicted_boxes(timestamp, found)
        poses = estimator(frame, np.concatenate((found, looked)))
        poses = tracker.update(poses, timestamp, predicted=len(looked), detector_ran=run)
"""

from dataclasses import dataclass, replace

import numpy as np

from leanpose.core.errors import PosesError, TimestampError
from leanpose.core.geometry import box_iou
from leanpose.estimate.association import (
    FEWEST_JOINTS,
    MIN_SCORE,
    Bodies,
    assign,
    bodies,
    distinct,
    extents,
    similarity,
    taken_joints,
)
from leanpose.pose.poses import Poses
from leanpose.pose.sigmas import oks_sigmas
from leanpose.pose.skeleton import Skeleton

DRIFT = 0.5  # roots of the area per second by which a person may stray from the constant velocity
VELOCITY_MEMORY = 0.2  # seconds after which a step counts 1/e in the velocity
INTERVAL_LOST = 3  # frames from run to run of the detector at most, while somebody is missing
SAME_BOX = 0.3  # IoU from which a detected box is that of a person who was tracked
SAME_PLACE = 0.1  # IoU with where somebody lost should be, below which a newcomer is somebody else
DOUBT = 0.2  # by which the least likeness is larger for somebody lost for the whole of max_age


class Tracker:
    """Gives people ids that stay with them, start at 1 and are never used again. The same input gives the same ids.

    Somebody lost is found again where the way since the last frame, or since the detector last confirmed it, would have
    led, and nowhere else: what a network gave for a person who was being covered up does not count, and a newcomer
    beside that place is a new person. Joints that two people have in one place stay with the one who was expected to
    have them there; the other's score 0, and are taken to move on with their person.

    Skeletons without sigmas take those of :func:`leanpose.pose.sigmas.oks_sigmas`: COCO's by name, 0.079 for others.

    Attributes:
        interval: frames from one run of the detector to the next, at present. Doubles with every run that brings
            nothing new up to ``max_interval``, and is 1 again once somebody is new, lost, or not confirmed.
    """

    interval: int

    def __init__(
        self, min_score: float = MIN_SCORE, max_age: float = 1.0, min_likeness: float = 0.2, max_interval: int = 10
    ) -> None:
        """Start without people.

        Args:
            min_score: joints below are taken as not found.
            max_age: seconds for which somebody who is not seen keeps the id, a joint that is not seen its place in
                the body, and somebody whom the detector does not confirm a place among the predicted boxes.
            min_likeness: of the mean of OKS and box overlap, below which two people are not the same.
            max_interval: frames after which the detector runs at the latest.

        Raises:
            ValueError: when ``max_age`` is not above 0, or ``max_interval`` below 1.
        """
        if not max_age > 0 or max_interval < 1:
            raise ValueError(
                f"max_age must be above 0 and max_interval 1 or more, not {max_age} s and {max_interval} frames"
            )
        self.min_score = min_score
        self.max_age = max_age
        self.min_likeness = min_likeness
        self.max_interval = max_interval
        self.interval = 1
        self._since_run = 1
        self._next_id = 1
        self._time = -np.inf
        self._tracks: list[_Track] = []
        self._image_hw = (1, 1)
        self._skeleton: Skeleton | None = None
        self._sigmas = np.empty(0)

    def needs_detection(self) -> bool:
        """Whether the detector should look at the next frame."""
        return self._since_run >= self.interval

    def predicted_boxes(self, timestamp: float, detected: np.ndarray | None = None) -> np.ndarray:
        """Where the people of the last frame should be in the next one: boxes (Q, 5), the last number being the score.

        A box is the hull of the joints, grown (:func:`leanpose.estimate.association.extents`) and moved on; joints that
        are hidden stay in it for ``max_age``. People who left the image have none, and neither have those whom the
        detector has not confirmed for ``max_age``.

        Args:
            timestamp: of the next frame, in seconds.
            detected: boxes (D, 4 or 5) that the detector found in the next frame; people who are in them are left
                out, one for each box.
        """
        tracks = [
            track
            for track in self._tracks
            if track.seen == self._time and (track.denied is None or timestamp - track.denied <= self.max_age)
        ]
        boxes = self._expected([track.last for track in tracks], timestamp).boxes
        free = _visible(boxes, self._image_hw)
        if detected is not None and len(detected):
            free[[row for row, _ in assign(box_iou(boxes[:, None], detected[:, :4]), SAME_BOX)]] = False
        scores = np.array([track.box_score for track in tracks])
        return np.column_stack((boxes, scores))[free]

    def update(self, poses: Poses, timestamp: float, *, predicted: int = 0, detector_ran: bool = True) -> Poses:
        """The poses with ids.

        All people whose boxes come from outside are returned, in their order. Of those in predicted boxes some are
        left out: who has hardly a joint left, is a double of somebody else, or is like nobody known.

        Args:
            poses: of the next frame, with ids or without.
            timestamp: of the frame, in seconds; the steps need not be equal.
            predicted: how many of the people, the last ones, are in boxes of :meth:`predicted_boxes`.
            detector_ran: whether the other boxes are all that the detector finds in this frame.

        Raises:
            TimestampError: when the timestamp is not after that of the frame before.
            PosesError: when the skeleton is another than before, or fewer people than ``predicted`` are there.
            MissingExtraError: without scipy.
        """
        self._check(poses, timestamp, predicted)
        outside = np.arange(len(poses)) < len(poses) - predicted
        people = bodies(poses, self.min_score)
        real = np.flatnonzero(outside | self._worth_keeping(people, poses.scores, outside))
        poses, outside = poses[real], outside[real]
        people = Bodies(people.keypoints[real], people.known[real], people.boxes[real])

        present = [track for track in self._tracks if track.seen == self._time]
        lost = np.array([track.seen < self._time or track.denied is not None for track in self._tracks], dtype=bool)
        self._time = timestamp
        young = [timestamp - track.seen <= self.max_age for track in self._tracks]
        self._tracks, lost = [t for t, y in zip(self._tracks, young, strict=True) if y], lost[young]
        expected = self._expected([track.last for track in self._tracks], timestamp)
        alike = self._likeness(people, expected, lost, timestamp)
        was_denied = {track.id for track in self._tracks if track.denied is not None}
        ids = np.zeros(len(poses), dtype=np.int64)
        pairs = assign(alike, self.min_likeness)
        people, taken = self._without_taken(people, poses.scores, expected, pairs)
        for row, person in pairs:
            track = self._tracks[row]
            track.see(timestamp, people.keypoints[person], people.known[person], poses.boxes[person])
            if outside[person]:
                track.box_score, track.denied = float(poses.box_scores[person]), None
                if not taken[person].any():
                    track.confirmed = track.last
            elif detector_ran and track.denied is None:
                track.denied = timestamp
            ids[person] = track.id
        missed = any(track.seen < timestamp for track in present)
        denied = any(track.denied is not None and track.id not in was_denied for track in self._tracks)
        new = np.flatnonzero((ids == 0) & outside).tolist()
        for person in sorted(new, key=lambda i: tuple(poses.boxes[i])):  # so that their order in the frame is nothing
            ids[person] = self._begin(people, poses, person)
        self._plan(detector_ran, news=bool(new) or missed or denied)
        return replace(poses, ids=ids, scores=np.where(taken, 0, poses.scores))[ids > 0]

    def _check(self, poses: Poses, timestamp: float, predicted: int) -> None:
        if not timestamp > self._time or not np.isfinite(timestamp):
            raise TimestampError(
                f"a frame at {timestamp} s cannot follow one at {self._time} s: "
                "give the frames in order, each once, and a new video a new tracker"
            )
        if not 0 <= predicted <= len(poses):
            raise PosesError(f"predicted: {predicted} of {len(poses)} people cannot be in predicted boxes")
        if self._skeleton is None:
            self._skeleton = poses.skeleton
            self._sigmas, _ = oks_sigmas(poses.skeleton)
        elif poses.skeleton != self._skeleton:
            raise PosesError(
                f"skeleton: {poses.skeleton.name} after {self._skeleton.name}: each model needs a tracker of its own"
            )
        self._image_hw = poses.image_hw

    def _worth_keeping(self, people: Bodies, scores: np.ndarray, outside: np.ndarray) -> np.ndarray:
        """Which people (P,) would be worth keeping in a predicted box: they have joints, and are no doubles."""
        strength = scores.mean(axis=1) + outside  # nobody from outside gives way to a prediction
        enough = people.known.sum(axis=1) >= min(FEWEST_JOINTS, people.known.shape[1])
        return enough & distinct(people, strength, self._sigmas)

    def _likeness(self, people: Bodies, expected: Bodies, lost: np.ndarray, timestamp: float) -> np.ndarray:
        """(T, P) how alike the people are to the tracks, of which some (T,) are lost or were not confirmed."""
        found = self._alike([track.last for track in self._tracks], expected, people, timestamp, lost)
        missing = np.flatnonzero(lost)
        confirmed = [self._tracks[row].confirmed for row in missing]
        before = self._alike(confirmed, self._expected(confirmed, timestamp), people, timestamp, lost[missing])
        found[missing] = np.maximum(found[missing], before)
        return found

    def _alike(
        self, sightings: "list[_Sighting]", expected: Bodies, people: Bodies, timestamp: float, lost: np.ndarray
    ) -> np.ndarray:
        drift = np.array([DRIFT * (timestamp - sighting.time) for sighting in sightings])
        alike = similarity(expected, people, self._sigmas, drift)
        ages = np.array([timestamp - sighting.time for sighting in sightings]) / self.max_age
        unlike = alike < self.min_likeness + DOUBT * np.minimum(ages, 1)[:, None] ** 2
        elsewhere = box_iou(expected.boxes[:, None], people.boxes) < SAME_PLACE
        return np.where(lost[:, None] & (elsewhere | unlike), 0, alike)

    def _without_taken(
        self, people: Bodies, scores: np.ndarray, expected: Bodies, pairs: list[tuple[int, int]]
    ) -> tuple[Bodies, np.ndarray]:
        """The people, joints that are somebody else's not known, and these joints (P, K).

        A claim is the score, times how near the joint is to where it was expected: a half for a newcomer's.
        """
        near = np.full(people.known.shape, 0.5)
        for row, person in pairs:
            apart = ((people.keypoints[person] - expected.keypoints[row]) ** 2).sum(axis=1)
            box = expected.boxes[row]
            area = float(np.prod(box[2:] - box[:2]))
            near[person] = np.where(expected.known[row], np.exp(-apart / (2 * (2 * self._sigmas) ** 2 * area)), 0.5)
        taken = taken_joints(people, scores * np.nan_to_num(near), self._sigmas)
        return Bodies(people.keypoints, people.known & ~taken, people.boxes), taken

    def _expected(self, sightings: "list[_Sighting]", timestamp: float) -> Bodies:
        """Where the people of these sightings should be by now."""
        people, joints = len(sightings), len(self._skeleton or ())
        moves = np.reshape([s.velocity * (timestamp - s.time) for s in sightings], (people, 1, 2))
        keypoints = np.reshape([s.keypoints for s in sightings], (people, joints, 2)) + moves
        seen = np.reshape([s.joint_seen for s in sightings], (people, joints))
        last = np.reshape([s.time for s in sightings], (people, 1))
        boxes = np.reshape([s.box for s in sightings], (people, 4)) + np.tile(moves[:, 0], 2)
        known = last - seen <= self.max_age
        return Bodies(keypoints, known, extents(keypoints, known, boxes))

    def _begin(self, people: Bodies, poses: Poses, person: int) -> int:
        track = _Track(
            self._next_id, self._time, people.keypoints[person], people.known[person],
            poses.boxes[person], float(poses.box_scores[person]),
        )  # fmt: skip
        self._next_id += 1
        self._tracks.append(track)
        return track.id

    def _plan(self, detector_ran: bool, news: bool) -> None:
        if detector_ran:
            missing = any(track.seen < self._time for track in self._tracks)
            self.interval = min(2 * self.interval, INTERVAL_LOST if missing else self.max_interval, self.max_interval)
        if news:
            self.interval = 1
        self._since_run = 1 if detector_ran else self._since_run + 1


@dataclass(frozen=True, eq=False)
class _Sighting:
    """What was known of a person when it was seen.

    Attributes:
        time: in seconds.
        keypoints: (K, 2) where each joint was last seen, moved on with the person since.
        joint_seen: (K,) when that was; minus infinity for never.
        box: (4,) its box.
        velocity: (2,) pixels per second; 0 until it was seen twice.
    """

    time: float
    keypoints: np.ndarray
    joint_seen: np.ndarray
    box: np.ndarray
    velocity: np.ndarray


class _Track:
    """One person over time: where it and its joints were last seen, and how it moves.

    Attributes:
        last: the last sighting.
        confirmed: the last one in a box from outside in which no joint was somebody else's.
        denied: when the detector first failed to confirm it, or None if it did the last time.
    """

    def __init__(
        self, id: int, time: float, keypoints: np.ndarray, known: np.ndarray, box: np.ndarray, box_score: float
    ) -> None:
        self.id = id
        self.last = self.confirmed = _Sighting(
            time, np.where(known[:, None], keypoints, np.nan), np.where(known, time, -np.inf),
            box.astype(float), np.zeros(2),
        )  # fmt: skip
        self.box_score = box_score
        self.denied: float | None = None
        self._way = np.zeros(2)  # sums of steps and of their durations, older ones counting less: their ratio is the
        self._duration = 0.0  # velocity, exact for a steady motion whatever the frame rate

    @property
    def seen(self) -> float:
        """When it was last seen, in seconds."""
        return self.last.time

    def see(self, time: float, keypoints: np.ndarray, known: np.ndarray, box: np.ndarray) -> None:
        """Take in where the person is now; arguments as of :class:`Bodies`, for one person."""
        last = self.last
        shared = known & (last.joint_seen == last.time)
        if shared.any():
            step = (keypoints[shared] - last.keypoints[shared]).mean(axis=0)
        else:
            step = ((box - last.box)[:2] + (box - last.box)[2:]) / 2
        duration = time - last.time
        kept = np.exp(-duration / VELOCITY_MEMORY)
        self._way = kept * self._way + step
        self._duration = kept * self._duration + duration
        self.last = _Sighting(
            time, np.where(known[:, None], keypoints, last.keypoints + step), np.where(known, time, last.joint_seen),
            box.astype(float), self._way / self._duration,
        )  # fmt: skip


def _visible(boxes: np.ndarray, image_hw: tuple[int, int]) -> np.ndarray:
    """Which boxes (P, 4) the estimator takes: at least a pixel large, and not wholly outside the image."""
    height, width = image_hw
    low, high = boxes[:, :2], boxes[:, 2:]
    return np.asarray(((high - low >= 1) & (high > -0.5) & (low < (width - 0.5, height - 0.5))).all(axis=1))
