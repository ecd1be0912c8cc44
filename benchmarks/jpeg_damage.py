"""What the look for damage adds to reading a JPEG.

    python benchmarks/jpeg_damage.py FOLDER [PICTURES]

Milliseconds of one thread per picture, the fastest of seven passes: OpenCV's decoding alone, reading without and with
the look for damage in the coded data.
"""

import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from leanpose.media.images import read_image


def fastest(read: Callable[[bytes], object], pictures: list[bytes]) -> float:
    """Milliseconds per picture."""
    passes = []
    for _ in range(7):
        start = time.thread_time()
        for data in pictures:
            read(data)
        passes.append(time.thread_time() - start)
    return min(passes) / len(pictures) * 1000


def main() -> None:
    cv2.setNumThreads(1)
    files = sorted(Path(sys.argv[1]).rglob("*.jpg"))
    pictures = [file.read_bytes() for file in islice(files, int(sys.argv[2]) if len(sys.argv) > 2 else 60)]
    print(f"{len(pictures)} pictures of {np.mean([len(data) for data in pictures]) / 1000:.0f} kB")
    ways: dict[str, Callable[[bytes], object]] = {
        "OpenCV alone": lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR),
        "without looking for damage": lambda data: read_image(data, thorough=False),
        "read_image": read_image,
    }
    for name, read in ways.items():
        print(f"{name:28s}{fastest(read, pictures):6.2f} ms")


if __name__ == "__main__":
    main()
