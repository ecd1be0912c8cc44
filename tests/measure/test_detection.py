"""A detector's worth: loops that count by hand, detectors that know or make up their answers, and pycocotools' AP."""

import json
import math

import cv2
import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers.scenes import Scene
from leanpose.measure.detection import choose_threshold, evaluate_detector
from leanpose.measure.detection_report import detection_table, write_detection_report
from leanpose.measure.intervals import wilson_interval

SIDE = 100
NOBODY = np.zeros((0, 4))


def scene(number, boxes=NOBODY, ignored=NOBODY, dataset="boxes", exhaustive=True):
    """An image whose first pixel holds its number, by which a detector that knows the answers tells it."""
    image = np.full((SIDE, 2 * SIDE, 3), 10, np.uint8)
    image[:, :, 0] = number
    data = cv2.imencode(".png", image)[1].tobytes()
    boxes, ignored = (np.array(b, dtype=float).reshape(-1, 4) for b in (boxes, ignored))
    return Scene(dataset, f"{dataset}/{number}", data, boxes, ignored, exhaustive, number)


def knowing(answers):
    """A detector that answers, for the image of a number, these boxes; it sees them in whatever frame it is shown."""

    def detect(image):
        height, width = image.shape[:2]
        top, left = (height - SIDE) // 2, (width - 2 * SIDE) // 2
        found = np.array(answers[image[height // 2, width // 2, 0]], dtype=float).reshape(-1, 5)
        return found + np.array([left, top, left, top, 0])

    return detect


def drawn(seed, images=30):
    """People, regions, and answers near them, twice, elsewhere and none."""
    rng = np.random.default_rng(seed)
    scenes, answers = [], []
    for number in range(images):
        corner = rng.uniform(0, 60, (rng.integers(0, 5), 2))
        boxes = np.hstack((corner, corner + rng.uniform(10, 39, corner.shape)))
        crowd = rng.random(len(boxes)) < 0.2
        near = np.repeat(boxes, rng.integers(0, 3, len(boxes)), axis=0)
        near = near + rng.normal(0, 3, near.shape)
        stray = rng.uniform(0, 60, (rng.integers(0, 3), 2))
        found = np.vstack((near, np.hstack((stray, stray + 30))))
        answers.append(np.column_stack((found, rng.permutation(len(found)) / 20 + 0.3 + number / 1e4)))
        scenes.append(scene(number, boxes[~crowd], boxes[crowd]))
    return scenes, answers


def overlap(a, b):
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    size = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return shared / (size[0] + size[1] - shared), shared / size[0]


def by_hand(scenes, answers, threshold):
    """People found and answers that are nobody: a loop over the answers of that score, the best first."""
    hits = false = 0
    for each, found in zip(scenes, answers, strict=True):
        free = list(range(len(each.boxes)))
        for answer in sorted((a for a in found if a[4] >= threshold), key=lambda a: -a[4]):
            best = max(free, key=lambda g: overlap(answer, each.boxes[g])[0], default=None)
            if best is not None and overlap(answer, each.boxes[best])[0] >= 0.5:
                free.remove(best)
                hits += 1
            elif not any(overlap(answer, region)[1] >= 0.5 for region in each.ignored):
                false += 1
    return hits, false


@pytest.mark.parametrize("seed", range(4))
def test_one_run_tells_recall_and_false_persons_at_every_threshold(seed):
    scenes, answers = drawn(seed)
    (found,) = evaluate_detector(knowing(answers), scenes, 0.4)
    people = sum(len(each.boxes) for each in scenes)
    for threshold in (0.05, 0.3, 0.35, 0.4, 0.5, 0.9):
        hits, false = by_hand(scenes, answers, threshold)
        assert (found.hits(threshold), found.false(threshold)) == (hits, false)
        assert found.recall(threshold) == pytest.approx(100 * hits / people)
        assert found.false_per_image(threshold) == pytest.approx(false / len(scenes))
    hits, false = by_hand(scenes, answers, 0.4)
    assert found.precision == pytest.approx(100 * hits / (hits + false))
    assert false > 0
    assert 0 < hits < people
    assert found.recall_interval == pytest.approx([100 * share for share in wilson_interval(hits, people)])
    low, high = found.ap50_interval
    assert low < found.average_precision["AP50"] < high


def test_a_detector_that_knows_is_perfect_and_one_that_is_blind_finds_nobody():
    scenes, _ = drawn(0)
    right = [np.column_stack((each.boxes, np.ones(len(each.boxes)))) for each in scenes]
    (found,) = evaluate_detector(knowing(right), scenes, 0.5)
    assert found.average_precision["AP"] == pytest.approx(100)
    assert (found.recall(), found.precision, found.false()) == (100, 100, 0)
    assert found.worst() == []
    (found,) = evaluate_detector(lambda image: np.zeros((0, 5)), scenes, 0.5)
    assert (found.average_precision["AP"], found.recall(), found.false()) == (0, 0, 0)
    assert math.isnan(found.precision)


def test_a_detector_that_always_fires_has_that_many_false_persons_an_image():
    scenes = [scene(number, dataset="backgrounds") for number in range(10)]
    (found,) = evaluate_detector(
        lambda image: np.array([[0, 0, 9, 9, 0.9], [20, 20, 40, 40, 0.6], [50, 50, 60, 60, 0.3]]), scenes, 0.5
    )
    assert (found.false(), found.false_per_image(), found.false_per_image(0.1)) == (20, 2, 3)
    assert (found.count, found.average_precision) == (0, {})
    assert math.isnan(found.recall())
    assert found.worst()[0] == (0, "false 0.90, false 0.60")


def test_images_not_labelled_exhaustively_give_recall_alone():
    scenes = [scene(0, [[10, 10, 40, 60]], dataset="coco", exhaustive=False)]
    answers = [[[10, 10, 40, 60, 0.6], [70, 10, 90, 60, 0.9]]]
    (found,) = evaluate_detector(knowing(answers), scenes, 0.5)
    assert (found.recall(), found.average_precision) == (100, {})
    assert math.isnan(found.precision)
    assert math.isnan(found.false_per_image())
    assert found.worst() == []
    told = found.to_dict()
    assert "recall only" in told["protocol"]
    assert told["false persons"] is None


def test_lsp_is_padded_by_half_and_also_shown_as_it_is():
    """The box of joints may reach over the image; it is cut where the detector cannot see."""
    box = [-20, 10, 40, 60]
    shapes = []

    def detect(image):
        shapes.append(image.shape[:2])
        pad = image.shape[0] > SIDE
        assert image[0, 0].tolist() == ([114] * 3 if pad else [0, 10, 10])
        left, top = (SIDE, SIDE // 2) if pad else (0, 0)
        first = box[0] if pad else -0.5
        return np.array([[first + left, box[1] + top, box[2] + left, box[3] + top, 0.9]])

    padded, plain = evaluate_detector(detect, [scene(0, [box], dataset="lsp", exhaustive=False)], 0.5)
    assert shapes == [(2 * SIDE, 4 * SIDE), (SIDE, 2 * SIDE)]
    assert (padded.name, plain.name) == ("lsp, padded by half", "lsp")
    np.testing.assert_allclose(padded.answers[0][0, :4], box)
    np.testing.assert_allclose(padded.people[0], [box])
    np.testing.assert_allclose(plain.people[0], [[-0.5, 10, 40, 60]])
    assert padded.recall() == plain.recall() == 100


def test_the_threshold_is_the_lowest_in_hundredths_that_leaves_few_enough():
    """One false person in 20 images may stay: of the scores 0.62, 0.415 and 0.2 the second must go."""
    scores = dict(zip((3, 7, 11), (0.62, 0.415, 0.2), strict=True))
    answers = [[[0, 0, 20, 20, scores[n]]] if n in scores else [] for n in range(20)]
    empty = evaluate_detector(knowing(answers), [scene(n, dataset="backgrounds") for n in range(20)], 0.5)
    assert choose_threshold(empty, 1 / 20) == 0.42
    assert choose_threshold(empty, 0) == 0.63
    assert choose_threshold(empty, 1) == 0.01
    people = evaluate_detector(knowing(answers), [scene(3, [[0, 0, 20, 20]])], 0.5)
    with pytest.raises(DatasetError, match="images without people"):
        choose_threshold(people, 1 / 20)


def test_images_that_cannot_be_read_are_said(tmp_path):
    broken = Scene("boxes", "boxes/broken", tmp_path / "no.png", NOBODY, NOBODY, True)
    (found,) = evaluate_detector(knowing([[], []]), [broken, scene(1)], 0.5)
    assert len(found.scenes) == len(found.left_out) == 1
    with pytest.raises(DatasetError, match="not one of 1 images"):
        evaluate_detector(knowing([]), [broken], 0.5)
    with pytest.raises(DatasetError, match="no images"):
        evaluate_detector(knowing([]), [], 0.5)


def test_the_report_holds_what_was_measured(tmp_path):
    scenes, answers = drawn(2)
    background = [scene(number, dataset="backgrounds") for number in range(30)]
    found = evaluate_detector(knowing(answers), [*scenes, *background], 0.4)
    write_detection_report(found, tmp_path, "made up")
    people, empty = json.loads((tmp_path / "evaluation.json").read_text())["results"]
    assert people["AP"] == found[0].average_precision["AP"]
    assert empty["recall"] is None
    assert empty["false persons"] == sum((np.array(a)[:, 4] >= 0.4).sum() for a in answers)
    at = next(point for point in people["curve"] if point["threshold"] == 0.4)
    assert at["recall"] == people["recall"]
    for name in ("curve.png", "worst_boxes.png", "worst_backgrounds.png"):
        assert cv2.imread(str(tmp_path / name)).std() > 0
    assert detection_table(found).row_count == 12


def test_wilson_interval_by_its_definition():
    """Its ends are the shares p that lie 1.96 standard errors of p itself away from the measured share."""
    for hits, count in ((0, 20), (3, 17), (190, 200), (50, 50)):
        measured = hits / count
        for end in wilson_interval(hits, count):
            error = math.sqrt(end * (1 - end) / count)
            assert abs(measured - end) == pytest.approx(1.959964 * error, abs=1e-6)
    assert all(map(math.isnan, wilson_interval(0, 0)))
