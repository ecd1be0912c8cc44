"""Two teachers that are believed most where they agree."""

from dataclasses import dataclass

import numpy as np

from leanpose.core import geometry
from leanpose.core.boxes import check_boxes
from leanpose.core.errors import SkeletonError
from leanpose.engines import Engine, Session
from leanpose.estimate.teachers.interface import OpenedTeacher
from leanpose.pose.skeleton import Skeleton, map_joints, mapping_weights


@dataclass(frozen=True)
class Rule:
    """When two teachers agree on a joint, and what becomes of it.

    The numbers are for MoveNet Thunder first and BlazePose heavy second; docs/labelling.md has how often they are right
    where they agree, and where they do not.

    Attributes:
        near: how far apart they may be, in longer sides of the person's box.
        first_sure, second_sure: confidences over which each is sure.
        agreed: least confidence where they agree.
        alone: highest confidence where they do not.
        reach: how far from the box a joint may be, in longer sides of it.

    Raises:
        ValueError: for a number that makes no sense.
    """

    near: float = 0.045
    first_sure: float = 0.25
    second_sure: float = 0.4
    agreed: float = 0.8
    alone: float = 0.79
    reach: float = 0.2

    def __post_init__(self) -> None:
        shares = (self.first_sure, self.second_sure, self.agreed, self.alone)
        if not all(0 <= share <= 1 for share in shares) or not (self.near >= 0 and self.reach >= 0):
            raise ValueError(f"{self}: confidences are from 0 to 1, near and reach 0 or more")


def joined(
    image_hw: tuple[int, int],
    boxes: np.ndarray,
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
    rule: Rule | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Two teachers' answers as one: their mean where they agree, else the first one's.

    A joint outside the picture, or far from its box, gets confidence 0.

    Args:
        image_hw: height and width of the image in pixels.
        boxes: (P, 4) the people's extents.
        first, second: keypoints (P, K, 2) in image pixels and confidences (P, K) of each. A joint that the second does
            not know is NaN in it.
        rule: when they agree.

    Returns:
        Keypoints (P, K, 2) and confidences (P, K).
    """
    rule = rule or Rule()
    (points, confidences), (others, other_confidences) = first, second
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    side = (boxes[:, 2:] - boxes[:, :2]).max(axis=-1)[:, None]
    agree = np.linalg.norm(others - points, axis=-1) <= rule.near * side
    agree &= (confidences > rule.first_sure) & (other_confidences > rule.second_sure)
    keypoints = np.where(agree[..., None], (points + others) / 2, points)
    sure = np.where(agree, np.maximum(confidences, rule.agreed), np.minimum(confidences, rule.alone))
    picture, reach = geometry.image_box(*image_hw), rule.reach * side[..., None]
    inside = (keypoints >= np.maximum(picture[:2], low - reach)) & (keypoints <= np.minimum(picture[2:], high + reach))
    return keypoints, np.where(inside.all(axis=-1), sure, 0.0)


class Agreement:
    """Two teachers as one, by :func:`joined`: their mean where they agree, else the first one's word.

    Attributes:
        name: of both, with a plus between them.
        skeleton: of the first; the second one's joints are matched by name.
        first, second: the teachers.
        rule: when they agree.
        input_hw, padding: of the first.
    """

    skeleton: Skeleton

    def __init__(self, first: OpenedTeacher, second: OpenedTeacher, rule: Rule | None = None) -> None:
        """Join two teachers.

        Raises:
            SkeletonError: when they have no joint in common.
        """
        self.first, self.second, self.rule = first, second, rule or Rule()
        self.name, self.skeleton = f"{first.name}+{second.name}", first.skeleton
        self.input_hw, self.padding = first.input_hw, first.padding
        self._weights = mapping_weights(second.skeleton, first.skeleton)
        if not self._weights.any():
            raise SkeletonError(f"{first.name} and {second.name} cannot agree: they have no joint in common by name")

    @property
    def engine(self) -> Engine | Session:
        """The first one's."""
        return self.first.engine

    def describe(self) -> str:
        """Both, and how near they must be."""
        return f"{self.first.describe()}, joined within {self.rule.near:g} of the box with {self.second.describe()}"

    def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`leanpose.estimate.teachers.interface.Teacher.__call__`; raises as the two do."""
        image_hw = image.shape[0], image.shape[1]
        boxes, _ = check_boxes(boxes, image_hw)
        second = map_joints(self._weights, *self.second(image, boxes))
        return joined(image_hw, boxes, self.first(image, boxes), second, self.rule)
