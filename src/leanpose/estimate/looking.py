"""One look of a network at people: crops out of boxes, heatmaps out of crops, joints out of heatmaps."""

import cv2
import numpy as np

from leanpose.core import geometry
from leanpose.core.decode import decode, merge_flipped
from leanpose.core.errors import ModelError
from leanpose.core.normalisation import Normalisation
from leanpose.engines import Engine, Pending
from leanpose.engines.calibration import spreads
from leanpose.engines.card import ModelCard


class Looking:
    """A network with its card, and how it is read; see :class:`leanpose.estimate.estimator.PoseEstimator`."""

    card: ModelCard
    engine: Engine
    flip_test: bool
    batch_size: int
    decode: str
    _normalise: Normalisation

    def preprocess(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Crops (P, h, w, 3) uint8 in the card's colours and transforms (P, 2, 3) of boxes (P, 4) in a BGR image."""
        transforms = self._transforms(boxes)
        crops = np.empty((len(boxes), *self.card.input_hw, 3), np.uint8)
        for crop, transform in zip(crops, transforms, strict=True):
            crop[:] = self.crop(image, transform)
        return crops, transforms

    def infer(self, crops: np.ndarray) -> np.ndarray:
        """Heatmaps (P, K, h, w) of crops (P, H, W, 3); with ``flip_test`` the mean over the crops and their mirrors.

        Raises:
            ModelError: when the heatmaps do not fit the card.
        """
        return self._merge(self.submit(crops).result())

    def submit(self, crops: np.ndarray) -> Pending:
        """Hands crops (P, H, W, 3), and with ``flip_test`` behind them their mirrors, to the engine."""
        if self.flip_test:
            crops = np.concatenate((crops, crops[:, :, ::-1]))
        return self.engine.submit(crops if self.engine.takes_pixels else self._normalise(crops))

    def _merge(self, heatmaps: np.ndarray) -> np.ndarray:
        """One map per joint and person of what :meth:`submit` asked for, checked."""
        expected = (len(self.card.skeleton), *self.card.heatmap_hw)
        if heatmaps.shape[1:] != expected:
            raise ModelError(
                f"model '{self.card.name}' gives heatmaps {heatmaps.shape}, its card says {(len(heatmaps), *expected)}"
            )
        if not self.flip_test:
            return heatmaps
        plain, flipped = np.split(heatmaps, 2)
        return merge_flipped(plain, flipped, self.card.skeleton.flip_permutation, self.card.flip_shift)

    def _transforms(self, boxes: np.ndarray) -> np.ndarray:
        return geometry.crop_transform(boxes, self.card.input_hw, self.card.padding)

    def crop(self, image: np.ndarray, transform: np.ndarray) -> np.ndarray:
        """The crop (h, w, 3) uint8 in the card's colours of a BGR image under one transform (2, 3)."""
        crop = geometry.warp(image, transform, self.card.input_hw)
        return crop if self.card.color == "bgr" else cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)

    def postprocess(self, heatmaps: np.ndarray, transforms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Keypoints (P, K, 2) in image pixels, scores (P, K) and uncertainties (P, K) from heatmaps (P, K, h, w).

        ModelError where a heatmap is not finite.

        With a calibration in the card, scores are probabilities and uncertainties image pixels, see
        :class:`leanpose.engines.calibration.Calibration`; without one, scores are the heatmaps' peaks and uncertainties
        NaN.
        """
        cells, scores = decode(heatmaps, self.decode, sigma=self.card.sigma)
        if np.isnan(cells).any():
            raise ModelError(
                f"model '{self.card.name}' gives heatmaps that are not finite, on {self.engine.describe()}: its "
                "weights are damaged, or it overflows in that precision: try precision='f32'"
            )
        in_crop = geometry.cells_to_crop(cells, self.card.stride, self.card.cell_offset)
        inverse = geometry.invert(transforms)
        keypoints, calibration = geometry.apply(inverse, in_crop), self.card.calibration
        if calibration is None:
            return keypoints, scores, np.full(scores.shape, np.nan)
        radii = calibration.curves.radii(scores, spreads(heatmaps, cells))
        pixels = self.card.stride * geometry.zoom(inverse)  # of a cell
        return keypoints, calibration.curves.probabilities(scores), radii * pixels[:, None]
