"""An estimator whose answers are known: they follow from each picture's pixels alone, or from a frame's number."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leanpose.core.errors import ImageError
from leanpose.media.given import pixels_of
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton

DOTS = Skeleton("dots", ("nose", "neck", "head_top"), (("nose", "neck"),))


def write_pictures(folder: Path, count: int, broken: Iterable[int] = ()) -> list[Path]:
    """Pictures of 8 x 8 pixels, each of its own grey; some of them cut off."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        path = folder / f"{number:05d}.png"
        data = cv2.imencode(".png", np.full((8, 8, 3), number % 256, np.uint8))[1].tobytes()
        path.write_bytes(data[:40] if number in set(broken) else data)
        paths.append(path)
    return paths


def people_of(grey: int) -> int:
    """How many people are in a picture: from nobody to three."""
    return grey % 4


def answer(grey: int) -> Poses:
    """The poses in a picture of this grey."""
    people = people_of(grey)
    keypoints = np.arange(people * 6, dtype=float).reshape(people, 3, 2) % 8 + grey / 1000
    if people:
        keypoints[0, 0] = np.nan
    scores = np.where(np.isnan(keypoints[..., 0]), 0, 0.5)
    boxes = np.tile([0.0, 0, 7, 7], (people, 1))
    return Poses(
        keypoints, scores, boxes, np.full(people, 0.75), DOTS, (8, 8), uncertainties=np.where(scores, 2.0, np.nan)
    )


@dataclass
class Simulated:
    """Stands in for an estimator.

    Attributes:
        delay: seconds a picture takes.
        deadly: a grey that ends the process, as the kernel does where memory is short.
        greedy: a grey for which there is no memory.
        fault: a grey at which something nobody thought of happens.
    """

    delay: float = 0.0
    deadly: int | None = None
    greedy: int | None = None
    fault: int | None = None
    skeleton: Skeleton = DOTS

    def estimate_pairs(self, pairs: Iterable[tuple[Any, Any]], *, on_error: Any = None) -> Iterator[Poses]:
        for image, _ in pairs:
            try:
                given = pixels_of(image)
            except ImageError as error:
                if on_error is None:
                    raise
                on_error(image, error)
                continue
            grey = int(given.pixels[0, 0, 0])
            time.sleep(self.delay)
            if grey == self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            if grey == self.greedy:
                raise MemoryError
            if grey == self.fault:
                raise ZeroDivisionError("division by zero")
            yield replace(answer(grey), source=given.source)

    def stream(self, source: Any, **options: Any) -> Iterator[Poses]:
        """Two people who walk, of whom the ids start at 1 in each piece, in the order of the frame where it begins."""
        ids: np.ndarray | None = None
        for frame in source:
            time.sleep(self.delay)
            ids = np.array([1, 2] if frame.index % 2 == 0 else [2, 1]) if ids is None else ids
            if frame.index == self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            yield walkers(frame.index, frame.timestamp, ids, source.source)


def walkers(frame: int, timestamp: float, ids: np.ndarray, source: str) -> Poses:
    """Two people far apart, each 40 pixels high, who walk to the right."""
    body = np.array([[0.0, 0], [5, 20], [0, 40]])
    keypoints = np.stack([np.add(body, (20 + frame, y)) for y in (20, 100)])
    boxes = np.concatenate((keypoints.min(axis=1) - 2, keypoints.max(axis=1) + 2), axis=1)
    return Poses(
        keypoints, np.full((2, 3), 0.9), boxes, np.full(2, 0.9), DOTS, (160, 320), ids, source, frame, timestamp
    )  # fmt: skip


@dataclass(frozen=True)
class Open:
    """Opens a :class:`Simulated`, in another process too."""

    options: tuple[tuple[str, Any], ...] = ()

    def __call__(self) -> Simulated:
        return Simulated(**dict(self.options))


def opening(**options: Any) -> Open:
    """Of a :class:`Simulated` with these options."""
    return Open(tuple(options.items()))
