"""Where the time of one person goes, and what starting costs.

    python benchmarks/profile_stages.py [MODEL] [--engine openvino] [--threads 2] [--rounds 30]

A person in 720p frames, image and box to joints. The stages take turns with the whole, so that drift of the machine
hits all alike; shares are the median over rounds of a stage over the whole of the same round. An engine that
normalises within the network has no stage for it. Starts are in new processes: from the finished import of leanpose to
the first answer, first with an empty cache and then with what the first has left there; each the median of five.
"""

import argparse
import os
import subprocess
import sys
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from leanpose import PoseEstimator
from leanpose.benchmark.scene import open_scene
from leanpose.core.normalisation import Normalisation
from leanpose.measure.timing.turns import Call, take_turns

FRAMES, CALLS, STARTS = 60, 10, 5
START = """
import sys, time
import numpy as np
from leanpose import PoseEstimator
model, engine, threads = sys.argv[1:]
start = time.perf_counter()
estimator = PoseEstimator(model, engine, threads=int(threads) or None, detector=None)
estimator(np.zeros((720, 1280, 3), np.uint8), [500, 100, 800, 700])
print(time.perf_counter() - start)
"""


def stages(estimator: PoseEstimator, rounds: int) -> None:
    """Print a line per stage."""
    frames, boxes = open_scene().frames(FRAMES)
    shown = iter(range(sys.maxsize))

    def at(number: int) -> tuple[np.ndarray, np.ndarray]:
        return frames[number % FRAMES], boxes[number % FRAMES][None]

    crops, transforms = estimator.preprocess(*at(0))
    normalise, engine = Normalisation(estimator.card.mean, estimator.card.std), estimator.engine
    batch = crops if engine.takes_pixels else normalise(crops)
    heatmaps = engine(batch)
    parts = {
        "crop": lambda: estimator.preprocess(*at(next(shown))),
        "normalise": lambda: normalise(crops),
        "infer": lambda: engine(batch),
        "decode": lambda: estimator.postprocess(heatmaps, transforms),
        "whole": lambda: estimator(*at(next(shown))),
    }
    if engine.takes_pixels:
        del parts["normalise"]
    timings = take_turns([Call(name, part) for name, part in parts.items()], rounds, CALLS).timings
    shares = {name: median(timing.rounds / timings["whole"].rounds) for name, timing in timings.items()}
    around = sum(share for name, share in shares.items() if name not in ("infer", "whole"))
    print(f"{estimator.describe()}\n\n| stage | ms, median | share |\n|---|---|---|")
    for name, share in shares.items():
        print(f"| {name} | {1000 * timings[name].median:.3f} | {100 * share:.1f} % |")
    print(f"| before and after the network | | {100 * around:.1f} % |")


def starts(model: str, engine: str, threads: int) -> None:
    """Print seconds to the first answer with an empty cache and with a full one."""

    def seconds(folder: str) -> float:
        command = [sys.executable, "-c", START, model, engine, str(threads)]
        environment = os.environ | {"LEANPOSE_CACHE": folder}
        return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)

    cold, warm = [], []
    for _ in range(STARTS):
        with TemporaryDirectory() as folder:
            cold.append(seconds(folder))
            warm.append(seconds(folder))
    print(f"\nstart: {median(cold):.2f} s with an empty cache, {median(warm):.2f} s with a full one")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", nargs="?", default="small")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--threads", type=int, default=0, help="0: one per core")
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args()
    stages(PoseEstimator(given.model, given.engine, threads=given.threads or None, detector=None), given.rounds)
    starts(given.model, given.engine, given.threads)


if __name__ == "__main__":
    main()
