"""Colours of drawn people: a hue for each id, and left and right told apart by lightness, not by hue alone.

The left side is a light colour with a dark rim, the right side a dark colour with a light rim. So each has something
that stands out on any background, and eyes that do not see red, green or blue still see which is which.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

Color = tuple[int, int, int]  # BGR, 0 to 255

DARK: Color = (25, 20, 20)
LIGHT: Color = (250, 250, 250)
LEFT: Color = (233, 180, 86)  # of people without ids: Okabe and Ito's sky blue
RIGHT: Color = (0, 70, 178)  # and their vermilion, darker
GOLDEN_ANGLE = 180 * (3 - 5**0.5)  # degrees from id to id: the hues of any few ids in a row lie far apart
LIGHTNESS = (82, 42)  # CIE L* of left and right; 100 is white
CHROMA = (52, 58)  # of CIE LCh; a hue that cannot be shown so strong takes what it can


@dataclass(frozen=True)
class Side:
    """How one side of a person is drawn: the colour inside, the rim, and whether joints are squares, not discs."""

    fill: Color
    rim: Color
    square: bool = False


@dataclass(frozen=True)
class PersonColors:
    """How a person is drawn: the left side, the right side, and what belongs to neither."""

    left: Side
    right: Side
    centre: Side

    def of(self, *joints: str) -> Side:
        """The side of a joint, or of a limb between two, by their names."""
        left, right = (any(joint.startswith(side) for joint in joints) for side in ("left_", "right_"))
        if left == right:
            return self.centre
        return self.left if left else self.right


@lru_cache(maxsize=1024)
def person_colors(person: int | None) -> PersonColors:
    """The colours of an id, the same in every frame and run; of nobody in particular for ``None``."""
    left, right = LEFT, RIGHT
    if person is not None:
        hue = np.radians(person * GOLDEN_ANGLE % 360)
        left, right = (_from_lch(light, chroma, hue) for light, chroma in zip(LIGHTNESS, CHROMA, strict=True))
    return PersonColors(Side(left, DARK), Side(right, LIGHT, True), Side(LIGHT, DARK))


def _from_lch(lightness: float, chroma: float, hue: float) -> Color:
    """The colour nearest to that chroma that a screen can show at this CIE lightness and hue (radians)."""
    for strength in np.arange(chroma, 0, -2):
        lab = np.array([[[lightness, strength * np.cos(hue), strength * np.sin(hue)]]], np.float32)
        bgr = cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)
        if np.abs(cv2.cvtColor(bgr, cv2.COLOR_BGR2LAB) - lab).max() < 1:  # nothing was cut off
            break
    blue, green, red = (int(channel) for channel in (255 * bgr[0, 0]).round())
    return blue, green, red
