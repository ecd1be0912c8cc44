"""Our own layout from image to boxes, held against bright blocks whose edges are known, and NMS against a loop."""

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leanpose.core.errors import EngineError, ImageError, ModelError
from leanpose.core.geometry import box_iou, grow_box
from leanpose.datasets.readers import read_samples
from leanpose.engines import installed_engines
from leanpose.engines.zoo import list_detectors
from leanpose.estimate.detector import PersonDetector, nms
from leanpose.media import load_image

from ..blobs import MEAN, STD, blob_card, blob_detector, constant_network


def blocks(height, width, **channels):
    """Black but for one block per channel: its first and last columns and rows, and its brightness."""
    image = np.zeros((height, width, 3), np.uint8)
    for name, (x1, y1, x2, y2, value) in channels.items():
        image[y1 : y2 + 1, x1 : x2 + 1, "bgr".index(name)] = value
    return image


@pytest.fixture
def blob_path(tmp_path):
    return blob_detector(tmp_path / "blobs.onnx")


@pytest.fixture
def detector(blob_path):
    return PersonDetector(blob_path, "onnxruntime")


@pytest.mark.parametrize("engine", installed_engines())
@pytest.mark.parametrize("hw", [(96, 128), (128, 70), (64, 96), (480, 640), (1000, 300), (30, 40)])
def test_blocks_are_found_where_they_are(blob_path, engine, hw):
    """Shrunk, enlarged and as they are; a pixel the network sees is on from a share of 0.5 to 0.64 of it."""
    height, width = hw
    first = (width // 4, height // 5, width // 2, height // 2, 250)
    second = (width // 2, height // 3, width - 3, height - 2, 200)
    found = PersonDetector(blob_path, engine, "f32")(blocks(height, width, g=first, r=second))
    expected = np.array([first[:4], second[:4]]) + np.array([-0.5, -0.5, 0.5, 0.5])
    seen = max(1, max(hw) / 128)
    np.testing.assert_allclose(found[:, :4], expected, atol=0.65 * seen)
    np.testing.assert_allclose(found[:, 4], (250 / 255, 200 / 255), atol=0.01)


@pytest.mark.parametrize("hw", [(96, 128), (480, 640), (720, 1280), (300, 100)])
def test_a_margin_frames_the_image_and_boxes_stay_where_they_are(tmp_path, hw):
    """A fifth on every side: of 128 px the image has 128 / 1.4, about which the framed rest is the mean."""
    height, width = hw
    path = blob_detector(tmp_path / "framed.onnx", margin=0.2)
    detector = PersonDetector(path, "onnxruntime", "f32")
    image = blocks(height, width, g=(0, 0, width // 2, height // 2, 250))
    found = detector(image)
    np.testing.assert_allclose(
        found[0, :4], (-0.5, -0.5, width // 2 + 0.5, height // 2 + 0.5), atol=0.65 * max(1, max(hw) / 91)
    )
    batch, _ = detector.preprocess(image)
    rows, cols = np.nonzero(np.abs(batch[0]).sum(axis=0))
    assert cols.max() - cols.min() + 1 == pytest.approx(128 / 1.4 * width / max(hw), abs=1)
    assert rows.max() - rows.min() + 1 == pytest.approx(128 / 1.4 * height / max(hw), abs=1)
    assert cols.min() == pytest.approx((128 / 1.4 * 0.2) * width / max(hw), abs=1)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hw=st.tuples(st.integers(1, 300), st.integers(1, 300)), seed=st.integers(0, 99))
def test_boxes_of_any_image_lie_in_it_and_have_an_area(detector, hw, seed):
    image = np.random.default_rng(seed).integers(0, 256, (*hw, 3), np.uint8)
    found = detector(image)
    assert found.shape[1] == 5
    if len(found):
        assert (found[:, :4] >= -0.5).all()
        assert (found[:, [2, 3]] <= (hw[1] - 0.5, hw[0] - 0.5)).all()
        assert (found[:, 2:4] - found[:, :2] >= 1).all()
        assert (np.diff(found[:, 4]) <= 0).all()
        assert (found[:, 4] >= 0.6).all()


@pytest.mark.parametrize(
    ("hw", "side", "multiple", "shown_hw", "padded_hw"),
    [
        ((480, 640), 320, 64, (240, 320), (256, 320)),
        ((720, 1280), 320, 64, (180, 320), (192, 320)),
        ((100, 50), 320, 32, (320, 160), (320, 160)),
        ((50, 50), 300, 64, (300, 300), (320, 320)),
        ((1, 4000), 320, 64, (1, 320), (64, 320)),
    ],
)
def test_letterbox(tmp_path, hw, side, multiple, shown_hw, padded_hw):
    """The longer side becomes ``input_side``; what is added is the mean, which the network sees as 0."""
    path = blob_detector(tmp_path / "b.onnx", input_side=side, input_multiple=multiple)
    batch, transform = PersonDetector(path, "onnxruntime").preprocess(np.full((*hw, 3), (110, 80, 170), np.uint8))
    assert (batch.shape, batch.dtype) == ((1, 3, *padded_hw), np.float32)
    assert batch.flags.c_contiguous
    shown = np.zeros(padded_hw, bool)
    shown[: shown_hw[0], : shown_hw[1]] = True
    assert (batch[0][:, ~shown] == 0).all()
    middle = batch[0, :, shown_hw[0] // 2, shown_hw[1] // 2]
    if min(hw) > 1:
        np.testing.assert_allclose(middle, (np.array([110, 80, 170]) - MEAN) / STD, rtol=1e-5)
    zoom = side / max(hw)
    corner = transform @ [-0.5, -0.5, 1]  # the image's corner is the input's
    np.testing.assert_allclose(corner, (-0.5, -0.5), atol=1e-12)
    np.testing.assert_allclose(transform[:, :2], np.eye(2) * zoom)


def test_the_card_says_the_order_of_colours(tmp_path):
    path = blob_detector(tmp_path / "b.onnx", color="rgb")
    batch, _ = PersonDetector(path, "onnxruntime").preprocess(np.full((64, 64, 3), (110, 80, 170), np.uint8))
    np.testing.assert_allclose(batch[0, :, 9, 9], (np.array([170, 80, 110]) - MEAN) / STD, rtol=1e-5)


def test_threshold(blob_path):
    image = blocks(96, 128, b=(5, 5, 30, 60, 160), g=(40, 5, 60, 60, 220), r=(70, 5, 90, 60, 250))
    for threshold, people in ((None, 3), (0.7, 2), (0.9, 1), (1.0, 0)):
        assert len(PersonDetector(blob_path, threshold=threshold)(image)) == people


def test_overlap(blob_path):
    """IoU 0.6: the darker block is a double from 0.5 on, and another person where 0.7 is asked for."""
    image = blocks(96, 128, b=(10, 10, 49, 59, 250), g=(20, 10, 59, 59, 200))
    for iou, people in ((None, 1), (0.7, 2), (1.0, 2)):
        found = PersonDetector(blob_path, precision="f32", nms_iou=iou)(image)
        assert len(found) == people
        np.testing.assert_allclose(found[0, :4], (9.5, 9.5, 49.5, 59.5), atol=0.01)


def test_nobody(detector):
    found = detector(np.zeros((50, 70, 3), np.uint8))
    assert (found.shape, found.dtype.kind) == ((0, 5), "f")


@pytest.mark.parametrize("engine", installed_engines())
def test_frames_of_one_size_and_of_others(blob_path, engine):
    """An engine that prepares itself for one size must not answer for it when another comes."""
    detector = PersonDetector(blob_path, engine, "f32")
    first = blocks(96, 128, g=(20, 20, 40, 80, 250))
    answers = []
    for _ in range(12):
        answers.append(detector(first))
        tall = detector(blocks(128, 96, g=(20, 20, 40, 80, 250)))
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])
    np.testing.assert_allclose(tall[:, :4], [[19.5, 19.5, 40.5, 80.5]], atol=0.01)


def test_grey_images_and_refused_ones(detector):
    grey = blocks(96, 128, g=(20, 20, 40, 80, 250))[..., 1]
    np.testing.assert_allclose(detector(grey)[:, :4], [[19.5, 19.5, 40.5, 80.5]], atol=0.01)
    for image in (np.zeros((5, 5, 3)), np.zeros((0, 5, 3), np.uint8), "photo.jpg"):
        with pytest.raises(ImageError):
            detector(image)


def test_answers_that_are_not_finite_or_have_no_area_are_dropped(tmp_path):
    nan, inf = np.nan, np.inf
    boxes = [
        [10, 10, 50, 90, nan], [10, 10, 50, 90, inf], [10, 10, 50, 90, -inf], [nan, 10, 50, 90, 0.9],
        [10, 10, inf, 90, 0.9], [50, 10, 10, 90, 0.9], [10, 90, 50, 10, 0.9], [10, 10, 10.5, 90, 0.9],
        [-90, 10, -20, 90, 0.9], [200, 10, 300, 90, 0.9], [-30, 40, 160, 200, 0.7], [20, 30, 60, 80, 0.8],
    ]  # fmt: skip
    inputs = {"images": ("batch", 3, "height", "width")}
    path = constant_network(tmp_path / "b.onnx", inputs, {"boxes": np.array([boxes], np.float32)})
    blob_card(path).save(path.with_suffix(".json"))
    found = PersonDetector(path, "onnxruntime")(np.zeros((96, 128, 3), np.uint8))
    np.testing.assert_allclose(found, [[20, 30, 60, 80, 0.8], [-0.5, 40, 127.5, 95.5, 0.7]], atol=1e-5)


def loop_nms(boxes, scores, iou):
    """A box stays unless a better one that stays covers it; areas by counting."""
    stay = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        for j in stay:
            width = min(boxes[i][2], boxes[j][2]) - max(boxes[i][0], boxes[j][0])
            height = min(boxes[i][3], boxes[j][3]) - max(boxes[i][1], boxes[j][1])
            shared = max(width, 0) * max(height, 0)
            areas = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (boxes[i], boxes[j]))
            if shared > iou * (areas - shared):
                break
        else:
            stay.append(i)
    return stay


@settings(max_examples=60)
@given(
    count=st.integers(0, 60),
    iou=st.sampled_from((0.3, 0.5, 0.7, 1.0)),
    levels=st.sampled_from((3, 1000)),
    seed=st.integers(0, 10_000),
)
def test_nms_is_that_of_a_loop_and_of_opencv(count, iou, levels, seed):
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 40, (count, 2))
    boxes = np.hstack((corner, corner + rng.integers(5, 40, (count, 2)))).astype(float)
    scores = rng.integers(1, levels + 1, count) / levels
    kept = nms(boxes, scores, iou)
    assert kept.tolist() == loop_nms(boxes, scores, iou)
    if levels == 1000 and len(set(scores)) == count:
        xywh = np.hstack((boxes[:, :2], boxes[:, 2:] - boxes[:, :2])).tolist()
        assert kept.tolist() == list(cv2.dnn.NMSBoxes(xywh, scores.tolist(), 0.0, iou))


def test_description_and_options_reach_the_engine(blob_path):
    detector = PersonDetector(str(blob_path), "onnxruntime", threads=1, threshold=0.4)
    assert detector.describe() == "detector blobs, engine onnxruntime f32, 1 thread, threshold 0.4, nms_iou 0.5"
    assert detector.engine._session.get_session_options().intra_op_num_threads == 1  # type: ignore[attr-defined]


def test_refusals(blob_path, dot_model):
    with pytest.raises(EngineError):
        PersonDetector(blob_path, "abacus")
    for options in ({"threshold": 1.5}, {"threshold": float("nan")}, {"nms_iou": 0.0}, {"nms_iou": -1}):
        with pytest.raises(ValueError, match=next(iter(options))):
            PersonDetector(blob_path, **options)
    with pytest.raises(ModelError, match="unknown detector 'nobody'"):
        PersonDetector("nobody")
    with pytest.raises(ModelError, match="no detector file at"):
        PersonDetector(blob_path.with_name("other.onnx"))
    with pytest.raises(ModelError, match="kind 'pose', but a model of kind 'detector'"):
        PersonDetector(dot_model())
    blob_path.write_bytes(b"not a network")
    with pytest.raises(ModelError, match="sha256"):
        PersonDetector(blob_path)
    with pytest.raises(ModelError, match="damaged"):
        PersonDetector(f"yolox:{blob_path}")


@pytest.mark.skipif("person" not in list_detectors(), reason="no packaged detector in this build")
@pytest.mark.parametrize("engine", installed_engines())
def test_the_packaged_detector_finds_sportspeople_and_nobody_in_landscapes(data_root, engine):
    """Every 25th test image of LSP, padded by half its size, and every fifth background kept for measuring."""
    detector = PersonDetector(engine=engine, threads=1)
    people = read_samples([f"lsp:{data_root / 'lsp_dataset'}"], "test")[::25]
    found = 0
    for person in people:
        image = person.load_image()
        height, width = (side // 4 for side in image.shape[:2])
        boxes = detector(cv2.copyMakeBorder(image, height, height, width, width, cv2.BORDER_CONSTANT, value=(114,) * 3))
        body = grow_box(person.box, 0.15) + np.array([width, height] * 2)
        found += bool((box_iou(boxes[:, :4], body) >= 0.5).any())
    assert found >= 0.8 * len(people) == 32
    empty = sorted((data_root / "backgrounds").glob("*.jpg"))[:100:5]
    assert sum(len(detector(load_image(path))) for path in empty) <= 4
