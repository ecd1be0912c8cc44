"""What a still picture costs, by stage: finding people, cutting them out, their joints; by size and number of people.

    python benchmarks/still_pictures.py [MODEL] [--engine openvino] [--threads 2] [--rounds 20] [--precision auto]

The packaged detector looks at every picture, and then a given number of boxes takes the place of what it found, since
neither network's time depends on what it sees. Stages take turns with the whole picture, and with a folder of 16
pictures, in which people of one picture are looked at while the next one is searched. Milliseconds are medians.
"""

import argparse
from collections.abc import Callable
from itertools import repeat
from typing import Any

import numpy as np

from leanpose import PoseEstimator
from leanpose.core import geometry
from leanpose.estimate.detector import Detector, PersonDetector
from leanpose.measure.timing.turns import Call, take_turns

SIZES = {"640x480": (480, 640), "3840x2160": (2160, 3840)}
PEOPLE = (1, 5, 20)
FOLDER, CALLS = 16, 3


def boxes_of(count: int, hw: tuple[int, int]) -> np.ndarray:
    """``count`` boxes (P, 5) side by side over the picture, each twice as high as wide."""
    height, width = hw
    side = min(width / count, height / 2)
    left = np.linspace(0, width - side, count)
    return np.stack((left, np.full(count, 5.0), left + side, np.full(count, 5.0 + 1.9 * side), np.ones(count)), axis=1)


def measure(
    open_estimator: Callable[[Detector | None], PoseEstimator],
    detector: PersonDetector,
    hw: tuple[int, int],
    count: int,
    rounds: int,
) -> None:
    """Print a line for one size and number of people."""
    estimator = open_estimator(None)
    image = np.random.default_rng(0).integers(0, 256, (hw[0] // 8, hw[1] // 8, 3), np.uint8)
    image = geometry.warp(image, geometry.resize_transform(8.0), hw)
    boxes = boxes_of(count, hw)

    def instead(picture: np.ndarray) -> np.ndarray:
        detector(picture)
        return boxes

    searching = open_estimator(instead)
    crops, transforms = estimator.preprocess(image, boxes[:, :4])
    heatmaps = estimator.infer(crops)
    parts = {
        "detector": lambda: detector(image),
        "crops": lambda: estimator.preprocess(image, boxes[:, :4]),
        "joints' network": lambda: estimator.infer(crops),
        "decoding": lambda: estimator.postprocess(heatmaps, transforms),
        "whole": lambda: searching(image),
        "of a folder": lambda: list(searching.estimate_many(repeat(image, FOLDER))),
    }
    timings = take_turns([Call(name, part) for name, part in parts.items()], rounds, CALLS).timings
    share = {"of a folder": FOLDER}
    told = [f"{name} {1000 * timing.median / share.get(name, 1):.1f}" for name, timing in timings.items()]
    print(f"{hw[1]}x{hw[0]}, {count} {'person' if count == 1 else 'people'}: {', '.join(told)} ms", flush=True)


def main() -> None:
    """Parse, load, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", nargs="?", default="small")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    alike: dict[str, Any] = {"engine": given.engine, "precision": given.precision, "threads": given.threads}
    detector = PersonDetector(**alike)

    def open_estimator(finder: Detector | None) -> PoseEstimator:
        return PoseEstimator(given.model, detector=finder, **alike)

    print(f"{open_estimator(None).describe()}; detector {detector.card.name}, {detector.engine.describe()}")
    for hw in SIZES.values():
        for count in PEOPLE:
            measure(open_estimator, detector, hw, count, given.rounds)


if __name__ == "__main__":
    main()
