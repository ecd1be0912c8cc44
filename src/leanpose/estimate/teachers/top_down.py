"""What HRNet's descendants agree on: their crops and the joints that they are trained for."""

import numpy as np

from leanpose.core.errors import ModelError
from leanpose.core.normalisation import Normalisation
from leanpose.engines import InputShape
from leanpose.estimate.teachers.network import Network
from leanpose.pose.skeleton import COCO17, HALPE26, Skeleton

PADDING = 1.25
IMAGENET = Normalisation((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))  # of RGB from 0 to 255
# by the number of joints; COCO-WholeBody's 133 begin with COCO's 17, and the rest is out of our scope
SKELETONS: dict[int | None, Skeleton] = {17: COCO17, 26: HALPE26, 133: COCO17}


def crop_size(shape: InputShape) -> tuple[int, int] | None:
    """Height and width of crops (N, 3, H, W); ``None`` where the file takes something else, or any size."""
    if len(shape) != 4 or shape[1] != 3 or shape[2] is None or shape[3] is None:
        return None
    return shape[2], shape[3]


def joints_known(joints: int | None) -> bool:
    """Whether it is clear which joints a network of that many has; one that does not say is taken for COCO's."""
    return joints is None or joints in SKELETONS


def checked(network: Network, answer: np.ndarray, skeleton: Skeleton, sides: int) -> np.ndarray:
    """The answer (P, K, ...) for the joints of a skeleton, which come first in it.

    Raises:
        ModelError: when it has other dimensions, or fewer or unknown joints.
    """
    if answer.ndim != 2 + sides or SKELETONS.get(answer.shape[1]) is not skeleton:
        raise ModelError(f"{network.path} answers {answer.shape}, which are not the {len(skeleton)} of {skeleton.name}")
    return answer[:, : len(skeleton)]
