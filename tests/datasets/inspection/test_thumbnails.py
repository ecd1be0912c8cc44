"""Small pictures of people."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from leanpose.datasets.inspection.people import gather
from leanpose.datasets.inspection.thumbnails import SIDE, describe, draw_people, together
from leanpose.datasets.readers import Sample


def _decoded(jpeg: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


def test_a_person_is_drawn_in_the_middle_and_large(person: Callable[..., Sample]) -> None:
    """On black, what is not black is the person: left in blue to the right of right in orange."""
    black = cv2.imencode(".png", np.zeros((1000, 1000, 3), np.uint8))[1].tobytes()
    drawn = draw_people(gather({"train": [person(0, image=black)]}), [(0,)])
    image = _decoded(drawn[0,]).astype(int)
    assert image.shape == (SIDE, SIDE, 3)
    rows = np.nonzero(image.max(axis=2) > 80)[0]
    assert 0.6 * SIDE < np.ptp(rows) < 0.95 * SIDE
    assert abs(np.mean(rows) - SIDE / 2) < 0.15 * SIDE
    blue = np.nonzero(image[..., 0] - image[..., 2] > 80)[1].mean()
    orange = np.nonzero(image[..., 2] - image[..., 0] > 80)[1].mean()
    assert orange + 20 < blue


def test_people_of_one_image_are_drawn_together(person: Callable[..., Sample]) -> None:
    path = Path("a.jpg")
    people = gather({"train": [person(0, image=path), person(1), person(2, image=path)]})
    assert together(people, (0, 1, 2)) == [(0, 2), (1,)]
    assert describe(people, (0, 2)) == "lsp/0.png with 14 of 14 joints and 14 of 14 joints drawn"


def test_images_are_read_once_and_unreadable_ones_left_out(
    person: Callable[..., Sample], picture: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), picture(0))
    samples = [person(0, image=path), person(1, image=path), person(2, image=b"no"), person(3, image=tmp_path / "b")]
    drawn = draw_people(gather({"train": samples}), [(0,), (0,), (1,), (0, 1), (2,), (3,)])
    assert drawn.keys() == {(0,), (1,), (0, 1)}
    assert drawn[0, 1] not in (drawn[0,], drawn[1,])


def test_labels_beyond_all_bounds_do_not_hide_the_person(person: Callable[..., Sample]) -> None:
    """The region grows by a few boxes at most, so that the person keeps some pixels."""
    white = cv2.imencode(".png", np.full((260, 200, 3), 255, np.uint8))[1].tobytes()
    points = person(0).keypoints.copy()
    points[0] = 1e30, -1e30
    image = _decoded(draw_people(gather({"train": [person(0, image=white, keypoints=points)]}), [(0,)])[0,])
    assert (image.max(axis=2) > 200).sum() > 200


def test_people_without_joints_or_box_are_drawn(person: Callable[..., Sample]) -> None:
    samples = [
        person(0, labelled=np.zeros(14, bool)),
        person(1, labelled=np.zeros(14, bool), box=np.array([5.0, 5, 5, 5])),
    ]
    assert draw_people(gather({"train": samples}), [(0,), (1,)]).keys() == {(0,), (1,)}
