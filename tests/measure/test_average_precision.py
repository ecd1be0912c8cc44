"""AP of the whole way from boxes to figures, against pycocotools on the submission file; NMS and matching by loops."""

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample
from leanpose.measure import Options, evaluate, write_submission
from leanpose.pose.skeleton import COCO17

Answering = Callable[..., Any]
NAMES = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")


def _scene(folder: Path, seed: int, images: int = 10) -> tuple[dict[str, Any], list[Sample]]:
    """COCO annotations of several people an image, with a crowd and people without joints, and their samples."""
    rng = np.random.default_rng(seed)
    file = folder / "grey.png"
    cv2.imwrite(str(file), np.full((400, 500, 3), 90, np.uint8))
    annotations: list[dict[str, Any]] = []
    samples = []
    for image in range(1, images + 1):
        name = folder / f"{image:012d}.png"
        name.symlink_to(file)
        for number in range(rng.integers(1, 5)):
            size = rng.uniform(25, 180)
            corner = rng.uniform(0, 400 - size, 2)
            keypoints = np.column_stack((corner + rng.uniform(0, size, (17, 2)), rng.integers(0, 3, 17)))
            crowd = number == 3 and rng.random() < 0.5
            if number == 2 and rng.random() < 0.5:
                keypoints[:, 2] = 0
            labelled = keypoints[:, 2] > 0
            annotation = {
                "id": len(annotations) + 1,
                "image_id": image,
                "category_id": 1,
                "keypoints": keypoints.reshape(-1).tolist(),
                "num_keypoints": int(labelled.sum()),
                "area": float(size**2 * 0.6),
                "bbox": [float(corner[0]), float(corner[1]), float(size), float(size)],
                "iscrowd": int(crowd),
            }
            annotations.append(annotation)
            if labelled.any() and not crowd:
                box = np.concatenate((corner, corner + size)) - 0.5
                samples.append(
                    Sample(
                        "coco", f"coco/{image}#{len(annotations)}", name, keypoints[:, :2], labelled, box, COCO17,
                        area=annotation["area"], image_id=image, person_id=len(annotations),
                    )
                )  # fmt: skip
    truth = {
        "images": [{"id": i, "file_name": f"{i:012d}.png", "width": 500, "height": 400} for i in range(1, images + 1)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints), "skeleton": []}],
    }
    return truth, samples


def _jittered(samples: list[Sample], seed: int) -> list[np.ndarray]:
    """Answers (17, 3): the truth, off by more or less, with scores of which some are below 0.2."""
    rng = np.random.default_rng(seed)
    return [
        np.column_stack(
            (s.keypoints + rng.normal(0, rng.choice([0.5, 2, 6, 30]), (17, 2)), rng.uniform(0, 1, 17))
        ).astype(np.float32)
        for s in samples
    ]


def _pycocotools(truth: dict[str, Any], results: Path) -> dict[str, float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = json.loads(json.dumps(truth))
        coco.createIndex()
        measured = COCOeval(coco, coco.loadRes(str(results)), "keypoints")
        measured.evaluate()
        measured.accumulate()
        measured.summarize()
    return dict(zip(NAMES, measured.stats.tolist(), strict=True))


def _detections(samples: list[Sample], seed: int, strays: int = 12) -> list[Sample]:
    """A detector's boxes: each person up to three times, and boxes about nobody."""
    rng = np.random.default_rng(seed)
    found = []
    for sample in samples:
        for _ in range(rng.integers(0, 4)):
            box = sample.box + rng.uniform(-1, 1, 4)
            found.append(replace(sample, box=box, area=None))
    for i in range(strays):
        corner = rng.uniform(0, 200, 2)
        found.append(replace(samples[i % len(samples)], box=np.concatenate((corner, corner + 90))))
    return [
        replace(
            d, keypoints=np.zeros((17, 2)), labelled=np.zeros(17, bool), box_score=float(rng.random()), person_id=None
        )
        for d in found
    ]


@pytest.mark.parametrize("seed", range(4))
def test_annotated_boxes_measure_as_pycocotools_does(tmp_path: Path, answering: Answering, seed: int) -> None:
    truth, samples = _scene(tmp_path, seed)
    result = evaluate(answering(samples, _jittered(samples, seed)), samples, ground_truth=truth)
    write_submission(result, samples, tmp_path / "results.json")
    expected = _pycocotools(truth, tmp_path / "results.json")
    figures = {figure.label: figure.value for figure in result.figures}
    for name in NAMES:
        assert figures[name] == pytest.approx(100 * expected[name], abs=1e-9)
    assert 1 < result.mean < 99  # neither nothing nor everything is right
    assert result.interval[0] < result.mean < result.interval[1]
    assert "boxes annotated, scored by joints over 0.2, areas of the annotations" in result.protocol


@pytest.mark.parametrize("seed", range(4))
def test_detected_boxes_pass_nms_by_rescored_oks(tmp_path: Path, answering: Answering, seed: int) -> None:
    truth, people = _scene(tmp_path, seed)
    boxes = _detections(people, seed)
    answers = [_jittered([people[i % len(people)]], i)[0] for i in range(len(boxes))]
    by_image: dict[Any, list[int]] = {}
    for i, box in enumerate(boxes):
        answers[i][:, :2] = _near(people, box, i)
        by_image.setdefault(box.image_id, []).append(i)
    result = evaluate(answering(boxes, answers), boxes, ground_truth=truth, people=people)
    write_submission(result, boxes, tmp_path / "results.json")
    expected = _pycocotools(truth, tmp_path / "results.json")
    for figure in result.figures[:10]:
        assert figure.value == pytest.approx(100 * expected[figure.label], abs=1e-9)

    kept = []
    for members in by_image.values():
        scores = {i: boxes[i].box_score * _mean_of_sure(answers[i][:, 2]) for i in members}
        order = sorted(members, key=lambda i: -scores[i])
        stay: list[int] = []
        for i in order:
            if all(_oks(answers[i], answers[j], (_area(boxes[i]) + _area(boxes[j])) / 2) <= 0.9 for j in stay):
                stay.append(i)
        kept += stay
    assert 0 < len(kept) < len(boxes)
    assert [tuple(s.box) for s in result.answers.samples] == [tuple(boxes[i].box) for i in sorted(kept)]
    assert result.person_scores == pytest.approx(
        [boxes[i].box_score * _mean_of_sure(answers[i][:, 2]) for i in sorted(kept)], rel=1e-6
    )
    assert "boxes detected, scored by joints over 0.2, OKS NMS 0.9" in result.protocol
    without = evaluate(answering(boxes, answers), boxes, options=Options(nms=1), ground_truth=truth, people=people)
    assert len(without.answers.samples) == len(boxes)


def _near(people: list[Sample], box: Sample, i: int) -> np.ndarray:
    """The answer in a detected box: the person of the image whose box it is, a little off; else points in the box."""
    rng = np.random.default_rng(1000 + i)
    for person in people:
        if person.image_id == box.image_id and np.abs(person.box - box.box).max() < 2:
            return person.keypoints + rng.normal(0, rng.choice([0.3, 3, 10]), (17, 2))
    return rng.uniform(box.box[:2], box.box[2:], (17, 2))


def _mean_of_sure(scores: np.ndarray) -> float:
    sure = [float(score) for score in scores if score > 0.2]
    return sum(sure) / len(sure) if sure else 0.0


def _area(box: Sample) -> float:
    """What the crop of 256 by 192 shows: the box grown to 3:4, then by 1.25 on each side."""
    width, height = box.box[2:] - box.box[:2]
    width, height = max(width, height * 0.75), max(height, width / 0.75)
    return width * height * 1.25**2


def _oks(a: np.ndarray, b: np.ndarray, area: float) -> float:
    sigmas = COCO17.sigmas or ()
    terms = [
        np.exp(-((a[k, 0] - b[k, 0]) ** 2 + (a[k, 1] - b[k, 1]) ** 2) / (2 * area * (2 * sigmas[k]) ** 2))
        for k in range(17)
    ]
    return float(np.mean(terms))


def test_people_are_matched_to_the_answers_that_found_them(tmp_path: Path, answering: Answering) -> None:
    """Of two answers near one person the surer gets it, and a person whom no box shows is missed, not left out."""
    truth, people = _scene(tmp_path, 3)
    first, second = people[0], next(p for p in people if p.image_id != people[0].image_id)
    boxes = [
        replace(first, labelled=np.zeros(17, bool), box=first.box + 1, box_score=0.5),
        replace(first, labelled=np.zeros(17, bool), box=first.box - 1, box_score=0.9),
        replace(second, labelled=np.zeros(17, bool), box_score=0.7),
    ]
    answers = [first.keypoints + 0.5, first.keypoints + 3, second.keypoints + 1000]
    result = evaluate(answering(boxes, answers), boxes, options=Options(nms=1), ground_truth=truth, people=people)
    assert result.predicted[0] == pytest.approx(first.keypoints + 3, abs=1e-3)
    others = [i for i, person in enumerate(people) if person is not first]
    assert all(result.poses[i] is None for i in others)
    assert np.isinf(result.distances[others][np.stack([people[i].labelled for i in others])]).all()
    assert len(result.samples) == len(people)
    assert f"1 of {len(people)} people found" in result.protocol


def test_people_in_images_that_cannot_be_read_are_not_missed(tmp_path: Path, answering: Answering) -> None:
    """They are named instead: the figures are those of the other images."""
    truth, samples = _scene(tmp_path, 1)
    estimator = answering(samples, [s.keypoints for s in samples])
    gone = samples[0].image_id
    (tmp_path / f"{gone:012d}.png").unlink()
    result = evaluate(estimator, samples, ground_truth=truth)
    assert result.mean == pytest.approx(100)
    assert len(result.left_out) == sum(s.image_id == gone for s in samples)
    assert all(f"coco/{gone}#" in message for message in result.left_out)


def test_samples_alone_measure_as_their_own_annotations(tmp_path: Path, answering: Answering) -> None:
    """Own data without a COCO file: AP of the labelled people, whose areas are 0.53 of the box where none are given."""
    truth, samples = _scene(tmp_path, 2)
    samples = [replace(s, dataset="yolo", area=None, image_id=None) for s in samples]
    answers = _jittered(samples, 2)
    result = evaluate(answering(samples, answers), samples)
    assert "areas 0.53 of the box" in result.protocol
    people = [
        {**annotation, "area": 0.53 * annotation["bbox"][2] * annotation["bbox"][3]}
        for annotation in truth["annotations"]
        if annotation["num_keypoints"] and not annotation["iscrowd"]
    ]
    numbers = {s.name: int(s.name.split("/")[1].split("#")[0]) for s in samples}
    named = replace(result, answers=replace(
        result.answers, samples=[replace(s, image_id=numbers[s.name]) for s in result.answers.samples]
    ))  # fmt: skip
    write_submission(named, samples, tmp_path / "results.json")
    expected = _pycocotools({**truth, "annotations": people}, tmp_path / "results.json")
    assert result.mean == pytest.approx(100 * expected["AP"], abs=1e-9)


def test_answers_about_other_images_are_refused(tmp_path: Path, answering: Answering) -> None:
    truth, samples = _scene(tmp_path, 0)
    strangers = [replace(s, image_id=999) for s in samples]
    with pytest.raises(DatasetError, match="999"):
        evaluate(answering(samples, _jittered(samples, 0)), strangers, ground_truth=truth)
