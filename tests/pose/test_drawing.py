import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leanpose.core.errors import ImageError, PosesError
from leanpose.core.geometry import flip_keypoints
from leanpose.pose.drawing import contact_sheet, draw_poses
from leanpose.pose.palette import LEFT, RIGHT, person_colors
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import COCO17, LSP14, Skeleton
from leanpose.pose.trails import Trails

PAIR = Skeleton("pair", ("left_hand", "right_hand", "nose"), limbs=(("left_hand", "nose"), ("right_hand", "nose")))
GREY = 128


def pose(points, scores=1.0, skeleton=PAIR, image_hw=(120, 160), **changed) -> Poses:
    points = np.asarray(points, dtype=float)[None]
    joints = len(skeleton)
    return Poses(
        points,
        np.broadcast_to(scores, (1, joints)),
        changed.pop("boxes", np.array([[5.0, 5, 150, 110]])),
        np.ones(1),
        skeleton,
        image_hw,
        **changed,
    )


def canvas(height=120, width=160) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def weights(drawn: np.ndarray) -> np.ndarray:
    """How far (H, W) each pixel is from the grey it had."""
    return np.abs(drawn.astype(float) - GREY).sum(axis=-1)


V = ((30, 60), (130, 60), (80, 100))


def test_joints_and_limbs_have_the_colour_of_their_side():
    drawn = draw_poses(canvas(), pose(V))
    np.testing.assert_array_equal(drawn[60, 30], LEFT)
    np.testing.assert_array_equal(drawn[60, 130], RIGHT)
    np.testing.assert_array_equal(drawn[80, 55], LEFT)  # half way to the nose
    np.testing.assert_array_equal(drawn[80, 105], RIGHT)
    assert drawn[100, 80].min() > 200
    assert (drawn[55, 25] == GREY).all()


@pytest.mark.parametrize("name", [None, 1, 2, 3, 77])
@pytest.mark.parametrize("background", [(0, 0, 0), (255, 255, 255), (128, 128, 128), "left", "right"])
def test_every_limb_stands_out_on_any_background(background, name):
    """Even on its own colour, by the rim; by luminance, so that it shows in any hue."""
    if isinstance(background, str):
        background = getattr(person_colors(name), background).fill
    image = np.full((120, 160, 3), background, np.uint8)
    drawn = draw_poses(image, pose(V, ids=None if name is None else np.array([name])), ids=False)
    luminance = drawn[..., ::-1] @ np.array([0.299, 0.587, 0.114])
    for column in (55, 105):  # through the middles of the left and the right limb
        across = luminance[70:90, column]
        assert np.abs(across - luminance[2, 2]).max() > 60


def test_the_image_given_is_not_touched():
    image = canvas()
    draw_poses(image, pose(V), boxes=True)
    assert (image == GREY).all()


@pytest.mark.parametrize("missing", ["not found", "low score"])
def test_a_joint_not_found_or_of_low_score_is_not_drawn_nor_its_limbs(missing):
    points, scores = np.array(V, float), np.ones(3)
    if missing == "not found":
        points[0] = np.nan
    else:
        scores[0] = 0.29
    drawn = draw_poses(canvas(), pose(points, scores), min_score=0.3)
    assert (drawn[:, :70] == GREY).all()
    np.testing.assert_array_equal(drawn[60, 130], RIGHT)


def test_min_score_is_inclusive_and_zero_draws_all():
    assert (draw_poses(canvas(), pose(V, 0.5), min_score=0.5) != GREY).any()
    assert (draw_poses(canvas(), pose(V, 0.0), min_score=0.0) != GREY).any()
    assert (draw_poses(canvas(), pose(V, 1.0), min_score=1.0) != GREY).any()


def test_lower_scores_are_fainter():
    distances = [
        np.abs(draw_poses(canvas(), pose(V, score))[60, 30].astype(int) - LEFT).sum() for score in (1, 0.8, 0.6, 0.4)
    ]
    assert distances[0] == 0
    assert distances == sorted(distances)
    assert len(set(distances)) == 4


@given(st.floats(40, 80), st.floats(40, 80))
@settings(max_examples=30, deadline=None)
def test_a_joint_is_drawn_where_it_is_to_a_fraction_of_a_pixel(x, y):
    hand = Skeleton("hand", ("hand",))
    # On black, for the dark rim and the light joint on grey would cancel where they blend.
    drawn = draw_poses(np.zeros_like(canvas()), pose([(x, y)], skeleton=hand)).astype(float).sum(axis=2)
    rows, cols = np.mgrid[0:120, 0:160]
    # OpenCV's smooth circles are up to 0.15 pixels off in their rows; whole pixels would be up to 0.5 off.
    assert (drawn * cols).sum() / drawn.sum() == pytest.approx(x, abs=0.1)
    assert (drawn * rows).sum() / drawn.sum() == pytest.approx(y, abs=0.16)


def test_widths_grow_with_the_person():
    sizes = []
    for zoom in (1, 2, 4):
        hw = (120 * zoom * 2, 160 * zoom * 2)
        drawn = draw_poses(canvas(*hw), pose(np.array(V) * zoom * 2.0, image_hw=hw))
        sizes.append((weights(drawn) > 0).sum())
    # Twice the size covers four times the pixels, less the smooth edge.
    assert sizes[1] / sizes[0] == pytest.approx(4, rel=0.25)
    assert sizes[2] / sizes[1] == pytest.approx(4, rel=0.25)


def test_a_lone_joint_is_as_large_as_the_person_asks_for():
    sizes = []
    for side in (480, 960):
        boxes = np.array([[10.0, 10, 10 + side, 10 + side]])
        alone = pose(np.array(V) * 4.0, (1, 0, 0), image_hw=(1000, 1000), boxes=boxes)
        sizes.append((weights(draw_poses(canvas(1000, 1000), alone)) > 0).sum())
    # Limbs 8 and 16 pixels wide have joints with radii of 7.2 and 14.4, rims of 2 and 4, and a smooth edge of 1.
    assert sizes[0] == pytest.approx(np.pi * 10.2**2, rel=0.1)
    assert sizes[1] == pytest.approx(np.pi * 19.4**2, rel=0.1)


@given(
    st.lists(
        st.tuples(*[st.floats(-(2.0**126), 2.0**126, width=32) | st.floats(-300, 300, width=32)] * 2),
        min_size=17,
        max_size=17,
    )
)
@settings(max_examples=25, deadline=None)
def test_points_anywhere_are_safe(points):
    drawn = draw_poses(canvas(24, 32), pose(points, skeleton=COCO17, image_hw=(24, 32)), boxes=True)
    assert drawn.shape == (24, 32, 3)


def test_a_person_outside_the_image_leaves_it_as_it_was():
    drawn = draw_poses(canvas(), pose(np.array(V) + 500))
    assert (drawn == GREY).all()


def test_a_limb_that_leaves_the_image_keeps_its_direction():
    drawn = draw_poses(canvas(), pose([(80, 60), (np.nan, np.nan), (80 + 100_000, 60 + 50_000)]))
    column = weights(drawn)[:, 120]
    assert (column * np.arange(120)).sum() / column.sum() == pytest.approx(80, abs=0.5)


def test_a_mirrored_person_is_drawn_mirrored():
    rng = np.random.default_rng(3)
    points = rng.uniform(20, 100, (14, 2))
    image = rng.integers(0, 255, (120, 160, 3), np.uint8)
    drawn = draw_poses(image, pose(points, skeleton=LSP14))
    flipped = flip_keypoints(points, 160, LSP14.flip_permutation)
    mirror = draw_poses(image[:, ::-1], pose(flipped, skeleton=LSP14))
    # The mirrored left hand is a right hand and drawn as one, so only the shapes are compared.
    changed = (drawn != image).any(axis=2)
    mirror_changed = (mirror[:, ::-1] != image).any(axis=2)
    assert (changed != mirror_changed).mean() < 0.005


def test_boxes_and_ids():
    nothing = np.full((3, 2), np.nan)
    plain = draw_poses(canvas(), pose(nothing, boxes=np.array([[20.0, 30, 140, 100]])), boxes=True)
    assert (draw_poses(canvas(), pose(nothing)) == GREY).all()
    for edge in (plain[30, 30:130], plain[100, 30:130], plain[40:90, 20], plain[40:90, 140]):
        assert edge.min() > 200
    assert (plain[40:90, 30:130] == GREY).all()
    named = draw_poses(canvas(), pose(nothing, boxes=np.array([[20.0, 30, 140, 100]]), ids=np.array([8])), boxes=True)
    assert (named[35:60, 22:60] != plain[35:60, 22:60]).any()
    unnamed = draw_poses(canvas(), pose(V, ids=np.array([8])), ids=False)
    named = draw_poses(canvas(), pose(V, ids=np.array([8])))
    ys, xs = np.nonzero((named != unnamed).any(axis=2))
    assert len(ys) > 20
    assert ys.max() < 60  # above the highest joint, and centred there
    assert abs(xs.mean() - 30) < 5


@given(st.floats(-50, 210), st.floats(-50, 170), st.booleans())
@settings(max_examples=30)
@example(x=np.nextafter(210, 0), y=60.0, boxes=False)  # in single precision its joint is beyond the edge
def test_ids_of_people_at_the_edge_are_still_in_the_image(x, y, boxes):
    moved = pose(np.array(V) - (80, 80) + (x, y), ids=np.array([1234]), boxes=np.array([[x - 9, y - 9, x + 9, y + 9]]))
    written = draw_poses(canvas(), moved, boxes=boxes) != draw_poses(canvas(), moved, boxes=boxes, ids=False)
    ys, xs = np.nonzero(written.any(axis=2))
    low, high = (
        moved.boxes[0].reshape(2, 2) if boxes else (moved.keypoints[0].min(axis=0), moved.keypoints[0].max(axis=0))
    )
    if min(high) < 0 or low[0] >= 160 or low[1] >= 120:
        assert len(xs) == 0
        return
    assert np.ptp(xs) > 20
    assert np.ptp(ys) >= 7


def test_trails_show_where_joints_were_the_older_the_fainter():
    trails = Trails(("left_hand",), length=8)
    for x in range(20, 141, 20):
        people = pose(((x, 60), (x, 20), (x, 100)), ids=np.array([4]))
        trails.add(people)
    plain, drawn = draw_poses(canvas(), people), draw_poses(canvas(), people, trails=trails)
    ys, xs = np.nonzero((plain != drawn).any(axis=2))
    assert xs.min() == pytest.approx(20, abs=3)
    assert ys.min() > 54 and ys.max() < 66  # noqa: PT018
    middles = [int(np.abs(drawn[60, x].astype(int) - person_colors(4).left.fill).sum()) for x in (30, 70, 110)]
    assert middles == sorted(middles, reverse=True)
    assert len(set(middles)) == 3
    nothing = draw_poses(canvas(), people, trails=Trails())
    np.testing.assert_array_equal(nothing, plain)


@given(st.lists(st.tuples(*[st.floats(-(2.0**126), 2.0**126, width=32)] * 2), min_size=2, max_size=6))
@settings(max_examples=30)
def test_trails_anywhere_are_safe(places):
    trails = Trails(("nose",))
    for place in places:
        trails.add(pose((V[0], V[1], place), ids=np.array([1])))
    draw_poses(canvas(), pose(V), trails=trails)


def test_nobody_to_draw():
    assert (draw_poses(canvas(), Poses.empty(LSP14, (120, 160)), boxes=True) == GREY).all()


def test_an_image_of_another_size_or_kind_is_refused():
    with pytest.raises(PosesError, match=r"image_hw: the poses were found in \(120, 160\)"):
        draw_poses(canvas(60, 80), pose(V))
    with pytest.raises(ImageError, match="not float64"):
        draw_poses(canvas().astype(float), pose(V))


def test_a_grey_image_is_drawn_in_colour():
    drawn = draw_poses(np.full((120, 160), GREY, np.uint8), pose(V))
    np.testing.assert_array_equal(drawn, draw_poses(canvas(), pose(V)))


@pytest.mark.parametrize(("count", "columns", "rows_columns"), [(1, 4, (1, 1)), (4, 4, (1, 4)), (5, 2, (3, 2))])
def test_contact_sheet_shows_every_tile_whole(count, columns, rows_columns):
    tiles = [np.full((30, 40, 3), 10 * (i + 1), np.uint8) for i in range(count)]
    sheet = contact_sheet(tiles, columns)
    rows, columns = rows_columns
    for i in range(count):
        ys, xs = np.nonzero((sheet == 10 * (i + 1)).all(axis=2))
        assert len(ys) == 30 * 40
        row, column = i // columns, i % columns
        assert row * sheet.shape[0] / rows <= ys.min() <= ys.max() < (row + 1) * sheet.shape[0] / rows
        assert column * sheet.shape[1] / columns <= xs.min() <= xs.max() < (column + 1) * sheet.shape[1] / columns


def test_captions_stay_under_their_tile_and_off_the_pictures():
    tiles = [np.zeros((30, 60, 3), np.uint8)] * 2
    blank = contact_sheet(tiles, 2, ["", ""])
    sheet = contact_sheet(tiles, 2, ["a caption that is far too long for a tile like this", ""])
    changed = (sheet != blank).any(axis=2)
    assert changed.any()
    ys, xs = np.nonzero(changed)
    assert ys.min() >= 36  # below the first gap and the tile
    assert xs.max() < sheet.shape[1] / 2
    contact_sheet(tiles, 2, ["żółw 人", "🏃"])


@pytest.mark.parametrize(
    ("tiles", "columns", "captions", "message"),
    [
        ([], 2, None, "0 tiles in 2 columns"),
        ([canvas()], 0, None, "1 tiles in 0 columns"),
        ([canvas(), canvas(5, 5)], 2, None, "the tiles differ in size"),
        ([canvas()], 2, ["a", "b"], "2 captions for 1 tiles"),
    ],
)
def test_sheets_that_make_no_sense(tiles, columns, captions, message):
    with pytest.raises(ImageError, match=message):
        contact_sheet(tiles, columns, captions)
