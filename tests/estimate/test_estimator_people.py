"""The estimator without boxes: it asks a detector, and nobody is invented."""

import numpy as np
import pytest

from leanpose import PoseEstimator
from leanpose.core.errors import BoxError, EngineError, ImageError, ModelError
from leanpose.engines import zoo
from leanpose.estimate.detector import PersonDetector
from leanpose.media import save_image
from leanpose.pose.skeleton import Skeleton

from ..blobs import blob_detector

CENTRES = [(30.4, 40.2), (88.3, 60.7)]


@pytest.fixture
def blob_path(tmp_path):
    return blob_detector(tmp_path / "blobs.onnx")


@pytest.fixture
def two(dots):
    """Two people, a green dot and a red one, on what is else black; the second is darker."""
    image = dots(120, 130, [None, *CENTRES], sigma=9)
    image[..., 2] = (image[..., 2] * 0.8).astype(np.uint8)
    return image


def estimator_of(model, detector, **options):
    return PoseEstimator(model, engine="onnxruntime", detector=detector, **options)


def test_people_are_found_and_their_joints(dot_model, blob_path, two):
    poses = estimator_of(dot_model(), str(blob_path))(two)
    boxes = PersonDetector(blob_path, "onnxruntime")(two)
    assert len(poses) == 2
    np.testing.assert_allclose(poses.boxes, boxes[:, :4], rtol=1e-6)
    np.testing.assert_allclose(poses.box_scores, (1, 0.8), atol=0.02)
    for person, joint, centre in ((0, 1, CENTRES[0]), (1, 2, CENTRES[1])):
        np.testing.assert_allclose(poses.keypoints[person, joint], centre, atol=0.2)
        assert np.hypot(*(boxes[person, :2] + boxes[person, 2:4] - 2 * np.array(centre))) < 2.5


def test_colours_of_the_caller_reach_the_detector_as_bgr(dot_model, blob_path, two):
    estimator = estimator_of(dot_model(), blob_path)
    np.testing.assert_array_equal(estimator(two[..., ::-1], color="rgb").boxes, estimator(two).boxes)


def test_nobody_there_gives_empty_poses(dot_model, blob_path):
    poses = estimator_of(dot_model(), blob_path)(np.full((60, 80, 3), 40, np.uint8))
    assert (len(poses), poses.keypoints.shape, poses.image_hw) == (0, (0, 3, 2), (60, 80))


def test_images_with_boxes_without_and_with_nobody_in_one_go(dot_model, blob_path, two, tmp_path):
    path = tmp_path / "two.png"
    save_image(path, two)
    black = np.zeros((40, 50, 3), np.uint8)
    estimator = estimator_of(dot_model(), blob_path, batch_size=2)
    results = list(estimator.estimate_pairs([(path, None), (black, None), (two, [10, 10, 60, 80]), (two, None)]))
    assert [len(poses) for poses in results] == [2, 0, 1, 2]
    assert results[0].source == str(path)
    np.testing.assert_array_equal(results[2].boxes, [[10, 10, 60, 80]])
    np.testing.assert_array_equal(results[3].boxes, results[0].boxes)
    np.testing.assert_allclose(results[3].keypoints, results[0].keypoints, atol=1e-4)


def test_whole_image_asks_nobody(dot_model, two):
    def never(image):
        raise AssertionError("asked")

    poses = estimator_of(dot_model(), never)(two, whole_image=True)
    np.testing.assert_array_equal(poses.boxes, [[-0.5, -0.5, 129.5, 119.5]])


def test_detector_is_loaded_when_first_needed_and_once(dot_model, blob_path, two, tmp_path):
    estimator = estimator_of(dot_model(), tmp_path / "nowhere.onnx")
    assert len(estimator(two, [10, 10, 60, 80])) == 1
    with pytest.raises(ModelError, match=r"no detector file at .*nowhere\.onnx"):
        estimator(two)
    estimator = estimator_of(dot_model(), blob_path, threads=1, precision="f32")
    estimator(two)
    loaded = estimator.detector
    estimator(two)
    assert isinstance(loaded, PersonDetector)
    assert estimator.detector is loaded
    assert (loaded.engine.name, loaded.engine.precision) == ("onnxruntime", "f32")


def test_own_detector(dot_model, two):
    asked = []

    def detector(image):
        asked.append(image)
        return np.array([[10, 20, 50, 60, 0.25], [-5, 20, 140, 100, 0.75]])

    poses = estimator_of(dot_model(), detector)(two)
    np.testing.assert_array_equal(asked, [two])
    np.testing.assert_array_equal(poses.box_scores, [0.25, 0.75])
    np.testing.assert_array_equal(poses.boxes[1], [-5, 20, 140, 100])
    for nobody in ([], np.zeros((0, 5)), np.zeros((0, 4))):
        assert len(estimator_of(dot_model(), lambda image, nobody=nobody: nobody)(two)) == 0


def test_one_person_in_two_boxes_of_the_detector_comes_once(dot_model, dots):
    """And where the boxes are given, twice: who gives them knows why."""
    image = np.maximum(
        dots(120, 200, [(40, 40), (50, 60), (60, 80)]), dots(120, 200, [(130, 40), (140, 60), (150, 80)])
    )
    boxes = np.array([[24, 20, 72, 100, 0.5], [110, 20, 170, 100, 0.7], [20, 26, 76, 96, 0.9], [5, 0, 20, 12, 0.4]])
    estimator = estimator_of(dot_model(), lambda image: boxes)
    poses = estimator(image)
    np.testing.assert_array_equal(poses.boxes, np.float32(boxes[1:, :4]))  # what is hardly there is nobody's double
    np.testing.assert_allclose(poses.keypoints[0], [(130, 40), (140, 60), (150, 80)], atol=0.5)
    assert len(estimator(image, boxes)) == 4
    nose = estimator_of(dot_model(), lambda image: boxes, skeleton=Skeleton("nose", ("nose",)))
    np.testing.assert_array_equal(nose(image).keypoints, poses.keypoints[:, :1])


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (None, "boxes must be"),
        ("person", "must be numbers"),
        (7, "boxes must be"),
        ([[1, 2, 3]], "boxes must be"),
        ([[[1, 2, 30, 40, 1]]], "boxes must be"),
        ([[10, 10, 30, np.nan, 1]], "not finite"),
        ([[10, 10, 30, 40, np.nan]], "not finite"),
        ([[10, 10, 30, 40, 1.5]], "score outside"),
        ([[30, 40, 10, 10, 1]], "x2 < x1"),
        ([[0.1, 0.1, 0.5, 0.5, 1]], "fractions"),
        ([[500, 500, 600, 600, 1]], "outside the image"),
        ([[10, 10, 30, 40], [1, 2]], "must be numbers"),
    ],
)
def test_nonsense_of_a_detector_is_a_typed_error(dot_model, two, answer, fault):
    estimator = estimator_of(dot_model(), lambda image: answer)
    with pytest.raises(BoxError, match=f"image, found by the detector: .*{fault}"):
        estimator(two)
    reported = []
    assert list(estimator.estimate_pairs([(two, None)], on_error=lambda *what: reported.append(what))) == []
    assert isinstance(reported[0][1], BoxError)


def test_refusals(dot_model, blob_path, two, tmp_path, monkeypatch):
    estimator = estimator_of(dot_model(), None)
    for ask in (lambda: estimator(two), lambda: estimator.find_people(two)):
        with pytest.raises(BoxError, match="no detector: pass boxes, or whole_image=True"):
            ask()
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff not a picture")
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        estimator_of(dot_model(), blob_path)(broken)
    monkeypatch.setattr(zoo, "FOLDER", tmp_path / "empty")
    with pytest.raises(ModelError, match="unknown detector 'person'"):
        PoseEstimator(dot_model())(two)
    with pytest.raises(EngineError):
        PoseEstimator(dot_model(), engine="abacus", detector=blob_path)
