"""A film of a person at 640x480 for a browser's fake camera: the cameraman of ``examples/``, who moves about.

``python benchmarks/moving_picture.py person.y4m`` writes it, uncompressed, for ``chromium
--use-file-for-fake-video-capture``.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

PICTURE = Path(__file__).parents[1] / "examples" / "cameraman.png"
FRAMES, FPS = 60, 30  # what cameras give


def frames(count: int = FRAMES) -> list[np.ndarray]:
    """Images (480, 640, 3) in which the picture swings to and fro."""
    picture = cv2.imread(str(PICTURE))
    assert picture is not None
    picture = cv2.resize(picture, (480, 480), interpolation=cv2.INTER_AREA)
    images = []
    for number in range(count):
        x = 80 + 30 * np.sin(2 * np.pi * number / count)
        images.append(cv2.warpAffine(picture, np.array([[1, 0, x], [0, 1, 0.0]]), (640, 480)))
    return images


def write_y4m(path: Path) -> None:
    """The frames as YUV4MPEG2."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W640 H480 F{FPS}:1 Ip C420jpeg\n".encode())
        for image in frames():
            file.write(b"FRAME\n" + cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420).tobytes())


if __name__ == "__main__":
    write_y4m(Path(sys.argv[1]))
