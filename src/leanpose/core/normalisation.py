"""Pixels to what networks see: one pass over a crop for colours, layout and arithmetic."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np


@dataclass(frozen=True)
class Normalisation:
    """``(pixel - mean) / std`` per channel, both in units of 0 to 255, in the order of the pixels' channels."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @cached_property
    def tables(self) -> np.ndarray:
        """The value (C, 256) float32 of each brightness in each channel."""
        shades = np.arange(256, dtype=np.float32)
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        return (shades - mean[:, None]) / std[:, None]

    def __call__(self, pixels_NHWC: np.ndarray) -> np.ndarray:
        """Normalised float32 (N, C, H, W) of uint8 pixels (N, H, W, C); looked up, so that each is read once."""
        count, height, width, channels = pixels_NHWC.shape
        values = np.empty((count, channels, height, width), np.float32)
        for pixels, planes in zip(pixels_NHWC, values, strict=True):
            for channel, table, plane in zip(cv2.split(pixels), self.tables, planes, strict=True):
                cv2.LUT(channel, table, plane)
        return values
