"""A whole video once more, when all of it is known: who was lost and found is one person, and gaps are filled.

The tracker looks back only. Here pieces of tracks are joined where the way before the gap, continued, leads to the
piece after it, and the way after the gap, followed back, to the piece before; all pieces at once, so that the likeness
is largest in all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from leanpose.estimate.association import MIN_SCORE, Bodies, assign, extents, similarity
from leanpose.estimate.tracker import DOUBT, DRIFT
from leanpose.pose.poses import Poses
from leanpose.pose.sigmas import oks_sigmas
from leanpose.pose.trajectory import Trajectory, trajectories

MAX_GAP = 1.0  # seconds; after longer ones, who is found may well be another
SHORTEST = 0.2  # seconds; who is seen for less, in the midst of the video, is a ghost
LEAST = 0.2  # likeness, the mean of OKS and box overlap both ways, from which two pieces may be one person
SAME_SIZE = 0.6  # ratio of the body lengths, from which they may
PACE = 0.3  # seconds from which the velocity at an end is taken
SOLID = 0.8  # of the piece's usual score, from which an end is where the person really was
INTERPOLATED = 0.5  # joints in a filled gap score this much of the lower one beside it


def second_pass(
    frames: Sequence[Poses], timestamps: ArrayLike, *, max_gap: float = MAX_GAP, shortest: float = SHORTEST
) -> list[Poses]:
    """The poses of a whole video with pieces of tracks joined, gaps filled, ghosts left out, and ids that are final.

    People in a filled gap have a **box score of 0**, which marks them: nobody saw them. Their joints lie on straight
    lines in time between those of the frames beside the gap, score half of the lower of the two, and have no
    uncertainty; a joint that one of them lacks is not found. Everybody else stays as found. Ids count from 1 in the
    order in which people come.

    Args:
        frames: the poses of each frame, with ids.
        timestamps: (F,) of the frames, in seconds, increasing.
        max_gap: seconds between two pieces of one person, and of a gap that is filled, at most.
        shortest: seconds for which somebody has to be seen, all in all, to be no ghost. Who is seen in the first or
            the last frame is none.

    Raises:
        TimestampError, PosesError: as :func:`leanpose.pose.trajectory.trajectories` does.
        ValueError: when ``max_gap`` or ``shortest`` is negative.
        MissingExtraError: without scipy.
    """
    if not (max_gap >= 0 and shortest >= 0):
        raise ValueError(f"max_gap and shortest must be 0 or more seconds, not {max_gap} and {shortest}")
    times = np.asarray(timestamps, dtype=float)
    pieces = list(trajectories(frames, times).values())
    followers = _followers(pieces, max_gap)
    people = []
    for first in sorted(set(range(len(pieces))) - set(followers.values()), key=lambda i: pieces[i].frames[0]):
        chain = [first]
        while chain[-1] in followers:
            chain.append(followers[chain[-1]])
        people.append([pieces[i] for i in chain])
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    people = [person for person in people if not _is_ghost(person, len(frames), step, shortest)]
    return _put_together(frames, times, people, max_gap)


def _is_ghost(person: list[Trajectory], frames: int, step: float, shortest: float) -> bool:
    seen = sum(len(piece.frames) for piece in person) * step
    return seen < shortest and person[0].frames[0] > 0 and person[-1].frames[-1] < frames - 1


@dataclass(frozen=True, eq=False)
class _End:
    """Where a piece begins or ends, and how it moves there.

    Attributes:
        time: seconds, of the last frame at this end in which the person was seen well.
        keypoints: (K, 2) in it, NaN where not known.
        box: (4,) in it.
        velocity: (2,) pixels per second.
    """

    time: float
    keypoints: np.ndarray
    box: np.ndarray
    velocity: np.ndarray


def _end(piece: Trajectory, last: bool) -> _End:
    scores = piece.scores.mean(axis=1)
    solid = np.flatnonzero(scores >= SOLID * np.median(scores))
    at = solid[-1 if last else 0]
    near = np.flatnonzero(np.abs(piece.times - piece.times[at]) <= PACE)
    near = near[near <= at] if last else near[near >= at]
    joints = piece.joints(MIN_SCORE)
    middles = (piece.boxes[near, None, :2] + piece.boxes[near, None, 2:]) / 2
    always = np.isfinite(joints[near, :, 0]).all(axis=0)
    velocity = _slope(piece.times[near], joints[near][:, always] if always.any() else middles)
    return _End(float(piece.times[at]), joints[at], piece.boxes[at], velocity)


def _slope(times: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(2,) the median over points of the slopes of lines through places (N, points, 2); 0 for one place."""
    offsets = times - times.mean()
    spread = (offsets**2).sum()
    slopes = np.einsum("n,nkd->kd", offsets, places) / (spread or 1.0)
    return np.median(slopes, axis=0)


def _followers(pieces: list[Trajectory], max_gap: float) -> dict[int, int]:
    """Which piece comes after which, as the same person."""
    if len(pieces) < 2:
        return {}
    heads, tails = ([_end(piece, last) for piece in pieces] for last in (False, True))
    starts, ends = (np.array([piece.times[at] for piece in pieces]) for at in (0, -1))
    lengths = np.array([piece.body_length for piece in pieces])
    likeness = np.zeros((len(pieces), len(pieces)))
    for before, tail in enumerate(tails):
        gaps = starts - ends[before]
        sizes = np.minimum(lengths, lengths[before]) / np.maximum(np.maximum(lengths, lengths[before]), 1e-9)
        after = np.flatnonzero((gaps > 0) & (gaps <= max_gap) & (sizes >= SAME_SIZE))
        if len(after):
            alike = _alike(tail, [heads[i] for i in after], pieces[before])
            doubt = DOUBT * (gaps[after] / max_gap) ** 2
            likeness[before, after] = np.where(alike >= LEAST + doubt, alike, 0)
    return dict(assign(likeness, LEAST))


def _alike(tail: _End, heads: list[_End], piece: Trajectory) -> np.ndarray:
    """(H,) how alike a piece's end and other pieces' beginnings are, the mean of both ways in time."""
    sigmas, _ = oks_sigmas(piece.skeleton)
    gaps = np.array([head.time - tail.time for head in heads])
    at_once, drift, tails = np.zeros(len(heads)), DRIFT * gaps, [tail] * len(heads)
    forward = similarity(_bodies(tails, gaps), _bodies(heads, at_once), sigmas, drift).diagonal()
    back = similarity(_bodies(heads, -gaps), _bodies(tails, at_once), sigmas, drift).diagonal()
    return (forward + back) / 2


def _bodies(ends: Sequence[_End], seconds: np.ndarray) -> Bodies:
    """The people at these ends, moved on by so many seconds (E,)."""
    moves = np.array([end.velocity for end in ends]) * seconds[:, None]
    keypoints = np.array([end.keypoints for end in ends]) + moves[:, None]
    known = np.isfinite(keypoints[..., 0])
    boxes = np.array([end.box for end in ends]) + np.tile(moves, 2)
    return Bodies(keypoints, known, extents(keypoints, known, boxes))


def _put_together(
    frames: Sequence[Poses], times: np.ndarray, people: list[list[Trajectory]], max_gap: float
) -> list[Poses]:
    """The frames with these people, by new ids, and their gaps filled."""
    ids = [np.zeros(len(poses), dtype=np.int64) for poses in frames]
    made: list[list[tuple[int, tuple[np.ndarray, ...]]]] = [[] for _ in frames]
    for one, person in enumerate(people, start=1):
        places = [place for piece in person for place in zip(piece.frames.tolist(), piece.people.tolist(), strict=True)]
        for frame, number in places:
            ids[frame][number] = one
        for (start, first), (end, second) in pairwise(places):
            if end - start > 1 and times[end] - times[start] <= max_gap + np.spacing(times[end]):
                ends = frames[start][first], frames[end][second]
                for frame in range(start + 1, end):
                    share = (times[frame] - times[start]) / (times[end] - times[start])
                    made[frame].append((one, _between(*ends, share)))
    return [_with(poses, own, more) for poses, own, more in zip(frames, ids, made, strict=True)]


def _between(before: Poses, after: Poses, share: float) -> tuple[np.ndarray, ...]:
    """Keypoints (K, 2), scores (K,) and box (4,) of a person between two frames."""
    keypoints = (1 - share) * before.keypoints[0] + share * after.keypoints[0]
    scores = INTERPOLATED * np.minimum(before.scores[0], after.scores[0])
    box = (1 - share) * before.boxes[0] + share * after.boxes[0]
    return keypoints, np.where(np.isfinite(keypoints[:, 0]), scores, 0), box


def _with(poses: Poses, ids: np.ndarray, made: list[tuple[int, tuple[np.ndarray, ...]]]) -> Poses:
    """The people of a frame who have an id above 0, and those made up for it."""
    kept = replace(poses, ids=ids)[ids > 0]
    if not made:
        return kept
    keypoints, scores, boxes = (np.stack(part) for part in zip(*(person for _, person in made), strict=True))
    unsure = kept.uncertainties
    return replace(
        kept,
        keypoints=np.concatenate((kept.keypoints, keypoints)),
        scores=np.concatenate((kept.scores, scores)),
        boxes=np.concatenate((kept.boxes, boxes)),
        box_scores=np.concatenate((kept.box_scores, np.zeros(len(made)))),
        ids=np.concatenate((ids[ids > 0], [one for one, _ in made])),
        uncertainties=None if unsure is None else np.concatenate((unsure, np.full(scores.shape, np.nan))),
    )
