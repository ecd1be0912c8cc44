import builtins
import contextlib
import copy
import io
import json
import math
from collections import Counter

import numpy as np
import pytest

from leanpose.core.errors import DatasetError, MissingExtraError, SkeletonError
from leanpose.measure.metrics.coco_ap import FIGURES, coco_ap
from leanpose.pose.skeleton import COCO17

SIGMAS = {1: np.array([0.05]), 17: np.array(COCO17.sigmas), 133: np.linspace(0.02, 0.11, 133)}


def by_pycocotools(ground_truth, results, sigmas):
    """The figures of the reference implementation; NaN for its -1."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = copy.deepcopy(dict(ground_truth))
        truth.createIndex()
        measured = cocoeval.COCOeval(truth, truth.loadRes(copy.deepcopy(results)), "keypoints")
        measured.params.kpt_oks_sigmas = np.asarray(sigmas)
        measured.evaluate()
        measured.accumulate()
        measured.summarize()
    return {name: value if value >= 0 else math.nan for name, value in zip(FIGURES, measured.stats, strict=True)}


def drawn(seed, joints, images=12, boxes=False, categories=1):
    """Crowds, people without labels, sizes on both sides of every limit, and answers that are good, bad or missing."""
    rng = np.random.default_rng(seed)
    annotations, results = [], []
    image_ids = rng.permutation(1000)[:images].tolist()
    for image_id in image_ids:
        for _ in range(rng.integers(0, 6)):
            size = np.exp(rng.uniform(np.log(15), np.log(300), 2))
            corner = rng.uniform(0, 300, 2)
            points = corner + rng.random((joints, 2)) * size
            visible = rng.choice([0, 1, 2], joints, p=[0.3, 0.2, 0.5]) * (rng.random() > 0.15)
            category = int(rng.integers(1, categories + 1))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": category,
                    "keypoints": np.column_stack((points * (visible > 0)[:, None], visible)).ravel().tolist(),
                    "num_keypoints": int((visible > 0).sum()),
                    "bbox": [*corner.tolist(), *size.tolist()],
                    "area": float(size.prod() * rng.uniform(0.4, 0.7)),
                    "iscrowd": int(rng.random() < 0.1),
                }
            )
            for _ in range(rng.choice([0, 1, 2, 8], p=[0.2, 0.5, 0.2, 0.1])):
                noise = rng.choice([0.01, 0.05, 0.1, 1.0])
                found = points + rng.normal(0, noise, points.shape) * size.mean()
                result = {
                    "image_id": image_id,
                    "category_id": int(rng.integers(1, categories + 1)) if rng.random() < 0.1 else category,
                    "keypoints": np.column_stack((found, rng.random(joints))).ravel().tolist(),
                    "score": round(float(rng.random()), 1),  # many scores are equal
                }
                results.append(result | ({"bbox": [*corner.tolist(), *size.tolist()]} if boxes else {}))
    order = rng.permutation(len(results))
    truth = {
        "images": [{"id": image_id} for image_id in image_ids],
        "annotations": annotations,
        "categories": [{"id": c, "name": f"kind {c}"} for c in range(1, categories + 1)],
    }
    return truth, [results[i] for i in order]


@pytest.mark.parametrize("joints", SIGMAS)
@pytest.mark.parametrize("seed", range(6))
def test_equals_pycocotools(seed, joints):
    truth, results = drawn(seed, joints, boxes=seed % 2 == 1)
    found = coco_ap(truth, results, SIGMAS[joints])
    expected = by_pycocotools(truth, results, SIGMAS[joints])
    assert list(found) == ["AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL"]
    assert found == pytest.approx(expected, rel=0, abs=1e-12, nan_ok=True)
    assert 0.05 < found["AP"] < 0.95  # the case decides something


@pytest.mark.parametrize("seed", range(3))
def test_equals_pycocotools_on_many_images_and_categories(seed):
    truth, results = drawn(100 + seed, 17, images=150, categories=3)
    found = coco_ap(truth, results, SIGMAS[17])
    assert found == pytest.approx(by_pycocotools(truth, results, SIGMAS[17]), rel=0, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_equals_pycocotools_on_single_images(seed):
    truth, results = drawn(200 + seed, 1, images=1)
    if not results:
        results = [{"image_id": truth["images"][0]["id"], "category_id": 1, "keypoints": [1, 2, 0], "score": 0.5}]
    found = coco_ap(truth, results, SIGMAS[1])
    assert found == pytest.approx(by_pycocotools(truth, results, SIGMAS[1]), rel=0, abs=1e-12, nan_ok=True)


def test_more_than_twenty_answers_in_an_image_count_as_pycocotools_counts_them():
    truth, results = drawn(0, 17, images=4)
    results = [{**result, "score": result["score"] + i / 100} for i in range(8) for result in results]
    assert max(Counter(result["image_id"] for result in results).values()) > 40
    expected = by_pycocotools(truth, results, SIGMAS[17])
    assert coco_ap(truth, results, SIGMAS[17]) == pytest.approx(expected, rel=0, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("noise", [0, 0.02, 0.06])
def test_equals_pycocotools_on_the_coco_sample(data_root, noise):
    truth = json.loads((data_root / "coco_sample" / "person_keypoints_sample.json").read_text())
    rng = np.random.default_rng(round(noise * 100))
    results = []
    for annotation in truth["annotations"]:
        if rng.random() < 0.9 or not noise:
            points = np.array(annotation["keypoints"], dtype=float).reshape(-1, 3)
            points[:, :2] += rng.normal(0, 1, points[:, :2].shape) * noise * math.sqrt(annotation["area"])
            results.append(
                {
                    "image_id": annotation["image_id"],
                    "category_id": annotation["category_id"],
                    "keypoints": points.ravel().tolist(),
                    "score": float(rng.random()),
                }
            )
    found = coco_ap(truth, results, SIGMAS[17])
    assert found == pytest.approx(by_pycocotools(truth, results, SIGMAS[17]), rel=0, abs=1e-12)
    assert found["AP"] == pytest.approx(1) if not noise else 0.1 < found["AP"] < 0.9


def person(**fields):
    """One labelled joint at (50, 50), 100 x 100 pixels, and an answer there."""
    truth = {
        "images": [{"id": 7}],
        "categories": [{"id": 1}],
        "annotations": [
            {
                "id": 1, "image_id": 7, "category_id": 1, "keypoints": [50, 50, 2], "num_keypoints": 1,
                "bbox": [0, 0, 100, 100], "area": 10000.0,
            } | fields
        ],
    }  # fmt: skip
    return truth, [{"image_id": 7, "category_id": 1, "keypoints": [50, 50, 1], "score": 0.9}]


@pytest.mark.parametrize(("similarity", "right"), [(0.999, 10), (0.76, 6), (0.51, 1), (0.49, 0)])
def test_ap_of_one_person_by_hand(similarity, right):
    # OKS = exp(-d^2 / (2 s^2 k^2)) with s = 100 and k = 0.1; it passes that many of the thresholds 0.50, 0.55, ... 0.95
    truth, results = person()
    results[0]["keypoints"][0] += 10 * math.sqrt(-2 * math.log(similarity))
    found = coco_ap(truth, results, [0.05])
    assert found["AP"] == pytest.approx(right / 10)
    assert found["AP50"] == found["AR50"] == (right >= 1)
    assert found["AP75"] == (right >= 6)
    assert found["AR"] == found["ARL"] == pytest.approx(right / 10)
    assert math.isnan(found["APM"])
    assert math.isnan(found["ARM"])


def test_a_duplicate_halves_the_precision_behind_it():
    truth, results = person()
    truth["annotations"].append({**truth["annotations"][0], "id": 2, "keypoints": [90, 90, 2]})
    second = {**results[0], "keypoints": [90, 90, 1], "score": 0.7}
    twice = {**results[0], "score": 0.8}
    assert coco_ap(truth, [results[0], second], [0.05])["AP"] == pytest.approx(1)
    # right, wrong, right: precision 1 up to recall 0.5 (51 of 101 recalls), 2/3 above
    assert coco_ap(truth, [results[0], second, twice], [0.05])["AP"] == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_without_answers_nothing_is_found():
    truth, _ = person()
    found = coco_ap(truth, [], [0.05])
    assert {name: value for name, value in found.items() if not math.isnan(value)} == {
        "AP": 0, "AP50": 0, "AP75": 0, "APL": 0, "AR": 0, "AR50": 0, "AR75": 0, "ARL": 0,
    }  # fmt: skip


@pytest.mark.parametrize("fields", [{"keypoints": [0, 0, 0], "num_keypoints": 0}, {"iscrowd": 1}])
def test_without_people_to_find_there_are_no_figures(fields):
    truth, results = person(**fields)
    for answers in (results, []):
        found = coco_ap(truth, answers, [0.05])
        assert set(found) == set(FIGURES)
        assert all(math.isnan(value) for value in found.values())
    truth["annotations"] = []
    assert math.isnan(coco_ap(truth, results, [0.05])["AP"])


def test_area_is_the_annotations_or_else_0_53_of_its_box():
    truth, results = person(area=2000.0)
    assert coco_ap(truth, results, [0.05])["APM"] == pytest.approx(1)
    del truth["annotations"][0]["area"]  # 5300 square pixels: medium still; the box alone would be large
    assert coco_ap(truth, results, [0.05])["APM"] == pytest.approx(1)
    for similarity, right in ((0.76, 1), (0.74, 0)):
        results[0]["keypoints"][0] = 50 + 0.1 * math.sqrt(-2 * 5300 * math.log(similarity))
        assert coco_ap(truth, results, [0.05])["AP75"] == right


def test_ids_may_be_texts_and_zero():
    truth, results = drawn(5, 17)
    expected = coco_ap(truth, results, SIGMAS[17])
    order = {image["id"]: f"folder/{image['id']}.jpg" for image in sorted(truth["images"], key=lambda i: i["id"])}
    truth["images"] = [{"id": name} for name in order.values()]
    for number, annotation in enumerate(truth["annotations"]):
        annotation.update(id=number, image_id=order[annotation["image_id"]])
    for result in results:
        result["image_id"] = order[result["image_id"]]
    assert coco_ap(truth, results, SIGMAS[17]) == pytest.approx(expected, nan_ok=True)


def test_leaves_its_input_alone_and_prints_nothing(capfd):
    truth, results = drawn(0, 17)
    before = copy.deepcopy((truth, results))
    coco_ap(truth, results, SIGMAS[17])
    assert (truth, results) == before
    assert capfd.readouterr() == ("", "")


def test_order_of_people_and_answers_does_not_matter():
    truth, results = drawn(1, 17)
    for i, result in enumerate(results):
        result["score"] = (i * 37 % len(results)) / len(results)
    expected = coco_ap(truth, results, SIGMAS[17])
    truth["annotations"].reverse()
    truth["images"].reverse()
    assert coco_ap(truth, results[::-1], SIGMAS[17]) == pytest.approx(expected, rel=0, abs=1e-12, nan_ok=True)


def changed(what, path, value):
    truth, results = person()
    target = {"truth": truth, "results": results}[what]
    for step in path[:-1]:
        target = target[step]
    if value is KeyError:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return truth, results


ANNOTATION, NAN = ("annotations", 0), math.nan


@pytest.mark.parametrize(
    ("what", "path", "value", "says"),
    [
        ("truth", ("images",), KeyError, "'images' must be a list"),
        ("truth", ("images",), [{}], "an id in 'images'"),
        ("truth", ("images",), [{"id": 7}, {"id": 7}], "'images' has the id 7 twice"),
        ("truth", ("categories",), {}, "'categories' must be a list"),
        ("truth", ("annotations",), None, "'annotations' must be a list"),
        ("truth", ("annotations",), [3], "annotation number 1: an object"),
        ("truth", (*ANNOTATION, "image_id"), 8, "annotation 1: image_id 8 is not"),
        ("truth", (*ANNOTATION, "image_id"), [7], "annotation 1: image_id"),
        ("truth", (*ANNOTATION, "category_id"), KeyError, "annotation 1: category_id None"),
        ("truth", (*ANNOTATION, "keypoints"), [50, 50], "annotation 1: keypoints: 3 numbers are needed, not 2"),
        ("truth", (*ANNOTATION, "keypoints"), [50, NAN, 2], "annotation 1: keypoints: not finite"),
        ("truth", (*ANNOTATION, "keypoints"), "many", "annotation 1: keypoints: 3 numbers"),
        ("truth", (*ANNOTATION, "bbox"), KeyError, "annotation 1: bbox"),
        ("truth", (*ANNOTATION, "area"), NAN, "annotation 1: area: not finite"),
        ("truth", (*ANNOTATION, "area"), -1, "annotation 1: an area of -1"),
        ("truth", (*ANNOTATION, "num_keypoints"), "two", "annotation 1: num_keypoints"),
        ("results", (0,), None, "result 1: an object"),
        ("results", (0, "image_id"), 8, "result 1: image_id 8 is not"),
        ("results", (0, "category_id"), 2, "result 1: category_id 2 is not"),
        ("results", (0, "keypoints"), [1] * 51, "result 1: keypoints: 3 numbers are needed, not 51"),
        ("results", (0, "keypoints"), [NAN, 1, 1], "result 1: keypoints: not finite"),
        ("results", (0, "keypoints"), KeyError, "result 1: keypoints"),
        ("results", (0, "score"), NAN, "result 1: score: not finite"),
        ("results", (0, "score"), KeyError, "result 1: score"),
        ("results", (0, "bbox"), [1, 2, 3], "result 1: bbox"),
    ],
)
def test_malformed_entries_are_refused_by_name(what, path, value, says):
    with pytest.raises(DatasetError, match=says):
        coco_ap(*changed(what, path, value), [0.05])


def test_a_repeated_annotation_is_refused():
    truth, results = person()
    truth["annotations"] *= 2
    with pytest.raises(DatasetError, match="annotation 1: its id is there twice"):
        coco_ap(truth, results, [0.05])


@pytest.mark.parametrize("sigmas", [[], [0.0], [-1.0], [NAN], [[0.05]], 0.05])
def test_sigmas_must_be_positive_numbers(sigmas):
    with pytest.raises(SkeletonError, match="sigmas"):
        coco_ap(*person(), sigmas)


def test_without_the_package_it_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.startswith("faster_coco_eval"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtraError, match="faster-coco-eval"):
        coco_ap(*person(), [0.05])
