"""People with labels, and estimators that answer what a test wants them to."""

import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import pytest

from leanpose.datasets.readers import Sample
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import LSP14, Skeleton


class Answers:
    """Stands for an estimator: knows for each box the keypoints (K, 2), or keypoints and scores (K, 3), to answer."""

    def __init__(self, answers: Mapping[tuple[float, ...], np.ndarray], skeleton: Skeleton) -> None:
        self.card = types.SimpleNamespace(skeleton=skeleton, padding=1.25, input_hw=(256, 192))
        self.skeleton = skeleton
        self.answers = answers
        self.boxes: list[np.ndarray] = []

    def describe(self) -> str:
        return "made up"

    def estimate_pairs(self, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Iterator[Poses]:
        for image, boxes in pairs:
            self.boxes.append(boxes)
            answer = np.asarray(self.answers[tuple(boxes[0])], dtype=float)
            scores = answer[:, 2] if answer.shape[1] == 3 else np.isfinite(answer[:, 0]).astype(float)
            yield Poses(
                answer[None, :, :2], scores[None], boxes, np.ones(1), self.card.skeleton, image.shape[:2]
            )  # fmt: skip


@pytest.fixture
def answering() -> Callable[..., Any]:
    """Makes an estimator that answers, for the boxes of samples, the keypoints (K, 2) or (K, 3) given for each."""

    def make(samples: Sequence[Sample], answers: Sequence[np.ndarray], skeleton: Skeleton | None = None) -> Answers:
        by_box = {tuple(sample.box): answer for sample, answer in zip(samples, answers, strict=True)}
        return Answers(by_box, skeleton or samples[0].skeleton)

    return make


@pytest.fixture
def people() -> Callable[..., list[Sample]]:
    """Makes people in images of their own, with boxes that differ; fields of :class:`Sample` may be given.

    Their torso, if they have one, is exactly 50 px long, and the longer side of their box 80 to 81.
    """

    def make(
        count: int, skeleton: Skeleton = LSP14, dataset: str = "lsp", seed: int = 0, **fields: Any
    ) -> list[Sample]:
        rng = np.random.default_rng(seed)
        image = cv2.imencode(".png", np.full((120, 160, 3), 80, np.uint8))[1].tobytes()
        samples = []
        for i in range(count):
            keypoints = rng.uniform(20, 100, size=(len(skeleton), 2))
            for joint, place in (("left_shoulder", (40, 30)), ("right_hip", (70, 70))):
                if joint in skeleton.joints:
                    keypoints[skeleton.index(joint)] = place
            box = np.array([20.0, 20, 100 + i / 1024, 100])
            labelled = np.ones(len(skeleton), bool)
            own = {"image_id": i + 1} | fields
            samples.append(Sample(dataset, f"made/{i}", image, keypoints, labelled, box, skeleton, **own))
        return samples

    return make
