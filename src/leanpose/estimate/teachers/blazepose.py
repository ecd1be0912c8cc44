"""BlazePose GHUM (Bazarevsky et al., arXiv 2006.10204, and MediaPipe's model card): its landmark network as a teacher.

Input (1, 256, 256, 3), RGB from 0 to 1. Of its outputs the one with 195 numbers is 39 landmarks of x and y in pixels
of the crop, counted from its edge, z, a visibility and a presence (both before the sigmoid); the one with a single
number is the probability that a person is there. Landmarks 33 and 34 are no joints: the middle of the hips, and a
point that says how large the person is and which way is up.

The network wants the person upright. It therefore looks twice: at the box as it is, and then at the square that its
own landmarks 33 and 34 give, turned so that the person stands in it, as MediaPipe does from one frame to the next.
"""

import numpy as np

from leanpose.core import geometry
from leanpose.core.boxes import check_boxes
from leanpose.core.errors import ModelError
from leanpose.engines import Session
from leanpose.estimate.teachers.network import Network
from leanpose.estimate.teachers.one_look import rgb_crops
from leanpose.pose.skeleton import COCO17, Skeleton

SIDE = 256
PADDING = 1.25  # of the square over the box's longer side, and over the circle through landmark 34
LANDMARKS, VALUES = 39, 5
HIPS, TOP = 33, 34
# of COCO's joints in order among the landmarks: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles
JOINTS = np.array([0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28])
SMALLEST, LARGEST = 0.35, 3.0  # times the first square: another one beyond is no person's
REACH = 0.3, 1.0  # times the box's sides, over its top left and bottom right, where the hips may be


class BlazePose:
    """BlazePose's landmark network lite, full or heavy, as a teacher.

    Attributes:
        name: the file's.
        skeleton: COCO's 17 joints.
        network: the loaded file.
        input_hw: height and width of the squares in pixels.
        padding: see :data:`PADDING`.
        looks: 1 for the box alone, 2 for the person's own square after it.
    """

    skeleton: Skeleton = COCO17
    input_hw: tuple[int, int]

    def __init__(self, network: Network, padding: float = PADDING, looks: int = 2) -> None:
        """Take a loaded file that :meth:`fits`.

        Raises:
            ModelError: for a padding that is not positive, or less than one look.
        """
        if not padding > 0 or looks < 1:
            raise ModelError(f"{network.path}: {looks} looks with padding {padding}: at least 1, and above 0")
        self.input_hw = SIDE, SIDE
        self.name, self.network, self.padding, self.looks = network.path.stem, network, padding, looks
        names = list(network.outputs)
        self._points, self._person = (
            next(names.index(name) for name, shape in network.outputs.items() if _size(shape) == size)
            for size in (LANDMARKS * VALUES, 1)
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Whether a network has the input of BlazePose and its two outputs."""
        sizes = [_size(shape) for shape in network.outputs.values()]
        return network.input_shape[1:] == (SIDE, SIDE, 3) and {LANDMARKS * VALUES, 1} <= set(sizes)

    @property
    def engine(self) -> Session:
        """See :class:`leanpose.estimate.teachers.interface.OpenedTeacher`."""
        return self.network.session

    def describe(self) -> str:
        """Model, engine, precision and looks in words."""
        looks = f"square {self.padding:g} of the box" + ", then the person's own" * (self.looks > 1)
        return f"model {self.name}, engine {self.engine.describe()}, flip test off, {looks}"

    def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`leanpose.estimate.teachers.interface.Teacher.__call__`; confidence is visibility x presence x
        person.

        Raises:
            BoxError: when a box cannot be used.
        """
        boxes, _ = check_boxes(boxes, (image.shape[0], image.shape[1]))
        if not len(boxes):
            return np.zeros((0, len(JOINTS), 2)), np.zeros((0, len(JOINTS)))
        transforms = geometry.crop_transform(boxes, self.input_hw, self.padding)
        points, confidences = self._look(image, transforms)
        for _ in range(self.looks - 1):
            squares, turns, usable = own_squares(points[:, HIPS], points[:, TOP], boxes, self.padding)
            if not usable.any():
                break
            again = geometry.crop_transform(squares[usable], self.input_hw, self.padding, rotation=turns[usable])
            points[usable], confidences[usable] = self._look(image, again)
        return points[:, JOINTS], confidences[:, JOINTS]

    def _look(self, image: np.ndarray, transforms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All landmarks (P, 39, 2) in image pixels and their confidences (P, 39)."""
        crops = rgb_crops(image, transforms, self.input_hw)
        answers = self.network(crops.astype(np.float32) / 255)
        values = answers[self._points].reshape(len(crops), LANDMARKS, VALUES).astype(float)
        there = answers[self._person].reshape(len(crops), 1).astype(float)
        points = geometry.apply(geometry.invert(transforms), geometry.from_corner(values[..., :2]))
        return points, _sigmoid(values[..., 3:]).prod(axis=-1) * np.clip(there, 0, 1)


def own_squares(
    hips: np.ndarray, top: np.ndarray, boxes: np.ndarray, padding: float = PADDING
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The squares in which people stand upright, by landmarks 33 and 34 (P, 2 each) of a look at their boxes (P, 4).

    Returns:
        Squares (P, 4) before padding, degrees (P,) to turn their content clockwise, and whether they can be a person's
        in the box (P,): of a size like it, their middle in it or near.
    """
    up = top - hips
    radii = np.linalg.norm(up, axis=-1)
    turns = -90 - np.rad2deg(np.arctan2(up[:, 1], up[:, 0]))
    low, size = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    shares = 2 * radii / size.max(axis=-1)
    usable = (shares > SMALLEST) & (shares < LARGEST)
    usable &= ((hips > low - REACH[0] * size) & (hips < low + (1 + REACH[1]) * size)).all(axis=-1)
    return np.hstack((hips - radii[:, None], hips + radii[:, None])), turns, usable


def _size(shape: tuple[int | None, ...]) -> int | None:
    """Numbers per crop; ``None`` where the file leaves them open."""
    sides = shape[1:]
    return None if not shape or None in sides else int(np.prod([side for side in sides if side]))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -x))
