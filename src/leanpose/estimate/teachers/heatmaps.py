"""Top-down networks that answer in heatmaps: HRNet and SimpleBaseline, ViTPose, and what is trained as they are.

Input (N, 3, H, W), RGB with ImageNet's mean and deviation; output (N, K, h, w), one map a joint, its ideal peak 1.
Where a cell lies in the crop is not written in the file. HRNet's line puts cell i at ``stride * i``; with unbiased data
processing (UDP, Huang et al. 2020), as in ViTPose, the outermost cells lie on the outermost pixels.
"""

from collections.abc import Sequence

import numpy as np

from leanpose.core import geometry
from leanpose.core.decode import decode
from leanpose.core.errors import ModelError
from leanpose.estimate.teachers.network import Network
from leanpose.estimate.teachers.one_look import OneLook
from leanpose.estimate.teachers.top_down import IMAGENET, PADDING, SKELETONS, checked, crop_size, joints_known

CELLS = ("hrnet", "udp")


class Heatmaps(OneLook):
    """A network of heatmaps, as a teacher; attributes as :class:`OneLook` has them, and ``cells``, of :data:`CELLS`."""

    def __init__(self, network: Network, padding: float = PADDING, cells: str = "hrnet") -> None:
        """Take a loaded file that :meth:`fits`.

        Raises:
            ModelError: for unknown ``cells``.
        """
        super().__init__(network, crop_size(network.input_shape) or (0, 0), padding)
        if cells not in CELLS:
            raise ModelError(f"{network.path}: cells are one of {', '.join(CELLS)}, not '{cells}'")
        self.cells = cells
        ((_, joints, height, width),) = network.outputs.values()
        self.skeleton = SKELETONS[joints or 17]
        self._map_hw = height or 1, width or 1

    @staticmethod
    def fits(network: Network) -> bool:
        """Whether a network has the input and output."""
        size, shapes = crop_size(network.input_shape), list(network.outputs.values())
        if size is None or len(shapes) != 1 or len(shapes[0]) != 4 or not joints_known(shapes[0][1]):
            return False
        height, width = shapes[0][2:]
        return bool(height and width) and size[0] % height == size[1] % width == 0 and size[0] // height > 1  # type: ignore[operator]

    def describe(self) -> str:
        """See :meth:`OneLook.describe`."""
        return f"{super().describe()}, cells {self.cells}, decode taylor"

    def feed(self, crops: np.ndarray) -> np.ndarray:
        """Normalised."""
        return IMAGENET(crops)

    def locate(self, answers: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`OneLook.locate`."""
        found, confidences = decode(checked(self.network, answers[0], self.skeleton, 2), "taylor")
        size, cells = np.array(self.input_hw[::-1]), np.array(self._map_hw[::-1])
        if self.cells == "udp":
            return found * (size - 1) / np.maximum(cells - 1, 1), confidences
        return geometry.cells_to_crop(found, size / cells, cell_offset=0), confidences  # type: ignore[arg-type]
