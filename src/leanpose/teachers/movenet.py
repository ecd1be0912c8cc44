"""MoveNet (Google): a square around the person in, 17 joints with scores out.

Input (1, S, S, 3), RGB from 0 to 255 whatever the type of its numbers; output (1, 1, 17, 3): y and x as shares of the
square, counted from its edge, and a score from 0 to 1. Thunder has S = 256, Lightning 192.
"""

import numpy as np

from leanpose import geometry
from leanpose.boxes import check_boxes
from leanpose.skeleton import COCO17, Skeleton
from leanpose.teachers.network import Network

PADDING = 1.15  # on 206 people of COCO val 1.05 to 1.25 gave the same within their errors, 1.4 less


class MoveNet:
    """A MoveNet for one person, as a teacher.

    Attributes:
        name: the file's.
        skeleton: COCO's 17 joints.
        network: the loaded file.
        padding: side of the square over the longer side of the box.
    """

    skeleton: Skeleton = COCO17

    def __init__(self, network: Network, padding: float = PADDING) -> None:
        self.name, self.network, self.padding = network.path.stem, network, padding

    @staticmethod
    def fits(network: Network) -> bool:
        """Whether a network has MoveNet's input and output."""
        given, answers = network.input_shape, list(network.outputs.values())
        square = len(given) == 4 and given[3] == 3 and given[1] is not None and given[1] == given[2]
        return square and len(answers) == 1 and answers[0][1:] == (1, 17, 3)

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width of the square in pixels."""
        height, width = self.network.input_shape[1:3]
        assert height is not None and width is not None
        return height, width

    def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`leanpose.teachers.interface.Teacher.__call__`.

        Raises:
            BoxError: when a box cannot be used.
        """
        boxes, _ = check_boxes(boxes, (image.shape[0], image.shape[1]))
        if not len(boxes):
            return np.zeros((0, 17, 2)), np.zeros((0, 17))
        transforms = geometry.crop_transform(boxes, self.input_hw, self.padding)
        crops = np.stack([geometry.warp(image, transform, self.input_hw)[..., ::-1] for transform in transforms])
        (answers,) = self.network(crops)
        shares = answers.reshape(len(boxes), 17, 3).astype(float)
        in_crop = geometry.from_corner(shares[..., 1::-1] * self.input_hw[::-1])
        return geometry.apply(geometry.invert(transforms), in_crop), np.clip(shares[..., 2], 0, 1)
