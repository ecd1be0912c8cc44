"""Pictures for the detector: what a scene's boxes become, against painted people that can be found again."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core import geometry
from leanpose.core.errors import DatasetError
from leanpose.datasets.readers.scenes import Scene
from leanpose.training.data import scene_canvas
from leanpose.training.data.augment import Augmentation
from leanpose.training.data.dataset import EpochSampler, epoch_loader
from leanpose.training.data.scene_canvas import MIN_SIDE, VISIBLE, Canvas, compose
from leanpose.training.data.scene_dataset import SceneDataset, collate_scenes

MEAN = (10.4, 116.0, 124.0)
WHOLE = np.array([0.0, 0.0, 128.0, 128.0])


def _painted(box: tuple[int, int, int, int], hw: tuple[int, int] = (80, 100), value: int = 255) -> np.ndarray:
    """Dark, with a bright block of whole pixels; its box ends half a pixel beyond them."""
    image = np.full((*hw, 3), 10, np.uint8)
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = value
    return image


def _scene(image: np.ndarray, boxes: list[tuple[int, int, int, int]], exhaustive: bool = True) -> Scene:
    edges = np.array(boxes, dtype=float).reshape(-1, 4) - 0.5
    encoded = cv2.imencode(".png", image)[1].tobytes()
    return Scene("boxes", "boxes/painted.png", encoded, edges, np.empty((0, 4)), exhaustive)


@given(
    zoom=st.floats(0.4, 2.5), dx=st.floats(-40, 90), dy=st.floats(-40, 90), mirrored=st.booleans(),
    x=st.integers(0, 60), y=st.integers(0, 40), w=st.integers(15, 39), h=st.integers(15, 39),
)  # fmt: skip
def test_a_box_goes_where_its_person_goes(
    zoom: float, dx: float, dy: float, mirrored: bool, x: int, y: int, w: int, h: int
) -> None:
    box = (x, y, x + w, y + h)
    image = _painted(box)
    transform = np.array([[zoom, 0, dx], [0, zoom, dy]])
    if mirrored:
        transform = geometry.mirror(transform, 128)
    canvas = Canvas.empty(128, MEAN)
    canvas.place(image, _scene(image, [box]), transform, WHOLE)
    rows, cols = np.nonzero(canvas.pixels[..., 0] > 200)
    if canvas.boxes:
        (found,) = canvas.boxes
        assert min(found[2:] - found[:2]) >= MIN_SIDE
        seen = np.array([cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]) - 0.5
        assert np.abs(found - seen).max() <= max(1.5, zoom)  # the block's edge is blurred over a source pixel
    else:
        assert len(rows) < zoom**2 * w * h * VISIBLE + 4 * 128 or min(np.ptp(rows), np.ptp(cols)) < MIN_SIDE + 2


def test_people_behind_something_new_are_ignored_and_then_gone() -> None:
    person = (20, 20, 60, 60)
    image = _painted(person)
    scene, wall = _scene(image, [person]), _scene(_painted((0, 0, 1, 1)), [])
    kept, lost = {}, {}
    for cover in (10, 20, 30, 40):
        canvas = Canvas.empty(128, MEAN)
        canvas.place(image, scene, geometry.resize_transform(1.0), WHOLE)
        window = np.array([20.0, 0.0, 20.0 + cover, 128.0]) - 0.5
        canvas.place(np.zeros((128, 128, 3), np.uint8), wall, geometry.resize_transform(1.0), window)
        kept[cover], lost[cover] = len(canvas.boxes), len(canvas.ignored)
    assert kept == {10: 1, 20: 1, 30: 0, 40: 0}
    assert lost == {10: 0, 20: 0, 30: 1, 40: 0}


def test_only_scenes_that_may_hide_people_are_uncertain() -> None:
    canvas = Canvas.empty(128, MEAN)
    image = _painted((5, 5, 25, 25))
    canvas.place(image, _scene(image, [], exhaustive=False), geometry.resize_transform(1.0), WHOLE)
    assert canvas.uncertain[:80, :100].all()
    assert not canvas.uncertain[80:].any()
    assert not canvas.uncertain[:, 100:].any()
    canvas.place(image, _scene(image, []), geometry.resize_transform(1.0), np.array([0.0, 0.0, 50.0, 50.0]))
    assert not canvas.uncertain[:50, :50].any()


@pytest.mark.parametrize("seed", range(30))
def test_every_bright_block_of_a_picture_has_its_box(seed: int) -> None:
    """Blocks of one brightness each, so that they are found by it; all kinds of composition come up."""
    rng = np.random.default_rng(seed)
    image = _painted((30, 20, 70, 60))
    scene = _scene(image, [(30, 20, 70, 60)])
    canvas = Canvas.empty(256, MEAN)
    compose(canvas, (image, scene), lambda: (image, scene), rng)
    _, _, stats, _ = cv2.connectedComponentsWithStats((canvas.pixels[..., 0] > 200).astype(np.uint8))
    known = [*canvas.boxes, *canvas.ignored]
    for x, y, w, h, _area in stats[1:]:
        centre = np.array([x + w / 2, y + h / 2]) - 0.5
        inside = [(b[:2] - 1 <= centre).all() and (centre <= b[2:] + 1).all() for b in known]
        assert any(inside) or min(w, h) <= MIN_SIDE


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_boxes_turn_with_their_scene(turns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the block itself, which is found in the turned pixels by its brightness."""
    monkeypatch.setattr(scene_canvas, "TURNED", 1.0)
    image = _painted((20, 10, 60, 70))
    content = image, _scene(image, [(20, 10, 60, 70)])
    seeds = (s for s in range(50) if _turns_drawn(s) == turns)
    turned, scene = scene_canvas._turned(content, np.random.default_rng(next(seeds)))
    np.testing.assert_array_equal(turned, np.rot90(image, turns))
    rows, cols = np.nonzero(turned[..., 0] > 200)
    np.testing.assert_allclose(scene.boxes[0], np.array([cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]) - 0.5)


def _turns_drawn(seed: int) -> int:
    rng = np.random.default_rng(seed)
    rng.random()
    return int(rng.integers(1, 4))


def test_a_rounded_paste_shows_its_middle_and_leaves_its_corners() -> None:
    canvas = Canvas.empty(128, MEAN)
    image = _painted((0, 0, 100, 80))
    window = np.array([20.0, 10.0, 80.0, 70.0]) - 0.5
    canvas.place(image, _scene(image, [(20, 10, 80, 70)]), geometry.resize_transform(1.0), window, rounded=True)
    shown = canvas.pixels[..., 0] > 200
    assert shown[20:60, 35:65].all()
    assert shown[35:45, 25:75].all()
    assert not shown[10:14, 20:24].any()
    assert not shown[66:70, 76:80].any()
    assert not shown[:10].any()
    assert not shown[:, 80:].any()
    (box,) = canvas.boxes
    np.testing.assert_allclose(box, window)


def test_a_crowd_stands_side_by_side_and_alike_in_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene_canvas, "ALONE", 0.0)
    monkeypatch.setattr(scene_canvas, "MOSAIC", 0.0)
    monkeypatch.setattr(scene_canvas, "CROWD", 1.0)
    image = _painted((30, 20, 70, 60))
    content = image, _scene(image, [(30, 20, 70, 60)])
    wall = np.full((80, 100, 3), 10, np.uint8)
    counts = []
    for seed in range(20):
        canvas = Canvas.empty(256, MEAN)
        compose(canvas, (wall, _scene(wall, [])), lambda: content, np.random.default_rng(seed))
        heights = [b[3] - b[1] for b in canvas.boxes if b[1] > 0 and b[3] < 255]
        counts.append(len(canvas.boxes))
        assert not heights or max(heights) <= 1.6 * min(heights)
    assert max(counts) >= 3


def test_a_batch_keeps_each_pictures_boxes_and_leaves_out_what_cannot_be_read() -> None:
    image = _painted((30, 20, 70, 60))
    scenes = [
        _scene(image, [(30, 20, 70, 60)]),
        _scene(image, []),
        Scene("boxes", "boxes/torn.png", b"torn", *(np.empty((0, 4)),) * 2, True),
    ]
    dataset = SceneDataset(scenes, [1, 1, 0], (128, 128), None, MEAN)
    assert isinstance(dataset[0, 2], DatasetError)
    loader = epoch_loader(dataset, EpochSampler([1, 1, 1], shuffle=False), 3, 0, False, collate_scenes)
    (batch,) = list(loader)
    assert batch["index"].tolist() == [0, 1]
    assert batch["images"].shape == (2, 3, 128, 128)
    assert [len(boxes) for boxes in batch["boxes"]] == [1, 0]
    # whole, at the top left, its longer side 128: zoom 1.28
    expected = 1.28 * (np.array([30, 20, 70, 60])) - 0.5
    np.testing.assert_allclose(batch["boxes"][0][0].numpy(), expected, atol=1e-5)
    assert len(batch["unreadable"]) == 1
    assert "torn" in batch["unreadable"][0]


def test_pictures_depend_on_seed_epoch_index_and_turn_alone() -> None:
    image = _painted((30, 20, 70, 60))
    scenes = [_scene(image, [(30, 20, 70, 60)])] * 3
    dataset = SceneDataset(scenes, [1, 2, 1], (96, 96), Augmentation(colour=0.3), MEAN, seed=4)

    def pixels(*key: int) -> np.ndarray:
        item = dataset[key]  # type: ignore[index]
        assert not isinstance(item, DatasetError)
        return item[0].pixels

    assert np.array_equal(pixels(2, 1, 1), pixels(2, 1, 1))
    different = [pixels(2, 1, 1), pixels(2, 1, 0), pixels(1, 1, 1), pixels(2, 0, 1)]
    assert len({p.tobytes() for p in different}) == 4


def test_real_scenes_keep_people_of_every_dataset(data_root: Path) -> None:
    from leanpose.datasets.readers.scenes import read_scenes

    specs = [f"boxes:{data_root}/people_boxes/boxes.json", f"backgrounds:{data_root}/backgrounds"]
    scenes = read_scenes(specs, "val")
    dataset = SceneDataset(scenes, [1] * len(scenes), (160, 160), Augmentation(), MEAN)
    items = [dataset[0, i] for i in range(0, len(scenes), 4)]
    assert not any(isinstance(item, DatasetError) for item in items)
    assert sum(len(item[0].boxes) for item in items if not isinstance(item, DatasetError)) > len(items)


def test_around_a_scene_is_the_mean_that_the_recipe_subtracts() -> None:
    image = np.full((40, 80, 3), 255, np.uint8)
    for changes in (None, Augmentation()):
        dataset = SceneDataset([_scene(image, [])], [1], (128, 128), changes, MEAN)
        item = dataset[0, 0]
        assert not isinstance(item, DatasetError)
        colours = {tuple(colour) for colour in item[0].pixels.reshape(-1, 3).tolist()}
        assert (10, 116, 124) in colours
