"""Measuring a model on annotated people: PCK by joint, its curve, and a picture of what went wrong.

Two box protocols, because a box around the labelled joints tells the model the person's scale: ``"hull"`` gives that
box, ``"centre"`` gives the image centre and one fixed scale for all images.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from leanpose import geometry
from leanpose.card import ModelCard, Score
from leanpose.errors import DatasetError, MissingExtraError
from leanpose.files import write_whole
from leanpose.metrics.pck import (
    auc,
    epe,
    grouped,
    mean_over_joints,
    normalised_distances,
    pck,
    pck_curve,
    torso_lengths,
)
from leanpose.pose import Poses
from leanpose.readers import Sample

if TYPE_CHECKING:
    from rich.table import Table

    from leanpose.estimator import PoseEstimator

BoxSource = Literal["hull", "centre"]

# Side of the region about the image centre that stands for "a person" in LSP: the scale 0.89, in units of 200 px, of
# the evaluation code of Bulat & Tzimiropoulos (ECCV 2016), whose authors wrote the soft-gated paper.
CENTRE_REGION_PX = 0.89 * 200
LIMB_JOINTS = ("ankle", "knee", "hip", "wrist", "elbow", "shoulder")
WORST = 16


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model predicted for annotated people, and how far off it was.

    Attributes:
        protocol: boxes, flip test, decode method and engine in words.
        samples: the N people.
        predicted: (N, K, 2) image pixels.
        distances: (N, K) in torso lengths; NaN where not judged.
        poses: the N results, one person each.
    """

    protocol: str
    samples: Sequence[Sample]
    predicted: np.ndarray
    distances: np.ndarray
    poses: Sequence[Poses]

    @cached_property
    def per_joint(self) -> np.ndarray:
        """PCK@0.2 (K,) in percent."""
        return 100 * pck(self.distances, 0.2)

    @property
    def mean(self) -> float:
        """PCK@0.2 in percent, mean over all joints."""
        return mean_over_joints(self.per_joint)

    @property
    def limb_mean(self) -> float:
        """PCK@0.2 in percent, mean over the limb joints, which every skeleton has."""
        limbs = [joint.endswith(LIMB_JOINTS) for joint in self.samples[0].skeleton.joints]
        return mean_over_joints(self.per_joint[limbs])

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data."""
        skeleton = self.samples[0].skeleton
        true = np.stack([s.keypoints for s in self.samples])
        labelled = np.stack([s.labelled for s in self.samples])
        return {
            "protocol": self.protocol,
            "people": len(self.samples),
            "pck@0.2": self.mean,
            "pck@0.2 limbs": self.limb_mean,
            "pck@0.1": 100 * mean_over_joints(pck(self.distances, 0.1)),
            "auc@0.2": 100 * mean_over_joints(auc(self.distances, 0.2)),
            "epe px": epe(self.predicted, true, labelled),
            "groups": grouped(self.per_joint, skeleton),
            "joints": dict(zip(skeleton.joints, self.per_joint.tolist(), strict=True)),
        }


def evaluate(
    estimator: "PoseEstimator",
    samples: Sequence[Sample],
    boxes: BoxSource = "hull",
    progress: Callable[[Sequence[Sample]], Any] | None = None,
) -> Evaluation:
    """Run an estimator over annotated people, one box each, and compare person-centric.

    Args:
        estimator: model, engine, flip test and decode method as they are to be measured.
        samples: people of the model's skeleton.
        boxes: ``"hull"`` or ``"centre"``, see above.
        progress: wraps the samples to show how far it is, such as ``rich.progress.track``.

    Raises:
        DatasetError: when there are no samples, an image cannot be read, or the skeletons differ.
    """
    if not samples:
        raise DatasetError("nothing to evaluate: this part of the dataset is empty")
    skeleton = samples[0].skeleton
    if skeleton.joints != estimator.card.skeleton.joints:
        raise DatasetError(f"the model predicts {estimator.card.skeleton.name}, the data has {skeleton.name}")

    def images_and_boxes():
        for sample in progress(samples) if progress else samples:
            image = sample.load_image()
            box = sample.box if boxes == "hull" else _centre_box(image, estimator.card.padding)
            yield image, box[None]

    poses = list(estimator.estimate_pairs(images_and_boxes()))
    predicted = np.stack([p.keypoints[0] for p in poses]).astype(float)
    true = np.stack([s.keypoints for s in samples])
    labelled = np.stack([s.labelled for s in samples])
    distances = normalised_distances(predicted, true, labelled, torso_lengths(true, skeleton))
    return Evaluation(f"boxes {boxes}, {estimator.describe()}", samples, predicted, distances, poses)


def write_report(evaluations: Sequence[Evaluation], out: Path, title: str) -> None:
    """Write ``evaluation.json``, ``curve.png`` (PCK over thresholds) and ``worst.png`` into ``out``."""
    report = {"title": title, "results": [e.to_dict() for e in evaluations]}
    write_whole(out / "evaluation.json", json.dumps(report, indent=2).encode())
    _draw_curves(evaluations, out / "curve.png", title)
    _draw_worst(evaluations[0], out / "worst.png")


def table(evaluations: Sequence[Evaluation]) -> "Table":
    """The figures for a terminal: one column a protocol, one row a joint group."""
    from rich.table import Table

    shown = Table(
        "PCK@0.2", *(e.protocol.replace(", ", "\n") for e in evaluations), title=f"{len(evaluations[0].samples)} people"
    )
    rows = [e.to_dict() for e in evaluations]
    for group in rows[0]["groups"]:
        shown.add_row(group, *(f"{row['groups'][group]:.1f}" for row in rows))
    shown.add_section()
    for key, name in (("pck@0.2", "mean of joints"), ("pck@0.2 limbs", "mean of limb joints"), ("pck@0.1", "PCK@0.1")):
        shown.add_row(name, *(f"{row[key]:.1f}" for row in rows), style="bold" if key == "pck@0.2" else "")
    shown.add_row("AUC to 0.2", *(f"{row['auc@0.2']:.1f}" for row in rows))
    shown.add_row("end-point error, px", *(f"{row['epe px']:.1f}" for row in rows))
    return shown


def record_scores(card: Path, evaluations: Sequence[Evaluation], data: str, command: str) -> None:
    """Replace the scores of a card file by these, each with its protocol and the command that measures it."""
    scores = [
        Score(f"PCK@0.2 {over}, {data}", round(value, 2), e.protocol, command)
        for e in evaluations
        for over, value in (("mean of joints", e.mean), ("mean of limb joints", e.limb_mean))
    ]
    replace(ModelCard.load(card), scores=tuple(scores)).save(card)


def _centre_box(image: np.ndarray, padding: float) -> np.ndarray:
    whole = geometry.image_box(*image.shape[:2])
    centre = (whole[:2] + whole[2:]) / 2
    half = CENTRE_REGION_PX / padding / 2
    return np.concatenate((centre - half, centre + half))


def _draw_curves(evaluations: Sequence[Evaluation], path: Path, title: str) -> None:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("matplotlib", "train") from error
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    thresholds = np.linspace(0, 0.5, 101)
    for evaluation in evaluations:
        curve = 100 * np.nanmean(pck_curve(evaluation.distances, thresholds), axis=1)
        name = evaluation.protocol.split(",")[0]
        axes.plot(thresholds, curve, label=f"{name}: PCK@0.2 {evaluation.mean:.1f}")
    axes.axvline(0.2, color="0.7", linewidth=1)
    axes.set(xlabel="threshold in torso lengths", ylabel="PCK (%)", title=title, xlim=(0, 0.5), ylim=(0, 100))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)


def _draw_worst(evaluation: Evaluation, path: Path) -> None:
    """The people with the largest mean distance: prediction on the left, labels on the right."""
    import cv2

    from leanpose.drawing import contact_sheet
    from leanpose.media import save_image

    judged = ~np.isnan(evaluation.distances)
    missed = np.where(judged, np.minimum(evaluation.distances, 1), 0).sum(axis=1)
    tiles, captions = [], []
    for i in np.argsort(-missed / np.maximum(judged.sum(axis=1), 1))[:WORST]:
        sample, poses = evaluation.samples[i], evaluation.poses[i]
        truth = Poses(
            np.where(sample.labelled[:, None], sample.keypoints, np.nan)[None].astype(np.float32),
            sample.labelled[None].astype(np.float32),
            sample.box[None],
            np.ones(1),
            skeleton=sample.skeleton,
            image_hw=poses.image_hw,
        )
        # enlarged before drawing, so that thin lines stay readable on pictures of 100 px
        transform = geometry.crop_transform(sample.box, (320, 320), 1.5)
        image = geometry.warp(sample.load_image(), transform, (320, 320))
        pair = [_drawn(p, image, transform) for p in (poses, truth)]
        tiles.append(cv2.hconcat(pair))
        captions.append(f"{sample.name}  {(evaluation.distances[i] <= 0.2).sum()} of {judged[i].sum()} right")
    save_image(path, contact_sheet(tiles, columns=4, captions=captions))


def _drawn(poses: Poses, image: np.ndarray, transform: np.ndarray) -> np.ndarray:
    keypoints = geometry.apply(transform, poses.keypoints.astype(float)).astype(np.float32)
    corners = geometry.apply(transform, poses.boxes.reshape(-1, 2, 2).astype(float)).reshape(-1, 4)
    moved = replace(poses, keypoints=keypoints, boxes=corners, image_hw=image.shape[:2])
    return moved.draw(image, min_score=0)  # what a low score hides is just what went wrong
