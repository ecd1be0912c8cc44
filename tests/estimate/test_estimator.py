"""The whole way from photo to keypoint, held against dots whose places are known (see ``dot_model``)."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leanpose import PoseEstimator
from leanpose.core.errors import BoxError, EngineError, ImageError, ModelError, SkeletonError
from leanpose.core.geometry import apply, crop_transform, warp
from leanpose.engines import installed_engines
from leanpose.media import save_image
from leanpose.pose.skeleton import Skeleton

CENTRES = [(61.3, 40.2), (80.6, 75.1), (50.0, 110.7)]
BOX = [30.0, 20.0, 100.0, 130.0]
TOLERANCE = 0.15  # px; crops here are about as large as their region, a heatmap cell is 4 px


def strict(model, **options):
    return PoseEstimator(model, precision="f32", **options)


@pytest.mark.parametrize("engine", installed_engines())
@pytest.mark.parametrize("decode", ["taylor", "quarter"])
def test_dots_are_found_where_they_are(dot_model, dots, engine, decode):
    poses = strict(dot_model(), engine=engine, decode=decode)(dots(160, 140, CENTRES), BOX)
    # quarter is off by up to 0.25 cells on each axis; a cell is 4 crop pixels, here 143 / 96 image pixels each
    tolerance = TOLERANCE if decode == "taylor" else 0.27 * 4 * 110 * 1.25 / 96
    np.testing.assert_allclose(poses.keypoints[0], CENTRES, atol=tolerance)
    assert poses.skeleton.joints == ("nose", "neck", "head_top")
    assert poses.image_hw == (160, 140)
    np.testing.assert_array_equal(poses.boxes, [BOX])
    np.testing.assert_array_equal(poses.box_scores, [1])
    assert poses.source is None


@given(
    x=st.floats(40, 160),
    y=st.floats(40, 160),
    width=st.floats(40, 90),
    height=st.floats(40, 90),
    dx=st.floats(-0.4, 0.4),
    dy=st.floats(-0.4, 0.4),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_box_around_a_dot_finds_it(estimator, dots, x, y, width, height, dx, dy):
    box = [x - width * (0.5 + dx), y - height * (0.5 + dy), x + width * (0.5 - dx), y + height * (0.5 - dy)]
    region = 1.25 * max(width / 64, height / 96)  # image pixels per crop pixel
    image = dots(200, 200, [(x, y)] * 3, sigma=6 * region)
    np.testing.assert_allclose(estimator(image, box).keypoints[0], [(x, y)] * 3, atol=0.25 * region)


@pytest.fixture
def estimator(dot_model):
    return strict(dot_model(), engine="onnxruntime")


def test_box_over_the_edge(estimator, dots):
    poses = estimator(dots(100, 80, [(22.3, 75.2)] * 3), [-40, 50, 35, 130])
    np.testing.assert_allclose(poses.keypoints[0], [(22.3, 75.2)] * 3, atol=TOLERANCE)


def test_large_image_shrunk_into_the_crop(estimator, dots):
    """A region eight times the crop; the averaging before the warp must not shift it."""
    centre = (301.7, 420.4)
    poses = estimator(dots(800, 600, [centre] * 3, sigma=50), whole_image=True)
    np.testing.assert_allclose(poses.keypoints[0], [centre] * 3, atol=1.2)  # 0.1 crop pixels
    np.testing.assert_array_equal(poses.boxes, [[-0.5, -0.5, 599.5, 799.5]])


def test_each_person_looks_only_into_their_box(estimator, dots):
    image = np.maximum(dots(100, 300, [(50, 50)] * 3), dots(100, 300, [(220.5, 60.5)] * 3))
    poses = estimator(image, [[190, 20, 250, 100], [20, 10, 80, 90]])
    np.testing.assert_allclose(poses.keypoints, [[(220.5, 60.5)] * 3, [(50, 50)] * 3], atol=TOLERANCE)


def test_flip_test_of_a_symmetric_network_changes_nothing(dot_model, dots):
    """The crop is not centred on the dots: an error of one pixel in mirroring would show."""
    image = dots(160, 140, CENTRES)
    model = dot_model()
    plain, flipped = (strict(model, engine="onnxruntime", flip_test=f)(image, BOX) for f in (False, True))
    np.testing.assert_allclose(flipped.keypoints, plain.keypoints, atol=1e-3)
    np.testing.assert_allclose(flipped.scores, plain.scores, atol=1e-5)


def test_flip_test_swaps_left_and_right(dot_model, dots):
    """Mirrored, the left dot lies in the right half: without the swap each map would show two equal peaks."""
    image = np.maximum(dots(96, 96, [(30, 50), None, None]), dots(96, 96, [(70, 40), None, None]))
    model = dot_model(split=True)
    for flip_test in (False, True):
        poses = strict(model, flip_test=flip_test)(image, [20, 10, 76, 86])
        np.testing.assert_allclose(poses.keypoints[0], [(30, 50), (70, 40)], atol=TOLERANCE)
        assert poses.scores.min() > 0.8  # half of it with a second peak


def test_flip_test_needs_to_know_the_sides(dot_model, dots):
    model = dot_model(skeleton=Skeleton("ears", ("left_ear", "tail", "nose"), flippable=False))
    with pytest.raises(ModelError, match="which joints of its skeleton a mirror swaps"):
        PoseEstimator(model, "onnxruntime", flip_test=True)
    poses = PoseEstimator(model, "onnxruntime")(dots(96, 64, [(30, 50), None, None]), [0, 0, 63, 95])
    np.testing.assert_allclose(poses.keypoints[0, 0], (30, 50), atol=0.5)


@pytest.mark.parametrize("flip_test", [False, True])
def test_answers_in_another_skeleton(dot_model, dots, tmp_path, flip_test):
    """Hips that the network tells apart by the half of the crop, asked for in another order and with their middle."""
    image = np.maximum(dots(96, 96, [(30, 50), None, None]), dots(96, 96, [(70, 40), None, None]))
    model = dot_model(split=True, skeleton=Skeleton("hips", ("left_hip", "right_hip")))
    wanted = Skeleton("view", ("right_hip", "pelvis", "left_hip"), (("right_hip", "left_hip"),))
    estimator = strict(model, flip_test=flip_test, skeleton=wanted)
    poses = estimator(image, [20, 10, 76, 86])
    assert poses.skeleton == estimator.skeleton == wanted
    np.testing.assert_allclose(poses.keypoints[0], [(70, 40), (50, 45), (30, 50)], atol=TOLERANCE)
    assert poses.scores[0, 1] == min(poses.scores[0, 0], poses.scores[0, 2])
    assert estimator.describe().endswith(", skeleton view")
    assert estimator(image, []).keypoints.shape == (0, 3, 2)
    (tmp_path / "own.json").write_text('{"joints": ["pelvis"]}')
    (one,) = strict(model, skeleton=tmp_path / "own.json").estimate_many([image], [[20, 10, 76, 86]])
    np.testing.assert_allclose(one.keypoints, [[(50, 45)]], atol=TOLERANCE)


def test_a_skeleton_that_the_model_does_not_have_is_refused_at_once(dot_model):
    model = dot_model()
    with pytest.raises(SkeletonError, match=r"dots does not have its right_ankle, right_knee.*joints: nose, neck"):
        PoseEstimator(model, skeleton="lsp14")
    with pytest.raises(SkeletonError, match="unknown skeleton 'body20'"):
        PoseEstimator(model, skeleton="body20")
    assert PoseEstimator(model).skeleton.name == "dots"


def test_grid_of_the_hrnet_line(dot_model, dots):
    """Cells at 4i: exact without flip test, half a crop pixel off with its usual shift of one, 1.5 without."""
    image, zoom = dots(160, 140, CENTRES), 110 * 1.25 / 96
    corner = strict(dot_model(grid="corner", cell_offset=0, flip_shift=1))
    np.testing.assert_allclose(corner(image, BOX).keypoints[0], CENTRES, atol=TOLERANCE)
    corner.flip_test = True
    off = corner(image, BOX).keypoints[0] - CENTRES
    np.testing.assert_allclose(off[:, 1], 0, atol=TOLERANCE)
    np.testing.assert_allclose(off[:, 0], 0.5 * zoom, atol=TOLERANCE)


@pytest.mark.parametrize("card_color", ["bgr", "rgb"])
@pytest.mark.parametrize("image_color", ["bgr", "rgb"])
def test_channel_orders(dot_model, dots, card_color, image_color):
    bgr = dots(160, 140, CENTRES)
    image = bgr if image_color == "bgr" else bgr[..., ::-1]
    poses = strict(dot_model(color=card_color))(image, BOX, color=image_color)
    expected = CENTRES if card_color == "bgr" else CENTRES[::-1]
    np.testing.assert_allclose(poses.keypoints[0], expected, atol=TOLERANCE)


def test_preprocess_orders_colours(dot_model):
    image = np.full((50, 50, 3), (110, 80, 100), np.uint8)
    for color, expected in (("bgr", (110, 80, 100)), ("rgb", (100, 80, 110))):
        crops, transforms = strict(dot_model(color=color)).preprocess(image, np.array([[10.0, 10, 30, 40]]))
        assert crops.shape == (1, 96, 64, 3)
        assert crops.dtype == np.uint8
        assert transforms.shape == (1, 2, 3)
        np.testing.assert_array_equal(crops[0, 48, 32], expected)


@pytest.mark.parametrize("engine", installed_engines())
@pytest.mark.parametrize(("color", "flip_test"), [("bgr", False), ("rgb", True)])
def test_heatmaps_of_any_crops_are_those_of_the_plain_way(dot_model, engine, color, flip_test):
    """Box by box: the crop, its mean taken off and divided, channels first, mirrored for itself, by ONNX Runtime."""
    import onnxruntime

    path = dot_model(color=color)
    estimator = strict(path, engine=engine, threads=1, flip_test=flip_test)
    session = onnxruntime.InferenceSession(path)

    @given(
        hw=st.tuples(st.integers(20, 400), st.integers(20, 400)),
        boxes=st.lists(st.tuples(*[st.floats(-0.3, 1.3)] * 2, *[st.floats(0.05, 2)] * 2), min_size=1, max_size=4),
        seed=st.integers(0, 9),
    )
    @settings(max_examples=25)
    def holds(hw, boxes, seed):
        image = np.random.default_rng(seed).integers(0, 256, (*hw, 3), np.uint8)
        corners = np.array([(x * hw[1], y * hw[0], (x + w) * hw[1], (y + h) * hw[0]) for x, y, w, h in boxes])
        plain = []
        for transform in crop_transform(corners, (96, 64), 1.25):
            crop = warp(image, transform, (96, 64))[..., :: -1 if color == "rgb" else 1]
            seen = ((crop.astype(float) - (10, 20, 30)) / (50, 60, 70)).transpose(2, 0, 1)[None].astype(np.float32)
            maps = session.run(None, {"images": seen})[0][0]
            if flip_test:  # no joint of these has a side
                mirrored = session.run(None, {"images": np.ascontiguousarray(seen[..., ::-1])})[0][0]
                maps = (maps + mirrored[..., ::-1]) / 2
            plain.append(maps)
        crops, _ = estimator.preprocess(image, corners)
        np.testing.assert_allclose(estimator.infer(crops), plain, atol=1e-5)

    holds()


def test_crop_shows_the_padding_of_the_card(dot_model):
    """Twice the box: its corners lie a quarter and three quarters into the crop of 64x96 pixels."""
    estimator = strict(dot_model(padding=2.0))
    _, transforms = estimator.preprocess(np.zeros((200, 200, 3), np.uint8), np.array([[10.0, 20, 42, 68]]))
    corners = apply(transforms, np.array([[[10.0, 20], [42, 68]]]))
    np.testing.assert_allclose(corners, [[[15.5, 23.5], [47.5, 71.5]]], atol=1e-9)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_batches_across_images_keep_everyone_in_place(dot_model, dots, tmp_path, batch_size):
    """Images with 2, 0, 3 and 1 people; every way to cut them into batches gives the same as one by one."""
    rng = np.random.default_rng(0)
    centres = [rng.uniform(30, 90, (people, 2)) for people in (2, 0, 3, 1)]
    images = [dots(120, 120, [c[0] if len(c) else None] * 3) for c in centres]
    boxes = [np.hstack((c - 28, c + np.array([30, 35]))) for c in centres]
    path = tmp_path / "last.png"
    save_image(path, images[-1])
    images[-1] = path
    model = dot_model()
    single, batched = strict(model), strict(model, batch_size=batch_size)
    results = list(batched.estimate_many(iter(images), iter(boxes)))
    assert [len(r) for r in results] == [2, 0, 3, 1]
    assert [r.source for r in results] == [None, None, None, str(path)]
    for result, image, person_boxes, c in zip(results, images, boxes, centres, strict=True):
        expected = single(image, person_boxes)
        np.testing.assert_allclose(result.keypoints, expected.keypoints, atol=1e-4)
        np.testing.assert_array_equal(result.boxes, expected.boxes)
        if len(c):
            np.testing.assert_allclose(result.keypoints[0], [c[0]] * 3, atol=TOLERANCE)


def test_results_come_as_soon_as_their_batch_is_full(dot_model, dots):
    read = []

    def pairs():
        for number in range(6):
            read.append(number)
            yield dots(60, 60, [(30, 30)] * 3), [10, 10, 50, 50]

    results = strict(dot_model(), batch_size=2).estimate_pairs(pairs())
    next(results)
    assert read == [0, 1, 2, 3]  # the second batch is cut out while the first is looked at


def test_images_and_boxes_must_be_as_many(estimator, dots):
    image = dots(60, 60, [(30, 30)] * 3)
    with pytest.raises(ValueError, match="shorter"):
        list(estimator.estimate_many([image, image], [[10, 10, 50, 50]]))


def test_broken_image_stops_or_is_reported(estimator, dots, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff not a picture")
    good = dots(60, 60, [(30, 30)] * 3)
    pairs = [(good, [10, 10, 50, 50]), (broken, [1, 1, 9, 9]), (good, [70, 70, 90, 90]), (good, [10, 10, 50, 50])]
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        list(estimator.estimate_pairs(pairs))
    reported = []
    results = list(estimator.estimate_pairs(pairs, on_error=lambda image, error: reported.append((image, error))))
    assert len(results) == 2
    assert [type(error) for _, error in reported] == [ImageError, BoxError]
    assert reported[0][0] is broken


def test_nobody_is_invented(estimator, dot_model, dots):
    image = dots(60, 60, [(30, 30)] * 3)
    with pytest.raises(BoxError, match="no detector: pass boxes, or whole_image=True"):
        strict(dot_model(), detector=None)(image)
    with pytest.raises(BoxError, match="not both"):
        estimator(image, [1, 1, 9, 9], whole_image=True)
    for nobody in ([], np.zeros((0, 4))):
        poses = estimator(image, nobody)
        assert len(poses) == 0
        assert poses.keypoints.shape == (0, 3, 2)
        assert poses.image_hw == (60, 60)


def test_black_image_scores_zero(estimator):
    assert estimator(np.zeros((60, 60, 3), np.uint8), whole_image=True).scores.max() == 0


@pytest.mark.parametrize("hw", [(1, 1), (3, 2000), (900, 40), (64, 64)])
def test_every_accepted_box_gives_finite_keypoints(estimator, hw):
    """Boxes as large as they may be, as small, and hanging on to the image by a corner."""
    width = hw[1]
    far = 20 * max(hw) - 1
    boxes = [
        [-0.6, -0.6, far - 1, far - 1],
        [-far, -far, -0.4, -0.4],
        [0, 0, 1, 1],
        [width - 0.6, -10, width + 9, 0.4],
    ]
    poses = estimator(np.full((*hw, 3), 200, np.uint8), boxes)
    assert np.isfinite(poses.keypoints).all()


def test_box_scores_are_kept(estimator, dots):
    poses = estimator(dots(60, 60, [(30, 30)] * 3), [[10, 10, 50, 50, 0.25], [10, 10, 40, 50, 1]])
    np.testing.assert_array_equal(poses.box_scores, [0.25, 1])


def test_description_names_what_is_used(dot_model):
    estimator = PoseEstimator(dot_model(), engine="onnxruntime", flip_test=True, decode="argmax")
    assert estimator.describe() == "model dots, engine onnxruntime f32, flip test on, decode argmax"
    for engine in installed_engines():
        assert f"engine {engine} f32, flip test off" in strict(dot_model(), engine=engine).describe()


def test_models_that_do_not_fit_their_card(dot_model, dots):
    path = dot_model()
    card = path.with_suffix(".json").read_text()

    path.with_suffix(".json").write_text(card.replace("96,", "128,"))
    with pytest.raises(ModelError, match=r"\(None, 3, 96, 64\).*\(None, 3, 128, 64\)"):
        PoseEstimator(path)

    path.with_suffix(".json").write_text(card.replace('"stride": 4', '"stride": 8'))
    with pytest.raises(ModelError, match=r"heatmaps \(1, 3, 24, 16\).*\(1, 3, 12, 8\)"):
        PoseEstimator(path)(dots(60, 60, [(30, 30)] * 3), whole_image=True)

    with pytest.raises(ModelError, match="takes inputs of shape"):
        PoseEstimator(dot_model(batch=1))


def test_refused_options(dot_model):
    with pytest.raises(ValueError, match="use one of argmax"):
        PoseEstimator(dot_model(), decode="guess")
    with pytest.raises(ValueError, match="batch_size"):
        PoseEstimator(dot_model(), batch_size=0)
    with pytest.raises(EngineError):
        PoseEstimator(dot_model(), engine="abacus")
    with pytest.raises(ModelError, match="unknown model 'enormous'"):
        PoseEstimator("enormous")
