"""Top-down networks that answer in two rows per joint, for x and for y: SimCC (Li et al. 2022), as RTMPose has it.

Input (N, 3, H, W), RGB with ImageNet's mean and deviation; outputs (N, K, W * s) and (N, K, H * s), s cells a pixel,
mostly 2. Cell i lies at ``i / s`` in the crop; the score is the lower of the two peaks.
"""

from collections.abc import Sequence

import numpy as np

from leanpose.core import geometry
from leanpose.estimate.teachers.network import Network
from leanpose.estimate.teachers.one_look import OneLook
from leanpose.estimate.teachers.top_down import IMAGENET, PADDING, SKELETONS, checked, crop_size, joints_known


class SimCC(OneLook):
    """A network of SimCC's rows, as a teacher; attributes as :class:`OneLook` has them."""

    def __init__(self, network: Network, padding: float = PADDING) -> None:
        """Take a loaded file that :meth:`fits`."""
        super().__init__(network, crop_size(network.input_shape) or (0, 0), padding)
        self.skeleton = SKELETONS[next(iter(network.outputs.values()))[1] or 17]
        self._x, self._y, self._per_pixel = _rows(network) or (0, 1, 1.0)

    @staticmethod
    def fits(network: Network) -> bool:
        """Whether a network has the input and outputs."""
        return _rows(network) is not None

    def feed(self, crops: np.ndarray) -> np.ndarray:
        """Normalised."""
        return IMAGENET(crops)

    def locate(self, answers: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`OneLook.locate`."""
        x, y = (checked(self.network, answers[i], self.skeleton, 1) for i in (self._x, self._y))
        cells = np.stack((x.argmax(axis=-1), y.argmax(axis=-1)), axis=-1)
        return geometry.cells_to_crop(cells, 1 / self._per_pixel, cell_offset=0), np.minimum(x.max(-1), y.max(-1))


def _rows(network: Network) -> tuple[int, int, float] | None:
    """Which output is x and which y, and cells per pixel; ``None`` where a network has something else.

    The rows of a square crop are as long in x as in y, and x is first in all exports.
    """
    size, shapes = crop_size(network.input_shape), list(network.outputs.values())
    if size is None or len(shapes) != 2 or any(len(shape) != 3 or not joints_known(shape[1]) for shape in shapes):
        return None
    lengths = [shape[2] for shape in shapes]
    if None in lengths or shapes[0][1] != shapes[1][1]:
        return None
    for x, y in ((0, 1), (1, 0)):
        per_pixel = lengths[x] / size[1]  # type: ignore[operator]
        if per_pixel >= 1 and lengths[y] == per_pixel * size[0]:
            return x, y, per_pixel
    return None
