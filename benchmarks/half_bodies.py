"""Portraits and half bodies: how far models are from each other on people without knees and ankles.

    python benchmarks/half_bodies.py people.json MODEL [MODEL...] [--part test]

Those people of a COCO file of whom both shoulders are labelled and neither a knee nor an ankle is, in their annotated
boxes, without flip test. A joint is right within a twentieth of the box's longer side (half of such people have no
torso to measure by). Every model is compared with the last one, by a paired bootstrap over people; a MODEL is what
``leanpose evaluate`` takes, such as ``movenet:thunder.pb``. Joints are those that all models and the file know.
"""

import argparse

import numpy as np

from leanpose import PoseEstimator
from leanpose.datasets.readers import read_samples
from leanpose.estimate.teachers import is_teacher, open_teacher
from leanpose.measure.estimation import estimate
from leanpose.measure.intervals import percentile_interval, resampled_pck
from leanpose.measure.metrics.pck import normalised_distances
from leanpose.measure.metrics.reference import MAIN_THRESHOLD, box_lengths
from leanpose.measure.teachers import TeacherEstimator

LEGS = ("knee", "ankle")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--part", default="test", choices=("train", "val", "test"))
    arguments = parser.parse_args()
    samples = read_samples([f"coco:{arguments.people}"], arguments.part, None, [])
    joints = samples[0].skeleton.joints
    shoulders = [joint.endswith("shoulder") for joint in joints]
    legs = [joint.endswith(LEGS) for joint in joints]
    half = [s for s in samples if s.labelled[shoulders].all() and not s.labelled[legs].any()]
    distances = {}
    for model in arguments.models:
        answers = estimate(
            TeacherEstimator(open_teacher(model)) if is_teacher(model) else PoseEstimator(model, detector=None), half
        )
        if answers.left_out:
            raise SystemExit(answers.left_out[0])
        people = answers.samples
        labelled = np.array([s.labelled for s in people]) & answers.judged
        keypoints = np.array([s.keypoints for s in people])
        boxes = box_lengths(np.array([s.box for s in people]))
        distances[model] = normalised_distances(answers.predicted, keypoints, labelled, boxes)
    common = np.all([np.isfinite(d) | np.isinf(d) for d in distances.values()], axis=0)
    print(f"{len(half)} people of the {arguments.part} part, {common.sum()} joints")
    resampled = {}
    for model, values in distances.items():
        values = np.where(common, values, np.nan)
        resampled[model] = resampled_pck(values, MAIN_THRESHOLD["box"], pooled=True)
        low, high = percentile_interval(100 * resampled[model])
        right = 100 * (values[common] <= MAIN_THRESHOLD["box"]).mean()
        text = f"{model}: {right:.1f} % ({low:.1f} to {high:.1f})"
        if model != arguments.models[-1]:
            against = 100 * (resampled[model] - resampled_pck(
                np.where(common, distances[arguments.models[-1]], np.nan), MAIN_THRESHOLD["box"], pooled=True
            ))  # fmt: skip
            low, high = percentile_interval(against)
            text += f"; against {arguments.models[-1]}: {low:+.1f} to {high:+.1f}"
        print(text)


if __name__ == "__main__":
    main()
