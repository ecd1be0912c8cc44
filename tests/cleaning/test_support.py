"""Support: against plain loops, and on pictures of dots whose places are known."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from leanpose.cleaning.judges import judge
from leanpose.cleaning.support import Support, agreed, joined, support_at, support_of, torso_length
from leanpose.errors import DatasetError
from leanpose.estimator import PoseEstimator
from leanpose.readers import Sample
from leanpose.readers.parts import fold_of
from leanpose.skeleton import LSP14, Skeleton

DOTS = Skeleton("dots", ("nose", "neck", "head_top"), (("nose", "neck"),))


def test_support_is_the_share_of_a_map_within_the_radius() -> None:
    rng = np.random.default_rng(0)
    maps, cells, radius = rng.normal(size=(3, 9, 7)), rng.uniform(-1, 8, (4, 2)), 2.5
    maps[2] = -1
    expected = np.zeros((4, 3))
    for m, (x, y) in enumerate(cells):
        for k in range(2):
            total = near = 0.0
            for row in range(9):
                for column in range(7):
                    value = max(maps[k, row, column], 0)
                    total += value
                    near += value if (column - x) ** 2 + (row - y) ** 2 <= radius**2 else 0
            expected[m, k] = near / total
    assert support_at(maps, cells, radius) == pytest.approx(expected)


def test_a_torso_is_no_shorter_than_a_sixth_of_the_box() -> None:
    keypoints = np.zeros((14, 2))
    keypoints[LSP14.index("left_shoulder")] = 30, 40
    box = np.array([0.0, 0.0, 60.0, 120.0])
    assert torso_length(box, keypoints, LSP14) == 50
    assert torso_length(box * 10, keypoints, LSP14) == 200
    assert torso_length(box, keypoints[:3], DOTS) == 40


@pytest.fixture
def people(dots: Callable[..., np.ndarray]) -> list[Sample]:
    """Eight pictures of three dots. The labels of the last: neck and head top exchanged, and no nose."""
    rng = np.random.default_rng(0)
    found = []
    for i in range(8):
        places = np.array([(40, 40), (100, 60), (60, 120)]) + rng.uniform(-8, 8, (3, 2))
        image = cv2.imencode(".png", dots(160, 140, [tuple(p) for p in places], sigma=3.0))[1].tobytes()
        labels = places if i < 7 else places[[0, 2, 1]]
        found.append(
            Sample(
                "made", f"made/{i}", image, labels, np.array([i < 7, True, True]), np.array([20.0, 20, 120, 140]), DOTS
            )
        )
    return found


def test_of_pictures_whose_answer_is_known(dot_model: Callable[..., Path], people: list[Sample]) -> None:
    # no offset: what is black is 0
    model = dot_model(mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0), decode="taylor")
    support = support_of(PoseEstimator(model, engine="onnxruntime", batch_size=3, detector=None), people)
    assert support.torsos == pytest.approx(2 * 120 / 6)
    truth = np.stack([p.keypoints for p in people])
    truth[7] = truth[7][[0, 2, 1]]
    assert np.abs(support.predicted - truth).max() < 2
    assert (support.confidence > 0.98).all()
    for i, shares in enumerate(support.shares):
        own = np.eye(3)[[0, 2, 1]] if i == 7 else np.eye(3)
        assert np.nan_to_num(shares, nan=-1) == pytest.approx(np.where(people[i].labelled[:, None], own, -1), abs=0.03)


def test_judges_speak_of_their_own_fold_and_others_of_everybody(
    dot_model: Callable[..., Path], people: list[Sample]
) -> None:
    def model(name: str, *order: int) -> Path:
        """A model that looks for the dots of other colours."""
        joints = tuple(DOTS.joints[k] for k in order)
        return dot_model(name=name, mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0), skeleton=Skeleton("dots", joints))

    right, wrong = model("right", 0, 1, 2), model("wrong", 0, 1, 2)
    fold = np.array([fold_of(p, 2) for p in people])
    assert set(fold) == {0, 1}
    support = judge(people, [right, wrong], engine="onnxruntime")
    alone = support_of(PoseEstimator(right, engine="onnxruntime", detector=None), people)
    assert support.shares == pytest.approx(alone.shares, nan_ok=True, abs=1e-5)
    with pytest.raises(DatasetError, match=r"made/0 has the joints of dots, model 'other' those of dots"):
        judge(people, [right, right], [model("other", 2, 1, 0)], engine="onnxruntime")


def _support(shares: list[list[float]], x: float, confidence: float) -> Support:
    return Support(
        np.array([shares]), np.array([[(x, 0.0), (50.0, 50.0)]]), np.array([[confidence, 0.9]]), np.array([20.0])
    )  # fmt: skip


def test_agreement_is_what_the_most_doubtful_says() -> None:
    one, other = _support([[0.1, 0.8], [0.7, 0.2]], 0, 0.8), _support([[0.3, 0.5], [0.9, 0.1]], 4, 0.7)
    both = agreed([one, other])
    assert both.shares.tolist() == [[[0.3, 0.5], [0.7, 0.2]]]
    assert both.predicted.tolist() == [[[2, 0], [50, 50]]]
    assert both.confidence.tolist() == [[0.7, 0.9]]
    apart = agreed([one, _support([[0.3, 0.5], [0.9, 0.1]], 12, 0.7)])  # 6 of 20 pixels from their mean
    assert apart.confidence.tolist() == [[0, 0.9]]
    back = joined([(np.array([1]), one), (np.array([0]), other)])
    assert back.confidence.tolist() == [[0.7, 0.9], [0.8, 0.9]]
    assert back.select([1]).shares.tolist() == one.shares.tolist()
