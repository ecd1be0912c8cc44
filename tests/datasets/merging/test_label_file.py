"""Words in COCO's format: whose they are, by image, id and box, and which files are refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leanpose.core.errors import DatasetError
from leanpose.core.geometry import box_iou
from leanpose.datasets.merging import read_word
from leanpose.datasets.merging.label_file import pair_by_iou
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import COCO17, LSP14, Skeleton

Boxes = list[tuple[float, float, float, float]]


def _sample(image: str, box: tuple[float, ...], person_id: int | None = None) -> Sample:
    return Sample(
        "coco", f"coco/{image}#{person_id}", Path("/data/pictures") / image, np.zeros((14, 2)), np.zeros(14, bool),
        np.array(box, dtype=float), LSP14, person_id=person_id,
    )  # fmt: skip


def _entry(image: int, box: tuple[float, ...], mark: float, **fields: Any) -> dict[str, Any]:
    """An annotation of a box in our pixels, all of whose joints lie at ``mark``."""
    x1, y1, x2, y2 = box
    return {
        "image_id": image, "category_id": 1, "bbox": [x1 + 0.5, y1 + 0.5, x2 - x1, y2 - y1],
        "keypoints": [mark, mark, 2] * 17, "confidences": [0.5] * 17,
    } | fields  # fmt: skip


def _write(file: Path, names: list[str], entries: list[dict[str, Any]]) -> Path:
    document = {
        "images": [{"id": n, "file_name": name, "width": 500, "height": 500} for n, name in enumerate(names)],
        "annotations": [{"id": n, **entry} for n, entry in enumerate(entries)],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}],
    }
    file.write_text(json.dumps(document))
    return file


def _marks(file: Path, samples: list[Sample]) -> list[float | None]:
    """Where all joints of each person lie, to tell annotations from each other; None for nobody's word."""
    word = read_word(file, samples)
    assert word.skeleton == COCO17
    return [None if np.isnan(p) else float(k[0, 0]) for p, k in zip(word.person, word.keypoints, strict=True)]


A, B, NEAR_A = (10, 10, 60, 110), (200, 10, 260, 110), (12, 10, 62, 112)


def test_images_are_found_by_the_end_of_their_path(tmp_path: Path) -> None:
    names = ["one.jpg", "deep/two.jpg", "pictures/three.jpg", "other/four.jpg"]
    file = _write(tmp_path / "w.json", names, [_entry(n, A, n + 1) for n in range(4)])
    samples = [_sample(name, A) for name in ("one.jpg", "deep/two.jpg", "three.jpg", "four.jpg", "none.jpg")]
    assert _marks(file, samples) == [1, 2, 3, None, None]
    encoded = replace(samples[0], image=b"", name="lsp/one.jpg")
    assert _marks(file, [encoded]) == [1]


def test_people_of_an_image_are_told_apart_by_their_boxes(tmp_path: Path) -> None:
    file = _write(
        tmp_path / "w.json", ["a.jpg"], [_entry(0, B, 1), _entry(0, NEAR_A, 2), _entry(0, (0, 0, 400, 400), 3)]
    )
    assert _marks(file, [_sample("a.jpg", A), _sample("a.jpg", B), _sample("a.jpg", (300, 300, 340, 340))]) == [
        2,
        1,
        None,
    ]


def test_ids_of_people_go_before_boxes(tmp_path: Path) -> None:
    entries = [_entry(0, A, 1, person_id=7), _entry(0, NEAR_A, 2), _entry(0, A, 3, person_id=9), _entry(0, B, 4)]
    file = _write(tmp_path / "w.json", ["a.jpg"], entries)
    samples = [_sample("a.jpg", A, 3), _sample("a.jpg", B, 7), _sample("a.jpg", B, 2)]
    assert _marks(file, samples) == [2, 1, 4]  # an annotation's own id, 2 and 3 here, is nobody's


def test_joints_that_the_teacher_left_out_and_how_sure_it_is(tmp_path: Path) -> None:
    keypoints = [5.25, 6.5, 2] * 16 + [0, 0, 0]
    confidences = [n / 17 for n in range(17)]
    entries = [_entry(0, A, 0, keypoints=keypoints, confidences=confidences), _entry(1, A, 8, confidences=None)]
    boxes_alone = {k: v for k, v in _entry(2, A, 0).items() if k not in ("keypoints", "confidences")}
    file = _write(tmp_path / "w.json", ["a.jpg", "b.jpg", "c.jpg"], [*entries, boxes_alone])
    word = read_word(file, [_sample(name, A) for name in ("a.jpg", "b.jpg", "c.jpg")])
    assert word.keypoints[0, 0].tolist() == [5.25, 6.5]  # joints of COCO files are in our pixels
    assert np.isnan(word.keypoints[0, 16]).all()
    assert word.confidence[0].tolist() == [*confidences[:16], 0]
    assert word.confidence[1].tolist() == [1] * 17
    assert np.isnan(word.keypoints[2]).all()
    assert word.person.tolist() == [1, 1, 1]


def test_files_that_are_no_labels_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "w.json"
    for content, message in (
        ("{", "not JSON"),
        ("[]", "not a COCO annotation file"),
        ('{"images": [], "annotations": []}', "no category names its keypoints"),
    ):
        file.write_text(content)
        with pytest.raises(DatasetError, match=rf"w.json: .*{message}"):
            read_word(file, [_sample("a.jpg", A)])
    with pytest.raises(DatasetError, match=r"none.json: cannot be read"):
        read_word(tmp_path / "none.json", [_sample("a.jpg", A)])


def test_what_leanpose_label_writes_is_read(tmp_path: Path, person: Callable[..., Sample]) -> None:
    from leanpose.datasets.labelling.people import Rules, label_people

    class Teacher:
        name = "made up"
        skeleton: Skeleton = COCO17

        def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            middles = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
            return np.repeat(middles, 17, axis=1), np.full((len(boxes), 17), 0.75)

    boxes = np.array([A, B], dtype=float)
    people = label_people(np.zeros((500, 500, 3), np.uint8), boxes, np.ones(2), Teacher(), Rules(), keep_all=True)
    file = _write(tmp_path / "w.json", ["a.jpg"], [{"image_id": 0, **entry} for entry in people])
    word = read_word(file, [_sample("a.jpg", B), _sample("a.jpg", A)])
    assert word.keypoints[:, 3].tolist() == [[230, 60], [35, 60]]
    assert (word.confidence == 0.75).all()


coordinate = st.integers(0, 20)
box = st.tuples(coordinate, coordinate, coordinate, coordinate).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]) + 1.0, max(b[1], b[3]) + 1.0)
)


@given(st.lists(box, max_size=4), st.lists(box, max_size=4))
@settings(max_examples=100)
def test_pairs_are_the_best_ones_first(boxes: Boxes, others: Boxes) -> None:
    a, b = np.reshape(boxes, (-1, 4)).astype(float), np.reshape(others, (-1, 4)).astype(float)
    pairs = pair_by_iou(a, b, 0.3)
    assert all(len({pair[side] for pair in pairs}) == len(pairs) for side in (0, 1))
    overlaps = [float(box_iou(a[i], b[j])) for i, j in pairs]
    assert all(overlap >= 0.3 for overlap in overlaps)
    assert overlaps == sorted(overlaps, reverse=True)
    free = [
        (i, j) for i in range(len(a)) for j in range(len(b))
        if i not in {p[0] for p in pairs} and j not in {p[1] for p in pairs}
    ]  # fmt: skip
    assert all(box_iou(a[i], b[j]) < 0.3 for i, j in free)  # no pair was left
    best = max((float(box_iou(x, y)) for x in a for y in b), default=0.0)
    assert (overlaps[0] if pairs else 0.0) == (best if best >= 0.3 else 0.0)


def test_pairs_do_not_depend_on_the_order_of_boxes() -> None:
    boxes = np.array([A, B, NEAR_A], dtype=float)
    expected = {tuple(boxes[i]): tuple(boxes[j]) for i, j in pair_by_iou(boxes, boxes)}
    for order in permutations(range(3)):
        shuffled = boxes[list(order)]
        assert {tuple(shuffled[i]): tuple(boxes[j]) for i, j in pair_by_iou(shuffled, boxes)} == expected
