"""Layouts of other projects, held against people whose places are known in each of them.

Written out from their own descriptions: YOLOX's and mmdeploy's boxes are in pixels of the letterboxed input counted
from its corner, RT-DETR's in those of ``orig_target_sizes``, transformers' are shares of the image. NanoDet and
CenterNet say how far a box's sides are from a point, in pixels of the letterboxed input counted from its corner.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from leanpose.core.errors import ModelError
from leanpose.engines import installed_engines
from leanpose.estimate.detector import PersonDetector
from leanpose.estimate.detector_layouts import people

from ..blobs import constant_network
from ..engines.networks import frozen_graph

IMAGE = np.zeros((240, 480, 3), np.uint8)
# COCO's corners (x1, y1, x2, y2) and scores of two people, best first; the first is class 0 in each network
PEOPLE = np.array([[30, 60, 120, 210, 0.9], [300, 15, 450, 225, 0.75]])
DOG = np.array([150, 30, 290, 220, 0.95])
EXPECTED = PEOPLE - [0.5, 0.5, 0.5, 0.5, 0]  # centres of pixels at integers
IMAGES = {"images": (1, 3, 320, 320)}


def letterboxed(box):
    """480 pixels shrink to 320, the height with them."""
    return np.asarray(box[..., :4]) * 2 / 3


def yolox_answer(decoded):
    """A background answer of low objectness everywhere, people and a dog in cells of their own."""
    cells = [(8, 5, 7), (16, 17, 5), (32, 3, 3)]  # stride, column, row
    sizes = [(40, 8), (20, 16), (10, 32)]
    starts = {8: 0, 16: 1600, 32: 2000}
    answer = np.zeros((1, 2100, 85), np.float32)
    answer[..., 4], answer[..., 5] = 0.01, 0.5
    grid = [(x, y, s) for n, s in sizes for y in range(n) for x in range(n)]
    answer[0, :, :4] = [((x + 0.4) * s, (y + 0.6) * s, s, 2 * s) for x, y, s in grid]
    for (stride, column, row), box, dog in zip(cells, (*PEOPLE, DOG), (False, False, True), strict=True):
        x1, y1, x2, y2 = letterboxed(box)
        at = starts[stride] + row * (320 // stride) + column
        answer[0, at, :6] = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, 1, box[4]
        if dog:
            answer[0, at, [5, 5 + 16]] = 0.3, box[4]
    if not decoded:
        x, y, s = np.array(grid).T
        answer[0, :, 0], answer[0, :, 1] = answer[0, :, 0] / s - x, answer[0, :, 1] / s - y
        answer[0, :, 2:4] = np.log(answer[0, :, 2:4] / s[:, None])
    return {"output": answer}


def mmdeploy_answer():
    boxes = np.array([letterboxed(DOG), *letterboxed(PEOPLE[::-1])])
    dets = np.column_stack((boxes, [DOG[4], *PEOPLE[::-1, 4]])).astype(np.float32)[None]
    return {"dets": dets, "labels": np.array([[16, 0, 0]])}


def detr_answer():
    """Of the authors' export: boxes in the pixels that ``orig_target_sizes`` speaks of, here the input's own."""
    stretch = np.array([320 / 480, 320 / 240] * 2)
    boxes = np.array([DOG[:4], *PEOPLE[:, :4]]) * stretch
    scores = np.array([[DOG[4], *PEOPLE[:, 4]]], np.float32)
    return {"labels": np.array([[16, 0, 0]]), "boxes": boxes.astype(np.float32)[None], "scores": scores}


def transformers_answer():
    boxes = np.array([DOG[:4], *PEOPLE[:, :4]]) / [480, 240, 480, 240]
    centres = np.hstack(((boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]))
    logits = np.full((1, 3, 80), -6.0)
    for row, (kind, score) in enumerate(((16, DOG[4]), (0, PEOPLE[0, 4]), (0, PEOPLE[1, 4]))):
        logits[0, row, kind] = np.log(score / (1 - score))
    return {"logits": logits.astype(np.float32), "pred_boxes": centres.astype(np.float32)[None]}


def nanodet_answer():
    """Sides are expectations over 11 bins: two neighbours share the weight so that it comes out between them."""
    outputs = {}
    for stride in (8, 16, 32):
        side = 320 // stride
        scores = np.full((1, side * side, 80), 0.01, np.float32)
        bins = np.zeros((1, side * side, 44), np.float32)
        outputs |= {f"scores_{stride}": scores, f"bins_{stride}": bins}
        if stride == 8:
            continue
        for box, kind, its_stride in ((PEOPLE[0], 0, 16), (PEOPLE[1], 0, 32), (DOG, 16, 32)):
            if its_stride != stride:
                continue
            x1, y1, x2, y2 = letterboxed(box)
            column, row = int((x1 + x2) / 2 // stride), int((y1 + y2) / 2 // stride)
            x, y = (column + 0.5) * stride, (row + 0.5) * stride
            scores[0, row * side + column, kind] = box[4]
            for edge, distance in enumerate(np.array([x - x1, y - y1, x2 - x, y2 - y]) / stride):
                logits = bins[0, row * side + column, 11 * edge : 11 * edge + 11]
                logits[:] = -100
                whole, part = int(distance), distance - int(distance)
                logits[[whole, whole + 1]] = np.log([1 - part + 1e-12, part + 1e-12])
    return dict(sorted(outputs.items(), reverse=True))


def centernet_answer():
    scores, distances = np.full((1, 80, 80, 80), 0.01, np.float32), np.zeros((1, 80, 80, 4), np.float32)
    for box, kind in ((PEOPLE[0], 0), (PEOPLE[1], 0), (DOG, 16)):
        x1, y1, x2, y2 = letterboxed(box)
        column, row = round((x1 + x2) / 8), round((y1 + y2) / 8)
        scores[0, row, column, kind] = box[4]
        scores[0, row - 1, column + 1, kind] = box[4] - 0.1  # the same one's, and no peak
        distances[0, row, column] = 4 * column - x1, 4 * row - y1, x2 - 4 * column, y2 - 4 * row
    return {"tower/wh": distances, "tower/keypoints": scores}


NETWORKS = {
    "yolox raw": ("yolox", IMAGES, yolox_answer(False)),
    "yolox decoded": ("yolox", IMAGES, yolox_answer(True)),
    "rtmdet": ("rtmdet", {"input": (1, 3, 320, 320)}, mmdeploy_answer()),
    "rtmdet of any batch": ("rtmdet", {"input": ("batch", 3, 320, 320)}, mmdeploy_answer()),
    "rtdetr": ("rtdetr", IMAGES | {"orig_target_sizes": (1, 2)}, detr_answer()),
    "transformers": ("rtdetr", {"pixel_values": (1, 3, 320, 320)}, transformers_answer()),
    "nanodet": ("nanodet", {"input_1": (1, 3, 320, 320)}, nanodet_answer()),
    "centernet": ("centernet", {"tower/images": (1, 320, 320, 3)}, centernet_answer()),
}


@pytest.mark.parametrize("engine", installed_engines())
@pytest.mark.parametrize("network", NETWORKS)
def test_people_are_found_where_they_are_and_dogs_are_not(tmp_path, network, engine):
    layout, inputs, outputs = NETWORKS[network]
    detector = PersonDetector(constant_network(tmp_path / "other.onnx", inputs, outputs), engine, "f32")
    assert detector.card.layout == layout
    np.testing.assert_allclose(detector(IMAGE), EXPECTED, atol=1e-4)


def test_yolox_of_mmdeploy_is_told_apart_by_its_weights(tmp_path):
    """Its ports are those of RTMDet; another normalisation goes in."""
    path = constant_network(
        tmp_path / "end2end.onnx", IMAGES, mmdeploy_answer(), "bbox_head.multi_level_conv_cls.0.weight"
    )
    assert PersonDetector(path).card.layout == "yolox"
    np.testing.assert_allclose(PersonDetector(path)(IMAGE), EXPECTED, atol=1e-4)
    assert PersonDetector(f"rtmdet:{path}").card.layout == "rtmdet"


def shown(tmp_path, network, image, **options):
    _, inputs, outputs = NETWORKS[network]
    detector = PersonDetector(constant_network(tmp_path / "other.onnx", inputs, outputs), "onnxruntime", **options)
    return detector.preprocess(image)[0]


@pytest.mark.parametrize(
    ("network", "inside", "around"),
    [
        ("yolox raw", (40, 50, 60), (114, 114, 114)),
        (
            "rtmdet",
            ((40 - 103.53) / 57.375, (50 - 116.28) / 57.12, (60 - 123.675) / 58.395),
            ((114 - 103.53) / 57.375, (114 - 116.28) / 57.12, (114 - 123.675) / 58.395),
        ),
        ("rtdetr", (60 / 255, 50 / 255, 40 / 255), (60 / 255, 50 / 255, 40 / 255)),
        (
            "nanodet",
            ((40 - 103.53) / 57.375, (50 - 116.28) / 57.12, (60 - 123.675) / 58.395),
            (-103.53 / 57.375, -116.28 / 57.12, -123.675 / 58.395),
        ),
        ("centernet", (60, 50, 40), (0, 0, 0)),
    ],
)
def test_what_each_network_is_shown(tmp_path, network, inside, around):
    batch = shown(tmp_path, network, np.full((240, 480, 3), (40, 50, 60), np.uint8))
    assert (batch.shape, batch.dtype) == ((1, 3, 320, 320), np.float32)
    np.testing.assert_allclose(batch[0, :, 159, 318], inside, rtol=1e-5)
    np.testing.assert_allclose(batch[0, :, 162, 318], around, rtol=1e-5)


def test_rtdetr_is_told_the_size_of_its_input_width_first(tmp_path, monkeypatch):
    """Its answers are then in the pixels of the input."""
    inputs = {"images": (1, 3, 192, 320), "orig_target_sizes": (1, 2)}
    detector = PersonDetector(constant_network(tmp_path / "other.onnx", inputs, detr_answer()), "onnxruntime")
    given, run = {}, detector.engine.run
    monkeypatch.setattr(detector.engine, "run", lambda feeds: given.update(feeds) or run(feeds))
    detector(IMAGE)
    assert given["orig_target_sizes"].dtype == np.int64
    np.testing.assert_array_equal(given["orig_target_sizes"], [[320, 192]])


def test_centernet_is_given_its_channels_last(tmp_path, monkeypatch):
    _, inputs, outputs = NETWORKS["centernet"]
    detector = PersonDetector(constant_network(tmp_path / "other.onnx", inputs, outputs), "onnxruntime")
    given, run = {}, detector.engine.run
    monkeypatch.setattr(detector.engine, "run", lambda feeds: given.update(feeds) or run(feeds))
    detector(np.full((240, 480, 3), (40, 50, 60), np.uint8))
    assert given["tower/images"].shape == (1, 320, 320, 3)
    np.testing.assert_array_equal(given["tower/images"][0, 100, 100], [60, 50, 40])


def test_a_centernet_that_ends_in_a_list_is_read_at_its_maps(tmp_path):
    pytest.importorskip("openvino")
    answer = centernet_answer()
    constants = {"wh_is": answer["tower/wh"], "keypoints_is": answer["tower/keypoints"]}
    constants |= {"nothing": np.zeros(1, np.float32), "list": np.ones((1, 100, 6), np.float32)}
    nodes = {
        "top": ("Max", "tower_0/images", "all"),
        "zero": ("Mul", "top", "nothing"),
        "tower_0/wh": ("AddV2", "wh_is", "zero"),
        "tower_0/keypoints": ("AddV2", "keypoints_is", "zero"),
        "widest": ("Max", "tower_0/wh", "all"),
        "best": ("Max", "tower_0/keypoints", "all"),
        "both": ("AddV2", "widest", "best"),
        "tower_0/detections": ("AddV2", "list", "both"),
    }
    constants["all"] = np.arange(4, dtype=np.int32)
    path = frozen_graph(tmp_path / "c.pb", {"tower_0/images": (1, 320, 320, 3)}, nodes, constants)
    detector = PersonDetector(path, precision="f32", threads=1)
    assert detector.card.layout == "centernet"
    np.testing.assert_allclose(detector(IMAGE), EXPECTED, atol=1e-4)


def test_nanodet_against_its_description_cell_by_cell():
    rng = np.random.default_rng(3)
    height, width, bins = 64, 96, 7
    outputs, expected = {}, []
    for stride in (8, 16, 32):
        rows, columns = height // stride, width // stride
        scores = rng.random((1, rows * columns, 80))
        logits = rng.normal(scale=2, size=(1, rows * columns, 4 * bins))
        outputs |= {f"s{stride}": scores, f"d{stride}": logits}
        for cell in range(rows * columns):
            x, y = (cell % columns + 0.5) * stride, (cell // columns + 0.5) * stride
            sides = []
            for edge in range(4):
                weights = [np.exp(logits[0, cell, edge * bins + i]) for i in range(bins)]
                sides.append(sum(i * w for i, w in enumerate(weights)) / sum(weights) * stride)
            left, top, right, bottom = sides
            row = [x - left - 0.5, y - top - 0.5, x + right - 0.5, y + bottom - 0.5, scores[0, cell, 0]]
            expected.append(row)
    np.testing.assert_allclose(people("nanodet", outputs, (height, width)), expected, rtol=1e-9)


def test_centernet_against_its_description_place_by_place():
    rng = np.random.default_rng(4)
    heat = rng.integers(0, 20, (1, 16, 24, 80)).astype(np.float32) / 20  # few values, so that some are equal
    distances = rng.random((1, 16, 24, 4)).astype(np.float32) * 40
    expected = []
    for row in range(16):
        for column in range(24):
            around = heat[0, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2, 0]
            if heat[0, row, column, 0] == around.max():
                left, top, right, bottom = (float(d) for d in distances[0, row, column])
                x, y = 4.0 * column - 0.5, 4.0 * row - 0.5
                expected.append([x - left, y - top, x + right, y + bottom, heat[0, row, column, 0]])
    found = people("centernet", {"a": heat, "b": distances}, (64, 96))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(("name", "least"), [("nanodet", 0.75), ("centernet", 0.6)])
def test_the_published_files_find_people(name, least, data_root):
    """With wrong colours, padding or decoding they find hardly anybody; people 96 pixels and more in size are easy."""
    from leanpose.core.geometry import box_iou
    from leanpose.datasets.readers.scenes import read_scenes

    folder = os.environ.get("LEANPOSE_TEACHERS")
    path = Path(folder or "") / f"{name}.pb"
    if not folder or not path.is_file():
        pytest.skip(f"no {name}.pb: set LEANPOSE_TEACHERS to the folder with other projects' models")
    pytest.importorskip("openvino")
    detector = PersonDetector(path, threads=1, threshold=0.3)
    assert detector.card.layout == name
    found = []
    sample = data_root / "coco_sample" / "person_keypoints_sample.json"
    for scene in read_scenes([f"coco:{sample}"], "test")[:60]:
        boxes = detector(scene.load_image())[:, :4]
        large = scene.boxes[(scene.boxes[:, 2:] - scene.boxes[:, :2]).max(axis=1) >= 96]
        found += [bool((box_iou(person, boxes) >= 0.5).any()) for person in large]
    assert len(found) > 50
    assert np.mean(found) > least


def test_mmdeploys_open_sizes_become_a_square(tmp_path):
    path = constant_network(tmp_path / "rtm.onnx", {"input": (1, 3, "h", "w")}, mmdeploy_answer())
    batch, _ = PersonDetector(path, "onnxruntime").preprocess(IMAGE)
    assert batch.shape == (1, 3, 640, 640)


def test_a_card_beside_the_file_says_more_than_its_ports(tmp_path):
    path = constant_network(tmp_path / "rf.onnx", {"pixels": (1, 3, 320, 320)}, transformers_answer())
    sha256 = PersonDetector(path).card.sha256
    card = {"schema": 1, "kind": "detector", "name": "mine", "architecture": "RF-DETR", "layout": "rtdetr"}
    card |= {"input_side": 320, "sha256": sha256, "color": "rgb", "mean": [1, 2, 3], "std": [2, 2, 2], "threshold": 0.8}
    path.with_suffix(".json").write_text(json.dumps(card))
    detector = PersonDetector(path)
    assert (detector.card.name, detector.card.mean) == ("mine", (1, 2, 3))
    np.testing.assert_allclose(detector(IMAGE), EXPECTED[:1], atol=1e-4)


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ({"images": (1, 3, 640, 640)}, {"output0": np.zeros((1, 84, 8400), np.float32)}),  # YOLOv8
        ({"images": (1, 3, 640, 640)}, {"output": np.zeros((1, 25200, 85), np.float32)}),  # YOLOv5
        ({"images": (1, 3, 64, 64)}, {"heatmaps": np.zeros((1, 17, 16, 16), np.float32)}),
        ({"images": (1, 3, 64, 64)}, {"boxes": np.zeros((1, 10, 5), np.float32)}),
        ({"input": (1, 3, 64, 64)}, {"dets": np.zeros((1, 9, 4), np.float32), "labels": np.zeros((1, 9, 91))}),
    ],
)
def test_unknown_ports_are_listed_with_the_way_to_name_a_layout(tmp_path, inputs, outputs):
    path = constant_network(tmp_path / "odd.onnx", inputs, outputs)
    with pytest.raises(ModelError, match=r"odd\.onnx is no detector.*inputs \w+ \(1, 3.*'yolox:odd\.onnx'.*odd\.json"):
        PersonDetector(path)


def test_inputs_that_are_no_image(tmp_path):
    image = {"image": (1, 3, 64, 64), "im_shape": (1, 2)}
    for inputs in (image, {"input": (1, 64, 64, 3)}, {"input": (1, 3)}, {"input": (8, 3, 64, 64)}):
        path = constant_network(tmp_path / "odd.onnx", inputs, mmdeploy_answer())
        with pytest.raises(ModelError, match=r"takes no .*image.*inputs \w+ \("):
            PersonDetector(path)


@pytest.mark.parametrize("layout", ["yolox", "rtmdet", "rtdetr", "nanodet"])
def test_a_layout_that_the_answer_does_not_have(tmp_path, layout):
    outputs = {"logits": np.zeros((1, 300, 91), np.float32), "pred_boxes": np.zeros((1, 300, 4), np.float32)}
    path = constant_network(tmp_path / "detr.onnx", {"images": (1, 3, 64, 64)}, outputs)  # DETR: person is class 1
    with pytest.raises(ModelError, match=rf"layout '{layout}': logits \(1, 300, 91\)"):
        PersonDetector(f"{layout}:{path}")(IMAGE)


def test_our_own_layout_needs_a_card(tmp_path):
    path = constant_network(tmp_path / "own.onnx", IMAGES, {"boxes": np.zeros((1, 10, 5), np.float32)})
    with pytest.raises(ModelError, match=r"needs its card own\.json"):
        PersonDetector(f"leanpose:{path}")


def test_scores_that_are_no_probabilities(tmp_path):
    answer = mmdeploy_answer()
    answer["dets"][..., 4] = 3.5
    path = constant_network(tmp_path / "other.onnx", IMAGES, answer)
    with pytest.raises(ModelError, match=r"score of 3\.5: not probabilities"):
        PersonDetector(path)(IMAGE)
