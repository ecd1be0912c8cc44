"""MoveNet (Google): a square around the person in, 17 joints with scores out.

Input (1, S, S, 3), RGB from 0 to 255 whatever the type of its numbers; output (1, 1, 17, 3): y and x as shares of the
square, counted from its edge, and a score from 0 to 1. Thunder has S = 256, Lightning 192. That shares count from the
edge is nowhere written; a person and the mirror image tell it (tests/estimate/teachers/test_real_files.py).
"""

from collections.abc import Sequence

import numpy as np

from leanpose.core import geometry
from leanpose.estimate.teachers.network import Network
from leanpose.estimate.teachers.one_look import OneLook

PADDING = 1.15  # 1.05 to 1.25 give the same within the error of a few hundred people; 1.4 gives less


class MoveNet(OneLook):
    """A MoveNet for one person, as a teacher; attributes as :class:`OneLook` has them."""

    def __init__(self, network: Network, padding: float = PADDING) -> None:
        """Take a loaded file that :meth:`fits`."""
        _, height, width, _ = network.input_shape
        super().__init__(network, (int(height or 0), int(width or 0)), padding)

    @staticmethod
    def fits(network: Network) -> bool:
        """Whether a network has MoveNet's input and output."""
        given, answers = network.input_shape, list(network.outputs.values())
        square = len(given) == 4 and given[3] == 3 and given[1] is not None and given[1] == given[2]
        return square and len(answers) == 1 and answers[0][1:] == (1, 17, 3)

    def feed(self, crops: np.ndarray) -> np.ndarray:
        """As they are."""
        return crops

    def locate(self, answers: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`OneLook.locate`."""
        shares = answers[0].reshape(-1, len(self.skeleton), 3).astype(float)
        return geometry.from_corner(shares[..., 1::-1] * self.input_hw[::-1]), shares[..., 2]
