"""The figures that packaged models are judged by, measured and written into their cards by one command:

    python -m lab.packaged nano small medium

measures each on the test images of LSP under both box protocols, and on the held-out fifth of the COCO sample, those
images that kept their aspect and all of them, and writes metric, value, interval, protocol and command into the card.
The test images are for measuring only: run it once per packaged model.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from leanpose.core.errors import DatasetError, ModelError
from leanpose.engines import zoo
from leanpose.engines.card import Score
from leanpose.estimate.estimator import PoseEstimator
from leanpose.measure.datasets import read_data
from leanpose.measure.estimation import Progress
from leanpose.measure.evaluation import Evaluation, evaluate
from leanpose.measure.protocols import has_centre
from leanpose.measure.report import main_scores, score_of

ENGINE = "onnxruntime"  # in f32, so that other machines give the same figures
# What is measured on, and what to call it in a metric's name.
SETS = {
    "lsp:$LEANPOSE_DATA/lsp_dataset": "lsp test",
    "coco:$LEANPOSE_DATA/coco_sample/person_keypoints_sample.json,aspect=kept": "coco test, undistorted",
    "coco:$LEANPOSE_DATA/coco_sample/person_keypoints_sample.json": "coco test, all",
}
GROUP_FIGURES = ("pck@0.2", "pck@0.05", "nme box", "epe px")


def measure_packaged(model: str, data_root: Path, progress: Progress | None = None) -> list[Score]:
    """Measure a packaged model, or an ``.onnx`` file with its card, and write its card's scores anew, in one step.

    The card keeps what it had when anything fails.

    Args:
        model: a packaged model's name or a file's path, as the commands in the card will have it.
        data_root: holds ``lsp_dataset/`` and ``coco_sample/``.
        progress: wraps the people of each protocol.

    Raises:
        ModelError: when the file is not the one that the card describes, before the measurement or after it.
        DatasetError: when a dataset is not there, or anybody in it cannot be used.
    """
    path, card = zoo.find_model(model)
    estimator = PoseEstimator(str(path), ENGINE, "f32", flip_test=True, batch_size=16, detector=None)
    scores: list[Score] = []
    for spec, name in SETS.items():
        problems: list[str] = []
        read = read_data([spec.replace("$LEANPOSE_DATA", str(data_root))], "test", None, problems)
        command = f"leanpose evaluate {model} --data {spec} --part test --engine {ENGINE}"
        for boxes in ("labels", "centre") if all(map(has_centre, read.samples)) else ("labels",):
            evaluation = evaluate(estimator, read.samples, boxes, progress, ground_truth=read.ground_truth)
            if left_out := [*problems, *evaluation.left_out]:
                raise DatasetError(f"{spec}: {len(left_out)} left out, so that no figure stands: {left_out[0]}")
            scores += main_scores(evaluation, name, command)
            if evaluation.metric == "oks":
                scores += group_scores(evaluation, name, command)
    _, now = zoo.find_model(model)
    if now.sha256 != card.sha256:
        raise ModelError(f"{path} was exchanged while it was measured: measure it again")
    replace(now, scores=tuple(scores)).save(path.with_suffix(".json"))
    return scores


def group_scores(evaluation: Evaluation, data: str, command: str) -> list[Score]:
    """PCK and errors of each group of joints; the arguments are those of :func:`main_scores`."""
    return [
        score_of(
            f"{figure.label}, {name}, {data}", figure.value, (figure.low, figure.high),
            f"{evaluation.protocol}, {figure.joints} joints of {group.people} people", command,
        )
        for name, group in evaluation.joint_groups.items()
        for key, figure in group.figures.items()
        if key in GROUP_FIGURES and math.isfinite(figure.value)
    ]  # fmt: skip


def main(models: Sequence[str]) -> None:
    """Measure each of the models and print its scores."""
    import os

    from rich.console import Console
    from rich.progress import track

    root = os.environ.get("LEANPOSE_DATA")
    if not root or not models:
        raise SystemExit("usage: LEANPOSE_DATA=DIR python -m lab.packaged MODEL...")
    console = Console(stderr=True)
    for model in models:
        wrapped = lambda samples, name=model: track(samples, name, console=console)  # noqa: E731
        for score in measure_packaged(model, Path(root), wrapped):
            low, high = score.interval or (score.value, score.value)
            print(f"{model}: {score.metric}: {score.value:g} ({low:g} to {high:g}); {score.protocol}")


if __name__ == "__main__":
    main(sys.argv[1:])
